"""What the files of the vocabulary hold: codes, analytes, orders, sources; and what a site may set. Keys and needs.

A test holds the keys to those the readers allow. Must not hold a name or a number of the content itself.
"""

from __future__ import annotations

from cds_service.knowledge.catalogue import Catalogue
from cds_service.knowledge.orders import PRIORITIES
from cds_service.knowledge.rules import INDICATORS
from cds_service.knowledge.scope import SWITCH
from cds_service.knowledge.site import SHOWINGS
from cds_service.model.criteria import Parameter
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
    texts,
    words,
)

NAME: Schema = pattern(ID)
BOOLEAN: Schema = {"type": "boolean"}


def _code(*required: str) -> Schema:
    return mapping(
        {
            "system": ref("system"),
            **texts("code", "display", "seen_in", "status"),
            "match": words("prefix"),
            "side": ref("side"),
            "side_by_last": each(text(), ref("side")),
        },
        ("code", *required),
    )


def codes(_: Catalogue) -> Schema:
    """`codes/*.yaml`: value sets."""
    match = mapping({**texts("match", "except"), "used": words("uncoded", "always"), "asks": BOOLEAN}, ["match"])
    listed = {"type": "array", "items": _code("system", "seen_in")}
    return each(text(), mapping({**texts("title", "note"), "codes": listed, "text": match}, ["title"]))


def analytes(_: Catalogue) -> Schema:
    """`analytes/*.yaml`: quantities, and the units each may come in."""
    unit = mapping({"factor": number(), "offset": number(), "also": rows(text())})
    ends = {"type": "array", "minItems": 2, "maxItems": 2, "items": number()}
    band = mapping({"from": number(), "to": number(), "unit": text()}, ("from", "to", "unit"))
    analyte = mapping(
        {
            **texts("title", "unit", "note"),
            "codes": {"type": "array", "items": _code("seen_in")},
            "units": each(text(), unit),
            "plausible": ends,
            "unitless": {"type": "array", "items": band},
            "bare": BOOLEAN,
            "ordered_as": mapping({"sets": rows(either(ref("value-set"), ref("analyte"))), "text": text()}),
            "family": each(text(), rows(text())),
            "code_family": {"type": "object", "additionalProperties": rows(text())},
        },
        ("title", "unit", "units"),
    )
    return each(NAME, analyte)


def orders(_: Catalogue) -> Schema:
    """`orders/*.yaml`: what a card may suggest."""
    coding = mapping({"system": ref("system"), **texts("code", "display", "seen_in")}, ("system", "code"))
    by_side = mapping({side: rows(coding) for side in ("left", "right", "both")})
    order = mapping(
        {
            **texts("label", "text", "category", "note"),
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
    body = mapping(
        {**texts("label", "citation", "url", "year", "note"), "tag": words("V", "V2", "M", "L")}, ["label", "tag"]
    )
    return each(NAME, body)


# ------------------------------------------------------------------------------------------------ a site


def site(catalogue: Catalogue) -> Schema:
    """A site's own file: every parameter with its reviewed range, and what else a site decides."""
    owners: dict[str, dict[str, Schema]] = {}
    settings: dict[str, Schema] = {}
    for parameter in parameters(catalogue):
        owners.setdefault(parameter.owner, {})[parameter.name] = _decided(parameter)
    coding = mapping(texts("system", "code", "display"), ("system", "code"))
    coded = mapping(texts("system", "code", "display"), ("system", "code"))
    settings |= {
        "altitude": number(),
        "hospice": BOOLEAN,
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
    signed = texts("because", "by", "on")
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
