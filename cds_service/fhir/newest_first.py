"""How far back a page reaches when its query sorts newest first: silence after that moment is earned, too.

Nothing is claimed unless the entries really come in descending order; a Period has two ends and servers differ in
which one they sort by, so a page that holds one proves nothing. Dates without a zone are taken at their latest.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

_SORTED = re.compile(r"[?&]_sort=-date(?:[,&]|\Z)")
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?\Z")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:\d\d)?\Z")
_MEMBERS = ("effectiveDateTime", "effectiveInstant", "performedDateTime", "authored", "date")
_PERIODS = ("effectivePeriod", "performedPeriod", "effectiveTiming", "period")
_EASTERNMOST = timezone(timedelta(hours=14))
_WESTERNMOST = timezone(timedelta(hours=-12))


def reaches_back_to(template: str, resources: Iterable[Mapping[str, Any]]) -> datetime | None:
    """The moment of the oldest resource of a newest-first answer; None when the order cannot be relied on.

    Undated resources are passed over: no window ever counts them.
    """
    if not _SORTED.search(template):
        return None
    oldest: datetime | None = None
    for resource in resources:
        if any(name in resource for name in _PERIODS):
            return None
        text = next((resource[name] for name in _MEMBERS if name in resource), None)
        if text is None:
            continue
        span = _span(text)
        if span is None or (oldest is not None and span[0] > oldest):
            return None
        oldest = span[1]
    return oldest


def _span(text: object) -> tuple[datetime, datetime] | None:
    """The earliest and latest instant a FHIR date can mean, wherever it was written down."""
    if not isinstance(text, str):
        return None
    try:
        if match := _DATE.match(text):
            return _day_span(match)
        if not _INSTANT.match(text):
            return None
        at = datetime.fromisoformat(_six_digits(text.upper()))
    except ValueError:
        return None
    if at.tzinfo is not None:
        return at, at
    return at.replace(tzinfo=_EASTERNMOST), at.replace(tzinfo=_WESTERNMOST)


def _day_span(match: re.Match[str]) -> tuple[datetime, datetime]:
    year, month, day = (int(part) if part else None for part in match.groups())
    assert year is not None
    first = datetime(year, month or 1, day or 1, tzinfo=_EASTERNMOST)
    last_month = month or 12
    last = datetime(year, last_month, day or monthrange(year, last_month)[1], tzinfo=_WESTERNMOST)
    return first, last + timedelta(days=1)


def _six_digits(text: str) -> str:
    """Fractions beyond microseconds are cut: Python reads six digits."""
    return re.sub(r"(\.\d{6})\d+", r"\1", text)
