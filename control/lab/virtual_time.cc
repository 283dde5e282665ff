#include "control/lab/virtual_time.h"

#include <algorithm>
#include <functional>

#include "dataplane/worker.h"

namespace tcqf::control {

void Stalls::add(std::int64_t begin_ns, std::int64_t end_ns) {
    stalls_.emplace_back(begin_ns, end_ns);
    std::sort(stalls_.begin(), stalls_.end());
    std::vector<std::pair<std::int64_t, std::int64_t>> merged;
    for (const auto& stall : stalls_) {
        if (!merged.empty() && stall.first <= merged.back().second) {
            merged.back().second = std::max(merged.back().second, stall.second);
        } else {
            merged.push_back(stall);
        }
    }
    stalls_ = std::move(merged);
}

std::int64_t Stalls::awake_from(std::int64_t now_ns) const {
    const auto after =
        std::upper_bound(stalls_.begin(), stalls_.end(), now_ns,
                         [](std::int64_t now, const auto& stall) { return now < stall.first; });
    return after == stalls_.begin() ? now_ns : std::max(now_ns, std::prev(after)->second);
}

VirtualTime::VirtualTime(dataplane::Router& router, std::vector<VirtualWire*> wires, Stalls stalls)
    : router_(router),
      wires_(std::move(wires)),
      stalls_(std::move(stalls)),
      // With several workers each packet reaches its queue before the next one is looked at.
      burst_(router.workers() == 1 ? dataplane::kReceiveBurst : 1) {
    for (std::size_t i = 0; i < wires_.size(); ++i) {
        if (wires_[i]->next_ns() != kNever) {
            arrivals_.push_back({wires_[i]->next_ns(), static_cast<std::uint16_t>(i)});
        }
    }
    std::make_heap(arrivals_.begin(), arrivals_.end(), std::greater<>());
}

void VirtualTime::run_until(std::int64_t last_arrival_ns) {
    const std::int64_t end_ns = stalls_.awake_from(last_arrival_ns);
    for (std::int64_t now_ns; (now_ns = next_instant()) < end_ns;) {
        receive(now_ns);
        transmit(now_ns);
    }
    receive(end_ns);
}

void VirtualTime::run_until_drained() {
    for (std::int64_t now_ns; (now_ns = next_instant()) != kNever;) {
        receive(now_ns);
        transmit(now_ns);
    }
}

std::int64_t VirtualTime::next_instant() const {
    const std::int64_t arrival_ns = arrivals_.empty() ? kNever : arrivals_.front().time_ns;
    const std::int64_t next_ns = std::min(arrival_ns, next_transmit_ns_);
    return next_ns == kNever ? kNever : stalls_.awake_from(next_ns);
}

/// Takes what has arrived, in the order of arrival.
void VirtualTime::receive(std::int64_t now_ns) {
    for (unsigned worker = 0; worker < router_.workers(); ++worker) {
        router_.worker(worker).advance(now_ns);
    }
    while (!arrivals_.empty() && arrivals_.front().time_ns <= now_ns) {
        std::pop_heap(arrivals_.begin(), arrivals_.end(), std::greater<>());
        Arrival& arrival = arrivals_.back();
        receive_from(arrival.interface, arrival.time_ns, now_ns);
        arrival.time_ns = wires_[arrival.interface]->next_ns();
        if (arrival.time_ns == kNever) {
            arrivals_.pop_back();
        } else {
            std::push_heap(arrivals_.begin(), arrivals_.end(), std::greater<>());
        }
    }
}

/// Takes what one interface has up to `until_ns`.
void VirtualTime::receive_from(std::uint16_t interface, std::int64_t until_ns,
                               std::int64_t now_ns) {
    VirtualWire& wire = *wires_[interface];
    dataplane::Worker& owner = router_.worker(router_.owner_of(interface));
    wire.admit(until_ns, burst_);
    while (wire.next_ns() <= until_ns) {
        owner.receive_from(interface, now_ns);
        for (bool busy = router_.workers() > 1; busy;) {
            busy = false;
            for (unsigned worker = 0; worker < router_.workers(); ++worker) {
                busy |= router_.worker(worker).take_handed_over() != 0;
            }
        }
    }
}

void VirtualTime::transmit(std::int64_t now_ns) {
    next_transmit_ns_ = kNever;
    for (unsigned worker = 0; worker < router_.workers(); ++worker) {
        next_transmit_ns_ = std::min(next_transmit_ns_, router_.worker(worker).transmit(now_ns));
    }
    if (next_transmit_ns_ <= now_ns) {
        next_transmit_ns_ = now_ns + 1;
    }
}

}  // namespace tcqf::control
