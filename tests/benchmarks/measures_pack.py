"""Packing a backup, against ``tar --zstd`` (which verifies nothing) and against a copy."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from measuring import Bench, Row, Unavailable, need, run
from stores import DAY_MS, Recipe, experiment_id, write

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Case:
    """What is packed, and against what."""

    measure: str
    tool: str
    target: float
    recipe: Recipe
    content: Callable[[random.Random], bytes] | None = None
    """One more artifact for every run."""


def pack(bench: Bench) -> Iterator[Row]:
    """``backups pack`` of one batch; the same directories with the tool. Fresh runs for every pair."""
    asked = subprocess.run(
        bench.ours("backups", "pack", "--help"), env=bench.environment, capture_output=True, check=False
    )
    if asked.returncode:
        raise Unavailable("not built yet: there is no command backups pack")
    if "seed" not in bench.sizes:
        raise Unavailable("left out (--sizes has no seed)")
    need("zstd")
    runs = bench.scaled(300)
    thin, full = Recipe(runs, 1, "thin"), Recipe(runs, 1)
    for case in (
        Case(f"pack, verified: {runs} runs of 1 MiB", "tar --zstd", 2.5, thin, _numbers),
        Case(f"pack, verified: {runs} seed-like runs", "tar --zstd", 4.0, full),
        Case("pack of incompressible files, automatic", "cp + read", 1.1, thin, lambda chance: chance.randbytes(MIB)),
    ):
        yield _row(bench, case)


def _numbers(chance: random.Random) -> bytes:
    """A mebibyte of a table of numbers, as somebody logs it."""
    words = [f"{chance.random():.6f}\t{chance.randrange(10)}\n".encode() for _ in range(2_000)]
    return b"".join(chance.choices(words, k=MIB // 10))[:MIB]


def _row(bench: Bench, case: Case) -> Row:
    root, made = bench.folder / "to-pack", bench.folder / "packed"

    def ours() -> float:
        _fresh(root, made, case)
        moved = bench.run(*bench.ours("cleanup", root, "--days-old", "30", "--no-orphans", "--force", "--json"))
        result = json.loads(moved.output)["result"]
        if result["totals"]["runs"] != case.recipe.runs:
            raise Unavailable(f"moved {result['totals']['runs']} of {case.recipe.runs} runs")
        return bench.run(*bench.ours("backups", "pack", root, result["batch"], "--force")).wall

    def reference() -> float:
        found = _fresh(root, made, case)
        if case.tool == "cp + read":
            return run(["cp", "-a", *found, made], bench.environment).wall + _read_all(bench, made)
        return run(["tar", "--zstd", "-cf", made / "runs.tar.zst", *found], bench.environment).wall

    try:
        return bench.paired(ours, reference, 3).row(case.measure, case.tool, case.target)
    finally:
        shutil.rmtree(root, ignore_errors=True)
        shutil.rmtree(made, ignore_errors=True)


def _read_all(bench: Bench, folder: Path) -> float:
    return run(
        ["grep", "-r", "-c", "-m1", "--binary-files=text", "never there", folder], bench.environment, ok=(0, 1)
    ).wall


def _fresh(root: Path, made: Path, case: Case) -> list[Path]:
    """New runs, on the disk; their directories."""
    for folder in (root, made):
        shutil.rmtree(folder, ignore_errors=True)
    made.mkdir()
    write(root, case.recipe)
    found = [path for path in (root / experiment_id(0)).iterdir() if path.is_dir()]
    if case.content is not None:
        chance = random.Random(1)
        old = time.time_ns() - 50 * DAY_MS * 1_000_000
        for path in found:
            big = path / "artifacts" / "big.bin"
            big.write_bytes(case.content(chance))
            os.utime(big, ns=(old, old))
            os.utime(big.parent, ns=(old, old))
    os.sync()
    return found
