// A whole router by chance, as text that the checks accept whatever is drawn, and frames for it.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/dataplane/chance.h"
#include "tests/dataplane/random_frames.h"

namespace tcqf::test {

class RandomRouter : private RandomHops {
  public:
    static constexpr unsigned kInterfaces = 4;

    explicit RandomRouter(std::mt19937_64& random) : RandomHops(random) {
        cycles_ = 3 + pick(4);
        cycle_time_us_ = one_of({50U, 100U, 200U});
        for (unsigned& rate : rates_mbps_) {
            rate = one_of({400U, 1000U, 4000U, 10'000U});
        }
        other_table_ = one_in(6) ? pick(kInterfaces) : kInterfaces;
        text_ = globals() + interfaces() + neighbors() + routes() + mpls() + srv6() + domains() +
                flows() + nrps() + policies();
    }

    const std::string& text() const { return text_; }

    /// Addresses and labels that the configuration names, and some that it does not.
    FrameTargets targets() {
        FrameTargets targets;
        targets.mostly_bare = one_in(2);
        targets.damaged_one_in = 40;
        targets.expiring_one_in = 20;
        targets.ipv4 = addresses({"10.0.1.1", "10.0.1.2", "10.0.2.2", "10.0.4.9", "9.0.0.1",
                                  "8.8.8.8", "127.0.0.1", "224.0.0.1", "255.255.255.255"});
        targets.ipv6 = addresses({"2001:db8:101::1", "2001:db8:102::2", "2001:db8:bad::1",
                                  "fc00:1:0:5::1", "ff02::1", "fe80::1", "::1", "fc00:9::1"});
        for (unsigned net = 0; net < kNets; ++net) {
            for (unsigned host = 1; host < 4; ++host) {
                targets.ipv4.push_back(parsed(fmt::format("10.10.{}.{}", net, host)));
                targets.ipv6.push_back(parsed(fmt::format("2001:db8:d{:x}::{}", net, host)));
            }
        }
        targets.segments = targets.ipv6;
        add_sids(targets);
        for (std::uint32_t label = kFirstLabel; label < kFirstLabel + kLabels; ++label) {
            targets.labels.insert(targets.labels.end(), {label, label, label});
        }
        for (unsigned color = kSidPolicies + 1; color <= kPolicies; ++color) {
            targets.labels.insert(targets.labels.end(), 3, kBindingLabel + color);
        }
        targets.labels.insert(targets.labels.end(), {0, 0, 2, 2, 4, 7, 999, 16'009});
        return targets;
    }

  private:
    static constexpr unsigned kNets = 16;           ///< IPv4 and IPv6, to which there are routes
    static constexpr unsigned kSids = 16;           ///< of 128 bits
    static constexpr unsigned kCompressedSids = 6;  ///< with an argument
    static constexpr unsigned kPolicies = 9;
    static constexpr unsigned kSidPolicies = 4;  ///< the first of them: their lists are all of SIDs
    static constexpr std::uint32_t kFirstLabel = 100;
    static constexpr unsigned kLabels = 16;
    static constexpr std::uint32_t kBindingLabel = 600;

    static config::IpAddress parsed(const std::string& address) {
        return config::IpAddress::parse(address).value();
    }

    /// SIDs, binding SIDs, and compressed ones with and without others behind them.
    static void add_sids(FrameTargets& targets) {
        std::vector<config::IpAddress> sids = addresses(
            {"fc00:a:0:2::", "fc00:a::4:5", "fc00:1:0:15::", "fc00:1:0:15:4::", "fc00:1::bad"});
        for (unsigned sid = 0; sid < kSids; ++sid) {
            sids.insert(sids.end(), 4, parsed(fmt::format("fc00:1::{:x}", sid)));
        }
        for (unsigned sid = 0; sid < kCompressedSids; ++sid) {
            for (const char* behind : {"", "2:", "9:", "3:1:", "e:2:"}) {
                sids.push_back(parsed(fmt::format("fc00:8:{}:{}:", sid, behind)));
            }
        }
        for (unsigned color = 1; color <= kPolicies; ++color) {
            sids.insert(sids.end(), 4, parsed(fmt::format("fc00:1::b{}", color)));
        }
        targets.sids = sids;
        targets.segments.insert(targets.segments.end(), sids.begin(), sids.end());
    }

    std::string globals() {
        std::string text =
            fmt::format("name: r1\nsrv6-source: 2001:db8:1::1\nunknown-option-action: {}\n",
                        one_of({"skip", "skip", "discard"}));
        if (one_in(4)) {
            text += fmt::format("srv6-domain: [{}]\n", one_of({"ge0", "ge0, ge1", "ge0, ge3"}));
        }
        return text;
    }

    std::string interfaces() {
        std::string text = "interfaces:\n";
        for (unsigned i = 0; i < kInterfaces; ++i) {
            text += fmt::format(
                "- {{name: ge{0}, device: net_null{0}, mac: '02:00:00:00:0{1}:01', mtu: {2}, "
                "link-rate-mbps: {3}, best-effort-queue-packets: {4}, table: {5}, "
                "addresses: [10.0.{1}.1/24, '2001:db8:10{1}::1/64']}}\n",
                i, i + 1, one_of({1500, 1500, 1500, 800}), rates_mbps_[i], one_of({8, 64, 200}),
                i == other_table_ ? "blue" : "main");
        }
        return text;
    }

    std::string neighbors() {
        std::string text = "neighbors:\n";
        for (unsigned i = 0; i < kInterfaces; ++i) {
            for (const bool is_ipv6 : {false, true}) {
                text += fmt::format(
                    "- {{interface: ge{0}, address: '{1}', mac: '02:00:00:00:0{2}:02', mna: {3}, "
                    "readable-label-depth: {4}}}\n",
                    i, address_on(i, is_ipv6), i + 1, one_in(2), one_of({4, 16, 16}));
            }
        }
        return text;
    }

    static std::string policy(unsigned color) {
        return fmt::format("{{color: {}, endpoint: '2001:db8:9::9'}}", color);
    }
    std::string any_policy() { return policy(1 + pick(kPolicies)); }

    std::string routes() {
        std::string text = "routes:\n";
        for (unsigned net = 0; net < kNets; ++net) {
            text += route(fmt::format("10.10.{}.0/24", net), "main");
            text += route(fmt::format("2001:db8:d{:x}::/64", net), "main");
        }
        for (const char* prefix :
             {"0.0.0.0/0", "::/0", "fc00:1:15::/48", "fc00:8:2::/48", "fc00:8:3::/48",
              "fc00:8:9::/48", "fc00:9::/48", "fc00:1:0:5::/64", "10.10.0.2/31"}) {
            text += one_in(2) ? route(prefix, "main") : "";
        }
        for (const char* prefix :
             {"10.10.0.0/20", "2001:db8:d0::/44", "10.10.1.0/24", "fc00::/16", "10.0.0.0/16"}) {
            text += one_in(2) ? route(prefix, "blue") : "";
        }
        return text;
    }
    std::string route(const std::string& prefix, const char* table) {
        const bool is_ipv6 = prefix.find(':') != std::string::npos;
        return fmt::format("- {{prefix: '{}', table: {}, {}}}\n", prefix, table,
                           one_in(3) ? "sr-policy: " + any_policy() : hops(is_ipv6));
    }

    std::string mpls() {
        std::string text = fmt::format("mpls:\n  ttl-model: {}\n  labels:\n",
                                       one_of({"uniform", "uniform", "short-pipe"}));
        for (unsigned i = 0; i < kLabels; ++i) {
            text += fmt::format("  - {{label: {}, operation: {}}}\n", kFirstLabel + i, operation());
        }
        return text;
    }
    std::string operation() {
        switch (pick(8)) {
            case 0:
            case 1:
                return "pop, " + hops(one_in(3));
            case 2:
                return "pop-and-lookup";
            case 3:
                return fmt::format("detnet-pop, sequence-bits: {}", one_of({0, 16, 28}));
            default:
                return fmt::format("swap, out-labels: [{}], {}",
                                   one_of({"200", "201", "202", "203, 204", "3", "0"}),
                                   hops(one_in(3), one_in(3)));
        }
    }

    std::string srv6() {
        std::string text =
            "srv6:\n  locators: ['fc00:1::/48', 'fc00:8:0::/48', 'fc00:8:2::/48']\n  local-sids:\n";
        for (unsigned i = 0; i < kSids; ++i) {
            text += local_sid(fmt::format("fc00:1::{:x}/128", i), behavior());
        }
        for (unsigned i = 0; i < kCompressedSids; ++i) {
            text += local_sid(fmt::format("fc00:8:{}::/48", i),
                              compressed() + ", locator-node-bits: 16");
        }
        text += local_sid("fc00:a::/40", compressed() + ", locator-node-bits: 8");
        text += local_sid("fc00:1:0:15::/128", compressed());
        return text;
    }
    static std::string local_sid(const std::string& prefix, const std::string& behavior) {
        return fmt::format("  - {{sid: '{}', behavior: {}}}\n", prefix, behavior);
    }
    std::string table() { return one_in(6) ? "blue" : "main"; }
    /// Those that flavors belong to (RFC 8986, 4.16).
    std::string onward_behavior() {
        switch (pick(4)) {
            case 0:
                return "End.X, " + hops(true);
            case 1:
                return "End.T, table: " + table();
            default:
                return "End";
        }
    }
    std::string into_policy() {
        return one_of({"End.B6.Encaps, policy: ", "End.B6.Encaps.Red, policy: "}) +
               policy(1 + pick(kSidPolicies));
    }
    std::string compressed() {
        if (one_in(8)) {
            return into_policy() + ", flavors: [NEXT-CSID]";
        }
        return onward_behavior() +
               fmt::format(", flavors: [{}]",
                           one_of({"NEXT-CSID", "NEXT-CSID", "NEXT-CSID, PSP", "NEXT-CSID, USD"}));
    }
    std::string behavior() {
        switch (pick(9)) {
            case 0:
                return "End.DT4, table: " + table();
            case 1:
                return "End.DT6, table: " + table();
            case 2:
            case 3:
                return "End.DT46, table: " + table();
            case 4:
                return one_in(2) ? "End.DX4, " + hops(false) : "End.DX6, " + hops(true);
            case 5:
                return into_policy();
            default:
                return onward_behavior() + (one_in(2) ? "" : flavors());
        }
    }
    std::string flavors() {
        return fmt::format(", flavors: [{}]",
                           one_of({"PSP", "PSP", "USP", "USD", "PSP, USD", "PSP, USP, USD"}));
    }

    /// ge0 and ge1 are in one domain, the others in that one, in one of their own, or in none.
    std::string domains() {
        egress_dscp_ = one_of({0U, 5U, 6U, 46U, 48U, 56U});
        egress_tc_ = pick(8);
        std::vector<unsigned> core = {0, 1};
        std::vector<unsigned> other;
        for (const unsigned interface : {2U, 3U}) {
            switch (pick(3)) {
                case 0:
                    core.push_back(interface);
                    break;
                case 1:
                    other.push_back(interface);
                    break;
                default:
                    break;
            }
        }
        std::string text = "tcqf:\n  domains:\n" + domain("core", core);
        return other.empty() ? text : text + domain("other", other);
    }

    std::string domain(const char* name, const std::vector<unsigned>& interfaces) {
        std::string text = fmt::format(
            "  - name: {}\n    cycles: {}\n    cycle-time-us: {}\n    cycle-clock-offset-ns: {}\n"
            "    outside-window-action: {}\n    egress-dscp: {}\n    egress-tc: {}\n"
            "    interfaces:\n",
            name, cycles_, cycle_time_us_, 1000 * pick(100), one_of({"drop", "best-effort"}),
            egress_dscp_, egress_tc_);
        const unsigned usual = one_of({0U, 0U, 1U, 1U, 2U, 3U});
        for (const unsigned interface : interfaces) {
            text += member(interface, one_in(5) ? pick(4) : usual);
        }
        return text + maps(interfaces);
    }

    std::string member(unsigned interface, unsigned kind) {
        static constexpr std::array<const char*, 4> kTaggings = {
            "mpls-tc", "dscp", "ipv6-option, option-header: hop-by-hop",
            "ipv6-option, option-header: destination"};
        std::string text = fmt::format("    - {{name: ge{}, tagging: {}, tags: [{}]", interface,
                                       kTaggings[kind], fmt::join(tags(kind), ", "));
        if (one_in(3)) {
            text += fmt::format(", cycle-clock-offset-ns: {}", 1000 * pick(100));
        }
        if (one_in(3)) {
            text += ", dead-time-ns: 5000";
        }
        return text + "}\n";
    }
    std::vector<unsigned> tags(unsigned kind) {
        std::vector<unsigned> tags;
        if (kind == 1) {
            tags = {3, 7, 11, 15, 19, 23, 27, 31, 35, 39, 0, 46, 48, 56};
            std::erase(tags, egress_dscp_);
        } else {
            tags = {0, 1, 2, 3, 4, 5, 6, 7};
            std::erase(tags, egress_tc_);
        }
        shuffle(tags);
        tags.resize(cycles_);
        return tags;
    }

    /// From every interface to every one, but for a few.
    std::string maps(const std::vector<unsigned>& interfaces) {
        std::string text = "    cycle-maps: [";
        for (const unsigned iif : interfaces) {
            for (const unsigned oif : interfaces) {
                text += one_in(12) ? ""
                                   : fmt::format("{{iif: ge{}, oif: ge{}, {}}}, ", iif, oif,
                                                 one_in(6) ? computed_map() : explicit_map());
            }
        }
        return text + "]\n";
    }
    std::string computed_map() {
        const unsigned least_ns = 1000 * pick(3 * cycle_time_us_);
        return fmt::format("latency-min-ns: {}, latency-max-ns: {}", least_ns,
                           least_ns + 1000 * pick(cycle_time_us_));
    }
    std::string explicit_map() {
        std::vector<unsigned> map;
        const unsigned ahead = pick(cycles_);
        for (unsigned cycle = 0; cycle < cycles_; ++cycle) {
            map.push_back((cycle + ahead) % cycles_ + 1);
        }
        if (one_in(3)) {
            shuffle(map);
        }
        std::string text = fmt::format("map: [{}]", fmt::join(map, ", "));
        if (one_in(3)) {
            const unsigned least = 1 + pick(3);
            text +=
                fmt::format(", window: {{min: {}, max: {}}}", least, least + cycles_ - 2 + pick(2));
        }
        return text;
    }

    /// Few or many, or none at all.
    std::string flows() {
        const unsigned count = one_of({0U, 0U, 0U, 1U, 3U, 8U});
        std::string text = count == 0 ? "" : "detnet:\n  flows:\n";
        for (unsigned id = 1; id <= count; ++id) {
            text += fmt::format("  - {{id: {}, match: {{{}}}, {}{}}}\n", id, match(), shape(),
                                flow_features());
        }
        return text;
    }
    std::string match() {
        switch (pick(8)) {
            case 0:
            case 1:
                return fmt::format("destination: 10.10.{}.0/24", pick(kNets));
            case 2:
            case 3:
                return fmt::format("destination: '2001:db8:d{:x}::/64'", pick(kNets));
            case 4:
                return fmt::format("mpls-label: {}", one_in(3) ? kBindingLabel + 1 + pick(kPolicies)
                                                               : kFirstLabel + pick(kLabels));
            default:
                return other_match();
        }
    }
    std::string other_match() {
        return one_of(
            {"interface: ge3", "interface: ge1, dscp: [0, 46]", "interface: ge0, mpls-label: 106",
             "destination: 10.10.0.0/20, dscp: [0, 3, 7]", "destination: 'fc00:1::/48'",
             "destination: 'fc00:1:0:5::/64'", "destination: '2001:db8:d0::/44', protocol: 17",
             "flow-label: 7", "destination: 10.10.0.0/20, destination-port: 5000", "protocol: 17",
             "destination: 'fc00:8:2::/48'", "protocol: 6, source-port: 4000-30000",
             "spi: 262149000", "destination: '2001:db8::/32', spi: 1515870810",
             "source: 10.3.0.0/16", "interface: ge0, source: '2001:db8:3::/48'"});
    }
    /// Whose cycles take the largest packet that the flow may send.
    std::string shape() {
        if (one_in(2)) {
            return fmt::format("cycle-size-bits: {}", one_of({8'000, 16'000, 40'000}));
        }
        const unsigned payload = one_of({40U, 700U, 1300U});
        return fmt::format(
            "cycle-size-bits: {}, traffic-specification: {{interval-ns: {}, "
            "max-packets-per-interval: {}, max-payload-size: {}}}",
            8 * (payload + 40) + one_of({0U, 8'000U, 30'000U}), one_of({2'000'000, 20'000'000}),
            1 + pick(3), payload);
    }
    std::string flow_features() {
        std::string text;
        if (one_in(3)) {
            text += fmt::format(", max-backlog-cycles: {}", one_of({1, 2, 8, 100}));
        }
        if (one_in(4)) {
            text += ", interleaving: {period-cycles: 4, cycles: [1, 2]}";
        }
        if (one_in(2)) {
            text += ", excess-action: best-effort";
        }
        const bool is_service = one_in(3);
        if (is_service) {
            text += fmt::format(", mpls-service: {{s-label: {}, sequence-bits: {}}}",
                                5000 + pick(4), one_of({0, 16, 28}));
        }
        if (one_in(3)) {  // a service needs labels
            const unsigned first = is_service ? kSidPolicies + 1 : 1;
            text += ", sr-policy: " + policy(first + pick(kPolicies + 1 - first));
        }
        return text;
    }

    /// One of each encapsulation, with so little of some cycles that it does not suffice.
    std::string nrps() {
        return nrp(5, "ipv6-option") + nrp(6, "mpls-mna") +
               nrp(7, one_of({"none", "ipv6-option", "mpls-mna"}));
    }
    std::string nrp(unsigned id, const char* encapsulation) {
        std::vector<std::string> on;
        for (unsigned i = 0; i < kInterfaces; ++i) {
            if (!one_in(4)) {
                on.push_back(
                    fmt::format("{{name: ge{}, cycle-bits: {}, best-effort-rate-mbps: {}}}", i,
                                rates_mbps_[i] * cycle_time_us_ / one_of({4U, 8U, 64U}),
                                one_in(3) ? 0 : rates_mbps_[i] / 16));
            }
        }
        return fmt::format(
            "{}- {{id: {}, name: n{}, strict: {}, encapsulation: {}, interfaces: [{}]}}\n",
            id == 5 ? "nrps:\n" : "", id, id, one_in(2), encapsulation, fmt::join(on, ", "));
    }

    std::string policies() {
        std::string text = "sr-policies:\n";
        for (unsigned color = 1; color <= kPolicies; ++color) {
            text += fmt::format("- {{color: {}, endpoint: '2001:db8:9::9'{}, candidate-paths: [",
                                color, policy_features(color));
            const unsigned paths = one_in(4) ? 2 : 1;
            for (unsigned number = 1; number <= paths; ++number) {
                text += (number == 1 ? "" : ", ") + path(color, number);
            }
            text += "]}\n";
        }
        return text;
    }
    std::string policy_features(unsigned color) {
        std::string text;
        if (!one_in(4)) {
            text += color > kSidPolicies && !one_in(4)
                        ? fmt::format(", binding-sid: {}", kBindingLabel + color)
                        : fmt::format(", binding-sid: 'fc00:1::b{}'", color);
        }
        if (one_in(4)) {
            text += ", drop-upon-invalid: true";
        }
        if (one_in(3)) {
            text += ", headend-behavior: H.Encaps";
        }
        return text;
    }
    std::string path(unsigned color, unsigned number) {
        std::vector<std::string> lists;
        const std::size_t count = one_of({1U, 1U, 2U, 4U});
        while (lists.size() < count) {
            const bool has_labels = color > kSidPolicies && (lists.empty() || one_in(2));
            lists.push_back(fmt::format("{{weight: {}, segments: [{}]}}", 1 + pick(3),
                                        has_labels ? labels() : sids()));
        }
        return fmt::format(
            "{{preference: {}, discriminator: {}{}, segment-lists: [{}]}}", 100 * (1 + pick(2)),
            number, one_in(2) ? fmt::format(", nrp: {}", 5 + pick(3)) : "", fmt::join(lists, ", "));
    }
    std::string labels() {
        return fmt::format("{}{}", kFirstLabel + pick(kLabels),
                           one_of({"", ", 16009", ", 16009, 16010", ", 2", ", 0"}));
    }
    std::string sids() {
        const std::string first = one_in(4) ? one_of({"fc00:8:2::", "fc00:8:9::", "fc00:9::1",
                                                      "2001:db8:102::2", "2001:db8:bad::e"})
                                            : fmt::format("2001:db8:d{:x}::e", pick(kNets));
        return fmt::format("'{}'{}", first,
                           one_of({"", ", 'fc00:9::d6'", ", 'fc00:9::1', 'fc00:9::d6'"}));
    }

    unsigned cycles_ = 0;
    unsigned cycle_time_us_ = 0;
    unsigned egress_dscp_ = 0;
    unsigned egress_tc_ = 0;
    unsigned other_table_ = kInterfaces;  ///< the interface that is looked up in it
    std::array<unsigned, kInterfaces> rates_mbps_{};
    std::string text_;
};

}  // namespace tcqf::test
