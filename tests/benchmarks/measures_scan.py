"""Reading a store, against ``du -s`` and against MLflow."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from measuring import HERE, Bench, Pairs, Row, Spent, Unavailable, need, progress
from stores import Recipe, Store

TEN_THOUSAND = Recipe(10_000, 40)
THREE_HUNDRED = Recipe(300, 6)
LATENCY_US = 500


def warm(bench: Bench) -> Iterator[Row]:
    """The whole program on warm stores: metadata, sizes, JSON."""
    for size, recipe in bench.asked_for({"10k": TEN_THOUSAND, "seed": None}):
        store = bench.store(size, recipe, size=size)
        yield against_du(bench, store, f"full scan, warm, {size} ({store.runs:,} runs)", 1.0, 5)


def against_du(
    bench: Bench,
    store: Store,
    measure: str,
    target: float,
    usual: int,
    before: Callable[[], None] = lambda: None,
    **more: str,
) -> Row:
    """``list --json`` beside ``du -s``, wall time of both whole processes; ``more``: their environment.

    ``before`` is called, untimed, ahead of every run.
    """
    cpu: list[float] = []

    def ours() -> float:
        bench.forget()
        before()
        spent = bench.run(*bench.ours("list", "--json", store.root), **more)
        check_listing(spent, store)
        cpu.append(spent.cpu)
        return spent.wall

    def reference() -> float:
        before()
        spent = bench.run("du", "-s", store.root, **more)
        cpu[-1] /= spent.cpu
        return spent.wall

    pairs = bench.paired(ours, reference, usual)
    note = f"CPU ratio {statistics.median(cpu):.2f}"
    return pairs.row(measure, "du -s", target, note=note)


def check_listing(spent: Spent, store: Store) -> None:
    """A quick answer that is wrong is no answer."""
    totals = json.loads(spent.output)["totals"]
    if totals["runs"] < store.runs:
        raise Unavailable(f"list counts {totals['runs']:,} of {store.runs:,} runs")


def cold(bench: Bench) -> Iterator[Row]:
    """Nothing of the store in the page cache; Python, the program and ``du`` themselves stay warm."""
    caches = Path("/proc/sys/vm/drop_caches")
    empty = bench.store("empty", Recipe(0, 1))

    def forget() -> None:
        os.sync()
        caches.write_text("3\n")
        bench.run(*bench.ours("list", "--json", empty.root))
        bench.run("du", "-s", empty.root)

    try:
        caches.write_text("1\n")
    except OSError:
        raise Unavailable("dropping the caches is not permitted here (root may)") from None
    if file_system(empty.root) == "tmpfs":
        raise Unavailable("the stores lie in memory, which is never cold: name a folder on a disk with --dir")
    for size, recipe in bench.asked_for({"10k": TEN_THOUSAND, "seed": None}):
        store = bench.store(size, recipe, size=size)
        yield against_du(bench, store, f"full scan, cold, {size}", 0.5, 3, forget)


def file_system(path: Path) -> str:
    """``ext4``, ``tmpfs``, …"""
    from mlruns_tui.disk import look

    return look.file_system(str(path))[0]


def slow(bench: Bench) -> Iterator[Row]:
    """Every call on a path of the store waits half a millisecond, for us and for ``du`` alike."""
    store = bench.store("s300", THREE_HUNDRED, size="seed")
    more = latency(bench, store)
    yield against_du(bench, store, f"full scan, {LATENCY_US / 1000} ms a call, {store.runs} runs", 0.15, 3, **more)


def latency(bench: Bench, store: Store) -> dict[str, Any]:
    """The environment in which every call on a path of this store waits LATENCY_US."""
    shim = bench.work / "latency.so"
    if not shim.exists():
        built = subprocess.run(
            [need("gcc"), "-O2", "-shared", "-fPIC", "-D_LARGEFILE64_SOURCE", "-o", shim, HERE / "latency.c", "-ldl"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if built.returncode:
            raise Unavailable(f"latency.c cannot be compiled here: {built.stderr.splitlines()[:1]}")
    return {"LD_PRELOAD": str(shim), "LATENCY_US": str(LATENCY_US), "LATENCY_ROOT": str(store.root)}


STOPPED_AT = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Parts of the time a whole scan takes after which it is stopped."""
STOP_S = 0.2


def stop(bench: Bench) -> Iterator[Row]:
    """From the wish to stop a scan to its last snapshot, which holds what was found; the worst of several moments."""
    for name, size, recipe, slowed in (
        ("10k", "10k", TEN_THOUSAND, False),
        (f"{LATENCY_US / 1000} ms a call", "seed", THREE_HUNDRED, True),
    ):
        store = bench.store("s300" if slowed else "10k", recipe, size=size)
        more = latency(bench, store) if slowed else {}

        def ask(after: float, store: Store = store, more: dict[str, Any] = more) -> dict[str, Any]:
            bench.forget()
            return bench.inside("stop", store.root, str(after), **more)

        whole = ask(3600)["took"]
        found = [ask(part * whole) for _ in range(bench.count(2)) for part in STOPPED_AT]
        waits = [one["wait"] for one in found if one["stage"] == "stopped"]
        if not waits:
            raise Unavailable("every scan ended before it could be stopped")
        note = f"median {statistics.median(waits) * 1000:.0f} ms, {len(waits)} stops in a scan of {whole:.2f} s"
        yield Row(
            f"scan stopped on the way, {name}: worst", "200 ms", max(waits) * 1000, STOP_S * 1000, "ms",
            max(waits) / STOP_S, 1.0, len(waits), note,
        )  # fmt: skip


