// A whole router in virtual time with ports in memory, for tests and fuzzers.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "config/load.h"
#include "control/lab/eal.h"
#include "dataplane/packet.h"
#include "dataplane/packet_pool.h"
#include "dataplane/router.h"
#include "dataplane/worker.h"

namespace tcqf::test {

using Frame = std::vector<std::uint8_t>;

/// A frame that left, and the start of its wire occupancy.
struct Sent {
    std::int64_t start_ns = 0;
    Frame frame;
};

/// What every buffer holds before a packet is put into it, and again after it was sent: must never
/// be seen on a wire.
inline constexpr std::uint8_t kPoison = 0xd5;

inline void fill(rte_mbuf* mbuf, std::uint8_t octet) {
    std::memset(mbuf->buf_addr, octet, mbuf->buf_len);
}

class MemoryPort final : public dataplane::Port {
  public:
    struct Waiting {
        std::int64_t arrival_ns;
        rte_mbuf* mbuf;
    };

    explicit MemoryPort(bool has_times = true, std::uint8_t poison = kPoison)
        : has_times_(has_times), poison_(poison) {}
    ~MemoryPort() override {
        for (const Waiting& waiting : waiting_) {
            rte_pktmbuf_free(waiting.mbuf);
        }
    }

    void arrive(std::int64_t arrival_ns, rte_mbuf* mbuf) { waiting_.push_back({arrival_ns, mbuf}); }
    bool idle() const { return waiting_.empty(); }
    std::int64_t next_ns() const { return waiting_.front().arrival_ns; }
    std::vector<Sent>& sent() { return sent_; }
    void refuse(bool refuses) { refuses_ = refuses; }
    void tell_times(bool tells) { has_times_ = tells; }

    unsigned receive(std::int64_t now_ns, rte_mbuf** packets, std::int64_t* arrivals_ns,
                     unsigned max) override {
        unsigned count = 0;
        while (count < max && !waiting_.empty() && waiting_.front().arrival_ns <= now_ns) {
            packets[count] = waiting_.front().mbuf;
            arrivals_ns[count++] = waiting_.front().arrival_ns;
            waiting_.pop_front();
        }
        return count;
    }

    unsigned transmit(const dataplane::TransmitBurst& burst) override {
        for (unsigned i = 0; i < burst.count; ++i) {
            if (refuses_) {
                return i;
            }
            const auto* begin = rte_pktmbuf_mtod(burst.packets[i], const std::uint8_t*);
            sent_.push_back({burst.start_ns(i), Frame(begin, begin + burst.packets[i]->pkt_len)});
            fill(burst.packets[i], poison_);
            rte_pktmbuf_free(burst.packets[i]);
        }
        return burst.count;
    }

    bool has_arrival_times() const override { return has_times_; }

  private:
    std::deque<Waiting> waiting_;
    std::vector<Sent> sent_;
    bool has_times_;
    std::uint8_t poison_;
    bool refuses_ = false;
};

inline void start_eal_once() {
    static const bool started = [] {
        control::start_lab_eal();
        return true;
    }();
    (void)started;
}

inline std::shared_ptr<const config::Router> load_or_throw(const std::string& yaml) {
    const config::LoadResult result = config::load_yaml(yaml, "test.yaml");
    if (!result.router) {
        std::string all;
        for (const config::Diagnostic& diagnostic : result.diagnostics) {
            if (diagnostic.severity == config::Severity::error) {
                all += diagnostic.to_string() + "\n";
            }
        }
        throw std::runtime_error(all);
    }
    return result.router;
}

class TestRouter {
  public:
    struct Options {
        unsigned workers = 1;
        unsigned further_queues = 0;  ///< of each wire
        unsigned packets = 8192;
        bool has_times = true;
        std::uint8_t poison = kPoison;
        bool short_way = true;
        std::optional<std::int64_t> lateness_ns = {};
        dataplane::FibKind fib = dataplane::FibKind::compact;
        std::int64_t transmit_lookahead_ns = 0;
    };

    explicit TestRouter(const std::string& yaml) : TestRouter(yaml, Options{}) {}
    TestRouter(const std::string& yaml, const Options& options) : poison_(options.poison) {
        start_eal_once();
        const auto config = load_or_throw(yaml);
        static int number = 0;
        pool_ = dataplane::make_packet_pool("test" + std::to_string(number++), options.packets,
                                            9216, 0);
        std::vector<dataplane::InterfacePorts> ports;
        for (std::size_t i = 0; i < config->interfaces.size(); ++i) {
            wires_.push_back(std::make_unique<MemoryPort>(options.has_times, poison_));
            kernels_.push_back(std::make_unique<MemoryPort>(true, poison_));
            ports.push_back({wires_.back().get(), kernels_.back().get()});
            for (unsigned queue = 0; queue < options.further_queues; ++queue) {
                further_queues_.push_back(std::make_unique<MemoryPort>(options.has_times, poison_));
                ports.back().further_queues.push_back(further_queues_.back().get());
            }
        }
        dataplane::RouterOptions router_options;
        router_options.pool = pool_.get();
        router_options.max_packets = options.packets;
        router_options.workers = options.workers;
        router_options.short_way = options.short_way;
        router_options.lateness_ns = options.lateness_ns;
        router_options.fib = options.fib;
        router_options.transmit_lookahead_ns = options.transmit_lookahead_ns;
        router_ = std::make_unique<dataplane::Router>(config, ports, router_options);
    }
    ~TestRouter() { router_.reset(); }

