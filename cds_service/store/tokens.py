"""Token ids seen before, so that a token is good for one call: shared by all workers, kept over restarts.

Kept in the database until the token would have expired anyway. Each process also remembers its own: when the database
is down or slow a call is still answered, and a replay is then caught within one process only (logged). The table is
bounded: beyond `most` rows those that expire first go, with an error in the log. Holds hashes, never a token.
"""

from __future__ import annotations

import heapq
import logging
import threading
from datetime import UTC, datetime
from hashlib import sha256

from cds_service.errors import Unavailable
from cds_service.store.database import Database
from cds_service.store.forks import in_child

log = logging.getLogger("cds_service.store")

MOST = 1_000_000
MOST_HERE = 100_000


class SeenTokens:
    """`first(issuer, jti, until, now)` is True once for each id. `until`: when the token is dead for good."""

    def __init__(self, database: Database | None, *, most: int = MOST, most_here: int = MOST_HERE):
        self.database = database
        self.most = most
        self.most_here = most_here
        self._fresh()
        in_child(self._fresh)

    def _fresh(self) -> None:
        self._lock = threading.Lock()
        self._here: dict[str, datetime] = {}
        self._ends: list[tuple[datetime, str]] = []

    def first(self, issuer: str, jti: str, until: datetime, now: datetime) -> bool:
        """Never raises. `until` and `now` are on the real clock."""
        token = sha256(f"{len(issuer)}:{issuer}{jti}".encode("utf-8", "replace")).hexdigest()
        if not self._first_here(token, until, now):
            return False
        if self.database is None:
            return True
        try:
            return self.database.briefly(lambda: self._first_anywhere(token, until))
        except Unavailable:
            log.warning("token ids are remembered by this process alone while the ledger is down")
            return True

    def tidy(self, now: datetime | None = None) -> int:
        """Removes the rows of dead tokens, and what is over the bound; gives how many. Raises Unavailable."""
        from sqlalchemy import delete, func, select

        from cds_service.store.tables import token

        if self.database is None:
            return 0
        with self.database.begin("light") as connection:
            gone = connection.execute(delete(token).where(token.c.until < (now or datetime.now(UTC)))).rowcount
            over = (connection.execute(select(func.count()).select_from(token)).scalar() or 0) - self.most
            if over > 0:
                log.error("too many live tokens: the earliest to expire are forgotten", extra={"tokens": over})
                oldest = select(token.c.token).order_by(token.c.until).limit(over)
                gone += connection.execute(delete(token).where(token.c.token.in_(oldest))).rowcount
        return gone

    def _first_here(self, token: str, until: datetime, now: datetime) -> bool:
        with self._lock:
            while self._ends and (self._ends[0][0] < now or len(self._here) >= self.most_here):
                self._here.pop(heapq.heappop(self._ends)[1], None)
            if token in self._here:
                return False
            self._here[token] = until
            heapq.heappush(self._ends, (until, token))
            return True

    def _first_anywhere(self, token: str, until: datetime) -> bool:
        from cds_service.store import tables
        from cds_service.store.drain import insert_new

        assert self.database is not None
        with self.database.begin("light") as connection:
            statement = insert_new(connection, tables.token).values(token=token, until=until)
            return connection.execute(statement.returning(tables.token.c.token)).first() is not None
