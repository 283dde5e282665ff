// Several tcqfd that start at once on one host take their huge pages one after the other.
#pragma once

#include <chrono>

#include "dataplane/netdev.h"

namespace tcqf::control {

/// While one is held no other tcqfd of the host counts huge pages: what it would find free might be
/// about to be taken.
class HugePageTurn {
  public:
    /// Waits for its turn, but not for longer than `patience`: a program that hangs must not keep
    /// the others from starting.
    explicit HugePageTurn(std::chrono::milliseconds patience);

    bool is_held() const { return is_held_; }

  private:
    dataplane::Descriptor file_;
    bool is_held_ = false;
};

}  // namespace tcqf::control
