"""How often a client may call: a bucket that fills evenly and holds one minute's calls. Counted per process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Allowance:
    """`take()` is False when the client has used up what a minute allows; 0 calls a minute: no limit."""

    def __init__(self, calls_per_minute: int, ticks: Callable[[], float] = time.monotonic):
        self._most = float(calls_per_minute)
        self._left = self._most
        self._ticks = ticks
        self._filled = ticks()
        self._lock = threading.Lock()

    def take(self) -> bool:
        if not self._most:
            return True
        with self._lock:
            now = self._ticks()
            self._left = min(self._most, self._left + (now - self._filled) * self._most / 60)
            self._filled = now
            if self._left < 1:
                return False
            self._left -= 1
            return True
