"""Marking by key: one row, a range, all shown, by rule. What may be marked is decided in ``tui.marking``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlruns_tui.model.clock import now_ms
from mlruns_tui.model.store import Experiment
from mlruns_tui.report.words import plural
from mlruns_tui.triage.families import with_descendants
from mlruns_tui.triage.finding_views import entry_of
from mlruns_tui.triage.marks import Marks
from mlruns_tui.triage.protection import Facts, Options
from mlruns_tui.triage.rules import Old, Rule

from .. import marking, render
from ..background import without_collecting
from ..commands import first_key
from ..marking import Marking, RuleFigures
from ..shown import SMALL, judge_all, judged_small
from ..state import Judged, UiState
from ..widgets.keyed_list import KeyedList
from ..widgets.sidebar import MarkLine
from .reading import error_words

if TYPE_CHECKING:
    from mlruns_tui.model.duplicates import Duplicates
    from mlruns_tui.model.store import Snapshot

    from ..screens.main import MainScreen


class MarkKeys:
    """Commands that change the marks."""

    def __init__(self, screen: MainScreen) -> None:
        self.screen = screen
        self._orphaned_wanted = False
        self._working = 0
        self._alike: tuple[Snapshot, Duplicates] | None = None
        """Runs with the same artifacts, and the reading of the store they were found for."""

    @property
    def making(self) -> bool:
        """Marks are still worked out on a thread."""
        return self._working > 0

    def handlers(self) -> Mapping[str, Callable[[], None]]:
        return {
            "mark.toggle": self.toggle,
            "mark.range": self.range,
            "mark.range_down": lambda: self.stretch(1),
            "mark.range_up": lambda: self.stretch(-1),
            "mark.all": lambda: self.all_shown(marking.several),
            "mark.family": self.family,
            "mark.invert": lambda: self.all_shown(marking.inverted),
            "mark.clear": self.clear,
            "mark.back": self.put_back,
            "mark.orphaned": self.orphaned,
            "mark.old": self.ask_days,
            "mark.rules": self.ask_rules,
            "mark.drop_line": self.drop_line,
        }

    @property
    def _list(self) -> KeyedList[Any]:
        return self.screen.list_of(self.screen.state.list_panel)

    def _judged(self) -> Judged:
        """The last judgement; before there is one, the little that was read is judged here."""
        judged = self.screen.state.judged
        if judged is not None:
            return judged
        snapshot = self.screen.state.snapshot
        if judged_small(snapshot):
            return judge_all(snapshot, now_ms(), self.screen.state.old_days)
        return Judged(Facts(snapshot, now_ms(), Options()), {})

    def toggle(self) -> None:
        """Space: mark or unmark, go down; with a range it ends the range."""
        rows = self._list
        if rows.range_from is not None:
            self.range()
            return
        state = self.screen.state
        item = state.experiment if state.list_panel == "tree" else state.run
        if item is None:
            return
        judged = state.judged
        known = judged.experiments.get(item.key, ()) if judged is not None and isinstance(item, Experiment) else None
        result = marking.toggled(self._judged().facts, state.marks, item, known)
        self._take(result)
        if result.refused is None and not result.said:
            rows.move(1)

    def toggle_item(self, key: str) -> str:
        """Mark or unmark one run or experiment from another screen; a sentence about it."""
        state = self.screen.state
        item = entry_of(key, state.snapshot)
        if item is None:
            gone = key.startswith(("experiment/", "trash/"))
            return f"not marked: {'it is not there any more' if gone else 'only experiments and runs are marked'}"
        result = marking.toggled(self._judged().facts, state.marks, item)
        self._take(result)
        self.screen.saying.unsay()
        return result.said or ("unmarked" if result.removed else "marked")

    def family(self) -> None:
        """``V``: this row (or the rows of the range) and every run below it, in whatever experiment."""
        rows = self._list
        keys = [rows.key_of(rows.rows[at]) for at in rows.selected]
        self._anchor(rows, None)
        self._several(lambda facts, marks, keys: marking.several(facts, marks, with_descendants(facts, keys)), keys)

    def range(self) -> None:
        """``v``: a range starts; again (or Space) marks it."""
        rows = self._list
        if rows.range_from is None:
            self._anchor(rows, rows.cursor)
            return
        keys = [rows.key_of(rows.rows[at]) for at in rows.selected]
        self._anchor(rows, None)
        self._several(marking.several, keys)

    def stretch(self, by: int) -> None:
        rows = self._list
        if rows.range_from is None:
            self._anchor(rows, rows.cursor)
        rows.move(by)

    def drop_range(self) -> bool:
        """Esc: no range any more; False when there was none."""
        lists: tuple[KeyedList[Any], ...] = (self.screen.store_tree, self.screen.run_table)
        for rows in lists:
            if rows.range_from is not None:
                self._anchor(rows, None)
                return True
        return False

    def _anchor(self, rows: KeyedList[Any], at: int | None) -> None:
        rows.set_anchor(at)
        self.screen.change(anchor="" if at is None else rows.key_of(rows.rows[at]) if rows.rows else "")

    def all_shown(self, how: Callable[[Facts, Marks, list[str]], Marking]) -> None:
        """``a`` and ``A``: every row of the list in use that the filter lets through."""
        self._several(how, self._list.rows, self._list.key_of)

    def _several(
        self, how: Callable[[Facts, Marks, list[str]], Marking], rows: Sequence[Any], key_of: Callable[[Any], str] = str
    ) -> None:
        """These rows, as far as they can be marked; very many are looked at on the thread that judges them."""
        facts, marks = self._judged().facts, self.screen.state.marks

        def decide() -> Marking:
            keys = [key for key in map(key_of, rows) if key.startswith(("experiment/", "trash/"))]
            if not keys:
                return Marking(said="not marked: no experiment or run among these rows")
            return how(facts, marks, keys)

        self._work(decide, len(rows) + len(marks))

    def clear(self) -> None:
        self._fewer(Marks(), "cleared")

    def put_back(self) -> None:
        """``u``: the marks as they were before their last change."""
        state = self.screen.state
        marks, said = marking.as_before(self._judged().facts, state.marks_before or Marks())
        self.screen.change(marks=marks, marks_before=state.marks, mark_errors={})
        self.screen.say(said)

    def _fewer(self, marks: Marks, what: str) -> None:
        """These marks are left of what there was; says how to get the others back."""
        before, key = self.screen.state.marks, first_key("mark.back", self.screen.keymap)
        errors = {one: text for one, text in self.screen.state.mark_errors.items() if one in marks}
        self.screen.change(marks=marks, marks_before=before, mark_errors=errors)
        back = f"   {key} puts them back" if key else ""
        self.screen.say(f"{plural(len(before) - len(marks), 'mark')} {what}{back}")

    def orphaned(self) -> None:
        facts, marks = self._judged().facts, self.screen.state.marks
        self._work(lambda: marking.by_rules(facts, marks, [marking.orphaned()]), len(marks))

    def wait_for_reading(self) -> str:
        """``o`` while the store is read: it is done when all is read, unless Esc stops the reading."""
        self._orphaned_wanted = True
        return "; it is done then"

    def reading_ended(self) -> None:
        """All is read, or the reading was stopped: what waited for it is done, or given up."""
        wanted, self._orphaned_wanted = self._orphaned_wanted, False
        if wanted and self.screen.state.snapshot.complete:
            self.orphaned()

    def ask_days(self) -> None:
        """``O``: how old is old?"""
        self.screen.change(prompt="days")
        self.screen.days.open(self.screen.state.old_days)

    def preview_days(self, days: int) -> None:
        """Figures for the question, as the number changes."""
        facts = self._judged().facts
        rule = marking.old(days)
        unread = marking.unread_runs(self.screen.state.progress)

        def done(figures: RuleFigures) -> None:
            self.screen.days.show_figures(days, figures, unread)

        self.screen.work(lambda: marking.rule_figures(facts, rule), done, "figures", small=self._few(facts))

    def mark_old(self, days: int) -> None:
        """Mark the runs that ended more than so many days ago and may go."""
        self.screen.close_prompt()
        self.screen.change(old_days=days)
        facts, marks = self._judged().facts, self.screen.state.marks
        rules: list[Rule] = [marking.old(days)]
        unread = marking.unread_runs(self.screen.state.progress)
        more = f"; {plural(unread, 'run')} not read yet" if unread else ""
        self._work(lambda: marking.by_rules(facts, marks, rules), len(facts.runs) + len(marks), more)
        self.screen.reading.judge_again()

    def ask_rules(self) -> None:
        """``x``: the menu of rules."""
        from ..rule_menu import Known
        from ..screens.rules import RulesScreen, facts_for

        state = self.screen.state
        facts = facts_for(state.snapshot, state.judged.facts if state.judged else None, now_ms())
        snapshot = state.snapshot
        alike = self._alike[1] if self._alike is not None and self._alike[0] is snapshot else None
        known = Known(findings=state.findings, complete=snapshot.complete, duplicates=alike)

        def found(duplicates: Duplicates) -> None:
            self._alike = (snapshot, duplicates)

        screen = RulesScreen(self.screen.reading.reader, facts, known, found)
        self.screen.app.push_screen(screen, self._rules_chosen)

    def _rules_chosen(self, rules: list[Rule] | None) -> None:
        self.screen.focus_panel()
        if not rules:
            return
        days = next((rule.days for rule in rules if isinstance(rule, Old)), self.screen.state.old_days)
        self.screen.change(old_days=days, rules={**self.screen.state.rules, **{rule.name: rule for rule in rules}})
        facts, marks = self._judged().facts, self.screen.state.marks
        self._work(lambda: marking.by_rules(facts, marks, rules), len(facts.runs) + len(marks))

    def drop_line(self) -> None:
        """Backspace in panel 3: the marks of this line go."""
        row = self.screen.marked.current
        if self.screen.state.panel != "marked" or not isinstance(row, MarkLine) or row.kind == "text":
            self.screen.say("Backspace takes away the marks of a line of panel 3")
            return
        marks = self.screen.state.marks
        if row.kind == "rule":
            gone = [mark.key for mark in marks if mark.rule == row.key]
        else:
            gone = [mark.key for mark in marks if mark.key == row.key or mark.key.startswith(f"{row.key}/run/")]
        self._fewer(marks.remove(gone), "taken away")

    def _few(self, facts: Facts) -> bool:
        return len(facts.runs) <= SMALL

    def _work(self, decide: Callable[[], Marking], size: int, more: str = "") -> None:
        if size <= SMALL:
            self._take(decide(), more)
            return
        marks = self.screen.state.marks

        def decided() -> tuple[Marking, Marks]:
            with without_collecting():
                result = decide()
                return result, result.on(marks)

        def done(found: tuple[Marking, Marks]) -> None:
            self._working -= 1
            self.screen.saying.unsay()
            self._take(found[0], more, found[1] if self.screen.state.marks is marks else None)
            self.screen.catch_up()

        def failed(error: Exception) -> None:
            self._working -= 1
            self.screen.saying.unsay()
            self.screen.saying.complain(f"marking: {error_words(error)}")
            self.screen.catch_up()

        self._working += 1
        self.screen.say("working out what may be marked…")
        self.screen.work(decided, done, "marking", failed=failed)

    def _take(self, result: Marking, more: str = "", made: Marks | None = None) -> None:
        """``made``: the marks it leads to, where somebody worked that out."""
        state: UiState = self.screen.state
        marks = result.on(state.marks) if made is None else made
        errors = {key: text for key, text in state.mark_errors.items() if key in marks}
        before = state.marks_before if marks.by_key == state.marks.by_key else state.marks
        self.screen.set_state(replace(state, marks=marks, marks_before=before, mark_errors=errors))
        if result.refused is not None:
            sign = self.screen.signs.protected
            self.screen.saying.say(result.said, lead=(f"{sign} ", render.PROTECTED))
        elif result.said:
            self.screen.say(result.said + more)
