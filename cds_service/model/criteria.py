"""The tree a rule is: frozen nodes, nothing else. Evaluating, explaining, asking for data and printing are visitors.

Nodes compare by identity, so one node is one memo entry. Three types: truth, quantity, choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from cds_service.model.quantity import Limit

Type = Literal["truth", "quantity", "choice"]
Side = Literal["left", "right", "both"]


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time. Days are counted on the calendar, hours on the clock."""

    length: timedelta
    unit: Literal["days", "hours"]
    text: str
    parameter: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Anchor:
    """One end of a window: a moment that belongs to a fact, or so long ago."""

    of: tuple[Node, ...] = ()
    at: Literal["date", "start", "now"] = "now"
    shift: Span | None = None
    later: bool = False  # the shift is added, else taken away


@dataclass(frozen=True, eq=False, slots=True)
class Window:
    """When evidence must be dated: within a span of now, or between two anchors."""

    within: Span | None = None
    start: Anchor | None = None
    end: Anchor | None = None


@dataclass(frozen=True, eq=False, slots=True)
class SameSide:
    """Keep only evidence on the side another fact names."""

    of: Node
    unstated: Literal["counts", "ignored"] = "counts"


@dataclass(frozen=True, eq=False)
class Node:
    """Any place in the tree. `where` is file and line for messages."""

    type: Type
    where: str = field(default="", kw_only=True)


@dataclass(frozen=True, eq=False)
class Named(Node):
    """A definition or a rule's own fact, evaluated once per patient."""

    name: str
    node: Node
    owner: str = ""  # the definitions file or rule it stands in
    words: str = ""  # how cards and pages call it; "" where the name itself will do


# ------------------------------------------------------------------------------------------------ facts


@dataclass(frozen=True, eq=False)
class Fact(Node):
    """Something looked up in the record. `sets` are value-set or analyte names; `options` are of its kind alone."""

    kind: str
    sets: tuple[str, ...] = ()
    window: Window | None = None
    side: SameSide | None = None
    pack: str = ""
    # every further option of the kind, conventions already merged in: {"status": "current", "plan": "counts"}
    options: tuple[tuple[str, object], ...] = ()
    inner: tuple[Node, ...] = ()  # facts this one is made of (side: [...])

    _options: Mapping[str, object] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_options", dict(self.options))

    def option(self, name: str, default: object = None) -> object:
        return self._options.get(name, default)


@dataclass(frozen=True, eq=False)
class Calculation(Node):
    """A named function of `cds_service.record.calculations`, given its arguments by name."""

    name: str
    arguments: tuple[tuple[str, Node], ...] = ()


# ------------------------------------------------------------------------------------------------ criteria


@dataclass(frozen=True, eq=False)
class Literally(Node):
    value: bool | None


@dataclass(frozen=True, eq=False)
class AllOf(Node):
    items: tuple[Node, ...]


@dataclass(frozen=True, eq=False)
class AnyOf(Node):
    items: tuple[Node, ...]


@dataclass(frozen=True, eq=False)
class CountOf(Node):
    items: tuple[Node, ...]
    at_least: int


@dataclass(frozen=True, eq=False)
class Not(Node):
    item: Node


@dataclass(frozen=True, eq=False)
class Known(Node):
    """True when the item is true for certain, else false: the door out of three values."""

    item: Node


@dataclass(frozen=True, eq=False)
class Undecided(Node):
    """True when the item is unknown. Only in `ask` and in an outcome's `when`."""

    item: Node


Operator = Literal["below", "at_most", "at_least", "above"]
OPERATOR_WORDS: Mapping[Operator, str] = {
    "below": "below",
    "at_most": "at most",
    "at_least": "at least",
    "above": "above",
}


@dataclass(frozen=True, eq=False)
class Compare(Node):
    quantity: Node
    bounds: tuple[tuple[Operator, Node], ...]


@dataclass(frozen=True, eq=False)
class ChoiceIs(Node):
    choice: Node
    labels: frozenset[str]


@dataclass(frozen=True, eq=False)
class FirstOf(Node):
    """An ordered table. Rows give truths, quantities (limits) or labels, as `type` says."""

    rows: tuple[tuple[Node, Node], ...]
    otherwise: Node


@dataclass(frozen=True, eq=False)
class Label(Node):
    """A choice that is always this label."""

    label: str


# ------------------------------------------------------------------------------------------------ quantities


@dataclass(frozen=True, eq=False)
class Parameter(Node):
    """A number a site may set within its range. `limit` is the value in force."""

    name: str
    limit: Limit | None
    switch: bool | None = None
    owner: str = ""
    unit: str = ""
    range: tuple[Decimal, Decimal] | None = None
    source: str = ""
    means: str = ""
    origin: str = "hooks"  # or the site file's name, with who and when


@dataclass(frozen=True, eq=False)
class Number(Node):
    limit: Limit


@dataclass(frozen=True, eq=False)
class Points(Node):
    """One item of a score."""

    points: int
    when: Node


@dataclass(frozen=True, eq=False)
class Bands(Node):
    """An item of a score that gives points by the band a quantity falls in; ends are inclusive, `None` is open."""

    of: Node
    bands: tuple[tuple[Decimal | None, Decimal | None, int], ...]


@dataclass(frozen=True, eq=False)
class Score(Node):
    items: tuple[Node, ...]


@dataclass(frozen=True, eq=False)
class AgeOf(Node):
    """Days since a fact's date (or since it began)."""

    of: tuple[Node, ...]
    start: Literal["date", "start"] = "date"


@dataclass(frozen=True, eq=False)
class TimesUpper(Node):
    """The upper limit printed on a result's own report, times a parameter; `otherwise` where the report prints none."""

    of: Node
    times: Node
    otherwise: Node | None = None


def children(node: Node) -> tuple[Node, ...]:
    """Every node directly below, windows and anchors included, in reading order."""
    match node:
        case Named():
            return (node.node,)
        case Fact():
            below = list(node.inner)
            if node.window:
                for anchor in (node.window.start, node.window.end):
                    if anchor:
                        below.extend(anchor.of)
            if node.side:
                below.append(node.side.of)
            return tuple(below)
        case Calculation():
            return tuple(argument for _, argument in node.arguments)
        case AllOf() | AnyOf() | CountOf() | Score():
            return node.items
        case Not() | Known() | Undecided():
            return (node.item,)
        case Compare():
            return (node.quantity, *(limit for _, limit in node.bounds))
        case ChoiceIs():
            return (node.choice,)
        case FirstOf():
            return (*(part for row in node.rows for part in row), node.otherwise)
        case Points():
            return (node.when,)
        case Bands():
            return (node.of,)
        case AgeOf():
            return node.of
        case TimesUpper():
            return (node.of, node.times) + ((node.otherwise,) if node.otherwise else ())
    return ()
