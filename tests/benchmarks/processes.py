"""A process and everything it started, asked of ``/proc``."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def family(pid: int) -> list[int]:
    """The process, its descendants, and whoever else is in its session."""
    parents: dict[int, int] = {}
    found = {pid}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError):
                # The name, in brackets, may hold anything: what follows it is numbers.
                fields = Path(f"/proc/{name}/stat").read_text(errors="replace").rpartition(")")[2].split()
                parents[int(name)] = int(fields[1])
                if int(fields[3]) == pid:
                    found.add(int(name))
    while more := {one for one, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found)


def memory_bytes(pid: int) -> int:
    """Memory of the family, pages shared with others divided among them (PSS)."""
    total = 0
    for one in family(pid):
        with suppress(OSError):
            for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


def cpu_seconds(pid: int) -> float:
    """CPU time of the family so far, of its living members."""
    ticks = 0
    for one in family(pid):
        with suppress(OSError):
            fields = Path(f"/proc/{one}/stat").read_text(errors="replace").rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")
