// DPDK's environment for the lab: as any user, without huge pages, devices or files, several at
// once.
#pragma once

namespace tcqf::control {

/// Starts it; calls after the first do nothing. Throws std::runtime_error with a sentence that says
/// why not.
void start_lab_eal();

}  // namespace tcqf::control
