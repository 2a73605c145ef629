"""Evaluates a tree over one patient. Three values; an unknown quantity or choice is a set of possibilities.

Every fact and definition is looked at once per patient. Explaining reads the same memo, so it cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

from cds_service.model.answer import Answer
from cds_service.model.criteria import (
    AgeOf,
    AllOf,
    AnyOf,
    Bands,
    Calculation,
    ChoiceIs,
    Compare,
    CountOf,
    Fact,
    FirstOf,
    Known,
    Label,
    Literally,
    Named,
    Node,
    Not,
    Number,
    Operator,
    Parameter,
    Points,
    Score,
    TimesUpper,
    Undecided,
    Window,
)
from cds_service.model.frame import Frame
from cds_service.model.quantity import Interval, Limit, Quantity, Unit
from cds_service.model.truth import Truth, agreed, all_of, at_least, negate
from cds_service.reasoning.comparisons import age, band_points, compare, merged, range_text, side_named_by
from cds_service.reasoning.frames import frame_of

Look = Callable[[Fact, Frame], Answer]
Calculate = Callable[[str, Mapping[str, Answer | Limit]], Answer]

POINTS = Unit("points")


class Evaluation:
    """One patient's answers. `look` reads a fact, `calculate` runs a named calculation; both pure for one record."""

    def __init__(self, look: Look, calculate: Calculate, now: datetime, zone: tzinfo):
        self.now = now
        self.zone = zone
        self.frames: dict[Window, Frame] = {}  # of windows that only reach back from now
        self._look = look
        self._calculate = calculate
        self._truths: dict[Node, Truth] = {}
        self._answers: dict[Node, Answer] = {}

    # ------------------------------------------------------------------ truths

    def truth(self, node: Node) -> Truth:
        """True, False or None for unknown."""
        while type(node) is Named:
            node = node.node
        truths = self._truths
        if node not in truths:
            truths[node] = _TRUTHS[type(node)](self, node)
        return truths[node]

    def _answer_truth(self, node: Node) -> Truth:
        return self.answer(node).truth

    def _all_of(self, node: AllOf) -> Truth:
        """As `model.truth.all_of`, written out: with `_any_of` this is where most of the walk goes."""
        found: Truth = True
        for item in node.items:
            truth = self.truth(item)
            if truth is False:
                return False
            if truth is None:
                found = None
        return found

    def _any_of(self, node: AnyOf) -> Truth:
        found: Truth = False
        for item in node.items:
            truth = self.truth(item)
            if truth is True:
                return True
            if truth is None:
                found = None
        return found

    def _compare(self, node: Compare) -> Truth:
        quantities = self.possible(node.quantity)
        if not quantities:
            return None
        return all_of([self._within(quantities, operator, limit) for operator, limit in node.bounds])

    def _within(self, quantities: tuple[Quantity, ...], operator: Operator, limit: Node) -> Truth:
        limits = self.limits(limit)
        if len(quantities) == len(limits) == 1:
            return compare(quantities[0], operator, limits[0])
        return agreed([compare(quantity, operator, each) for quantity in quantities for each in limits])

    def _choice_is(self, node: ChoiceIs) -> Truth:
        possible = self.choice(node.choice)
        if possible and possible <= node.labels:
            return True
        return None if possible & node.labels else False

    def _first_truth(self, node: FirstOf) -> Truth:
        return agreed([self.truth(row) for row in self._rows(node)])

    def _rows(self, node: FirstOf) -> list[Node]:
        """Every row that may apply: up to the first whose condition is true."""
        found = []
        for when, then in node.rows:
            truth = self.truth(when)
            if truth is not False:
                found.append(then)
            if truth is True:
                return found
        found.append(node.otherwise)
        return found

    # ------------------------------------------------------------------ quantities

    def possible(self, node: Node) -> tuple[Quantity, ...]:
        """Every quantity still possible: one, several candidates, or none at all when nothing is known."""
        match node:
            case Named():
                return self.possible(node.node)
            case Fact() | Calculation():
                quantity = self.answer(node).quantity
                return (quantity,) if quantity else ()
            case Score():
                low, high = self.score(node)
                return (Quantity(Interval(Decimal(low), Decimal(high)), POINTS, range_text(low, high)),)
            case AgeOf():
                return age([self.answer(item) for item in node.of], node.start, self.now, self.zone)
            case FirstOf():
                candidates = [self.possible(row) for row in self._rows(node)]
                return tuple(item for found in candidates for item in found) if all(candidates) else ()
            case Parameter() | Number() | TimesUpper():
                return tuple(limit.printed[0] for limit in self.limits(node))
        raise TypeError(f"{type(node).__name__} is no quantity")

    def limits(self, node: Node) -> tuple[Limit, ...]:
        """Every limit that may apply."""
        match node:
            case Parameter() | Number():
                return (node.limit,) if node.limit else ()
            case Named():
                return self.limits(node.node)
            case FirstOf():
                candidates = [self.limits(row) for row in self._rows(node)]
                return tuple(item for found in candidates for item in found) if all(candidates) else ()
            case TimesUpper():
                return self._times_upper(node)
        return tuple(Limit((quantity,)) for quantity in self.possible(node))

    def _times_upper(self, node: TimesUpper) -> tuple[Limit, ...]:
        upper = self.answer(node.of).upper_limit
        bases = (Limit((upper,)),) if upper else self.limits(node.otherwise) if node.otherwise else ()
        times = [limit.printed[0].interval.exact for limit in self.limits(node.times)]
        return tuple(base.scaled(factor) for base in bases for factor in times if factor is not None)

    def score(self, node: Node) -> tuple[int, int]:
        """Least and most points; every unknown item widens the range."""
        if isinstance(node, Named):
            return self.score(node.node)
        if not isinstance(node, Score):
            raise TypeError("not a score")
        low = high = 0
        for item in node.items:
            least, most = self._points(item)
            low, high = low + least, high + most
        return low, high

    def _points(self, item: Node) -> tuple[int, int]:
        if isinstance(item, Points):
            truth = self.truth(item.when)
            if truth is None:
                return min(item.points, 0), max(item.points, 0)
            return (item.points, item.points) if truth else (0, 0)
        assert isinstance(item, Bands)
        quantities = self.possible(item.of)
        found = [points for quantity in quantities for points in band_points(quantity.canonical(), item)]
        if not found:
            found = [points for _, _, points in item.bands]
        return min(found), max(found)

    # ------------------------------------------------------------------ choices

    def choice(self, node: Node) -> frozenset[str]:
        """Every label still possible."""
        match node:
            case Named():
                return self.choice(node.node)
            case Label():
                return frozenset({node.label})
            case FirstOf():
                return frozenset().union(*(self.choice(row) for row in self._rows(node)))
        return self.answer(node).labels

    # ------------------------------------------------------------------ answers

    def answer(self, node: Node) -> Answer:
        """What a fact came to, with its evidence. Of a criterion: its truth and the evidence of what made it true."""
        while type(node) is Named:
            node = node.node
        answers = self._answers
        if node not in answers:
            answers[node] = self._find_answer(node)
        return answers[node]

    def _find_answer(self, node: Node) -> Answer:
        match node:
            case Fact() if node.kind == "side":
                return self._side(node)
            case Fact():
                frame = frame_of(self, node)
                if frame.unknown:
                    return Answer(None, reasons=(frame.unknown,))
                return self._look(node, frame)
            case Calculation():
                return self._calculate(node.name, {name: self._argument(item) for name, item in node.arguments})
            case Score() | AgeOf():
                quantities = self.possible(node)
                return Answer(quantity=quantities[0] if quantities else None)
            case Label():
                return Answer(labels=frozenset({node.label}))
            case FirstOf() if node.type == "quantity":
                rows = self._rows(node)
                return self.answer(rows[0]) if len(rows) == 1 else Answer()
            case FirstOf() if node.type == "choice":
                return Answer(labels=self.choice(node))
            case TimesUpper():
                quantities = self.possible(node)
                return Answer(quantity=quantities[0] if len(quantities) == 1 else None)
        return self._criterion_answer(node)

    def _argument(self, node: Node) -> Answer | Limit:
        inner = node.node if isinstance(node, Named) else node
        if isinstance(inner, Parameter | Number) and inner.limit:
            return inner.limit
        return self.answer(node)

    def _criterion_answer(self, node: Node) -> Answer:
        """The evidence behind a criterion: of the parts that share its truth."""
        if isinstance(node, Parameter | Number):
            return Answer(quantity=node.limit.printed[0]) if node.limit else Answer(node.switch)  # type: ignore[union-attr]
        truth = self.truth(node)
        parts: list[Answer] = []
        if isinstance(node, AllOf | AnyOf | CountOf):
            parts = [self.answer(item) for item in node.items if self.truth(item) is truth]
        elif isinstance(node, FirstOf):
            parts = [self.answer(row) for row in self._rows(node)[:1]]
        elif isinstance(node, Compare):
            parts = [self.answer(node.quantity)]
        elif isinstance(node, Known):
            parts = [self.answer(node.item)]
        return merged(truth, parts)

    def _side(self, node: Fact) -> Answer:
        """left, right or both: the form's word, else every side the true facts name."""
        facts = node.inner
        if node.option("answer"):
            stated = self.answer(facts[-1])
            if len(stated.labels) == 1:
                return stated
            facts = facts[:-1]
        return side_named_by([answer for fact in facts if (answer := self.answer(fact)).truth is True])


_TRUTHS: Mapping[type, Callable[[Evaluation, Any], Truth]] = {
    Fact: Evaluation._answer_truth,
    Calculation: Evaluation._answer_truth,
    Literally: lambda evaluation, node: node.value,
    Parameter: lambda evaluation, node: node.switch,
    AllOf: Evaluation._all_of,
    AnyOf: Evaluation._any_of,
    CountOf: lambda evaluation, node: at_least(node.at_least, map(evaluation.truth, node.items)),
    Not: lambda evaluation, node: negate(evaluation.truth(node.item)),
    Known: lambda evaluation, node: evaluation.truth(node.item) is True,
    Undecided: lambda evaluation, node: evaluation.truth(node.item) is None,
    Compare: Evaluation._compare,
    ChoiceIs: Evaluation._choice_is,
    FirstOf: Evaluation._first_truth,
}
