"""Services: which rules answer which hook, in the order of their cards."""

from __future__ import annotations

from collections.abc import Mapping

from cds_service.errors import ContentError
from cds_service.knowledge.content import Content
from cds_service.knowledge.reader import Table
from cds_service.knowledge.shapes import as_names, as_text, nearest, need, only
from cds_service.model.rule import Rule, Service

SERVICE_KEYS = ("id", "hook", "title", "description", "usage", "rules", "returns", "questions")


def load_services(content: Content, rules: Mapping[str, Rule]) -> dict[str, Service]:
    found: dict[str, Service] = {}
    for _, table in content.tables("services"):
        service = _service(table, rules)
        if service.id in found:
            raise ContentError(f"the service `{service.id}` stands twice", table.where("id"))
        found[service.id] = service
    return found


def _service(table: Table, rules: Mapping[str, Rule]) -> Service:
    only(table, SERVICE_KEYS, "a service")
    names = as_names(need(table, "rules", "a service"), table.where("rules"), "rules")
    for name in names:
        if name not in rules:
            raise ContentError(f"no rule is called `{name}`{nearest(name, rules)}", table.where("rules"))
    returns = (
        frozenset(as_names(table.get("returns") or list(names), table.where(), "returns"))
        if table.get("returns")
        else frozenset(names)
    )
    for name in returns:
        if name not in names:
            raise ContentError(f"`{name}` is returned but not among the rules", table.where("returns"))
    evaluated = [rules[name] for name in names]
    evaluated += [rule for rule in rules.values() if rule.id not in names and set(rule.hides) & set(names)]
    return Service(
        as_text(need(table, "id", "a service"), table.where("id"), "id"),
        as_text(need(table, "hook", "a service"), table.where("hook"), "hook"),
        as_text(need(table, "title", "a service"), table.where("title"), "title"),
        as_text(need(table, "description", "a service"), table.where("description"), "description"),
        tuple(rule for rule in evaluated if rule.showing != "off" and rule.status != "retired"),
        returns,
        table.get("questions") is not False,
        str(table.get("usage") or ""),
    )
