"""What the DVT pathway computes: D-dimer in one unit family, the age-adjusted limit, the calf difference, and whether
a dose reads as therapeutic."""

from __future__ import annotations

import re
from datetime import datetime

from cds_service.model.answer import Answer, Reason
from cds_service.model.quantity import Interval, Limit, Quantity, Unit
from cds_service.record.calculations.arithmetic import canonical, unknown, value_of

FEU = Unit("ug/L{FEU}")
CM = Unit("cm")
INTENSITIES = frozenset({"therapeutic", "prophylactic"})


def d_dimer_feu(
    now: datetime, result: Answer, feu_from: Limit, feu_to: Limit, ddu_from: Limit, ddu_to: Limit, ratio: Limit
) -> Answer:
    """D-dimer in ug/L FEU. The family is what the unit says, else the code, else the reference range; where these
    contradict each other or say nothing, every value between raw and raw x ratio is possible."""
    if result.quantity is None:
        return unknown(result)
    raw = result.quantity.canonical()
    factor = value_of(ratio)
    family = _family(result, feu_from, feu_to, ddu_from, ddu_to)
    doubled = raw.scaled(factor)
    if family == "feu":
        interval, text = raw, result.quantity.text
    elif family == "ddu":
        interval, text = doubled, f"{result.quantity.text} (= {_number(doubled)} ug/L FEU)"
    else:
        interval = Interval(raw.low, doubled.high, raw.low_open, doubled.high_open)
        text = f"{result.quantity.text} (unit family unclear)"
    reasons = () if family else (Reason("in conflict", "D-dimer unit family"),)
    return Answer(
        quantity=Quantity(interval, FEU, text),
        evidence=result.evidence,
        reasons=reasons,
        dated=result.dated,
        started=result.started,
        extra=result.extra | {"family": family or "unclear"},
    )


def _number(interval: Interval) -> str:
    known = interval.exact if interval.exact is not None else interval.low if interval.low else interval.high
    return f"{known.normalize():f}" if known is not None else ""


def _family(result: Answer, feu_from: Limit, feu_to: Limit, ddu_from: Limit, ddu_to: Limit) -> str:
    by_unit = result.extra.get("family_by_unit", "")
    by_code = result.extra.get("family_by_code", "")
    if by_unit:
        return by_unit if "|" not in by_unit and by_code in ("", by_unit) else ""
    if by_code:
        return by_code if "|" not in by_code else ""
    high = result.upper_limit.canonical().exact if result.upper_limit else None
    if high is None:
        return ""
    if value_of(feu_from) <= high <= value_of(feu_to):
        return "feu"
    return "ddu" if value_of(ddu_from) <= high <= value_of(ddu_to) else ""


def age_adjusted_limit(now: datetime, age: Answer, base: Limit, per_year: Limit, from_: Limit) -> Answer:
    """`base` up to and including `from` years, then years x `per_year`; an interval where the age is one."""
    if age.quantity is None:
        return unknown(age)
    years = age.quantity.interval
    limits = [
        None if end is None else value_of(base) if end <= value_of(from_) else end * value_of(per_year)
        for end in (years.low, years.high)
    ]
    interval = Interval(limits[0], limits[1])
    text = f"{limits[0]}" if limits[0] == limits[1] else f"{limits[0]} to {limits[1]}"
    return Answer(quantity=Quantity(interval, FEU, text), evidence=age.evidence)


def calf_difference(now: datetime, left: Answer, right: Answer, side: Answer, flag: Answer, at_least: Limit) -> Answer:
    """Symptomatic minus other calf in cm; the form's own yes or no ("at least 3 cm") gives an interval."""
    bound = value_of(at_least)
    if flag.truth is not None:
        interval = Interval(bound, None) if flag.truth else Interval(None, bound, high_open=True)
        text = f"at least {bound} cm" if flag.truth else f"less than {bound} cm"
        return Answer(quantity=Quantity(interval, CM, text), evidence=flag.evidence, dated=flag.dated)
    here, there = canonical(left), canonical(right)
    if here is None or there is None or side.labels not in (frozenset({"left"}), frozenset({"right"})):
        return unknown(left, right, flag)
    difference = here - there if side.labels == frozenset({"left"}) else there - here
    return Answer(
        quantity=Quantity(Interval.exactly(difference), CM, f"{difference} cm"),
        evidence=left.evidence + right.evidence,
        dated=left.dated,
    )


def anticoagulant_intensity(now: datetime, of: Answer, therapeutic: Answer, prophylactic: Answer) -> Answer:
    """Whether the dose text of a parenteral anticoagulant reads as therapeutic or prophylactic, by the content's
    patterns; both are possible when neither or both are found, and neither when none is given."""
    if of.truth is None:
        return Answer(labels=INTENSITIES | {"none"}, reasons=of.reasons)
    if of.truth is False:
        return Answer(labels=frozenset({"none"}))
    dosage = of.extra.get("dosage", "")
    found = {
        label
        for label, pattern in (("therapeutic", therapeutic), ("prophylactic", prophylactic))
        if any(re.search(text, dosage, re.IGNORECASE) for text in pattern.labels)
    }
    labels = frozenset(found) if len(found) == 1 else INTENSITIES
    return Answer(labels=labels, evidence=of.evidence, dated=of.dated)
