// The account as JSON: what replay writes and what a router prints when it ends.
#pragma once

#include <string>

#include "config/router.h"
#include "dataplane/account.h"
#include "dataplane/router.h"

namespace tcqf::control {

/// `dropped` lists only reasons that occurred; interfaces in the order of the configuration, and
/// behind them `kernel` where the host's kernel sent through the router.
std::string account_json(const config::Router& config, const dataplane::Account& account);

/// The same with `sids` where SIDs took packets: packets and bytes of each, by its prefix.
std::string account_json(const dataplane::Router& router);

}  // namespace tcqf::control
