"""The rule language as JSON Schema: facts, criteria, quantities, limits and choices, from the tables the builder reads.

What a schema cannot see stays with `cds check`: which names belong to which file, units, texts with names in them.
"""

from __future__ import annotations

from collections.abc import Mapping

from cds_service.knowledge.builder import OPERATORS
from cds_service.knowledge.catalogue import Catalogue
from cds_service.knowledge.facts import KINDS, OF_PATIENT, OPTION_WORDS, READABLE, SWITCHES
from cds_service.model.criteria import Type
from cds_service.publish.schema_names import Schema, each, either, mapping, number, ref, rows, text, words
from cds_service.record.calculations import CALCULATIONS

LABEL: Schema = {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]*$"}
NO_NAME: Schema = {"type": "string", "pattern": "[^a-z0-9-]"}  # a text for a calculation to read with
_SETS = {"condition", "medication", "exposure", "procedure", "encounter"}
_ORDERED = {"report", "requested", "draft"}
_MEASURED = {"result", "missing", "pending"}


def language() -> dict[str, Schema]:
    """Definitions that stand beside those of `schema_names.names`."""
    return {
        "truth": _truth(),
        "truths": rows(ref("truth")),
        "quantity": _quantity(),
        "limit": _limit(),
        "choice": _choice(),
        "choice-or-label": either(ref("choice"), LABEL),
        "definition": either(ref("truth"), ref("quantity"), ref("choice")),
        "argument": either(ref("limit-name"), ref("amount"), ref("definition"), NO_NAME),
        "end": _end(),
        "word": _word(),
    } | {f"{kind}-fact": either(*_facts_of(kind)) for kind in ("truth", "quantity", "choice")}


# ------------------------------------------------------------------------------------------------ criteria


def _truth() -> Schema:
    return either(
        {"type": "boolean"},
        words("unknown"),
        ref("truth-name"),
        {"type": "array", "items": ref("truth")},
        *(mapping({key: ref("truths")}, [key]) for key in ("all", "any")),
        *(mapping({key: ref("truth")}, [key]) for key in ("not", "known", "unless", "unknown")),
        mapping({"count": ref("truths"), "at_least": either(number(), ref("limit-name"))}, ["count", "at_least"]),
        mapping(
            {"value": ref("quantity")} | {operator: ref("limit") for operator in OPERATORS}, ["value"], minProperties=2
        ),
        mapping({"choice": ref("choice"), "is": rows(LABEL)}, ["choice", "is"]),
        _first("truth"),
        *_calculations("truth"),
        ref("truth-fact"),
    )


def _first(kind: str) -> Schema:
    row = mapping({"when": ref("truth"), "then": ref(kind)}, ["when", "then"])
    return mapping({"first": rows(row), "otherwise": ref(kind)}, ["first", "otherwise"])


def _quantity() -> Schema:
    band = {"type": "array", "minItems": 3, "maxItems": 3, "items": either(number(), {"type": "null"})}
    item = either(
        mapping({"points": {"type": "integer"}, "when": ref("truth")}, ["points", "when"]),
        mapping({"of": ref("quantity"), "bands": {"type": "array", "items": band}}, ["of", "bands"]),
    )
    return either(
        ref("quantity-name"),
        ref("limit-name"),
        ref("amount"),
        _first("quantity"),
        mapping({"score": {"type": "array", "items": item}}, ["score"]),
        mapping({"age_of": rows(ref("definition")), "from": words("date", "start")}, ["age_of"]),
        _times(),
        *_calculations("quantity"),
        ref("quantity-fact"),
    )


def _times() -> Schema:
    return mapping({"times": ref("limit"), "of": ref("quantity"), "otherwise": ref("limit")}, ["times", "of"])


def _limit() -> Schema:
    return either(
        ref("limit-name"), ref("amount"), ref("quantity-name"), _times(), _first("limit"), *_calculations("quantity")
    )


def _choice() -> Schema:
    return either(ref("choice-name"), _first("choice-or-label"), *_calculations("choice"), ref("choice-fact"))


def _calculations(kind: Type) -> list[Schema]:
    return [
        mapping(
            {
                "calculation": words(name),
                "with": mapping(
                    {argument: ref("argument") for argument in (*spec.arguments, *spec.optional)}, spec.arguments
                ),
            },
            ["calculation", "with"],
        )
        for name, spec in CALCULATIONS.items()
        if spec.type == kind
    ]


