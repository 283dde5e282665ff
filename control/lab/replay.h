// `tcqf-lab replay`: one router in virtual time, captures in, captures and an account out.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/router.h"

namespace tcqf::control {

/// From `begin_ns` on the workers do nothing for a while; packets keep their receive timestamps.
struct Stall {
    std::int64_t begin_ns = 0;
    std::int64_t length_ns = 0;
};

struct ReplayOptions {
    struct Arrivals {
        std::string interface;
        std::string capture;
    };
    std::vector<Arrivals> arrivals;
    std::string out_directory;
    bool until_drained = false;
    std::int64_t processing_ns = 0;  ///< from arrival to classification
    std::vector<Stall> stalls;
};

/// Runs the router and writes DIR/IF.pcap and DIR/IF.kernel.pcap for every interface, and
/// DIR/account.json. Warnings go to standard error. EAL must have been started. Throws
/// CaptureError, std::system_error (files) and std::runtime_error (memory).
void replay(const std::shared_ptr<const config::Router>& config, const ReplayOptions& options);

}  // namespace tcqf::control
