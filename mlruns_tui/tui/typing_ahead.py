"""Keys one after the other, however fast they come.

Textual hands a key to the focused widget's queue and takes the next; only a key that comes back unused is looked
up among the bindings. Keys that arrive together, pasted or over a slow line, are judged by the focus of that moment
then: the letters after ``/`` would be commands, the command after Enter a letter.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from textual import events
from textual.app import App
from textual.message_pump import MessagePump

from .widgets.keyed_list import KeyedList

_WALKS = 3
"""A field's change is told to the field, from there to its prompt, and from there to the screen."""
_PATIENCE_S = 1.0
"""A screen that went away may have taken the news with it that a key is done."""


class KeysInOrder:
    """Lets the next key in when all that came of the one before has happened."""

    def __init__(
        self,
        app: App[int],
        bound: Callable[[str], Awaitable[bool]],
        hand_on: Callable[[events.Key], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``bound``: does what a key is bound to, False when it is not. ``hand_on``: Textual's own way."""
        self._app, self._bound, self._hand_on, self._clock = app, bound, hand_on, clock
        self._waiting: deque[events.Key] = deque()
        self._busy_since: float | None = None
        self._held = False

    def hold(self) -> None:
        """Keys wait: what they may open is not there yet."""
        self._held = True

    async def let_in(self) -> None:
        """The first of the keys that waited comes now, the others after it."""
        if self._held:
            self._held = False
            await self._next()

    async def take(self, key: events.Key) -> None:
        self._waiting.append(key)
        if self._held:
            return
        if self._busy_since is None or self._clock() - self._busy_since > _PATIENCE_S:
            await self._next()
        elif len(self._waiting) == 1:
            self._app.set_timer(_PATIENCE_S, self._lost)

    async def _lost(self) -> None:
        if self._waiting and self._busy_since is not None and self._clock() - self._busy_since >= _PATIENCE_S:
            await self._next()

    async def _next(self) -> None:
        self._busy_since = None
        if not self._waiting:
            return
        key = self._waiting.popleft()
        self._busy_since = self._clock()
        # A list has no use for letters: its keys need no way there and back.
        if isinstance(self._app.focused, KeyedList) and await self._bound(key.key):
            await self._follow(())
            return
        start = self._app.focused or self._app.screen
        path = list(start.ancestors_with_self) * _WALKS
        await self._hand_on(key)
        await self._follow(path)

    async def _follow(self, path: Sequence[MessagePump]) -> None:
        """Through the queues the key goes through, behind it; then the next key."""
        for at, pump in enumerate(path):
            if pump.call_later(self._follow, path[at + 1 :]):
                return
        # The focus follows a key late, and what it moves to may have to be shown first.
        self._app.call_after_refresh(self._next)
