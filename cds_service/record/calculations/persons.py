"""Facts about the person that need a calendar: the trimester."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from cds_service.model.answer import Answer
from cds_service.model.quantity import Limit
from cds_service.record.calculations.arithmetic import canonical, value_of

ANY = frozenset({"1", "2", "3"})


def trimester(now: datetime, age_weeks: Answer, second_from: Limit, third_from: Limit) -> Answer:
    """ "1", "2" or "3" from a gestational age carried forward to now; all three when none is known."""
    weeks = canonical(age_weeks)
    if weeks is None or age_weeks.dated is None:
        return Answer(labels=ANY, reasons=age_weeks.reasons)
    today = weeks + Decimal((now - age_weeks.dated).days) / 7
    label = "1" if today < value_of(second_from) else "2" if today < value_of(third_from) else "3"
    return Answer(labels=frozenset({label}), evidence=age_weeks.evidence, dated=age_weeks.dated)
