"""``x``: the rules, each with what it would mark and free, before anything is marked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from mlruns_tui.model.duplicates import Comparing, Duplicates
from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.store import Snapshot
from mlruns_tui.model.values import Wanted
from mlruns_tui.model.words import IMPACTS
from mlruns_tui.report.words import plural, size_text
from mlruns_tui.triage.protection import Facts
from mlruns_tui.triage.rules import Rule
from mlruns_tui.workflow.filtering import read_values, value_names

from .. import render
from ..background import in_background
from ..copies import CopySearch
from ..copy_words import duplicates_words
from ..marking import RuleFigures, rule_figures
from ..messages import Returned
from ..rule_menu import ENTRIES, Entry, Known, default_metric, rule_of, why_not
from ..widgets.cells import DIM, FAINT, Piece, cut, fit, fit_right, line, signs_of, wrap
from ..widgets.ending import end
from ..widgets.lines import key_words
from ..widgets.metric_list import lowest_is_best
from ..widgets.panel import Panel
from ..widgets.parts import has_parts
from ..widgets.row_list import RowList

ASKED_FOR_NAMES = 200
"""Runs whose metric names are looked up."""
_remembered: dict[str, int] = {}
"""Numbers changed in this session, by line."""


class RulesScreen(ModalScreen[list[Rule] | None]):
    """A list of rules. Space chooses several, Enter marks; nothing protected is ever among them."""

    CSS_PATH = "../styles/rules.tcss"
    AUTO_FOCUS = "RowList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,x", "leave", show=False),
        Binding("left,h", "step(-1)", show=False),
        Binding("right,l", "step(1)", show=False),
        Binding("m", "metric", show=False),
        Binding("b", "turn", show=False),
        Binding("backspace", "erase", show=False),
    ]

    def __init__(
        self, reader: Reader, facts: Facts, known: Known, found: Callable[[Duplicates], None] = lambda found: None
    ) -> None:
        """``found``: hears which runs have the same artifacts, where that was asked for and read to its end."""
        super().__init__()
        self._found = found
        self._copies = CopySearch(self, reader, self._copies_changed)
        self.reader, self.facts = reader, facts
        self.known = replace(known, facts=facts)
        self.entries = [replace(one, number=_remembered.get(one.id, one.number)) for one in ENTRIES]
        self.chosen: set[str] = set()
        self.figures: dict[str, tuple[Entry, RuleFigures]] = {}
        self._metrics: tuple[str, ...] = ()
        self._read = ""
        """How far the metric's values are read."""
        self._typed = ""
        self._left = False
        self._busy = False
        self._wanted: list[str] = []
        self._rows: RowList[Entry] = RowList(self._paint, self.entries, header=self._header, tail=self._tail)

    def compose(self) -> ComposeResult:
        with Panel(id="rules"):
            yield self._rows
            yield Static(id="rules-keys")

    def on_mount(self) -> None:
        if not has_parts(self, "#rules"):
            return
        self.query_one("#rules", Panel).set_title("mark by rule", "nothing protected is marked")
        self._ask([one.id for one in self.entries])
        self._show()
        snapshot = self.facts.snapshot
        keys = [run.key for run in snapshot.all_runs()[:ASKED_FOR_NAMES]]
        in_background(self, lambda: value_names(self.reader, keys).metrics, self._named, lambda error: None, "names")

    def on_returned(self, event: Returned) -> None:
        event.stop()
        event.call()

    def action_leave(self) -> None:
        """Esc: what is read for the duplicates is stopped first."""
        if self.known.comparing is not None:
            self._copies.stop()
            return
        self._left = True
        end(self, None)

    def on_unmount(self) -> None:
        self._copies.stop()

    def _copies_changed(self, progress: Comparing | None, found: Duplicates | None, trouble: str) -> None:
        self.known = replace(self.known, comparing=progress, duplicates=found, compare_error=trouble)
        if found is not None:
            self._found(found)
            self._ask(["duplicates"])
        self._show()

    # Figures, one rule after the other on a thread.

    def _ask(self, ids: list[str]) -> None:
        self._wanted = [*ids, *(one for one in self._wanted if one not in ids)]
        if not self._busy:
            self._next()

    def _next(self) -> None:
        while self._wanted:
            entry = next(one for one in self.entries if one.id == self._wanted[0])
            self._wanted.pop(0)
            rule = rule_of(entry, self.known)
            if rule is None:
                continue
            self._busy = True

            def done(found: RuleFigures, entry: Entry = entry) -> None:
                self._busy = False
                self.figures[entry.id] = (entry, found)
                self._show()
                self._next()

            def failed(error: Exception) -> None:
                self._busy = False
                self._next()

            in_background(self, lambda rule=rule: rule_figures(self.facts, rule), done, failed, "figures")  # type: ignore[misc]
            return

    def _figures(self, entry: Entry) -> RuleFigures | None:
        """What this line would mark; None while it is not known for its number."""
        known = self.figures.get(entry.id)
        return known[1] if known is not None and known[0] == entry else None

    # The metric of "all but the best".

    def _named(self, names: tuple[str, ...]) -> None:
        self._metrics = names
        self._take_metric(default_metric(names))

    def _take_metric(self, metric: str) -> None:
        if not metric:
            self._show()
            return
        lowest = lowest_is_best(metric, set())
        self.known = replace(self.known, metric=metric, end="min" if lowest else "max", values={})
        runs = [run.key for run in self.facts.snapshot.all_runs() if run.lifecycle_stage != "deleted"]
        self._read = f"reading {metric}"
        self._show()

        def stop() -> bool:
            return self._left or self.known.metric != metric

        def work() -> Mapping[str, float]:
            found = read_values(self.reader, runs, Wanted((metric,)), stop)
            return {key: one.metrics[metric] for key, one in found.items() if metric in one.metrics}

        def done(values: Mapping[str, float]) -> None:
            if not stop():
                self._read = ""
                self.known = replace(self.known, values=values)
                self._ask(["all-but-best"])

        def failed(error: Exception) -> None:
            self._read = f"{metric} could not be read: {error}"
            self._show()

        in_background(self, work, done, failed, "metric")

    def action_metric(self) -> None:
        """The next metric there is."""
        names = self._metrics
        if names:
            self.figures.pop("all-but-best", None)
            at = names.index(self.known.metric) if self.known.metric in names else -1
            self._take_metric(names[(at + 1) % len(names)])

    def action_turn(self) -> None:
        """The other end of the metric is the good one."""
        self.known = replace(self.known, end="min" if self.known.end == "max" else "max")
        self.figures.pop("all-but-best", None)
        self._ask(["all-but-best"])
        self._show()

    # Keys.

    def action_step(self, by: int) -> None:
        self._typed = ""
        self._change(lambda entry: entry.stepped(by))

    def action_erase(self) -> None:
        entry = self._rows.current
        if entry is not None and entry.number is not None:
            self._typed = (self._typed or str(entry.number))[:-1]
            self._change(lambda one: one.typed(self._typed or "1"))

    def on_key(self, event: events.Key) -> None:
        if event.character is not None and event.character in "0123456789":
            event.stop()
            entry = self._rows.current
            if entry is not None and entry.typed(self._typed + event.character) != entry:
                self._typed += event.character
                self._change(lambda one: one.typed(self._typed))

    def _change(self, how: object) -> None:
        at = self._rows.cursor
        entry = self.entries[at]
        changed: Entry = how(entry)  # type: ignore[operator]
        if changed != entry:
            self.entries[at] = changed
            if changed.number is not None:
                _remembered[changed.id] = changed.number
            self._ask([changed.id])
            self._show()

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        event.stop()
        self._typed = ""
        self._show()

    def on_row_list_toggled(self, event: RowList.Toggled) -> None:
        event.stop()
        if rule_of(event.row, self.known) is not None:
            self.chosen ^= {event.row.id}
        self._rows.action_move(1)
        self._show()

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        event.stop()
        if event.row.id == "duplicates" and self.known.duplicates is None and not self.chosen:
            self._copies.start(self.facts.snapshot)
            return
        wanted = self.chosen or {event.row.id}
        rules = [rule for one in self.entries if one.id in wanted and (rule := rule_of(one, self.known)) is not None]
        if rules:
            self._left = True
            end(self, rules)

    # Drawing.

    def _show(self) -> None:
        if not self.is_mounted or not has_parts(self, "#rules-keys"):
            return
        self._rows.set_rows(list(self.entries))
        here = self._rows.current
        reads = here is not None and here.id == "duplicates" and self.known.duplicates is None
        keys = [
            ("Enter", "reads artifacts" if reads else "marks"),
            ("Space", "choose several"),
            (signs_of(self.app).left_right, "the number"),
        ]
        keys += [("m", "metric"), ("b", "which end is best"), ("Esc", "back")]
        self.query_one("#rules-keys", Static).update(key_words(keys, self._rows.size.width or 76))

    def _header(self, width: int) -> Content:
        return line([("  ", ""), (fit("rule", width - 35), DIM), (fit_right("items", 8), DIM), (fit_right("size", 10), DIM), ("  ", ""), (fit("kept back", 13), DIM)])  # fmt: skip  # noqa: E501

    def _paint(self, entry: Entry, width: int) -> Content:
        signs = signs_of(self.app)
        rule = rule_of(entry, self.known)
        figures = self._figures(entry)
        sign: Piece = (f"{signs.remove} ", render.MARK) if entry.id in self.chosen else ("  ", "")
        if rule is None:
            words = entry.id.replace("-", " ")
            return line([sign, (cut(f"{words}: {why_not(entry, self.known)}", width - 2), FAINT)])
        words = fit(_with_brackets(rule.words(), entry) if entry == self._rows.current else rule.words(), width - 35)
        if figures is None:
            return line(
                [sign, (words, ""), (fit_right(signs.unknown, 8), FAINT), (fit_right(signs.unknown, 10), FAINT)]
            )
        nothing = not figures.items
        style = FAINT if nothing else render.MARK
        freed = signs.none if nothing else size_text(figures.size_bytes)
        short = _falls_short(entry, figures)
        kept = f"reach {size_text(figures.size_bytes)}" if short else f"{figures.kept:,} needed" if figures.kept else ""
        return line([
            sign,
            (words, FAINT if nothing else ""),
            (fit_right(f"{figures.items:,}", 8), style),
            (fit_right(freed, 10), style),
            ("  ", ""),
            (fit(kept, 13), render.WARNING if short else render.PROTECTED),
        ])  # fmt: skip

    def _tail(self, width: int) -> list[Content]:
        entry = self._rows.current
        said: list[Content] = [Content()]
        if self._read and (entry is None or entry.id == "all-but-best"):
            said.append(line([(cut(self._read, width - 1), DIM)]))
        elif entry is not None and entry.id == "all-but-best" and self.known.metric:
            number = len(self.known.values)
            said.append(
                line([(cut(f"{plural(number, 'run')} with {self.known.metric}; runs without it stay", width - 1), DIM)])
            )
        if entry is not None and entry.id == "duplicates" and self.known.duplicates is not None:
            said += [line([(part, DIM)]) for part in wrap(duplicates_words(self.known.duplicates), max(20, width - 1))]
        here = self._figures(entry) if entry is not None else None
        if entry is not None and here is not None and _falls_short(entry, here):
            size = f"{size_text(here.size_bytes)} of {size_text((entry.number or 0) * 10**9)}"
            text = f"only {size} can be reached: the rest is needed by something, or is no run that is active"
            said += [line([(part, render.WARNING)]) for part in wrap(text, max(20, width - 1))]
        if self.chosen:
            figures = [self._figures(one) for one in self.entries if one.id in self.chosen]
            keys: frozenset[str] = frozenset().union(*(one.keys for one in figures if one is not None))
            said.append(line([(f"chosen together: {plural(len(keys), 'item')}", render.MARK_BOLD)]))
        return said


def _with_brackets(words: str, entry: Entry) -> str:
    """What the arrows and digits change stands in brackets."""
    if entry.number is None:
        return words
    number = IMPACTS[entry.number] if entry.id == "broken" else str(entry.number)
    return re.sub(rf"\b{re.escape(number)}\b", f"[{number}]", words, count=1)


def _falls_short(entry: Entry, figures: RuleFigures) -> bool:
    """All that may go is less than was asked for."""
    return entry.id == "biggest" and figures.size_bytes < (entry.number or 0) * 10**9


def facts_for(snapshot: Snapshot, judged: Facts | None, now_ms: int) -> Facts:
    """The index of this snapshot where there is one, else a new one."""
    from mlruns_tui.triage.protection import Options

    return judged if judged is not None and judged.snapshot is snapshot else Facts(snapshot, now_ms, Options())
