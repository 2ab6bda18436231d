"""How fast mlruns-tui is, measured: ``python tests/benchmarks/run.py``. Everything is written here and removed again.

Each figure of ours stands beside a tool or a bare program that ran in turn with it (ours, reference, ours,
reference, …); the ratio is the median of the ratios of the pairs, so that a busy machine slows both alike.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import measures_change
import measures_pack
import measures_scan
import measures_screen
import measures_start
from measuring import Bench, CommandFailed, Row, Unavailable, program, progress

Measure = Callable[[Bench], Iterator[Row]]
MEASURES: dict[str, Measure] = {
    "scan": measures_scan.warm,
    "cold": measures_scan.cold,
    "latency": measures_scan.slow,
    "stop": measures_scan.stop,
    "table": measures_scan.table,
    "again": measures_scan.again,
    "mlflow": measures_scan.mlflow,
    "start": measures_start.first_frame,
    "answers": measures_start.answers,
    "keys": measures_screen.keys,
    "memory": measures_screen.memory,
    "move": measures_change.move,
    "purge": measures_change.purge,
    "pack": measures_pack.pack,
    "growth": measures_scan.growth,
}
SIZES = ("seed", "10k", "100k")
ROOM_FOR_MEMORY = 5 << 30


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when everything was measured (met or not), 1 when a measured command failed."""
    wanted = parse(arguments)
    # So that the stores are removed when somebody ends it, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="mlruns-tui-bench-", dir=wanted.dir))
    memory = memory_folder(wanted.dir)
    stores = Path(wanted.keep).absolute() if wanted.keep else folder
    stores.mkdir(parents=True, exist_ok=True)
    try:
        bench = Bench(
            folder,
            stores,
            memory or stores,
            wanted.runs,
            frozenset(wanted.sizes),
            wanted.scale,
            profiled=wanted.profile,
        )
        head = machine(stores, memory or stores)
        print("\n".join(f"{name + ':':<12}{value}" for name, value in head.items()), flush=True)
        rows, failed = measure(bench, wanted.only or list(MEASURES))
        if wanted.json:
            document = {"machine": head, "rows": [asdict(row) | {"met": row.met, "why": row.why} for row in rows]}
            Path(wanted.json).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        return 1 if failed else 0
    finally:
        progress("removing the stores" if not wanted.keep else "")
        shutil.rmtree(folder, ignore_errors=True)
        if memory:
            shutil.rmtree(memory, ignore_errors=True)
        progress("")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=MEASURES, metavar="NAME", help=f"of {', '.join(MEASURES)}")
    parser.add_argument("--runs", type=int, metavar="N", help="pairs a measure (default: its own number, 1 to 15)")
    parser.add_argument(
        "--sizes",
        type=lambda text: text.split(","),
        default=list(SIZES),
        metavar="LIST",
        help=f"stores to measure on, of {','.join(SIZES)} (all)",
    )
    parser.add_argument("--json", metavar="FILE", help="the same table as JSON")
    parser.add_argument("--dir", metavar="DIR", help="where stores are written (default: the temporary directory)")
    parser.add_argument("--keep", metavar="DIR", help="write the stores there, leave them, and use them the next time")
    parser.add_argument("--profile", action="store_true", help="below each row: where ours spends its time, sampled")
    parser.add_argument("--scale", type=float, default=1.0, metavar="F", help="stores of F times their runs, to try it")
    wanted = parser.parse_args(arguments)
    if unknown := set(wanted.sizes) - set(SIZES):
        parser.error(f"--sizes: no size {', '.join(sorted(unknown))}")
    if wanted.runs is not None and wanted.runs < 1:
        parser.error("--runs: at least one pair")
    return wanted


def memory_folder(asked: str | None) -> Path | None:
    """A folder in memory for the stores whose disk does not matter; none where a place was named, or no room."""
    shared = Path("/dev/shm")
    if asked or not shared.is_dir() or shutil.disk_usage(shared).free < ROOM_FOR_MEMORY:
        return None
    return Path(tempfile.mkdtemp(prefix="mlruns-tui-bench-", dir=shared))


def machine(stores: Path, memory: Path) -> dict[str, str]:
    """What the figures depend on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    versions = [f"Python {platform.python_version()}"]
    for package in ("textual", "mlflow"):
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            versions.append(f"no {package}")
    kind = measures_scan.file_system
    where = f"{kind(stores)}; of 100,000 runs: {kind(memory)}" if stores != memory else kind(stores)
    commit = subprocess.run(
        ["git", "-C", Path(__file__).parent, "describe", "--always", "--dirty"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return {
        "machine": f"{len(os.sched_getaffinity(0))} cores ({model}), load {os.getloadavg()[0]:.1f} at the start",
        "system": f"{platform.system()} {platform.release()}",
        "versions": ", ".join(versions),
        "stores on": where,
        "measured": f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, {' '.join(program())} {commit.stdout.strip()}",
    }


WIDTHS = (58, 40, 10, 10, 7, 7, 5)


def measure(bench: Bench, names: Sequence[str]) -> tuple[list[Row], bool]:
    """Every measure in turn, its rows printed as they come."""
    print()
    print(_line("measure", "reference", "ours", "reference", "ratio", "target", "met"))
    print("  ".join("─" * width for width in WIDTHS), flush=True)
    rows: list[Row] = []
    failed = False
    for name in names:
        progress(name)
        try:
            for row in MEASURES[name](bench):
                _show(row)
                rows.append(row)
        except Unavailable as reason:
            rows.append(Row(name, "", note=str(reason)))
            _show(rows[-1])
        except Exception as problem:
            # One measure that breaks must not cost the others their hour.
            failed = True
            what = "" if isinstance(problem, CommandFailed) else f"{type(problem).__name__}: "
            rows.append(Row(name, "", note=f"failed: {what}{problem}"))
            _show(rows[-1])
    return rows, failed


def _show(row: Row) -> None:
    progress("")
    if row.ratio is None:
        print(f"{row.measure:<{WIDTHS[0]}}  {row.note}", flush=True)
        return
    print(
        _line(
            row.measure,
            row.reference_name,
            _figure(row.ours, row.unit),
            _figure(row.reference, row.unit),
            f"{row.ratio:.3f}",
            f"{row.target:.3g}",
            row.met,
        )
    )
    if row.note:
        print(f"    {row.pairs} pairs; {row.note}", flush=True)
    if row.why:
        print(textwrap.fill(row.why, 130, initial_indent="    why: ", subsequent_indent="         "), flush=True)
    for line in row.profile:
        print(f"    {line}", flush=True)


def _figure(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:,.3g} {unit}" if value < 1000 else f"{value:,.0f} {unit}"


def _line(*cells: str) -> str:
    left = "  ".join(f"{cell:<{width}}" for cell, width in zip(cells[:2], WIDTHS[:2], strict=True))
    right = "  ".join(f"{cell:>{width}}" for cell, width in zip(cells[2:], WIDTHS[2:], strict=True))
    return f"{left}  {right}"


if __name__ == "__main__":
    sys.exit(main())
