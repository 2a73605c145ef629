"""Intervals with a unit. A value that is not known exactly ("<5", "10-20") is an interval; a comparison is decided
only when the whole interval agrees.

A number is a `Decimal` made from the digits that were printed, so 5.0 % is 5.0 % and no rounding hides in a limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from cds_service.model.truth import Truth, negate

ZERO = Decimal(0)
ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Interval:
    """Every value that is still possible. `None` as an end means no bound; `*_open` leaves the end itself out."""

    low: Decimal | None
    high: Decimal | None
    low_open: bool = False
    high_open: bool = False

    @classmethod
    def exactly(cls, value: Decimal) -> Interval:
        return cls(value, value)

    @property
    def exact(self) -> Decimal | None:
        """The value, if only one is possible."""
        return self.low if self.low is not None and self.low == self.high else None

    def scaled(self, factor: Decimal, offset: Decimal = ZERO) -> Interval:
        """`factor * x + offset` of both ends; `factor` is positive."""
        low = None if self.low is None else self.low * factor + offset
        high = None if self.high is None else self.high * factor + offset
        return Interval(low, high, self.low_open, self.high_open)

    def below(self, limit: Decimal) -> Truth:
        """Is every possible value less than `limit`?"""
        if self.high is not None and (self.high < limit or (self.high == limit and self.high_open)):
            return True
        if self.low is not None and self.low >= limit:
            return False
        return None

    def at_most(self, limit: Decimal) -> Truth:
        """Is every possible value `limit` or less?"""
        if self.high is not None and self.high <= limit:
            return True
        if self.low is not None and (self.low > limit or (self.low == limit and self.low_open)):
            return False
        return None

    def at_least(self, limit: Decimal) -> Truth:
        return negate(self.below(limit))

    def above(self, limit: Decimal) -> Truth:
        return negate(self.at_most(limit))


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as one analyte accepts it: `factor * value + offset` is the value in the analyte's canonical unit."""

    code: str
    factor: Decimal = ONE
    offset: Decimal = ZERO

    def same_scale(self, other: Unit) -> bool:
        """pg/mL and ng/L are one scale under two names: numbers in them may be compared as they stand."""
        return self is other or (self.factor == other.factor and self.offset == other.offset)


@dataclass(frozen=True, slots=True)
class Quantity:
    """An interval in a unit, with the canonical scale it belongs to. `text` is the value as it was reported."""

    interval: Interval
    unit: Unit
    text: str = ""

    def canonical(self) -> Interval:
        unit = self.unit
        if unit.factor == ONE and unit.offset == ZERO:
            return self.interval
        return self.interval.scaled(unit.factor, unit.offset)


@dataclass(frozen=True, slots=True)
class Limit:
    """A number to compare with, in every unit it is printed in; the first is the canonical one."""

    printed: tuple[Quantity, ...]

    def for_unit(self, unit: Unit) -> Quantity | None:
        """The limit as printed in this unit's scale, if it is."""
        for quantity in self.printed:
            if quantity.unit.same_scale(unit):
                return quantity
        return None

    def scaled(self, factor: Decimal) -> Limit:
        """The limit that many times over, in every unit it is printed in."""
        return Limit(tuple(Quantity(item.interval.scaled(factor), item.unit, item.text) for item in self.printed))
