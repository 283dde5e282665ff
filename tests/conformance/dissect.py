"""tshark as a second judge: checksums and structure of every frame, expected and sent.

All captures of a run go into one file, so that tshark starts once. Packets quoted inside ICMP
errors are cut by design; only a complaint about the outer packet counts.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from captures import pcap_bytes, read_pcap

PROTOCOLS = ("eth", "ethertype", "ip", "ipv6", "ipv6.hopopts", "ipv6.dstopts", "ipv6.routing",
             "ipv6.routing.type.srh", "ipv6.fraghdr", "icmp", "icmpv6", "udp", "tcp", "mpls", "data",
             "frame", "_ws.malformed")
PREFERENCES = ("ip.check_checksum:TRUE", "udp.check_checksum:TRUE", "tcp.check_checksum:TRUE",
               "ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE",
               "tcp.analyze_sequence_numbers:FALSE")
FIELDS = ("frame.number", "ip.checksum.status", "udp.checksum.status", "tcp.checksum.status",
          "icmp.checksum.status", "icmpv6.checksum.status", "_ws.malformed", "frame.protocols",
          "icmp.type", "icmpv6.type", "_ws.expert.severity", "tcp.checksum")
BAD = "0"
NEGATIVE_ZERO = "0xffff"
ERROR = 0x800000    # the highest severity of tshark's experts


def gather(folders):
    """[(case, file, index, frame)] of what left, as expected and as sent.

    A file that is no capture is for compare.py to complain about.
    """
    frames = []
    for folder in folders:
        for path in sorted(folder.glob("expect/*.pcap")) + sorted(folder.glob("got/*.pcap")):
            if path.name.endswith(".kernel.pcap"):
                continue
            try:
                packets = read_pcap(path)
            except ValueError:
                continue
            for index, (_, frame) in enumerate(packets):
                frames.append((folder.name, f"{path.parent.name}/{path.name}", index + 1, frame))
    return frames


def _is_complaint(columns):
    quotes = bool(columns[8] or columns[9]) and (
        columns[8].split(",")[0] in ("3", "4", "5", "11", "12") or
        (columns[9] and int(columns[9].split(",")[0]) < 128))
    for name, column in zip(FIELDS[1:6], columns[1:6]):
        states = [state for state in column.split(",") if state]
        if quotes:
            states = [] if name[:3] in ("udp", "tcp") else states[:1]
        if name[:3] == "tcp" and NEGATIVE_ZERO in columns[11]:
            continue  # Linux sends it for 0, which it equals (RFC 1624); an expert says if not
        if BAD in states:
            return "a wrong checksum"
    if quotes:
        return None
    if columns[6]:
        return "malformed"
    if any(int(severity) >= ERROR for severity in columns[10].split(",") if severity):
        return "an error of the expert"
    return None


def opinions(frames):
    """What tshark says of each frame: a complaint, or None."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "all.pcap"
        path.write_bytes(pcap_bytes([(number, frame) for number, frame in enumerate(frames)]))
        words = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=;",
                 "--disable-protocol", "ALL"]
        for protocol in PROTOCOLS:
            words += ["--enable-protocol", protocol]
        for preference in PREFERENCES:
            words += ["-o", preference]
        for ports in ("udp.port", "tcp.port"):  # a payload is nobody's protocol
            words += ["-d", f"{ports}==1-65535,data"]
        for field in FIELDS:
            words += ["-e", field]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    if done.returncode != 0 or len(lines) != len(frames):
        raise ValueError(f"tshark failed: {done.stderr}")
    return [_is_complaint(line.split(";")) for line in lines]


def disliked(frames):
    """Each frame that tshark complains about, with why, as text."""
    return [f"{complaint}: {frame.hex()}" for frame, complaint in zip(frames, opinions(frames))
            if complaint]


def complaints(folders):
    """{case: [what tshark has to say]}, of cases that do not send broken packets on purpose."""
    frames = gather(folders)
    if not frames:
        return {}
    if shutil.which("tshark") is None:
        return {frames[0][0]: ["tshark is not installed: the second judge could not sit"]}
    try:
        said = opinions([frame for *_, frame in frames])
    except ValueError as error:
        return {frames[0][0]: [str(error)]}
    found = {}
    for (case, name, index, frame), complaint in zip(frames, said):
        if complaint:
            found.setdefault(case, []).append(
                f"tshark: {name}, frame {index}: {complaint}:\n{frame.hex()}")
    return found
