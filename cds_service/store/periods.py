"""From when to when a report reaches: days as people say them, moments as the ledger keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class Period:
    """`since` is inside, `until` is not; None where it is open."""

    since: datetime | None = None
    until: datetime | None = None


def last_weeks(count: int, now: datetime) -> Period:
    """The ISO week of `now` (UTC) and those before it, `count` in all."""
    return Period(_monday(now) - (count - 1) * WEEK, None)


def days(first: date | None, last: date | None, zone: tzinfo = UTC) -> Period:
    """From the first to the last day, both inside. Raises ValueError when they are the wrong way round."""
    if first and last and last < first:
        raise ValueError(f"{last} is before {first}")
    return Period(_start(first, zone) if first else None, _start(last + DAY, zone) if last else None)


def whole_weeks(period: Period) -> Period:
    """The period, widened to whole ISO weeks (UTC): so that no two periods differ by a few days alone."""
    since, until = period.since, period.until
    if until is not None and until != _monday(until):
        until = _monday(until) + WEEK
    return Period(_monday(since) if since is not None else None, until)


def _start(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time.min, zone)


def _monday(moment: datetime) -> datetime:
    day = moment.astimezone(UTC).date()
    return _start(day - day.weekday() * DAY, UTC)


def rule_code(text: str) -> str:
    """ "dvt-02" and "DVT02" are one rule. A question's code ("ASK:DVT02") stays one."""
    return text.strip().upper().replace("-", "")
