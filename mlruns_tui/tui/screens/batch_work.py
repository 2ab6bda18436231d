"""What can be done with a batch on the backups screen: asked about, started in the worker, followed to its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from mlruns_tui.model.batch import Batch, OnConflict
from mlruns_tui.tui.messages import Returned
from mlruns_tui.tui.screens.dialogs import UndoDialog
from mlruns_tui.tui.screens.for_good import GoOnDeletingDialog, PurgeDialog
from mlruns_tui.tui.screens.pack import PackDialog, sample
from mlruns_tui.tui.screens.progress import ProgressScreen, ResultScreen
from mlruns_tui.tui.screens.recover import RecoverDialog
from mlruns_tui.tui.screens.restore import ConflictDialog, in_conflict
from mlruns_tui.tui.tasks import TaskEnded, TaskStarted, TaskView, Work
from mlruns_tui.tui.widgets.task_words import ended_words
from mlruns_tui.workflow import changing, recovering

if TYPE_CHECKING:
    from .backups import BackupsScreen

T = TypeVar("T")
Keys = list[str] | None
"""Of the items it is about; None: all of the batch."""


class BatchWork:
    """Started from one screen, whose thread nothing here blocks."""

    def __init__(
        self,
        screen: BackupsScreen,
        root: str,
        experiments: Mapping[str, str],
        staying: Callable[[Batch], dict[str, str]],
    ) -> None:
        """``root``: of the store. ``experiments``: names by experiment key. ``staying``: why items an interrupted
        batch had not come to must stay by now; called in a thread."""
        self._screen = screen
        self._root = root
        self._experiments = experiments
        self._staying = staying
        self.view: TaskView | None = None
        """The last piece of work, going on or ended."""

    @property
    def busy(self) -> bool:
        return self.view is not None and not self.view.ended

    def forget(self) -> None:
        """The screen goes away; the work does not."""
        if self.view is not None:
            self.view.forget(self._screen)

    def restore(self, batch: Batch, keys: Keys, now_ms: int, names: Mapping[str, str]) -> None:
        """``names``: why experiments had better not go back, by key: their name is taken."""
        if batch.open_op and keys is None:
            self._screen.app.push_screen(RecoverDialog(batch, now_ms), lambda way: self._settle(batch, way))
        elif in_conflict(batch, keys, names) and batch.state != "unfinished":
            dialog = ConflictDialog(batch, now_ms, keys, names)
            self._screen.app.push_screen(dialog, lambda way: self._put_back(batch, keys, way))
        else:
            title = "settle" if batch.state == "unfinished" else "restore"
            question = UndoDialog(batch, now_ms, keys, title)
            self._screen.app.push_screen(question, lambda yes: self._put_back(batch, keys, "skip" if yes else None))

    def _put_back(self, batch: Batch, keys: Keys, on_conflict: str | None) -> None:
        ways: dict[str, OnConflict] = {"skip": "skip", "rename": "rename", "swap": "swap"}
        if on_conflict in ways:
            way = ways[on_conflict]
            self._begin(lambda: changing.start_restore(self._root, batch.id, keys, way))

    def _settle(self, batch: Batch, way: str | None, sure: bool = False) -> None:
        """What stopped half-way goes on, back, or stays; what goes for good is asked about once more."""
        root = self._root
        if way == "undo":
            self._begin(lambda: recovering.start_taking_back(root, batch))
        elif way == "leave":
            self._begin(lambda: recovering.start_leaving(root, batch))
        elif way == "continue" and recovering.deletes(batch) and not sure:
            dialog = GoOnDeletingDialog(batch)
            self._screen.app.push_screen(dialog, lambda yes: self._settle(batch, way, sure=True) if yes else None)
        elif way == "continue":
            self._begin(lambda: recovering.start_going_on(root, batch, self._staying(batch)))

    def purge(self, batch: Batch, keys: Keys) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self._begin(lambda: changing.start_purge(self._root, batch.id, keys))

        self._screen.app.push_screen(PurgeDialog(batch, keys), answered)

    def verify(self, batch: Batch, keys: Keys) -> None:
        self._begin(lambda: changing.start_verify(self._root, batch.id, keys))

    def pack(self, batch: Batch, keys: Keys) -> None:
        """Try what it would gain, in a thread, then ask."""
        self._screen.notify("Trying what packing would gain …", timeout=2)

        def ask(dialog: PackDialog) -> None:
            def answered(yes: bool | None) -> None:
                if yes:
                    self._begin(lambda: changing.start_pack(self._root, batch.id, keys))

            if self._screen.is_active:
                self._screen.app.push_screen(dialog, answered)

        def failed(error: Exception) -> None:
            self._complain(f"It could not be tried what packing gains: {error}")

        self._behind(lambda: sample(self._root, batch, keys), ask, failed, "gains")

    def _begin(self, start: Callable[[], Work]) -> None:
        """Start work in a thread (it makes a process), then follow it."""

        def failed(error: Exception) -> None:
            self._complain(f"the worker could not be started: {error}. Nothing was changed.")

        self._screen.clear_choice()
        self._behind(start, self._follow, failed, "start")

    def _follow(self, work: Work) -> None:
        self.view = TaskView(work, self._experiments)
        self._screen.app.post_message(TaskStarted(self.view))
        self.view.listen(self._screen)
        self.view.start(self._screen.app)
        self._screen.app.push_screen(ProgressScreen(self.view))

    def ended(self, event: TaskEnded) -> None:
        """Say how it ended: with a window, where something is not as it was asked for."""
        view = event.view
        damaged = view.batch is not None and any(one.damaged for one in view.batch.items)
        if view.error is None and not view.troubles and not damaged:
            self._screen.notify(ended_words(view), markup=False)
        else:
            self._screen.app.push_screen(ResultScreen(view, self._root))

    def _behind(
        self, work: Callable[[], T], done: Callable[[T], None], failed: Callable[[Exception], None], group: str
    ) -> None:
        """Do it in a thread; ``done`` or ``failed`` follows on the screen's own."""

        def body() -> None:
            try:
                result = work()
            except Exception as error:
                problem = error
                self._screen.post_message(Returned(lambda: failed(problem)))
            else:
                self._screen.post_message(Returned(lambda: done(result)))

        self._screen.run_worker(body, thread=True, group=group, exclusive=group == "gains", exit_on_error=False)

    def _complain(self, sentence: str) -> None:
        self._screen.notify(sentence, severity="error", markup=False)
