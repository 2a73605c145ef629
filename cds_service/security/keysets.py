"""Where a client's keys come from while the service runs: written down, in a file, or published at one address.

Keys may change without a restart. A file or a key server that cannot be read never takes away keys that were known:
they stay, and the log says so. Only an address an operator registered is ever read, through a function that was handed
in; it must not be built from anything a token says.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from cds_service.errors import Unavailable
from cds_service.security.keys import LONGEST_SET, PublicKey, Ring, read_set

log = logging.getLogger("cds_service.security")

AGE = 3600.0  # seconds until a published set is read again
PAUSE = 60.0  # seconds between two readings, however many unknown keys are asked for
_NEVER = float("-inf")


class KeySet(Protocol):
    """The keys of one client. Safe for many threads; never raises."""

    def find(self, kid: str, algorithm: str) -> PublicKey | None: ...


class Unreadable(Exception):
    """A key set that cannot be used; the text says why, without key material."""


class WrittenKeys:
    """Keys that stand in the clients' file itself."""

    def __init__(self, ring: Ring):
        self._ring = ring

    def find(self, kid: str, algorithm: str) -> PublicKey | None:
        return self._ring.get((kid, algorithm))


class FiledKeys:
    """Keys in a file of their own, read again when it has changed. Raises Unreadable when the first reading fails."""

    def __init__(self, file: Path, client: str):
        self._file = file
        self._client = client
        self._lock = threading.Lock()
        self._stamp = self._stamp_now()
        self._ring = ring_in_file(file)

    def find(self, kid: str, algorithm: str) -> PublicKey | None:
        stamp = self._stamp_now()
        if stamp != self._stamp:
            with self._lock:
                if stamp != self._stamp:
                    self._read(stamp)
        return self._ring.get((kid, algorithm))

    def _read(self, stamp: object) -> None:
        self._stamp = stamp
        try:
            self._ring = ring_in_file(self._file)
        except Unreadable as wrong:
            _kept(self._client, str(wrong))
        else:
            log.info("keys read again", extra={"client": self._client, "keys": len(self._ring)})

    def _stamp_now(self) -> object:
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


class PublishedKeys:
    """Keys behind a registered address: kept for an hour, read again for an unknown key at most once a minute.

    read: the document, or Unavailable. ticks: seconds that only grow. The bounds hold per process. A set that has grown
    old is read by one caller while the others go on with what is known: a key taken back is good for an hour at most,
    and while the server is down one call a minute waits as long as `read` does.
    """

    def __init__(self, read: Callable[[], bytes], client: str, ticks: Callable[[], float] = time.monotonic):
        self._read = read
        self._client = client
        self._ticks = ticks
        self._lock = threading.Lock()
        self._ring: Ring = {}
        self._asked = _NEVER
        self._fresh = _NEVER

    def find(self, kid: str, algorithm: str) -> PublicKey | None:
        place = (kid, algorithm)
        if self._ring and self._ticks() - self._fresh > AGE:
            self._refresh(wait=False)
        if place not in self._ring:
            self._refresh(wait=True)
        return self._ring.get(place)

    def _refresh(self, *, wait: bool) -> None:
        if not self._lock.acquire(blocking=wait):
            return
        try:
            now = self._ticks()
            if now - self._asked < PAUSE:
                return
            self._asked = now
            self._ring = lenient_ring(self._read(), self._client)
            self._fresh = now
            log.info("keys read", extra={"client": self._client, "keys": len(self._ring)})
        except (Unavailable, Unreadable) as wrong:
            _kept(self._client, str(wrong))
        finally:
            self._lock.release()


def _kept(client: str, why: str) -> None:
    log.warning("keys cannot be read, those known stay", extra={"client": client, "why": why})


def ring_in_file(file: Path) -> Ring:
    """The keys of a file. Raises Unreadable for the first fault."""
    try:
        with file.open("rb") as stream:
            text = stream.read(LONGEST_SET + 1)
    except OSError as error:
        raise Unreadable(f"{file.name} cannot be read: {error.strerror}") from None
    ring, faults = read_set(json_of(text, file.name))
    if faults:
        raise Unreadable(f"{file.name}: {faults[0]}")
    return ring


def lenient_ring(text: bytes, client: str) -> Ring:
    """The usable keys of a published set; the others are told in the log. Raises Unreadable when there is none."""
    ring, faults = read_set(json_of(text, "the key set"))
    if not ring:
        raise Unreadable(faults[0])
    for fault in faults:
        log.error("a published key is not used", extra={"client": client, "why": fault})
    return ring


def json_of(text: bytes, what: str) -> object:
    """Raises Unreadable."""
    if len(text) > LONGEST_SET:
        raise Unreadable(f"{what} is larger than {LONGEST_SET // 1000} kB")
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable(f"{what} is not JSON") from None
    return found
