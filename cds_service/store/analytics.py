"""What became of the cards: counts by rule, week and client, and the single answers as regulation asks for them.

A card counts once, however often it was answered: accepted if a suggestion of it was ever accepted, else overridden
(with the latest reason), else unanswered. A card with lines of several rules counts for each of them. Counts from 1 to
9 are withheld unless asked for, and where one withheld part could be worked out from the others of its line, a second
one is too. Who compares several reports over different periods can still narrow a withheld count down; callers over
HTTP are therefore given whole weeks and their own cards alone (see `web.analytics`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection, Row, Select, Table, and_, case, func, select

from cds_service.store.database import Database
from cds_service.store.periods import Period
from cds_service.store.tables import card, card_rule, feedback, lost

SMALLEST = 10
Dimension = Literal["week", "client"]
DIMENSIONS: tuple[Dimension, ...] = ("week", "client")


@dataclass(frozen=True, slots=True)
class Line:
    """Counts of one rule (of one week, one client). A count is a number, or "<10" where it is withheld."""

    rule: str
    title: str
    week: str
    client: str
    shown: int | str
    accepted: int | str
    overridden: int | str
    unanswered: int | str
    reasons: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """lost: calls whose cards could not be counted. unknown: answers to cards the ledger does not know, a count like
    the others. smallest: what lies below was withheld.
    """

    lines: tuple[Line, ...]
    lost: int
    unknown: int | str
    period: Period = field(default_factory=Period)
    smallest: int = SMALLEST


@dataclass(frozen=True, slots=True)
class Choice:
    """Which cards are counted. None: any. rule: a code such as "DVT02"."""

    period: Period = field(default_factory=Period)
    rule: str | None = None
    client: str | None = None
    tenant: str | None = None


def report(
    database: Database, choice: Choice = Choice(), *, by: Iterable[Dimension] = (), smallest: int = SMALLEST
) -> Report:
    """`by`: further divisions. The period is of the showing. Raises Unavailable.

    smallest: counts below it are withheld; 0 shows all.
    """
    by = tuple(by)
    database.prepare()
    with database.read() as connection:
        counts = _counted(connection, choice, by)
        titles = _titles(connection)
        missing = connection.execute(select(func.coalesce(func.sum(lost.c.entries), 0))).scalar() or 0
        strays = connection.execute(_strays(choice)).scalar() or 0
    lines = tuple(_line(key, found, titles, smallest) for key, found in sorted(counts.items()))
    unknown = withheld({"unknown": strays}, smallest, whole_told=False)["unknown"]
    return Report(lines, missing, unknown, choice.period, smallest)


def _within(choice: Choice, table: Table, moment: str) -> list[Any]:
    """The conditions of a choice on a table of cards or answers; `moment` names its column of time."""
    since, until = choice.period.since, choice.period.until
    limits: list[Any] = [] if since is None else [table.c[moment] >= since]
    limits += [] if until is None else [table.c[moment] < until]
    limits += [] if choice.client is None else [table.c.client == choice.client]
    return limits + ([] if choice.tenant is None else [table.c.tenant == choice.tenant])


def _strays(choice: Choice) -> Select[Any]:
    unknown = feedback.c.card.not_in(select(card.c.card))
    return select(func.count()).select_from(feedback).where(unknown, *_within(choice, feedback, "received"))


def _answered() -> Any:
    """One row for each answered card: was it ever accepted, and which is its latest override."""
    latest = func.max(case((feedback.c.outcome == "overridden", feedback.c.id)))
    accepted = func.max(case((feedback.c.outcome == "accepted", 1), else_=0))
    same_caller = and_(feedback.c.client == card.c.client, feedback.c.tenant == card.c.tenant)
    return (
        select(feedback.c.card, accepted.label("accepted"), latest.label("latest"))
        .join(card, and_(card.c.card == feedback.c.card, same_caller))
        .group_by(feedback.c.card)
        .subquery("answered")
    )


def _counted(connection: Connection, choice: Choice, by: tuple[str, ...]) -> dict[tuple[str, ...], Counter[str]]:
    """Counts by (rule, week, client), where what is not divided by is "". Keys of a counter: shown, accepted,
    overridden, unanswered, and "reason:<code>".
    """
    answered = _answered()
    override = feedback.alias("override")
    state = case(
        (answered.c.accepted == 1, "accepted"), (answered.c.latest.is_not(None), "overridden"), else_="unanswered"
    ).label("state")
    reason = case((answered.c.accepted == 1, ""), else_=func.coalesce(override.c.reason, "")).label("reason")
    divisions = [card.c[name] for name in by]
    limits = _within(choice, card, "at")
    limits += [] if choice.rule is None else [card_rule.c.code == choice.rule]
    query: Select[Any] = (
        select(card_rule.c.code, *divisions, state, reason, func.count().label("cards"))
        .join_from(card, card_rule, card_rule.c.card == card.c.card)
        .outerjoin(answered, answered.c.card == card.c.card)
        .outerjoin(override, override.c.id == answered.c.latest)
        .where(*limits)
        .group_by(card_rule.c.code, *divisions, state, reason)
    )
    counts: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for row in connection.execute(query):
        divided = row._mapping
        found = counts[row.code, *(str(divided[name]) if name in by else "" for name in ("week", "client"))]
        found["shown"] += row.cards
        found[row.state] += row.cards
        if row.state == "overridden":
            found[f"reason:{row.reason or 'none given'}"] += row.cards
    return counts


def _titles(connection: Connection) -> dict[str, str]:
    """The title a rule's own cards carried last."""
    last = func.max(card.c.at, type_=card.c.at.type).label("last")
    rows = connection.execute(select(card.c.topic, card.c.title, last).group_by(card.c.topic, card.c.title))
    return {row.topic: row.title for row in sorted(rows, key=lambda row: row.last)}


