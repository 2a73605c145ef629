"""A server's workers are often forked from one process: what a child must not share is made anew there, and no fork
happens in the middle of a background thread's work, whose locks the child would find closed for ever.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 2.0  # seconds a fork waits for background work to end


def in_child(renew: Callable[[], None]) -> None:
    """Calls a bound method in every child forked from now on, as long as its object lives."""
    method = weakref.WeakMethod(renew)

    def call() -> None:
        alive = method()
        if alive is not None:
            alive()

    os.register_at_fork(after_in_child=call)


class _Turns:
    """Work and forks take turns: one lock, made anew in a child."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.forking = threading.local()
        os.register_at_fork(before=self._wait, after_in_parent=self._go_on, after_in_child=self._renew)

    def _wait(self) -> None:
        self.forking.waited = self.lock.acquire(timeout=PATIENCE)

    def _go_on(self) -> None:
        if self.forking.waited:
            self.lock.release()

    def _renew(self) -> None:
        self.lock = threading.Lock()


_turns = _Turns()


@contextmanager
def unforked() -> Iterator[None]:
    """No fork of this process begins meanwhile. For short work of background threads; must not fork itself."""
    lock = _turns.lock
    with lock:
        yield
