#include "control/account_json.h"

#include <nlohmann/json.hpp>

namespace tcqf::control {
namespace {

using Json = nlohmann::ordered_json;

Json account_document(const config::Router& config, const dataplane::Account& account) {
    Json dropped = Json::object();
    for (std::size_t i = 0; i < dataplane::kDropReasons; ++i) {
        if (account.dropped[i] != 0) {
            dropped[std::string(dataplane::kDropReasonNames[i])] = account.dropped[i];
        }
    }
    Json interfaces = Json::object();
    for (std::size_t i = 0; i < config.interfaces.size(); ++i) {
        interfaces[config.interfaces[i].name] = {
            {"received", account.interfaces[i].received},
            {"sent", account.interfaces[i].sent},
            {"cycle-overruns", account.interfaces[i].cycle_overruns}};
    }
    if (account.from_kernel != 0) {
        interfaces["kernel"] = {
            {"received", account.from_kernel}, {"sent", 0}, {"cycle-overruns", 0}};
    }
    return {{"received", account.received}, {"generated", account.generated},
            {"sent", account.sent},         {"to-kernel", account.to_kernel},
            {"queued", account.queued},     {"dropped", dropped},
            {"interfaces", interfaces}};
}

}  // namespace

std::string account_json(const config::Router& config, const dataplane::Account& account) {
    return account_document(config, account).dump(1) + "\n";
}

std::string account_json(const dataplane::Router& router) {
    Json document = account_document(router.config(), router.account());
    Json sids = Json::object();
    for (const auto& [sid, taken] : router.sid_account()) {
        sids[sid.to_string()] = {{"packets", taken.packets}, {"bytes", taken.octets}};
    }
    if (!sids.empty()) {
        document["sids"] = sids;
    }
    return document.dump(1) + "\n";
}

}  // namespace tcqf::control
