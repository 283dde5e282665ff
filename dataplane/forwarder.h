// A worker's first half: what arrives is parsed, looked up and edited, until it is decided what
// becomes of it. The second half carries that out (sender.h).
//
// Packets are single segments. Every one that comes in or is generated here ends in exactly one
// counter, in a queue, or in a ring to another worker.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/account.h"
#include "dataplane/icmp_error.h"
#include "dataplane/network_actions.h"
#include "dataplane/packet.h"
#include "dataplane/sender.h"
#include "dataplane/shared_state.h"
#include "dataplane/upper_layer.h"

namespace tcqf::dataplane {

class Forwarder {
  public:
    Forwarder(SharedState& shared, unsigned worker);

    // forwarder.cc; as those of Worker
    unsigned receive(std::int64_t now_ns);
    unsigned receive_from(config::InterfaceIndex interface, std::int64_t now_ns);
    void refresh();
    Sender& sender() { return sender_; }
    const Sender& sender() const { return sender_; }

  private:
    /// A receive queue that this worker reads.
    struct Source {
        config::InterfaceIndex interface;
        ReceivePort* queue;
        bool has_kernel;  ///< what the kernel sends there is read along with it
        std::int64_t last_poll_ns = kNever;
    };
    unsigned receive_from(Source& source, std::int64_t now_ns);

    // express.cc: which way packets go, the short or the long one
    void forward_burst(const Source& source, std::span<rte_mbuf* const> mbufs,
                       const std::int64_t* arrivals_ns, std::int64_t now_ns);

    // input.cc: what arrives
    void receive_from_kernel(config::InterfaceIndex interface, std::int64_t now_ns);
    void input(Packet& packet);
    void input_ipv4(Packet& packet, bool ours);
    void input_ipv6(Packet& packet, bool ours);
    void input_labelled(Packet& packet, bool ours);
    bool check_ipv4(Packet& packet);
    bool check_ipv6(Packet& packet);
    bool accept_option(Packet& packet, std::uint16_t unknown);
    static void note_headers(Packet& packet, std::uint32_t above);
    std::uint32_t check_labels(Packet& packet);
    bool read_selector(Packet& packet, std::uint32_t stack_octets);
    void to_kernel(Packet& packet);

    // forward_ip.cc
    void forward_ip(Packet& packet);
    static bool stays_on_link(const Packet& packet);
    const RouteAction& route_of(Packet& packet) const;
    SidAction binding_sid_of(const RouteAction& route) const;
    void forward_along(Packet& packet, const RouteAction& route);
    void deliver(Packet& packet);
    std::uint32_t steered_into(Packet& packet, const RouteAction& route);
    config::InterfaceIndex way_out(const Packet& packet, const RouteAction& route,
                                   std::uint32_t policy) const;
    bool reaches(Packet& packet, const Adjacency& adjacency);
    void send_ip(Packet& packet, const Adjacency& adjacency, std::uint8_t ttl);
    void send_matched(Packet& packet, const Adjacency& adjacency, std::uint8_t ttl);
    const FlowProfile* profile_into(const Packet& packet, config::InterfaceIndex oif) const;
    void ip_too_big(Packet& packet, const Adjacency& adjacency, std::uint8_t ttl, std::uint32_t mtu,
                    const PolicyAction* policy);
    bool is_martian(const Packet& packet) const;

    // fragment.cc
    struct LaterHeader;
    rte_mbuf* later_fragment(const Packet& packet, const LaterHeader& header, std::uint32_t at,
                             std::uint32_t part, bool is_last);
    void fragment(Packet& packet, const Adjacency& adjacency, std::uint32_t mtu,
                  const PolicyAction* policy);

    // forward_mpls.cc
    enum class Beneath : std::uint8_t;
    void forward_labels(Packet& packet);
    Beneath take_label(Packet& packet, std::uint32_t entry);
    Beneath take_reserved_label(Packet& packet, std::uint32_t entry, Layer3& payload);
    void deliver_labelled(Packet& packet);
    void forward_payload(Packet& packet, Layer3 expected);
    void forward_label(Packet& packet, std::uint32_t entry, const LabelAction& action);
    void labelled_too_big(Packet& packet, const Adjacency& adjacency, std::uint32_t stack_octets);
    void pop_label(Packet& packet);
    bool expose(Packet& packet, bool was_bottom, const Adjacency& adjacency);
    bool expose_actions(Packet& packet, bool& bottom, const Adjacency& adjacency);
    bool take_actions(Packet& packet, bool& bottom);
    bool take_entropy(Packet& packet, bool& bottom);
    void detnet_pop(Packet& packet, std::uint32_t entry, std::uint8_t sequence_bits);

