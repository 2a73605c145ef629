"""What was shown, kept on disk until the database has it, so that a hook call never waits for the database.

A folder of segments, each written by one process (append-only, one JSON line an entry) and locked (flock) as long as it
is written or read: a segment that can be locked belongs to nobody, so any worker may take it, be its writer alive or
dead. What is appended outlives the process at once (also kill -9); it outlives a power cut once `sync` ran, which the
drainer calls every second while the database is down. The folder is bounded: when it is full the oldest segment goes,
counted.
A spool that `keeps` (for answers to cards) is stricter: what was appended outlives a power cut at once, nothing is ever
dropped, and a full one raises `Full`.
Must not know what an entry means.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cds_service.store.forks import in_child

log = logging.getLogger("cds_service.store")

BOUND = 64 * 1024 * 1024  # bytes in the folder: about 60,000 calls that showed something
SEGMENT = 256 * 1024  # bytes in one segment, a few hundred entries: one transaction
SHOWN, ANSWERS = ".spool", ".answers"  # endings of segments: two spools may share a folder


class Full(Exception):
    """A spool that keeps everything has no room for one more entry."""


@dataclass(slots=True)
class Segment:
    """A closed segment, locked by us. `finish` it once its entries are kept elsewhere, or `release` it."""

    path: Path
    handle: int
    lines: list[bytes] = field(default_factory=list)

    def finish(self) -> None:
        self.path.unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        """Lets it go; once only, as its number may be another file's by then."""
        handle, self.handle = self.handle, -1
        if handle >= 0:
            os.close(handle)


class Spool:
    """The spool of one folder. `lost` is told which entries went when the oldest segments were dropped."""

    _reading: Segment | None = None  # taken last, by this process

    def __init__(
        self,
        folder: Path,
        *,
        bound: int = BOUND,
        segment: int = SEGMENT,
        ending: str = SHOWN,
        keeps: bool = False,
        lost: Callable[[list[bytes]], None] | None = None,
    ):
        self.folder = folder
        self.ending = ending
        self.keeps = keeps
        self.bound = bound
        self.segment = min(segment, max(bound // 4, 1))
        self.lost = lost
        self._fresh()
        in_child(self._forked)

    def append(self, line: bytes) -> None:
        """Writes one entry (without line breaks). Raises OSError when the disk cannot take it, and Full (see above)."""
        dropped: list[bytes] = []
        with self._lock:
            if self._handle is not None and self._written + len(line) >= self.segment:
                self._close()
            if self._handle is None:
                dropped = self._open(len(line) + 1)
            assert self._handle is not None
            written = os.write(self._handle, line + b"\n")
            self._written += written
            if written != len(line) + 1:  # a full disk: what follows must not run into this
                self._close()
                raise OSError(28, "no space left for the spool")
            if self.keeps:
                os.fsync(self._handle)
        if dropped and self.lost:
            self.lost(dropped)

    def sync(self) -> None:
        """What was appended so far outlives a power cut."""
        with self._lock:
            if self._handle is not None:
                os.fsync(self._handle)

    def take(self) -> Iterator[Segment]:
        """Every segment nobody holds, oldest first; our own is closed first if it holds anything."""
        with self._lock:
            if self._handle is not None and self._written:
                self._close()
        for path in self._segments():
            if segment := _locked(path):
                self._reading = segment
                segment.lines = [line for line in _content(segment.handle).split(b"\n") if line]
                yield segment

    def peek(self) -> Iterator[bytes]:
        """Every entry in the folder, also of segments still being written; takes nothing away."""
        for path in self._segments():
            try:
                content = path.read_bytes()
            except FileNotFoundError:  # moved meanwhile
                continue
            yield from (line for line in content.split(b"\n") if line)

    def close(self) -> None:
        with self._lock:
            self._close()

    def size(self) -> int:
        """How much lies in the folder."""
        return sum(_size(path) for path in self._segments())

    def _fresh(self) -> None:
        self._lock = threading.Lock()
        self._handle: int | None = None
        self._written = 0
        self._reading = None

    def _forked(self) -> None:
        """A child lets go of what its parent holds: with its copy of a handle it would keep the lock for ever."""
        if self._reading is not None:
            self._reading.release()
        if self._handle is not None:
            os.close(self._handle)
        self._fresh()

    def _open(self, needed: int) -> list[bytes]:
        """A new segment; gives the entries that were dropped to make room. Nobody sees it before it is locked."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        dropped = self._make_room(max(needed, self.segment))
        name = f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(4)}"
        hidden = self.folder / f".{name}.new"
        handle = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.rename(hidden, self.folder / f"{name}{self.ending}")
        if self.keeps:
            _sync_folder(self.folder)
        self._handle, self._written = handle, 0
        return dropped

    def _close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
        self._handle, self._written = None, 0

    def _make_room(self, needed: int) -> list[bytes]:
        """Drops the oldest segments nobody holds until `needed` bytes more fit. Raises Full for one that keeps."""
        segments = self._segments()
        total = sum(_size(path) for path in segments)
        if self.keeps and total + needed > self.bound:
            log.error("the spool of answers is full", extra={"bytes": total})
            raise Full
        dropped: list[bytes] = []
        for path in segments:
            if total + needed <= self.bound:
                break
            if segment := _locked(path):
                content = _content(segment.handle)
                total -= len(content)
                dropped += [line for line in content.split(b"\n") if line]
                segment.finish()
        if dropped:
            log.error("the spool is full: the oldest entries were dropped", extra={"entries": len(dropped)})
        return dropped

    def _segments(self) -> list[Path]:
        try:
            return sorted(path for path in self.folder.iterdir() if path.name.endswith(self.ending))
        except FileNotFoundError:
            return []


def _sync_folder(folder: Path) -> None:
    """A new file's name outlives a power cut too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _locked(path: Path) -> Segment | None:
    """The segment, if nobody else holds it and it is still there."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    if os.fstat(handle).st_nlink == 0:  # another worker finished it meanwhile
        os.close(handle)
        return None
    return Segment(path, handle)


def _content(handle: int) -> bytes:
    os.lseek(handle, 0, os.SEEK_SET)
    with os.fdopen(os.dup(handle), "rb") as file:
        return file.read()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
