"""FHIR dates as intervals: "2024" is a year, "2024-05-13" a day in the facility's zone, a dateTime an instant.

Only what FHIR allows is a date (a lower-case z and 24:00 are forgiven); everything else is no date, never a guess.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

from cds_service.model.truth import Truth

_FHIR_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[Tt](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|z|[+-]\d\d:\d\d)?)?)?)?\Z"
)
# What most charts write; the rest is looked at in parts.
_PLAIN = re.compile(r"\d{4}-\d\d-\d\dT(?!24)\d\d:\d\d:\d\dZ\Z", re.ASCII)


class Moment(NamedTuple):
    """When something was: any instant from `earliest` to `latest`. `text` is the date as recorded.

    A tuple, as one is made of every date of a chart.
    """

    earliest: datetime
    latest: datetime
    text: str
    precision: str = "instant"  # year | month | day | instant

    def inside(self, start: datetime | None, end: datetime | None) -> Truth:
        """Does it lie within the window, ends included? Unknown when a partial date straddles an end."""
        if (start and self.latest < start) or (end and self.earliest > end):
            return False
        if (start and self.earliest < start) or (end and self.latest > end):
            return None
        return True

    def clipped(self, horizon: datetime) -> Moment | None:
        """Without the future: None when it lies wholly beyond the horizon (a clock error)."""
        if self.latest <= horizon:
            return self
        if self.earliest > horizon:
            return None
        return Moment(self.earliest, horizon, self.text, self.precision)


def read_moment(text: object, zone: tzinfo) -> Moment | None:
    """The moment a FHIR date, dateTime or instant names; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        if _PLAIN.match(text):
            at = datetime.fromisoformat(text)
            return Moment(at, at, text)
        if not (match := _FHIR_DATE.match(text)):
            return None
        year, month, day, hour, *_ = match.groups()
        if day is None:
            return _partial(int(year), month, text, zone)
        if hour is None:
            start = datetime(int(year), int(month), int(day), tzinfo=zone)
            return Moment(start, start + timedelta(days=1, microseconds=-1), text, "day")
        at = _instant(match, zone)
        return Moment(at, at, text)
    except (ValueError, OverflowError):
        return None


def _partial(year: int, month: str | None, text: str, zone: tzinfo) -> Moment:
    tick = timedelta(microseconds=1)
    if month is None:
        return Moment(datetime(year, 1, 1, tzinfo=zone), datetime(year + 1, 1, 1, tzinfo=zone) - tick, text, "year")
    start = datetime(year, int(month), 1, tzinfo=zone)
    following = datetime(year + (start.month == 12), start.month % 12 + 1, 1, tzinfo=zone)
    return Moment(start, following - tick, text, "month")


def _instant(match: re.Match[str], zone: tzinfo) -> datetime:
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    midnight = hour == "24" and minute == "00" and second in (None, "00")
    at = datetime(
        int(year),
        int(month),
        int(day),
        0 if midnight else int(hour),
        int(minute),
        min(int(second or 0), 59),
        int(f"{fraction:0<6}"[:6]) if fraction else 0,
        tzinfo=_zone(offset, zone),
    )
    return at + timedelta(days=1) if midnight else at


def _zone(offset: str | None, zone: tzinfo) -> tzinfo:
    if offset is None:
        return zone
    if offset in ("Z", "z"):
        return UTC
    minutes = int(offset[1:3]) * 60 + int(offset[4:6])
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))


def midnight_of(at: datetime, zone: tzinfo) -> datetime:
    """The start of the calendar day `at` falls on, in the facility's zone."""
    return at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