    void forward_binding_label(Packet& packet, std::uint32_t entry, const PolicyAction& policy);

    // endpoint.cc: local SIDs
    void endpoint(Packet& packet, const SidAction& sid);
    bool next_csid(Packet& packet, const SidAction& sid);
    bool advance_segment(Packet& packet, const SidAction& sid, std::uint8_t* routing);
    void forward_from_sid(Packet& packet, const SidAction& sid);
    SidCounter& counter_of(const SidAction& sid) const { return sid_counters_[sid.counter]; }
    void count_at_sid(const SidAction& sid, std::uint32_t octets) const {
        counter_of(sid).count(octets);
    }
    void upper_layer(Packet& packet, const SidAction& sid);
    void decapsulate(Packet& packet, const SidAction& sid, Layer3 inner);
    void send_to_hops(Packet& packet, const HopSet& hops);
    void remove_routing_header(Packet& packet);
    void oam_copy(Packet& packet);

    // steer.cc: SR policies and partitions
    void steer(Packet& packet, const PolicyAction& policy, std::uint8_t ttl);
    void encapsulate(Packet& packet, const PolicyAction& policy, const SegmentListAction& list,
                     std::uint8_t ttl);
    bool accept_partition(Packet& packet);

    // edit.cc: headers in front of a packet
    bool make_room(Packet& packet, std::uint32_t octets);
    std::optional<PushedSelector> pushed_selector(const Packet& packet,
                                                  const Adjacency& adjacency) const;
    PlacedActions actions_out_of_reach(const Packet& packet, const Adjacency& adjacency,
                                       const std::uint8_t* beneath) const;
    std::uint32_t pushed_octets(const Packet& packet, const Adjacency& adjacency) const;
    const config::MplsService* service_of(const Packet& packet) const;
    void push_control_word(Packet& packet, const config::MplsService& service);
    struct PushedMarks;
    struct PushedStack;
    PushedMarks pushed_marks(const Packet& packet, std::uint32_t beneath, std::uint8_t pushed_tc,
                             bool replaces) const;
    void lay_out_labels(const Packet& packet, const Adjacency& adjacency, const std::uint8_t* stays,
                        const PushedMarks& marks, PushedStack& stack) const;
    void write_labels(Packet& packet, const Adjacency& adjacency, std::uint32_t beneath,
                      std::uint8_t pushed_tc, bool replaces);
    void write_ethernet(Packet& packet, const Adjacency& adjacency);

    // classify.cc: flows and hashes
    FlowFields flow_fields(const Packet& packet) const;
    void match_flow(Packet& packet);
    bool match_flow_into(Packet& packet, config::InterfaceIndex oif);
    std::uint32_t spread_hash(const Packet& packet) const;
    const Adjacency& choose_hop(const Packet& packet, const HopSet& hops) const;
    const SegmentListAction& choose_list(const Packet& packet, const PolicyAction& policy) const;
    std::uint32_t hash_of(const Packet& packet) const;

    // output.cc: which class, which cycle, which tag
    void output(Packet& packet, config::InterfaceIndex oif);
    void transit(Packet& packet, config::InterfaceIndex oif);
    void ingress(Packet& packet, config::InterfaceIndex oif);
    void best_effort(Packet& packet, config::InterfaceIndex oif);
    void leave_domain(Packet& packet);
    void clear_old_tag(Packet& packet, const std::uint8_t* place);
    std::uint8_t* tag_place(Packet& packet, const InterfaceTable& out) const;
    TrafficClass class_of(const Packet& packet) const;

    // icmp_error.cc
    void icmp_error(const Packet& packet, IcmpError error);
    void keep_headers(Packet& packet);
    std::span<const std::uint8_t> as_received(const Packet& packet);

    void drop(const Packet& packet, DropReason reason) { sender_.drop(packet.mbuf, reason); }
    WorkerCounters& counters() { return sender_.counters(); }

    SharedState& shared_;
    const unsigned index_;
    const Snapshot* tables_ = nullptr;
    std::vector<Source> sources_;
    SlotArray<SidCounter>& sid_counters_;  // this worker's
    Sender sender_;
    KeptHeaders kept_;  // of the packet that is being forwarded
};

}  // namespace tcqf::dataplane
