// Tag tables: cycle identifier <-> value on the wire, used both ways (draft-eckert-detnet-tcqf-10,
// 4.3 to 4.5).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "tcqf/cycle_clock.h"

namespace tcqf {

/// Where a packet carries the identifier of its cycle.
enum class Tagging : std::uint8_t { none, mpls_tc, dscp, ipv6_option };

/// How many values the field has: 8 traffic classes, 64 DSCPs, 256 Cycle Ids.
constexpr unsigned tag_values(Tagging tagging) {
    switch (tagging) {
        case Tagging::mpls_tc:
            return 8;
        case Tagging::dscp:
            return 64;
        case Tagging::ipv6_option:
            return 256;
        case Tagging::none:
            break;
    }
    return 0;
}

/// The table of one interface.
class TagTable {
  public:
    TagTable() = default;

    /// `tags[k - 1]` is the tag of cycle k; each value at most once.
    TagTable(Tagging tagging, std::span<const std::uint8_t> tags);

    /// Identifier that `tag` stands for; 0 where the value is not in the table ("not TCQF").
    CycleId cycle_of(std::uint8_t tag) const { return cycle_of_[tag]; }
    std::uint8_t tag_of(CycleId cycle) const { return tag_of_[cycle]; }
    Tagging tagging() const { return tagging_; }

    /// The lowest value that is not a tag: what a packet without a cycle is re-marked to.
    /// `clean_of` maps every value to itself or, where it is a tag, to that lowest one.
    std::uint8_t clean_of(std::uint8_t value) const { return clean_of_[value]; }

  private:
    std::array<CycleId, 256> cycle_of_{};
    std::array<std::uint8_t, 256> tag_of_{};
    std::array<std::uint8_t, 256> clean_of_{};
    Tagging tagging_ = Tagging::none;
};

}  // namespace tcqf
