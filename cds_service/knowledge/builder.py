"""Turns the surface (YAML) into the tree (model.criteria). The whole rule language is read here and in `facts`.

Three entrances: `truth`, `quantity`, `choice`; a surface of another type is refused where it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from cds_service.errors import ContentError
from cds_service.knowledge import facts, limits, workings
from cds_service.knowledge.reader import Rows, Table
from cds_service.knowledge.scope import Scope
from cds_service.knowledge.shapes import AMOUNT, as_names, as_number, as_rows, as_table, nearest, need, only
from cds_service.model.criteria import (
    AllOf,
    AnyOf,
    ChoiceIs,
    Compare,
    CountOf,
    FirstOf,
    Known,
    Label,
    Literally,
    Node,
    Not,
    Number,
    Operator,
    Parameter,
    TimesUpper,
    Type,
    Undecided,
)
from cds_service.model.rule import Order
from cds_service.model.vocabulary import Vocabulary

OPERATORS: tuple[Operator, ...] = ("below", "at_most", "at_least", "above")
_TRUTHS = {"all", "any", "not", "count", "known", "unless", "unknown", "value"}


class Builder:
    """Builds nodes with one vocabulary and one set of conventions; holds nothing of a rule."""

    def __init__(self, vocabulary: Vocabulary, conventions: Mapping[str, Table], orders: Mapping[str, Order]):
        self.vocabulary = vocabulary
        self.conventions = conventions
        self.orders = orders

    def define(self, scope: Scope, name: str, raw: object, where: str) -> Node:
        """A definition of any type: what the surface looks like says which."""
        return self.any_type(scope, raw, where)

    def any_type(self, scope: Scope, raw: object, where: str) -> Node:
        kind = self.type_of(scope, raw, where)
        return {"truth": self.truth, "quantity": self.quantity, "choice": self.choice}[kind](scope, raw, where)

    # ------------------------------------------------------------------ types

    def type_of(self, scope: Scope, raw: object, where: str) -> Type:
        """What a surface would be, without building more than names need."""
        if isinstance(raw, bool):
            return "truth"
        if isinstance(raw, str):
            if raw == "unknown":
                return "truth"
            if AMOUNT.match(raw):
                return "quantity"
            return scope.find(raw, where).type if scope.has(raw) else "choice"
        if isinstance(raw, int | Decimal):
            return "quantity"
        table = as_table(raw, where, "a definition")
        first = next(iter(table), "")
        if first in facts.KINDS:
            return facts.type_of(table)
        if first == "choice" or first in _TRUTHS:
            return "truth"
        if first == "calculation":
            return workings.calculation_type(table)
        if first == "first":
            return self._table_type(scope, table)
        return "quantity"

    def _table_type(self, scope: Scope, table: Table) -> Type:
        rows = [
            as_table(row, table.where("first"), "a row").get("then")
            for row in as_rows(table["first"], table.where(), "first")
        ]
        for raw in (*rows, table.get("otherwise")):
            if raw is not None and raw != "unknown":
                return self.type_of(scope, raw, table.where())
        return "truth"

    # ------------------------------------------------------------------ truths

    def truth(self, scope: Scope, raw: object, where: str) -> Node:
        if isinstance(raw, bool):
            return Literally("truth", raw, where=where)
        if raw == "unknown":
            return Literally("truth", None, where=where)
        if isinstance(raw, str):
            return self._named(scope, raw, where, "truth")
        if isinstance(raw, Rows):
            return AllOf("truth", self.truths(scope, raw, where), where=where)
        table = as_table(raw, where, "a criterion")
        first = next(iter(table), "")
        if build := self._criteria().get(first):
            return build(scope, table)
        node = self._fact_or_calculation(scope, table, first)
        if node.type != "truth":
            raise ContentError(f"`{first}` gives a {node.type}; a criterion is wanted here", table.where())
        return node

    def truths(self, scope: Scope, raw: object, where: str) -> tuple[Node, ...]:
        return tuple(
            self.truth(scope, item, getattr(item, "where", lambda: where)()) for item in as_rows(raw, where, "a list")
        )

    def _criteria(self) -> Mapping[str, Callable[[Scope, Table], Node]]:
        return {
            "all": self._all,
            "any": self._any,
            "not": self._not,
            "count": self._count,
            "value": self._compare,
            "choice": self._choice_is,
            "first": self._first_truth,
            "known": self._known,
            "unless": self._unless,
            "unknown": self._undecided,
        }

    def _all(self, scope: Scope, table: Table) -> Node:
        only(table, ("all",), "all")
        return AllOf("truth", self.truths(scope, table["all"], table.where()), where=table.where())

    def _any(self, scope: Scope, table: Table) -> Node:
        only(table, ("any",), "any")
        return AnyOf("truth", self.truths(scope, table["any"], table.where()), where=table.where())

    def _not(self, scope: Scope, table: Table) -> Node:
        only(table, ("not",), "not")
        return Not("truth", self.truth(scope, table["not"], table.where()), where=table.where())

    def _known(self, scope: Scope, table: Table) -> Node:
        only(table, ("known",), "known")
        return Known("truth", self.truth(scope, table["known"], table.where()), where=table.where())

    def _unless(self, scope: Scope, table: Table) -> Node:
        only(table, ("unless",), "unless")
        inner = Known("truth", self.truth(scope, table["unless"], table.where()), where=table.where())
        return Not("truth", inner, where=table.where())

    def _undecided(self, scope: Scope, table: Table) -> Node:
        only(table, ("unknown",), "unknown")
        return Undecided("truth", self.truth(scope, table["unknown"], table.where()), where=table.where())

    def _count(self, scope: Scope, table: Table) -> Node:
        only(table, ("count", "at_least"), "count")
        needed = need(table, "at_least", "count")
        if isinstance(needed, str):
            parameter = scope.find(needed, table.where())
            needed = (
                parameter.limit.printed[0].interval.low
                if isinstance(parameter, Parameter) and parameter.limit
                else None
            )
        return CountOf(
            "truth",
            self.truths(scope, table["count"], table.where()),
            int(as_number(needed, table.where(), "at_least")),
            where=table.where(),
        )

    def _compare(self, scope: Scope, table: Table) -> Node:
        only(table, ("value", *OPERATORS), "value")
        quantity = self.quantity(scope, table["value"], table.where())
        bounds = tuple(
            (operator, limits.limit(self, scope, table[operator], table.where(operator), quantity))
            for operator in OPERATORS
            if table.get(operator) is not None
        )
        if not bounds:
            raise ContentError("value needs below, at_most, at_least or above", table.where())
        return Compare("truth", quantity, bounds, where=table.where())

    def _choice_is(self, scope: Scope, table: Table) -> Node:
        only(table, ("choice", "is"), "choice")
        labels = as_names(need(table, "is", "choice"), table.where("is"), "is")
        return ChoiceIs(
            "truth", self.choice(scope, table["choice"], table.where()), frozenset(labels), where=table.where()
        )

    def _first_truth(self, scope: Scope, table: Table) -> Node:
        return self._first(scope, table, "truth", self.truth)

    def _first(self, scope: Scope, table: Table, kind: Type, build: Callable[[Scope, Any, str], Node]) -> Node:
        only(table, ("first", "otherwise"), "first")
        rows = []
        for row in as_rows(table["first"], table.where("first"), "first"):
            line = as_table(row, table.where("first"), "a row")
            only(line, ("when", "then"), "a row")
            if "then" not in line:
                raise ContentError("a row needs `then`", line.where())
            rows.append(
                (
                    self.truth(scope, need(line, "when", "a row"), line.where("when")),
                    build(scope, line["then"], line.where("then")),
                )
            )
        if "otherwise" not in table:
            raise ContentError("first needs `otherwise`", table.where())
        return FirstOf(
            kind, tuple(rows), build(scope, table["otherwise"], table.where("otherwise")), where=table.where()
        )

    # ------------------------------------------------------------------ quantities

    def quantity(self, scope: Scope, raw: object, where: str) -> Node:
        if isinstance(raw, str) and (match := AMOUNT.match(raw)):
            return Number("quantity", limits.printed(Decimal(match[1]), match[2]), where=where)
        if isinstance(raw, str):
            return self._named(scope, raw, where, "quantity")
        table = as_table(raw, where, "a quantity")
        first = next(iter(table), "")
        match first:
            case "first":
                return self._first(scope, table, "quantity", self.quantity)
            case "score":
                return workings.score(self, scope, table)
            case "age_of":
                return workings.age_of(self, scope, table)
            case "times":
                return self.times(scope, table)
        node = self._fact_or_calculation(scope, table, first)
        if node.type != "quantity":
            raise ContentError(f"`{first}` gives a {node.type}; a quantity is wanted here", table.where())
        return node

    def times(self, scope: Scope, table: Table) -> Node:
        only(table, ("times", "of", "otherwise"), "times")
        of = self.quantity(scope, need(table, "of", "times"), table.where("of"))
        times = limits.limit(self, scope, table["times"], table.where("times"), None)
        otherwise = table.get("otherwise")
        fallback = limits.limit(self, scope, otherwise, table.where("otherwise"), of) if otherwise is not None else None
        return TimesUpper("quantity", of, times, fallback, where=table.where())

    # ------------------------------------------------------------------ choices

    def choice(self, scope: Scope, raw: object, where: str) -> Node:
        if isinstance(raw, str):
            return self._named(scope, raw, where, "choice") if scope.has(raw) else Label("choice", raw, where=where)
        table = as_table(raw, where, "a choice")
        first = next(iter(table), "")
        if first == "first":
            return self._first(scope, table, "choice", self.choice)
        node = self._fact_or_calculation(scope, table, first)
        if node.type != "choice":
            raise ContentError(f"`{first}` gives a {node.type}; a choice is wanted here", table.where())
        return node

    # ------------------------------------------------------------------ names, facts, calculations

    def _named(self, scope: Scope, name: str, where: str, wanted: Type) -> Node:
        node = scope.find(name, where)
        if node.type != wanted:
            raise ContentError(f"`{name}` is a {node.type}; a {wanted} is wanted here", where)
        if isinstance(node, Parameter) and wanted == "quantity":
            return limits.bound(node, None, where)
        return node

    def _fact_or_calculation(self, scope: Scope, table: Table, first: str) -> Node:
        if first == "calculation":
            return workings.calculation(self, scope, table)
        if first in facts.KINDS:
            return facts.fact(self, scope, table)
        known = (*facts.KINDS, *self._criteria(), "calculation", "score", "age_of", "times")
        raise ContentError(f"nothing is called `{first}`{nearest(first, known)}", table.where())
