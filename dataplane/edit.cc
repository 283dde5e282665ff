// Headers in front of a packet.

#include <array>
#include <cstring>

#include "dataplane/forwarder.h"
#include "dataplane/headers.h"
#include "dataplane/label_stack.h"
#include "dataplane/network_actions.h"

namespace tcqf::dataplane {

namespace {

CopyPlaces copies_of(const PlacedActions& actions, const Adjacency& adjacency) {
    return actions.entries == 0
               ? CopyPlaces{}
               : copy_places(adjacency.label_count, actions.above + actions.entries,
                             actions.entries, adjacency.readable_depth);
}

}  // namespace

/// TC and TTL, in their places in an entry.
struct Forwarder::PushedMarks {
    std::uint32_t usual = 0;
    std::uint32_t last_label = 0;
    std::uint32_t last_actions = 0;  ///< beneath the last label
};

/// Entries that go on top of a packet, from the top.
struct Forwarder::PushedStack {
    // At most one sub-stack a label, and the S-label.
    std::array<std::uint32_t, (kMaxPushedLabels + 1) * (kMaxActionEntries + 1)> entries;
    unsigned count = 0;
    unsigned last_label = 0;  ///< position of the last one of the adjacency

    void add(std::uint32_t entry) { entries[count++] = entry; }
    void add_copy(const PlacedActions& actions, std::uint32_t marks) {
        add(kNetworkActionLabel << 12 | marks);
        for (unsigned i = 1; i < actions.entries; ++i) {
            add(load32(actions.first + i * kLabelOctets) & ~mpls::kBottom);
        }
    }
    /// Nothing of the packet's own stack comes beneath.
    void end() {
        if (count != 0) {
            entries[count - 1] |= mpls::kBottom;
        }
    }
    void write(std::uint8_t* top) const {
        for (unsigned i = 0; i < count; ++i) {
            store32(top + i * kLabelOctets, entries[i]);
        }
    }
};

/// Makes sure that `octets` bytes may be written in front of layer 3; moves the packet where its
/// headroom is too short. False where the buffer has no room at all: the packet is dropped then.
bool Forwarder::make_room(Packet& packet, std::uint32_t octets) {
    rte_mbuf* mbuf = packet.mbuf;
    auto* begin = static_cast<std::uint8_t*>(mbuf->buf_addr);
    if (packet.l3 - begin >= octets) [[likely]] {
        return true;
    }
    const std::uint32_t shift = octets - static_cast<std::uint32_t>(packet.l3 - begin);
    if (packet.l3 + packet.l3_octets + shift > begin + mbuf->buf_len) {
        drop(packet, DropReason::no_memory);
        packet.kind = Layer3::other;
        return false;
    }
    std::memmove(packet.l3 + shift, packet.l3, packet.l3_octets);
    packet.tag = packet.tag == nullptr ? nullptr : packet.tag + shift;
    packet.tag_header = packet.tag_header == nullptr ? nullptr : packet.tag_header + shift;
    packet.l3 += shift;
    packet.received_l3 += shift;
    return true;
}

/// The selector of its partition that labels pushed on this packet have among them.
std::optional<PushedSelector> Forwarder::pushed_selector(const Packet& packet,
                                                         const Adjacency& adjacency) const {
    return packet.steered ? tables_->pushed_selector(packet.nrp, adjacency) : std::nullopt;
}

/// Network actions in a packet's own stack that labels on top of it would put out of the next
/// router's reach, `beneath` being what stays of the stack; none where they stay in reach, or where
/// a selector that is pushed takes their place (RFC 9994, 7.1).
PlacedActions Forwarder::actions_out_of_reach(const Packet& packet, const Adjacency& adjacency,
                                              const std::uint8_t* beneath) const {
    if (adjacency.label_count < 2 || tables_->nrps.empty() || pushed_selector(packet, adjacency))
        [[likely]] {
        return {};
    }
    const std::uint8_t* end = packet.l3 + mpls::stack_octets(packet.l3);
    const PlacedActions actions =
        find_hop_by_hop({beneath, end}, tables_->code_points.mna_nrp_opcode);
    const bool in_reach = adjacency.label_count + actions.above + actions.entries <=
                          unsigned{adjacency.readable_depth};
    const bool never_in_reach = actions.entries >= adjacency.readable_depth;
    return in_reach || never_in_reach ? PlacedActions{} : actions;
}

/// Octets that labels, selector and DetNet service will take in front of a packet.
std::uint32_t Forwarder::pushed_octets(const Packet& packet, const Adjacency& adjacency) const {
    std::uint32_t octets =
        label_stack_octets(adjacency, pushed_selector(packet, adjacency).has_value());
    if (packet.kind == Layer3::labelled) {
        const PlacedActions actions =
            actions_out_of_reach(packet, adjacency, packet.l3 + kLabelOctets);
        octets += copies_of(actions, adjacency).count * actions.entries * kLabelOctets;
    }
    if (service_of(packet) != nullptr) {
        octets += kLabelOctets + kControlWordOctets;
    }
    return octets;
}

const config::MplsService* Forwarder::service_of(const Packet& packet) const {
    if (packet.flow == FlowTable::kNoFlow || packet.kind == Layer3::labelled) {
        return nullptr;
    }
    const FlowProfile& flow = tables_->profile_of(packet.flow);
    return flow.has_service ? &flow.service : nullptr;
}

/// RFC 8964, 4.2.1: |0000| sequence number (28)|; 0 where the service has no numbers, and until the
/// packet is accepted.
void Forwarder::push_control_word(Packet& packet, const config::MplsService& service) {
    packet.number_bits = service.sequence_bits;
    packet.l3 -= kControlWordOctets;
    packet.l3_octets += kControlWordOctets;
    store32(packet.l3, 0);
}

/// What the entries that go on top of a packet get by their place. Of a label that takes the place
/// of the packet's top one the last new one inherits TC and TTL.
Forwarder::PushedMarks Forwarder::pushed_marks(const Packet& packet, std::uint32_t beneath,
                                               std::uint8_t pushed_tc, bool replaces) const {
    const std::uint8_t ttl = mpls::ttl(beneath);
    const std::uint32_t pushed =
        mpls::entry(0, pushed_tc, false, tables_->short_pipe ? std::uint8_t{255} : ttl);
    if (!replaces) {
        return {.usual = pushed, .last_label = pushed, .last_actions = pushed};
    }
    const std::uint32_t inherited = beneath & mpls::kMarks;
    // Network actions copy TC and TTL of the label above, but a tag is in one place only.
    const bool tag_on_top = packet.tag == packet.l3;
    return {.usual = pushed,
            .last_label = inherited,
            .last_actions = tag_on_top ? mpls::entry(0, pushed_tc, false, ttl) : inherited};
}

/// An adjacency's labels with the selector that is pushed among them, or with copies of the
/// packet's own network actions where they would get out of reach; `stays` is what stays of its
/// stack.
void Forwarder::lay_out_labels(const Packet& packet, const Adjacency& adjacency,
                               const std::uint8_t* stays, const PushedMarks& marks,
                               PushedStack& stack) const {
    const PlacedActions actions = packet.kind == Layer3::labelled
                                      ? actions_out_of_reach(packet, adjacency, stays)
                                      : PlacedActions{};
    const CopyPlaces copies = copies_of(actions, adjacency);
    unsigned labels = 0;
    lay_out(adjacency, pushed_selector(packet, adjacency), [&](const PushedEntry& entry) {
        if (entry.is_label) {
            ++labels;
            stack.last_label = stack.count;
        }
        const bool is_last = labels == adjacency.label_count;
        const std::uint32_t marks_of_actions = is_last ? marks.last_actions : marks.usual;
        const std::uint32_t own = is_last && entry.is_label ? marks.last_label : marks_of_actions;
        stack.add(entry.is_marked ? entry.value | own : entry.value);
        // Nothing but labels is pushed where there are such actions.
        if (copies.beneath(labels)) {
            stack.add_copy(actions, marks_of_actions);
        }
    });
}

/// Puts an adjacency's labels on top of a packet or, where `replaces`, in place of its top label,
/// whose TC and position the last new one inherits. `beneath`: the entry, or what stands for it,
/// that gives TTL in the uniform model to what is pushed (RFC 3443, 3.5 and 3.6). Sets packet.kind
/// to `other` where the packet was dropped.
void Forwarder::write_labels(Packet& packet, const Adjacency& adjacency, std::uint32_t beneath,
                             std::uint8_t pushed_tc, bool replaces) {
    const config::MplsService* service = replaces ? nullptr : service_of(packet);
    const std::uint32_t replaced_octets = replaces ? kLabelOctets : 0;
    const PushedMarks marks = pushed_marks(packet, beneath, pushed_tc, replaces);
    PushedStack stack;
    lay_out_labels(packet, adjacency, packet.l3 + replaced_octets, marks, stack);
    if (service != nullptr) {
        stack.add(service->s_label << 12 | marks.usual);
    }
    if (replaces ? mpls::bottom(beneath) : packet.kind != Layer3::labelled) {
        stack.end();
    }
    const std::uint32_t octets = stack.count * kLabelOctets - replaced_octets;
    if (!make_room(packet, octets + kControlWordOctets + kEthernetOctets)) {
        return;
    }
    if (service != nullptr) {
        push_control_word(packet, *service);
    }
    const bool tag_on_top = replaces && packet.tag == packet.l3;
    packet.l3 -= octets;
    packet.l3_octets += octets;
    stack.write(packet.l3);
    if (tag_on_top) {
        packet.tag = packet.l3 + stack.last_label * kLabelOctets;
    }
    packet.kind = stack.count != 0 ? Layer3::labelled : packet.kind;
}

/// The frame as it will be sent: layer 3 stands, Ethernet is written in front of it.
void Forwarder::write_ethernet(Packet& packet, const Adjacency& adjacency) {
    std::uint8_t* frame = packet.l3 - kEthernetOctets;
    std::memcpy(frame, adjacency.ethernet.data(), adjacency.ethernet.size());
    store16(frame + 12, packet.kind == Layer3::labelled ? ethertype::kMpls
                        : packet.kind == Layer3::ipv4   ? ethertype::kIpv4
                                                        : ethertype::kIpv6);
    rte_mbuf* mbuf = packet.mbuf;
    mbuf->data_off = static_cast<std::uint16_t>(frame - static_cast<std::uint8_t*>(mbuf->buf_addr));
    mbuf->data_len = static_cast<std::uint16_t>(packet.l3_octets + kEthernetOctets);
    mbuf->pkt_len = packet.l3_octets + kEthernetOctets;
}

}  // namespace tcqf::dataplane
