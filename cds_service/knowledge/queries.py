"""What a service asks the client for: the resource types its rules read, as prefetch templates."""

from __future__ import annotations

from collections.abc import Mapping

from cds_service.model.criteria import Node
from cds_service.model.reading import Query
from cds_service.model.rule import Rule, Service
from cds_service.reasoning.requirements import types_of


def queries_of(service: Service, templates: Mapping[str, Query]) -> tuple[Query, ...]:
    """One query per resource type, in the order of `hooks/prefetch.yaml`, the patient first."""
    types: set[str] = {"Patient"}
    for rule in service.rules:
        types |= types_of(all_nodes(rule))
        types |= _of_collected(rule)
    return tuple(query for kind, query in templates.items() if kind in types)


def _of_collected(rule: Rule) -> set[str]:
    return {"ServiceRequest", "Observation"} if rule.collected and rule.collected.pending else set()


def all_nodes(rule: Rule) -> list[Node]:
    """Every tree a rule holds: criteria, gates, exclusions, outcomes, orders, questions and words."""
    found: list[Node | None] = [rule.when, *rule.unless, *(gate for _, gate in rule.gates)]
    for outcome in rule.outcomes:
        found += [outcome.when, *(when for when, _ in outcome.indicator), *(line.when for line in outcome.orders)]
    found += [ask.when for ask in rule.ask]
    for word in rule.words.values():
        found += [when for when, _ in word.table] + [when for when, _ in word.listed]
    found += list(rule.names.values())
    return [node for node in found if node is not None]
