"""Criteria as sentences a clinician can sign: every kind of node of the tree, in words and bullets.

A visitor that reads and never evaluates. A name is printed as it stands; what it means is a term of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cds_service.knowledge.catalogue import Catalogue
from cds_service.model.criteria import (
    OPERATOR_WORDS,
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
    Parameter,
    Points,
    Score,
    TimesUpper,
    Undecided,
    children,
)
from cds_service.model.quantity import Quantity
from cds_service.publish.facts import FactWriter
from cds_service.publish.page import Line, strong, term

SHORT = 110  # a criterion longer than this becomes bullets
_LITERAL = {True: "always", False: "never", None: "not to be told"}


class Sentences:
    """Writes nodes with one catalogue's titles."""

    def __init__(self, catalogue: Catalogue):
        self.facts = FactWriter(catalogue, self.say)

    def lines(self, node: Node, before: str = "", depth: int = 0, short: int = SHORT) -> list[Line]:
        """A criterion as bullets; what fits on one line stays on one. short: the longest that does."""
        said = self.say(node)
        if len(said) <= short or not _splits(node):
            return [Line(f"{before}{said}", depth)]
        match node:
            case Not() | Known() | Undecided():
                opening = {"Not": "not", "Known": "known to be so", "Undecided": "not to be decided"}[
                    type(node).__name__
                ]
                inner: Node = node.item
                if isinstance(node, Not) and isinstance(inner, Known):
                    opening, inner = "not known to be so", inner.item
                return [Line(f"{before}{opening}:", depth), *self.lines(inner, "", depth + 1)]
            case FirstOf():
                return [Line(f"{before}the first that applies:", depth), *self._table(node, depth + 1)]
        head = [Line(f"{before}{self._opening(node)}:", depth)]
        return head + [line for name, item in _parts(node) for line in self.lines(item, name, depth + 1)]

    def _opening(self, node: Node) -> str:
        match node:
            case AllOf():
                return "all of"
            case AnyOf():
                return "any of"
            case CountOf():
                return f"at least {node.at_least} of"
            case Score():
                return "the points of"
            case Calculation():
                return f"worked out ({node.name.replace('-', ' ')})"
        return self.say(node)

    def _table(self, node: FirstOf, depth: int) -> Iterator[Line]:
        for when, then in node.rows:
            said = self.say(then)
            yield from self.lines(when, "if ", depth) if len(said) > SHORT else self.lines(when, f"{said}, if ", depth)
            if len(said) > SHORT:
                yield from self.lines(then, "then ", depth + 1)
        yield from self.lines(node.otherwise, "otherwise ", depth)

    # ------------------------------------------------------------------ one sentence

    def say(self, node: Node) -> str:
        """The whole node in one sentence without its full stop."""
        match node:
            case Named():
                return term(node.name)
            case Fact():
                return self.facts.say(node)
            case AllOf() | AnyOf() | CountOf() | Not() | Known() | Undecided() | Literally():
                return self._logic(node)
            case Compare():
                bounds = " and ".join(f"{OPERATOR_WORDS[sign]} {self.say(limit)}" for sign, limit in node.bounds)
                return f"{self.say(node.quantity)} {bounds}"
            case ChoiceIs():
                return f"{self.say(node.choice)} is {' or '.join(sorted(node.labels))}"
            case FirstOf():
                rows = "; ".join(f"{self.say(then)} if {self._within(when)}" for when, then in node.rows)
                return f"the first that applies: {rows}; otherwise {self.say(node.otherwise)}"
            case Label():
                return f"“{node.label}”"
        return self._quantity(node)

    def _logic(self, node: Node) -> str:
        match node:
            case AllOf():
                return self._joined(node.items, "and")
            case AnyOf():
                return self._joined(node.items, "or")
            case CountOf():
                return f"at least {node.at_least} of: {'; '.join(self.say(item) for item in node.items)}"
            case Not() if isinstance(node.item, Known):
                return f"{self._whole(node.item.item)} is not known to be so"
            case Not():
                return f"not {self._whole(node.item)}"
            case Known():
                return f"{self._whole(node.item)} is known to be so"
            case Undecided():
                return f"{self._whole(node.item)} cannot be decided"
            case Literally():
                return _LITERAL[node.value]
        raise TypeError(type(node).__name__)

    def _joined(self, items: Sequence[Node], word: str) -> str:
        if not items:
            return _LITERAL[word == "and"]
        return f" {word} ".join(self._within(item) for item in items) if len(items) > 1 else self.say(items[0])

    def _within(self, node: Node) -> str:
        """A part of a longer sentence: in brackets where it has several parts itself."""
        said = self.say(node)
        several = isinstance(node, AllOf | AnyOf | CountOf | FirstOf) and len(children(node)) > 1
        return f"({said})" if several or isinstance(node, Known | Undecided) else said

    def _whole(self, node: Node) -> str:
        """What is denied, known or undecided: in brackets unless it is a single term."""
        said = self.say(node)
        return said if isinstance(node, Named | Fact | Literally) else f"({said})"

    def _quantity(self, node: Node) -> str:
        match node:
            case Parameter():
                return f"{amount(node)} ({strong(node.name)})"
            case Number():
                return node.limit.printed[0].text
            case Score():
                return f"the points of: {'; '.join(self.say(item) for item in node.items)}"
            case Points():
                return f"{node.points:+d} for {self._within(node.when)}"
            case Bands():
                return f"points by {self.say(node.of)}: {', '.join(_band(*band) for band in node.bands)}"
            case AgeOf():
                names = " or ".join(self._within(item) for item in node.of)
                return f"days since {names} began" if node.start == "start" else f"days since {names}"
            case TimesUpper():
                upper = f"{self.say(node.times)} times the upper limit that the report of {self.say(node.of)} prints"
                return f"{upper}, or {self.say(node.otherwise)} where it prints none" if node.otherwise else upper
            case Calculation():
                given = ", ".join(f"{name.replace('_', ' ')}: {self.say(item)}" for name, item in node.arguments)
                return (
                    f"worked out ({node.name.replace('-', ' ')}) from {given}" if given else node.name.replace("-", " ")
                )
        raise TypeError(f"no words for {type(node).__name__}")


