// Draws of what is made by chance.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <initializer_list>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace tcqf::test {

class Chance {
  public:
    /// `random` is kept, and shared by copies.
    explicit Chance(std::mt19937_64& random) : random_(&random) {}

    unsigned pick(unsigned count) { return static_cast<unsigned>((*random_)() % count); }
    bool one_in(unsigned count) { return pick(count) == 0; }
    template <class T>
    T one_of(std::initializer_list<T> values) {
        return values.begin()[pick(static_cast<unsigned>(values.size()))];
    }
    template <class T>
    const T& one_of(const std::vector<T>& values) {
        return values[pick(static_cast<unsigned>(values.size()))];
    }
    template <class T>
    void shuffle(std::vector<T>& values) {
        for (std::size_t left = values.size(); left > 1; --left) {
            std::swap(values[left - 1], values[pick(static_cast<unsigned>(left))]);
        }
    }

  private:
    std::mt19937_64* random_;
};

/// A host on the link of an interface, geN.
inline std::string address_on(unsigned interface, bool is_ipv6, unsigned host = 2) {
    return is_ipv6 ? fmt::format("2001:db8:10{}::{}", interface + 1, host)
                   : fmt::format("10.0.{}.{}", interface + 1, host);
}

/// Next hops out of ge0 to ge3 as a configuration has them: mostly ge1, once in a while to a
/// neighbour that nobody knows.
class RandomHops : protected Chance {
  public:
    using Chance::Chance;

  protected:
    std::string hops(bool is_ipv6, bool may_push = true) {
        std::string text = "next-hops: [" + hop(is_ipv6, may_push);
        for (unsigned more = one_in(3) ? 1 + pick(2) : 0; more > 0; --more) {
            text += ", " + hop(is_ipv6, may_push);
        }
        return text + "]";
    }

  private:
    std::string hop(bool is_ipv6, bool may_push) {
        const unsigned interface = one_of({0U, 1U, 1U, 1U, 2U, 3U});
        std::string text = fmt::format("{{interface: ge{}, address: '{}'", interface,
                                       address_on(interface, is_ipv6, one_in(10) ? 3 : 2));
        if (one_in(3)) {
            text += fmt::format(", weight: {}", 1 + pick(3));
        }
        if (may_push && one_in(4)) {
            text += fmt::format(", labels: [{}]", one_of({"300", "301, 302", "3", "0", "2, 303"}));
        }
        return text + "}";
    }
};

}  // namespace tcqf::test
