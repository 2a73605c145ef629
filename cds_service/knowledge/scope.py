"""Names: parameters and definitions, each looked up where it may stand, built once, with no cycles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from cds_service.errors import ContentError
from cds_service.knowledge.reader import Table
from cds_service.knowledge.shapes import as_number, as_rows, as_table, as_text, nearest, need, only
from cds_service.model.criteria import Named, Node, Parameter
from cds_service.model.quantity import Interval, Limit, Quantity, Unit

PARAMETER_KEYS = ("value", "unit", "also", "range", "source", "means", "setting")
SWITCH = "switch"


@dataclass
class Scope:
    """One file's names over the shared ones. `build` turns a raw definition into a node when first needed."""

    owner: str
    pack: str
    build: Callable[[Scope, str, object, str], Node]
    parent: Scope | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    raw: dict[str, tuple[object, str, Scope]] = field(default_factory=dict)
    built: dict[str, Named] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    _open: list[str] = field(default_factory=list)

    def known(self) -> set[str]:
        own = {*self.parameters, *self.raw}
        return own | (self.parent.known() if self.parent else set())

    def has(self, name: str) -> bool:
        return name in self.parameters or name in self.raw or bool(self.parent and self.parent.has(name))

    def find(self, name: str, where: str) -> Node:
        """The parameter or the named fact. Raises ContentError with the nearest name."""
        if name in self.parameters:
            self.used.add(name)
            return self.parameters[name]
        if name in self.raw:
            self.used.add(name)
            return self._named(name)
        if self.parent and self.parent.has(name):
            return self.parent.find(name, where)
        raise ContentError(f"nothing is called `{name}`{nearest(name, self.known())}", where)

    def _named(self, name: str) -> Named:
        if name in self.built:
            return self.built[name]
        raw, where, scope = self.raw[name]
        if name in self._open:
            raise ContentError(f"`{name}` is defined by itself: {' -> '.join([*self._open, name])}", where)
        self._open.append(name)
        try:
            node = scope.build(scope, name, raw, where)
        finally:
            self._open.pop()
        self.built[name] = Named(node.type, name, node, scope.owner, self.words_of(name), where=where)
        return self.built[name]

    def words_of(self, name: str) -> str:
        """How cards and pages call it, where `words.yaml` says so; else ""."""
        return self.parent.words_of(name) if self.parent is not None else self.words.get(name, "")

    def unused(self) -> list[tuple[str, str]]:
        """(where, name) of every parameter and fact that nothing names."""
        own = {name: parameter.where for name, parameter in self.parameters.items()}
        own |= {name: where for name, (_, where, _) in self.raw.items()}
        return sorted((where, name) for name, where in own.items() if name not in self.used)

    def declare(self, name: str, raw: object, where: str, scope: Scope | None = None) -> None:
        if self.has(name):
            raise ContentError(f"the name `{name}` is taken", where)
        self.raw[name] = (raw, where, scope or self)

    def take_parameters(self, table: Table, overrides: Mapping[str, Parameter]) -> None:
        for name in table:
            if self.has(name):
                raise ContentError(f"the name `{name}` is taken", table.where(name))
            body = as_table(table[name], table.where(name), name)
            self.parameters[name] = overrides.get(name) or read_parameter(name, body, self.owner)


def read_parameter(name: str, table: Table, owner: str) -> Parameter:
    """A parameter as the content gives it."""
    only(table, PARAMETER_KEYS, f"the parameter {name}")
    unit = as_text(need(table, "unit", name), table.where("unit"), "unit")
    source = as_text(need(table, "source", name), table.where("source"), "source")
    means = as_text(need(table, "means", name), table.where("means"), "means")
    where = table.where()
    if unit == SWITCH:
        if not isinstance(table.get("value"), bool):
            raise ContentError(f"the switch {name} is true or false", table.where("value"))
        return Parameter("truth", name, None, table["value"], owner, unit, None, source, means, where=where)
    printed = [_printed(table, name)]
    for row in table.get("also") or ():
        printed.append(_printed(as_table(row, table.where("also"), "also"), name))
    low, high = as_rows(need(table, "range", name), table.where("range"), "range")
    bounds = (as_number(low, table.where("range"), "range"), as_number(high, table.where("range"), "range"))
    value = printed[0].interval.low
    if value is None or not bounds[0] <= value <= bounds[1]:
        raise ContentError(f"{name} is {value}, outside its own range {bounds[0]}..{bounds[1]}", table.where("range"))
    return Parameter("quantity", name, Limit(tuple(printed)), None, owner, unit, bounds, source, means, where=where)


def _printed(table: Table, name: str) -> Quantity:
    value = as_number(need(table, "value", name), table.where("value"), "value")
    unit = as_text(need(table, "unit", name), table.where("unit"), "unit")
    return Quantity(Interval.exactly(value), Unit(unit), f"{value} {unit}")


def overridden(parameter: Parameter, table: Table, site: str) -> Parameter:
    """A site's value of a parameter. Every printed unit must be given, and the value must lie in the reviewed range."""
    only(table, ("value", "unit", "also", "because", "by", "on"), f"the site's {parameter.name}")
    because, by, on = (need(table, key, parameter.name) for key in ("because", "by", "on"))
    origin = f"{site}: {because} ({by}, {on})"
    if parameter.unit == SWITCH:
        if not isinstance(table.get("value"), bool):
            raise ContentError(f"the switch {parameter.name} is true or false", table.where("value"))
        return replace(parameter, switch=table["value"], origin=origin)
    assert parameter.limit is not None and parameter.range is not None
    given = [_printed(table, parameter.name)]
    given += [_printed(as_table(row, table.where("also"), "also"), parameter.name) for row in table.get("also") or ()]
    wanted = {quantity.unit.code for quantity in parameter.limit.printed}
    if {quantity.unit.code for quantity in given} != wanted:
        raise ContentError(f"{parameter.name} is printed in {', '.join(sorted(wanted))}: give every one", table.where())
    by_unit = {quantity.unit.code: quantity for quantity in given}
    ordered = tuple(by_unit[quantity.unit.code] for quantity in parameter.limit.printed)
    value = ordered[0].interval.low or Decimal(0)
    low, high = parameter.range
    if not low <= value <= high:
        raise ContentError(
            f"{parameter.owner}.{parameter.name}: {value} is outside the reviewed range {low}..{high} {parameter.unit}",
            table.where("value"),
        )
    return replace(parameter, limit=Limit(ordered), origin=origin)
