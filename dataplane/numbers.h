// Numbers of things that have names, to be positions in arrays: the same over changes of the
// configuration, and given to others when their owners are gone.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace tcqf::dataplane {

template <class Key>
struct Numbers {
    std::map<Key, std::uint32_t> number_of;
    std::vector<std::uint32_t> free;  ///< nobody's
    std::uint32_t count = 0;          ///< all are below

    std::uint32_t at(const Key& key) const { return number_of.at(key); }
    bool contains(const Key& key) const { return number_of.contains(key); }

    /// Numbers of other keys: what has one keeps it. What is gone is in neither list of them.
    Numbers next(const std::vector<Key>& keys) const {
        Numbers next{.number_of = {}, .free = free, .count = count};
        for (const Key& key : keys) {
            const auto [entry, is_new] = next.number_of.try_emplace(key);
            if (is_new) {
                const auto before = number_of.find(key);
                entry->second = before != number_of.end() ? before->second : next.take();
            }
        }
        next.free.reserve(next.count);  // for release(), which must not fail
        return next;
    }

    /// Of keys that `next` does not have.
    std::vector<std::uint32_t> gone_in(const Numbers& next) const {
        std::vector<std::uint32_t> gone;
        for (const auto& [key, number] : number_of) {
            if (!next.contains(key)) {
                gone.push_back(number);
            }
        }
        return gone;
    }

    void release(const std::vector<std::uint32_t>& numbers) {
        free.insert(free.end(), numbers.begin(), numbers.end());
    }

  private:
    std::uint32_t take() {
        if (free.empty()) {
            return count++;
        }
        const std::uint32_t number = free.back();
        free.pop_back();
        return number;
    }
};

}  // namespace tcqf::dataplane
