"""A rule, a service and an order as built from `hooks/`: what the catalogue holds and the engine reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cds_service.model.criteria import Named, Node, Parameter

Indicator = Literal["info", "warning", "critical"]
Status = Literal["draft", "active", "retired"]
Showing = Literal["on", "silent", "off"]


@dataclass(frozen=True, slots=True)
class Reference:
    """A source. `verified`: its text was read; otherwise it is shown as "to be verified"."""

    key: str
    label: str  # "WHO 2024": body and year
    citation: str
    url: str = ""
    year: str = ""
    verified: bool = True

    @property
    def body_and_year(self) -> str:
        """The year is told once, also where the label has it."""
        told = not self.year or self.year in self.label
        return self.label if told else f"{self.label} {self.year}"


@dataclass(frozen=True, eq=False, slots=True)
class OrderLine:
    """An order an outcome offers, and when."""

    order: str
    when: Node | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Outcome:
    name: str
    when: Node | None
    indicator: tuple[tuple[Node | None, Indicator], ...]  # the first that is true; None is otherwise
    summary: str = ""
    line: str = ""
    joins: str = ""
    detail: str = ""
    orders: tuple[OrderLine, ...] = ()
    alternatives: bool = False
    link: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Ask:
    when: Node | None
    items: tuple[str, ...]  # form items (linkIds) that would decide it
    text: str


@dataclass(frozen=True, eq=False, slots=True)
class Word:
    """A word for texts. Exactly one of the three is set."""

    table: tuple[tuple[Node | None, str], ...] = ()  # the first true row; None is otherwise
    listed: tuple[tuple[Node, str], ...] = ()  # every true row, joined
    decided_by: Node | None = None  # what made this criterion true


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collected card gathers."""

    rules: tuple[tuple[str, str], ...]  # (rule id, outcome name or "")
    summary: str
    indicator: Literal["highest"] | Indicator = "highest"
    at_least: str = ""  # any line raises the card to at least this
    footer: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()  # analytes whose pending tests count as lines (DC-01)
    orders: bool = True  # does the card offer its lines' orders?


@dataclass(frozen=True, eq=False, slots=True)
class Rule:
    id: str
    code: str  # "DVT02": id without dashes, upper case
    version: str
    status: Status
    pack: str
    kind: str
    title: str
    why: str
    references: tuple[Reference, ...]
    parameters: Mapping[str, Parameter]
    facts: Mapping[str, Named]
    when: Node | None  # None for a collected card
    unless: tuple[Node, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    ask: tuple[Ask, ...] = ()
    words: Mapping[str, Word] = field(default_factory=dict)
    names: Mapping[str, Node] = field(default_factory=dict)  # every name its texts and evidence may use
    evidence: tuple[str, ...] = ()
    consider: str = ""
    short: str = ""  # its name in a list of lines
    override: tuple[tuple[str, str], ...] = ()  # further reasons: (code, display)
    hides: tuple[str, ...] = ()
    yields_to: tuple[str, ...] = ()  # rule ids, "critical:vascular", "any:vascular", "critical:any"
    gates: tuple[tuple[str, Node], ...] = ()  # (label, criterion): closed when true
    collected: Collected | None = None
    showing: Showing = "on"
    most: Indicator | None = None  # the highest level a site lets its card have
    limits: tuple[str, ...] = ()
    life: Mapping[str, Any] = field(default_factory=dict)  # reviewed: by, on, next; source attributes
    file: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    id: str
    hook: str
    title: str
    description: str
    rules: tuple[Rule, ...]  # evaluated, in card order
    returns: frozenset[str]  # rule ids shown
    questions: bool = True
    usage: str = ""


@dataclass(frozen=True, slots=True)
class Coding:
    system: str  # full URI
    code: str
    display: str


@dataclass(frozen=True, slots=True)
class Order:
    """A suggested order. `by_side` replaces `code` when the side decides the code."""

    name: str
    label: str
    text: str
    codes: tuple[Coding, ...]
    by_side: Mapping[str, tuple[Coding, ...]] = field(default_factory=dict)
    side: str = ""  # the name of the choice that gives the side
    category: str = "laboratory"
    priority: str = "by-indicator"  # or routine urgent asap stat
    note: str = ""
    replaces: tuple[str, ...] = ()
    rank: int = 0  # order of suggestions on a collected card
    after_days: int | None = None  # occurrence so many days after `after`
    after: str = ""
    body_site: Mapping[str, Coding] = field(default_factory=dict)  # side -> where on the body
