"""What each kind of content file holds: its keys, which of them it needs, and what stands under each.

Keys are checked against those the readers allow by a test. Must not say what criteria look like: `schema_language` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cds_service.knowledge.catalogue import Catalogue
from cds_service.knowledge.life import ATTRIBUTES, SIGNATURE
from cds_service.knowledge.orders import PRIORITIES
from cds_service.knowledge.rules import INDICATORS, KINDS, STATUSES
from cds_service.knowledge.scope import SWITCH
from cds_service.knowledge.site import SHOWINGS
from cds_service.model.criteria import Parameter
from cds_service.publish.schema_language import conventions
from cds_service.publish.schema_names import (
    ID,
    Schema,
    each,
    either,
    mapping,
    number,
    parameters,
    pattern,
    ref,
    rows,
    text,
    words,
)

NOTHING: Schema = {"type": "null"}
NAME: Schema = pattern(ID)
BOOLEAN: Schema = {"type": "boolean"}


def table(*keys: str) -> Schema:
    return {key: text() for key in keys}


# ------------------------------------------------------------------------------------------------ rules


def rule(_: Catalogue) -> Schema:
    """`rules/<id>/rule.yaml`."""
    levels = either(words("critical", "warning", "any"), NAME)
    yields = rows(either(ref("rule"), {"type": "object", "additionalProperties": rows(either(ref("pack"), words("any")))}))
    properties = {
        "id": NAME,
        "version": pattern(r"\d+\.\d+\.\d+"),
        "status": words(*STATUSES),
        "reviewed": mapping({key: either(text(), NOTHING) for key in SIGNATURE}),
        "pack": ref("pack"),
        "kind": words(*KINDS),
        **table("title", "why", "short", "consider", "note"),
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
        "passes": rows(levels),
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
    by_criterion = mapping({level: ref("truth") for level in INDICATORS} | {"otherwise": words(*INDICATORS)}, ["otherwise"])
    return mapping(
        {
            "when": ref("truth"),
            "indicator": either(words(*INDICATORS), by_criterion),
            **table("summary", "line", "detail", "link"),
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
    said = either(text(), number(), BOOLEAN, NOTHING)
    facts = ("any-name", "analyte", "value-set", "order")
    keys = either(words("patient", "like"), pattern(r"form\..+"), *(ref(name) for name in facts))
    given = each(keys, either(said, {"type": "array", "items": said}))
    resources = {"type": "array", "items": {"type": "object", "required": ["resourceType"]}}
    case = mapping(
        {
            **table("name", "now", "note", "wells"),
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
            "unknown": rows(ref("any-name")),
            "missing": rows(ref("any-name")),
        },
        ("name", "expect"),
    )
    people = {"type": "object", "additionalProperties": given}
    listed = {"type": "array", "items": case}
    return mapping({"rule": ref("rule"), "now": text(), "people": people, "cases": listed}, ["cases"])


def definitions(_: Catalogue) -> Schema:
    """`definitions/*.yaml`."""
    return mapping(
        {
            "pack": ref("pack"),
            "parameters": each(NAME, _parameter()),
            "definitions": each(NAME, ref("definition")),
        }
    )


def service(_: Catalogue) -> Schema:
    """`services/*.yaml`."""
    listed = {"type": "array", "items": ref("rule"), "uniqueItems": True}
    return mapping(
        {
            "id": NAME,
            "hook": NAME,
            **table("title", "description", "usage"),
            "rules": listed,
            "returns": listed,
            "questions": BOOLEAN,
        },
        ("id", "hook", "title", "description", "rules"),
    )


# ------------------------------------------------------------------------------------------------ vocabulary


def _code(*required: str) -> Schema:
    return mapping(
        {
            "system": ref("system"),
            **table("code", "display", "seen_in", "status"),
            "match": words("prefix"),
            "side": ref("side"),
            "side_by_last": each(text(), ref("side")),
        },
        ("code", *required),
    )


def codes(_: Catalogue) -> Schema:
    """`codes/*.yaml`: value sets."""
    match = mapping({**table("match", "except", "asks"), "used": words("always"), "asks": BOOLEAN}, ["match"])
    listed = {"type": "array", "items": _code("system", "seen_in")}
    return each(text(), mapping({**table("title", "note"), "codes": listed, "text": match}, ["title"]))


def analytes(_: Catalogue) -> Schema:
    """`analytes/*.yaml`: quantities, and the units each may come in."""
    unit = mapping({"factor": number(), "offset": number(), "also": rows(text())})
    ends = {"type": "array", "minItems": 2, "maxItems": 2, "items": number()}
    band = mapping({"from": number(), "to": number(), "unit": text()}, ("from", "to", "unit"))
    analyte = mapping(
        {
            **table("title", "unit", "note"),
            "codes": {"type": "array", "items": _code("seen_in")},
            "units": each(text(), unit),
            "plausible": ends,
            "unitless": {"type": "array", "items": band},
            "bare": BOOLEAN,
            "ordered_as": mapping({"sets": rows(ref("value-set")), "text": text()}),
            "family": each(LABELS, rows(text())),
            "code_family": {"type": "object", "additionalProperties": rows(text())},
        },
        ("title", "unit", "units"),
    )
    return each(NAME, analyte)


LABELS: Schema = text()


def orders(_: Catalogue) -> Schema:
    """`orders/*.yaml`: what a card may suggest."""
    coding = mapping({"system": ref("system"), **table("code", "display", "seen_in")}, ("system", "code"))
    by_side = mapping({side: rows(coding) for side in ("left", "right", "both")})
    order = mapping(
        {
            **table("label", "text", "category", "note"),
            "code": coding,
            "codes": rows(coding),
            "by_side": by_side,
            "side": ref("choice-name"),
            "priority": words(*PRIORITIES),
            "replaces": rows(ref("order")),
            "rank": {"type": "integer"},
            "after_days": {"type": "integer"},
            "after": ref("any-name"),
            "body_site": by_side,
        },
        ("label", "text"),
    )
    return each(NAME, order)


def references(_: Catalogue) -> Schema:
    """`references.yaml`: every source, and whether its text was read."""
    body = mapping({**table("label", "citation", "url", "year", "note"), "tag": words("V", "V2", "M", "L")}, ["label", "tag"])
    return each(NAME, body)


def article(_: Catalogue) -> Schema:
    """`article.yaml`: what the article says, and the rules that answer it."""

    def row(said: str) -> Schema:
        return mapping({said: text(), "rules": rows(ref("rule"))}, (said, "rules"))

    group = mapping({"group": text(), "rows": {"type": "array", "items": row("says")}}, ("group", "rows"))
    return mapping(
        {"statements": {"type": "array", "items": group}, "beyond": {"type": "array", "items": row("why")}}
    )


# ------------------------------------------------------------------------------------------------ a site


def site(catalogue: Catalogue) -> Schema:
    """A site's own file: every parameter with its reviewed range, and what else a site decides."""
    owners: dict[str, dict[str, Schema]] = {}
    settings: dict[str, Schema] = {}
    for parameter in parameters(catalogue):
        owners.setdefault(parameter.owner, {})[parameter.name] = _decided(parameter)
    coding = mapping(table("system", "code", "display"), ("system", "code"))
    coded = mapping(table("system", "code", "display"), ("system", "code"))
    settings |= {
        "altitude": number(),
        "hospice": either(text(), BOOLEAN),
        "not_kept": rows(ref("resource-type")),
        "remember": BOOLEAN,
        "signed_rules_only": BOOLEAN,
    }
    return mapping(
        {
            "site": text(),
            "parameters": mapping({owner: mapping(found) for owner, found in sorted(owners.items())}),
            "rules": each(ref("rule"), words(*SHOWINGS)),
            "caps": each(ref("rule"), words(*INDICATORS)),
            "settings": mapping(settings),
            "orders": {"type": "object", "additionalProperties": coding},
            "units": each(ref("analyte"), {"type": "object", "additionalProperties": text()}),
            "codes": each(either(ref("value-set"), ref("analyte")), {"type": "array", "items": coded}),
        }
    )


