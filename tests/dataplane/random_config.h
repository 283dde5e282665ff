// Configurations by chance, as text: each a few changes away from the one before, in a universe so
// small that changes meet. Not every change makes a configuration that the checks accept.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/dataplane/chance.h"
#include "tests/dataplane/random_universe.h"

namespace tcqf::test {

class RandomConfig : private RandomHops {
  public:
    /// Interfaces and neighbours alone. `random` is kept, and shared by copies.
    /// `has_wide_sids`: some are shorter than 128 bits, or in no locator.
    RandomConfig(std::mt19937_64& random, bool has_wide_sids)
        : RandomHops(random), has_wide_sids_(has_wide_sids) {
        for (unsigned i = 0; i < 4; ++i) {
            interfaces_[i].addresses = {address_on(i, false, 1) + "/24",
                                        address_on(i, true, 1) + "/64"};
            put_neighbor(i, address_on(i, false));
            put_neighbor(i, address_on(i, true));
        }
    }

    /// One thing.
    void change() {
        switch (pick(18)) {
            case 0:
            case 1:
            case 2:
            case 3:
            case 4:
                return edit(routes_, 16, [this] { return route(); });
            case 5:
            case 6:
                return edit(labels_, 6, [this] { return label(); });
            case 7:
            case 8:
            case 9:
                return edit(sids_, 10, [this] { return sid(); });
            case 10:
            case 11:
                return edit(policies_, 4, [this] { return policy(); });
            case 12:
                return edit(nrps_, 2, [this] { return nrp(); });
            case 13:
                return edit(flows_, 2, [this] { return flow(); });
            case 14:
                return change_neighbors();
            case 15:
                return change_interface();
            case 16:
                return change_domain();
            default:
                return change_globals();
        }
    }

    std::string text() const {
        std::string yaml = globals();
        for (unsigned i = 0; i < 4; ++i) {
            yaml += interface(i);
        }
        append(yaml, "neighbors:\n", neighbors_);
        append(yaml, "routes:\n", routes_);
        yaml += fmt::format("mpls:\n  ttl-model: {}\n", short_pipe_ ? "short-pipe" : "uniform");
        append(yaml, "  labels:\n", labels_, "  ");
        yaml += "srv6:\n";
        if (!locators_.empty()) {
            yaml += fmt::format("  locators: ['{}']\n", fmt::join(locators_, "', '"));
        }
        append(yaml, "  local-sids:\n", sids_, "  ");
        yaml += domains();
        append(yaml, "detnet:\n  flows:\n", flows_, "  ");
        append(yaml, "nrps:\n", nrps_);
        append(yaml, "sr-policies:\n", policies_);
        return yaml;
    }

  private:
    /// `text`: a flow-style mapping, the whole entry.
    struct Entry {
        std::string key;
        std::string text;
    };
    using List = std::vector<Entry>;
    struct Interface {
        std::vector<std::string> addresses;
        std::string table = "main";
        unsigned queue = 1024;
        unsigned rate = 10000;
    };

    static void append(std::string& yaml, const char* head, const List& list,
                       const char* indent = "") {
        yaml += list.empty() ? "" : head;
        for (const Entry& entry : list) {
            yaml += fmt::format("{}- {}\n", indent, entry.text);
        }
    }

    static void put(List& list, const Entry& entry, std::size_t place) {
        for (Entry& old : list) {
            if (old.key == entry.key) {
                old = entry;
                return;
            }
        }
        list.insert(list.begin() + static_cast<std::ptrdiff_t>(std::min(place, list.size())),
                    entry);
    }

    /// Takes an entry out, moves one, or adds or renews one; `few` are not taken out.
    template <class Make>
    void edit(List& list, std::size_t few, const Make& make) {
        const unsigned place = pick(static_cast<unsigned>(list.size()) + 1);
        const unsigned what = pick(8);
        if (what < 3) {
            if (list.size() > few && place < list.size()) {
                list.erase(list.begin() + place);
            }
        } else if (what == 3 && !list.empty()) {
            std::swap(list[place % list.size()], list[pick(static_cast<unsigned>(list.size()))]);
        } else {
            put(list, make(), place);
        }
    }

