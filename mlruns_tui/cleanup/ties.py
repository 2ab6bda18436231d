"""Items that are of no use without others of the same plan: those that come after one, and those done with one."""

from __future__ import annotations

from mlruns_tui.model.text import safe

from . import say
from .kept import Kept


class Ties:
    """What the items of a plan ask of each other."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        items = kept.plan.items
        at = {item.key: n for n, item in enumerate(items)}
        self._first = {n: at[item.after] for n, item in enumerate(items) if item.after in at}
        self._other = {n: at[item.partner] for n, item in enumerate(items) if item.partner in at}

    def must_wait(self, n: int, together: list[int]) -> bool:
        """Whether item ``n`` is only begun when those are ended: one of them is what it comes after."""
        return self._first.get(n) in together

    def belongs(self, n: int, together: list[int]) -> bool:
        """Whether one of those is only done together with item ``n``."""
        return any(self._other.get(one) == n for one in together)

    def waits_in_vain(self, n: int) -> str:
        """Why item ``n`` is left: what it comes after was not done. Empty when it was."""
        first = self._first.get(n)
        return "" if first is None or self._is_done(first) else self._left(first)

    def is_alone(self, n: int, done: list[int]) -> str:
        """Why item ``n`` is left, or put back: the other half is neither among these nor done. Empty when it is."""
        other = self._other.get(n)
        return "" if other is None or other in done or self._is_done(other) else self._left(other)

    def _is_done(self, n: int) -> bool:
        if n in self._kept.results:
            return self._kept.results[n][0] == "done"
        return self._kept.find(n)[0] == "backup"

    def _left(self, n: int) -> str:
        return f"of no use without the repair of {safe(self._kept.items[n].path, 200)}, which was not done"


def left_out(why: str) -> str:
    return f"{why}. {say.LEFT}"
