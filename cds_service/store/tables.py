"""The ledger's tables, for SQLite and PostgreSQL alike. The migrations make them; this module is what queries speak of.

No column may hold a clinical value: no result, no date of birth, no name. Moments are kept in UTC. `patient`, `who`
and `about` are keyed hashes (see `keyed.py`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)


class Moment(TypeDecorator[datetime]):
    """An aware moment. Kept as UTC; SQLite, which has no zones, gets it without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


metadata = MetaData()
_NUMBER = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by itself only for INTEGER

card = Table(
    "card",
    metadata,
    Column("card", String(64), primary_key=True),  # the card's uuid
    Column("at", Moment, nullable=False),  # the rules' clock
    Column("week", String(8), nullable=False),  # "2026-W10", so that both databases group alike
    Column("service", Text, nullable=False),
    Column("hook", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("patient", String(64), nullable=False),
    Column("who", String(64), nullable=False),  # the user
    Column("topic", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("indicator", String(16), nullable=False),
    Column("one_of", Boolean, nullable=False),  # its suggestions exclude each other
    Index("card_of_patient", "patient", "who", "at"),
    Index("card_by_time", "at"),
)

# every rule a card speaks for: its own, and those with a line on it
card_rule = Table(
    "card_rule",
    metadata,
    Column("card", String(64), primary_key=True),
    Column("code", String(64), primary_key=True),
    Column("version", Text, nullable=False),
    Column("role", String(16), nullable=False),  # card | line | question
    Column("origin", Text, nullable=False),  # of its parameters: "hooks" or the site file
    Column("newest_evidence", Moment),
    Column("about", String(64), nullable=False),  # keyed hash of the drafts it speaks of, or ""
)

suggestion = Table(
    "suggestion",
    metadata,
    Column("suggestion", String(64), primary_key=True),  # its uuid
    Column("card", String(64), nullable=False),
    Column("orders", Text, nullable=False),  # "system|code" of each order it creates, one a line
    Column("priority", String(16), nullable=False),
    Column("planned", Moment),  # when it is to be done, if later than now
    Index("suggestion_of_card", "card"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("card", Text, nullable=False),  # may be unknown to us
    Column("service", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("reason_system", Text, nullable=False),
    Column("reason_display", Text, nullable=False),
    Column("commented", Boolean, nullable=False),
    Column("comment", Text),  # free text: may name people; never logged
    Column("told_at", Moment, nullable=False),  # the client's outcomeTimestamp
    Column("received", Moment, nullable=False),  # our clock
    Column("counts_from", Moment, nullable=False),  # a dismissal runs from here
    Column("entry", String(64)),  # its own number, so that moving it twice from the spool keeps it once
    Index("feedback_of_card", "card"),
    Index("feedback_by_time", "received"),
    Index("feedback_entry", "entry", unique=True),
)

accepted = Table(
    "accepted",
    metadata,
    Column("feedback", _NUMBER, primary_key=True, autoincrement=False),
    Column("suggestion", Text, primary_key=True),
    Index("accepted_suggestion", "suggestion"),
)

# entries (calls that showed something) that a full spool dropped or that could not be read back
lost = Table(
    "lost",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("why", Text, nullable=False),
)

# token ids seen, against replay; rows go when the token would have expired anyway
token = Table(
    "token",
    metadata,
    Column("token", String(64), primary_key=True),  # hash of issuer and jti
    Column("until", Moment, nullable=False),
    Index("token_by_time", "until"),
)
