"""Starting: the quick answers, and the first frame of the screen."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Sequence

from measuring import HERE, Bench, Row
from processes import cpu_seconds
from stores import Recipe, Store
from terminal import Frame, Terminal
from where import Span

NAMES_SEEN = 5
"""Experiments that must stand on the screen."""


def answers(bench: Bench) -> Iterator[Row]:
    """``--version`` and ``--help``."""
    for option, target in (("--version", 3.0), ("--help", 10.0)):
        pairs = bench.paired(
            lambda option=option: bench.run(*bench.ours(option)).wall,  # type: ignore[misc]
            lambda: bench.run(sys.executable, "-c", "pass").wall,
            15,
        )
        yield pairs.row(option, "python -c pass", target, unit="ms")


def first_frame(bench: Bench) -> Iterator[Row]:
    """From the start of the process to a frame with experiments, in a terminal of 140×40."""
    for size, recipe in bench.asked_for({"seed": None, "100k": Recipe(100_000, 120, "thin")}):
        name = "seed" if recipe is None else "thin-100000"
        yield _first_frame(bench, size, bench.store(name, recipe, size=size, in_memory=recipe is not None))


def _first_frame(bench: Bench, size: str, store: Store) -> Row:
    bare = [sys.executable, str(HERE / "inside_bare_start.py"), *store.names[:NAMES_SEEN]]
    ours = bench.ours(store.root)
    cpu: dict[bool, list[float]] = {True: [], False: []}

    def shown(command: Sequence[str]) -> float:
        bench.forget()
        wall, spent = seconds_to_names(command, bench, store.names)
        cpu[command is ours].append(spent)
        return wall

    pairs = bench.paired(lambda: shown(ours), lambda: shown(bare), 5)
    both = " and ".join(f"{statistics.median(cpu[one]) * 1000:.0f}" for one in (True, False))
    note = f"CPU until then {both} ms"
    return pairs.row(
        f"first frame with experiments, {size}", "bare app: Header, Tree, Footer", 1.2, unit="ms", note=note
    )


def seconds_to_names(command: Sequence[str], bench: Bench, names: Sequence[str]) -> tuple[float, float]:
    """How long until that many experiments stand on the screen, and the CPU time until then, of all
    processes. Raises TooSlow."""
    with Terminal(command, bench.environment) as terminal:
        shown = terminal.until(lambda frame: names_shown(frame, names))
        bench.span = Span(terminal.started, shown.at)
        return shown.at - terminal.started, cpu_seconds(terminal.pid)


def names_shown(frame: Frame, names: Sequence[str]) -> bool:
    text = "\n".join(frame.lines)
    return sum(name in text for name in names) >= min(NAMES_SEEN, len(names))
