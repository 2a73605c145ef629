"""One answer to a card as the ledger keeps it: as a row, as an entry for the spool, and back.

A body of feedback is one entry: all of it is kept, or none. Each answer carries a number of its own, so that moving it
twice keeps it once. Holds what the client said and nothing of the chart.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cds_service.store.entries import clean

if TYPE_CHECKING:
    from sqlalchemy import Connection

Answer = tuple[dict[str, Any], list[str]]  # a row of `feedback`, and the suggestions it accepts
_MOMENTS = ("told_at", "received", "counts_from")


def answers_of(
    service: str, entries: Sequence[Mapping[str, Any]], now: datetime, client: str, tenant: str, *, fixed_clock: bool
) -> list[Answer]:
    """`entries` as CDS Hooks 2.0 writes them, already checked. fixed_clock: dismissals run from `now`."""
    shared = {"service": clean(service), "client": clean(client), "tenant": clean(tenant), "received": now}
    return [(shared | _row(entry, now, fixed_clock), _taken(entry)) for entry in entries]


def _row(entry: Mapping[str, Any], now: datetime, fixed_clock: bool) -> dict[str, Any]:
    override = entry.get("overrideReason") or {}
    reason = override.get("reason") or {}
    comment = override.get("userComment")
    told = _told_at(entry.get("outcomeTimestamp"), now)
    return {
        "entry": secrets.token_hex(16),
        "card": clean(entry["card"], 200),
        "outcome": clean(entry["outcome"], 16),
        "reason": clean(reason.get("code") or "", 200),
        "reason_system": clean(reason.get("system") or "", 500),
        "reason_display": clean(reason.get("display") or "", 500),
        "commented": bool(comment),
        "comment": clean(comment, 20_000) if comment else None,
        "told_at": told,
        "counts_from": now if fixed_clock else min(told, now),
    }


def _taken(entry: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(clean(item["id"], 200) for item in entry.get("acceptedSuggestions") or ()))


def _told_at(text: object, now: datetime) -> datetime:
    """The client's timestamp; ours where it gave none that can be read."""
    try:
        moment = datetime.fromisoformat(str(text).upper().replace("Z", "+00:00"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):  # no moment, or one before the first year
        return now


def line_of(answers: Iterable[Answer]) -> bytes:
    """One body as one line for the spool."""
    kept = [{**row, **{name: row[name].isoformat() for name in _MOMENTS}, "taken": taken} for row, taken in answers]
    return json.dumps({"answers": kept}, separators=(",", ":"), ensure_ascii=True).encode()


def read_line(line: bytes) -> list[Answer]:
    """Raises ValueError, KeyError or TypeError for something that is no body."""
    found: list[Answer] = []
    for kept in json.loads(line)["answers"]:
        taken = [str(item) for item in kept.pop("taken")]
        found.append((kept | {name: datetime.fromisoformat(kept[name]) for name in _MOMENTS}, taken))
    return found


def keep(connection: Connection, answers: Iterable[Answer]) -> None:
    """Inserts what is not there yet."""
    from cds_service.store.drain import insert_new
    from cds_service.store.tables import accepted, feedback

    for row, taken in answers:
        number = connection.execute(insert_new(connection, feedback).values(row).returning(feedback.c.id)).scalar()
        if number is not None and taken:
            links = [{"feedback": number, "suggestion": item} for item in taken]
            connection.execute(accepted.insert(), links)


def unknown(connection: Connection, answers: Iterable[Answer]) -> list[str]:
    """The cards answered here that the database does not know (yet)."""
    from sqlalchemy import select

    from cds_service.store.tables import card

    named = sorted({row["card"] for row, _ in answers})
    known = set(connection.execute(select(card.c.card).where(card.c.card.in_(named))).scalars())
    return [name for name in named if name not in known]
