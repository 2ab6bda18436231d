"""Moving out and purging, against the tools anybody would use."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from measures_scan import TEN_THOUSAND
from measuring import Bench, Row, Unavailable, run
from stores import Recipe, experiment_id, experiment_name, write

VAULT = ".mlruns-tui.trash"


def move(bench: Bench) -> Iterator[Row]:
    """Everything in the store that is old; both sides put it back between the pairs."""
    store = bench.store("10k", TEN_THOUSAND, size="10k")
    aside = bench.folder / "moved-aside"
    notes: list[float] = []

    def ours() -> float:
        found = bench.inside("change", "move", store.root)
        shutil.rmtree(store.root / VAULT, ignore_errors=True)
        if found["done"] != store.runs:
            raise Unavailable(f"moved {found['done']:,} of {store.runs:,} runs {found['trouble']}")
        notes.append(found["planning"])
        return float(found["seconds"])

    def reference() -> float:
        homes = {path.name: path.parent for top in store.experiments for path in top.iterdir() if path.is_dir()}
        aside.mkdir()
        names = b"\0".join(os.fsencode(home / name) for name, home in homes.items())
        started = time.perf_counter()
        for _ in range(2):
            run(["du", "-s", store.root], bench.environment)
        subprocess.run(["xargs", "-0", "mv", "-t", aside], input=names, check=True)
        seconds = time.perf_counter() - started
        for name, home in homes.items():
            os.rename(aside / name, home / name)
        aside.rmdir()
        return seconds

    pairs = bench.paired(ours, reference, 3)
    note = f"the plan took {statistics.median(notes):.2f} s of ours"
    yield pairs.row(f"moving out {store.runs:,} runs, both inspections", "du -s twice + mv", 2.0, note=note)


def purge(bench: Bench) -> Iterator[Row]:
    """Fresh runs for every pair, on the disk before the clock starts."""
    if "seed" not in bench.sizes:
        raise Unavailable("left out (--sizes has no seed)")
    root = bench.folder / "to-purge"
    runs = bench.scaled(300)

    def fresh() -> list[Path]:
        shutil.rmtree(root, ignore_errors=True)
        write(root, Recipe(2 * runs, 2))
        os.sync()
        return [path for path in (root / experiment_id(1)).iterdir() if path.is_dir()]

    def ours() -> float:
        fresh()
        found = bench.inside("change", "purge", root, experiment_name(1))
        if found["done"] != runs:
            raise Unavailable(f"purged {found['done']} of {runs} runs {found['trouble']}")
        return float(found["seconds"])

    def reference() -> float:
        return run(["rm", "-rf", *fresh()], bench.environment).wall

    try:
        pairs = bench.paired(ours, reference, 3)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    yield pairs.row(f"purge of {runs} runs", "rm -rf", 1.0)
