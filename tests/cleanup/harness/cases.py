"""One store, ready for one operation to be hurt in, and everything that is known of it besides the program."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlruns_tui.model.plan import Step

if TYPE_CHECKING:
    from .running import Harness


class Case:
    """``count`` runs, and an experiment if more than one."""

    def __init__(self, harness: Harness, op: str, count: int, name: str, *, twin: bool = False) -> None:
        self.harness, self.op, self.count, self.name = harness, op, count, name
        self.operation = harness.operations[op]
        self.store: Any
        self.plan: Any
        self.paths: list[str] = []
        """Of what must not be lost."""
        self.precious = ""
        """A directory nobody plans anything for."""
        self.operation.build(self)
        self.before = self.store.manifest()
        self.copies = {path: self.manifest(self.store.root / path) for path in self.paths}
        self.present: dict[str, Any] = {}
        self.held: list[int] = []
        self.to_come_back: list[str] = []
        """Items no operation may purge any more."""
        self.times_can_be_kept = True
        """Not where the very call that sets a time is refused."""
        self.elsewhere: Path | None = None
        """On another file system, where this operation has to do with one."""
        if "elsewhere" in op:
            self.elsewhere = harness.helpers.other_disk() / name
            self.elsewhere.mkdir()
        self.helpers: list[int] = []
        """Processes the worker forked, in the order it did, where it was followed."""
        self.patience_s = 60.0 if "together" in op else 0.0
        """How long whoever comes next waits for the store: helpers that outlive their worker have its locks."""
        self.dead_may_go = False
        """On a disk that may undo a deletion in part: what comes back into its grave is no longer as it was."""
        self.hurt = False
        """Went on after an error of the disk, which makes it leave alone what it need not touch."""
        self.twin = self.store.twin(harness.base / f"{name}.twin") if twin and shutil.which("rsync") else None
        """A copy, for rsync's opinion."""
        self.snapshot: dict[bytes, Any] = {}
        self.file = harness.base / f"{name}.json"
        self.ask(self.operation.prepare(self))

    def build(self) -> None:
        """Runs with everything a tree can hold."""
        count, op = self.count, self.op
        self.store = self.harness.store_class(self.harness.base / self.name)
        runs = [f"{n:032x}" for n in range(1, count + 1)]
        self.store.experiment("1", ["f" * 32])
        for at, run in enumerate(runs):
            self.store.run(self.store.root / "1" / run, rich=at < 3)
        self.precious = str(self.store.root / "1" / ("f" * 32))
        os.symlink(self.precious, self.store.root / "1" / runs[0] / "artifacts" / "to-another-run")
        self.store.experiment("2", ["e" * 32])
        self.paths = [f"1/{run}" for run in runs] + (["2"] if count > 1 else [])
        if "slim" in op:
            self.paths = [f"1/{run}/artifacts" for run in runs]
        self.store.age()
        self.plan = self.store.plan(*self.paths, backup=op != "apply without backup")
        if "slim" in op:
            self.plan = replace(
                self.plan,
                backup="without backup" not in op,
                items=tuple(
                    replace(item, action="slim", steps=(*item.steps, Step("make-directory", item.path)))
                    for item in self.plan.items
                ),
            )

    def plan_again(self) -> Any:
        return self.store.plan(*self.paths)

    @property
    def root(self) -> str:
        return str(self.store.root)

    def manifest(self, path: Any) -> dict[bytes, Any]:
        found: dict[bytes, Any] = self.harness.helpers.manifest(path)
        return found

    def ask(self, request: dict[str, Any]) -> None:
        """What the worker is asked from now on."""
        self.file.write_text(json.dumps(request) + "\n")

    # Where things are.

    def copies_found(self, wanted: dict[str, Any]) -> dict[str, int]:
        """How many complete copies of each: at its place, put aside in the root, or kept; a dead one is none."""
        places = [self.store.root / path for path in self.paths]
        places += self.store.root.glob("*-restored-*.trash")
        places += self.store.vault.glob("batches/*/data/*")
        if "repair" in self.op:
            places += self.store.vault.glob("batches/*/data/*/*")
        there = [self.manifest(path) for path in places if os.path.lexists(path)]
        return {path: sum(one == tree for one in there) for path, tree in wanted.items()}

    def archives(self) -> list[Path]:
        """All that count, in the vault and elsewhere."""
        there = list(self.store.vault.glob("batches/*/pack/*.tar.zst"))
        return there + (list(self.elsewhere.glob("*/*/pack/*.tar.zst")) if self.elsewhere else [])

    def archived(self) -> set[str]:
        """Paths of the items that come whole out of an archive, as GNU tar reads it: none of ours is asked."""
        found: set[str] = set()
        for archive in self.archives():
            out = self.harness.base / "by-hand"
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            command = ["tar", "--zstd", "--xattrs", "--xattrs-include=*", "-xpf", str(archive), "-C", str(out)]
            if subprocess.run(command, check=False, capture_output=True).returncode:
                # Torn: nothing can be had from it by hand, so it is no copy.
                continue
            for at, path in enumerate(self.paths):
                if (out / str(at)).exists() and self.manifest(out / str(at)) == self.copies[path]:
                    found.add(path)
        return found

    def whole(self) -> set[str]:
        """Everything there is a complete copy of, wherever: also declared dead and not begun, or in an archive."""
        found = {path for path, number in self.copies_found(self.copies).items() if number}
        if len(found) < len(self.copies):
            dead = [self.manifest(path) for path in self.store.vault.glob("batches/*/dead/*") if path.is_dir()]
            found |= {path for path, tree in self.copies.items() if tree in dead}
        if len(found) < len(self.copies):
            found |= self.archived()
        others = {path: tree for path, tree in self.present.items() if isinstance(tree, dict)}
        return found | {f"in the way: {path}" for path, number in self.copies_found(others).items() if number}

    # What comes and goes.

    def occupy(self, path: str) -> None:
        """Something else comes into the place of an item."""
        if "/" in path:
            self.store.run(self.store.root / path)
        else:
            self.store.experiment(path)
        self.present[path] = self.manifest(self.store.root / path)

    def let_go(self) -> None:
        """Close what the preparation kept open."""
        while self.held:
            os.close(self.held.pop())

    def put_away(self) -> None:
        """What had come into the places goes again, as if it had never been."""
        for path in self.paths:
            if path in self.present:
                shutil.rmtree(self.store.root / path)
        for path in {path.rpartition("/")[0] or "." for path in self.present}:
            os.utime(self.store.root / path, ns=(self.before[path.encode()][3],) * 2)

    def remove(self) -> None:
        self.let_go()
        shutil.rmtree(self.store.root)
        if self.elsewhere:
            shutil.rmtree(self.elsewhere)
        if self.twin is not None:
            shutil.rmtree(self.twin)
        self.file.unlink()


def read_json(file: Path) -> Any:
    return json.loads(file.read_text())
