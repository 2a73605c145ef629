"""The words of a rule: its `words:`, and the node behind every name its texts, its evidence and its orders use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from cds_service.knowledge.builder import Builder
from cds_service.knowledge.reader import Table
from cds_service.knowledge.scope import Scope
from cds_service.knowledge.shapes import as_table, only
from cds_service.model.criteria import Node
from cds_service.model.rule import Order, Rule, Word

PLACEHOLDER = re.compile(r"\{([a-z0-9-]+)(?:\.([a-z_]+))?\}")
OWN_WORDS = {"count", "first-three", "first-two", "more", "pending", "pending-count"}  # of collected cards


def words(builder: Builder, scope: Scope, table: Table, when: Node | None) -> dict[str, Word]:
    """Every word of the rule; `decided_by` speaks of what made its criterion true."""
    return {
        name: Word(decided_by=when)
        if "decided_by" in raw
        else _word(builder, scope, as_table(raw, table["words"].where(name), name))
        for name, raw in (table.get("words") or {}).items()
    }


def _word(builder: Builder, scope: Scope, table: Table) -> Word:
    only(table, ("first", "otherwise", "list"), "a word")
    listed = table.get("list")
    rows = [
        as_table(row, table.where(), "a word") for row in (listed if listed is not None else table.get("first")) or ()
    ]
    said = tuple((builder.truth(scope, row["when"], row.where()), str(row["then"])) for row in rows)
    if listed is not None:
        return Word(listed=said)
    return Word(table=(*said, (None, str(table.get("otherwise") or ""))))


def names(scope: Scope, rule: Rule, table: Table, orders: Mapping[str, Order]) -> dict[str, Node]:
    """The node behind every name a text, the evidence or an order uses. Raises ContentError for a name nobody knows."""
    found: dict[str, Node] = {name: scope.find(name, table.where("evidence")) for name in rule.evidence}
    for text in _texts(rule):
        for name, _ in PLACEHOLDER.findall(text):
            if name in rule.words or (rule.collected and name in OWN_WORDS) or name in found:
                continue
            found[name] = scope.find(name, f"{rule.file} (text: {text[:40]}…)")
    for name in _asked_by_orders(rule, orders):
        found.setdefault(name, scope.find(name, table.where("outcomes")))
    return found


def _asked_by_orders(rule: Rule, orders: Mapping[str, Order]) -> Iterable[str]:
    """The side an order is for, and the fact whose date it counts from."""
    for outcome in rule.outcomes:
        for line in outcome.orders:
            order = orders[line.order]
            yield from (name for name in (order.side, order.after) if name)


def _texts(rule: Rule) -> Iterable[str]:
    for outcome in rule.outcomes:
        yield from (outcome.summary, outcome.line, outcome.detail)
    for word in rule.words.values():
        yield from (text for _, text in word.table)
        yield from (text for _, text in word.listed)
    for ask in rule.ask:
        yield ask.text
    yield from (rule.why, rule.consider)
    if rule.collected:
        yield rule.collected.summary
