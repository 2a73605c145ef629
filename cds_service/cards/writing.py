"""One sheet as the JSON of one CDS Hooks card for one client: no member outside the standard, none null, none empty."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from cds_service.cards import detail
from cds_service.cards.desk import Desk
from cds_service.cards.escaping import entities
from cds_service.cards.orders import suggestions
from cds_service.cards.sheets import Sheet
from cds_service.cards.standing import ASK
from cds_service.cards.text import SUMMARY_MOST, cut
from cds_service.cards.voice import Voice
from cds_service.model.rule import Reference, Rule

INFORMATION_NEEDED = "Information needed"
MOST_LINKS = 5


def write(sheet: Sheet, desk: Desk) -> tuple[str, dict[str, Any]]:
    """The card and its uuid. The uuid is made even for a client that does not want to see it."""
    if sheet.own is None:
        return _ask_card(sheet, desk)
    rule = sheet.own.rule
    card, identity = _card(desk)
    if rule.collected is not None:
        voice = Voice(rule, desk.evaluation, detail.own_words(sheet, rule.collected.summary))
        summary = rule.collected.summary
        text = detail.collected_detail(sheet, voice, desk)
    else:
        outcome = sheet.members[0].verdict.outcome
        voice = Voice(rule, desk.evaluation)
        summary = outcome.summary or outcome.line if outcome else ""
        text = detail.own_detail(sheet, voice, desk)
    card["summary"] = voice.summary(summary) or cut(rule.title, SUMMARY_MOST)
    card["indicator"] = sheet.level
    if text:
        card["detail"] = text
    references = _references([rule, *(item.rule for item in sheet.members)])
    card["source"] = _source(references, rule.title, rule.code, rule.title, desk)
    card |= suggestions(sheet.offered, sheet.level, _alternatives(sheet), desk.basket)
    _override(card, [rule], desk)
    card["links"] = _links([rule], references[:1], desk)
    return identity, card


def _card(desk: Desk) -> tuple[dict[str, Any], str]:
    identity = str(uuid4())
    return ({"uuid": identity} if desk.profile.takes("card.uuid") else {}), identity


def _alternatives(sheet: Sheet) -> bool:
    outcome = sheet.members[0].verdict.outcome if sheet.members and not sheet.collected else None
    return outcome is not None and outcome.alternatives


def _ask_card(sheet: Sheet, desk: Desk) -> tuple[str, dict[str, Any]]:
    card, identity = _card(desk)
    titles = ", ".join(item.rule.short or item.rule.title for item in sheet.members)
    card["summary"] = cut(f"{INFORMATION_NEEDED}: {titles}", SUMMARY_MOST)
    card["indicator"] = sheet.level
    card["detail"] = detail.ask_detail(sheet, desk)
    rules = [item.rule for item in sheet.members]
    card["source"] = _source(_references(rules), desk.service.title, ASK, INFORMATION_NEEDED, desk)
    _override(card, (), desk)
    card["links"] = _links(rules[:MOST_LINKS], (), desk)
    return identity, card


def _references(rules: Iterable[Rule]) -> list[Reference]:
    """Every source once; one that has been read and can be opened comes before one that has not."""
    found = {reference.key: reference for rule in rules for reference in rule.references}
    return sorted(found.values(), key=lambda item: (not item.verified, not item.url))


def _source(references: list[Reference], otherwise: str, code: str, display: str, desk: Desk) -> dict[str, Any]:
    source: dict[str, Any] = {"label": detail.label(references[0]) if references else otherwise}
    if references and references[0].url:
        source["url"] = references[0].url
    if desk.profile.takes("source.topic"):
        source["topic"] = {"system": f"{desk.base_url}/rules", "code": code, "display": display}
    return source


def _override(card: dict[str, Any], rules: Iterable[Rule], desk: Desk) -> None:
    if not desk.profile.takes("card.overrideReasons"):
        return
    reasons = dict(desk.reasons)
    for rule in rules:
        reasons.update(rule.override)
    system = f"{desk.base_url}/override-reasons"
    if reasons:
        card["overrideReasons"] = [
            {"system": system, "code": code, "display": display} for code, display in reasons.items()
        ]


def _links(rules: Iterable[Rule], references: Iterable[Reference], desk: Desk) -> list[dict[str, str]]:
    """The rule's own page, and the guideline."""
    found = [
        {"label": f"About rule {rule.id.upper()}", "url": f"{desk.base_url}/rules/{rule.id}", "type": "absolute"}
        for rule in rules
    ]
    found += [
        {"label": detail.label(reference), "url": reference.url, "type": "absolute"}
        for reference in references
        if reference.url
    ]
    return found


def name_the_rest(card: dict[str, Any], rest: Iterable[Sheet]) -> None:
    """One line at the end of a card's detail with what is true and not shown."""
    names = [
        f"{sheet.own.rule.id.upper()} {sheet.own.rule.title}" if sheet.own else INFORMATION_NEEDED for sheet in rest
    ]
    if names:
        line = f"**Also found, not shown here:** {'; '.join(entities(name) for name in names)}."
        card["detail"] = f"{card['detail']}\n\n{line}" if card.get("detail") else line
