#include "perf/rate/entries.h"

#include <fmt/format.h>

#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>

namespace tcqf::perf {
namespace {

/// Reads the entries of one file.
class EntryReader {
  public:
    explicit EntryReader(config::Router& router) : router_(router) {}

    /// False where the line is no entry.
    bool add(const std::string& line) {
        std::istringstream words(line);
        std::string kind;
        words >> kind;
        if (kind == "route") {
            return add_route(words);
        }
        if (kind == "spread") {
            return add_spread(words);
        }
        if (kind == "label") {
            return add_label(words);
        }
        if (kind == "flow") {
            return add_flow(words);
        }
        if (kind == "sid") {
            return add_sid(words);
        }
        if (kind == "policy") {
            return add_policy(words);
        }
        return kind == "nrp" && add_nrp(words);
    }

  private:
    bool add_route(std::istringstream& words) {
        std::string text;
        words >> text;
        const auto prefix = config::IpPrefix::parse(text);
        if (!prefix) {
            return false;
        }
        config::Route& route = router_.routes.emplace_back();
        route.prefix = *prefix;
        std::uint32_t color = 0;
        if (words >> color) {
            route.sr_policy = key_of(color);
        } else {
            route.next_hops = {next_hop(prefix->address.is_ipv6)};
        }
        return true;
    }

    bool add_spread(std::istringstream& words) {
        if (!add_route(words)) {
            return false;
        }
        config::Route& route = router_.routes.back();
        route.next_hops.clear();
        for (const config::Neighbor& neighbor : router_.neighbors) {
            if (neighbor.address.is_ipv6 == route.prefix.address.is_ipv6) {
                route.next_hops.push_back(next_hop(neighbor));
            }
        }
        return true;
    }

    bool add_label(std::istringstream& words) {
        std::uint32_t in = 0;
        std::uint32_t out = 0;
        if (!(words >> in >> out)) {
            return false;
        }
        config::Label& label = router_.mpls.labels.emplace_back();
        label.label = in;
        label.out_labels = {out};
        label.next_hops = {next_hop(false)};
        return true;
    }

    /// The configuration's first flow, whose place the entries take.
    const config::Flow& flow_like() {
        if (!flow_like_) {
            flow_like_ = router_.flows.empty() ? config::Flow{} : router_.flows.front();
            router_.flows.clear();
        }
        return *flow_like_;
    }

    bool add_flow(std::istringstream& words) {
        std::string source;
        std::string destination;
        unsigned protocol = 0;
        std::uint16_t source_port = 0;
        std::uint16_t destination_port = 0;
        if (!(words >> source >> destination >> protocol >> source_port >> destination_port)) {
            return false;
        }
        config::Flow& flow = router_.flows.emplace_back(flow_like());
        flow.id = static_cast<std::uint32_t>(router_.flows.size());
        flow.match = {};
        flow.match.source = host(source);
        flow.match.destination = host(destination);
        flow.match.protocol = static_cast<std::uint8_t>(protocol);
        flow.match.source_port = config::PortRange{source_port, source_port};
        flow.match.destination_port = config::PortRange{destination_port, destination_port};
        return flow.match.source && flow.match.destination;
    }

    bool add_sid(std::istringstream& words) {
        std::string text;
        words >> text;
        const auto sid = host(text);
        if (!sid) {
            return false;
        }
        config::LocalSid next = first_of(router_.srv6.local_sids, "SID");
        next.sid = *sid;
        router_.srv6.local_sids.push_back(std::move(next));
        return true;
    }

    bool add_policy(std::istringstream& words) {
        std::uint32_t color = 0;
        if (!(words >> color)) {
            return false;
        }
        config::SrPolicy next = first_of(router_.sr_policies, "policy");
        next.key.color = color;
        router_.sr_policies.push_back(std::move(next));
        return true;
    }

    bool add_nrp(std::istringstream& words) {
        std::uint32_t id = 0;
        if (!(words >> id)) {
            return false;
        }
        config::Nrp next = first_of(router_.nrps, "NRP");
        next.id = id;
        next.selector = id;
        router_.nrps.push_back(std::move(next));
        return true;
    }

    config::PolicyKey key_of(std::uint32_t color) const {
        return {color, first_of(router_.sr_policies, "policy").key.endpoint};
    }

    template <class Item>
    static const Item& first_of(const std::vector<Item>& items, const char* what) {
        if (items.empty()) {
            throw std::runtime_error(
                fmt::format("the configuration has no {} that others could be like", what));
        }
        return items.front();
    }

    static std::optional<config::IpPrefix> host(const std::string& text) {
        const auto address = config::IpAddress::parse(text);
        return address ? std::optional(config::IpPrefix{*address, address->bits()}) : std::nullopt;
    }

    config::NextHop next_hop(bool is_ipv6) const {
        for (const config::Neighbor& neighbor : router_.neighbors) {
            if (neighbor.address.is_ipv6 == is_ipv6) {
                return next_hop(neighbor);
            }
        }
        throw std::runtime_error("the configuration has no neighbour to send to");
    }
    static config::NextHop next_hop(const config::Neighbor& neighbor) {
        return {.interface = neighbor.interface,
                .address = neighbor.address,
                .weight = 1,
                .labels = {}};
    }

    config::Router& router_;
    std::optional<config::Flow> flow_like_;
};

}  // namespace

void add_entries(const std::string& path, config::Router& router) {
    std::ifstream file(path);
    if (!file) {
        throw std::runtime_error(path + ": cannot be read");
    }
    EntryReader reader(router);
    std::string line;
    for (std::size_t number = 1; std::getline(file, line); ++number) {
        if (!line.empty() && !reader.add(line)) {
            throw std::runtime_error(fmt::format("{}:{}: '{}' is no entry: see perf/rate/entries.h",
                                                 path, number, line));
        }
    }
}

}  // namespace tcqf::perf
