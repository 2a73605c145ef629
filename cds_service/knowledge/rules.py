"""One rule file as a `Rule`: its names, outcomes, texts, questions and life."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cds_service.errors import ContentError
from cds_service.knowledge import texts
from cds_service.knowledge.builder import Builder
from cds_service.knowledge.reader import Table
from cds_service.knowledge.scope import Scope
from cds_service.knowledge.shapes import as_names, as_rows, as_table, as_text, nearest, need, only
from cds_service.model.criteria import Named, Node, Parameter
from cds_service.model.rule import Ask, Collected, OrderLine, Outcome, Reference, Rule

RULE_KEYS = (
    "id",
    "version",
    "status",
    "pack",
    "kind",
    "title",
    "why",
    "references",
    "parameters",
    "facts",
    "when",
    "unless",
    "outcomes",
    "evidence",
    "consider",
    "override",
    "hides",
    "yields_to",
    "ask",
    "words",
    "passes",
    "limits",
    "short",
    "collects",
    "held_back_by",
    "card",
    "reviewed",
    "attributes",
    "note",
)
OUTCOME_KEYS = ("when", "indicator", "summary", "line", "joins", "detail", "orders", "alternatives", "link")
KINDS = ("red-flag", "finding", "gap", "referral", "order-check", "reassurance", "lifestyle", "question", "collected")
STATUSES = ("draft", "active", "retired")
INDICATORS = ("critical", "warning", "info")
ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")


class RuleBuilder:
    """Builds rules over one set of shared names."""

    def __init__(
        self,
        builder: Builder,
        shared: Scope,
        references: Mapping[str, Reference],
        override: Mapping[str, str],
        gates: Mapping[str, Mapping[str, Node]],
        attributes: Mapping[str, Mapping[str, Any]],
    ):
        self.builder = builder
        self.shared = shared
        self.references = references
        self.override = override
        self.gates = gates
        self.attributes = attributes
        self.unused: list[tuple[str, str]] = []

    def rule(self, table: Table, overrides: Mapping[str, Parameter]) -> Rule:
        only(table, RULE_KEYS, "a rule")
        identity, pack = self._identity(table)
        scope = self._scope(table, identity, pack, overrides)
        collected = self._collected(table)
        when = self._when(scope, table)
        if when is None and collected is None:
            raise ContentError("a rule needs `when`", table.where())
        rule = Rule(
            identity,
            identity.replace("-", "").upper(),
            str(need(table, "version", "a rule")),
            self._one_of(table, "status", STATUSES),
            pack,
            self._one_of(table, "kind", KINDS),
            as_text(need(table, "title", "a rule"), table.where("title"), "title"),
            str(table.get("why") or ""),
            self._references(table),
            scope.parameters,
            {name: scope._named(name) for name in scope.raw},
            when,
            self._unless(scope, table),
            self._outcomes(scope, table),
            tuple(self._ask(scope, row, table) for row in table.get("ask") or ()),
            texts.words(self.builder, scope, table, when),
            evidence=self._evidence(scope, table),
            consider=str(table.get("consider") or ""),
            short=str(table.get("short") or ""),
            override=self._override(table),
            hides=as_names(table.get("hides") or [], table.where("hides"), "hides"),
            yields_to=self._yields_to(table),
            gates=self._gates(table, pack),
            collected=collected,
            limits=as_names(table.get("limits") or [], table.where("limits"), "limits"),
            life=self._life(table, pack),
            file=table.file,
        )
        names = texts.names(scope, rule, table, self.builder.orders) | self._pending(scope, rule, table)
        self.unused += scope.unused()
        return replace(rule, names=names)

    def _when(self, scope: Scope, table: Table) -> Node | None:
        return self.builder.truth(scope, table["when"], table.where("when")) if table.get("when") is not None else None

    def _identity(self, table: Table) -> tuple[str, str]:
        """The rule's id and its pack."""
        identity = as_text(need(table, "id", "a rule"), table.where("id"), "id")
        if not ID.match(identity):
            raise ContentError("an id is lower case words joined by dashes", table.where("id"))
        pack = as_text(need(table, "pack", "a rule"), table.where("pack"), "pack")
        if pack not in self.gates:
            raise ContentError(f"no pack is called `{pack}`{nearest(pack, self.gates)}", table.where("pack"))
        return identity, pack

    def _gates(self, table: Table, pack: str) -> tuple[tuple[str, Node], ...]:
        passes = as_names(table.get("passes") or [], table.where("passes"), "passes")
        return tuple((label, gate) for label, gate in self.gates[pack].items() if label not in passes)

    def _life(self, table: Table, pack: str) -> dict[str, Any]:
        attributes = {**self.attributes.get(pack, {}), **(table.get("attributes") or {})}
        return {"reviewed": dict(table.get("reviewed") or {}), "attributes": attributes}

    def _pending(self, scope: Scope, rule: Rule, table: Table) -> dict[str, Node]:
        """`pending:<analyte>` for every analyte whose pending tests a collected card shows."""
        found: dict[str, Node] = {}
        for analyte in rule.collected.pending if rule.collected else ():
            surface = Table(table.file, table.own_line)
            surface["pending"] = analyte
            name = f"pending:{analyte}"
            found[name] = Named(
                "truth", name, self.builder.truth(scope, surface, table.where()), rule.id, scope.words_of(name)
            )
        return found

    def _scope(self, table: Table, identity: str, pack: str, overrides: Mapping[str, Parameter]) -> Scope:
        scope = Scope(identity, pack, self.builder.define, self.shared)
        if table.get("parameters"):
            scope.take_parameters(as_table(table["parameters"], table.where("parameters"), "parameters"), overrides)
        for name, raw in (table.get("facts") or {}).items():
            scope.declare(name, raw, table["facts"].where(name))
        return scope

    def _one_of(self, table: Table, key: str, allowed: tuple[str, ...]) -> Any:
        value = need(table, key, "a rule")
        if value not in allowed:
            raise ContentError(f"{key} is one of {', '.join(allowed)}", table.where(key))
        return value

    def _references(self, table: Table) -> tuple[Reference, ...]:
        found = []
        for key in as_names(table.get("references") or [], table.where("references"), "references"):
            if key not in self.references:
                raise ContentError(
                    f"no reference is called `{key}`{nearest(key, self.references)}", table.where("references")
                )
            found.append(self.references[key])
        return tuple(found)

    def _unless(self, scope: Scope, table: Table) -> tuple[Node, ...]:
        if table.get("unless") is None:
            return ()
        return self.builder.truths(scope, table["unless"], table.where("unless"))

    def _evidence(self, scope: Scope, table: Table) -> tuple[str, ...]:
        names = as_names(table.get("evidence") or [], table.where("evidence"), "evidence")
        for name in names:
            scope.find(name, table.where("evidence"))
        return names

    def _override(self, table: Table) -> tuple[tuple[str, str], ...]:
        found = []
        for code in as_names(table.get("override") or [], table.where("override"), "override"):
            if code not in self.override:
                raise ContentError(
                    f"no override reason is called `{code}`{nearest(code, self.override)}", table.where("override")
                )
            found.append((code, self.override[code]))
        return tuple(found)

    def _yields_to(self, table: Table) -> tuple[str, ...]:
        found: list[str] = []
        for key in ("yields_to", "held_back_by"):
            given = table.get(key)
            for item in [given] if isinstance(given, Table) else as_rows(given or [], table.where(key), key):
                if isinstance(item, Table):
                    found.extend(
                        f"{level}:{pack}" for level, packs in item.items() for pack in as_rows(packs, item.where(), key)
                    )
                else:
                    found.append(as_text(item, table.where(key), key))
        return tuple(found)

    # ------------------------------------------------------------------ outcomes

    def _outcomes(self, scope: Scope, table: Table) -> tuple[Outcome, ...]:
        body = table.get("outcomes")
        if not body:
            return ()
        return tuple(self._outcome(scope, name, as_table(body[name], body.where(name), name)) for name in body)

    def _outcome(self, scope: Scope, name: str, table: Table) -> Outcome:
        only(table, OUTCOME_KEYS, f"the outcome {name}")
        return Outcome(
            name,
            self._when(scope, table),
            self._indicator(scope, table),
            str(table.get("summary") or ""),
            str(table.get("line") or ""),
            str(table.get("joins") or ""),
            str(table.get("detail") or ""),
            tuple(
                self._order(scope, row, table)
                for row in as_rows(table.get("orders") or [], table.where("orders"), "orders")
            ),
            table.get("alternatives") is True,
            str(table.get("link") or ""),
        )

    def _indicator(self, scope: Scope, table: Table) -> tuple[tuple[Node | None, Any], ...]:
        value = need(table, "indicator", "an outcome")
        where = table.where("indicator")
        if isinstance(value, str):
            value_rows: list[tuple[Node | None, Any]] = [(None, value)]
        else:
            body = as_table(value, where, "indicator")
            value_rows = [
                (self.builder.truth(scope, raw, where), level) for level, raw in body.items() if level != "otherwise"
            ]
            value_rows.append((None, need(body, "otherwise", "indicator")))
        for _, level in value_rows:
            if level not in INDICATORS:
                raise ContentError(f"an indicator is one of {', '.join(INDICATORS)}", where)
        return tuple(value_rows)

    def _order(self, scope: Scope, row: object, table: Table) -> OrderLine:
        where = table.where("orders")
        if isinstance(row, str):
            name, when = row, None
        else:
            body = as_table(row, where, "an order")
            only(body, ("order", "when"), "an order")
            name = need(body, "order", "an order")
            when = self._when(scope, body)
        if name not in self.builder.orders:
            raise ContentError(f"no order is called `{name}`{nearest(name, self.builder.orders)}", where)
        return OrderLine(name, when)

    def _ask(self, scope: Scope, row: object, table: Table) -> Ask:
        where = table.where("ask")
        body = as_table(row, where, "a question")
        only(body, ("when", "for", "text"), "a question")
        return Ask(
            self._when(scope, body),
            as_names(body.get("for") or [], where, "for"),
            as_text(need(body, "text", "a question"), where, "text"),
        )

    def _collected(self, table: Table) -> Collected | None:
        if table.get("kind") != "collected":
            return None
        rules = tuple(
            (item.split(".")[0], item.split(".")[1] if "." in item else "")
            for item in as_names(need(table, "collects", "a collected card"), table.where("collects"), "collects")
        )
        card = as_table(need(table, "card", "a collected card"), table.where("card"), "card")
        only(card, ("indicator", "at_least", "summary", "footer", "orders", "pending"), "card")
        return Collected(
            rules,
            as_text(need(card, "summary", "card"), card.where("summary"), "summary"),
            card.get("indicator", "highest"),
            str(card.get("at_least") or ""),
            as_names(card.get("footer") or [], card.where("footer"), "footer"),
            as_names(card.get("pending") or [], card.where("pending"), "pending"),
            _offers_orders(card),
        )


def _offers_orders(card: Table) -> bool:
    """Whether a collected card offers the orders of its lines (once each) or none at all."""
    said = card.get("orders", "once")
    if said not in ("once", "none"):
        raise ContentError("orders is once or none", card.where("orders"))
    return bool(said == "once")
