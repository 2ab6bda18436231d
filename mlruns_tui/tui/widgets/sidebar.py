"""Panel 3: what is marked, why and where; below it the actions possible now and why others are not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from textual import events
from textual.content import Content
from textual.widget import Widget

from mlruns_tui.model.clock import now_ms
from mlruns_tui.model.late import dataclass
from mlruns_tui.report.words import plural, size_text

from .. import commands, render
from ..messages import RunCommand
from ..shown import Shown, experiment_name
from ..state import UiState
from .cells import DIM, FAINT, KEY, Piece, fit, fit_right, line, signs_of, stack, wrap
from .keyed_list import KeyedList

COUNT, SIZE = 5, 8
HELD = ("moved", "packed", "partly", "unfinished")
"""States of a batch that still keeps something."""


@dataclass(frozen=True, slots=True)
class MarkLine:
    """One line of the pane that lists the marks."""

    kind: Literal["text", "rule", "experiment"]
    key: str
    """The rule's name, the experiment's key, or any distinct text."""
    pieces: tuple[Piece, ...] = ()
    name: str = ""
    count: str = ""
    size_bytes: int = 0


class MarkedList(KeyedList[MarkLine]):
    """Totals by reason and by experiment; Backspace takes a line's marks away."""

    KEEP_CURSOR = False

    def __init__(self) -> None:
        super().__init__(id="marked")
        self._head: list[Piece] = []

    def show(self, state: UiState, shown: Shown, keymap: Mapping[str, str], compact: bool = False) -> None:
        """``compact``: few lines only, as in the drawer of a small window."""
        if not self.looks_new(state.marks, state.mark_errors, state.judged, shown.totals, keymap, compact):
            return
        signs = signs_of(self.app)
        ascii_only = signs.border == "ascii"
        if not state.marks:
            self._head = [("nothing marked", "")]
            hints = [
                ("mark.toggle", "mark this row"),
                ("mark.orphaned", "mark all orphaned"),
                ("mark.old", "mark all old"),
            ]
            lines = [MarkLine("text", "gap")]
            for command, words in hints:
                key = commands.first_key(command, keymap, ascii_only)
                lines.append(MarkLine("text", command, ((fit(key, 7), KEY), (words, DIM))))
        else:
            self._head = _head(shown)
            lines = _mark_lines(state, shown, signs.protected)
            if compact:
                self._head += [("  ", ""), (size_text(shown.totals.size_bytes), render.MARK)]
                lines = [one for one in lines if one.kind != "text" or one.key.startswith("kept")]
        self.set_class(bool(state.marks), "-marked")
        if lines != self.rows:
            self.set_rows(lines)
            first = next((at for at, one in enumerate(lines) if one.kind != "text"), 0)
            if self.cursor < len(lines) and lines[self.cursor].kind == "text":
                self.cursor = first
            self.refresh(layout=True)
        else:
            self.renew()

    def key_of(self, row: MarkLine) -> str:
        return f"{row.kind}/{row.key}"

    def header_pieces(self, width: int) -> list[Piece]:
        return [(" ", ""), *self._head]

    def is_cursor(self, index: int) -> bool:
        return super().is_cursor(index) and self.rows[index].kind != "text"

    def row_pieces(self, row: MarkLine, width: int) -> list[Piece]:
        if row.kind == "text":
            return list(row.pieces)
        name = max(4, width - COUNT - SIZE - 1)
        return [
            (fit(row.name, name) + " ", ""),
            (fit_right(row.count, COUNT), DIM),
            (fit_right(size_text(row.size_bytes), SIZE), ""),
        ]

    def go(self, index: int) -> None:
        """To the nearest line that can be unmarked, in the direction of the move."""
        step = 1 if index > self.cursor else -1
        index = max(0, min(index, len(self.rows) - 1))
        while 0 <= index < len(self.rows) and self.rows[index].kind == "text":
            index += step
        if 0 <= index < len(self.rows):
            super().go(index)


def _head(shown: Shown) -> list[Piece]:
    totals = shown.totals
    pieces: list[Piece] = []
    if totals.runs or not totals.experiments:
        pieces.append((plural(totals.runs, "run"), render.MARK_BOLD))
    if totals.runs and totals.experiments:
        pieces.append((" and ", DIM))
    if totals.experiments:
        pieces.append((plural(totals.experiments, "experiment"), render.MARK_BOLD))
    return pieces


def _mark_lines(state: UiState, shown: Shown, protected: str) -> list[MarkLine]:
    totals = shown.totals
    size = ((size_text(totals.size_bytes), render.MARK_BOLD), (f" in {plural(totals.files, 'file')}", DIM))
    lines = [MarkLine("text", "size", size)]
    if totals.gone:
        lines.append(MarkLine("text", "gone", ((f"{plural(totals.gone, 'marked item')} no longer there", DIM),)))
    if totals.changed:
        lines.append(MarkLine("text", "changed", ((f"{totals.changed:,} written to since marked", render.WARNING),)))
    if state.mark_errors:
        failed = f"{len(state.mark_errors):,} could not be done"
        lines.append(MarkLine("text", "failed", ((failed, render.ERROR),)))
    lines += [MarkLine("text", "gap-1"), MarkLine("text", "why", (("why", DIM),))]
    for rule, count, taken in totals.by_reason:
        lines.append(MarkLine("rule", rule, (), rule_title(rule, state.old_days), f"{count:,}", taken))
    lines += [MarkLine("text", "gap-2"), MarkLine("text", "where", (("where", DIM),))]
    for key, count, taken in totals.by_experiment:
        name = experiment_name(state.snapshot, key)
        lines.append(MarkLine("experiment", key, (), name, "all" if count < 0 else f"{count:,}", taken))
    lines += _kept_lines(state, shown, protected)
    return lines