    const char* other_locator() const { return has_wide_sids_ ? "fc00:7::" : "fc00:1::"; }

    std::string table() { return one_of({"main", "main", "main", "red", "blue"}); }

    std::string policy_name() {
        return fmt::format("{{color: {}, endpoint: '2001:db8:9::9'}}", 1 + pick(6));
    }

    Entry route() {
        std::string prefix = one_of(route_prefixes());
        std::string in = table();
        if (one_in(3)) {  // everything and its halves, often all of them
            prefix = one_of({"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "::/0", "::/1", "8000::/1"});
            in = "main";
        }
        const bool is_ipv6 = prefix.find(':') != std::string::npos;
        return {in + prefix,
                fmt::format("{{prefix: '{}', table: {}, {}}}", prefix, in,
                            one_in(4) ? "sr-policy: " + policy_name() : hops(is_ipv6))};
    }

    Entry label() {
        const unsigned value = 100 + pick(8);
        std::string what;
        switch (pick(6)) {
            case 0:
                what = "pop, " + hops(one_in(3), false);
                break;
            case 1:
                what = "pop-and-lookup";
                break;
            case 2:
                what = fmt::format("detnet-pop, sequence-bits: {}", one_of({0, 16, 28}));
                break;
            default:
                what = fmt::format("swap, out-labels: [{}], {}",
                                   one_of({"200", "201", "202, 203", "3", "0"}),
                                   hops(one_in(3), false));
                break;
        }
        return {std::to_string(value), fmt::format("{{label: {}, operation: {}}}", value, what)};
    }

    Entry sid() {
        const bool is_wide = has_wide_sids_ && one_in(5);
        const std::string sid =
            is_wide
                ? one_of({"fc00:8:1::/48", "fc00:8:2::/48", "fc00:8:1:e1::/64", "fc00:8:2:1::/64"})
                : fmt::format("{}{}/128", one_of({"fc00:1::", "fc00:1::", other_locator()}),
                              pick(6));
        std::string what;
        switch (is_wide ? one_of({0u, 1u, 2u, 8u}) : pick(9)) {
            case 0:
                what = "End";
                break;
            case 1:
                what = "End.X, " + hops(true, false);
                break;
            case 2:
                what = "End.T, table: " + table();
                break;
            case 3:
                what = "End.DT4, table: " + table();
                break;
            case 4:
                what = "End.DT6, table: " + table();
                break;
            case 5:
                what = "End.DT46, table: " + table();
                break;
            case 6:
                what = "End.DX4, " + hops(false, false);
                break;
            case 7:
                what = "End.DX6, " + hops(true, false);
                break;
            default:
                what = one_of({"End.B6.Encaps, policy: ", "End.B6.Encaps.Red, policy: "}) +
                       policy_name();
                break;
        }
        const bool has_flavors = what.starts_with("End,") || what == "End" ||
                                 what.starts_with("End.X") || what.starts_with("End.T");
        if (is_wide) {
            what += sid.ends_with("/64") ? ", flavors: [NEXT-CSID], locator-node-bits: 32"
                                         : ", flavors: [NEXT-CSID]";
        } else if (has_flavors && one_in(2)) {
            what += fmt::format(", flavors: [{}]", one_of({"PSP", "USP", "USD", "PSP, USD"}));
        }
        return {sid, fmt::format("{{sid: '{}', behavior: {}}}", sid, what)};
    }

    std::string segments() {
        if (one_in(2)) {
            return one_of({"101, 16009", "102", "103, 104", "105, 300, 301", "100", "106"});
        }
        return fmt::format("'{}'{}",
                           one_of({"2001:db8:d0::e", "2001:db8:d1::1", "2001:db8:102::2",
                                   "fc00:8:2::", "fc00:1::3", "8000::1"}),
                           one_in(2) ? ", 'fc00:9::d6'" : "");
    }

    Entry policy() {
        const unsigned color = 1 + pick(6);
        std::string text = fmt::format("{{color: {}, endpoint: '2001:db8:9::9'", color);
        switch (pick(4)) {
            case 0:
                text += fmt::format(", binding-sid: {}", 600 + pick(8));
                break;
            case 1:
                text += fmt::format(", binding-sid: 'fc00:1::b{}'", pick(6));
                break;
            case 2:
                text += fmt::format(", binding-sid: '{}b{}'", other_locator(), pick(6));
                break;
            default:
                break;
        }
        if (one_in(4)) {
            text += ", drop-upon-invalid: true";
        }
        if (one_in(3)) {
            text += ", headend-behavior: H.Encaps";
        }
        text += ", candidate-paths: [";
        const unsigned paths = 1 + pick(2);
        for (unsigned path = 0; path < paths; ++path) {
            text += fmt::format("{}{{preference: {}, discriminator: {}", path == 0 ? "" : ", ",
                                100 * (1 + pick(2)), path + 1);
            if (one_in(3)) {
                text += fmt::format(", nrp: {}", 5 + pick(3));
            }
            text += fmt::format(", segment-lists: [{{segments: [{}]}}", segments());
            if (one_in(3)) {
                text += fmt::format(", {{weight: {}, segments: [{}]}}", 1 + pick(2), segments());
            }
            text += "]}";
        }
        return {std::to_string(color), text + "]}"};
    }

    Entry nrp() {
        const unsigned id = 5 + pick(3);
        std::string on;
        for (unsigned i = 0; i < 4; ++i) {
            if (one_in(2)) {
                on += fmt::format("{}{{name: ge{}, cycle-bits: {}, best-effort-rate-mbps: {}}}",
                                  on.empty() ? "" : ", ", i, 10000 * (1 + pick(3)), 50 * pick(3));
            }
        }
        return {std::to_string(id),
                fmt::format("{{id: {}, name: n{}, selector: {}, strict: {}, encapsulation: {}, "
                            "interfaces: [{}]}}",
                            id, id, 5 + pick(4), one_in(2),
                            one_of({"ipv6-option", "mpls-mna", "none"}), on)};
    }

    Entry flow() {
        const unsigned id = 17 + pick(5);
        std::string match =
            one_of({"source: 10.3.0.0/24, protocol: 17", "interface: ge3",
                    "destination: 10.10.1.0/24, source-port: '4000-4999'",
                    "destination: '2001:db8:d1::/64'", "mpls-label: 101", "dscp: [3, 7]",
                    "source: '2001:db8:3::/48'", "interface: ge0, destination: 10.10.0.0/16"});
        std::string more;
        if (one_in(2)) {
            more += fmt::format(
                ", traffic-specification: {{interval-ns: {}, max-packets-per-interval: {}, "
                "max-payload-size: 1200}}",
                1'000'000 * (1 + pick(2)), 1 + pick(3));
        }
        if (one_in(3)) {
            more += fmt::format(", max-backlog-cycles: {}", 8 + pick(100));
        }
        if (one_in(4)) {
            more += ", interleaving: {period-cycles: 4, cycles: [1, 2]}";
        }
        if (one_in(3)) {
            more += ", excess-action: best-effort";
        }
        if (one_in(4)) {
            // Sequence numbers go on over reloads, so they have none here.
            more += fmt::format(", mpls-service: {{s-label: {}, sequence-bits: 0}}", 500 + pick(2));
        }
        if (one_in(4)) {
            more += ", sr-policy: " + policy_name();
        }
        return {std::to_string(id), fmt::format("{{id: {}, match: {{{}}}, cycle-size-bits: {}{}}}",
                                                id, match, 12000 + 1000 * pick(4), more)};
    }

    void put_neighbor(unsigned interface, const std::string& address) {
        std::string text =
            fmt::format("{{interface: ge{0}, address: '{1}', mac: '02:00:00:00:0{2}:{3:02}'",
                        interface, address, interface + 1, 2 + pick(3));
        if (one_in(3)) {
            text += fmt::format(", mna: true, readable-label-depth: {}", one_of({3, 8, 16}));
        }
        put(neighbors_, {fmt::format("{}{}", interface, address), text + "}"},
            pick(static_cast<unsigned>(neighbors_.size()) + 1));
    }

    void change_neighbors() {
        if (one_in(4)) {
            neighbors_.erase(neighbors_.begin() + pick(static_cast<unsigned>(neighbors_.size())));
        } else if (one_in(4)) {
            std::swap(neighbors_[0], neighbors_[pick(static_cast<unsigned>(neighbors_.size()))]);
        }
        for (unsigned i = 0; i < 2; ++i) {
            const unsigned interface = pick(4);
            const unsigned host = one_of({2U, 2U, 3U, 130U});
            put_neighbor(interface, address_on(interface, one_in(2), host));
        }
    }

    void change_interface() {
        Interface& interface = interfaces_[pick(4)];
        const auto number = static_cast<unsigned>(&interface - interfaces_) + 1;
        switch (pick(4)) {
            case 0:
                interface.table = table();
                return;
            case 1:
                interface.queue = 16 + pick(3) * 500;
                return;
            case 2:
                interface.rate = one_of({1000U, 2500U, 10000U});
                return;
            default:
                interface.addresses = {
                    fmt::format("10.0.{}.{}", number,
                                one_of({"1/24", "1/25", "129/25", "1/32", "1/23", "1/16"})),
                    fmt::format("2001:db8:10{}::1/{}", number,
                                one_of({48, 64, 64, 120, 127, 128}))};
                if (one_in(3)) {
                    interface.addresses.push_back(fmt::format("10.0.{}.200/30", number));
                }
                if (one_in(4)) {
                    interface.addresses.erase(interface.addresses.begin() + pick(2));
                }
                return;
        }
    }

    std::string interface(unsigned i) const {
        std::string text = fmt::format(
            "- {{name: ge{0}, device: net_null{0}, mac: '02:00:00:00:0{1}:01', table: {2}, "
            "best-effort-queue-packets: {3}, link-rate-mbps: {4}, tx-guard-ns: 0",
            i, i + 1, interfaces_[i].table, interfaces_[i].queue, interfaces_[i].rate);
        if (!interfaces_[i].addresses.empty()) {
            text += fmt::format(", addresses: ['{}']", fmt::join(interfaces_[i].addresses, "', '"));
        }
        return (i == 0 ? "interfaces:\n" : "") + text + "}\n";
    }

    void change_domain() {
        switch (pick(6)) {
            case 0:
                cycles_ = 4 + pick(3);
                break;
            case 1:
                cycle_time_us_ = one_of({50U, 100U, 200U});
                break;
            case 2:
                offset_ns_ = 1000 * pick(40);
                break;
            case 3:
                best_effort_outside_ = !best_effort_outside_;
                egress_tc_ = one_in(2) ? 0 : 7;
                break;
            case 4:
                second_domain_ = !second_domain_;
                break;
            default:
                break;
        }
        for (unsigned i = 0; i < 3; ++i) {
            if (one_in(2) || member_[i].empty()) {
                member_[i] = member(i);
            }
        }
        // Whatever stands there fits the number of cycles.
        if (cycles_ != cycles_of_maps_) {
            cycles_of_maps_ = cycles_;
            for (unsigned i = 0; i < 3; ++i) {
                member_[i] = member(i);
            }
        }
        maps_.clear();
        for (unsigned iif = 0; iif < 3; ++iif) {
            for (unsigned oif = 0; oif < 3; ++oif) {
                if (pick(4) != 0) {
                    maps_.push_back({iif, oif, pick(cycles_), 1 + pick(2), one_in(2)});
                }
            }
        }
    }

    std::string member(unsigned i) {
        const char* tagging = one_of({"mpls-tc", "dscp", "ipv6-option, option-header: hop-by-hop",
                                      "ipv6-option, option-header: destination"});
        const bool is_dscp = tagging[0] == 'd';
        std::vector<unsigned> tags;
        for (unsigned cycle = 0; cycle < cycles_; ++cycle) {
            tags.push_back(is_dscp ? 4 * cycle + 3 : cycle + 1);
        }
        shuffle(tags);
        std::string text =
            fmt::format("{{name: ge{}, tagging: {}, tags: [{}]", i, tagging, fmt::join(tags, ", "));
        if (one_in(3)) {
            text += fmt::format(", cycle-clock-offset-ns: {}", 1000 * pick(50));
        }
        if (one_in(3)) {
            text += ", dead-time-ns: 5000";
        }
        return text + "}";
    }

    std::string domains() const {
        if (member_[0].empty()) {
            return "";
        }
        std::string text = "tcqf:\n  domains:\n";
        text += domain("core", second_domain_ ? 2 : 3, 0);
        if (second_domain_) {
            text += domain("other", 3, 2);
        }
        return text;
    }

    std::string domain(const char* name, unsigned end, unsigned begin) const {
        std::string text = fmt::format(
            "  - name: {}\n    cycles: {}\n    cycle-time-us: {}\n    cycle-clock-offset-ns: {}\n"
            "    outside-window-action: {}\n    egress-tc: {}\n    interfaces:\n",
            name, cycles_, cycle_time_us_, offset_ns_,
            best_effort_outside_ ? "best-effort" : "drop", egress_tc_);
        for (unsigned i = begin; i < end; ++i) {
            text += fmt::format("    - {}\n", member_[i]);
        }
        std::string maps;
        for (const Map& map : maps_) {
            if (std::min(map.iif, map.oif) < begin || std::max(map.iif, map.oif) >= end) {
                continue;
            }
            std::vector<unsigned> to;
            for (unsigned cycle = 0; cycle < cycles_; ++cycle) {
                to.push_back((cycle + map.ahead) % cycles_ + 1);
            }
            maps += fmt::format("    - {{iif: ge{}, oif: ge{}, map: [{}]", map.iif, map.oif,
                                fmt::join(to, ", "));
            if (map.has_window) {
                maps += fmt::format(", window: {{min: {}, max: {}}}", map.first,
                                    map.first + cycles_ - 2);
            }
            maps += "}\n";
        }
        return text + (maps.empty() ? "" : "    cycle-maps:\n" + maps);
    }

    void change_globals() {
        switch (pick(6)) {
            case 0:
                short_pipe_ = !short_pipe_;
                return;
            case 1:
                source_ = fmt::format("2001:db8:1::{}", 1 + pick(2));
                return;
            case 2:
                discards_ = !discards_;
                return;
            case 3:
                opcode_ = 115 + pick(2);
                return;
            case 4:
                srv6_domain_ = one_of({"", "", "ge0, ge3", "ge1, ge2"});
                return;
            default: {
                const char* locator = one_of(
                    {"fc00:1::/48", "fc00:1::/48", "fc00:8:1::/48", "fc00:1::/64", "fc00::/16"});
                const auto found = std::find(locators_.begin(), locators_.end(), locator);
                if (found == locators_.end()) {
                    locators_.emplace_back(locator);
                } else {
                    locators_.erase(found);
                }
                return;
            }
        }
    }

    std::string globals() const {
        std::string text = fmt::format(
            "name: r1\nsrv6-source: '{}'\nunknown-option-action: {}\ncode-points: "
            "{{mna-nrp-opcode: {}}}\n",
            source_, discards_ ? "discard" : "skip", opcode_);
        return text +
               (srv6_domain_.empty() ? "" : fmt::format("srv6-domain: [{}]\n", srv6_domain_));
    }

    struct Map {
        unsigned iif;
        unsigned oif;
        unsigned ahead;
        unsigned first;
        bool has_window;
    };

    bool has_wide_sids_;
    Interface interfaces_[4];
    List neighbors_;
    List routes_;
    List labels_;
    List sids_;
    List policies_;
    List nrps_;
    List flows_;
    std::vector<std::string> locators_ = {"fc00:1::/48"};
    bool short_pipe_ = false;
    bool discards_ = false;
    std::string source_ = "2001:db8:1::1";
    std::string srv6_domain_;
    unsigned opcode_ = 115;
    unsigned cycles_ = 4;
    unsigned cycles_of_maps_ = 4;
    unsigned cycle_time_us_ = 100;
    unsigned offset_ns_ = 0;
    bool best_effort_outside_ = false;
    unsigned egress_tc_ = 0;
    bool second_domain_ = false;
    std::string member_[3];
    std::vector<Map> maps_;
};

}  // namespace tcqf::test
