"""Stops a scan in the middle, as the screen does it: ``inside_stop.py STORE AFTER_S``. Prints one line of JSON.

``wait``: seconds from the moment the scan's caller wants it to stop until the last snapshot is there.
``sized``, ``runs``: how many runs had their size by then, of how many found. ``stage``: ``stopped``, or ``complete``
when the scan was faster. ``took``: seconds of the whole scan.
"""

from __future__ import annotations

import json
import sys
import time


def main() -> None:
    from mlruns_tui.workflow.starting import fork_reader

    reader = fork_reader(sys.argv[1])()
    wanted = time.perf_counter() + float(sys.argv[2])
    began = time.perf_counter()
    *_, last = reader.scan(None, lambda: time.perf_counter() >= wanted)
    ended = time.perf_counter()
    known = last.progress
    print(
        json.dumps(
            {
                "wait": ended - wanted,
                "sized": known.runs_sized,
                "runs": known.runs_found,
                "stage": known.stage,
                "took": ended - began,
            }
        )
    )


main()
