#include "dataplane/router.h"

#include <fmt/format.h>
#include <rte_errno.h>

#include <algorithm>
#include <bit>
#include <stdexcept>

#include "dataplane/result.h"
#include "dataplane/shared_state.h"
#include "dataplane/table_builder.h"

namespace tcqf::dataplane {
namespace {

/// Slots of a calendar: a power of two above every window's max towards the interface and every
/// backlog.
std::uint32_t slots_for(const config::Router& config, config::InterfaceIndex interface,
                        const config::Domain& domain) {
    std::uint32_t farthest = domain.cycles;
    for (const config::CycleMapEntry& map : domain.cycle_maps) {
        if (map.oif == interface) {
            farthest = std::max<std::uint32_t>(farthest, map.window.max);
        }
    }
    for (const config::Flow& flow : config.flows) {
        farthest = std::max<std::uint32_t>(farthest, flow.max_backlog_cycles);
    }
    return std::bit_ceil(farthest + 2);
}

/// What was measured, but no more of a cycle than a quarter, and than leaves room for the largest
/// frame.
std::int64_t measured_guard_ns(std::int64_t lateness_ns, std::int64_t cycle_time_ns,
                               const EgressConfig& egress) {
    const std::int64_t room_ns = egress.rate.to_ns(egress.rate.from_ns(cycle_time_ns) -
                                                   occupancy_units(egress.mtu_frame_octets));
    return std::max<std::int64_t>(0, std::min({lateness_ns, cycle_time_ns / 4, room_ns}));
}

EgressConfig egress_config(const config::Router& config, config::InterfaceIndex index,
                           std::optional<std::int64_t> lateness_ns) {
    const config::Interface& interface = config.interfaces[index];
    EgressConfig egress;
    egress.rate.mbps = interface.link_rate_mbps;
    egress.queue_limit_packets = interface.best_effort_queue_packets;
    egress.mtu_frame_octets = interface.mtu + kEthernetOctets;
    for (const config::NrpInterface* partition : partitions_on(config, index)) {
        egress.shares.push_back({.cycle_units = partition->cycle_bits * kUnitsPerBit,
                                 .rate_mbps = partition->best_effort_rate_mbps});
    }
    for (const config::Domain& domain : config.domains) {
        for (const config::DomainInterface& member : domain.interfaces) {
            if (member.interface == index) {
                egress.timing = domain.timing_of(member);
                egress.dead_time_ns = member.dead_time_ns;
                if (lateness_ns) {
                    egress.tx_guard_ns = interface.tx_guard_ns.value_or(
                        measured_guard_ns(*lateness_ns, egress.timing->cycle_time_ns, egress));
                }
                egress.slots = slots_for(config, index, domain);
            }
        }
    }
    return egress;
}

Ring make_ring(const void* owner, unsigned from, unsigned to) {
    constexpr unsigned kEntries = 4096;
    const std::string name =
        fmt::format("{:x}.{}.{}", reinterpret_cast<std::uintptr_t>(owner), from, to);
    Ring ring(
        rte_ring_create(name.c_str(), kEntries, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ));
    if (!ring) {
        throw std::runtime_error(
            fmt::format("no memory for the rings between workers: {}", rte_strerror(rte_errno)));
    }
    return ring;
}

/// The counts of shared pointers lie elsewhere: among the arrivals they would take room in the
/// caches.
std::shared_ptr<std::int64_t[]> no_arrivals(SharedState& shared, std::size_t count) {
    std::pmr::polymorphic_allocator<std::int64_t> memory(&shared.policer_memory);
    std::int64_t* arrivals_ns = memory.allocate(count);
    std::fill_n(arrivals_ns, count, Policer::kNoArrival);
    return {arrivals_ns, [memory, count](std::int64_t* arrivals) mutable {
                memory.deallocate(arrivals, count);
            }};
}

std::vector<std::uint32_t> flow_ids(const config::Router& config) {
    std::vector<std::uint32_t> ids;
    for (const config::Flow& flow : config.flows) {
        ids.push_back(flow.id);
    }
    return ids;
}

/// More arrivals than a FlowState has room for: those of the running configuration, where the flow
/// is remembered by as many there.
std::shared_ptr<std::int64_t[]> long_arrivals_of(SharedState& shared, std::uint32_t number,
                                                 const config::Flow& flow) {
    const std::size_t count =
        flow.traffic_specification ? flow.traffic_specification->max_packets_per_interval : 0;
    if (count <= FlowState::kArrivals) {
        return nullptr;
    }
    if (shared.owned) {
        const Snapshot& running = *shared.owned;
        const FlowProfile* before = running.find_profile(number);
        if (before != nullptr && before->is_policed && before->policer.arrivals() == count) {
            return running.long_arrivals.content().owners[number];
        }
    }
    return no_arrivals(shared, count);
}

std::vector<BuildOptions::Flow> numbered_flows(SharedState& shared, const config::Router& config,
                                               const FlowNumbers& numbers) {
    std::vector<BuildOptions::Flow> flows;
    for (const config::Flow& flow : config.flows) {
        const std::uint32_t number = numbers.at(flow.id);
        flows.push_back({number, static_cast<std::uint16_t>(number % shared.worker_count()),
                         long_arrivals_of(shared, number, flow)});
    }
    return flows;
}

/// What outlives packets of flows and SIDs: elements that are there already stay.
void reserve_state(SharedState& shared, const config::Router& config, std::size_t flows,
                   std::size_t sids) {
    shared.sequences.reserve(flows);
    shared.flow_states.reserve(flows);
    for (const config::Domain& domain : config.domains) {
        for (const config::DomainInterface& member : domain.interfaces) {
            shared.interfaces[member.interface]->cursors.reserve(flows);
        }
    }
    for (const auto& counters : shared.sid_counters) {
        counters->reserve(sids);
    }
}

/// Who comes finds nothing of who went.
void forget_flow(SharedState& shared, std::uint32_t number) {
    shared.sequences.renew(number);
    shared.flow_states.renew(number);
    for (const auto& interface : shared.interfaces) {
        interface->cursors.renew(number);
    }
}
void forget_sid(SharedState& shared, std::uint32_t number) {
    for (const auto& counters : shared.sid_counters) {
        counters->renew(number);
    }
}

/// What a change makes of the numbers of flows and SIDs.
struct NewNumbers {
    std::optional<FlowNumbers> flows;  ///< absent: as they are
    std::optional<SidNumbers> sids;
    GoneNumbers gone;
};

NewNumbers new_numbers(const SharedState& shared, const config::Router& config,
                       const config::Difference& difference) {
    NewNumbers numbers;
    numbers.gone.passage.reserve(shared.rings.size());
    if (difference.flows) {
        numbers.flows = shared.flow_numbers.next(flow_ids(config));
        numbers.gone.flows = shared.flow_numbers.gone_in(*numbers.flows);
    }
    if (counted_sids_differ(*shared.config, config, difference)) {
        numbers.sids = shared.sid_numbers.next(counted_sids(config));
        numbers.gone.sids = shared.sid_numbers.gone_in(*numbers.sids);
    }
    return numbers;
}

/// When the workers go over to the tables with these numbers.
void take_numbers(SharedState& shared, NewNumbers&& numbers) {
    if (numbers.flows) {
        shared.flow_numbers = std::move(*numbers.flows);
    }
    if (numbers.sids) {
        shared.sid_numbers = std::move(*numbers.sids);
    }
    if (!numbers.gone.flows.empty() || !numbers.gone.sids.empty()) {
        numbers.gone.passage.start(*shared.qsbr);
        shared.gone.push_back(std::move(numbers.gone));
    }
}

/// Gives away the numbers of what is gone, as far as no worker can come across them.
void release_numbers(SharedState& shared) {
    std::erase_if(shared.gone, [&shared](GoneNumbers& gone) {
        if (!gone.passage.is_over(*shared.qsbr, shared.rings)) {
            return false;
        }
        for (const std::uint32_t number : gone.flows) {
            forget_flow(shared, number);
        }
        for (const std::uint32_t number : gone.sids) {
            forget_sid(shared, number);
        }
        shared.flow_numbers.release(gone.flows);
        shared.sid_numbers.release(gone.sids);
        return true;
    });
}

std::unique_ptr<rte_rcu_qsbr, FreeQsbr> make_qsbr(unsigned workers) {
    const std::size_t octets = rte_rcu_qsbr_get_memsize(workers);
    std::unique_ptr<rte_rcu_qsbr, FreeQsbr> qsbr(
        static_cast<rte_rcu_qsbr*>(::operator new (octets, std::align_val_t{64})));
    rte_rcu_qsbr_init(qsbr.get(), workers);
    for (unsigned worker = 0; worker < workers; ++worker) {
        rte_rcu_qsbr_thread_register(qsbr.get(), worker);
        rte_rcu_qsbr_thread_online(qsbr.get(), worker);
    }
    return qsbr;
}

BuildOptions build_options(const SharedState& shared) {
    BuildOptions options;
    options.fib = shared.options.fib;
    options.macs = shared.options.macs;
    return options;
}

/// New queues for interfaces whose cycles or link change, by interface; nullptr for the others.
std::vector<std::unique_ptr<Output>> changed_outputs(const SharedState& shared,
                                                     const config::Router& config) {
    std::vector<std::unique_ptr<Output>> outputs(shared.interfaces.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        const auto index = static_cast<config::InterfaceIndex>(i);
        const std::optional<std::int64_t> lateness_ns = shared.options.lateness_ns;
        const EgressConfig wanted = egress_config(config, index, lateness_ns);
        if (wanted != egress_config(*shared.config, index, lateness_ns)) {
            outputs[i] = std::make_unique<Output>(wanted, shared.options);
        }
    }
    return outputs;
}

}  // namespace

std::string needs_new_router(const config::Router& running, const config::Router& wanted) {
    if (running.workers.count != wanted.workers.count ||
        running.workers.cores != wanted.workers.cores) {
        return "/workers";
    }
    const auto same_name = [](const config::Interface& was, const config::Interface& is) {
        return was.name == is.name;
    };
    if (!std::ranges::equal(running.interfaces, wanted.interfaces, same_name)) {
        return "/interfaces";
    }
    for (std::size_t i = 0; i < running.interfaces.size(); ++i) {
        if (running.interfaces[i].device != wanted.interfaces[i].device) {
            return fmt::format("/interfaces[name='{}']/device", running.interfaces[i].name);
        }
    }
    return {};
}

Router::Router(const std::shared_ptr<const config::Router>& config,
               std::vector<InterfacePorts> ports, const RouterOptions& options)
    : shared_(std::make_unique<SharedState>()) {
    shared_->options = options;
    shared_->config = config;
    const unsigned workers = options.workers;
    for (std::size_t i = 0; i < ports.size(); ++i) {
        const auto index = static_cast<config::InterfaceIndex>(i);
        shared_->interfaces.push_back(std::make_unique<InterfaceState>(
            ports[i], static_cast<unsigned>(i % workers),
            std::make_unique<Output>(egress_config(*config, index, options.lateness_ns), options)));
    }
    for (unsigned from = 0; from < workers; ++from) {
        for (unsigned to = 0; to < workers; ++to) {
            shared_->rings.push_back(from == to ? nullptr : make_ring(shared_.get(), from, to));
        }
    }
    shared_->qsbr = make_qsbr(workers);
    shared_->in_use = std::vector<std::atomic<const Snapshot*>>(workers);
    BuildOptions build = build_options(*shared_);
    shared_->flow_numbers = shared_->flow_numbers.next(flow_ids(*config));
    shared_->sid_numbers = shared_->sid_numbers.next(counted_sids(*config));
    build.flows = numbered_flows(*shared_, *config, shared_->flow_numbers);
    build.sid_numbers = &shared_->sid_numbers;
    shared_->owned = build_tables(config, build);
    for (unsigned worker = 0; worker < workers; ++worker) {
        shared_->sid_counters.push_back(std::make_unique<SlotArray<SidCounter>>());
    }
    reserve_state(*shared_, *config, shared_->flow_numbers.count, shared_->sid_numbers.count);
    shared_->current.store(shared_->owned.get(), std::memory_order_release);
    for (unsigned worker = 0; worker < workers; ++worker) {
        shared_->workers.push_back(std::make_unique<Worker>(*shared_, worker));
    }
}

std::string Router::apply(std::shared_ptr<const config::Router> config) {
    const config::Difference difference = config::difference(*shared_->config, *config);
    return apply(std::move(config), difference);
}

std::string Router::apply(std::shared_ptr<const config::Router> config,
                          const config::Difference& difference) {
    if (const std::string fixed = needs_new_router(*shared_->config, *config); !fixed.empty()) {
        return fixed + " cannot change while the router runs";
    }
    // All that may find no memory comes before the first change.
    BuildOptions build;
    NewNumbers numbers;
    std::unique_ptr<Snapshot> tables;
    std::vector<std::unique_ptr<Output>> outputs;
    try {
        build = build_options(*shared_);
        numbers = new_numbers(*shared_, *config, difference);
        const FlowNumbers& flows = numbers.flows ? *numbers.flows : shared_->flow_numbers;
        const SidNumbers& sids = numbers.sids ? *numbers.sids : shared_->sid_numbers;
        if (difference.flows) {
            build.flows = numbered_flows(*shared_, *config, flows);
        }
        build.sid_numbers = &sids;
        reserve_state(*shared_, *config, flows.count, sids.count);
        tables = build_tables(config, build, *shared_->owned, difference);
        outputs = changed_outputs(*shared_, *config);
        shared_->retired.reserve(shared_->retired.size() + 1);
        shared_->gone.reserve(shared_->gone.size() + 1);
    } catch (const std::exception& error) {
        return words_of(error);
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        if (outputs[i]) {
            delete shared_->interfaces[i]->replacement.exchange(outputs[i].release(),
                                                                std::memory_order_release);
        }
    }
    shared_->config = std::move(config);
    shared_->current.store(tables.get(), std::memory_order_release);
    shared_->retired.push_back(
        {std::move(shared_->owned), rte_rcu_qsbr_start(shared_->qsbr.get())});
    shared_->owned = std::move(tables);
    take_numbers(*shared_, std::move(numbers));
    return {};
}

void Router::reclaim() {
    std::erase_if(shared_->retired, [this](const RetiredTables& retired) {
        return rte_rcu_qsbr_check(shared_->qsbr.get(), retired.token, false) == 1;
    });
    release_numbers(*shared_);
    for (std::size_t i = 0; i < shared_->interfaces.size(); ++i) {
        const std::unique_ptr<Output> last(
            shared_->interfaces[i]->retired.exchange(nullptr, std::memory_order_acquire));
        const auto position = static_cast<std::ptrdiff_t>(shared_->drained.size());
        for (const Output* output = last.get(); output != nullptr; output = output->next.get()) {
            shared_->drained.insert(shared_->drained.begin() + position,
                                    {.interface = static_cast<config::InterfaceIndex>(i),
                                     .lasted_ns = output->drained_ns,
                                     .missed = output->missed});
        }
    }
}

std::vector<Router::Drained> Router::take_drained() {
    return std::exchange(shared_->drained, {});
}

std::size_t Router::retired_tables() const {
    return shared_->retired.size();
}

bool Router::is_settled() const {
    return std::ranges::all_of(shared_->in_use, [&](const auto& tables) {
        return tables.load(std::memory_order_acquire) == shared_->owned.get();
    });
}

void Router::set_link(config::InterfaceIndex interface, bool up) {
    shared_->interfaces[interface]->link_up.store(up, std::memory_order_relaxed);
}

Router::~Router() {
    if (shared_) {
        shared_->workers.clear();
    }
}

unsigned Router::workers() const {
    return shared_->options.workers;
}
Worker& Router::worker(unsigned index) {
    return *shared_->workers[index];
}
unsigned Router::owner_of(config::InterfaceIndex interface) const {
    return shared_->interfaces[interface]->owner;
}
const Snapshot& Router::tables() const {
    return *shared_->owned;
}
const config::Router& Router::config() const {
    return *shared_->config;
}
std::int64_t Router::tx_guard_ns(config::InterfaceIndex interface) const {
    return egress_config(*shared_->config, interface, shared_->options.lateness_ns).tx_guard_ns;
}

std::map<config::IpPrefix, Router::SidAccount> Router::sid_account() const {
    std::map<config::IpPrefix, SidAccount> account;
    for (const auto& [sid, number] : shared_->sid_numbers.number_of) {
        SidAccount sum;
        for (const auto& counters : shared_->sid_counters) {
            sum.packets += (*counters)[number].packets.get();
            sum.octets += (*counters)[number].octets.get();
        }
        if (sum.packets != 0) {
            account.emplace(sid, sum);
        }
    }
    return account;
}

Account Router::account() const {
    Account account;
    account.interfaces.resize(shared_->interfaces.size());
    for (const auto& worker : shared_->workers) {
        const WorkerCounters& from = worker->counters();
        account.received += from.received.get();
        account.generated += from.generated.get();
        account.sent += from.sent.get();
        account.to_kernel += from.to_kernel.get();
        account.queued += worker->queued();
        account.handed_over_in += from.handed_over_in.get();
        account.handed_over_out += from.handed_over_out.get();
        for (std::size_t reason = 0; reason < kDropReasons; ++reason) {
            account.dropped[reason] += from.dropped[reason].get();
        }
        for (std::size_t i = 0; i < account.interfaces.size(); ++i) {
            account.from_kernel += from.interfaces[i].from_kernel.get();
            account.interfaces[i].received += from.interfaces[i].received.get();
            account.interfaces[i].sent += from.interfaces[i].sent.get();
            account.interfaces[i].cycle_overruns += from.interfaces[i].cycle_overruns.get();
        }
    }
    // What lies in a ring between two workers waits, too.
    account.queued += account.handed_over_out - account.handed_over_in;
    account.handed_over_in = account.handed_over_out = 0;
    return account;
}

}  // namespace tcqf::dataplane
