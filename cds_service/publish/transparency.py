"""A rule as JSON: what it is, its source attributes, its known limits, and the same sections as its page."""

from __future__ import annotations

from typing import Any

from cds_service.knowledge.catalogue import Catalogue
from cds_service.model.rule import Reference, Rule
from cds_service.publish.attributes import REGULATION, TO_BE_VERIFIED, attributes
from cds_service.publish.notes import Notes
from cds_service.publish.page import plain
from cds_service.publish.reach import reach
from cds_service.publish.sentences import Sentences, amount


def as_json(catalogue: Catalogue, rule: Rule, notes: Notes) -> dict[str, Any]:
    """Everything of the rule's page that a program may want; values are those in force at this site."""
    writer = Sentences(catalogue)
    when = writer.lines(rule.when, short=0) if rule.when is not None else []
    return {
        **_head(rule),
        "why": rule.why,
        "reviewed": {key: rule.life.get("reviewed", {}).get(key) for key in ("by", "on", "next")},
        "criteria": [{"depth": line.depth, "text": plain(line.text)} for line in when],
        "outcomes": [_outcome(outcome) for outcome in rule.outcomes],
        "parameters": _parameters(catalogue, rule),
        "references": [_reference(item) for item in rule.references],
        "sourceAttributes": {
            "regulation": REGULATION,
            "attributes": [
                {"key": item.key, "name": item.name, "value": item.said}
                for item in attributes(catalogue, rule, notes.changes)
            ],
        },
        "limits": list(rule.limits),
    }


def listed(catalogue: Catalogue) -> list[dict[str, Any]]:
    """Every rule, in short."""
    return [_head(rule) for rule in catalogue.rules.values()]


def _head(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "code": rule.code,
        "title": rule.title,
        "version": rule.version,
        "status": rule.status,
        "showing": rule.showing,
        "half": rule.pack,
        "kind": rule.kind,
    }


def _outcome(outcome: Any) -> dict[str, Any]:
    levels = list(dict.fromkeys(level for _, level in outcome.indicator))
    text = {"summary": outcome.summary, "line": outcome.line, "detail": outcome.detail}
    orders = [line.order for line in outcome.orders]
    return {
        "name": outcome.name,
        "indicators": levels,
        **{key: said for key, said in text.items() if said},
        "orders": orders,
    }


def _parameters(catalogue: Catalogue, rule: Rule) -> list[dict[str, Any]]:
    found = []
    for name, item in sorted(reach(catalogue, rule).parameters.items()):
        span = [format(end, "f") for end in item.range] if item.range else None
        found.append(
            {"name": name, "value": amount(item), "range": span, "source": item.source, "means": item.means}
            | {"standsIn": item.owner, "setBy": item.origin}
        )
    return found


def _reference(item: Reference) -> dict[str, Any]:
    found: dict[str, Any] = {"key": item.key, "label": item.label, "citation": item.citation, "verified": item.verified}
    found |= {key: value for key, value in (("year", item.year), ("url", item.url)) if value}
    return found if item.verified else found | {"note": TO_BE_VERIFIED}
