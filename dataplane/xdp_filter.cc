#include "dataplane/xdp_filter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/if_link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "dataplane/bpf/xdp_filter.h"
#include "dataplane/table_builders.h"
#include "xdp_filter.skel.h"

namespace tcqf::dataplane {

namespace {

constexpr std::string_view kProgramName = "tcqf_filter";
constexpr std::size_t kMaxPrefixes = 100'000;
static_assert(kMaxPrefixes <= TCQF_FILTER_PREFIXES);

/// Tells the host's addresses from what the router forwards.
void add_own_addresses(const config::Router& router, FilterTables& tables) {
    const auto to_host = [&tables](const config::IpAddress& address) {
        tables.prefixes.insert_or_assign({address, address.bits()}, FilterVerdict::to_host);
    };
    for (const config::Interface& interface : router.interfaces) {
        for (const config::IpPrefix& prefix : interface.addresses) {
            to_host(prefix.address);
        }
    }
    if (router.srv6_source) {
        to_host(*router.srv6_source);
    }
}

void to_worker(FilterTables& tables, const config::IpPrefix& prefix) {
    tables.prefixes.insert_or_assign(prefix.network(), FilterVerdict::to_worker);
}

void add_forwarded(const config::Router& router, const std::string& table, FilterTables& tables) {
    for (const config::Interface& interface : router.interfaces) {
        if (interface.table == table) {
            for (const config::IpPrefix& address : interface.addresses) {
                to_worker(tables, address);
            }
        }
    }
    for (const config::Route& route : router.routes) {
        if (route.table == table) {
            to_worker(tables, route.prefix);
        }
    }
}

/// What a flow steers into a policy needs no route.
void add_steered(const config::Router& router, config::InterfaceIndex interface,
                 FilterTables& tables) {
    for (const config::Flow& flow : router.flows) {
        const config::FlowMatch& match = flow.match;
        if (!flow.sr_policy || match.mpls_label ||
            match.interface.value_or(interface) != interface) {
            continue;
        }
        if (match.destination) {
            to_worker(tables, *match.destination);
            continue;
        }
        to_worker(tables, {config::IpAddress::from_ipv4(0), 0});
        to_worker(tables, {config::IpAddress{.is_ipv6 = true}, 0});
    }
}

void add_sids(const config::Router& router, FilterTables& tables) {
    for (const config::IpPrefix& locator : router.srv6.locators) {
        to_worker(tables, locator);
    }
    for (const config::LocalSid& sid : router.srv6.local_sids) {
        to_worker(tables, sid.sid);
    }
    for (const config::SrPolicy& policy : router.sr_policies) {
        if (const config::IpAddress* sid = binding_address(policy)) {
            to_worker(tables, {*sid, sid->bits()});
        }
    }
}

/// Calls `use(descriptor, key)` with the key of the map that the prefix belongs to.
template <class Use>
bool with_key(const config::IpPrefix& prefix, int prefixes4, int prefixes6, Use use) {
    if (prefix.address.is_ipv6) {
        tcqf_ipv6_key key{.length = prefix.length, .address = {}};
        std::memcpy(key.address, prefix.address.octets.data(), sizeof(key.address));
        return use(prefixes6, &key);
    }
    tcqf_ipv4_key key{.length = prefix.length, .address = {}};
    std::memcpy(key.address, prefix.address.octets.data(), sizeof(key.address));
    return use(prefixes4, &key);
}

std::string name_of_program(int descriptor) {
    bpf_prog_info info{};
    __u32 length = sizeof(info);
    return bpf_obj_get_info_by_fd(descriptor, &info, &length) == 0 ? info.name : "";
}

std::vector<__u32> maps_of_program(int descriptor) {
    bpf_prog_info info{};
    __u32 length = sizeof(info);
    std::vector<__u32> maps(16);
    info.nr_map_ids = static_cast<__u32>(maps.size());
    info.map_ids = reinterpret_cast<__u64>(maps.data());
    if (bpf_obj_get_info_by_fd(descriptor, &info, &length) != 0) {
        return {};
    }
    maps.resize(std::min<std::size_t>(maps.size(), info.nr_map_ids));
    return maps;
}

std::string name_of_map(int descriptor) {
    bpf_map_info info{};
    __u32 length = sizeof(info);
    return bpf_obj_get_info_by_fd(descriptor, &info, &length) == 0 ? info.name : "";
}

Descriptor attached_to(unsigned interface_index) {
    __u32 program = 0;
    if (bpf_xdp_query_id(static_cast<int>(interface_index), 0, &program) != 0 || program == 0) {
        return {};
    }
    return Descriptor(bpf_prog_get_fd_by_id(program));
}

}  // namespace

FilterTables filter_tables(const config::Router& router, config::InterfaceIndex interface,
                           const config::MacAddress& mac) {
    FilterTables tables{.mac = mac, .unknown = FilterVerdict::to_host, .prefixes = {}};
    add_forwarded(router, router.interfaces[interface].table, tables);
    add_steered(router, interface, tables);
    add_own_addresses(router, tables);
    add_sids(router, tables);
    if (tables.prefixes.size() > kMaxPrefixes) {
        tables.unknown = FilterVerdict::to_worker;
        std::erase_if(tables.prefixes,
                      [](const auto& entry) { return entry.second == FilterVerdict::to_worker; });
    }
    return tables;
}

Result<XdpProgramFile> XdpProgramFile::create() {
    std::size_t size = 0;
    const void* program = xdp_filter_bpf__elf_bytes(&size);
    Descriptor descriptor(memfd_create("tcqf_filter", MFD_CLOEXEC));
    if (!descriptor.is_open() ||
        write(descriptor.number(), program, size) != static_cast<ssize_t>(size)) {
        return system_refused(
            fmt::format("cannot hold the XDP filter in memory: {}", std::strerror(errno)));
    }
    return XdpProgramFile(std::move(descriptor));
}

std::string XdpProgramFile::path() const {
    return fmt::format("/proc/self/fd/{}", descriptor_.number());
}

AttachedProgram attached_program(unsigned interface_index) {
    __u32 program = 0;
    if (bpf_xdp_query_id(static_cast<int>(interface_index), 0, &program) != 0 || program == 0) {
        return AttachedProgram::none;
    }
    const Descriptor descriptor = attached_to(interface_index);
    return descriptor.is_open() && name_of_program(descriptor.number()) == kProgramName
               ? AttachedProgram::ours
               : AttachedProgram::foreign;
}

void detach_program(unsigned interface_index) {
    bpf_xdp_detach(static_cast<int>(interface_index), 0, nullptr);
}

Result<XdpFilter> XdpFilter::find(const Netdev& netdev) {
    const unsigned index = netdev.index();
    bpf_xdp_query_opts query{};
    query.sz = sizeof(query);
    if (bpf_xdp_query(static_cast<int>(index), 0, &query) != 0) {
        return system_refused(fmt::format("cannot ask {} for its XDP program: {}", netdev.name(),
                                          std::strerror(errno)));
    }
    if (query.attach_mode == XDP_ATTACHED_SKB) {
        return system_refused(fmt::format(
            "the driver of {} has no XDP of its own, and in generic mode what is handed to the "
            "host would come back; use another driver for it, for example "
            "net_af_packet0,iface={}",
            netdev.name(), netdev.name()));
    }
    const Descriptor program = attached_to(index);
    XdpFilter filter;
    filter.interface_index_ = index;
    filter.program_id_ = query.prog_id;
    if (program.is_open() && name_of_program(program.number()) == kProgramName) {
        for (const __u32 id : maps_of_program(program.number())) {
            Descriptor map(bpf_map_get_fd_by_id(id));
            const std::string name = map.is_open() ? name_of_map(map.number()) : "";
            if (name == "tcqf_settings") {
                filter.settings_ = std::move(map);
            } else if (name == "tcqf_prefixes4") {
                filter.prefixes4_ = std::move(map);
            } else if (name == "tcqf_prefixes6") {
                filter.prefixes6_ = std::move(map);
            } else if (name == "tcqf_verdicts") {
                filter.verdicts_ = std::move(map);
            }
        }
    }
    if (!filter.settings_.is_open() || !filter.prefixes4_.is_open() ||
        !filter.prefixes6_.is_open() || !filter.verdicts_.is_open()) {
        return system_refused(fmt::format(
            "cannot reach the maps of the XDP filter on {}; run as root or with CAP_BPF and "
            "CAP_NET_ADMIN",
            netdev.name()));
    }
    return filter;
}

bool XdpFilter::is_displaced() const {
    __u32 program = 0;
    return bpf_xdp_query_id(static_cast<int>(interface_index_), 0, &program) == 0 &&
           program != program_id_;
}

Status XdpFilter::install(const FilterTables& tables) {
    if (!holds_both(tables)) {
        // While old prefixes give way to new ones, what is in neither goes to the worker.
        if (Status status =
                set({.mac = tables.mac, .unknown = FilterVerdict::to_worker, .prefixes = {}});
            !status) {
            return status;
        }
        remove_all_but(tables.prefixes);
    }
    if (Status status = add(tables.prefixes); !status) {
        return status;
    }
    if (Status status = set(tables); !status) {
        return status;
    }
    remove_all_but(tables.prefixes);
    return Done{};
}

/// Whether the maps have room for what is installed and these at once.
bool XdpFilter::holds_both(const FilterTables& tables) const {
    const auto going = std::ranges::count_if(
        installed_, [&](const auto& entry) { return !tables.prefixes.contains(entry.first); });
    return tables.prefixes.size() + static_cast<std::size_t>(going) < TCQF_FILTER_PREFIXES;
}

Status XdpFilter::add(const FilterPrefixes& prefixes) {
    for (const auto& [prefix, verdict] : prefixes) {
        const auto old = installed_.find(prefix);
        if (old != installed_.end() && old->second == verdict) {
            continue;
        }
        const auto value = static_cast<__u8>(verdict);
        if (!with_key(prefix, prefixes4_.number(), prefixes6_.number(),
                      [&](int map, const void* key) {
                          return bpf_map_update_elem(map, key, &value, BPF_ANY) == 0;
                      })) {
            return system_refused(fmt::format("cannot put {} into the XDP filter: {}",
                                              prefix.to_string(), std::strerror(errno)));
        }
        installed_.insert_or_assign(prefix, verdict);
    }
    return Done{};
}

Status XdpFilter::set(const FilterTables& tables) {
    const __u32 first = 0;
    tcqf_filter_settings settings{};
    settings.active = 1;
    settings.unknown = static_cast<__u32>(tables.unknown);
    std::memcpy(settings.mac, tables.mac.data(), sizeof(settings.mac));
    if (bpf_map_update_elem(settings_.number(), &first, &settings, BPF_ANY) != 0) {
        return system_refused(
            fmt::format("cannot change the settings of the XDP filter: {}", std::strerror(errno)));
    }
    return Done{};
}

void XdpFilter::remove_all_but(const FilterPrefixes& prefixes) {
    std::erase_if(installed_, [&](const auto& entry) {
        return !prefixes.contains(entry.first) &&
               with_key(
                   entry.first, prefixes4_.number(), prefixes6_.number(),
                   [](int map, const void* key) { return bpf_map_delete_elem(map, key) == 0; });
    });
}

XdpFilter::Counters XdpFilter::counters() const {
    const auto sum = [&](__u32 counter) {
        std::vector<std::uint64_t> values(static_cast<std::size_t>(libbpf_num_possible_cpus()));
        std::uint64_t total = 0;
        if (bpf_map_lookup_elem(verdicts_.number(), &counter, values.data()) == 0) {
            for (const std::uint64_t value : values) {
                total += value;
            }
        }
        return total;
    };
    return {.passed_to_host = sum(TCQF_PASSED_TO_HOST),
            .given_to_worker = sum(TCQF_GIVEN_TO_WORKER)};
}

}  // namespace tcqf::dataplane
