// Draws of what is made by chance.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <random>
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

}  // namespace tcqf::test
