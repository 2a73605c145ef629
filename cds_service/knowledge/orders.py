"""Suggested orders as the content gives them."""

from __future__ import annotations

from collections.abc import Mapping

from cds_service.errors import ContentError
from cds_service.knowledge.content import Content
from cds_service.knowledge.reader import Rows, Table
from cds_service.knowledge.shapes import as_names, as_table, as_text, need, only
from cds_service.model.rule import Coding, Order

ORDER_KEYS = (
    "label",
    "text",
    "code",
    "codes",
    "by_side",
    "side",
    "category",
    "priority",
    "note",
    "replaces",
    "rank",
    "after_days",
    "after",
    "body_site",
)
PRIORITIES = ("by-indicator", "routine", "urgent", "asap", "stat")


def load_orders(content: Content, uris: Mapping[str, str]) -> dict[str, Order]:
    found: dict[str, Order] = {}
    for _, file in content.tables("orders"):
        for name in file:
            if name in found:
                raise ContentError(f"the order `{name}` stands twice", file.where(name))
            found[name] = _order(name, as_table(file[name], file.where(name), name), uris)
    return found


def _order(name: str, table: Table, uris: Mapping[str, str]) -> Order:
    only(table, ORDER_KEYS, f"the order {name}")
    by_side = {side: _codings(body, table, uris) for side, body in (table.get("by_side") or {}).items()}
    priority = str(table.get("priority") or "by-indicator")
    if priority not in PRIORITIES:
        raise ContentError(f"priority is one of {', '.join(PRIORITIES)}", table.where("priority"))
    return Order(
        name,
        as_text(need(table, "label", name), table.where("label"), "label"),
        as_text(need(table, "text", name), table.where("text"), "text"),
        _codings(table.get("code") or table.get("codes"), table, uris),
        by_side,
        str(table.get("side") or ""),
        str(table.get("category") or ""),
        priority,
        str(table.get("note") or ""),
        as_names(table.get("replaces") or [], table.where("replaces"), "replaces"),
        int(table.get("rank") or 0),
        int(table["after_days"]) if table.get("after_days") is not None else None,
        str(table.get("after") or ""),
        {side: _codings(body, table, uris)[0] for side, body in (table.get("body_site") or {}).items()},
    )


def _codings(body: object, table: Table, uris: Mapping[str, str]) -> tuple[Coding, ...]:
    if body is None:
        return ()
    rows = body if isinstance(body, Rows) else [body]
    found = []
    for row in rows:
        coding = as_table(row, table.where(), "a code")
        only(coding, ("system", "code", "display", "seen_in"), "a code")
        system = str(need(coding, "system", "a code"))
        if system not in uris and "://" not in system:
            raise ContentError(f"unknown code system `{system}`", coding.where())
        found.append(
            Coding(uris.get(system, system), str(need(coding, "code", "a code")), str(coding.get("display") or ""))
        )
    return tuple(found)
