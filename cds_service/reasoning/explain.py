"""Explains a verdict: the whole tree with the truth, evidence and doubts of every node, from the evaluation's own memo.

Must not decide anything: it asks the evaluation that decided.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cds_service.model.answer import Answer
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
)
from cds_service.model.rule import Rule
from cds_service.model.truth import Truth
from cds_service.model.verdict import Verdict
from cds_service.reasoning.evaluate import Evaluation

HOOKS = "hooks"  # the origin of a parameter no site has set: its source is told instead


@dataclass(frozen=True, slots=True)
class Explanation:
    """One line and what stands below it. `truth` is "" where the node has none (a quantity, a choice)."""

    text: str
    truth: Truth | str
    answer: Answer | None = None
    children: tuple[Explanation, ...] = field(default=())


def explain(rule: Rule, verdict: Verdict, evaluation: Evaluation) -> Explanation:
    """The rule's tree: gates, criteria, exclusions and every outcome's own condition."""
    parts = [
        _line(evaluation, gate, f"gate {label}: ") for label, gate in rule.gates if evaluation.truth(gate) is not False
    ]
    if rule.when is not None:
        parts.append(_line(evaluation, rule.when, "when "))
    parts += [_line(evaluation, node, "unless ") for node in rule.unless]
    parts += [
        _line(evaluation, outcome.when, f"outcome {outcome.name}: ")
        for outcome in rule.outcomes
        if outcome.when is not None
    ]
    parts += [_line(evaluation, ask.when, "asks when ") for ask in rule.ask if ask.when is not None]
    state = verdict.outcome.name if verdict.outcome else verdict.state
    truth: Truth = (
        True if verdict.state == "fired" else None if verdict.state in ("asked", "undecided", "error") else False
    )
    return Explanation(f"{rule.code} {rule.title}: {state}", truth, None, tuple(parts))


def _line(evaluation: Evaluation, node: Node, before: str = "") -> Explanation:
    below: tuple[Node, ...] = ()
    match node:
        case Named():
            inner = _line(evaluation, node.node)
            answer = inner.answer or (evaluation.answer(node) if _is_leaf(node.node) else None)
            text = f"{node.name}{_window(node.node)}" if _is_leaf(node.node) else f"{node.name}: {inner.text}"
            return Explanation(before + text, _truth(evaluation, node), answer, inner.children)
        case Fact() | Calculation():
            return Explanation(
                before + sentence(node), _truth(evaluation, node), evaluation.answer(node), _arguments(evaluation, node)
            )
        case Score():
            low, high = evaluation.score(node)
            lines = tuple(_item(evaluation, item) for item in node.items)
            return Explanation(f"{before}score {low if low == high else f'{low} to {high}'}", "", None, lines)
        case AllOf() | AnyOf() | CountOf():
            below = node.items
        case Not():
            below = (node.item.item,) if isinstance(node.item, Known) else (node.item,)
        case Known() | Undecided():
            below = (node.item,)
        case Compare():
            below = (node.quantity,)
        case ChoiceIs():
            below = (node.choice,)
        case FirstOf():
            return Explanation(
                before + "the first that applies", _truth(evaluation, node), None, _table(evaluation, node)
            )
        case AgeOf():
            below = node.of
    return Explanation(
        before + sentence(node), _truth(evaluation, node), None, tuple(_line(evaluation, item) for item in below)
    )


def _window(node: Node) -> str:
    """How far back a fact is looked for, and the parameter that says so."""
    span = node.window.within if isinstance(node, Fact) and node.window else None
    if span is None:
        return ""
    return f" within {span.text}" + (f" ({span.parameter})" if span.parameter else "")


def _is_leaf(node: Node) -> bool:
    return isinstance(node, Fact | Calculation)


def _truth(evaluation: Evaluation, node: Node) -> Truth | str:
    return evaluation.truth(node) if node.type == "truth" else ""


def _arguments(evaluation: Evaluation, node: Node) -> tuple[Explanation, ...]:
    if isinstance(node, Calculation):
        return tuple(
            _line(evaluation, item, f"{name}: ")
            for name, item in node.arguments
            if not isinstance(item, Parameter | Number)
        )
    return tuple(_line(evaluation, item) for item in node.inner) if isinstance(node, Fact) else ()


def _item(evaluation: Evaluation, item: Node) -> Explanation:
    if isinstance(item, Points):
        return _line(evaluation, item.when, f"{item.points:+d} ")
    assert isinstance(item, Bands)
    return _line(evaluation, item.of, "points by ")


def _table(evaluation: Evaluation, node: FirstOf) -> tuple[Explanation, ...]:
    lines = []
    for when, then in node.rows:
        truth = evaluation.truth(when)
        lines.append(_line(evaluation, when, "if "))
        if truth is not False:
            lines.append(_line(evaluation, then, "  then "))
        if truth is True:
            return tuple(lines)
    lines.append(_line(evaluation, node.otherwise, "otherwise "))
    return tuple(lines)


def sentence(node: Node) -> str:
    """A node in words, without its children."""
    match node:
        case Named():
            return node.name
        case Fact():
            return f"{node.kind} {' or '.join(node.sets) or '(form only)'}{_window(node)}"
        case Calculation():
            return node.name.replace("-", " ")
        case Literally():
            return {True: "always", False: "never", None: "unknown"}[node.value]
        case AllOf():
            return "all of"
        case AnyOf():
            return "any of"
        case CountOf():
            return f"at least {node.at_least} of"
        case Not():
            return "unless known" if isinstance(node.item, Known) else "not"
        case Known():
            return "known"
        case Undecided():
            return "undecided"
        case Compare():
            return f"{sentence(node.quantity)} " + " and ".join(
                f"{OPERATOR_WORDS[operator]} {sentence(limit)}" for operator, limit in node.bounds
            )
        case ChoiceIs():
            return f"{sentence(node.choice)} is {' or '.join(sorted(node.labels))}"
    return _quantity(node)


def _quantity(node: Node) -> str:
    match node:
        case Parameter():
            value = node.limit.printed[0].text if node.limit else str(node.switch).lower()
            return f"{value} ({node.name}, {node.source if node.origin == HOOKS else node.origin})"
        case Label():
            return node.label
        case Number():
            return node.limit.printed[0].text
        case TimesUpper():
            return f"{sentence(node.times)} times the report's upper limit"
        case AgeOf():
            return f"days since {' or '.join(sentence(item) for item in node.of)}"
    return type(node).__name__.lower()


def decisive(node: Node, evaluation: Evaluation) -> list[Named | Fact]:
    """The facts that made a criterion what it is: of a true one those that are true, else those that hold it open."""
    truth = evaluation.truth(node)
    found: list[Named | Fact] = []
    _gather(node, truth, evaluation, None, found)
    return list(dict.fromkeys(found))


def _gather(node: Node, truth: Truth, evaluation: Evaluation, name: Named | None, found: list[Named | Fact]) -> None:
    match node:
        case Named():
            _gather(node.node, truth, evaluation, node, found)
        case Fact() | Calculation() | Score() | AgeOf():
            if name is not None or isinstance(node, Fact):
                found.append(name or node)  # type: ignore[arg-type]
        case AllOf() | AnyOf() | CountOf():
            for item in node.items:
                if evaluation.truth(item) is truth:
                    _gather(item, truth, evaluation, item if isinstance(item, Named) else None, found)
        case Not() | Known() | Undecided():
            _gather(node.item, evaluation.truth(node.item), evaluation, name, found)
        case Compare():
            _gather(node.quantity, truth, evaluation, name, found)
        case ChoiceIs():
            _gather(node.choice, truth, evaluation, name, found)
        case FirstOf():
            for row in evaluation._rows(node)[:1]:
                _gather(row, truth, evaluation, name if row.type != "truth" else None, found)
