"""The meaning of a rule as one digest: what is written of it and of everything it rests on, whoever wrote it how.

Taken from the content's own words and not from the engine's trees, so that a new engine changes no meaning. Order of
keys, layout, comments, cases, signatures and where a code was seen are left out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cds_service.knowledge.catalogue import Catalogue
from cds_service.knowledge.content import Content
from cds_service.model.rule import Rule
from cds_service.publish.reach import reach

_NOT_OF_A_RULE = {"version", "status", "reviewed", "note"}
_NOT_OF_A_CODE = {"seen_in"}
_IN_ORDER = {"outcomes", "indicator"}  # tables whose rows are tried in turn


@dataclass(frozen=True)
class Surface:
    """Everything shared, as it is written: name to body."""

    content: Content
    definitions: Mapping[str, Any]
    parameters: Mapping[str, Any]
    sets: Mapping[str, Any]
    analytes: Mapping[str, Any]
    orders: Mapping[str, Any]
    packs: Mapping[str, Any]


def read_surface(content: Content) -> Surface:
    """Reads every shared file once."""
    files = [file for _, file in content.tables("definitions")]
    packs = {str(file.get("pack") or "") for file in files}
    conventions = content.table("conventions.yaml")
    return Surface(
        content,
        _merged(_with_pack(file) for file in files),
        _merged(file.get("parameters") or {} for file in files),
        _merged(file for _, file in content.tables("codes")),
        {name: _without_remark(body) for _, file in content.tables("analytes") for name, body in file.items()},
        _merged(file for _, file in content.tables("orders")),
        {name: conventions.get(name) for name in packs | set(conventions) if name},
    )


def _with_pack(file: Mapping[str, Any]) -> dict[str, Any]:
    """A definition reads the record as the pack of its file does."""
    return {name: [file.get("pack"), body] for name, body in (file.get("definitions") or {}).items()}


def _without_remark(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: said for key, said in body.items() if key != "note"}


def _merged(tables: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {name: body for table in tables for name, body in table.items()}


def meaning(surface: Surface, catalogue: Catalogue, rule: Rule) -> str:
    """The digest, 64 signs."""
    rests_on = reach(catalogue, rule)
    written = surface.content.table("rules", rule.id, "rule.yaml")
    shared = {name: surface.definitions[name] for name in rests_on.names if name in surface.definitions}
    packs = {rule.pack, *(str(body[0]) for body in shared.values() if body[0])}
    parts = {
        "rule": {key: body for key, body in written.items() if key not in _NOT_OF_A_RULE},
        "definitions": shared,
        "parameters": {name: surface.parameters[name] for name in rests_on.parameters if name in surface.parameters},
        "codes": {name: surface.sets[name] for name in rests_on.sets},
        "analytes": {name: surface.analytes[name] for name in rests_on.analytes},
        "orders": {name: surface.orders[name] for name in rests_on.orders},
        "conventions": {name: surface.packs[name] for name in packs},
        "form": dict(rests_on.form),
        "reasons": dict(rule.override),
    }
    text = json.dumps(_plain(parts), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any, key: str = "") -> Any:
    """As JSON: decimals by their digits, tables that are tried in turn as rows."""
    if isinstance(value, Mapping):
        if key in _IN_ORDER:
            return [[name, _plain(body)] for name, body in value.items()]
        return {name: _plain(body, name) for name, body in value.items() if name not in _NOT_OF_A_CODE}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Decimal) else value
