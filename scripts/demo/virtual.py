"""The same chain in virtual time: each router is a tcqf-lab replay, the output of one the input of the next.

Nothing stalls there, so cycles are short; the same inputs give the same bytes on every machine.
"""

import json
import struct

import topology
from real import Run, RunFailed, report, run_tool

START_NS = 1_700_000_000 * 10**9
LINK_DELAY_NS = 5_000       # a kilometre of fibre
GAP_OCTETS = 12
OVERHEAD_OCTETS = 24
MIN_FRAME_OCTETS = 60
NS = 10**9
GLOBAL_HEADER = struct.Struct("<IHHiIII")
PACKET_HEADER = struct.Struct("<IIII")
NANOSECOND_PCAP = 0xA1B23C4D


def packets(path):
    """(time, octets) of each packet of a nanosecond capture."""
    content = path.read_bytes()
    if GLOBAL_HEADER.unpack_from(content)[0] != NANOSECOND_PCAP:
        raise RunFailed(f"{path}: is no nanosecond capture")
    at = GLOBAL_HEADER.size
    while at < len(content):
        seconds, nanoseconds, stored, _ = PACKET_HEADER.unpack_from(content, at)
        at += PACKET_HEADER.size
        yield seconds * NS + nanoseconds, content[at:at + stored]
        at += stored


def write(path, timed):
    with open(path, "wb") as file:
        file.write(GLOBAL_HEADER.pack(NANOSECOND_PCAP, 2, 4, 0, 0, 262144, 1))
        for time_ns, octets in timed:
            file.write(PACKET_HEADER.pack(time_ns // NS, time_ns % NS, len(octets), len(octets)))
            file.write(octets)


def across_link(timed, mbps):
    """Arrivals at the far end: a frame is there when it has left whole, without its gap."""
    for start_ns, octets in timed:
        on_wire = max(len(octets), MIN_FRAME_OCTETS) + OVERHEAD_OCTETS - GAP_OCTETS
        yield start_ns + -(-on_wire * 8 * 1000 // mbps) + LINK_DELAY_NS, octets


def make_traffic(programs, folder, scenario, traffic, duration_ms):
    """Captures of what the sender offers; what the sender says of each stream."""
    sent = {}
    wanted = [("flow", topology.FLOW_STREAM, scenario.flow_arguments(traffic), START_NS)]
    # Each load starts at another phase of the flow's packets.
    wanted += [(f"load-{name}", topology.LOAD_STREAMS[name],
                topology.load_arguments(name, traffic), START_NS + 1_237 * index)
               for index, name in enumerate(traffic.loads)]
    for name, stream, arguments, start_ns in wanted:
        sent[stream] = json.loads(run_tool(
            programs.meter, "send", "--capture", folder / f"{name}.pcap", *arguments,
            "--from", topology.SENDER_MAC, "--start-ns", start_ns, "--duration-ms", duration_ms))
    return sent


def run_routers(run, programs, folder, traffic):
    arriving = folder / "flow.pcap"
    for name in topology.ROUTERS:
        (folder / f"{name}.yaml").write_text(
            run.scenario.config(name, traffic, run.times), encoding="utf-8")
        words = ["--rx", f"ge0={arriving}"]
        if name in traffic.loads:
            words += ["--rx", f"ge2={folder}/load-{name}.pcap"]
        run_tool(programs.lab, "replay", "--config", folder / f"{name}.yaml", *words,
                 "--out", folder / name, "--until-drained")
        run.accounts[name] = json.loads((folder / name / "account.json").read_text())
        arriving = folder / f"behind-{name}.pcap"
        write(arriving, across_link(packets(folder / name / "ge1.pcap"), traffic.link_mbps))


def run_scenario(programs, folder, scenario, traffic, times, duration_ms):
    """As real.run_scenario, without interfaces; delays end where the last router's wire begins."""
    folder.mkdir(parents=True, exist_ok=True)
    run = Run(scenario, times, duration_ms)
    run.sent = make_traffic(programs, folder, scenario, traffic, duration_ms)
    run_routers(run, programs, folder, traffic)
    report(run, folder, folder / "r3" / "ge1.pcap", programs, traffic)
    return run