def _line(key: tuple[str, ...], found: Counter[str], titles: Mapping[str, str], smallest: int) -> Line:
    rule, week, client = key
    shown = withheld({"shown": found["shown"]}, smallest, whole_told=False)["shown"]
    parts = {name: found[name] for name in ("accepted", "overridden", "unanswered")}
    states = withheld(parts, smallest, whole_told=isinstance(shown, int))
    reasons = {name.removeprefix("reason:"): count for name, count in sorted(found.items()) if name[:7] == "reason:"}
    why = withheld(reasons, smallest, whole_told=isinstance(states["overridden"], int))
    return Line(
        rule,
        titles.get(rule, ""),
        week,
        client,
        shown,
        states["accepted"],
        states["overridden"],
        states["unanswered"],
        why,
    )


def withheld(parts: Mapping[str, int], smallest: int, *, whole_told: bool) -> dict[str, int | str]:
    """The parts of a whole, small counts as "<10". Where the whole is told, what is withheld must not be worked out
    from the rest: further parts, the smallest first, are "withheld" until together they are no small count.
    """
    small = {name for name, count in parts.items() if 0 < count < smallest}
    hidden = set(small)
    for _, name in sorted((count, name) for name, count in parts.items() if count >= smallest):
        if whole_told and hidden and sum(parts[item] for item in hidden) < smallest:
            hidden.add(name)
    return {
        name: f"<{smallest}" if name in small else "withheld" if name in hidden else count
        for name, count in parts.items()
    }


def answers(database: Database, choice: Choice = Choice(), *, comments: bool = False) -> Iterator[dict[str, Any]]:
    """Every answer in the shape of 45 CFR 170.315(b)(11)(ii)(C): intervention, action, feedback, user, date, location.

    user: the keyed hash of the user the card was shown to ("" when the card is unknown). location: client and tenant.
    comments: with the free texts, which may name people. The period is of the answer; a rule chooses the cards that
    are its own. Raises Unavailable.
    """
    database.prepare()
    limits = _within(choice, feedback, "received")
    limits += [] if choice.rule is None else [card.c.topic == choice.rule]
    same = and_(card.c.card == feedback.c.card, card.c.client == feedback.c.client, card.c.tenant == feedback.c.tenant)
    own = and_(card_rule.c.card == card.c.card, card_rule.c.role == "card")
    query = (
        select(feedback, card.c.topic, card.c.title, card.c.who, card_rule.c.version, card_rule.c.origin)
        .join_from(feedback, card, same, isouter=True)
        .join(card_rule, own, isouter=True)
        .where(*limits)
        .order_by(feedback.c.id)
    )
    with database.read() as connection:
        for row in connection.execute(query.execution_options(yield_per=500)):
            yield _exported(row, comments)


def _exported(row: Row[Any], comments: bool) -> dict[str, Any]:
    said = " ".join(part for part in (row.reason, row.reason_display) if part)
    return {
        "intervention": " ".join(part for part in (row.topic, row.version, row.title) if part) or "unknown",
        "action": row.outcome,
        "feedback": "; ".join(part for part in (said, (row.comment or "") if comments else "") if part),
        "user": row.who or "",
        "date": row.told_at.isoformat(),
        "location": "/".join(part for part in (row.client, row.tenant) if part) or "open",
        "rule": row.topic or "",
        "version": row.version or "",
        "parameters": row.origin or "",
        "card": row.card,
        "service": row.service,
        "commented": row.commented,
    }
