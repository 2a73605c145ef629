"""What a name in a rule's texts says of this patient: values as reported, dates, sides, scores, words of the rule.

Reads the evaluation that decided, so a card cannot say otherwise. Every value leaves here made safe for its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from cds_service.cards import escaping
from cds_service.cards.text import fill, fit, joined
from cds_service.model.answer import Answer
from cds_service.model.criteria import Calculation, Fact, Named, Node, Parameter
from cds_service.model.quantity import Quantity
from cds_service.model.rule import Rule, Word
from cds_service.reasoning.evaluate import Evaluation
from cds_service.reasoning.explain import decisive

_TENTH = Decimal("0.1")
_SEVERAL = frozenset({"left", "right", "both"})


@dataclass(frozen=True, slots=True)
class Voice:
    """One rule speaking of one patient. `own` are words only a collected card knows: `{count}`, `{first-three}`."""

    rule: Rule
    evaluation: Evaluation
    own: Mapping[str, str] = field(default_factory=dict)

    def summary(self, template: str) -> str:
        return fit(template, self._plain)

    def label(self, template: str) -> str:
        """Plain text of any length."""
        return " ".join(fill(template, self._plain).split())

    def markdown(self, template: str) -> str:
        return fill(template, self._markdown, markdown=True)

    def node(self, name: str) -> Node | None:
        return self.rule.names.get(name) or self.rule.facts.get(name)

    def _plain(self, name: str, attribute: str) -> str:
        return self._says(name, attribute, markdown=False)

    def _markdown(self, name: str, attribute: str) -> str:
        return self._says(name, attribute, markdown=True)

    def _says(self, name: str, attribute: str, markdown: bool) -> str:
        if (word := self.rule.words.get(name)) is not None:
            return self._word(word, markdown)
        if name in self.own:
            found = self.own[name]
        else:
            node = self.node(name)
            found = said(node, attribute, self.evaluation) if node is not None else ""
        if not found:
            return ""
        return escaping.markdown(found) if markdown else escaping.plain(found)

    def _word(self, word: Word, markdown: bool) -> str:
        """A word of the rule: its own text is signed content, what it names is escaped."""
        say = self._markdown if markdown else self._plain
        truth = self.evaluation.truth
        if word.decided_by is not None:
            shown = [phrase(node, self.evaluation) for node in decisive(word.decided_by, self.evaluation)]
            text = joined(list(dict.fromkeys(item for item in shown if item)))
            return escaping.markdown(text) if markdown else escaping.plain(text)
        if word.listed:
            return joined([fill(text, say, markdown) for when, text in word.listed if truth(when) is True])
        for when, text in word.table:
            if when is None or truth(when) is True:
                return fill(text, say, markdown)
        return ""


def unwrapped(node: Node) -> Node:
    """The fact or criterion behind its names."""
    while isinstance(node, Named):
        node = node.node
    return node


def spoken(name: str) -> str:
    """An engine's name as words: `on-oral-iron` is "on oral iron"."""
    return name.rpartition(":")[2].replace("-", " ")


def called(node: Named) -> str:
    """How a card calls a name of the content."""
    return node.words or spoken(node.name)


def said(node: Node, attribute: str, evaluation: Evaluation) -> str:
    """The raw words of `{name}` or `{name.attribute}`; "" when there is nothing to say."""
    if not attribute:
        return bare(node, evaluation)
    answer = evaluation.answer(node)
    if found := answer.extra.get(attribute):
        return found
    match attribute:
        case "date":
            return shown_date(answer)
        case "start":
            return _day(answer.started)
        case "days":
            return str(days_since(answer.dated, evaluation)) if answer.dated else ""
        case "side":
            return side_of(answer)
        case "name" | "drug":
            return answer.evidence[0].label if answer.evidence else ""
        case "times":
            return times_upper(answer)
        case "value":
            return number_of(node)
        case "upper":
            return amount(answer.upper_limit) if answer.upper_limit else ""
    return ""


def number_of(node: Node) -> str:
    """The bare number of a parameter, as it is printed first."""
    inner = unwrapped(node)
    if not isinstance(inner, Parameter) or inner.limit is None:
        return ""
    exact = inner.limit.printed[0].interval.exact
    return f"{exact:f}" if exact is not None else ""


def days_since(moment: datetime, evaluation: Evaluation) -> int:
    """Whole days on the facility's calendar; 0 for today and for a clock that runs ahead."""
    zone = evaluation.zone
    return max(0, (evaluation.now.astimezone(zone).date() - moment.astimezone(zone).date()).days)


def bare(node: Node, evaluation: Evaluation) -> str:
    """A quantity as reported, a choice's label, or what the chart calls the evidence of a truth."""
    if node.type == "quantity":
        return " or ".join(dict.fromkeys(amount(quantity) for quantity in evaluation.possible(node)))
    if node.type == "choice":
        labels = evaluation.choice(node)
        return next(iter(labels)) if len(labels) == 1 else ""
    answer = evaluation.answer(node)
    return answer.evidence[0].label if answer.evidence else ""


def amount(quantity: Quantity) -> str:
    """As reported; a computed value in plain digits with its unit."""
    if quantity.text:
        return quantity.text
    interval = quantity.interval
    ends = [f"{end.normalize():f}" for end in (interval.low, interval.high) if end is not None]
    number = " to ".join(dict.fromkeys(ends))
    return number if quantity.unit.code in ("1", "") else f"{number} {quantity.unit.code}"


def shown_date(answer: Answer) -> str:
    """The date of the evidence that decided, as recorded (a year stays a year), YYYY-MM-DD at most."""
    for item in answer.evidence:
        if item.date and (answer.dated is None or item.when == answer.dated):
            return item.date[:10]
    return _day(answer.dated)


def _day(moment: datetime | None) -> str:
    return moment.date().isoformat() if moment else ""


def side_of(answer: Answer) -> str:
    return next(iter(answer.labels)) if len(answer.labels) == 1 and answer.labels <= _SEVERAL else ""


def times_upper(answer: Answer) -> str:
    """How many times the report's own upper limit, to one place."""
    if not (answer.quantity and answer.upper_limit):
        return ""
    value, limit = answer.quantity.canonical(), answer.upper_limit.canonical().exact
    lowest = value.exact if value.exact is not None else value.low
    if lowest is None or not limit:
        return ""
    return f"{(lowest / limit).quantize(_TENTH, ROUND_HALF_UP):f}"


def phrase(node: Node, evaluation: Evaluation) -> str:
    """A fact that decided, in the engine's words: what the chart says of it, else its name."""
    inner = unwrapped(node)
    if node.type == "quantity":
        words = called(node) if isinstance(node, Named) else ""
        evidence = evaluation.answer(node).evidence
        if isinstance(inner, Fact | Calculation) and evidence and evidence[0].label:
            words = evidence[0].label
        return f"{words} {bare(node, evaluation)}".strip()
    if isinstance(node, Named):
        return called(node)
    if isinstance(inner, Fact):
        return bare(inner, evaluation) or " or ".join(spoken(name) for name in inner.sets)
    return ""