def _decided(parameter: Parameter) -> Schema:
    """What a site may set: within the range, in every unit the source prints, with who and why."""
    signed = table("because", "by", "on")
    if parameter.limit is None or parameter.range is None:
        body: dict[str, Schema] = {"value": BOOLEAN, "unit": words(SWITCH)}
        return mapping(body | signed, ("value", *signed), description=parameter.means)
    low, high = (float(end) for end in parameter.range)
    first, *more = (quantity.unit.code for quantity in parameter.limit.printed)
    every = [first, *more]
    units = words(*every)
    other = mapping({"value": number(), "unit": units}, ("value", "unit"))
    value = {"type": "number", "minimum": low, "maximum": high} if not more else number()
    body = {"value": value, "unit": units, "also": {"type": "array", "items": other}}
    needed = ("value", "unit", *(["also"] if more else []), *signed)
    return mapping(body | signed, needed, description=f"{parameter.means}: {low:g} to {high:g} {parameter.unit}")


FILES: Mapping[str, Callable[[Catalogue], Schema]] = {
    "rule": rule,
    "cases": cases,
    "definitions": definitions,
    "service": service,
    "codes": codes,
    "analytes": analytes,
    "orders": orders,
    "references": references,
    "conventions": lambda _: conventions(),
    "article": article,
    "site": site,
}