def _word() -> Schema:
    row = mapping({"when": ref("truth"), "then": text()}, ["when", "then"])
    table = {"type": "array", "items": row}
    return either(
        mapping({"first": table, "otherwise": text()}, ["first"]),
        mapping({"list": table}, ["list"]),
        mapping({"decided_by": words("when")}, ["decided_by"]),
    )


# ------------------------------------------------------------------------------------------------ facts


def _end() -> Schema:
    shift = {"minus": ref("span"), "plus": ref("span")}
    return either(
        words("now"),
        mapping({"ago": ref("span")}, ["ago"]),
        *(mapping({key: rows(ref("definition"))} | shift, [key]) for key in ("date_of", "start_of")),
    )


def _facts_of(kind: Type) -> list[Schema]:
    return [schema for name in KINDS for schema in [_fact(name, kind)] if schema is not None]


def _fact(name: str, kind: Type) -> Schema | None:
    """The fact of this kind as far as it is a truth, a quantity or a choice; None where it never is."""
    options = _window() | {option: _option(option) for group in KINDS[name].values() for option in group}
    required = [name]
    subject = _subject(name)
    if name == "answer":
        if kind != "truth":
            required.append("unit" if kind == "quantity" else "choices")
        dropped = {"truth": ("unit", "choices"), "quantity": ("choices",), "choice": ("unit",)}[kind]
        options = {key: schema for key, schema in options.items() if key not in dropped}
    elif name == "patient":
        wanted = {"truth": ("deceased",), "quantity": ("age",), "choice": ("sex",)}[kind]
        subject = words(*(word for word in OF_PATIENT if word in wanted))
    elif kind != {"result": "quantity", "exposure": "quantity", "side": "choice"}.get(name, "truth"):
        return None
    return mapping(options | {name: subject}, required)


def _window() -> dict[str, Schema]:
    side = mapping({"same_as": ref("choice"), "unstated": words("counts", "ignored")}, ["same_as"])
    between = {"type": "array", "minItems": 2, "maxItems": 2, "items": ref("end")}
    return {"within": ref("span"), "between": between, "since": ref("end"), "side": side}


def _subject(kind: str) -> Schema:
    sets, analytes, orders = ref("value-set"), ref("analyte"), ref("order")
    if kind in _SETS:
        return rows(sets)
    if kind in _ORDERED:
        return rows(either(sets, analytes, orders))
    if kind in _MEASURED:
        return rows(analytes)
    found: Mapping[str, Schema] = {
        "symptom": rows(either(sets, analytes)),
        "sign": either(rows(sets), {"type": "null"}),
        "answer": ref("form-item"),
        "side": ref("truths"),
        "hook": rows(ref("hook")),
        "read": rows(words(*READABLE)),
        "patient": words(*OF_PATIENT),
    }
    return found[kind]


def _option(name: str) -> Schema:
    if name in OPTION_WORDS:
        return words(*OPTION_WORDS[name])
    if name in SWITCHES:
        return {"type": "boolean"}
    groups = [group for kind in KINDS.values() for group, options in kind.items() if name in options]
    if "sets" in groups:
        return rows(ref("value-set"))
    if "spans" in groups:
        return ref("span")
    also = mapping({"set": rows(ref("value-set")), "at": rows(ref("value-set"))}, ["set"])
    found: Mapping[str, Schema] = {
        "answer": ref("form-item"),
        "unit": text(),
        "choices": rows(LABEL),
        "no_status_days": either(ref("span"), {"type": "integer"}),
        "also": rows(also),
        "or_both": rows(ref("analyte")),
    }
    return found[name]


def conventions(_: Catalogue) -> Schema:
    """`conventions.yaml`: by pack, gates and what a kind of fact reads where it does not say so itself."""
    kinds = {
        name: mapping(
            {"within": ref("span")} | {option: _option(option) for group in kind.values() for option in group}
        )
        for name, kind in KINDS.items()
    }
    gates = each(LABEL, ref("truth"))
    return {"type": "object", "additionalProperties": mapping({"gates": gates} | kinds)}
