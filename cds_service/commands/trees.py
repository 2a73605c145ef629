"""An explanation printed: as a tree with colours for people, as JSON for machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cds_service.batch.chart import Told
from cds_service.model.answer import Answer, Evidence, Reason
from cds_service.model.truth import Truth
from cds_service.reasoning.explain import Explanation

_MARKS: dict[Truth | str, tuple[str, str]] = {True: ("yes", "32"), False: ("no", "2"), None: ("?", "33"), "": ("", "")}
_LEVELS = {"critical": "31", "warning": "33", "info": "36"}


def as_text(told: Told, *, everything: bool, colour: bool) -> str:
    """The trees, then the cards in short. everything: rules that are false with their trees, not in one line."""
    lines: list[str] = []
    for verdict, tree in told.trees:
        short = verdict.state in ("false", "closed") and not everything
        lines += [_head(tree, colour)] if short else [*_tree(tree, 0, colour), ""]
    return "\n".join([*lines, "", *_cards(told, colour)])


def _head(tree: Explanation, colour: bool) -> str:
    return _painted(f"no   {tree.text}", "2", colour)


def _tree(tree: Explanation, depth: int, colour: bool) -> Iterator[str]:
    mark, paint = _MARKS[tree.truth]
    told = _painted(_said(tree.answer), "36", colour)
    yield f"{'  ' * depth}{_painted(f'{mark:<4}', paint, colour)} {tree.text}{told}"
    for reason in tree.answer.reasons if tree.answer and not tree.children else ():
        yield f"{'  ' * depth}       {_painted(_why(reason), '33', colour)}"
    for child in tree.children:
        yield from _tree(child, depth + 1, colour)


def _said(answer: Answer | None) -> str:
    if answer is None:
        return ""
    value = answer.quantity.text if answer.quantity else "/".join(sorted(answer.labels)) if answer.truth is None else ""
    shown = "; ".join(_evidence(item) for item in answer.evidence)
    return "".join(f"  [{part}]" for part in (value, shown) if part)


def _evidence(item: Evidence) -> str:
    return ", ".join(
        part for part in (f"{item.label} {item.text}".strip(), item.date, item.reference, item.note) if part
    )


def _why(reason: Reason) -> str:
    return "because " + ": ".join(part for part in (reason.why, reason.what, reason.text) if part)


def _cards(told: Told, colour: bool) -> Iterator[str]:
    reply = told.consultation.reply
    for card in reply.cards:
        yield f"{_painted(card['indicator'].upper(), _LEVELS[card['indicator']], colour)}  {card['summary']}"
        for suggestion in card.get("suggestions", ()):
            yield f"    suggests: {suggestion['label']}"
    if not reply.cards:
        yield "no card"
    for entry in reply.verdicts:
        if entry["outcome"] == "held":
            yield f"held back: {entry['code']} ({entry['because']})"
    for problem in reply.problems:
        yield f"could not be used: {problem['what']} {problem['where']}: {problem['why']}"


def _painted(text: str, paint: str, colour: bool) -> str:
    return f"\x1b[{paint}m{text}\x1b[0m" if colour and paint and text else text


def as_json(told: Told) -> dict[str, Any]:
    """{service, rules: [{code, state, outcome, tree}], reply}"""
    rules = [
        {
            "code": verdict.rule.code,
            "version": verdict.rule.version,
            "state": verdict.state,
            "outcome": verdict.outcome.name if verdict.outcome else None,
            "tree": _node(tree),
        }
        for verdict, tree in told.trees
    ]
    reply = told.consultation.reply
    return {
        "service": told.call.service,
        "rules": rules,
        "reply": {"cards": reply.cards, "verdicts": reply.verdicts, "problems": reply.problems},
    }


def _node(tree: Explanation) -> dict[str, Any]:
    found: dict[str, Any] = {"text": tree.text}
    if tree.truth != "":
        found["truth"] = tree.truth
    if tree.answer is not None:
        if tree.answer.quantity:
            found["value"] = tree.answer.quantity.text
        found["evidence"] = [_evidence(item) for item in tree.answer.evidence]
        found["reasons"] = [_why(item) for item in tree.answer.reasons]
    if tree.children:
        found["below"] = [_node(child) for child in tree.children]
    return found
