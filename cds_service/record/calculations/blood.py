"""Derived blood results: transferrin saturation, adjusted calcium, haemoglobin at altitude."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from cds_service.model.answer import Answer
from cds_service.model.quantity import Interval, Limit, Quantity
from cds_service.record.calculations.arithmetic import PERCENT, canonical, derived, unknown, value_of

HUNDRED = Decimal(100)


def transferrin_saturation(now: datetime, reported: Answer, iron: Answer, tibc: Answer) -> Answer:
    """The newer of the reported saturation and 100 x iron / TIBC; exact values only. Percent."""
    computed = None
    top, bottom = canonical(iron), canonical(tibc)
    if top is not None and bottom:
        computed = derived(HUNDRED * top / bottom, PERCENT, 1, iron, tibc)
    return _newer(reported, computed, iron, tibc)


def adjusted_calcium(
    now: datetime, reported: Answer, total: Answer, albumin: Answer, factor: Limit, reference: Limit
) -> Answer:
    """The newer of the reported adjusted calcium and total + factor x (reference - albumin), in the unit of the total.

    A limit printed in two units is so compared with the number a reader of the report works out.
    """
    computed = None
    calcium, protein = canonical(total), canonical(albumin)
    if total.quantity and calcium is not None and protein is not None:
        adjusted = calcium + value_of(factor) * (value_of(reference) - protein)
        unit = total.quantity.unit
        computed = derived(adjusted / unit.factor, unit, 2, total, albumin)._replace(dated=total.dated)
    return _newer(reported, computed, total, albumin)


def _newer(reported: Answer, computed: Answer | None, *parts: Answer) -> Answer:
    if computed is None:
        return reported if reported.quantity else unknown(reported, *parts)
    if reported.quantity and reported.dated and computed.dated and reported.dated >= computed.dated:
        return reported
    return computed


def altitude_adjusted(now: datetime, of: Answer, altitude: Limit, from_: Limit, linear: Limit, square: Limit) -> Answer:
    """Haemoglobin less round(linear x m + square x m2) g/L for a site at `altitude` metres, from `from` metres on."""
    metres = value_of(altitude)
    if of.quantity is None or metres < value_of(from_):
        return of
    fall = (value_of(linear) * metres + value_of(square) * metres * metres).quantize(Decimal(1), ROUND_HALF_UP)
    unit = of.quantity.unit
    interval = of.quantity.interval
    less = fall / unit.factor
    moved = Interval(
        None if interval.low is None else interval.low - less,
        None if interval.high is None else interval.high - less,
        interval.low_open,
        interval.high_open,
    )
    quantity = Quantity(moved, unit, of.quantity.text)
    return Answer(
        quantity=quantity,
        evidence=of.evidence,
        dated=of.dated,
        started=of.started,
        upper_limit=of.upper_limit,
        extra=of.extra | {"adjustment": f"{fall} g/L for {metres:f} m"},
    )
