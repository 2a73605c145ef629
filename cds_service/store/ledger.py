"""The ledger: what was shown goes to the spool at once and to the database soon; feedback goes to the database or is
refused; what was dismissed or accepted is remembered.

`shown` and `held` never fail and never wait for a database that is down. `feedback` is on disk before it is answered.
SQLAlchemy, Alembic and the driver are imported at first use, so that importing this module is quick.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cds_service.errors import Unavailable
from cds_service.model.hook import HookCall, Reply
from cds_service.model.memory import Held, Note
from cds_service.store.database import Database
from cds_service.store.drain import Drainer
from cds_service.store.entries import clean, entries_lost, entry_of, is_loss, line_of, lost_line
from cds_service.store.forks import in_child
from cds_service.store.keyed import Keyed
from cds_service.store.memory import MemoryRules, remembered
from cds_service.store.spool import BOUND, SEGMENT, Spool
from cds_service.store.tokens import SeenTokens

log = logging.getLogger("cds_service.store")


@dataclass(frozen=True, slots=True)
class Condition:
    """For health and metrics. spooled: bytes waiting on disk. lost, moved: entries of this process since it began."""

    up: bool
    spooled: int
    moved: int
    lost: int


class SqlLedger:
    """`ports.Ledger` over a database and a spool. One per process is enough; safe for threads and forks.

    memory: how long what is remembered; None switches remembering off (cards come again, all is still stored).
    fixed_clock: the rules' clock stands still, so dismissals run from it and not from the client's timestamps.
    """

    def __init__(
        self,
        database: Database,
        keyed: Keyed,
        spool: Path,
        *,
        memory: MemoryRules | None = None,
        fixed_clock: bool = False,
        bound: int = BOUND,
        segment: int = SEGMENT,
        background: bool = True,
    ):
        self.database = database
        self.keyed = keyed
        self.memory = memory
        self.fixed_clock = fixed_clock
        self.background = background
        self.lost = 0
        self.spool = Spool(spool, bound=bound, segment=segment, lost=self._dropped)
        self.tokens = SeenTokens(database)
        self._fresh()
        in_child(self._fresh)

    def _fresh(self) -> None:
        self._lock = threading.Lock()
        self._started = False
        self.drainer = Drainer(self.database, self.spool, tidy=self.tokens.tidy)

    def start(self) -> None:
        """Begins moving the spool in the background; the first call does it too, in each process."""
        if self._started or not self.background:
            return
        with self._lock:
            if not self._started:
                self._started = True
                self.drainer.start()

    def close(self) -> None:
        """Moves what it can and lets go."""
        self.drainer.stop()
        self.spool.close()
        self.database.close()

    def shown(self, call: HookCall, reply: Reply, now: datetime, notes: Mapping[str, Note] | None = None) -> None:
        """Keeps what was shown. Never raises, never waits for the database."""
        try:
            self.start()
            if entry := entry_of(call, reply, now, notes or {}, self.keyed):
                self.spool.append(line_of(entry))
        except Exception as error:
            self.lost += 1
            told = {"error": type(error).__name__, "cards": len(reply.cards)}
            log.error("what was shown could not be kept", extra=told)

    def held(self, call: HookCall, now: datetime) -> Mapping[str, Held]:
        """What this user dismissed or accepted for this patient and still counts. Empty when it cannot be read."""
        rules = self.memory
        if rules is None or not call.user_id:
            return {}
        try:
            self.start()
            patient = self.keyed.patient(call.client, call.tenant, call.patient_id)
            who = self.keyed.user(call.client, call.tenant, call.user_id)
            return self.database.briefly(lambda: remembered(self.database, self.keyed, rules, patient, who, now))
        except Unavailable:
            return {}
        except Exception as error:
            log.exception("the memory of dismissals failed", extra={"error": type(error).__name__})
            return {}

    def feedback(
        self, service: str, entries: Sequence[Mapping[str, Any]], now: datetime, *, client: str = "", tenant: str = ""
    ) -> int:
        """Keeps every entry of a feedback body or none; gives their number once they are on disk.

        `entries` are as CDS Hooks 2.0 writes them, already checked. Cards may be unknown, entries may repeat. Raises
        Unavailable when they cannot be kept now.
        """
        self.start()
        rows = [self._feedback_row(service, entry, now, client, tenant) for entry in entries]
        taken = [[clean(item["id"], 200) for item in entry.get("acceptedSuggestions") or ()] for entry in entries]
        self.database.patiently(lambda: self._keep(rows, taken))
        return len(rows)

    def condition(self) -> Condition:
        return Condition(self.database.up, self.spool.size(), self.drainer.moved, self.lost)

    def _keep(self, rows: list[dict[str, Any]], taken: list[list[str]]) -> None:
        from cds_service.store.tables import accepted, feedback

        with self.database.begin() as connection:
            for row, suggestions in zip(rows, taken, strict=True):
                key = connection.execute(feedback.insert().values(row)).inserted_primary_key
                if suggestions and key:
                    links = [{"feedback": key[0], "suggestion": item} for item in dict.fromkeys(suggestions)]
                    connection.execute(accepted.insert(), links)

    def _feedback_row(
        self, service: str, entry: Mapping[str, Any], now: datetime, client: str, tenant: str
    ) -> dict[str, Any]:
        override = entry.get("overrideReason") or {}
        reason = override.get("reason") or {}
        comment = override.get("userComment")
        told = _told_at(entry.get("outcomeTimestamp"), now)
        return {
            "card": clean(entry["card"], 200),
            "service": clean(service),
            "client": clean(client),
            "tenant": clean(tenant),
            "outcome": clean(entry["outcome"], 16),
            "reason": clean(reason.get("code") or "", 200),
            "reason_system": clean(reason.get("system") or "", 500),
            "reason_display": clean(reason.get("display") or "", 500),
            "commented": bool(comment),
            "comment": clean(comment, 20_000) if comment else None,
            "told_at": told,
            "received": now,
            "counts_from": now if self.fixed_clock else min(told, now),
        }

    def _dropped(self, lines: list[bytes]) -> None:
        entries = sum(entries_lost(line) for line in lines)  # with losses noted in what was dropped
        self.lost += sum(not is_loss(line) for line in lines)
        self.spool.append(lost_line(secrets.token_hex(16), datetime.now(UTC), entries, "spool full"))


def _told_at(text: object, now: datetime) -> datetime:
    """The client's timestamp; ours where it gave none that can be read."""
    try:
        moment = datetime.fromisoformat(str(text).upper().replace("Z", "+00:00"))
    except ValueError:
        return now
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
