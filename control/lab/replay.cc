#include "control/lab/replay.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "control/account_json.h"
#include "control/lab/capture.h"
#include "control/lab/capture_writer.h"
#include "control/lab/growing_pool.h"
#include "control/lab/virtual_port.h"
#include "control/lab/virtual_time.h"
#include "control/standard_streams.h"
#include "dataplane/packet_pool.h"
#include "dataplane/router.h"
#include "tcqf/wire.h"

namespace tcqf::control {

namespace {

namespace fs = std::filesystem;

using Captures = std::vector<std::unique_ptr<CaptureReader>>;

config::InterfaceIndex index_of(const config::Router& config, const std::string& name) {
    const auto found = std::find_if(config.interfaces.begin(), config.interfaces.end(),
                                    [&](const auto& interface) { return interface.name == name; });
    if (found == config.interfaces.end()) {
        std::vector<std::string_view> names;
        for (const config::Interface& interface : config.interfaces) {
            names.emplace_back(interface.name);
        }
        throw CaptureError(fmt::format("--rx {}", name),
                           fmt::format("the configuration has no interface of this name; it has {}",
                                       fmt::join(names, ", ")));
    }
    return static_cast<config::InterfaceIndex>(found - config.interfaces.begin());
}

/// One for each interface, null where nothing arrives. All are read once before anything is
/// replayed.
Captures open_captures(const config::Router& config, const ReplayOptions& options) {
    Captures captures(config.interfaces.size());
    for (const auto& [interface, path] : options.arrivals) {
        auto& capture = captures[index_of(config, interface)];
        capture = std::make_unique<CaptureReader>(path);
        if (!capture->summary().in_order) {
            say(path + ": warning: packets are out of order; sorted by time");
        }
    }
    return captures;
}

/// What two interfaces would write into one file would be lost.
void check_file_names(const config::Router& config, const std::string& directory) {
    for (const config::Interface& interface : config.interfaces) {
        const std::string kernel = interface.name + ".kernel";
        if (std::any_of(config.interfaces.begin(), config.interfaces.end(),
                        [&](const auto& other) { return other.name == kernel; })) {
            throw CaptureError(
                fmt::format("--out {}", directory),
                fmt::format("{}.pcap would be that of interface {} and of the kernel behind {}: "
                            "rename one of the two interfaces",
                            kernel, kernel, interface.name));
        }
    }
}

/// What is still read must not be written to.
void keep_input(const ReplayOptions& options, const fs::path& output) {
    for (const auto& [interface, capture] : options.arrivals) {
        std::error_code absent;
        if (fs::equivalent(capture, output, absent)) {
            throw CaptureError(capture,
                               fmt::format("would be overwritten by what is written to {}; choose "
                                           "another --out",
                                           output.string()));
        }
    }
}

void make_directory(const fs::path& directory) {
    std::error_code error;
    fs::create_directories(directory, error);
    if (error) {
        throw std::runtime_error(
            fmt::format("{}: the directory cannot be made: {}; choose another --out",
                        directory.string(), error.message()));
    }
}

/// Everything that is written, one capture a wire and one a kernel.
class Outputs {
  public:
    Outputs(const config::Router& config, const ReplayOptions& options)
        : directory_(options.out_directory) {
        check_file_names(config, options.out_directory);
        for (const config::Interface& interface : config.interfaces) {
            wires_.push_back(capture(interface.name + ".pcap"));
            kernels_.push_back(capture(interface.name + ".kernel.pcap"));
            keep_input(options, directory_ / (interface.name + ".pcap"));
            keep_input(options, directory_ / (interface.name + ".kernel.pcap"));
        }
        keep_input(options, account_path());
    }

    CaptureWriter& wire(std::size_t interface) { return *wires_[interface]; }
    CaptureWriter& kernel(std::size_t interface) { return *kernels_[interface]; }

    void open() {
        make_directory(directory_);
        // An account beside captures is theirs: it comes last, and none stays from before.
        fs::remove(account_path());
        for (std::size_t i = 0; i < wires_.size(); ++i) {
            wires_[i]->open();
            kernels_[i]->open();
        }
    }

    void finish(const std::string& account) {
        for (std::size_t i = 0; i < wires_.size(); ++i) {
            wires_[i]->close();
            kernels_[i]->close();
        }
        const fs::path path = account_path();
        std::ofstream file(path, std::ios::binary | std::ios::trunc);
        file << account;
        file.close();
        if (!file) {
            throw std::system_error(errno, std::generic_category(), path.string());
        }
    }

