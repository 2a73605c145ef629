"""A card's detail in markdown: why now, what it rests on, what is unknown, what to consider, and the source. Short.

Sentences are content; here are only headings and order. No HTML, no links: they stand in the card's `links`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cds_service.cards.desk import Desk
from cds_service.cards.escaping import entities, markdown
from cds_service.cards.evidence import NOT_READ, Findings, findings, pending_words, reason_words
from cds_service.cards.sheets import Sheet, each_once, looked_for
from cds_service.cards.standing import Standing
from cds_service.cards.text import slots
from cds_service.cards.voice import Voice
from cds_service.model.answer import Evidence
from cds_service.model.criteria import Fact
from cds_service.model.rule import Reference, Rule

MOST_QUESTIONS = 6
MOST_SOURCES = 4
_FIRST = {"first-two": 2, "first-three": 3}
_UNREADABLE = {"unit not understood", "value not numeric", "implausible"}


def own_detail(sheet: Sheet, voice: Voice, desk: Desk) -> str:
    """Why now, the evidence, what is unknown, what to consider, the source."""
    rule = voice.rule
    outcome = sheet.members[0].verdict.outcome
    own = voice.markdown(outcome.detail) if outcome and outcome.detail else ""
    why = " ".join(part for part in (voice.markdown(rule.why), own) if part)
    found = findings(voice, outcome.when) if outcome and outcome.when is not None else findings(voice)
    passed_over = _passed_over(sheet, desk)
    blocks = [
        f"**Why now:** {why}" if why else "",
        _bullets(found, desk.profile.evidence),
        "\n\n".join(found.lines() + passed_over),
        _consider(voice),
    ]
    return fitted(blocks, source_line([rule], rule), desk.profile.detail)


def _consider(voice: Voice) -> str:
    """What to consider; a text that says so itself is not told twice."""
    text = voice.rule.consider
    if text.startswith("Consider "):
        return f"**Consider** {voice.markdown(text.removeprefix('Consider '))}"
    return f"**Consider:** {voice.markdown(text)}" if text else ""


def _bullets(found: Findings, most: int) -> str:
    shown = found.bullets[:most]
    if (further := len(found.bullets) - len(shown)) > 0:
        shown.append(f"- and {further} more")
    return "\n".join(shown)


def _passed_over(sheet: Sheet, desk: Desk) -> list[str]:
    """Outcomes that come before the one that spoke and are undecided."""
    verdict = sheet.members[0].verdict
    earlier: list[str] = []
    for outcome in verdict.rule.outcomes:
        if outcome is verdict.outcome:
            break
        if outcome.when is not None and desk.evaluation.truth(outcome.when) is None:
            earlier.append(markdown(outcome.name.replace("-", " ")))
    return [f"**Undecided:** {', '.join(earlier)}"] if earlier else []


# ---------------------------------------------------------------------------------------------- collected cards


def own_words(sheet: Sheet, template: str) -> dict[str, str]:
    """The words only a collected card knows: how many lines, the first of them, and what is pending."""
    shorts = [item.rule.short or item.rule.title for item in sheet.members]
    named = max((_FIRST.get(slot.name, 0) for slot in slots(template)), default=0)
    words = {name: ", ".join(shorts[:count]) for name, count in _FIRST.items()}
    words["count"] = str(len(shorts))
    words["more"] = str(max(0, len(shorts) - (named or 3)))
    words["pending"] = ", ".join(_test(item) for item in sheet.pending)
    words["pending-count"] = str(len(sheet.pending))
    return words


def _test(item: Evidence) -> str:
    """What is under way, as the order calls it."""
    return item.text if item.reference.startswith("ServiceRequest/") and item.text else item.label


def collected_detail(sheet: Sheet, voice: Voice, desk: Desk) -> str:
    """One line per member, then what is pending and what could not be read, what to consider, the source."""
    rule = voice.rule
    lines = [f"- {_line(item, Voice(item.rule, desk.evaluation))}" for item in sheet.members]
    found = findings(voice)
    evidence = "; ".join(bullet.removeprefix("- ") for bullet in found.bullets[: desk.profile.evidence])
    blocks = [
        f"**Why now:** {voice.markdown(rule.why)}" if rule.why else "",
        "\n".join(lines),
        f"On record: {evidence}." if evidence else "",
        "\n\n".join(found.lines() + _footer(sheet, rule, desk)),
        _consider(voice),
    ]
    return fitted(blocks, source_line([rule, *(item.rule for item in sheet.members)], rule), desk.profile.detail)


def _line(item: Standing, voice: Voice) -> str:
    """The line a rule writes for the collected card; of a finding, its summary under its short name."""
    outcome = item.verdict.outcome
    if outcome is not None and outcome.line:
        return voice.markdown(outcome.line)
    name = entities(item.rule.short or item.rule.title)
    return f"**{name}**: {voice.markdown(outcome.summary)}" if outcome else name


def _footer(sheet: Sheet, rule: Rule, desk: Desk) -> list[str]:
    """Tests under way and results nobody could read, among all the card looks for."""
    wanted = rule.collected.footer if rule.collected else ()
    facts = looked_for(rule, sheet.members, desk.service.rules, desk.evaluation) if wanted else ()
    answers = [(fact, desk.evaluation.answer(fact)) for fact in facts]
    found: list[str] = []
    if "pending" in wanted:
        done = [item for _, answer in answers if answer.truth is False for item in answer.evidence]
        waiting = [item for item in done if _under_way(item)]
        tests = list(dict.fromkeys(_pending(item) for item in (*sheet.pending, *each_once(waiting))))
        found += [f"**Pending, not repeated:** {', '.join(tests)}"] if tests else []
    if "unreadable" in wanted:
        unread = dict.fromkeys(
            reason_words(reason, _tests_of(fact))
            for fact, answer in answers
            if answer.truth is None
            for reason in answer.reasons
            if reason.why in _UNREADABLE
        )
        found += [f"**{NOT_READ}:** {'; '.join(unread)}"] if unread else []
    return found


def _under_way(item: Evidence) -> bool:
    return item.note == "pending" or item.reference.startswith("ServiceRequest/")


def _pending(item: Evidence) -> str:
    return pending_words(Evidence(item.reference, _test(item), date=item.date))


def _tests_of(fact: Fact) -> str:
    return " or ".join(fact.sets)


# ---------------------------------------------------------------------------------------------- the card of questions


def ask_detail(sheet: Sheet, desk: Desk) -> str:
    """One line per rule that asks, with what would decide it."""
    lines: list[str] = []
    for item in sheet.members:
        voice = Voice(item.rule, desk.evaluation)
        texts = list(dict.fromkeys(voice.markdown(ask.text) for ask in item.verdict.asks))
        lines.append(f"- **{entities(item.rule.title)}** ({item.rule.id.upper()}): {' '.join(texts)}")
        items = dict.fromkeys(name for ask in item.verdict.asks for name in ask.items)
        asked = [desk.questions[name] for name in items if name in desk.questions]
        lines += [f"  - {entities(question)}" for question in asked[:MOST_QUESTIONS]]
    intro = "**Why now:** these could not be decided from the chart. What would decide each:"
    source = source_line([item.rule for item in sheet.members], None)
    return fitted([intro, "\n".join(lines)], source, desk.profile.detail)


# ---------------------------------------------------------------------------------------------- source and length


def source_line(rules: Iterable[Rule], of: Rule | None) -> str:
    """The sources, each once, those nobody has read marked so; and the rule with its version."""
    labels = list(dict.fromkeys(label(reference) for rule in rules for reference in rule.references))
    if (further := len(labels) - MOST_SOURCES) > 0:
        labels[MOST_SOURCES:] = [f"{further} more on the rules' pages"]
    sources = f"Source: {'; '.join(labels)}." if labels else ""
    version = f"Rule {of.id.upper()}, version {of.version}." if of else ""
    return " ".join(part for part in (sources, version) if part)


def label(reference: Reference) -> str:
    """Body and year; a source whose text nobody has read is marked."""
    return f"{entities(reference.body_and_year)}{'' if reference.verified else ' (to be verified)'}"


def fitted(blocks: Sequence[str], last: str, most: int) -> str:
    """The blocks with the source line at the end. Where a client takes less, whole lines go, from the end upward."""
    text = "\n\n".join(block for block in (*blocks, last) if block)
    if most <= 0 or len(text) <= most:
        return text
    lines = "\n\n".join(block for block in blocks if block).split("\n")
    while lines and len("\n".join(lines)) + len(last) + 5 > most:
        lines.pop()
    return "\n".join([*lines, "", "…", "", last] if last else [*lines, "", "…"]).strip()
