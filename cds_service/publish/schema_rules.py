"""What the files of rules hold: a rule, its cases, definitions, services, the article; keys, needs, what is below each.

A test holds the keys to those the readers allow. Must not say what criteria look like: `schema_language` does.
"""

from __future__ import annotations

from cds_service.knowledge.catalogue import Catalogue
from cds_service.knowledge.life import ATTRIBUTES, SIGNATURE
from cds_service.knowledge.rules import INDICATORS, KINDS, STATUSES
from cds_service.knowledge.scope import SWITCH
from cds_service.publish.schema_names import (
    ID,
    Schema,
    each,
    either,
    mapping,
    number,
    pattern,
    ref,
    rows,
    text,
    texts,
    words,
)

NULL: Schema = {"type": "null"}
NAME: Schema = pattern(ID)
BOOLEAN: Schema = {"type": "boolean"}


def rule(_: Catalogue) -> Schema:
    """`rules/<id>/rule.yaml`."""
    packs = rows(either(ref("pack"), words("any")))
    yields = rows(either(ref("rule"), mapping({"critical": packs, "any": packs})))
    properties = {
        "id": NAME,
        "version": pattern(r"\d+\.\d+\.\d+"),
        "status": words(*STATUSES),
        "reviewed": mapping({key: either(text(), NULL) for key in SIGNATURE}),
        "pack": ref("pack"),
        "kind": words(*KINDS),
        **texts("title", "why", "short", "consider", "note"),
        "references": rows(ref("reference")),
        "parameters": each(NAME, _parameter()),
        "facts": each(NAME, ref("definition")),
        "when": ref("truth"),
        "unless": ref("truths"),
        "outcomes": each(NAME, _outcome()),
        "evidence": rows(ref("any-name")),
        "override": rows(ref("override-reason")),
        "hides": rows(ref("rule")),
        "yields_to": yields,
        "held_back_by": yields,
        "ask": {"type": "array", "items": _question()},
        "words": each(NAME, ref("word")),
        "passes": rows(ref("gate")),
        "limits": rows(text()),
        "collects": rows(ref("line")),
        "card": _card(),
        "attributes": each(words(*ATTRIBUTES), either(text(), BOOLEAN)),
    }
    collected = {"properties": {"kind": words("collected")}}
    return mapping(
        properties,
        ("id", "version", "status", "pack", "kind", "title"),
        **{"if": collected, "then": {"required": ["collects", "card"]}, "else": {"required": ["when", "outcomes"]}},
    )


def _outcome() -> Schema:
    order = either(ref("order"), mapping({"order": ref("order"), "when": ref("truth")}, ["order"]))
    by_criterion = mapping(
        {level: ref("truth") for level in INDICATORS} | {"otherwise": words(*INDICATORS)}, ["otherwise"]
    )
    return mapping(
        {
            "when": ref("truth"),
            "indicator": either(words(*INDICATORS), by_criterion),
            **texts("summary", "line", "detail", "link"),
            "joins": ref("rule"),
            "orders": rows(order),
            "alternatives": BOOLEAN,
        },
        ["indicator"],
    )


def _question() -> Schema:
    return mapping({"when": ref("truth"), "for": rows(ref("form-item")), "text": text()}, ["text"])


def _card() -> Schema:
    return mapping(
        {
            "indicator": words("highest", *INDICATORS),
            "at_least": words(*INDICATORS),
            "summary": text(),
            "footer": rows(words("pending", "unreadable")),
            "orders": words("once", "none"),
            "pending": rows(ref("analyte")),
        },
        ["summary"],
    )


def _parameter() -> Schema:
    ends = {"type": "array", "minItems": 2, "maxItems": 2, "items": number()}
    common = {"source": ref("reference"), "means": text(), "setting": text()}
    also = {"type": "array", "items": mapping({"value": number(), "unit": text()}, ["value", "unit"])}
    return either(
        mapping({"value": BOOLEAN, "unit": words(SWITCH)} | common, ("value", "unit", "source", "means")),
        mapping(
            {"value": number(), "unit": text(), "also": also, "range": ends} | common,
            ("value", "unit", "range", "source", "means"),
        ),
    )


def cases(_: Catalogue) -> Schema:
    """`rules/<id>/cases.yaml`."""
    said = either(text(), number(), BOOLEAN, NULL)
    facts = ("any-name", "analyte", "value-set", "order")
    keys = either(words("patient", "like"), pattern(r"form\..+"), *(ref(name) for name in facts))
    given = each(keys, either(said, {"type": "array", "items": said}))
    resources = {"type": "array", "items": {"type": "object", "required": ["resourceType"]}}
    case = mapping(
        {
            **texts("name", "now", "note", "wells"),
            "given": given,
            "expect": ref("outcome"),
            "hook": ref("hook"),
            "orders": rows(ref("order")),
            "indicator": words(*INDICATORS),
            "held": ref("because"),
            "site": {"type": "object"},
            "resources": resources,
            "drafts": resources,
            "unavailable": rows(ref("resource-type")),
            "says": rows(text()),
            "unsaid": rows(text()),
            "unknown": rows(ref("any-name")),
            "missing": rows(ref("any-name")),
        },
        ("name", "expect"),
    )
    people = {"type": "object", "additionalProperties": given}
    listed = {"type": "array", "items": case}
    apart = each(ref("rule"), text())
    properties = {"rule": ref("rule"), "now": text(), "people": people, "never_with": apart, "cases": listed}
    return mapping(properties, ["cases"])


def definitions(_: Catalogue) -> Schema:
    """`definitions/*.yaml`."""
    return mapping(
        {"pack": ref("pack"), "parameters": each(NAME, _parameter()), "definitions": each(NAME, ref("definition"))}
    )


def service(_: Catalogue) -> Schema:
    """`services/*.yaml`."""
    listed = {"type": "array", "items": ref("rule"), "uniqueItems": True}
    return mapping(
        {
            "id": NAME,
            "hook": NAME,
            **texts("title", "description", "usage"),
            "rules": listed,
            "returns": listed,
            "questions": BOOLEAN,
        },
        ("id", "hook", "title", "description", "rules"),
    )


def article(_: Catalogue) -> Schema:
    """`article.yaml`: what the article says, and the rules that answer it."""

    def row(said: str) -> Schema:
        return mapping({said: text(), "rules": rows(ref("rule"))}, (said, "rules"))

    group = mapping({"group": text(), "rows": {"type": "array", "items": row("says")}}, ("group", "rows"))
    return mapping({"statements": {"type": "array", "items": group}, "beyond": {"type": "array", "items": row("why")}})
