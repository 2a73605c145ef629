"""What is worked out of other things: ages, scores, and the named calculations. Part of the builder."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from cds_service.errors import ContentError
from cds_service.knowledge import limits
from cds_service.knowledge.reader import Rows, Table
from cds_service.knowledge.scope import Scope
from cds_service.knowledge.shapes import AMOUNT, as_number, as_rows, as_table, nearest, need, only
from cds_service.model.criteria import AgeOf, Bands, Calculation, Label, Node, Parameter, Points, Score, Type
from cds_service.record.calculations import CALCULATIONS

if TYPE_CHECKING:
    from cds_service.knowledge.builder import Builder


def age_of(builder: Builder, scope: Scope, table: Table) -> Node:
    only(table, ("age_of", "from"), "age_of")
    raw = table["age_of"]
    start = table.get("from", "date")
    if start not in ("date", "start"):
        raise ContentError("`from` is date or start", table.where("from"))
    items = tuple(builder.any_type(scope, item, table.where()) for item in (raw if isinstance(raw, Rows) else [raw]))
    return AgeOf("quantity", items, start, where=table.where())


def score(builder: Builder, scope: Scope, table: Table) -> Node:
    only(table, ("score",), "score")
    rows = as_rows(table["score"], table.where(), "score")
    return Score(
        "quantity",
        tuple(_item(builder, scope, as_table(row, table.where(), "an item")) for row in rows),
        where=table.where(),
    )


def _item(builder: Builder, scope: Scope, line: Table) -> Node:
    if "points" in line:
        only(line, ("points", "when"), "an item")
        when = builder.truth(scope, need(line, "when", "an item"), line.where("when"))
        points = int(as_number(line["points"], line.where(), "points"))
        return Points("quantity", points, when, where=line.where())
    only(line, ("of", "bands"), "an item")
    bands = tuple(_band(band, line) for band in as_rows(need(line, "bands", "an item"), line.where(), "bands"))
    of = builder.quantity(scope, need(line, "of", "an item"), line.where())
    return Bands("quantity", of, bands, where=line.where())


def _band(band: object, line: Table) -> tuple[Decimal | None, Decimal | None, int]:
    if not isinstance(band, Rows) or len(band) != 3:
        raise ContentError("a band is [from, to, points]", line.where("bands"))
    low, high, points = band
    ends = [None if end is None else as_number(end, line.where("bands"), "a band") for end in (low, high)]
    return ends[0], ends[1], int(as_number(points, line.where("bands"), "points"))


def calculation_type(table: Table) -> Type:
    name = table["calculation"]
    if name not in CALCULATIONS:
        raise ContentError(f"no calculation is called `{name}`{nearest(str(name), CALCULATIONS)}", table.where())
    return CALCULATIONS[name].type


def calculation(builder: Builder, scope: Scope, table: Table) -> Node:
    only(table, ("calculation", "with"), "calculation")
    kind = calculation_type(table)
    spec = CALCULATIONS[table["calculation"]]
    given = as_table(table.get("with") or Table(table.file, table.own_line), table.where("with"), "with")
    only(given, (*spec.arguments, *spec.optional), f"the calculation {table['calculation']}")
    for name in spec.arguments:
        need(given, name, f"the calculation {table['calculation']}")
    arguments = tuple((name, _argument(builder, scope, given[name], given.where(name))) for name in given)
    return Calculation(kind, table["calculation"], arguments, where=table.where())


def _argument(builder: Builder, scope: Scope, raw: object, where: str) -> Node:
    """A fact, a parameter (as a limit), or a text for the calculation to read with."""
    if isinstance(raw, str) and not scope.has(raw) and not AMOUNT.match(raw):
        return Label("choice", raw, where=where)
    if isinstance(raw, str) and scope.has(raw):
        node = scope.find(raw, where)
        return limits.bound(node, None, where) if isinstance(node, Parameter) else node
    return builder.any_type(scope, raw, where)
