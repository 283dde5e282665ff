"""The machine that numbers come from: its processor, its pages, its load."""

import os
import pathlib
import platform

HUGE_PAGES = pathlib.Path("/proc/sys/vm/nr_hugepages")
HUGE_PAGE_OCTETS = 2 << 20


def processor():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        fields = dict(line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines()
                      if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    return (f"{fields.get('model name', platform.processor())} (family {fields.get('cpu family', '?')}, "
            f"model {fields.get('model', '?')})")


def load():
    return os.getloadavg()[0]


def _free_huge_pages():
    with open("/proc/meminfo", encoding="ascii") as file:
        fields = dict(line.split(":") for line in file)
    return int(fields["HugePages_Free"]) if "HugePages_Free" in fields else 0


class HugePages:
    """Reserves huge pages for as long as it lives; `available` says whether there are enough."""

    def __init__(self, octets):
        self._before = None
        needed = -(-octets // HUGE_PAGE_OCTETS)
        if _free_huge_pages() < needed:
            try:
                before = int(HUGE_PAGES.read_text(encoding="ascii"))
                HUGE_PAGES.write_text(str(before + needed), encoding="ascii")
                self._before = before
            except OSError:
                pass
        self.available = _free_huge_pages() >= needed

    def close(self):
        if self._before is not None:
            HUGE_PAGES.write_text(str(self._before), encoding="ascii")


def eal_memory(huge):
    """Arguments of DPDK's environment: the same for everything that is compared."""
    return ["--in-memory"] if huge else ["--no-huge", "-m", "1536"]
