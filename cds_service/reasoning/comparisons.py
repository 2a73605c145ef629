"""What several answers come to together, and how a quantity stands to a limit or a band. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal

from cds_service.model.answer import Answer, Reason
from cds_service.model.criteria import Bands, Operator
from cds_service.model.quantity import Interval, Limit, Quantity, Unit
from cds_service.model.truth import Truth, agreed

DAYS = Unit("days")


def merged(truth: Truth, parts: list[Answer]) -> Answer:
    """One answer for a criterion out of the answers of its parts; the newest dated one leads."""
    evidence = tuple(dict.fromkeys(item for part in parts for item in part.evidence))
    reasons = tuple(dict.fromkeys(reason for part in parts for reason in part.reasons)) if truth is None else ()
    dated = [part for part in parts if part.dated]
    newest = max(dated, key=lambda part: part.dated) if dated else None  # type: ignore[arg-type,return-value]
    begun = [part.started for part in parts if part.started]
    begun_by = [ended for part in parts if (ended := part.started_by or part.started)]
    lead = newest or (parts[0] if parts else Answer())
    return Answer(
        truth,
        lead.quantity,
        frozenset(label for part in parts for label in part.labels),
        evidence,
        reasons,
        min(begun) if begun else None,
        newest.dated if newest else None,
        newest.dated_by if newest else None,
        lead.upper_limit,
        lead.extra or next((part.extra for part in parts if part.extra), {}),
        min(begun_by) if begun_by else None,
    )


def age(answers: Iterable[Answer], start: str, now: datetime, zone: tzinfo) -> tuple[Quantity, ...]:
    """Whole days on the calendar since the evidence, the longest of several; an interval for partial dates.

    start: "date" of the evidence, or "start" of what it describes. Empty when there is no date.
    """
    spans = []
    for answer in answers:
        first, last = (answer.started, answer.started_by) if start == "start" else (answer.dated, answer.dated_by)
        if answer.truth is not False and first is not None:
            spans.append((_days_since(last or first, now, zone), _days_since(first, now, zone)))
    if not spans:
        return ()
    least, most = (max(ends) for ends in zip(*spans, strict=True))
    said = f"{most} days" if least == most else f"{least} to {most} days"
    return (Quantity(Interval(Decimal(least), Decimal(most)), DAYS, said),)


def _days_since(moment: datetime, now: datetime, zone: tzinfo) -> int:
    return (now.astimezone(zone).date() - moment.astimezone(zone).date()).days


def compare(quantity: Quantity, operator: Operator, limit: Limit) -> Truth:
    """Is every possible value so? In the unit of the result where the limit is printed in it, else canonically."""
    native = limit.for_unit(quantity.unit)
    value = quantity.interval if native else quantity.canonical()
    bound = native.interval if native else limit.printed[0].canonical()
    ends = {end for end in (bound.low, bound.high) if end is not None}
    if not ends or bound.low is None or bound.high is None:
        return None
    return agreed(getattr(value, operator)(end) for end in ends)


def band_points(value: Interval, item: Bands) -> list[int]:
    """Points of every band the value may lie in, after rounding to the precision the bands are printed with."""
    edges = [edge for low, high, _ in item.bands for edge in (low, high) if edge is not None]
    precision = Decimal(1).scaleb(min(int(edge.as_tuple().exponent) for edge in edges))
    low, high = (None if end is None else end.quantize(precision, ROUND_HALF_UP) for end in (value.low, value.high))
    return [
        points
        for start, end, points in item.bands
        if (high is None or start is None or high >= start) and (low is None or end is None or low <= end)
    ]


def range_text(low: int, high: int) -> str:
    return f"{low}" if low == high else f"{low} to {high}"


def side_named_by(positive: Sequence[Answer]) -> Answer:
    """The leg that true findings name: left, right, or both when they name more than one; any when none does."""
    named = frozenset(label for answer in positive for label in answer.labels)
    if not named:
        return Answer(labels=frozenset({"left", "right", "both"}), reasons=(Reason("not recorded", "side"),))
    label = next(iter(named)) if len(named) == 1 else "both"
    evidence = tuple(item for answer in positive if answer.labels for item in answer.evidence)
    return Answer(labels=frozenset({label}), evidence=evidence)
