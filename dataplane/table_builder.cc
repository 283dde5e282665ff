#include "dataplane/table_builder.h"

#include "dataplane/flow_hash.h"
#include "dataplane/table_builders.h"

namespace tcqf::dataplane {
namespace {

void build_globals(Build& build) {
    const config::Router& router = build.config;
    Snapshot& tables = build.tables;
    tables.code_points = router.code_points;
    tables.usual_layout = UsualLayout(router.code_points);
    tables.discards_unknown_options =
        router.unknown_option_action == config::UnknownOptionAction::discard;
    tables.short_pipe = router.mpls.ttl_model == config::TtlModel::short_pipe;
    tables.hash_seed = seed_of(router.name.data(), router.name.size());
    if (router.srv6_source) {
        tables.srv6_source = router.srv6_source->octets;
    }
    if (!router.srv6_domain.empty()) {
        tables.in_srv6_domain.resize(router.interfaces.size());
        for (const config::InterfaceIndex inside : router.srv6_domain) {
            tables.in_srv6_domain[inside] = true;
        }
    }
}

std::unique_ptr<Snapshot> build_all(std::shared_ptr<const config::Router> config,
                                    const BuildOptions& options, const Snapshot* before,
                                    const config::Difference& difference) {
    auto tables = std::make_unique<Snapshot>();
    Build build{.config = *config,
                .options = options,
                .before = before,
                .difference = difference,
                .tables = *tables,
                .adjacencies = {*config, tables->interfaces}};
    build_globals(build);
    number_tables(build);
    number_policies(build);
    build_interfaces(build);
    build_domains(build);
    build_partitions(build);
    build_routes(build);
    build_labels(build);
    build_sids(build);
    build_sid_index(build);
    build_policies(build);
    build_flows(build);
    tables->config = std::move(config);
    return tables;
}

}  // namespace

std::unique_ptr<Snapshot> build_tables(std::shared_ptr<const config::Router> config,
                                       const BuildOptions& options) {
    return build_all(std::move(config), options, nullptr, {});
}

std::unique_ptr<Snapshot> build_tables(std::shared_ptr<const config::Router> config,
                                       const BuildOptions& options, const Snapshot& before,
                                       const config::Difference& difference) {
    return build_all(std::move(config), options, &before, difference);
}

}  // namespace tcqf::dataplane