def _kept_lines(state: UiState, shown: Shown, protected: str) -> list[MarkLine]:
    """How many items the rules in use kept back."""
    judged = state.judged
    rules = {rule for rule, _, _ in shown.totals.by_reason}
    if judged is None:
        return []
    found = [
        (rule, number) for rule, number in (("old", judged.old_kept), ("orphaned", judged.orphaned_kept)) if number
    ]
    lines = [
        MarkLine(
            "text",
            f"kept-{rule}",
            ((f"{protected} ", render.PROTECTED), (f"{number:,}", "$secondary bold"), (f" {rule} kept: needed", DIM)),
        )
        for rule, number in found
        if rule in rules
    ]
    return [MarkLine("text", "gap-3"), *lines] if lines else []


def rule_title(rule: str, old_days: int) -> str:
    """``old, > 30 d`` for a rule's name."""
    return f"old, > {old_days} d" if rule == "old" else render.RULE_TITLES.get(rule, rule.replace("-", " "))


@dataclass(frozen=True, slots=True)
class ActionLine:
    """One line of the actions: a command, the reason it is off, or nothing."""

    content: Content
    command: str = ""


class Actions(Widget):
    """Commands that fit the state. One that is off stays in its place, faint, with the reason below."""

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__(id="actions")
        self._lines: list[ActionLine] = []
        self._last: tuple[UiState, Mapping[str, str]] | None = None

    def show(self, state: UiState, keymap: Mapping[str, str]) -> None:
        self._last = (state, keymap)
        self._lay_out()

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        if self._last is None or not self.size.width:
            return
        state, keymap = self._last
        signs = signs_of(self.app)
        full = action_lines(state, keymap, self.size.width - 2, signs.border == "ascii", now_ms())
        lines = _shortened(full, self.size.height)
        same = [one.command for one in lines] == [one.command for one in self._lines]
        if not same or not all(one.content.is_same(old.content) for one, old in zip(lines, self._lines, strict=True)):
            self._lines = lines
            self.refresh()

    @property
    def plain(self) -> str:
        return "\n".join(one.content.plain for one in self._lines)

    def render(self) -> Content:
        return stack(Content.assemble(" ", one.content) for one in self._lines)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and 0 <= offset.y < len(self._lines) and self._lines[offset.y].command:
            self.post_message(RunCommand(self._lines[offset.y].command))


def action_lines(
    state: UiState, keymap: Mapping[str, str], width: int, ascii_only: bool, at_ms: int
) -> list[list[ActionLine]]:
    """Groups of lines, ``width`` cells each."""
    groups = commands.SIDEBAR_MARKED if state.marks else commands.SIDEBAR_UNMARKED
    found = []
    for group in groups:
        lines: list[ActionLine] = []
        for command_id in group:
            command = commands.BY_ID[command_id]
            reason = command.enabled(state)
            key = commands.first_key(command_id, keymap, ascii_only)
            figure = figure_of(command_id, state, at_ms) if reason is None else ""
            title = fit(command.title, max(0, width - 3 - (len(figure) + 1 if figure else 0)))
            tone = FAINT if reason is not None else "bold" if command_id == "review" else ""
            pieces = [(fit(key, 3), FAINT if reason is not None else KEY), (title, tone)]
            lines.append(ActionLine(line([*pieces, (f" {figure}" if figure else "", DIM)]), command_id))
            if reason is not None:
                lines += [ActionLine(line([(f"   {text}", FAINT)])) for text in wrap(reason, max(8, width - 3))]
        found.append(lines)
    return found


def _shortened(groups: list[list[ActionLine]], height: int) -> list[ActionLine]:
    """All lines with gaps between groups, or without the gaps, or without the reasons."""
    gaps: list[ActionLine] = []
    for group in groups:
        gaps += [*([ActionLine(Content())] if gaps else []), *group]
    if len(gaps) <= height:
        return gaps
    together = [one for group in groups for one in group]
    if len(together) <= height:
        return together
    return [one for one in together if one.command][:height]


def figure_of(command_id: str, state: UiState, at_ms: int) -> str:
    """What stands at the right of an action: how many a rule would mark, how old the last batch is."""
    judged = state.judged
    if command_id == "mark.orphaned" and judged is not None:
        return f"{judged.orphaned:,}"
    if command_id == "mark.old" and judged is not None:
        return f"{judged.old:,}" if state.snapshot.complete or not state.reading else f"{judged.old:,} so far"
    if command_id == "look.findings" and state.diagnosis is not None:
        return f"{len(state.findings):,}"
    if command_id == "repair" and (number := len(state.repairable_here)):
        return f"{number:,}"
    if command_id == "backups" and state.batches is not None:
        return f"{sum(one.state in HELD for one in state.batches):,}"
    if command_id == "undo" and state.last_batch is not None:
        return render.batch_age(state.last_batch.created_ms, at_ms)
    return ""
