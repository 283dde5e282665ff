"""tcqfd on memif ports, whose other ends another process has, does with the packets of conformance
cases what tcqf-lab does: the same octets out of the same interfaces, the same counters. The other
process is dpdk-testpmd: it brings the packets of captures, and what comes back it writes into others.
Cases of routers without a TCQF domain. Prints TAP.

    memif_cases_test.py TCQFD TCQF-LAB OUT [--workers N] [--every N] [--only PATTERN ...]
"""

import copy
import os
import shutil
import subprocess
import sys
import tempfile

import conformance_cases_test as cases
from captures import pcap_bytes

BUFFER_OCTETS = 2048  # of a memif port
MEMORY = ("--no-huge", "-m", "128")


def fits(case):
    """True without cycles, and where every frame is in one buffer."""
    return (cases.may_be_compared(case) and not case.config.get("tcqf")
            and all(each.get("mtu", 1500) <= 1500 for each in case.config["interfaces"])
            and all(len(frame) <= BUFFER_OCTETS
                    for packets in case.rx.values() for _, frame, *_ in packets))


def device(role, i, sockets):
    return f"net_memif{i},role={role},socket={sockets}/memif,socket-abstract=no,id={i}"


def with_memif_ports(case, sockets, workers):
    """The case's configuration on memif ports."""
    config = copy.deepcopy(case.config)
    config["workers"] = workers
    for i, interface in enumerate(config["interfaces"]):
        interface["device"] = device("client", i, sockets)
    return config


def links_are_up(said):
    """Whether each link of which a ready router said that it is down has come up since."""
    return all(said.count(line) <= said.count(line.replace("down", "up"))
               for line in said if line.endswith(": the link is down"))


class Peer:
    """dpdk-testpmd with two ports for each interface, of which each sends what the other receives: one
    reads FOLDER/IF.in.pcap and writes FOLDER/IF.out.pcap, one is the other end of the interface."""

    def __init__(self, case, folder, sockets):
        self.prefix = f"testpmd-case-{os.getpid()}-{case.name}"
        arguments = []
        names = [each["name"] for each in case.config["interfaces"]]
        for i, name in enumerate(names):
            (folder / f"{name}.in.pcap").write_bytes(pcap_bytes(case.rx.get(name, [])))
            arguments += [f"--vdev=net_pcap{i},rx_pcap={folder / name}.in.pcap,"
                          f"tx_pcap={folder / name}.out.pcap",
                          f"--vdev={device('server', i, sockets)}"]
        self.wires = range(1, 2 * len(names), 2)
        cpus = sorted(os.sched_getaffinity(0))
        self.log = folder / "testpmd.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["stdbuf", "-oL", "dpdk-testpmd", f"--file-prefix={self.prefix}", "--no-pci", *MEMORY,
                 f"--lcores=0@({cpus[0]}-{cpus[-1]}),1@({cpus[0]}-{cpus[-1]})", *arguments, "--",
                 "-i", "--no-mlockall", "--no-flush-rx", "--disable-link-check",
                 "--total-num-mbufs=4096"], stdin=subprocess.PIPE, stdout=log, stderr=log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(cases.runtime_directory(self.prefix), ignore_errors=True)

    def wait_until_ready(self):
        """Its ports listen, and it takes commands."""
        cases.wait_for(lambda: "testpmd>" in self.log.read_text(), self.process,
                       "testpmd is not ready")

    def start(self):
        """Sends, again and again until the router's first poll has made room in the ring."""
        self._command("set fwd io retry")
        self._command("set burst tx delay 100 retry 100000")
        self._command("start")

    def wait_for(self, packets):
        """Until so many have come from the router."""
        telemetry = cases.Telemetry(self.prefix)
        cases.wait_for(lambda: telemetry.received(self.wires) >= packets, self.process,
                       "testpmd does not receive every packet")

    def stop(self):
        """Nothing is sent or received any more: memif ports must not be polled while the other end
        goes away."""
        self._command("stop")
        cases.wait_for(lambda: "forward statistics for all ports" in self.log.read_text(),
                       self.process, "testpmd does not stop")

    def end(self):
        """Ends the captures."""
        self.process.communicate(b"quit\n", timeout=cases.READY_SECONDS)
        if self.process.returncode != 0:
            raise RuntimeError(f"testpmd: exit {self.process.returncode}: {self.log.read_text()}")

    def _command(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()


class Memif(cases.Captures):
    """Ports that testpmd has the other ends of."""

    def may_be_compared(self, case):
        return fits(case)

    def run(self, case, expected, folder):
        """Waits as well until testpmd has received as many packets as the lab sends."""
        with tempfile.TemporaryDirectory() as sockets, Peer(case, folder, sockets) as peer:
            peer.wait_until_ready()
            config = with_memif_ports(case, sockets, self.programs.workers)
            with cases.Daemon(self.programs.tcqfd, case.name, config, folder) as daemon:
                cases.wait_for(lambda: links_are_up(daemon.said()), daemon.process,
                               "links do not come up")
                peer.start()
                peer.wait_for(sum(each.total() for each in expected.sent.values()))
                daemon.wait_for(cases.packets_of(case))
                peer.stop()
                account = daemon.stop()
            peer.end()
            return account


if __name__ == "__main__":
    sys.exit(cases.compare(Memif(cases.argument_parser().parse_args())))
