"""Timing two things against each other, and the rows of the table."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from reasons import reason
from stores import Recipe, Store, make
from where import Sampling, Span

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
Met = Literal["yes", "NO", "—"]


class Unavailable(Exception):
    """This cannot be measured here or yet; the text says why and stands in the table."""


class CommandFailed(Exception):
    """A measured command failed: its time would mean nothing."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. ``ours`` and ``reference`` are medians in ``unit``."""

    measure: str
    reference_name: str
    ours: float | None = None
    reference: float | None = None
    unit: Literal["s", "ms", "B", "µs"] = "s"
    ratio: float | None = None
    """Median of the ratios of the pairs (for a target without a reference: the figure itself)."""
    target: float | None = None
    pairs: int = 0
    note: str = ""
    profile: tuple[str, ...] = ()
    """Where ours spends its time, line by line; empty unless asked for."""

    @property
    def met(self) -> Met:
        if self.ratio is None or self.target is None:
            return "—"
        return "yes" if self.ratio <= self.target else "NO"

    @property
    def why(self) -> str:
        """Why it misses its target, as far as that is known; empty where it meets it."""
        return reason(self.measure) if self.met == "NO" else ""


@dataclass(frozen=True, slots=True)
class Spent:
    """What one process (with the children it waited for) took, in seconds."""

    wall: float
    cpu: float
    output: bytes
    span: Span


@dataclass(slots=True)
class Bench:
    """What every measure gets: where stores are, how often to repeat, how our program is started."""

    work: Path
    """Whatever is written meanwhile, the home of the measured programs among it."""
    folder: Path
    """Stores whose disk matters."""
    memory: Path
    """Stores whose disk does not matter: in memory where there is room."""
    pairs: int | None
    """So many pairs instead of each measure's own number."""
    sizes: frozenset[str]
    scale: float = 1.0
    """Every generated store has so much of its runs (the smoke test: hardly any)."""
    environment: dict[str, str] = field(default_factory=dict)
    profiled: bool = False
    """Whether ours runs once more, untimed, to see where its time goes."""
    span: Span = Span(0, 0)
    """When what was measured last ran."""
    _stores: dict[str, Store] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment = quiet_environment(self.work / "home")

    def asked_for(self, recipes: Mapping[str, Recipe | None]) -> list[tuple[str, Recipe | None]]:
        """Those of these sizes that were asked for. Raises Unavailable for none."""
        found = [(size, recipe) for size, recipe in recipes.items() if size in self.sizes]
        if not found:
            raise Unavailable(f"left out (--sizes has no {' or '.join(recipes)})")
        return found

    def store(
        self, name: str, recipe: Recipe | None = None, *, size: str | None = None, in_memory: bool = False
    ) -> Store:
        """A store by name, written on first use (``None``: the demo store).

        Raises Unavailable when its ``size`` was not asked for.
        """
        if size is not None and size not in self.sizes:
            raise Unavailable(f"left out (--sizes has no {size})")
        if name not in self._stores:
            if recipe is not None:
                runs = max(2, round(recipe.runs * self.scale)) if recipe.runs else 0
                recipe = Recipe(runs, min(recipe.experiments, max(1, runs)), recipe.shape, recipe.seed)
            progress(f"writing the store {name}")
            self._stores[name] = make(self.memory if in_memory else self.folder, name, recipe)
        return self._stores[name]

    def forget(self) -> None:
        """Nothing is kept from an earlier scan: what is measured next reads everything."""
        shutil.rmtree(self.environment["XDG_CACHE_HOME"], ignore_errors=True)

    def count(self, usual: int) -> int:
        return self.pairs or usual

    def scaled(self, number: int) -> int:
        return max(2, round(number * self.scale))

    def ours(self, *arguments: str | os.PathLike[str]) -> list[str]:
        return [*program(), *map(str, arguments)]

    def run(self, *command: str | os.PathLike[str], **more: str) -> Spent:
        """Run to its end; ``more``: environment. Raises CommandFailed when it fails."""
        spent = run(command, self.environment | more)
        self.span = spent.span
        return spent

    def inside(self, name: str, *arguments: str | os.PathLike[str], **more: str) -> dict[str, Any]:
        """Run ``inside_<name>.py``, a part of a measure that needs a process of its own; the last line it
        prints, which is JSON. ``more``: environment. Raises Unavailable when that says so."""
        command = [sys.executable, str(HERE / f"inside_{name}.py"), *map(str, arguments)]
        spent = run(command, {"PYTHONPATH": str(PROJECT)} | self.environment | more)
        found: dict[str, Any] = json.loads(spent.output.splitlines()[-1])
        self.span = Span(*found["span"]) if "span" in found else spent.span
        if "unavailable" in found:
            raise Unavailable(str(found["unavailable"]))
        return found

    def paired(self, ours: Callable[[], float], reference: Callable[[], float], usual: int) -> Pairs:
        """A B A B …: both in turn, after one round that is not counted."""
        ours()
        reference()
        found: list[tuple[float, float]] = []
        for at in range(self.count(usual)):
            progress(f"  pair {at + 1} of {self.count(usual)}")
            found.append((ours(), reference()))
        return Pairs(found, self._profile(ours) if self.profiled else ())

    def _profile(self, ours: Callable[[], float]) -> tuple[str, ...]:
        with self.sampled() as sampling:
            ours()
            return sampling.profile([self.span])

    @contextmanager
    def sampled(self) -> Iterator[Sampling]:
        """Whatever of ours is started meanwhile notes where it is."""
        plain = self.environment
        with Sampling(self.work) as sampling:
            self.environment = plain | sampling.environment
            try:
                yield sampling
            finally:
                self.environment = plain