    dataplane::Router& router() { return *router_; }
    MemoryPort& wire(std::size_t interface) { return *wires_[interface]; }
    MemoryPort& kernel(std::size_t interface) { return *kernels_[interface]; }
    rte_mempool* pool() { return pool_.get(); }
    std::size_t interfaces() const { return wires_.size(); }

    /// Puts the poison into the free buffers that are used next: what a packet dropped there is
    /// gone.
    void poison_free_buffers(std::size_t most) {
        std::vector<rte_mbuf*> mbufs;
        while (mbufs.size() < most) {
            rte_mbuf* mbuf = rte_pktmbuf_alloc(pool_.get());
            if (mbuf == nullptr) {
                break;
            }
            fill(mbuf, poison_);
            mbufs.push_back(mbuf);
        }
        for (rte_mbuf* mbuf : mbufs) {
            rte_pktmbuf_free(mbuf);
        }
    }

    /// False where no packet buffer is left.
    bool arrive(std::size_t interface, std::int64_t time_ns, const Frame& frame) {
        return put(*wires_[interface], time_ns, frame);
    }
    /// In a receive queue of the interface; the first is 0.
    bool arrive_in_queue(unsigned queue, std::size_t interface, std::int64_t time_ns,
                         const Frame& frame) {
        const std::size_t further = further_queues_.size() / wires_.size();
        MemoryPort& port =
            queue == 0 ? *wires_[interface] : *further_queues_[interface * further + queue - 1];
        return put(port, time_ns, frame);
    }
    bool from_kernel(std::size_t interface, std::int64_t time_ns, const Frame& frame) {
        return put(*kernels_[interface], time_ns, frame);
    }

    /// One instant of virtual time; returns the next at which the workers have something to do.
    std::int64_t step(std::int64_t now_ns) {
        for (unsigned worker = 0; worker < router_->workers(); ++worker) {
            router_->worker(worker).refresh();
            router_->worker(worker).advance(now_ns);
        }
        for (std::size_t i = 0; i < wires_.size(); ++i) {
            const auto interface = static_cast<config::InterfaceIndex>(i);
            for (unsigned worker = 0; worker < router_->workers(); ++worker) {
                router_->worker((router_->owner_of(interface) + worker) % router_->workers())
                    .receive_from(interface, now_ns);
                settle();
            }
        }
        std::int64_t next_ns = kNever;
        for (unsigned worker = 0; worker < router_->workers(); ++worker) {
            next_ns = std::min(next_ns, router_->worker(worker).transmit(now_ns));
        }
        return next_ns;
    }

    /// Runs from event to event up to and including `end_ns`.
    void run_until(std::int64_t end_ns, std::int64_t from_ns) {
        std::int64_t now_ns = from_ns;
        while (now_ns <= end_ns) {
            std::int64_t next_ns = step(now_ns);
            for (const auto* ports : {&wires_, &further_queues_, &kernels_}) {
                for (const auto& port : *ports) {
                    if (!port->idle()) {
                        next_ns = std::min(next_ns, port->next_ns());
                    }
                }
            }
            if (next_ns == kNever) {
                return;
            }
            now_ns = std::max(next_ns, now_ns + 1);
        }
    }

  private:
    void settle() {
        for (bool busy = true; busy;) {
            busy = false;
            for (unsigned worker = 0; worker < router_->workers(); ++worker) {
                busy |= router_->worker(worker).take_handed_over() != 0;
            }
        }
    }

    bool put(MemoryPort& port, std::int64_t time_ns, const Frame& frame) {
        rte_mbuf* mbuf = rte_pktmbuf_alloc(pool_.get());
        if (mbuf == nullptr) {
            return false;
        }
        fill(mbuf, poison_);
        const auto octets = static_cast<std::uint16_t>(std::min<std::size_t>(frame.size(), 9216));
        if (octets != 0) {
            std::memcpy(rte_pktmbuf_append(mbuf, octets), frame.data(), octets);
        }
        port.arrive(time_ns, mbuf);
        return true;
    }

    std::uint8_t poison_;
    dataplane::PacketPool pool_;
    std::vector<std::unique_ptr<MemoryPort>> wires_;
    std::vector<std::unique_ptr<MemoryPort>> further_queues_;  // those of an interface in a row
    std::vector<std::unique_ptr<MemoryPort>> kernels_;
    std::unique_ptr<dataplane::Router> router_;
};

}  // namespace tcqf::test
