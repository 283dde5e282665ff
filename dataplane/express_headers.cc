// The short way of packets that leave with other headers than they came with: labels pushed or
// popped, or an outer header taken off.

#include <algorithm>

#include "dataplane/express_steps.h"
#include "dataplane/headers.h"
#include "dataplane/plain.h"
#include "dataplane/tags.h"

namespace tcqf::dataplane {

/// With more labels on the way out than on the way in, or less.
bool Express::forward_unlike(rte_mbuf* mbuf, const Plain& plain) {
    if (plain.kind == Layer3::labelled) {
        return forward_popped(mbuf, plain);
    }
    switch (plain.label_count) {
        case Plain::kExposed:
            return forward_exposed(mbuf, plain);
        case Plain::kRoutingPopped:
            return forward_routing_popped(mbuf, plain);
        default:
            return forward_pushed(mbuf, plain);
    }
}

/// A label off another one, which gets the tag. As Forwarder::forward_label() and expose().
bool Express::forward_popped(rte_mbuf* mbuf, const Plain& plain) {
    const std::uint32_t entry = load32(plain.l3);
    if (plain.label->kind != LabelKind::pop || plain.flow != FlowTable::kNoFlow) {
        return false;
    }
    if (mpls::bottom(entry)) {
        return forward_last_popped(mbuf, plain);
    }
    std::uint8_t* top = plain.l3 + kLabelOctets;
    const Onward onward = Express::onward(plain, lane_.transit);
    if (mpls::label(load32(top)) < mpls::kFirstUnreserved || !onward.is_plain()) {
        return false;
    }
    const std::uint8_t own_tc = mpls::tc(load32(top));
    mpls::set_tc(
        top, onward.has_cycle ? new_tag(plain) : mark_of(plain, Tagging::mpls_tc, own_tc, own_tc));
    if (!tables_->short_pipe) {
        top[3] = std::min(top[3], static_cast<std::uint8_t>(mpls::ttl(entry) - 1));
    }
    start_at(top, ethertype::kMpls, mbuf, plain);
    join(mbuf, onward, TrafficClass::best_effort, plain.nrp);
    return true;
}

/// The last label off IP (PHP), whose TTL is never raised, nor decremented by itself (RFC 3443,
/// 3.5). As Forwarder::forward_label() and expose().
bool Express::forward_last_popped(rte_mbuf* mbuf, const Plain& plain) {
    Plain beneath = plain;
    if (!go_beneath(beneath, kLabelOctets)) {
        return false;
    }
    const unsigned ttl = mpls::ttl(load32(plain.l3));
    beneath.ttl_limit =
        tables_->short_pipe ? std::uint8_t{255} : static_cast<std::uint8_t>(ttl - 1);
    beneath.label_count = Plain::kPenultimate;
    return forward_exposed(mbuf, beneath);
}

/// IP from beneath what carried its tag where it has a cycle: labels, or an outer header.
bool Express::forward_exposed(rte_mbuf* mbuf, const Plain& plain) {
    const Onward onward = Express::onward(plain, lane_.in_cycle);
    if (plain.adjacency->label_count != 0 || !onward.is_plain()) [[unlikely]] {
        return false;
    }
    std::uint8_t dscp = dscp_of(plain);
    if (!onward.has_cycle) {
        dscp = mark_of(plain, Tagging::dscp, dscp, dscp);
    } else if (lane_.out->tags.tagging() == Tagging::dscp) {
        dscp = new_tag(plain);
    }
    const unsigned hops = plain.label_count == Plain::kPenultimate ? 0 : 1;
    set_ttl_and_dscp(
        plain, static_cast<std::uint8_t>(std::min(ttl_of(plain), plain.ttl_limit) - hops), dscp);
    if (plain.sid != nullptr) {
        plain.sid_counter->count(mbuf->pkt_len - kEthernetOctets);
    }
    start_at(plain.l3, plain.kind == Layer3::ipv4 ? ethertype::kIpv4 : ethertype::kIpv6, mbuf,
             plain);
    join(mbuf, onward, class_of_dscp(dscp), plain.nrp);
    return true;
}

/// IP that gets the labels of its next hop: without a cycle, with one and a DSCP that was its tag,
/// or as a flow's. As Forwarder::send_matched() and write_labels().
bool Express::forward_pushed(rte_mbuf* mbuf, const Plain& plain) {
    const Adjacency& adjacency = *plain.adjacency;
    const bool enters = plain.flow != FlowTable::kNoFlow;
    const config::MplsService* service = enters ? service_of(plain) : nullptr;
    const std::uint32_t labels_octets = adjacency.label_count * kLabelOctets;
    const std::uint32_t octets = labels_octets + (service != nullptr ? kServiceOctets : 0);
    const bool has_cycle = plain.cycle != 0;
    const TagTable& tags = lane_.out->tags;
    const bool tags_labels = tags.tagging() == Tagging::mpls_tc;
    const std::uint32_t distance =
        has_cycle && lane_.steers && tags_labels ? lane_.instant.distance(plain.cycle) : 0;
    if (plain.segment != 0 || (has_cycle && distance == 0) || (enters && !tags_labels) ||
        !has_room(mbuf, plain, octets)) [[unlikely]] {
        return false;
    }
    const std::uint8_t ttl = pass_hop(plain, has_cycle ? dscp_beneath(plain) : dscp_of(plain));
    retire_option(plain);
    std::uint8_t* top = put_in_front(mbuf, plain, octets, ethertype::kMpls);
    const std::uint32_t marks = mpls::entry(0, has_cycle ? lane_.in->egress_tc : std::uint8_t{0},
                                            false, tables_->short_pipe ? std::uint8_t{255} : ttl);
    write_labels_of(adjacency, top, marks, service == nullptr);
    if (service != nullptr) {
        write_service(*service, top + labels_octets, marks);
    }
    if (has_cycle) {
        mpls::set_tc(top, new_tag(plain));
        join_cycle(mbuf, distance, plain.nrp);
    } else if (enters) {
        join_by_flow(mbuf, plain, {.tag_place = top, .service = service});
    } else {
        if (tags_labels) {
            mpls::set_tc(top, tags.clean_of(0));
        }
        join_queue(mbuf, TrafficClass::best_effort, plain.nrp);
    }
    return true;
}

}  // namespace tcqf::dataplane
