"""Following a piece of work of the worker, for any screen that wants to show it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from textual.message import Message
from textual.message_pump import MessagePump

from mlruns_tui.model.batch import ApplyEvent, Batch
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.late import dataclass
from mlruns_tui.model.store import container_key
from mlruns_tui.model.words import Outcome


class Work(Protocol):
    """What is followed: ``workflow.task.Task``."""

    def events(self) -> Iterator[ApplyEvent]: ...

    def result(self) -> Batch: ...

    def stop(self) -> None: ...


class TaskStarted(Message):
    """A screen started work; the app keeps the view, so that it can be shown and waited for."""

    def __init__(self, view: TaskView) -> None:
        super().__init__()
        self.view = view


class TaskProgressed(Message):
    """One more item, or the first sign of life. Only the newest matters."""

    def __init__(self, view: TaskView) -> None:
        super().__init__()
        self.view = view

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, TaskProgressed) and message.view is self.view


class TaskEnded(Message):
    """The work is over; ``view.batch`` or ``view.error`` says how."""

    def __init__(self, view: TaskView) -> None:
        super().__init__()
        self.view = view


@dataclass(frozen=True, slots=True)
class Trouble:
    """One item that failed or was skipped."""

    outcome: Outcome
    key: str
    name: str
    """With its experiment, when that is known: ``tabular-churn › saint-s``."""
    error: str


class TaskView:
    """One piece of work, followed from a thread of its own.

    The thread is a daemon, not a Textual worker: leaving the program must not wait for the work, which
    goes on in its own process. What it holds may be read from any thread.
    """

    def __init__(
        self,
        work: Work,
        experiments: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``experiments``: names by experiment key, to say where an item is. ``clock``: seconds."""
        self._work = work
        self.repairs = False
        """Places are mended: nothing goes out of the store."""
        self._experiments = dict(experiments or {})
        self._clock = clock
        self._listeners: tuple[MessagePump, ...] = ()
        self._lock = threading.Lock()
        """Around the listeners and the end, so that nobody hears of the end twice or never."""
        self._thread: threading.Thread | None = None
        self.latest: ApplyEvent | None = None
        self.done_keys: set[str] = set()
        """Items done so far; only ever added to."""
        self.troubles: tuple[Trouble, ...] = ()
        self.batch: Batch | None = None
        self.error: MlrunsError | None = None
        self.ended = False
        self.stopping = False
        self._done_at_first = 0
        """Items that were done already when it was first heard of."""
        self.started_s: float | None = None
        self.ended_s: float | None = None

    def start(self, app: MessagePump) -> TaskView:
        """Follow from now on, and tell ``app``."""
        self.listen(app)
        self._thread = threading.Thread(target=self._follow, name="task", daemon=True)
        self._thread.start()
        return self

    def listen(self, listener: MessagePump) -> None:
        """Tell this screen or app as well; of an end that was already, at once."""
        with self._lock:
            if listener in self._listeners:
                return
            self._listeners = (*self._listeners, listener)
            ended = self.ended
        if ended:
            listener.post_message(TaskEnded(self))

    def forget(self, listener: MessagePump) -> None:
        with self._lock:
            self._listeners = tuple(one for one in self._listeners if one is not listener)

    def stop(self) -> None:
        """Ask the worker to stop after the item at hand."""
        if not self.ended:
            self.stopping = True
            self._work.stop()

    @property
    def failed(self) -> tuple[Trouble, ...]:
        return tuple(one for one in self.troubles if one.outcome == "failed")

    @property
    def skipped(self) -> tuple[Trouble, ...]:
        return tuple(one for one in self.troubles if one.outcome == "skipped")

    @property
    def elapsed_s(self) -> float:
        """Since the work began; 0 before."""
        if self.started_s is None:
            return 0.0
        return (self._clock() if self.ended_s is None else self.ended_s) - self.started_s

    @property
    def left_s(self) -> float | None:
        """About how long it still takes; None before there is anything to go by."""
        event = self.latest
        if event is None or event.done <= self._done_at_first or not event.total:
            return None
        return self.elapsed_s / (event.done - self._done_at_first) * (event.total - event.done)

    def label(self, key: str, name: str) -> str:
        """``tabular-churn › saint-s``."""
        container = container_key(key)
        own = name or key.rpartition("/")[2]
        place = self._experiments.get(container, "")
        return own if container == key or not place else f"{place} › {own}"

    def _follow(self) -> None:
        try:
            for event in self._work.events():
                self._take(event)
            self.batch = self._work.result()
        except MlrunsError as error:
            self.error = error
        except Exception as error:
            self.error = MlrunsError(
                "task-lost",
                f"the worker could not be followed ({type(error).__name__}: {error}); it goes on by itself",
                hint="the backups (b) show where each item is",
            )
        self.ended_s = self._clock()
        with self._lock:
            self.ended = True
            listeners = self._listeners
        self._tell(TaskEnded, listeners)

    def _take(self, event: ApplyEvent) -> None:
        if self.started_s is None:
            self.started_s = self._clock()
            self._done_at_first = event.done if event.kind == "start" else 0
        if event.kind == "item" and event.outcome == "done":
            self.done_keys.add(event.key)
        elif event.kind == "item" and event.outcome is not None:
            name = self.label(event.key, event.name)
            self.troubles = (*self.troubles, Trouble(event.outcome, event.key, name, event.error))
        self.latest = event
        self._tell(TaskProgressed, self._listeners)

    def _tell(self, kind: type[TaskProgressed] | type[TaskEnded], listeners: tuple[MessagePump, ...]) -> None:
        # The newest first: a window over a screen closes before the screen under it says how it ended.
        for listener in reversed(listeners):
            try:
                listener.post_message(kind(self))
            except RuntimeError:  # the program is being left: its event loop is closed
                self.forget(listener)
