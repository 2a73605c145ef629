"""Differences, ratios and products of two results; exact values only, canonical units."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from cds_service.model.answer import Answer, Reason
from cds_service.model.quantity import Interval, Limit, Quantity, Unit

PERCENT = Unit("%")
NUMBER = Unit("1")


def canonical(answer: Answer) -> Decimal | None:
    """The exact canonical value, if there is one."""
    return answer.quantity.canonical().exact if answer.quantity else None


def value_of(limit: Limit) -> Decimal:
    """A parameter's value in its canonical unit."""
    exact = limit.printed[0].canonical().exact
    assert exact is not None
    return exact


def unknown(*answers: Answer) -> Answer:
    """Unknown, for the first reason any argument gives."""
    reasons = tuple(reason for answer in answers for reason in answer.reasons)
    evidence = tuple(item for answer in answers for item in answer.evidence)
    if not reasons:
        reasons = (Reason("value not numeric", ""),)
    return Answer(None, evidence=evidence, reasons=reasons[:1])


def derived(value: Decimal, unit: Unit, places: int, *answers: Answer, extra: dict[str, str] | None = None) -> Answer:
    """A computed quantity, dated by its newest argument, with every argument as evidence."""
    dates = [answer.dated for answer in answers if answer.dated]
    shown = f"{value:.{places}f}".rstrip("0").rstrip(".") if places else f"{value:.0f}"
    text = f"{shown} {unit.code}" if unit.code != "1" else shown
    return Answer(
        quantity=Quantity(Interval.exactly(value), unit, text),
        evidence=tuple(item for answer in answers for item in answer.evidence),
        dated=max(dates) if dates else None,
        extra=extra or {},
    )


def ratio(now: datetime, over: Answer, under: Answer, factor: Limit | None = None) -> Answer:
    """over / under in canonical units, times `factor` where the content wants other units."""
    top, bottom = canonical(over), canonical(under)
    if top is None or bottom is None or bottom == 0:
        return unknown(over, under)
    return derived(top / bottom * (value_of(factor) if factor else 1), NUMBER, 1, over, under)


def product(now: datetime, a: Answer, b: Answer) -> Answer:
    """a x b in canonical units; unknown where one of them is."""
    first, second = canonical(a), canonical(b)
    if first is None or second is None:
        return unknown(a, b)
    return derived(first * second, NUMBER, 0, a, b)


def change(now: datetime, from_: Answer, to: Answer) -> Answer:
    """to - from, in the canonical unit of both."""
    before, after = canonical(from_), canonical(to)
    if before is None or after is None or from_.quantity is None:
        return unknown(from_, to)
    extra = {"from": from_.quantity.text, "to": to.quantity.text if to.quantity else ""}
    return derived(after - before, NUMBER, 2, from_, to, extra=extra)


def percent_fall(now: datetime, from_: Answer, to: Answer) -> Answer:
    """(from - to) / from in percent, not rounded. `extra`: from, to, months between."""
    before, after = canonical(from_), canonical(to)
    if before is None or after is None or before == 0 or not (from_.quantity and to.quantity):
        return unknown(from_, to)
    extra = {"from": from_.quantity.text, "to": to.quantity.text}
    if from_.dated and to.dated:
        extra["months"] = f"{max(1, round((to.dated - from_.dated).days / 30.44))}"
    return derived((before - after) / before * 100, PERCENT, 1, from_, to, extra=extra)
