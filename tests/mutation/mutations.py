"""The draft's wrong formulas, and which test fails with each.

A mutation replaces one piece of text that occurs exactly once in its file. Numbers are those of the
comments in tests/tcqf/draft_errors_test.cc.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Mutation:
    """`test` is the only test of `program` that fails where `right` in `path` becomes `wrong`."""

    title: str
    path: str
    right: str
    wrong: str
    test: str
    program: str = "draft_errors"


MUTATIONS = (
    Mutation("1: a round of cycle_time * cycle_time", "tcqf/cycle_clock.h",
             "return cycle_time_ns * cycles;", "return cycle_time_ns * cycle_time_ns;",
             "draft_errors.round_is_cycle_time_times_cycles"),
    Mutation("2: from cycle to (cycle + 1) mod cycles + 1", "tcqf/cycle_clock.h",
             "static_cast<CycleId>(index_of(n) + 1)", "static_cast<CycleId>(index_of(2 * n) + 1)",
             "draft_errors.next_cycle_does_not_skip_one"),
    Mutation("3: the domain's offset for every interface", "config/router.h",
             "interface.cycle_clock_offset_ns.value_or(cycle_clock_offset_ns)",
             "cycle_clock_offset_ns + 0 * interface.dead_time_ns",
             "draft_errors.sender_uses_the_interfaces_own_offset"),
    Mutation("4: microseconds taken for nanoseconds", "config/router.h",
             "std::int64_t{cycle_time_us} * 1000", "std::int64_t{cycle_time_us}",
             "draft_errors.microseconds_and_nanoseconds_are_not_added"),
    Mutation("5: offsets of 32 bits", "tcqf/cycle_clock.h",
             "std::int64_t offset_ns = 0;", "std::uint32_t offset_ns = 0;",
             "draft_errors.offsets_need_64_bits"),
    Mutation("6: the first cycle starts two rounds ahead", "tcqf/egress.h",
             "if (!in_domain_ || tracker_.contains(now_ns)) [[likely]] {",
             "if (!in_domain_ || tracker_.contains(now_ns) ||\n"
             "            (!started_ && now_ns % (2 * tracker_.timing().round_ns()) != 0)) {",
             "draft_errors.the_very_next_cycle_after_the_start_is_sent"),
    Mutation("7: an unknown tag keeps a cycle", "tcqf/tag_table.h",
             "return cycle_of_[tag];", "return cycle_of_[tag] != 0 ? cycle_of_[tag] : 1;",
             "draft_errors.an_unknown_tag_has_no_cycle"),
    Mutation("10: ingress packets without a cycle", "tcqf/ingress.h",
             "next = {shape.interleaving.first_from(current + 1), 0};",
             "next = {shape.interleaving.first_from(0), 0};",
             "draft_errors.an_ingress_packet_joins_a_cycle_that_has_a_tag"),
    Mutation("13: a head larger than csize waits for ever", "tcqf/ingress.h",
             "return {IngressVerdict::packet_too_big, cursor};",
             "return {IngressVerdict::backlog, {current + 1, shape.cycle_size_bits}};",
             "draft_errors.a_packet_larger_than_csize_does_not_block_its_flow"),
    Mutation("14: cycles missed in a stall stay queued", "tcqf/calendar.h",
             "cycle < last && queued_ != 0;", "cycle < before && queued_ != 0;",
             "draft_errors.after_a_stall_no_old_cycle_is_sent_late"),
    Mutation("15: the window counted modulo the round", "tcqf/cycle_map.cc",
             ".window_max = shift - floor_div_wide(earliest, oif.cycle_time_ns)};",
             ".window_max = floor_mod(shift, oif.cycles) -\n"
             "                          floor_mod(floor_div_wide(earliest, oif.cycle_time_ns),\n"
             "                                    oif.cycles)};",
             "draft_errors.the_window_is_counted_before_any_modulo"),
    Mutation("16: ceiling at the earliest arrival", "tcqf/cycle_map.cc",
             "shift - floor_div_wide(earliest, oif.cycle_time_ns)",
             "shift - ceil_div_wide(earliest, oif.cycle_time_ns)",
             "draft_errors.the_earliest_arrival_counts_with_floor"),
    Mutation("17: backlog as bits divided by csize", "tcqf/ingress.h",
             "return per_cycle == 0 ? 0 : (packets + per_cycle - 1) / per_cycle;",
             "return per_cycle == 0 ? 0 : (packets * packet_bits + cycle_size_bits - 1) /\n"
             "                                    cycle_size_bits;",
             "draft_errors.backlog_counts_whole_packets"),
)
