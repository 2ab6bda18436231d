"""Times changes to a store inside one process: ``inside_change.py move STORE`` or ``… purge STORE EXPERIMENT``.

``move``: every run that ended over 30 days ago is moved out and then taken back; ``seconds`` is from the choice
to the last journal entry, both looks at every item included, the scan and the undo not. ``purge``: the runs of
one experiment are moved out, then purged; ``seconds`` is the purge. Prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any


def main() -> None:
    try:
        from mlruns_tui.workflow import changing
        from mlruns_tui.workflow.asking import plan_cleanup
        from mlruns_tui.workflow.reading import open_reader, read_all

        reader = open_reader(sys.argv[2])
    except ImportError as error:
        print(json.dumps({"unavailable": f"not built yet: {error}"}))
        return
    snapshot = read_all(reader)
    wanted: dict[str, Any] = {"days_old": 30, "orphans": False}
    if sys.argv[1] == "purge":
        wanted["experiments"] = [sys.argv[3]]
    started = time.perf_counter()
    plan = plan_cleanup(reader, snapshot, **wanted)
    planned = time.perf_counter()
    batch = changing.follow(changing.start_apply(plan))
    ended = time.perf_counter()
    done = sum(one.outcome == "done" for one in batch.items)
    trouble = [one.error for one in batch.items if one.outcome != "done"] + [
        protection.reason for one in plan.refused for protection in one.protected
    ]
    if sys.argv[1] == "move":
        changing.follow(changing.start_undo(reader.store.root))
    else:
        # Somebody who purges does it later: by then the files are on the disk.
        os.sync()
        started = time.perf_counter()
        changing.follow(changing.start_purge(reader.store.root, batch.id))
        ended = time.perf_counter()
    found = {"seconds": ended - started, "span": [started, ended], "planning": planned - started}
    print(json.dumps(found | {"done": done, "trouble": trouble[:1]}))


main()