def table(bench: Bench) -> Iterator[Row]:
    """In process, from the call of scan to the complete table, sizes left open."""
    store = bench.store("10k", TEN_THOUSAND, size="10k")

    def ours() -> float:
        bench.forget()
        return _inside(bench, store, "table")

    pairs = bench.paired(ours, lambda: bench.run("du", "-s", store.root).wall, 5)
    yield pairs.row("run table without sizes, 10k, in process", "du -s", 0.2)


def _inside(bench: Bench, store: Store, figure: str, *more: str) -> float:
    found = bench.inside("scan", store.root, *more)
    if found["runs"] < store.runs or figure not in found:
        raise Unavailable(f"no snapshot with all runs ({found})")
    return float(found[figure])


def again(bench: Bench) -> Iterator[Row]:
    """A second start on a store nobody touched: what was kept shows at once, and is checked behind it."""
    store = bench.store("10k", TEN_THOUSAND, size="10k")
    cache = Path(bench.environment["XDG_CACHE_HOME"])
    bench.forget()
    _inside(bench, store, "complete", "kept")
    if not any(path.is_file() for path in cache.rglob("*")):
        raise Unavailable("not built yet: a scan keeps nothing in the cache directory")
    pairs = bench.paired(
        lambda: _inside(bench, store, "sized", "kept"), lambda: bench.run("du", "-s", store.root).wall, 5
    )
    yield pairs.row("second start, 10k unchanged: table with sizes, in process", "du -s", 0.1)


def mlflow(bench: Bench) -> Iterator[Row]:
    """CPU of both whole processes. MLflow is asked on a copy: opening a store changes it."""
    store = bench.store("seed", None, size="seed")
    copy = bench.work / "seed-for-mlflow"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(store.root, copy, symlinks=True)
    listing: list[float] = []
    try:

        def theirs() -> float:
            found = bench.inside("mlflow", copy)
            listing.append(found["listing"])
            return float(found["all"])

        def ours() -> float:
            bench.forget()
            return bench.run(*bench.ours("list", "--json", store.root)).cpu

        pairs = bench.paired(ours, theirs, 3)
    finally:
        shutil.rmtree(copy, ignore_errors=True)
    alone = Pairs([(ours, part) for (ours, _), part in zip(pairs.all, listing[-len(pairs.all) :], strict=True)])
    note = f"1/{1 / pairs.ratio:.0f}; 1/{1 / alone.ratio:.0f} of the two calls without the import of MLflow"
    yield pairs.row("full scan, seed, CPU", "MLflow search_experiments + search_runs", 1 / 50, note=note)


REPEATED = {0: 5, 1_000: 5, 10_000: 2, 100_000: 1}
"""How often a store of so many runs is scanned in one round: the short scans are the noisy ones."""


def growth(bench: Bench) -> Iterator[Row]:
    """CPU time a run, the program's start taken off (measured on an empty store), by size of the store: on a busy
    machine a wall clock says nothing of a scan of a thousand runs."""
    stores = {
        runs: bench.store(f"thin-{runs}", Recipe(runs, 120 if runs else 1, "thin"), size="100k", in_memory=True)
        for runs in REPEATED
    }
    rounds: list[dict[int, float]] = []
    for at in range(bench.count(2)):
        progress(f"  round {at + 1} of {bench.count(2)}")
        rounds.append({runs: statistics.median(_scans(bench, store, runs)) for runs, store in stores.items()})

    def a_run(runs: int) -> list[float]:
        return [(took[runs] - took[0]) / stores[runs].runs * 1e6 for took in rounds]

    pairs = Pairs(list(zip(a_run(100_000), a_run(1_000), strict=True)))
    middle = statistics.median(a_run(10_000))
    yield Row(
        f"CPU time a run at {stores[100_000].runs:,} runs",
        f"CPU time a run at {stores[1_000].runs:,} runs",
        pairs.ours,
        pairs.reference,
        "µs",
        pairs.ratio,
        1.3,
        len(pairs.all),
        f"ratios {pairs.spread}; {middle:.0f} µs at {stores[10_000].runs:,}; start taken off",
    )


def _scans(bench: Bench, store: Store, runs: int) -> Iterator[float]:
    """CPU seconds of each scan of one round."""
    for _ in range(REPEATED[runs]):
        bench.forget()
        spent = bench.run(*bench.ours("list", "--json", store.root))
        check_listing(spent, store)
        yield spent.cpu
