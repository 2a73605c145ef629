"""A rule's cases as a table: who, what the record says, what must come of it. Printed as they were written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cds_service.knowledge.catalogue import Catalogue
from cds_service.knowledge.reader import Rows, Table
from cds_service.model.rule import Rule
from cds_service.publish.page import Block, Paragraph, bullets, grid, strong


def cases(catalogue: Catalogue, rule: Rule) -> list[Block]:
    """The table, and above it the people several cases start from."""
    table = catalogue.content.table("rules", rule.id, "cases.yaml", required=False)
    rows = [(str(case.get("name")), given(case), expected(case)) for case in table.get("cases") or ()]
    if not rows:
        return []
    people = [f"{strong(name)}: {_facts(body)}" for name, body in (table.get("people") or {}).items()]
    now = [Paragraph(f"The moment of the call is {table['now']}.")] if table.get("now") else []
    named = [Paragraph("People several cases start from:"), *bullets(people)] if people else []
    return [*now, *named, *grid(("Case", "Given", "Expected"), rows)]


def given(case: Mapping[str, Any]) -> str:
    """The record of one case in words."""
    parts = [_facts(case.get("given") or {})]
    parts += [f"at {case['hook']}"] if case.get("hook") else []
    parts += [f"the call is made {case['now']}"] if case.get("now") else []
    for key, said in (("unavailable", "could not be read: "), ("drafts", "being ordered: "), ("site", "this site: ")):
        parts += [f"{said}{_said(case[key])}"] if case.get(key) else []
    parts += ["further resources given as FHIR"] if case.get("resources") else []
    return "; ".join(part for part in parts if part)


def expected(case: Mapping[str, Any]) -> str:
    """What must come of it."""
    return "; ".join(part for part in _expected(case) if part)


def _expected(case: Mapping[str, Any]) -> Iterator[str]:
    yield str(case.get("expect") or "").replace("-", " ")
    yield str(case.get("indicator") or "")
    if case.get("held"):
        yield f"held back: {case['held']}"
    if case.get("orders") is not None:
        yield f"orders {_said(case['orders'])}" if case["orders"] else "no orders"
    for text in case.get("says") or ():
        yield f"says “{text}”"
    for text in case.get("unsaid") or ():
        yield f"does not say “{text}”"


def _facts(body: Mapping[str, Any]) -> str:
    found = []
    for name, value in body.items():
        if name == "like":
            found.append(f"as {strong(str(value))}")
        else:
            found.append(f"{name}: {'nothing' if value is None else _said(value)}")
    return "; ".join(found)


def _said(value: Any) -> str:
    if isinstance(value, Table | dict):
        return ", ".join(f"{name} {_said(item)}" for name, item in value.items())
    if isinstance(value, Rows | list):
        return ", ".join(_said(item) for item in value)
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