def amount(parameter: Parameter) -> str:
    """A parameter's value in every printed unit: "45 ug/L or 101 pmol/L"; on or off for a switch."""
    if parameter.limit is None:
        return "on" if parameter.switch else "off"
    return " or ".join(_number(quantity) for quantity in parameter.limit.printed)


def _number(quantity: Quantity) -> str:
    """Without an exponent, however small."""
    value = quantity.interval.low
    if value is None:
        return quantity.text
    return f"{value:f}" if quantity.unit.code == "1" else f"{value:f} {quantity.unit.code}"


def _band(low: object, high: object, points: int) -> str:
    if low is None:
        return f"up to {high}: {points}"
    return f"from {low}: {points}" if high is None else f"{low} to {high}: {points}"


def _splits(node: Node) -> bool:
    return isinstance(node, AllOf | AnyOf | CountOf | Not | Known | Undecided | FirstOf | Score | Calculation)


def _parts(node: Node) -> Iterable[tuple[str, Node]]:
    if isinstance(node, Calculation):
        return [(f"{name.replace('_', ' ')}: ", item) for name, item in node.arguments]
    return [("", item) for item in children(node)]


def terms(nodes: Iterable[Node]) -> list[Named]:
    """Every name these nodes rest on, once each, in the order a reader meets them."""
    found: dict[str, Named] = {}

    def take(node: Node) -> None:
        below = []
        for item in children(node):
            if isinstance(item, Named) and item.name not in found:
                found[item.name] = item
                below.append(item)
            elif not isinstance(item, Named):
                take(item)
        for item in below:
            take(item)

    for node in nodes:
        if isinstance(node, Named):
            found.setdefault(node.name, node)
        take(node)
    return list(found.values())