  private:
    fs::path account_path() const { return directory_ / "account.json"; }
    std::unique_ptr<CaptureWriter> capture(const std::string& name) const {
        return std::make_unique<CaptureWriter>((directory_ / name).string());
    }

    fs::path directory_;
    std::vector<std::unique_ptr<CaptureWriter>> wires_;
    std::vector<std::unique_ptr<CaptureWriter>> kernels_;
};

/// Packets that may wait at once: no fewer than there are, fragments and errors included.
std::size_t most_packets(const Captures& captures) {
    std::size_t packets = 65'536;
    for (const auto& capture : captures) {
        packets += capture == nullptr ? 0 : 2 * capture->summary().packets;
    }
    return packets;
}

std::uint32_t longest_frame(const Captures& captures) {
    std::uint32_t octets = 0;
    for (const auto& capture : captures) {
        octets = std::max(octets, capture == nullptr ? 0 : capture->summary().longest_octets);
    }
    return octets;
}

/// The instant of the last arrival's classification; kNever where nothing arrives.
std::int64_t last_arrival_ns(const Captures& captures, std::int64_t processing_ns) {
    std::int64_t last_ns = kNever;
    for (const auto& capture : captures) {
        if (capture != nullptr && capture->summary().packets != 0) {
            const std::int64_t ns = capture->summary().last_time_ns + processing_ns;
            last_ns = last_ns == kNever ? ns : std::max(last_ns, ns);
        }
    }
    return last_ns;
}

/// Room for frames that the router makes itself: up to the largest mtu.
std::uint16_t generated_octets(const config::Router& config) {
    std::uint32_t octets = kUsualFrameOctets;
    for (const config::Interface& interface : config.interfaces) {
        octets = std::max(octets, interface.mtu + kEthernetOctets);
    }
    return static_cast<std::uint16_t>(
        std::min<std::uint32_t>(octets + dataplane::kHeadroomOctets, kMaxFrameOctets));
}

/// For interfaces whose address the configuration leaves to the device: local ones, counted from 1.
std::vector<config::MacAddress> made_up_macs(std::size_t interfaces) {
    std::vector<config::MacAddress> macs(interfaces);
    for (std::size_t i = 0; i < interfaces; ++i) {
        macs[i] = {0x02,
                   0,
                   0,
                   0,
                   static_cast<std::uint8_t>((i + 1) >> 8),
                   static_cast<std::uint8_t>(i + 1)};
    }
    return macs;
}

}  // namespace

void replay(const std::shared_ptr<const config::Router>& config, const ReplayOptions& options) {
    Captures captures = open_captures(*config, options);
    const std::int64_t last_ns = last_arrival_ns(captures, options.processing_ns);
    const std::size_t max_packets = most_packets(captures);
    Outputs outputs(*config, options);

    const GrowingPool usual("usual", kUsualFrameOctets + dataplane::kHeadroomOctets);
    const GrowingPool generated("generated", generated_octets(*config));
    std::unique_ptr<GrowingPool> large;
    if (longest_frame(captures) > kUsualFrameOctets) {
        large = std::make_unique<GrowingPool>("large", kMaxFrameOctets);
    }
    const PacketPools pools{usual.get(), large == nullptr ? nullptr : large->get()};

    std::vector<std::unique_ptr<VirtualWire>> wires;
    std::vector<std::unique_ptr<VirtualKernel>> kernels;
    std::vector<VirtualWire*> sources;
    std::vector<dataplane::InterfacePorts> ports;
    for (std::size_t i = 0; i < captures.size(); ++i) {
        wires.push_back(std::make_unique<VirtualWire>(std::move(captures[i]), outputs.wire(i),
                                                      pools, options.processing_ns));
        kernels.push_back(std::make_unique<VirtualKernel>(outputs.kernel(i)));
        sources.push_back(wires.back().get());
        ports.push_back({wires.back().get(), kernels.back().get()});
    }

    Stalls stalls;
    for (const Stall& stall : options.stalls) {
        stalls.add(stall.begin_ns, stall.begin_ns + stall.length_ns);
    }
    dataplane::RouterOptions router_options;
    router_options.pool = generated.get();
    router_options.max_packets = max_packets;
    router_options.queue_memory = PoolMemory::touched_when_used;
    router_options.workers = config->workers.count;
    router_options.macs = made_up_macs(config->interfaces.size());
    dataplane::Router router(config, ports, router_options);
    outputs.open();  // nothing is written where the router is refused
    VirtualTime time(router, sources, stalls);
    if (options.until_drained) {
        time.run_until_drained();
    } else if (last_ns != kNever) {
        time.run_until(last_ns);
    }
    outputs.finish(account_json(*config, router.account()));
}

}  // namespace tcqf::control
