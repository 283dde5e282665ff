"""One run over real interfaces: three tcqfd, a flow, three loads, and what the receiver saw."""

import json
import re
import signal
import subprocess
import time
from dataclasses import dataclass, field

import network
import topology

READY_SECONDS = 60
SETTLE_SECONDS = 0.3
LEAD_SECONDS = 0.3     # of the loads before the flow, and behind it
FINE_BINS = 5000   # of the report's histograms; pictures join some
PAUSE = re.compile(r"longest pause between two rounds (\d+) us")


REFUSED = 3
# Of each router: ordinary pages, for three that start at once would take one another's huge pages.
MEMORY = ("--no-huge", "-m", 640)


class RunFailed(Exception):
    """Something did not run at all; the text says what and what it said."""


class Refused(RunFailed):
    """The system does not let a program do what it must."""


@dataclass
class Run:
    """What one run was and what came out."""
    scenario: topology.Scenario
    times: topology.Times = None
    duration_ms: int = 0
    accounts: dict = field(default_factory=dict)    # of each router
    pauses_us: dict = field(default_factory=dict)   # longest of each router
    sent: dict = field(default_factory=dict)        # by stream, what the senders say
    flows: dict = field(default_factory=dict)       # by stream, what the report says
    receiver_lost: int = 0

    def stall_us(self):
        return max(self.pauses_us.values(), default=0)


class Started:
    """Processes that are ended when the run is over, well or not."""

    def __init__(self, folder):
        self.folder = folder
        self.processes = []

    def start(self, name, words):
        stderr = open(self.folder / f"{name}.log", "w", encoding="utf-8")
        stdout = open(self.folder / f"{name}.out", "w", encoding="utf-8")
        process = subprocess.Popen(words, stdout=stdout, stderr=stderr)
        self.processes.append(process)
        return process

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")

    def output(self, name):
        return (self.folder / f"{name}.out").read_text(encoding="utf-8")

    def wait_ready(self, name, process):
        deadline = time.monotonic() + READY_SECONDS
        while "ready\n" not in self.log(name):
            if process.poll() is not None or time.monotonic() > deadline:
                kind = Refused if process.poll() == REFUSED else RunFailed
                raise kind(f"{name} did not start:\n{self.log(name)}")
            time.sleep(0.05)

    def finish(self, name, process, ask=None, seconds=60):
        if ask:
            process.send_signal(ask)
        if process.wait(seconds) != 0:
            raise RunFailed(f"{name} ended with exit status {process.returncode}:\n{self.log(name)}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()


def start_routers(started, programs, scenario, traffic, times):
    routers = {}
    for name in topology.ROUTERS:
        path = started.folder / f"{name}.yaml"
        path.write_text(scenario.config(name, traffic, times), encoding="utf-8")
        routers[name] = started.start(name, network.inside(
            name, programs.tcqfd, "--config", path, "--yield", "--no-kernel-ports", "--",
            *MEMORY))
    for name, process in routers.items():
        started.wait_ready(name, process)
    return routers


def start_senders(started, programs, scenario, traffic, duration_ms):
    """All loads, and the flow in the middle of them."""
    senders = {}
    for name in traffic.loads:
        stream = topology.LOAD_STREAMS[name]
        senders[stream] = started.start(f"load-{name}", network.inside(
            network.SENDER, programs.meter, "send", "--interface", f"load-{name}",
            *topology.load_arguments(name, traffic), "--batch-us", 500,
            "--duration-ms", duration_ms + int(2000 * LEAD_SECONDS)))
    time.sleep(LEAD_SECONDS)
    senders[topology.FLOW_STREAM] = started.start("flow", network.inside(
        network.SENDER, programs.meter, "send", "--interface", "flow",
        *scenario.flow_arguments(traffic), "--duration-ms", duration_ms))
    return senders


def run_tool(*words):
    """Runs one of the programs to its end; what it printed."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RunFailed(f"{words[0].name} {words[1]}: {done.stderr}")
    return done.stdout


def report(run, folder, capture, programs, traffic, allowance_ns=0):
    """Lets tcqf-meter judge what was received; the last router's interface says what is right."""
    words = ["report", "--capture", capture, "--json", folder / "report.json", "--bins", FINE_BINS]
    for stream in run.scenario.measured_streams(traffic):
        path = folder / f"sent-{stream}.json"
        path.write_text(json.dumps(run.sent[stream]), encoding="utf-8")
        words += ["--sent", path]
    if run.times:
        words += ["--router", folder / "r3.yaml", "--interface", "ge1",
                  "--late-ns", allowance_ns, "--early-ns", run.times.clock_error_ns]
    run_tool(programs.meter, *words)
    flows = json.loads((folder / "report.json").read_text(encoding="utf-8"))["flows"]
    run.flows = {flow["stream"]: flow for flow in flows}


def run_scenario(programs, folder, scenario, traffic, times, duration_ms):
    folder.mkdir(parents=True, exist_ok=True)
    run = Run(scenario, times, duration_ms)
    with Started(folder) as started:
        routers = start_routers(started, programs, scenario, traffic, times)
        receiver = started.start("receiver", network.inside(
            network.RECEIVER, programs.meter, "receive", "--interface", "in",
            "--capture", folder / "received.pcap"))
        started.wait_ready("receiver", receiver)
        senders = start_senders(started, programs, scenario, traffic, duration_ms)
        for stream, process in senders.items():
            process.wait(duration_ms / 1000 + 60)
        time.sleep(SETTLE_SECONDS)
        names = {topology.FLOW_STREAM: "flow",
                 **{stream: f"load-{name}" for name, stream in topology.LOAD_STREAMS.items()}}
        for stream, process in senders.items():
            started.finish(names[stream], process)
            run.sent[stream] = json.loads(started.output(names[stream]))
        for name, process in routers.items():
            started.finish(name, process, signal.SIGTERM)
            run.accounts[name] = json.loads(started.output(name))
            run.pauses_us[name] = max(map(int, PAUSE.findall(started.log(name))), default=0)
        started.finish("receiver", receiver, signal.SIGTERM)
        run.receiver_lost = json.loads(started.output("receiver"))["lost"]
        report(run, folder, folder / "received.pcap", programs, traffic, run.stall_us() * 1000)
    return run