@dataclass(frozen=True, slots=True)
class Pairs:
    """Figures of ours and of the reference, pair by pair."""

    all: list[tuple[float, float]]
    profile: tuple[str, ...] = ()

    @property
    def ours(self) -> float:
        return statistics.median(one for one, _ in self.all)

    @property
    def reference(self) -> float:
        return statistics.median(other for _, other in self.all)

    @property
    def ratio(self) -> float:
        return statistics.median(one / other for one, other in self.all)

    @property
    def spread(self) -> str:
        """Least and greatest ratio."""
        ratios = sorted(one / other for one, other in self.all)
        return f"{ratios[0]:.3g}–{ratios[-1]:.3g}"

    def row(self, measure: str, reference: str, target: float, *, unit: Any = "s", note: str = "") -> Row:
        scale = 1000 if unit == "ms" else 1
        spread = f"ratios {self.spread}"
        return Row(
            measure,
            reference,
            self.ours * scale,
            self.reference * scale,
            unit,
            self.ratio,
            target,
            len(self.all),
            f"{spread}; {note}" if note else spread,
            self.profile,
        )


def run(command: Sequence[str | os.PathLike[str]], environment: Mapping[str, str], ok: Sequence[int] = (0,)) -> Spent:
    """Run a command to its end, its output through a pipe."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    output = process.stdout.read()
    problem = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    ended = time.perf_counter()
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    process.stderr.close()
    if process.returncode not in ok:
        words = " ".join(str(one) for one in command)[:160]
        said = (problem or output).decode(errors="replace").strip().splitlines()
        raise CommandFailed(f"exit {process.returncode} from {words}: {said[-1] if said else ''}")
    return Spent(ended - started, usage.ru_utime + usage.ru_stime, output, Span(started, ended))


@lru_cache(1)
def program() -> tuple[str, ...]:
    """How our program is started: by the installed script where that is this checkout's, else ``python -m``."""
    script = Path(sys.executable).parent / "mlruns-tui"
    asked = [sys.executable, "-c", "import mlruns_tui; print(mlruns_tui.__file__)"]
    installed = subprocess.run(asked, cwd="/", capture_output=True, text=True, check=False).stdout
    if script.exists() and Path(installed.strip() or "/").resolve().is_relative_to(PROJECT):
        return (str(script),)
    return (sys.executable, "-m", "mlruns_tui")


def quiet_environment(home: Path) -> dict[str, str]:
    """A fresh home, no settings of the user, and bytecode written as an installed program has it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MLRUNS_TUI_", "MLFLOW_", "XDG_"))
        and name not in ("NO_COLOR", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    }
    home.mkdir(parents=True, exist_ok=True)
    return kept | {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LC_ALL": "C.UTF-8",
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GIT_PYTHON_REFRESH": "quiet",
    }


def need(tool: str) -> str:
    found = shutil.which(tool)
    if found is None:
        raise Unavailable(f"needs {tool}")
    return found


def progress(text: str) -> None:
    """Where it is, on a terminal only."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text[:100]}")
        sys.stderr.flush()
