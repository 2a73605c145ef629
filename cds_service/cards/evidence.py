"""What a card says it rests on: dated bullets, what was looked for and not found, and what could not be had or checked.

Reads the evaluation that decided; adds no judgement. An unknown is never shown as an absence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from cds_service.cards.escaping import markdown
from cds_service.cards.voice import Voice, bare, called, shown_date, spoken, unwrapped
from cds_service.model.answer import Answer, Evidence, Reason
from cds_service.model.criteria import (
    AllOf,
    AnyOf,
    Bands,
    ChoiceIs,
    Compare,
    CountOf,
    Fact,
    FirstOf,
    Known,
    Named,
    Node,
    Not,
    Parameter,
    Points,
    Score,
)
from cds_service.model.truth import Truth
from cds_service.reasoning.evaluate import Evaluation

MOST_OF_ONE = 3  # resources shown for one name
NOT_FOUND = "Looked for, not found"
NOT_HAD = "Could not be had"
NOT_READ = "Could not be read"
NOT_RECORDED = "Not recorded"
UNCERTAIN = "Uncertain"
NOT_CHECKED = "Could not be checked, taken as not so"
HEADINGS = (NOT_FOUND, NOT_READ, NOT_HAD, NOT_RECORDED, UNCERTAIN, NOT_CHECKED)
_REASONS = {
    "no result": NOT_FOUND,
    "too old": NOT_FOUND,
    "not asked": NOT_HAD,
    "failed": NOT_HAD,
    "partial": NOT_HAD,
    "unit not understood": NOT_READ,
    "value not numeric": NOT_READ,
    "implausible": NOT_READ,
    "not recorded": NOT_RECORDED,
}
_TOLD_BY_HEADING = {"no result", "not recorded"}
_SILENT_KINDS = {"missing", "pending", "hook", "patient", "draft"}
_BARE = re.compile(r"[<>=≤≥ ]*-?[\d.,]+\Z")
_REFERENCE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}\Z")


@dataclass(slots=True)
class Findings:
    """The bullets, and under each heading what is unknown. Filled once while one card is written."""

    bullets: list[str] = field(default_factory=list)
    unknown: dict[str, dict[str, None]] = field(default_factory=dict)
    forms: dict[tuple[str, str, str], dict[str, None]] = field(default_factory=dict)  # (form, date, where) -> answers

    def tell(self, item: Evidence, remark: str = "") -> None:
        """A bullet of its own; the answers of one form share one, which stands last."""
        if item.of:
            answers = self.forms.setdefault((item.of, item.date[:10], item.reference), {})
            answers[short(item, remark=remark, alone=False)] = None
        else:
            self.bullets.append(bullet(item, remark))

    def close(self) -> None:
        """Each bullet once, then one for each form."""
        told = [
            f"- **{markdown(form)}**, {markdown(date)}, {_place(where)}: {'; '.join(answers)}"
            for (form, date, where), answers in self.forms.items()
        ]
        self.bullets = [*dict.fromkeys(self.bullets), *told]

    def miss(self, heading: str, what: str) -> None:
        if what:
            self.unknown.setdefault(heading, {})[what] = None

    def lines(self) -> list[str]:
        """One line for each heading that has something to say."""
        return [f"**{heading}:** {'; '.join(self.unknown[heading])}" for heading in HEADINGS if heading in self.unknown]


def findings(voice: Voice, *further: Node) -> Findings:
    """What the rule's evidence names came to, and the exclusions nobody could check. `further`: the outcome's own."""
    found = Findings()
    for name in voice.rule.evidence:
        if (node := voice.node(name)) is not None:
            _tell(found, called(node) if isinstance(node, Named) else spoken(name), node, voice.evaluation)
    rule = voice.rule
    for exclusion in rule.unless:
        if voice.evaluation.truth(exclusion) is None:
            found.miss(NOT_CHECKED, _unchecked_words(exclusion, "", voice.evaluation))
    for node in ((rule.when,) if rule.when is not None else ()) + further:
        for item, name in unchecked(node, voice.evaluation):
            found.miss(NOT_CHECKED, _unchecked_words(item, name, voice.evaluation))
    found.close()
    return found


def _tell(found: Findings, name: str, node: Node, evaluation: Evaluation) -> None:
    inner = unwrapped(node)
    if isinstance(inner, Parameter):
        found.bullets.append(f"- {titled(name)}: {markdown(bare(node, evaluation))}")
    elif isinstance(inner, Score):
        found.bullets.extend(_score(name, node, inner, evaluation))
    elif node.type == "truth":
        _tell_truth(found, name, inner, evaluation)
    else:
        _tell_value(found, name, node, inner, evaluation)


def _tell_truth(found: Findings, name: str, inner: Node, evaluation: Evaluation) -> None:
    answer = evaluation.answer(inner)
    truth = evaluation.truth(inner)
    if isinstance(inner, Fact) and inner.kind in _SILENT_KINDS and truth is not True:
        return _reasons(found, name, answer)
    for item in answer.evidence[:MOST_OF_ONE]:
        found.tell(item, _remark(item, truth))
    if truth is None:
        _reasons(found, name, answer)
    elif not answer.evidence and (truth is False or (isinstance(inner, Fact) and inner.kind == "missing")):
        found.miss(NOT_FOUND, titled(name))
    return None


def _remark(item: Evidence, truth: Truth) -> str:
    """A resource that does not say yes must not look as if it did; one with a value speaks for itself."""
    if truth is True or item.text:
        return ""
    return "recorded as not present" if truth is False else "uncertain"


def _tell_value(found: Findings, name: str, node: Node, inner: Node, evaluation: Evaluation) -> None:
    answer = evaluation.answer(node)
    words = bare(node, evaluation)
    if answer.evidence and (_is_result(inner) or (len(answer.evidence) == 1 and answer.evidence[0].text == words)):
        found.tell(answer.evidence[0])
    elif words:
        date = shown_date(answer)
        line = f"- **{_begun(titled(name))}** {markdown(words)}{f', {markdown(date)}' if date else ''}"
        rest = [short(item, alone=not item.of) for item in answer.evidence[:MOST_OF_ONE]]
        found.bullets.append(f"{line} (from {'; '.join(rest)})" if rest else line)
    if not words:
        _reasons(found, name, answer)


def _begun(name: str) -> str:
    """A name as it begins a line: "Calf difference", but "eGFR"."""
    first = name.partition(" ")[0]
    return f"{name[:1].upper()}{name[1:]}" if first.islower() else name


def _is_result(node: Node) -> bool:
    return isinstance(node, Fact) and node.kind == "result"


def _reasons(found: Findings, name: str, answer: Answer) -> None:
    for reason in answer.reasons:
        found.miss(_REASONS.get(reason.why, UNCERTAIN), reason_words(reason, name))


def reason_words(reason: Reason, name: str = "") -> str:
    """What is unknown and why, in a few words: "Ferritin (unit not understood: 12 xx)"."""
    what = markdown(reason.what) or titled(name)
    why: str = "" if reason.why in _TOLD_BY_HEADING else reason.why
    if why == "unit not understood" and _BARE.match(reason.text):
        why = "no unit"
    detail = ": ".join(part for part in (why, markdown(reason.text)) if part)
    return f"{what} ({detail})" if detail and what else what or detail


@lru_cache(maxsize=4096)
def titled(words: str) -> str:
    """Words of the content, safe to show; being content, they may be kept."""
    return markdown(words)


def bullet(item: Evidence, remark: str = "") -> str:
    """`- **Ferritin** 12 ng/mL, 2026-05-01, Observation/o1`"""
    return f"- {short(item, bold=True, remark=remark)}"


def short(item: Evidence, bold: bool = False, remark: str = "", alone: bool = True) -> str:
    """One resource in one line: what it is, what it says, and, where it stands alone, when and where."""
    label = markdown(item.label or item.reference)
    head = f"**{label}**" if bold and label else label
    value = markdown(item.text)
    notes = [note for note in (remark, markdown(item.note)) if note]
    said = f"{head} {value}".strip() + (f" ({', '.join(notes)})" if notes else "")
    if not alone:
        return said
    where = _place(item.reference) if item.label else ""
    return ", ".join(part for part in (said, markdown(item.date[:10]), where) if part)


def _place(reference: str) -> str:
    return f"`{reference}`" if _REFERENCE.match(reference) else markdown(reference)


def _score(name: str, node: Node, score: Score, evaluation: Evaluation) -> list[str]:
    """A score with its parts: what counted, and what is unknown and widens it."""
    counted: list[str] = []
    open_: list[str] = []
    for item in score.items:
        low, high = evaluation.score(Score("quantity", (item,)))
        what = item.when if isinstance(item, Points) else item.of if isinstance(item, Bands) else item
        words = titled(called(what)) if isinstance(what, Named) else markdown(name_of(what))
        if low != high:
            open_.append(words)
        elif low:
            counted.append(f"{words} {low:+d}")
    line = f"- **{titled(name)}** {markdown(bare(node, evaluation))}"
    if counted:
        line += f": {', '.join(counted)}"
    return [line] + ([f"- **{titled(name)}**, not known: {', '.join(open_)}"] if open_ else [])


def name_of(node: Node) -> str:
    """The first name below a node, as words."""
    inner = node
    while True:
        match inner:
            case Named():
                return called(inner)
            case Fact():
                return " or ".join(spoken(name) for name in inner.sets) or inner.kind
            case Not() | Known():
                inner = inner.item
            case Compare():
                inner = inner.quantity
            case ChoiceIs():
                inner = inner.choice
            case AllOf() | AnyOf() | CountOf():
                return ", ".join(name_of(item) for item in inner.items[:MOST_OF_ONE])
            case _:
                return ""


def unchecked(node: Node, evaluation: Evaluation, name: str = "") -> Iterator[tuple[Node, str]]:
    """What is undecided under a `known` or `unless` that bore on the answer, with the nearest name above it."""
    match node:
        case Named():
            yield from unchecked(node.node, evaluation, called(node))
        case Known():
            if evaluation.truth(node.item) is None:
                yield node.item, name
            else:
                yield from unchecked(node.item, evaluation, name)
        case Not():
            yield from unchecked(node.item, evaluation, name)
        case AllOf() | AnyOf() | CountOf():
            truth = evaluation.truth(node)
            deciding = [
                list(unchecked(item, evaluation, name)) for item in node.items if evaluation.truth(item) is truth
            ]
            one_is_enough = isinstance(node, AnyOf if truth else AllOf)
            if not (one_is_enough and [] in deciding):
                for found in deciding:
                    yield from found
        case Compare():
            yield from unchecked(node.quantity, evaluation, name)
            for _, limit in node.bounds:
                yield from unchecked(limit, evaluation, name)
        case ChoiceIs():
            yield from unchecked(node.choice, evaluation, name)
        case FirstOf():
            for when, then in node.rows:
                yield from unchecked(when, evaluation, name)
                if evaluation.truth(when) is True:
                    yield from unchecked(then, evaluation, name)
                    return
            yield from unchecked(node.otherwise, evaluation, name)


def _unchecked_words(item: Node, name: str, evaluation: Evaluation) -> str:
    words = markdown(name_of(item)) or titled(name)
    reasons = evaluation.answer(item).reasons
    why = dict.fromkeys(reason_words(reason) for reason in reasons if reason.why not in _TOLD_BY_HEADING)
    told = "; ".join(part for part in list(why)[:2] if part and part != words)
    return f"{words} ({told})" if told else words


def pending_words(item: Evidence) -> str:
    """A test that is under way: "Ferritin (ordered 2026-06-10)"."""
    date = item.date[:10]
    return f"{markdown(item.label)} ({markdown(date)})" if date else markdown(item.label)
