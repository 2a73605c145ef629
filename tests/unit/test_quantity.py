"""Intervals against limits: both sides of every end, open and closed."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.model.quantity import Interval, Unit

D = Decimal
OPERATORS = {
    "below": lambda value, limit: value < limit,
    "at_most": lambda value, limit: value <= limit,
    "at_least": lambda value, limit: value >= limit,
    "above": lambda value, limit: value > limit,
}


@pytest.mark.parametrize(
    ("interval", "operator", "limit", "expected"),
    [
        (Interval.exactly(D(30)), "below", 30, False),
        (Interval.exactly(D("29.9")), "below", 30, True),
        (Interval(D(0), D(30), high_open=True), "below", 30, True),  # <30
        (Interval(D(0), D(30)), "below", 30, None),  # <=30
        (Interval(D(0), D(50), high_open=True), "below", 30, None),  # <50
        (Interval(D(0), D(5), high_open=True), "above", 3, None),  # <5 against 3
        (Interval(D(2000), None, low_open=True), "at_most", 2000, False),  # >2000
        (Interval(D(2000), None), "at_most", 2000, None),  # >=2000
        (Interval(D(2000), None, low_open=True), "above", 2000, True),
        (Interval(D(10), D(20)), "at_least", 10, True),
        (Interval(D(10), D(20)), "at_least", 11, None),
        (Interval(None, None), "below", 1, None),
    ],
)
def test_comparisons(interval, operator, limit, expected):
    assert getattr(interval, operator)(D(limit)) is expected


@given(
    st.integers(-5, 5),
    st.integers(0, 5),
    st.booleans(),
    st.booleans(),
    st.integers(-6, 11),
    st.sampled_from(sorted(OPERATORS)),
)
def test_decided_when_every_value_agrees(low, width, low_open, high_open, limit, operator):
    """Against an enumeration in halves: an interval decides exactly when all its values do."""
    if width == 0:
        low_open = high_open = False
    interval = Interval(D(low), D(low + width), low_open, high_open)
    halves = [D(low) + D(step) / 4 for step in range(width * 4 + 1)]
    inside = [value for value in halves if not (low_open and value == low) and not (high_open and value == low + width)]
    seen = {OPERATORS[operator](value, D(limit)) for value in inside}
    expected = seen.pop() if len(seen) == 1 else None
    assert getattr(interval, operator)(D(limit)) is expected


def test_two_names_of_one_scale_may_be_compared_as_they_stand():
    picogram, nanogram = Unit("pg/mL", D(1)), Unit("ng/L", D(1))
    assert picogram.same_scale(nanogram) and picogram.same_scale(picogram)
    assert not Unit("Cel").same_scale(Unit("[degF]", D(1), D(-32)))
    assert not Unit("g/L").same_scale(Unit("g/dL", D(10)))
