"""Reading a store, against ``du -s`` and against MLflow."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from measuring import HERE, Bench, Pairs, Row, Spent, Unavailable, need
from stores import Recipe, Store

TEN_THOUSAND = Recipe(10_000, 40)
THREE_HUNDRED = Recipe(300, 6)
LATENCY_US = 500


def warm(bench: Bench) -> Iterator[Row]:
    """The whole program on warm stores: metadata, sizes, JSON."""
    for size, recipe in bench.asked_for({"10k": TEN_THOUSAND, "seed": None}):
        store = bench.store(size, recipe, size=size)
        yield against_du(bench, store, f"full scan, warm, {size} ({store.runs:,} runs)", 1.0, 7)


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
    asked = subprocess.run(["stat", "-f", "-c", "%T", path], capture_output=True, text=True, check=False)
    return asked.stdout.strip()


def slow(bench: Bench) -> Iterator[Row]:
    """Every call on a path of the store waits half a millisecond, for us and for ``du`` alike."""
    shim = bench.folder / "latency.so"
    compiler = need("gcc")
    source = HERE / "latency.c"
    built = subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", "-D_LARGEFILE64_SOURCE", "-o", shim, source, "-ldl"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if built.returncode:
        raise Unavailable(f"latency.c cannot be compiled here: {built.stderr.splitlines()[:1]}")
    store = bench.store("s300", THREE_HUNDRED, size="seed")
    more = {"LD_PRELOAD": str(shim), "LATENCY_US": str(LATENCY_US), "LATENCY_ROOT": str(store.root)}
    yield against_du(bench, store, f"full scan, {LATENCY_US / 1000} ms a call, {store.runs} runs", 0.15, 3, **more)


def table(bench: Bench) -> Iterator[Row]:
    """In process, from the call of scan to the complete table, sizes left open."""
    store = bench.store("10k", TEN_THOUSAND, size="10k")
    pairs = bench.paired(lambda: _inside(bench, store, "table"), lambda: bench.run("du", "-s", store.root).wall, 7)
    yield pairs.row("run table without sizes, 10k, in process", "du -s", 0.2)


def _inside(bench: Bench, store: Store, figure: str) -> float:
    found = bench.inside("scan", store.root)
    if found["runs"] < store.runs or figure not in found:
        raise Unavailable(f"no snapshot with all runs ({found})")
    return float(found[figure])


def again(bench: Bench) -> Iterator[Row]:
    """A second start on a store nobody touched: what was kept shows at once, and is checked behind it."""
    store = bench.store("10k", TEN_THOUSAND, size="10k")
    cache = Path(bench.environment["XDG_CACHE_HOME"])
    shutil.rmtree(cache, ignore_errors=True)
    bench.run(*bench.ours("list", "--json", store.root))
    _inside(bench, store, "complete")
    if not any(path.is_file() for path in cache.rglob("*")):
        raise Unavailable("not built yet: a scan keeps nothing in the cache directory")
    pairs = bench.paired(lambda: _inside(bench, store, "sized"), lambda: bench.run("du", "-s", store.root).wall, 7)
    yield pairs.row("second start, 10k unchanged: table with sizes, in process", "du -s", 0.1)


def mlflow(bench: Bench) -> Iterator[Row]:
    """CPU of both whole processes. MLflow is asked on a copy: opening a store changes it."""
    store = bench.store("seed", None, size="seed")
    copy = bench.folder / "seed-for-mlflow"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(store.root, copy, symlinks=True)
    listing: list[float] = []
    try:

        def theirs() -> float:
            found = bench.inside("mlflow", copy)
            listing.append(found["listing"])
            return float(found["all"])

        pairs = bench.paired(lambda: bench.run(*bench.ours("list", "--json", store.root)).cpu, theirs, 3)
    finally:
        shutil.rmtree(copy, ignore_errors=True)
    alone = Pairs([(ours, part) for (ours, _), part in zip(pairs.all, listing[-len(pairs.all) :], strict=True)])
    note = f"1/{1 / pairs.ratio:.0f}; 1/{1 / alone.ratio:.0f} of the two calls without the import of MLflow"
    yield pairs.row("full scan, seed, CPU", "MLflow search_experiments + search_runs", 1 / 50, note=note)


def growth(bench: Bench) -> Iterator[Row]:
    """Time a run, the program's start taken off (measured on an empty store), by size of the store."""
    sizes = (0, 1_000, 10_000, 100_000)
    for runs in sizes:
        bench.store(f"thin-{runs}", Recipe(runs, 120 if runs else 1, "thin"), size="100k", in_memory=True)
    times: dict[int, list[float]] = {runs: [] for runs in sizes}
    for at in range(bench.count(5) + 1):
        for runs in sizes:
            store = bench.store(f"thin-{runs}", size="100k")
            spent = bench.run(*bench.ours("list", "--json", store.root))
            check_listing(spent, store)
            if at:
                times[runs].append(spent.wall)
    per_run = {
        runs: [(took - start) / bench.scaled(runs) for took, start in zip(times[runs], times[0], strict=True)]
        for runs in sizes
        if runs
    }
    pairs = Pairs(list(zip(per_run[100_000], per_run[1_000], strict=True)))
    middle = Pairs([(one, one) for one in per_run[10_000]]).ours * 1e6
    yield Row(
        "time a run at 100,000 runs", "time a run at 1,000 runs", pairs.ours * 1e6, pairs.reference * 1e6, "µs",
        pairs.ratio, 1.3, len(pairs.all), f"ratios {pairs.spread}; {middle:.0f} µs at 10,000; start taken off",
    )  # fmt: skip
