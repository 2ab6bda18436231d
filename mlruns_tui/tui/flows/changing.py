"""From the marks to a review, from there to the worker, and back again. Nothing here blocks or touches a disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mlruns_tui.model.batch import Batch
from mlruns_tui.model.clock import now_ms
from mlruns_tui.model.plan import Plan
from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.store import Snapshot
from mlruns_tui.report.words import age_words, plural
from mlruns_tui.triage.rules import Rule
from mlruns_tui.workflow import changing, deciding
from mlruns_tui.workflow.reading import Space, space_of

from .. import marking, render
from ..signs import Signs
from ..state import UiState
from ..tasks import TaskView, Work
from ..widgets.cells import DIM, Piece
from ..widgets.task_words import TITLES, Phase, ended_words, summary
from .newest import Newest
from .reading import error_words

if TYPE_CHECKING:
    from ..screens.main import MainScreen
    from ..screens.review import OtherWay, ReviewAnswer


class Changing:
    """Commands that lead to a change of the store, each through a screen that shows it first."""

    def __init__(self, screen: MainScreen, reader: Reader) -> None:
        self.screen = screen
        self.reader = reader
        self._newest = Newest(self)
        self.task: TaskView | None = None
        self._plan_number = 0
        """Which look at the marked items is waited for: a plan nobody waits for is not shown."""
        self._space_before: Space | None = None
        self._adopted = False
        """The screen that started the work says itself how it ended."""

    def handlers(self) -> Mapping[str, Callable[[], None]]:
        return {
            "review": lambda: self.review(True),
            "review.no_backup": lambda: self.review(False),
            "slim": lambda: self.review(True, slim=True),
            **self._newest.handlers(),
            "undo": self.undo,
            "backups": self.backups,
            "task": self.show_task,
        }

    @property
    def idle(self) -> bool:
        """Nothing this program started is going on."""
        return self.task is None or self.task.ended

    # Review.

    def review(self, backup: bool, *, slim: bool = False, left_out: frozenset[str] = frozenset()) -> None:
        """Look at every marked item afresh, show what would happen, and do it when told so. ``slim``: only the
        artifacts go. ``left_out``: keys the user left out of a review before."""
        state = self.screen.state
        snapshot, chosen = state.snapshot, state.marks.choices()
        rules, words = rules_of(state), rule_words(state)
        self.look_afresh(
            plural(len(chosen), "marked item"),
            lambda: deciding.plan_marks(
                self.reader, snapshot, chosen, rules=rules, words=words, backup=backup, slim=slim
            ),
            lambda plan: self._show_review(plan, snapshot, slim, left_out),
        )

    def look_afresh(self, what: str, make: Callable[[], Plan], show: Callable[[Plan], None]) -> None:
        """Make a plan on a thread, then ``show`` it; Esc gives up. ``what`` is looked at, in words."""
        self._plan_number += 1
        number = self._plan_number
        self.screen.change(planning=True)
        self.screen.saying.say(f"looking at {what} afresh   Esc gives up", stays=True)

        def done(plan: Plan) -> None:
            if number == self._plan_number:
                self._planned()
                show(plan)

        def failed(error: Exception) -> None:
            if number == self._plan_number:
                self._planned()
                self.screen.saying.complain(f"no plan could be made: {error_words(error)}")

        self.screen.work(make, done, "plan", failed=failed)

    def give_up_planning(self) -> bool:
        """Esc while the marked items are looked at; False when they are not."""
        if not self.screen.state.planning:
            return False
        self._plan_number += 1
        self._planned()
        self.screen.say("no review: nothing was changed, the marks stay")
        return True

    def _planned(self) -> None:
        self.screen.saying.unsay()
        self.screen.change(planning=False)

    def _show_review(self, plan: Plan, snapshot: Snapshot, slim: bool, left_out: frozenset[str]) -> None:
        from ..screens.review import ReviewScreen

        shown = self.screen.shown
        screen = ReviewScreen(
            plan,
            snapshot,
            hidden=shown.marked_here - shown.marked_shown,
            filter_text=self.screen.state.run_filter or self.screen.state.expression,
            space=self.screen.reading.space,
            slim=slim,
            left_out=left_out,
        )
        self.screen.app.push_screen(screen, self._reviewed)

    def _reviewed(self, answer: ReviewAnswer | OtherWay | None) -> None:
        from ..screens.review import OtherWay

        if isinstance(answer, OtherWay):
            self.review(answer.backup, slim=answer.slim, left_out=answer.left_out)
        elif answer is not None and not answer.plan.empty:
            self.begin(lambda: changing.start_apply(answer.plan), "the clean-up goes on")

    # Undo and backups.

    def undo(self) -> None:
        """Ask whether my newest batch, as it is now, is to be put back."""

        def found(batches: tuple[Batch, ...]) -> None:
            from ..screens.dialogs import UndoDialog

            self.screen.change(batches=batches)
            batch = self.screen.state.last_batch
            if batch is None:
                self.screen.say("undo the last batch: nothing to take back")
            else:
                self.screen.app.push_screen(UndoDialog(batch, now_ms()), self._undo_answered)

        root = self.reader.store.root
        self.screen.work(lambda: changing.batches(root), found, "batches")

    def _undo_answered(self, yes: bool | None) -> None:
        if yes:
            root = self.reader.store.root
            self.begin(lambda: changing.start_undo(root), "the undo goes on")

    def backups(self) -> None:
        from ..screens.backups import BackupsScreen

        root = self.reader.store.root
        screen = BackupsScreen(
            root,
            self.screen.state.read_only,
            experiments=self.experiment_names(),
            staying=self.screen.recovering.staying,
        )
        self.screen.app.push_screen(screen, self._back_from_backups)

    def _back_from_backups(self, _: object = None) -> None:
        self.screen.reading.look_around()

    # A piece of work in the worker.

    def begin(self, start: Callable[[], Work], words: str, repairs: bool = False) -> None:
        """Start work (a process, so not on the screen's thread) and follow it. ``repairs``: it mends places."""
        experiments = self.experiment_names()
        self.screen.change(task=words)
        self._space_before = self.screen.reading.space

        def started(work: Work) -> None:
            from ..screens.progress import ProgressScreen

            self._adopted = False
            self.task = TaskView(work, experiments)
            self.task.repairs = repairs
            self.task.start(self.screen)
            self.screen.app.push_screen(ProgressScreen(self.task))

        def failed(error: Exception) -> None:
            self.screen.change(task="")
            self.screen.saying.complain(f"the worker could not be started: {error_words(error)}. Nothing was changed")

        self.screen.work(start, started, "start", failed=failed)

    def attach(self, view: TaskView, words: str) -> None:
        """Work of an earlier session, followed from now on like our own."""
        self._adopted = False
        self._space_before = None
        self.task = view
        self.screen.change(task=words)
        view.start(self.screen)

    def adopt(self, view: TaskView) -> None:
        """Work another screen started and shows: followed here for the marks, the lists and the key ``w``."""
        self.task = view
        self._adopted = True
        view.listen(self.screen)
        self.screen.change(task="work on the backups goes on")

    def experiment_names(self) -> dict[str, str]:
        return {one.key: one.name or one.experiment_id for one in self.screen.state.snapshot.experiments}

    def show_task(self) -> None:
        """``w``: what goes on, or what came of it."""
        if self.task is None:
            return
        if self.task.ended:
            self._show_result(self.task)
        else:
            from ..screens.progress import ProgressScreen

            self.screen.app.push_screen(ProgressScreen(self.task))

    def progressed(self, view: TaskView) -> None:
        if view is self.task:
            self.screen.saying.show()

    def ended(self, view: TaskView) -> None:
        """Marks of what was done go, what failed stays marked with its error, and the store is read again."""
        if view is not self.task:
            return
        batch = view.batch
        if batch is not None and view.latest is not None and view.latest.phase in ("move", "purge"):
            gone = frozenset(one.item.key for one in batch.items if one.outcome == "done")
            errors = {one.item.key: one.error for one in batch.items if one.outcome in ("failed", "skipped")}
            self.screen.set_state(self.screen.state.without(gone, errors))
        self.screen.change(task="", has_result=True)
        self.screen.reading.start(anew=False)
        troubled = batch is None or any(one.outcome in ("failed", "skipped") or one.altered for one in batch.items)
        if self._adopted:
            return
        if troubled and self._at_hand():
            self._show_result(view)
        elif troubled:
            self.screen.saying.complain(ended_words(view))
        else:
            self._say_end(view)

    def _at_hand(self) -> bool:
        """The user looks at the lists or at the progress, not at something else."""
        from ..screens.progress import ProgressScreen

        top = self.screen.app.screen
        return top is self.screen or isinstance(top, ProgressScreen)

    def _say_end(self, view: TaskView) -> None:
        before = self._space_before
        phase: Phase = view.latest.phase if view.latest is not None else "move"
        root = self.reader.store.root

        def measured(after: Space | None) -> None:
            freed = after.bytes_free - before.bytes_free if after is not None and before is not None else None
            # From the batch: events may have been passed over, items of the batch never are.
            self.screen.saying.announce(ended_words(view) if view.batch is None else summary(view.batch, phase, freed))

        self.screen.work(lambda: space_of(root), measured, "space")

    def _show_result(self, view: TaskView) -> None:
        from ..screens.progress import ResultScreen

        self.screen.app.push_screen(ResultScreen(view, self.reader.store.given), self._result_answered)

    def _result_answered(self, answer: str | None) -> None:
        if answer == "undo":
            self.undo()
        elif answer == "pack":
            self._newest.pack()
        elif answer == "purge":
            self._newest.purge()


def rules_of(state: UiState) -> list[Rule]:
    """The rules marks were made with."""
    used = {mark.rule for mark in state.marks}
    known = {**state.rules, "old": marking.old(state.old_days), "orphaned": marking.orphaned()}
    return [rule for name, rule in known.items() if name in used]


def rule_words(state: UiState) -> list[str]:
    """What was asked for, in words, in the order it was marked."""
    words = {"mark": "marked by hand", "old": marking.old(state.old_days).words(), "orphaned": "orphaned"}
    words = {**{name: rule.words() for name, rule in state.rules.items()}, **words}
    return list(dict.fromkeys(words.get(mark.rule, mark.rule) for mark in state.marks))


def task_pieces(view: TaskView, signs: Signs) -> list[Piece]:
    """Work in the row line: ``applying ━━━━ 88 of 145   1 failed   1 s left``."""
    event = view.latest
    if event is None:
        return [("starting…", DIM)]
    pieces: list[Piece] = [(f"{TITLES[event.phase]} ", "")]
    done = event.bytes_done / event.bytes_total if event.bytes_total else event.done / max(event.total, 1)
    pieces += [*render.progress_bar(done, 24, signs), (f"  {event.done:,} of {event.total:,}", "bold")]
    if view.failed:
        pieces.append((f"   {len(view.failed):,} failed", render.ERROR))
    if view.skipped:
        pieces.append((f"   {len(view.skipped):,} skipped", render.PROTECTED))
    if view.stopping:
        pieces.append(("   stopping after this item", DIM))
    elif view.left_s is not None:
        pieces.append((f"   about {age_words(round(view.left_s * 1000))} left", DIM))
    return pieces
