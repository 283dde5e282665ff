#include "control/tcqfd/huge_page_turn.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <thread>

namespace tcqf::control {

HugePageTurn::HugePageTurn(std::chrono::milliseconds patience) {
    // Where the pages are counted. Mount namespaces, which network namespaces come with, share it.
    file_ = dataplane::Descriptor(open("/proc/meminfo", O_RDONLY | O_CLOEXEC));
    const auto end = std::chrono::steady_clock::now() + patience;
    constexpr std::chrono::milliseconds kStep{10};
    do {
        is_held_ = file_.is_open() && flock(file_.number(), LOCK_EX | LOCK_NB) == 0;
        if (is_held_ || !file_.is_open()) {
            return;
        }
        std::this_thread::sleep_for(std::min(kStep, patience));
    } while (std::chrono::steady_clock::now() < end);
}

}  // namespace tcqf::control
