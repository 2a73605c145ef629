"""Forgetting: what is older than the site keeps, and everything about one patient. For the command line.

Both reach the spool too (it is moved first, so the database must be up), and both say how many they removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from cds_service.store.ledger import SqlLedger
from cds_service.store.tables import accepted, card, card_rule, feedback, lost, suggestion


@dataclass(frozen=True, slots=True)
class Removed:
    cards: int
    answers: int
    comments: int = 0


def purge(
    ledger: SqlLedger, older_than: timedelta, now: datetime, *, comments_only: bool = False, dry_run: bool = False
) -> Removed:
    """Removes cards shown before `now - older_than` with their answers, and older answers to cards unknown.

    comments_only: keeps all of it and removes the free texts alone. dry_run: only says what would go. Raises
    Unavailable.
    """
    before = now - older_than
    with _removing(ledger, dry_run) as connection:
        if comments_only:
            old = and_(feedback.c.received < before, feedback.c.comment.is_not(None))
            return Removed(0, 0, connection.execute(update(feedback).where(old).values(comment=None)).rowcount)
        connection.execute(delete(lost).where(lost.c.at < before))
        known = select(card.c.card)
        unknown = and_(feedback.c.received < before, feedback.c.card.not_in(known))
        strays = _remove_answers(connection, unknown)
        removed = _remove_cards(connection, card.c.at < before)
        return Removed(removed.cards, removed.answers + strays, removed.comments)


@contextmanager
def _removing(ledger: SqlLedger, dry_run: bool) -> Iterator[Connection]:
    """A transaction over all that is kept, the spool's entries too; undone at the end of a dry run."""
    ledger.drainer.drain()
    ledger.database.prepare()
    with ledger.database.begin() as connection:
        yield connection
        if dry_run:
            connection.rollback()
    if not dry_run:
        ledger.database.shrink()


def forget(
    ledger: SqlLedger, patient_id: str, *, client: str | None = None, tenant: str | None = None, dry_run: bool = False
) -> Removed:
    """Removes every card shown about a patient, with its answers. `patient_id` is the id the client used.

    client, tenant: None means every one the ledger knows. A call in progress may still add a card: run it after the
    patient's record is closed. Answers to cards the ledger does not know cannot be told to be about anybody. Raises
    Unavailable.
    """
    with _removing(ledger, dry_run) as connection:
        pairs = connection.execute(select(card.c.client, card.c.tenant).distinct()).all()
        hashes = [
            ledger.keyed.patient(pair.client, pair.tenant, patient_id)
            for pair in pairs
            if client in (None, pair.client) and tenant in (None, pair.tenant)
        ]
        return _remove_cards(connection, card.c.patient.in_(hashes))


def _remove_cards(connection: Connection, which: ColumnElement[bool]) -> Removed:
    cards = select(card.c.card).where(which)
    commented = and_(feedback.c.card.in_(cards), feedback.c.comment.is_not(None))
    comments = connection.execute(update(feedback).where(commented).values(comment=None)).rowcount
    answers = _remove_answers(connection, feedback.c.card.in_(cards))
    for table in (suggestion, card_rule):
        connection.execute(delete(table).where(table.c.card.in_(cards)))
    return Removed(connection.execute(delete(card).where(which)).rowcount, answers, comments)


def _remove_answers(connection: Connection, which: Any) -> int:
    answers = select(feedback.c.id).where(or_(which))
    connection.execute(delete(accepted).where(accepted.c.feedback.in_(answers)))
    return connection.execute(delete(feedback).where(which)).rowcount
