"""Checks of shape that every builder shares: known and required keys, types, the nearest name for a misspelt one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

from cds_service.errors import ContentError
from cds_service.knowledge.reader import Table
from cds_service.model.criteria import Span

SPAN = re.compile(r"(\d+(?:\.\d+)?) (day|days|hour|hours|week|weeks)\Z")
AMOUNT = re.compile(r"(-?\d+(?:\.\d+)?)\s+(\S.*)\Z")


def nearest(name: str, known: Iterable[str]) -> str:
    """ " (did you mean `x`?)", or nothing."""
    found = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" (did you mean `{found[0]}`?)" if found else ""


def only(table: Table, allowed: Iterable[str], what: str) -> None:
    """Refuse keys that mean nothing here."""
    known = set(allowed)
    for key in table:
        if key not in known:
            raise ContentError(f"{what} has no `{key}`{nearest(key, known)}", table.where(key))


def need(table: Table, key: str, what: str) -> Any:
    if table.get(key) is None:
        raise ContentError(f"{what} needs `{key}`", table.where())
    return table[key]


def as_table(value: object, where: str, what: str) -> Table:
    if not isinstance(value, Table):
        raise ContentError(f"{what} must be a mapping", where)
    return value


def as_rows(value: object, where: str, what: str) -> list[Any]:
    """A list; a single value counts as a list of one."""
    if isinstance(value, list):
        return value
    if value is None or isinstance(value, Table):
        raise ContentError(f"{what} must be a list", where)
    return [value]


def as_names(value: object, where: str, what: str) -> tuple[str, ...]:
    rows = as_rows(value, where, what)
    for item in rows:
        if not isinstance(item, str):
            raise ContentError(f"{what} must be words", where)
    return tuple(rows)


def as_text(value: object, where: str, what: str) -> str:
    if not isinstance(value, str):
        raise ContentError(f"{what} must be text (quote it)", where)
    return value


def as_number(value: object, where: str, what: str) -> Decimal:
    """A plain number, or a quoted decimal or fraction ("5/9")."""
    if isinstance(value, bool):
        raise ContentError(f"{what} must be a number", where)
    if isinstance(value, int | Decimal):
        return Decimal(value)
    if isinstance(value, str):
        try:
            if "/" in value:
                fraction = Fraction(value)
                return Decimal(fraction.numerator) / Decimal(fraction.denominator)
            return Decimal(value)
        except (ArithmeticError, ValueError):
            pass
    raise ContentError(f"{what} must be a number", where)


def as_span(text: object) -> Span | None:
    """ "90 days", "72 hours", "2 weeks"; None for anything else."""
    if not isinstance(text, str) or not (match := SPAN.match(text)):
        return None
    return span_of(Decimal(match[1]), match[2], text)


def span_of(length: Decimal, unit: str, text: str, parameter: str = "") -> Span:
    if unit.startswith("hour") or unit == "h":
        return Span(timedelta(hours=float(length)), "hours", text, parameter)
    days = length * 7 if unit.startswith("week") else length
    return Span(timedelta(days=float(days)), "days", text, parameter)
