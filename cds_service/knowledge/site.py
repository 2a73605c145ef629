"""A site's own file: parameters within their reviewed ranges, rules on, silent or off, order codes, synonyms, caps.

Logic cannot be changed here; whatever the file says is checked before the service starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cds_service.errors import ContentError
from cds_service.knowledge.reader import Table, read
from cds_service.knowledge.shapes import as_names, as_table, as_text, nearest, need, only
from cds_service.model.rule import Indicator, Showing

SITE_KEYS = ("site", "parameters", "rules", "settings", "orders", "units", "codes", "caps")
SETTING_KEYS = ("altitude", "hospice", "not_kept", "remember", "signed_rules_only")
SIGNED_ONLY = "signed_rules_only"
SHOWINGS = ("on", "silent", "off")
INDICATORS = ("info", "warning", "critical")


@dataclass(frozen=True, slots=True)
class Site:
    """What a site decided. `table` is the file itself, for the parts that are merged elsewhere."""

    name: str = "hooks"
    table: Table = field(default_factory=lambda: Table("", 1))
    rules: Mapping[str, Showing] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    orders: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    not_kept: frozenset[str] = frozenset()
    remember: bool = True  # false: no card is held back because it was answered before
    caps: Mapping[str, Indicator] = field(default_factory=dict)  # rule id -> highest indicator

    @property
    def parameters(self) -> Mapping[str, Any]:
        return self.table.get("parameters") or {}


def load_site(path: Path | None) -> Site:
    """The site file, or a site that changes nothing. Raises ContentError with file and line."""
    if path is None:
        return Site()
    try:
        table = read(path.read_text(encoding="utf-8"), path.name)
    except OSError as error:
        raise ContentError(f"the site file cannot be read: {error.strerror}", str(path)) from None
    return site_of(table)


def site_of(table: Table) -> Site:
    only(table, SITE_KEYS, "a site file")
    settings = as_table(table.get("settings") or Table(table.file, 1), table.where("settings"), "settings")
    only(settings, SETTING_KEYS, "settings")
    if not isinstance(settings.get(SIGNED_ONLY, False), bool):
        raise ContentError(f"{SIGNED_ONLY} is true or false", settings.where(SIGNED_ONLY))
    remember = settings.get("remember", True)
    if not isinstance(remember, bool):
        raise ContentError("remember is true or false", settings.where("remember"))
    return Site(
        name=str(table.get("site") or table.file),
        table=table,
        rules=_words(table, "rules", SHOWINGS),
        settings=dict(settings),
        orders=_orders(table),
        not_kept=frozenset(as_names(settings.get("not_kept") or [], settings.where("not_kept"), "not_kept")),
        remember=remember,
        caps=_words(table, "caps", INDICATORS),
    )


def _part(table: Table, key: str) -> Table:
    return as_table(table.get(key) or Table(table.file, table.own_line), table.where(key), key)


def _words(table: Table, key: str, allowed: tuple[str, ...]) -> dict[str, Any]:
    """A word of these for each name."""
    part = _part(table, key)
    for name, word in part.items():
        if word not in allowed:
            raise ContentError(f"{name} is one of {', '.join(allowed)}", part.where(name))
    return dict(part)


def _orders(table: Table) -> dict[str, Mapping[str, str]]:
    """By our code or our order's name: the site's own coding."""
    part = _part(table, "orders")
    found: dict[str, Mapping[str, str]] = {}
    for name in part:
        row = as_table(part[name], part.where(name), name)
        only(row, ("system", "code", "display"), f"the order {name}")
        system = as_text(need(row, "system", name), row.where("system"), "system")
        if ":" not in system:
            raise ContentError("a code system is named by its full address (a URI)", row.where("system"))
        found[name] = {key: as_text(row[key], row.where(key), key) for key in row} | {
            "code": as_text(need(row, "code", name), row.where(), "code")
        }
    return found


def check_names(site: Site, owners: Mapping[str, set[str]], rules: set[str]) -> None:
    """Every rule, owner and parameter the site names must exist."""
    for part in ("rules", "caps"):
        for name in site.table.get(part) or ():
            if name not in rules:
                raise ContentError(f"no rule is called `{name}`{nearest(name, rules)}", site.table[part].where(name))
    for owner, given in site.parameters.items():
        where = site.table["parameters"].where(owner)
        if owner not in owners:
            raise ContentError(f"nothing with parameters is called `{owner}`{nearest(owner, owners)}", where)
        for name in as_table(given, where, owner):
            if name not in owners[owner]:
                raise ContentError(f"{owner} has no parameter `{name}`{nearest(name, owners[owner])}", where)
