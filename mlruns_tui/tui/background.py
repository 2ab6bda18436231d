"""Work that may block, on threads that never keep the program from ending.

Textual's own thread workers live in an executor that is joined at exit: with a store on a file system that
hangs, quitting would hang too. A daemon thread is simply left behind; everything here only reads.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from textual.message_pump import MessagePump

from .messages import Returned

T = TypeVar("T")


def in_background(
    owner: MessagePump,
    work: Callable[[], T],
    done: Callable[[T], None],
    failed: Callable[[Exception], None],
    name: str,
) -> threading.Thread:
    """Run ``work`` on a thread; ``done`` or ``failed`` follows on the owner's own, if it is still there."""

    def body() -> None:
        try:
            result = work()
        except Exception as error:
            problem = error
            tell(lambda: failed(problem))
        else:
            tell(lambda: done(result))

    def tell(call: Callable[[], None]) -> None:
        # The program may be closing: nobody is left to tell.
        with suppress(RuntimeError):
            owner.post_message(Returned(call))

    thread = threading.Thread(target=body, name=name, daemon=True)
    thread.start()
    return thread


@contextmanager
def without_collecting() -> Iterator[None]:
    """For making very many values that stay: to walk them all for garbage, then or later, would stop the screen."""
    gc.collect(1)
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
