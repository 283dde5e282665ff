#include "control/meter/arguments.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <memory>
#include <system_error>

#include "tcqf/wire.h"

namespace tcqf::control::meter {

namespace {

/// What `send` says on its line, before it is checked.
struct SendText {
    SendCommand command;
    std::string to;
    std::string from;
    std::string source;
    std::string destination;
    std::string option;
    double packets_per_second = 0;
    std::int64_t mbps = 0;
    std::int64_t duration_ms = 10'000;
    std::int64_t batch_us = 0;
    std::int64_t on_ms = 0;
    std::int64_t off_ms = 0;
    std::int64_t interval_ns = 0;
    std::int64_t start_ns = 0;
};

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kLastStream = std::numeric_limits<std::uint32_t>::max();
constexpr std::int64_t kLongestMs = 1 << 30;
// Bursts of the most packets still have a distance.
constexpr std::int64_t kLongestIntervalNs = 3'600'000'000'000;
// With the longest duration before 2106, the end of what a capture can say.
constexpr std::int64_t kLatestStartNs = 4'200'000'000'000'000'000;

/// Whole numbers; CLI::PositiveNumber would print the largest double.
CLI::Range range(std::int64_t min, std::int64_t max) {
    return {min, max};
}

config::MacAddress mac(const std::string& text, const char* option) {
    const auto address = config::parse_mac(text);
    if (!address) {
        throw CLI::ValidationError(
            option, fmt::format("'{}' is no MAC address such as 02:00:00:00:01:00", text));
    }
    return *address;
}

config::IpAddress ip(const std::string& text, const char* option) {
    const auto address = config::IpAddress::parse(text);
    if (!address) {
        throw CLI::ValidationError(option,
                                   fmt::format("'{}' is no IP address such as 10.0.1.2", text));
    }
    return *address;
}

ProbeShape shape_of(const SendText& text) {
    ProbeShape shape = text.command.send.shape;
    shape.to = mac(text.to, "--to");
    if (!text.from.empty()) {
        shape.from = mac(text.from, "--from");
    }
    shape.source = ip(text.source, "--source");
    shape.destination = ip(text.destination, "--destination");
    if (shape.source.is_ipv6 != shape.destination.is_ipv6) {
        throw CLI::ValidationError("--source", "is of another IP version than --destination");
    }
    if (!text.option.empty()) {
        if (!shape.destination.is_ipv6) {
            throw CLI::ValidationError("--option", "only IPv6 packets have options of this kind");
        }
        shape.option_header = text.option == "hop-by-hop" ? config::OptionHeader::hop_by_hop
                                                          : config::OptionHeader::destination;
    }
    if (shape.octets < smallest_octets(shape)) {
        throw CLI::ValidationError(
            "--size", fmt::format("{} is too small: headers and stamp need {}", shape.octets,
                                  smallest_octets(shape)));
    }
    return shape;
}

Pace pace_of(const SendText& text, const ProbeShape& shape) {
    const int given = (text.packets_per_second > 0 ? 1 : 0) + (text.mbps > 0 ? 1 : 0) +
                      (text.interval_ns > 0 ? 1 : 0);
    if (given != 1) {
        throw CLI::ValidationError("--pps, --mbps, --interval-ns", "one of them says how fast");
    }
    if ((text.on_ms > 0) != (text.off_ms > 0)) {
        throw CLI::ValidationError("--on-ms, --off-ms", "go together");
    }
    Pace pace;
    if (text.mbps > 0) {
        const auto frame = static_cast<std::uint32_t>(ProbeTemplate(shape).frame().size());
        pace = Pace::of_rate(occupancy_bits(frame), text.mbps);
    } else if (text.interval_ns > 0) {
        pace.interval_numerator = text.interval_ns;
    } else {
        // A thousandth of a packet a second is exact enough.
        pace.interval_numerator = 1'000'000'000'000;
        pace.interval_denominator =
            std::max<std::int64_t>(1, static_cast<std::int64_t>(text.packets_per_second * 1000));
    }
    pace.burst = text.command.send.pace.burst;
    pace.interval_numerator *= pace.burst;
    pace.on_ns = text.on_ms * kNsPerMs;
    pace.off_ns = text.off_ms * kNsPerMs;
    return pace;
}

SendCommand checked(const SendText& text) {
    SendCommand command = text.command;
    SendOptions& send = command.send;
    if (send.interface.empty() == send.capture.empty()) {
        throw CLI::ValidationError("--interface, --capture", "one of them says where to");
    }
    send.shape = shape_of(text);
    send.own_mac = text.from.empty();
    send.pace = pace_of(text, send.shape);
    send.duration_ns = text.duration_ms * kNsPerMs;
    send.batch_ns = text.batch_us * 1000;
    if (text.start_ns > 0) {
        send.start_ns = text.start_ns;
    }
    return command;
}

void add_shape(CLI::App* app, SendText& text) {
    ProbeShape& shape = text.command.send.shape;
    app->add_option("--to", text.to, "MAC address of the first router")->required();
    app->add_option("--from", text.from, "MAC address of the sender (the interface's own)");
    app->add_option("--source", text.source, "IP address of the sender")->required();
    app->add_option("--destination", text.destination, "IP address of the receiver")->required();
    app->add_option("--source-port", shape.source_port, "UDP port (7000)")
        ->check(CLI::Range(0, 65535));
    app->add_option("--destination-port", shape.destination_port, "UDP port (7000)")
        ->check(CLI::Range(0, 65535));
    app->add_option("--dscp", shape.dscp, "DSCP (0)")->check(CLI::Range(0, 63));
    app->add_option("--labels", shape.labels, "MPLS labels in front, the first on top")
        ->delimiter(',')
        ->check(CLI::Range(0, (1 << 20) - 1));
    app->add_option("--traffic-class", shape.traffic_class, "TC of the labels (0)")
        ->check(CLI::Range(0, 7));
    app->add_option("--option", text.option,
                    "Bring the TCQF option, a place for a tag, in this IPv6 header")
        ->check(CLI::IsMember({"hop-by-hop", "destination"}));
    app->add_option("--cycle-id", shape.cycle_id, "Cycle Id in the option (0: no cycle)")
        ->check(CLI::Range(0, 255));
    app->add_option("--option-type", shape.option_type, "Type of the option (177)")
        ->check(CLI::Range(0, 255));
    app->add_option("--size", shape.octets, "Octets of the layer 3 packet (300)")
        ->check(CLI::Range(1, 65535));
}

void add_pace(CLI::App* app, SendText& text) {
    SendOptions& send = text.command.send;
    app->add_option("--pps", text.packets_per_second, "Packets a second")
        ->check(CLI::Range(0.001, 1e9));
    app->add_option("--mbps", text.mbps, "Rate in Mbit/s of wire occupancy: frame and 24 octets")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{800'000}));
    app->add_option("--interval-ns", text.interval_ns, "Time between packets")
        ->check(range(1, kLongestIntervalNs));
    app->add_option("--burst", send.pace.burst, "Send so many at once, at the same mean rate (1)")
        ->check(CLI::Range(1, 10'000));
    app->add_option("--on-ms", text.on_ms, "Send for so long ..")->check(CLI::Range(1, 1 << 20));
    app->add_option("--off-ms", text.off_ms, ".. then be silent for so long; and again")
        ->check(CLI::Range(1, 1 << 20));
    app->add_option("--duration-ms", text.duration_ms, "How long (10000)")
        ->check(range(1, kLongestMs));
    app->add_option("--count", send.count, "End after so many packets")
        ->check(range(1, kMostSequence));
    app->add_option("--start-ns", text.start_ns, "TAI of the first packet (now; captures: 0)")
        ->check(range(1, kLatestStartNs));
    app->add_option("--batch-us", text.batch_us,
                    "Sleep at least so long between two sendings: fewer wake-ups at high rates")
        ->check(CLI::Range(0, 1'000'000));
}

void parse_names(const std::vector<std::string>& texts, ReportOptions& options) {
    for (const std::string& text : texts) {
        const char* const end = text.data() + text.size();
        std::uint32_t stream = 0;
        const auto [equals, error] = std::from_chars(text.data(), end, stream);
        if (error != std::errc() || equals == end || *equals != '=') {
            throw CLI::ValidationError("--name",
                                       fmt::format("'{}' is not STREAM=NAME, as in 1=flow", text));
        }
        options.names[stream] = std::string(equals + 1, end);
    }
}

}  // namespace

Command<SendCommand> add_send(CLI::App& app) {
    const auto text = std::make_shared<SendText>();
    SendOptions& send = text->command.send;
    CLI::App* command =
        app.add_subcommand("send", "Sends one flow of probes, onto an interface or into a capture");
    command->add_option("--interface", send.interface, "Where to send");
    command->add_option("--capture", send.capture,
                        "Write a capture of what would be sent, in virtual time, instead");
    command->add_option("--stream", send.stream, "Number that tells this flow from others (1)")
        ->check(range(0, kLastStream));
    command->add_option("--json", text->command.json, "File for the result (stdout)");
    add_shape(command, *text);
    add_pace(command, *text);
    return {command, [text] { return checked(*text); }};
}

Command<ReceiveCommand> add_receive(CLI::App& app) {
    struct Text {
        ReceiveCommand command;
        std::int64_t duration_ms = 0;
    };
    const auto text = std::make_shared<Text>();
    ReceiveOptions& receive = text->command.receive;
    CLI::App* command = app.add_subcommand(
        "receive", "Records the probes that arrive, with the kernel's timestamps, as a capture");
    command->add_option("--interface", receive.interface, "Where they arrive")->required();
    command->add_option("--capture", receive.capture, "File for the capture")->required();
    command->add_option("--duration-ms", text->duration_ms, "How long (until SIGINT or SIGTERM)")
        ->check(range(1, kLongestMs));
    command->add_option("--snap-octets", receive.snap_octets, "Of each frame to keep (128)")
        ->check(CLI::Range(96, 65535));
    command->add_option("--option-type", receive.option_type, "Type of the TCQF option (177)")
        ->check(CLI::Range(0, 255));
    command->add_option("--json", text->command.json, "File for the result (stdout)");
    return {command, [text] {
                text->command.receive.duration_ns = text->duration_ms * kNsPerMs;
                return text->command;
            }};
}

Command<ReportCommand> add_report(CLI::App& app) {
    struct Text {
        ReportCommand command;
        std::vector<std::string> names;
    };
    const auto text = std::make_shared<Text>();
    ReportOptions& report = text->command.report;
    CLI::App* command = app.add_subcommand(
        "report", "Says what a capture of probes tells about delays, losses and cycles");
    command->add_option("--capture", report.capture, "pcap or pcapng, times in TAI")->required();
    command->add_option("--sent", report.sent, "What send wrote with --json; may be repeated");
    command->add_option("--name", text->names, "STREAM=NAME for the table; may be repeated");
    auto* router =
        command->add_option("--router", text->command.router,
                            "Configuration of the last router: check each packet's cycle");
    auto* interface = command->add_option("--interface", text->command.interface,
                                          "That router's interface towards the receiver");
    router->needs(interface);
    interface->needs(router);
    command
        ->add_option("--late-ns", report.allowance.late_ns,
                     "How much later than its cycle a packet may be seen (0)")
        ->check(range(0, std::numeric_limits<std::int64_t>::max()));
    command
        ->add_option("--early-ns", report.allowance.early_ns,
                     "How much earlier: the error between the clocks (0)")
        ->check(range(0, std::numeric_limits<std::int64_t>::max()));
    command->add_option("--option-type", report.option_type, "Type of the TCQF option (177)")
        ->check(CLI::Range(0, 255));
    command->add_option("--bins", report.bins, "Most bins of a histogram (60)")
        ->check(CLI::Range(2, 100'000));  // one starts at 0: delays on both sides of it need two
    command->add_option("--json", text->command.json, "File for the report as JSON");
    command->add_option("--histograms", text->command.histograms,
                        "PREFIX: writes PREFIX-STREAM.dat for gnuplot");
    return {command, [text] {
                parse_names(text->names, text->command.report);
                return text->command;
            }};
}

}  // namespace tcqf::control::meter
