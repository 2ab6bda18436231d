"""Memory that was freed goes back to the system."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
from pathlib import Path
from mlruns_tui.scanner.giving_back import give_back

def used():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Rss:"))

values = [bytes(2_000) for _ in range(20_000)]
# Every thirtieth stays, and keeps what lies before it.
values = values[::30]
before = used()
give_back()
print(before, used(), len(values))
"""


def test_what_lies_between_values_that_stay_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    before, after, _ = map(int, done.stdout.split())
    # 40 MB were made, 1.3 MB of it stay.
    assert before - after > 20_000
