"""A server's workers are often forked from one process: what a child must not share is made anew there."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable


def in_child(renew: Callable[[], None]) -> None:
    """Calls a bound method in every child forked from now on, as long as its object lives."""
    method = weakref.WeakMethod(renew)

    def call() -> None:
        alive = method()
        if alive is not None:
            alive()

    os.register_at_fork(after_in_child=call)
