"""The ledger: what was shown goes to the spool at once and to the database soon; what was dismissed or accepted is
remembered; feedback goes to the database, or, while that is down, to a spool that loses nothing, or is refused.

`shown` and `held` never fail and never wait for a database that is down. `feedback` is on disk before it is answered.
SQLAlchemy, Alembic and the driver are imported at first use, so that importing this module is quick.
"""

from __future__ import annotations

import json
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
from cds_service.store import feedback
from cds_service.store.database import Database
from cds_service.store.drain import Drainer, store
from cds_service.store.entries import entries_lost, entry_of, is_loss, line_of, lost_line, rows_of
from cds_service.store.feedback import Answer
from cds_service.store.forks import in_child
from cds_service.store.keyed import Keyed
from cds_service.store.memory import MemoryRules, remembered
from cds_service.store.spool import ANSWERS, BOUND, SEGMENT, Full, Spool
from cds_service.store.tokens import SeenTokens

log = logging.getLogger("cds_service.store")

ANSWERS_BOUND = 16 * 1024 * 1024  # bytes of feedback that may wait for the database: about 30,000 answers
SEARCHED = 4 * 1024 * 1024  # bytes of spool that an answer to a card not yet in the database is looked for in


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
        answers_bound: int = ANSWERS_BOUND,
        background: bool = True,
    ):
        self.database = database
        self.keyed = keyed
        self.memory = memory
        self.fixed_clock = fixed_clock
        self.background = background
        self.lost = 0
        self.spool = Spool(spool, bound=bound, segment=segment, lost=self._dropped)
        self.answers = Spool(spool, bound=answers_bound, ending=ANSWERS, keeps=True)
        self.tokens = SeenTokens(database)
        self._fresh()
        in_child(self._fresh)

    def _fresh(self) -> None:
        self._lock = threading.Lock()
        self._started = False
        self.drainer = Drainer(self.database, self.spool, self.answers, tidy=self.tokens.tidy)

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
        self.answers.close()
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

        `entries` are as CDS Hooks 2.0 writes them, already checked. Cards may be unknown, entries may repeat. While
        the database is down they wait in the spool of answers. Raises Unavailable when that is full or the disk is.
        """
        self.start()
        answers = feedback.answers_of(service, entries, now, client, tenant, fixed_clock=self.fixed_clock)
        try:
            self.database.patiently(lambda: self._keep(answers))
        except Unavailable:
            self._spool(answers)
        return len(answers)

    def condition(self) -> Condition:
        spooled = self.spool.size() + self.answers.size()
        return Condition(self.database.up, spooled, self.drainer.moved, self.lost)

    def _keep(self, answers: list[Answer]) -> None:
        with self.database.begin() as connection:
            if missing := feedback.unknown(connection, answers):
                store(connection, rows_of(self._still_spooled(missing)))
            feedback.keep(connection, answers)

    def _still_spooled(self, cards: list[str]) -> list[dict[str, Any]]:
        """Entries of these cards that any worker's spool still holds, so that an answer counts at once."""
        if self.spool.size() > SEARCHED:
            return []
        named = [b'"card":' + json.dumps(card).encode() for card in cards]
        return [json.loads(line) for line in self.spool.peek() if line.endswith(b"}") and any(n in line for n in named)]

    def _spool(self, answers: list[Answer]) -> None:
        try:
            self.answers.append(feedback.line_of(answers))
        except (Full, OSError) as error:
            log.error("feedback was refused", extra={"error": type(error).__name__, "answers": len(answers)})
            raise Unavailable("feedback cannot be kept now; send it again later") from None

    def _dropped(self, lines: list[bytes]) -> None:
        entries = sum(entries_lost(line) for line in lines)  # with losses noted in what was dropped
        self.lost += sum(not is_loss(line) for line in lines)
        self.spool.append(lost_line(secrets.token_hex(16), datetime.now(UTC), entries, "spool full"))
