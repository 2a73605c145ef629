"""What the ledger must know of a verdict to tell later whether newer evidence makes it true afresh.

Reads the evaluation that decided; must decide nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cds_service.model.criteria import (
    AllOf,
    AnyOf,
    Calculation,
    Compare,
    CountOf,
    Fact,
    FirstOf,
    Known,
    Literally,
    Node,
    Not,
    Points,
    Undecided,
    children,
)
from cds_service.model.memory import Note
from cds_service.model.verdict import Verdict
from cds_service.reasoning.evaluate import Evaluation


def note_of(verdict: Verdict, evaluation: Evaluation) -> Note:
    """The newest evidence that makes the rule true, the drafts it speaks of, and where its parameters come from."""
    rule = verdict.rule
    roots = [node for node in (rule.when, verdict.outcome.when if verdict.outcome else None) if node is not None]
    facts = list(dict.fromkeys(fact for node in roots for fact in _speaking(node, evaluation)))
    moments = [
        item.when for fact in facts if not _is_draft(fact) for item in evaluation.answer(fact).evidence if item.when
    ]
    drafts = {item.label for fact in facts if _is_draft(fact) for item in evaluation.answer(fact).evidence}
    origins = {parameter.origin for parameter in rule.parameters.values()} - {"hooks"}
    return Note(max(moments, default=None), ", ".join(sorted(origins)) or "hooks", ", ".join(sorted(drafts)))


def joined(notes: Iterable[Note]) -> Note:
    """One note for a card that gathers the lines of several rules."""
    kept = list(notes)
    origins = {note.origin for note in kept} - {"hooks"}
    return Note(
        max((note.newest for note in kept if note.newest), default=None),
        ", ".join(sorted(origins)) or "hooks",
        ", ".join(sorted({note.about for note in kept if note.about})),
    )


def _is_draft(node: Node) -> bool:
    return isinstance(node, Fact) and node.kind == "draft"


def _speaking(node: Node, evaluation: Evaluation) -> Iterator[Node]:
    """The facts below a node that speak for it: of a list those that hold, of a table the rows that may apply."""
    match node:
        case Not() | Undecided() | Literally():
            return
        case Fact() if node.kind != "side":
            yield node
            return
        case Calculation():
            yield node
    for below in _below(node, evaluation):
        yield from _speaking(below, evaluation)


def _below(node: Node, evaluation: Evaluation) -> tuple[Node, ...]:
    match node:
        case AllOf() | AnyOf() | CountOf():
            return tuple(item for item in node.items if evaluation.truth(item) is True)
        case Known():
            return (node.item,) if evaluation.truth(node.item) is True else ()
        case Points():
            return (node.when,) if evaluation.truth(node.when) is True else ()
        case Compare():
            return (node.quantity,)
        case FirstOf():
            return tuple(evaluation._rows(node))
    return children(node)
