"""Times a scan inside one process: ``inside_scan.py STORE [kept]``. Prints one line of JSON.

``table``: seconds from the call of ``scan`` to a snapshot with every run in it, sizes or not.
``sized``: … to one in which every run has its size. ``complete``: … to the end. ``runs``: how many there are.
"""

from __future__ import annotations

import json
import sys
import time


def main() -> None:
    try:
        from mlruns_tui.workflow.reading import open_reader

        reader = open_reader(sys.argv[1], kept=sys.argv[2:] == ["kept"])
    except ImportError as error:
        print(json.dumps({"unavailable": f"not built yet: {error}"}))
        return
    found: dict[str, float] = {}
    sized = runs = 0
    started = time.perf_counter()
    for snapshot in reader.scan():
        now = time.perf_counter() - started
        known = snapshot.progress
        if known.stage in ("sizes", "complete") and known.runs_read >= known.runs_found:
            found.setdefault("table", now)
            # Counted after the clock was read: it is our question, not the program's work.
            runs = sum(len(inside) for inside in snapshot.runs.values())
            if "sized" not in found:
                sized = sum(run.size is not None for inside in snapshot.runs.values() for run in inside)
                if sized == runs:
                    found["sized"] = now
    found["complete"] = time.perf_counter() - started
    print(json.dumps(found | {"runs": runs}))


main()
