"""Several broken stores in one root: every id is replaced by a fresh one of the same length, so that each
case keeps its own experiments, runs, models and traces and stays broken in its own way only."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from breaking import Case

_ID_NAMES = (
    "first", "second", "gone", "parent", "child", "plain", "other", "old", "deleted", "model", "model2", "trace", "trace2"
)  # fmt: skip

_SHARED = frozenset({".trash", "models", "0", "555"})


def merge(cases: list[Case], store: Path, names: Mapping[str, Any], root: Path, working: Path) -> dict[str, list[str]]:
    """Fill ``root`` with a healthy copy of ``store`` and one of each case; where each case is, by its name.

    Cases about the root itself are done to the root, as far as they leave one.
    """
    shutil.copytree(store, root, symlinks=True)
    places: dict[str, list[str]] = {}
    for number, case in enumerate(cases):
        top = case.path.split("/")[0]
        about_one = top in ("{first}", "{second}") or (top == ".trash" and "{" in case.path)
        if about_one or case.path.startswith("models/scorer"):
            places[case.name] = _add(case, number, store, names, root, working)
        elif not os.path.lexists(root / case.path.format(**names)):
            case.break_it(root, names)
            places[case.name] = [case.place(names)]
    return places


def _add(case: Case, number: int, store: Path, names: Mapping[str, Any], root: Path, working: Path) -> list[str]:
    broken = working / "one" / "mlruns"
    if broken.parent.exists():
        open_up(broken.parent)
        shutil.rmtree(broken.parent)
    shutil.copytree(store, broken, symlinks=True)
    case.break_it(broken, names)
    fresh = {str(names[key]): _fresh(str(names[key]), number) for key in _ID_NAMES if key in names}
    for kept in names.get("assessments", ()):
        fresh[kept[:-5]] = _fresh(kept[:-5], number)
    _relabel(broken, {**fresh, "scorer": f"scorer{number:04}", "ranker": f"ranker{number:04}"})
    place = case.place(names)
    for old, new in fresh.items():
        place = place.replace(old, new)
    place = place.replace("models/scorer", f"models/scorer{number:04}")
    _pour(broken, root)
    return [place]


def _pour(source: Path, target: Path) -> None:
    """Move in what is not there yet; into folders both have, what is in them."""
    for entry in sorted(source.iterdir()):
        there = target / entry.name
        if not os.path.lexists(there):
            os.rename(entry, there)
        elif entry.name in _SHARED and entry.is_dir() and there.is_dir():
            _pour(entry, there)


def _fresh(old: str, number: int) -> str:
    """An id of the same form and length."""
    prefix, dash, rest = old.rpartition("-")
    digest = hashlib.sha256(f"{old} {number}".encode()).hexdigest()
    if rest.isdigit() and not dash:
        return f"1{int(digest, 16)}"[: len(rest)]
    return f"{prefix}{dash}{(digest * 2)[: len(rest)]}"


def _relabel(store: Path, fresh: Mapping[str, str]) -> None:
    swaps = [(old.encode(), new.encode()) for old, new in fresh.items()]
    for folder, folders, files in os.walk(store, topdown=False):
        for name in files:
            path = os.path.join(folder, name)
            if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > 8 << 20:
                continue
            _rewrite(path, swaps)
        for name in (*files, *folders):
            new = name
            for old, other in fresh.items():
                new = new.replace(old, other)
            if new != name:
                os.rename(os.path.join(folder, name), os.path.join(folder, new))


def _rewrite(path: str, swaps: list[tuple[bytes, bytes]]) -> None:
    try:
        with open(path, "rb") as file:
            data = file.read()
        changed = data
        for old, new in swaps:
            changed = changed.replace(old, new)
        if changed != data:
            with open(path, "r+b") as file:
                file.truncate()
                file.write(changed)
    except PermissionError:
        # The case is that nobody may read it: then what it says makes no difference.
        return


def open_up(top: Path) -> None:
    """Make every directory of a tree one that can be removed."""
    for folder, folders, _ in os.walk(top):
        for name in folders:
            place = os.path.join(folder, name)
            if not os.path.islink(place):
                os.chmod(place, 0o700)
