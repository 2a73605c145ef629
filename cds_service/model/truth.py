"""Three values: True, False and None for unknown, combined by Kleene's tables.

Unknown is a set of possibilities: a result is definite when every possibility agrees.
"""

from __future__ import annotations

from collections.abc import Iterable

Truth = bool | None


def negate(value: Truth) -> Truth:
    return None if value is None else not value


def all_of(values: Iterable[Truth]) -> Truth:
    """False if any is false, else unknown if any is unknown, else true. Stops at the first false."""
    answer: Truth = True
    for value in values:
        if value is False:
            return False
        if value is None:
            answer = None
    return answer


def any_of(values: Iterable[Truth]) -> Truth:
    """True if any is true, else unknown if any is unknown, else false. Stops at the first true."""
    answer: Truth = False
    for value in values:
        if value is True:
            return True
        if value is None:
            answer = None
    return answer


def at_least(needed: int, values: Iterable[Truth]) -> Truth:
    """True if `needed` are true for certain, false if even the unknown ones could not reach it."""
    certain = possible = 0
    for value in values:
        certain += value is True
        possible += value is not False
    if certain >= needed:
        return True
    return None if possible >= needed else False


def agreed(values: Iterable[Truth]) -> Truth:
    """The one value all possibilities share, else unknown. Unknown if there are none."""
    found = set(values)
    return found.pop() if len(found) == 1 else None
