"""Moves what was shown and answered from the spools to the database, in the background, and finds a lost one again.

One thread a process. Moving twice is harmless (a row that is there stays), so a segment is removed only after its rows
are committed, and a worker killed in between loses nothing. Must never raise into the service, and never block it.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cds_service.errors import Unavailable
from cds_service.store import feedback
from cds_service.store.database import Database
from cds_service.store.entries import lost_line, rows_of
from cds_service.store.forks import unforked
from cds_service.store.spool import Segment, Spool

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

log = logging.getLogger("cds_service.store")

EVERY = 0.25  # seconds between two looks at the spool
SYNC_EVERY = 1.0  # seconds between two fsyncs of the spool while the database is down
TIDY_EVERY = 60.0


class Drainer:
    """`start` makes the thread; `drain` does one round by hand. `tidy` is what else is to be done now and then."""

    def __init__(
        self,
        database: Database,
        spool: Spool,
        answers: Spool,
        *,
        every: float = EVERY,
        tidy: Callable[[], object] | None = None,
    ):
        self.database = database
        self.spool = spool
        self.answers = answers
        self.every = every
        self.tidy = tidy
        self.moved = 0  # entries, since the process began
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._at_work = threading.Lock()
        self._synced = self._tidied = 0.0

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="ledger-drain", daemon=True)
        self._thread.start()

    def stop(self, wait: float = 2.0) -> None:
        """Ends the thread, after a last round if the database is up."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(wait)
        if self.database.up:
            self._round()

    def drain(self) -> int:
        """Moves every segment nobody holds; gives the number of entries moved. Raises Unavailable."""
        with self._at_work:
            moved = _each(self.spool, self._move)  # first what was shown: answers speak of it
            moved += _each(self.answers, self._move_answers)
        self.moved += moved
        return moved

    def _run(self) -> None:
        with unforked():
            self.database.probe()  # so that the first hook call finds a connection made
        while not self._stop.wait(self.every):
            with unforked():
                self._round()

    def _round(self) -> None:
        try:
            if self.database.up or self.database.probe():
                self.drain()
                self._now_and_then()
            elif time.monotonic() - self._synced >= SYNC_EVERY:
                self._synced = time.monotonic()
                self.spool.sync()
        except Unavailable as error:
            if self.database.up:
                log.warning("the spool cannot be moved", extra={"error": str(error)})
            self.database.up = False
        except Exception as error:  # a defect here must not end the thread
            log.exception("moving the spool failed", extra={"error": type(error).__name__})

    def _now_and_then(self) -> None:
        if self.tidy and time.monotonic() - self._tidied >= TIDY_EVERY:
            self._tidied = time.monotonic()
            self.database.prepare()
            self.tidy()

    def _move(self, segment: Segment) -> int:
        entries = []
        for line in segment.lines:
            try:
                entries.append(json.loads(line))
            except ValueError:
                log.error("an entry of the spool cannot be read back", extra={"segment": segment.path.name})
                entries.append(json.loads(_unreadable("torn")))
        self.database.prepare()
        try:
            self._insert(entries)
        except Unavailable:
            raise
        except Exception:  # one bad entry must not keep the others out
            for entry in entries:
                self._insert_alone(entry)
        return len(entries)

    def _move_answers(self, segment: Segment) -> int:
        """Each body in a transaction of its own. A line that cannot be read was never acknowledged."""
        self.database.prepare()
        for line in segment.lines:
            try:
                answers = feedback.read_line(line)
                with self.database.begin() as connection:
                    feedback.keep(connection, answers)
            except Unavailable:
                raise
            except Exception as error:
                log.error("an answer in the spool cannot be kept", extra={"error": type(error).__name__})
        return len(segment.lines)

    def _insert(self, entries: list[Mapping[str, Any]]) -> None:
        rows = rows_of(entries)
        with self.database.begin() as connection:
            store(connection, rows)

    def _insert_alone(self, entry: Mapping[str, Any]) -> None:
        try:
            self._insert([entry])
        except Unavailable:
            raise
        except Exception as error:
            log.error("an entry of the spool cannot be kept", extra={"error": type(error).__name__})
            self._insert([json.loads(_unreadable("refused"))])


def _each(spool: Spool, move: Callable[[Segment], int]) -> int:
    """Every segment nobody holds; it goes once its entries are committed."""
    moved = 0
    for segment in spool.take():
        try:
            moved += move(segment)
        except BaseException:
            segment.release()
            raise
        segment.finish()
    return moved


def store(connection: Connection, rows: Mapping[str, list[dict[str, Any]]]) -> None:
    """Inserts rows by table; those already there stay as they are."""
    from cds_service.store.tables import metadata

    for name, values in rows.items():
        if values:
            connection.execute(insert_new(connection, metadata.tables[name]), values)


def insert_new(connection: Connection, table: Table) -> Any:
    """An INSERT that leaves rows already there alone, for either database."""
    from sqlalchemy.dialects import postgresql, sqlite

    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table).on_conflict_do_nothing()


def _unreadable(why: str) -> bytes:
    return lost_line(secrets.token_hex(16), datetime.now(UTC), 1, why)
