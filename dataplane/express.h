// The short way, second half: plain packets that are known to go somewhere (pathfinder.h) get a new
// tag or mark, and a place in a cycle or a queue.
#pragma once

#include <cstdint>

#include "dataplane/plain.h"
#include "dataplane/sender.h"
#include "dataplane/shared_state.h"
#include "dataplane/tables.h"

namespace tcqf::dataplane {

/// S-label and control word.
inline constexpr std::uint32_t kServiceOctets = kLabelOctets + kControlWordOctets;

/// From the interface of a burst to another one, at one instant.
struct Lane {
    static constexpr config::InterfaceIndex kNotChosen = UINT16_MAX;

    config::InterfaceIndex iif = 0;
    config::InterfaceIndex oif = kNotChosen;  ///< what the rest is valid for
    bool in_cycle = false;                    ///< TCQF packets may go there
    bool transit = false;                     ///< and have the same kind of tag there
    bool steers = false;                      ///< in_cycle, from a domain with tags of IP packets
    bool ingress = false;                     ///< flows enter TCQF there, by DSCP
    bool owned = false;                       ///< this worker looks after oif
    std::uint32_t mtu = 0;                    ///< of oif; 0: nothing may go there
    Shares shares;                            ///< of oif
    std::int64_t now_ns = 0;
    std::int64_t longest_wait_ns = 0;  ///< as of a packet
    const InterfaceTable* in = nullptr;
    const InterfaceTable* out = nullptr;
    const CycleMap* map = nullptr;
    const CycleTracker* tracker = nullptr;  ///< of oif, at now_ns
    CycleMap::Instant instant;
    CycleNumber current = 0;         ///< cycle of oif
    PacketEgress* egress = nullptr;  ///< where it is owned
};

/// What a flow's packet needs that is finished but for its tag.
struct Untagged {
    std::uint8_t* tag_place = nullptr;
    std::uint32_t share = 0;                                 ///< 0: of no partition
    TrafficClass traffic_class = TrafficClass::best_effort;  ///< where it gets no cycle
    const config::MplsService* service = nullptr;            ///< whose control word it has
    bool own_option = false;  ///< the tag's place is an option that this router put in front

    std::uint8_t number_bits() const {
        return service != nullptr ? service->sequence_bits : std::uint8_t{0};
    }
};

/// How a packet goes on whose tag went with what carried it, or that has none.
struct Onward {
    bool leaves = false;         ///< its domain
    bool has_cycle = false;      ///< it is TCQF, and stays it
    std::uint32_t distance = 0;  ///< of its cycle; 0: none that it may join

    bool is_plain() const { return !has_cycle || distance != 0; }
};

/// Forwards packets of one burst, which came in by one interface.
class Express {
  public:
    /// `longest_wait_ns`: as of a Packet.
    Express(const Snapshot& tables, SharedState& shared, Sender& sender, config::InterfaceIndex iif,
            std::int64_t longest_wait_ns)
        : tables_(&tables), shared_(shared), sender_(sender) {
        lane_.iif = iif;
        lane_.in = &tables.interfaces[iif];
        lane_.longest_wait_ns = longest_wait_ns;
    }

    /// When the packets that follow arrived.
    void set_now(std::int64_t now_ns) {
        if (now_ns != lane_.now_ns) {
            lane_.now_ns = now_ns;
            lane_.oif = Lane::kNotChosen;
        }
    }
    std::int64_t now_ns() const { return lane_.now_ns; }
    /// A packet that is not plain in every respect is left as it is: false.
    bool forward(rte_mbuf* mbuf, const Plain& plain);

  private:
    // express.cc
    void choose_lane(config::InterfaceIndex oif);
    bool forward_transit(rte_mbuf* mbuf, const Plain& plain);
    bool forward_routing_popped(rte_mbuf* mbuf, const Plain& plain);
    void forward_best_effort(rte_mbuf* mbuf, const Plain& plain);
    void hand_to_cycle(rte_mbuf* mbuf, CycleNumber cycle, std::uint32_t nrp);
    bool forward_ingress(rte_mbuf* mbuf, const Plain& plain);
    bool forward_labelled_ingress(rte_mbuf* mbuf, const Plain& plain);
    static Untagged untagged_ip(const Plain& plain);
    void join_by_flow(rte_mbuf* mbuf, const Plain& plain, const Untagged& untagged);
    KnownFlow flow_of(const Plain& plain);
    CycleId enter(rte_mbuf* mbuf, const Plain& plain, const KnownFlow& flow, std::uint32_t share);
    Decision plain_flow_decision(const rte_mbuf* mbuf, const Plain& plain,
                                 const Untagged& untagged) const;

    // express_steps.h
    std::uint8_t new_tag(const Plain& plain) const;
    std::uint8_t mark_of(const Plain& plain, Tagging tagging, std::uint8_t mark,
                         std::uint8_t egress_mark) const;
    std::uint8_t dscp_beneath(const Plain& plain) const;
    bool has_room(const rte_mbuf* mbuf, const Plain& plain, std::uint32_t octets) const;
    Onward onward(const Plain& plain, bool keeps_cycle) const;
    void retire_option(const Plain& plain) const;
    const config::MplsService* service_of(const Plain& plain) const;
    void join_cycle(rte_mbuf* mbuf, std::uint32_t distance, std::uint32_t nrp);
    void join_queue(rte_mbuf* mbuf, TrafficClass traffic_class, std::uint32_t nrp);
    void join(rte_mbuf* mbuf, const Onward& onward, TrafficClass traffic_class, std::uint32_t nrp);

    // express_headers.cc: with other headers than before
    bool forward_unlike(rte_mbuf* mbuf, const Plain& plain);
    bool forward_popped(rte_mbuf* mbuf, const Plain& plain);
    bool forward_last_popped(rte_mbuf* mbuf, const Plain& plain);
    bool forward_exposed(rte_mbuf* mbuf, const Plain& plain);
    bool forward_pushed(rte_mbuf* mbuf, const Plain& plain);

    // express_policy.cc: into SR policies
    bool forward_steered(rte_mbuf* mbuf, const Plain& plain);
    bool forward_best_effort_steered(rte_mbuf* mbuf, const Plain& plain);
    bool forward_label_steered(rte_mbuf* mbuf, const Plain& plain);
    bool forward_ingress_steered(rte_mbuf* mbuf, const Plain& plain);
    std::uint8_t* put_policy_in_front(rte_mbuf* mbuf, const Plain& plain, std::uint8_t dscp,
                                      const config::MplsService* service) const;
    std::uint8_t* encapsulate_plain(rte_mbuf* mbuf, const Plain& plain, std::uint8_t dscp) const;
    std::uint8_t* push_plain(rte_mbuf* mbuf, const Plain& plain, std::uint8_t dscp,
                             const config::MplsService* service) const;

    const Snapshot* tables_;
    SharedState& shared_;
    Sender& sender_;
    Lane lane_;
};

}  // namespace tcqf::dataplane
