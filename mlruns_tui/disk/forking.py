"""Whether work may be shared out among copies of this process, and among how many."""

from __future__ import annotations

import os
import sys


def cores() -> int:
    """Processor cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1


def is_single_threaded() -> bool:
    """Whether a fork is safe: another thread may hold a lock nobody would ever give back in the copy."""
    threading = sys.modules.get("threading")
    if threading is not None and threading.active_count() > 1:
        return False
    try:
        # Also threads that Python does not know.
        return len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return True
