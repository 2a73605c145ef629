"""Limits in the units of what they are compared with: a parameter is bound to the analyte it meets."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from cds_service.errors import ContentError
from cds_service.knowledge.reader import Table
from cds_service.knowledge.scope import Scope
from cds_service.knowledge.shapes import AMOUNT
from cds_service.model.criteria import Calculation, Fact, FirstOf, Named, Node, Number, Parameter, TimesUpper
from cds_service.model.quantity import Interval, Limit, Quantity, Unit
from cds_service.model.vocabulary import Analyte

if TYPE_CHECKING:
    from cds_service.knowledge.builder import Builder

# Spans in days, so that weeks, days and hours compare; everything else keeps its own scale.
_DAYS = {
    "hours": Decimal(1) / 24,
    "hour": Decimal(1) / 24,
    "h": Decimal(1) / 24,
    "weeks": Decimal(7),
    "week": Decimal(7),
    "wk": Decimal(7),
}
_ANALYTE_OF = {"altitude-adjusted": "of", "transferrin-saturation": "reported", "adjusted-calcium": "reported"}


def unit_of(text: str) -> Unit:
    return Unit(text, _DAYS.get(text, Decimal(1)))


def printed(value: Decimal, unit: str) -> Limit:
    return Limit((Quantity(Interval.exactly(value), unit_of(unit), f"{value} {unit}"),))


def analyte_of(builder: Builder, node: Node | None) -> Analyte | None:
    """The analyte a quantity is measured as, so that a limit can be read in its units."""
    match node:
        case Named():
            return analyte_of(builder, node.node)
        case Fact() if node.kind == "result":
            return builder.vocabulary.analytes.get(node.sets[0])
        case Calculation() if node.name in _ANALYTE_OF:
            return analyte_of(builder, dict(node.arguments).get(_ANALYTE_OF[node.name]))
        case FirstOf():
            return analyte_of(builder, node.rows[0][1])
        case TimesUpper():
            return analyte_of(builder, node.of)
    return None


def limit(builder: Builder, scope: Scope, raw: object, where: str, quantity: Node | None) -> Node:
    """What a quantity is compared with, in its units."""
    analyte = analyte_of(builder, quantity)
    if isinstance(raw, str) and (match := AMOUNT.match(raw)):
        return bound_number(printed(Decimal(match[1]), match[2]), analyte, where)
    if isinstance(raw, Table) and next(iter(raw), "") == "times":
        return builder.times(scope, raw)
    if isinstance(raw, Table) and next(iter(raw), "") == "first":
        return builder._first(
            scope, raw, "quantity", lambda inner, item, place: limit(builder, inner, item, place, quantity)
        )
    if isinstance(raw, str) and scope.has(raw):
        node = scope.find(raw, where)
        if isinstance(node, Parameter):
            return bound(node, analyte, where)
        return _rebound(node, analyte)
    return builder.quantity(scope, raw, where)


def _rebound(node: Node, analyte: Analyte | None) -> Node:
    """A defined limit (a table of parameters) in the units of what it is compared with."""
    if isinstance(node, Named) and isinstance(node.node, FirstOf | Parameter):
        return replace(node, node=_rebound(node.node, analyte))
    if isinstance(node, FirstOf):
        rows = tuple((when, _rebound(then, analyte)) for when, then in node.rows)
        return replace(node, rows=rows, otherwise=_rebound(node.otherwise, analyte))
    if isinstance(node, Parameter):
        return bound(node, analyte, node.where)
    return node


def bound(parameter: Parameter, analyte: Analyte | None, where: str) -> Parameter:
    if parameter.limit is None:
        raise ContentError(f"`{parameter.name}` is a switch; a number is wanted here", where)
    return replace(parameter, limit=_in_units(parameter.limit, analyte, where, parameter.name))


def bound_number(value: Limit, analyte: Analyte | None, where: str) -> Number:
    return Number("quantity", _in_units(value, analyte, where, value.printed[0].text), where=where)


def _in_units(value: Limit, analyte: Analyte | None, where: str, name: str) -> Limit:
    quantities = []
    for quantity in value.printed:
        unit = unit_of(quantity.unit.code)
        if analyte is not None:
            known = analyte.units.get(" ".join(quantity.unit.code.split()).lower())
            if known is None:
                raise ContentError(
                    f"`{name}` is in {quantity.unit.code}, which {analyte.name} is not measured in", where
                )
            unit = known
        quantities.append(replace(quantity, unit=unit))
    return Limit(tuple(quantities))
