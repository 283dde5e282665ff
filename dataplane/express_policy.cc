// The short way into SR policies: the headers that were prepared for a segment list, in front of a
// packet.

#include "dataplane/express_steps.h"
#include "dataplane/flow_hash.h"
#include "dataplane/headers.h"
#include "dataplane/plain.h"
#include "dataplane/tags.h"

namespace tcqf::dataplane {
namespace {

/// Apart, as nearly no packet comes by one.
[[gnu::noinline]] void pass_binding_sid(const Plain& plain) {
    next_segment(plain);
}

}  // namespace

/// Into a policy: a TCQF packet, a flow's, or one without a tag.
bool Express::forward_steered(rte_mbuf* mbuf, const Plain& plain) {
    if (plain.kind == Layer3::labelled) {
        return forward_label_steered(mbuf, plain);
    }
    if (plain.flow != FlowTable::kNoFlow) {
        return forward_ingress_steered(mbuf, plain);
    }
    if (plain.cycle == 0) {
        return forward_best_effort_steered(mbuf, plain);
    }
    const std::uint32_t distance = lane_.steers ? lane_.instant.distance(plain.cycle) : 0;
    if (distance == 0) [[unlikely]] {
        return false;
    }
    std::uint8_t* place = put_policy_in_front(mbuf, plain, dscp_beneath(plain), nullptr);
    if (place == nullptr) [[unlikely]] {
        return false;
    }
    retire_option(plain);
    write_tag(lane_.out->tags.tagging(), place, new_tag(plain));
    join_cycle(mbuf, distance, plain.policy->nrp);
    return true;
}

/// A packet without a tag, in the headers of a policy.
bool Express::forward_best_effort_steered(rte_mbuf* mbuf, const Plain& plain) {
    const std::uint8_t dscp = dscp_of(plain);
    std::uint8_t* l3 = put_policy_in_front(mbuf, plain, dscp, nullptr);
    if (l3 == nullptr) [[unlikely]] {
        return false;
    }
    const TagTable& tags = lane_.out->tags;
    TrafficClass traffic_class = TrafficClass::best_effort;
    if (plain.outer != nullptr) {
        const std::uint8_t clean = tags.tagging() == Tagging::dscp ? tags.clean_of(dscp) : dscp;
        ipv6::set_dscp(l3, clean);
        traffic_class = class_of_dscp(clean);
    } else {
        mpls::set_tc(l3, tags.clean_of(0));
    }
    join_queue(mbuf, traffic_class, plain.policy->nrp);
    return true;
}

/// A packet whose top label is a policy's binding SID: the policy's labels take its place. In the
/// uniform model they all have its TTL. As Forwarder::write_labels().
bool Express::forward_label_steered(rte_mbuf* mbuf, const Plain& plain) {
    if (plain.outer != nullptr || tables_->short_pipe) {
        return false;
    }
    const LabelStack& stack = *plain.stack;
    const std::uint32_t octets = (stack.count - 1u) * kLabelOctets;
    const Onward onward = Express::onward(plain, lane_.transit);
    if (!onward.is_plain() || plain.flow != FlowTable::kNoFlow ||
        plain.adjacency->label_count == 0 || !has_room(mbuf, plain, octets)) [[unlikely]] {
        return false;
    }
    const std::uint32_t entry = load32(plain.l3);
    const std::uint8_t tc = plain.cycle != 0 ? lane_.in->egress_tc : mpls::tc(entry);
    std::uint8_t* top = put_in_front(mbuf, plain, octets, ethertype::kMpls);
    stack.write(top, mpls::entry(0, tc, false, static_cast<std::uint8_t>(mpls::ttl(entry) - 1)),
                mpls::bottom(entry));
    mpls::set_tc(top, onward.has_cycle ? new_tag(plain) : mark_of(plain, Tagging::mpls_tc, tc, tc));
    join(mbuf, onward, TrafficClass::best_effort,
         plain.policy->nrp != kNoNrp ? plain.policy->nrp : plain.nrp);
    return true;
}

/// A flow's packet that enters TCQF in the headers of a policy.
bool Express::forward_ingress_steered(rte_mbuf* mbuf, const Plain& plain) {
    const config::MplsService* service = service_of(plain);
    if (lane_.out->domain == kNoDomain || (service != nullptr && plain.outer != nullptr)) {
        return false;
    }
    const std::uint8_t dscp = dscp_of(plain);
    std::uint8_t* place = put_policy_in_front(mbuf, plain, dscp, service);
    if (place == nullptr) [[unlikely]] {
        return false;
    }
    join_by_flow(
        mbuf, plain,
        {.tag_place = place,
         .share = lane_.shares[plain.policy->nrp],
         .traffic_class = plain.outer != nullptr ? class_of_dscp(dscp) : TrafficClass::best_effort,
         .service = service,
         .own_option = lane_.out->tags.tagging() == Tagging::ipv6_option});
    return true;
}

/// The headers of a policy, complete but for the tag, in front of a packet that gets this DSCP:
/// where the tag goes, or nullptr, and nothing is changed. `service`: may be nullptr.
[[gnu::always_inline]] inline std::uint8_t* Express::put_policy_in_front(
    rte_mbuf* mbuf, const Plain& plain, std::uint8_t dscp,
    const config::MplsService* service) const {
    return plain.outer != nullptr ? encapsulate_plain(mbuf, plain, dscp)
                                  : push_plain(mbuf, plain, dscp, service);
}

/// As Forwarder::encapsulate().
[[gnu::always_inline]] inline std::uint8_t* Express::encapsulate_plain(rte_mbuf* mbuf,
                                                                       const Plain& plain,
                                                                       std::uint8_t dscp) const {
    const InterfaceTable& out = *lane_.out;
    const OuterHeader& outer = *plain.outer;
    const bool is_ipv4 = plain.kind == Layer3::ipv4;
    if (out.tags.tagging() == Tagging::mpls_tc || !has_room(mbuf, plain, outer.octets))
        [[unlikely]] {
        return nullptr;
    }
    pass_hop(plain, dscp);
    if (plain.segment != 0) [[unlikely]] {
        pass_binding_sid(plain);
    }
    const std::uint32_t hash = is_ipv4 ? ipv4_hash(plain.l3, plain.octets, tables_->hash_seed)
                                       : ipv6_hash(plain.l3, upper_of(plain), tables_->hash_seed);
    std::uint8_t* ip = put_in_front(mbuf, plain, outer.octets, ethertype::kIpv6);
    outer.write(ip, is_ipv4 ? plain.l3[1] : ipv6::traffic_class(plain.l3), flow_label_of(hash),
                is_ipv4 ? protocol::kIpv4 : protocol::kIpv6, plain.octets);
    return ip + outer.extensions.tcqf(out.option_header);
}

/// As Forwarder::write_labels(); `service`: may be nullptr.
[[gnu::always_inline]] inline std::uint8_t* Express::push_plain(
    rte_mbuf* mbuf, const Plain& plain, std::uint8_t dscp,
    const config::MplsService* service) const {
    const LabelStack& stack = *plain.stack;
    const std::uint32_t stack_octets = stack.count * kLabelOctets;
    const std::uint32_t octets = stack_octets + (service != nullptr ? kServiceOctets : 0);
    if (lane_.out->tags.tagging() != Tagging::mpls_tc || !has_room(mbuf, plain, octets))
        [[unlikely]] {
        return nullptr;
    }
    const std::uint8_t pushed_tc = plain.cycle != 0 ? lane_.in->egress_tc : std::uint8_t{0};
    const std::uint8_t ttl = pass_hop(plain, dscp);
    std::uint8_t* top = put_in_front(mbuf, plain, octets, ethertype::kMpls);
    const std::uint32_t marks =
        mpls::entry(0, pushed_tc, false, tables_->short_pipe ? std::uint8_t{255} : ttl);
    stack.write(top, marks, service == nullptr);
    if (service != nullptr) [[unlikely]] {
        write_service(*service, top + stack_octets, marks);
    }
    return top;
}

}  // namespace tcqf::dataplane
