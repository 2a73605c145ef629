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
from cds_service.knowledge.shapes import as_names, as_table, nearest, only

SITE_KEYS = ("site", "parameters", "rules", "settings", "orders", "units", "codes", "caps")
SETTING_KEYS = ("altitude", "hospice", "not_kept", "signed_rules_only")
SIGNED_ONLY = "signed_rules_only"
SHOWINGS = ("on", "silent", "off")


@dataclass(frozen=True, slots=True)
class Site:
    """What a site decided. `table` is the file itself, for the parts that are merged elsewhere."""

    name: str = "hooks"
    table: Table = field(default_factory=lambda: Table("", 1))
    rules: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    orders: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    not_kept: frozenset[str] = frozenset()
    caps: Mapping[str, str] = field(default_factory=dict)  # rule id -> highest indicator

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
    rules = as_table(table.get("rules") or Table(table.file, 1), table.where("rules"), "rules")
    for name, showing in rules.items():
        if showing not in SHOWINGS:
            raise ContentError(f"a rule is {', '.join(SHOWINGS)}", rules.where(name))
    return Site(
        str(table.get("site") or table.file),
        table,
        dict(rules),
        dict(settings),
        dict(table.get("orders") or {}),
        frozenset(as_names(settings.get("not_kept") or [], settings.where("not_kept"), "not_kept")),
        dict(table.get("caps") or {}),
    )


def check_names(site: Site, owners: Mapping[str, set[str]], rules: set[str]) -> None:
    """Every rule, owner and parameter the site names must exist."""
    for name in site.rules:
        if name not in rules:
            raise ContentError(f"no rule is called `{name}`{nearest(name, rules)}", site.table["rules"].where(name))
    for owner, given in site.parameters.items():
        where = site.table["parameters"].where(owner)
        if owner not in owners:
            raise ContentError(f"nothing with parameters is called `{owner}`{nearest(owner, owners)}", where)
        for name in as_table(given, where, owner):
            if name not in owners[owner]:
                raise ContentError(f"{owner} has no parameter `{name}`{nearest(name, owners[owner])}", where)
