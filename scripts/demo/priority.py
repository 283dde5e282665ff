"""Lets the demonstration's processes share few cores with short turns.

Every program of a run polls or sleeps by the clock; what hurts is to wait for a core. So all of them
run at the highest ordinary priority, and ask the scheduler for turns of a tenth of a millisecond
(Linux 6.12 and later; earlier ones ignore it). Real-time classes would be throttled by default.
"""

import ctypes
import os
import struct

NICE = -20
TURN_NS = 100_000
SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
SCHED_OTHER = 0


def attributes():
    """struct sched_attr (sched_setattr(2)), its first version."""
    return struct.pack("=IIQiIQQQ", 48, SCHED_OTHER, 0, NICE, 0, TURN_NS, 0, 0)


def raise_own():
    """For the calling process and its children. What the system refuses is left as it is."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
        # Where sessions share the machine as groups, priorities count only within one; this one is
        # the demonstration's own (network.enter()).
        with open("/proc/self/autogroup", "w", encoding="ascii") as group:
            group.write(str(NICE))
    except OSError:
        return
    number = SCHED_SETATTR.get(os.uname().machine)
    if number:
        ctypes.CDLL(None, use_errno=True).syscall(number, 0, attributes(), 0)
