"""The names an editor may offer, by what they are: truths, quantities, choices, numbers, sets, rules, sources.

Own facts of every rule are among them, so that a rule being written is completed too. Must not judge what a name means.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from cds_service.cards.standing import CAP, CRITICAL_CARD, DISMISSED, DUPLICATE_ORDER
from cds_service.knowledge.catalogue import Catalogue
from cds_service.knowledge.scope import SWITCH
from cds_service.knowledge.shapes import AMOUNT, SPAN
from cds_service.model.criteria import Parameter, Type

Schema = dict[str, Any]
ID = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
CONCLUSIONS = ("silent", "undecided", "asked", "fired", "held")
TIMES = ("days", "day", "hours", "hour", "weeks", "week", "h", "wk")


def ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def either(*schemas: Schema) -> Schema:
    return {"anyOf": list(schemas)}


def rows(item: Schema) -> Schema:
    """A list; one alone may stand without brackets."""
    return {"anyOf": [item, {"type": "array", "items": item}]}


def words(*allowed: str) -> Schema:
    return {"enum": list(allowed)}


def mapping(properties: Schema, required: Iterable[str] = (), **more: Any) -> Schema:
    """A table with these keys and no other."""
    needed = list(required)
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return found | ({"required": needed} if needed else {}) | more


def each(keys: Schema, value: Schema) -> Schema:
    """A table from names to the same kind of thing."""
    return {"type": "object", "propertyNames": keys, "additionalProperties": value}


def pattern(expression: str) -> Schema:
    """Text of this form; expressions are Python's, of the part that editors know too."""
    return {"type": "string", "pattern": "^" + expression.removesuffix(r"\Z").removeprefix("^").removesuffix("$") + "$"}


def text() -> Schema:
    return {"type": "string"}


def texts(*keys: str) -> dict[str, Schema]:
    """Keys that hold text."""
    return {key: text() for key in keys}


def number() -> Schema:
    """A plain number, or a decimal or fraction in quotes."""
    return {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^-?\d+(\.\d+)?(/\d+)?$"}]}


def _one_of(found: Iterable[str]) -> Schema:
    return {"type": "string", "enum": sorted(set(found))}


def parameters(catalogue: Catalogue) -> Iterator[Parameter]:
    yield from catalogue.parameters.values()
    for rule in catalogue.rules.values():
        yield from rule.parameters.values()


def _facts(catalogue: Catalogue, kind: Type) -> Iterator[str]:
    yield from (name for name, node in catalogue.definitions.items() if node.type == kind)
    for rule in catalogue.rules.values():
        yield from (name for name, node in rule.facts.items() if node.type == kind)


def names(catalogue: Catalogue) -> dict[str, Schema]:
    """Definitions of every schema: a kind of name to the names there are."""
    numbers = [each for each in parameters(catalogue) if each.unit != SWITCH]
    switches = [each.name for each in parameters(catalogue) if each.unit == SWITCH]
    spans = [each.name for each in numbers if each.unit in TIMES]
    limits = [each.name for each in numbers]
    vocabulary = catalogue.vocabulary
    outcomes = [outcome.name for rule in catalogue.rules.values() for outcome in rule.outcomes]
    packs = catalogue.content.table("conventions.yaml")
    lines = [f"{rule.id}.{outcome.name}" for rule in catalogue.rules.values() for outcome in rule.outcomes]
    held = [f"superseded:{rule.code}" for rule in catalogue.rules.values()]
    return {
        "truth-name": _one_of([*_facts(catalogue, "truth"), *switches]),
        "quantity-name": _one_of(_facts(catalogue, "quantity")),
        "choice-name": _one_of(_facts(catalogue, "choice")),
        "limit-name": _one_of(limits),
        "any-name": either(*(ref(f"{kind}-name") for kind in ("truth", "quantity", "choice", "limit"))),
        "span": either(pattern(SPAN.pattern), _one_of(spans)),
        "amount": pattern(AMOUNT.pattern),
        "value-set": _one_of(vocabulary.sets),
        "analyte": _one_of(vocabulary.analytes),
        "order": _one_of(catalogue.orders),
        "form-item": _one_of(catalogue.form),
        "rule": _one_of(catalogue.rules),
        "line": _one_of([*catalogue.rules, *lines]),
        "outcome": _one_of([*outcomes, *CONCLUSIONS]),
        "because": _one_of([*held, CRITICAL_CARD, DISMISSED, CAP, DUPLICATE_ORDER]),
        "reference": _one_of(catalogue.references),
        "override-reason": _one_of(catalogue.all_reasons),
        "pack": _one_of(packs),
        "gate": _one_of(label for pack in packs.values() for label in pack.get("gates") or ()),
        "hook": _one_of(service.hook for service in catalogue.services.values()),
        "system": either(_one_of(vocabulary.uris), pattern(r".+://.+")),
        "resource-type": _one_of(catalogue.templates),
        "side": words("left", "right", "both"),
    }
