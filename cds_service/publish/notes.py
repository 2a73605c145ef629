"""What the built catalogue does not carry and pages still tell: what the changelog says, where a code was seen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cds_service.knowledge.content import Content

_ENTRY = re.compile(
    r"^- (?P<rule>[a-z0-9-]+) (?P<version>\d+\.\d+\.\d+|removed) \((?P<on>\d{4}-\d\d-\d\d)\): (?P<what>.+)$", re.M
)


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the changelog about a rule: `version` is a number, or `removed`."""

    rule: str
    version: str
    on: str
    what: str


@dataclass(frozen=True)
class Notes:
    """Read once for all pages. `seen`: (value set or analyte, code) to where that code was seen."""

    changes: tuple[Change, ...]
    seen: Mapping[tuple[str, str], str]


def notes_of(content: Content) -> Notes:
    return Notes(tuple(changes(content)), _seen(content))


def changes(content: Content) -> list[Change]:
    """What the changelog says of rules, in its order: `- dvt-02 1.1.0 (2027-01-31): what changed, and why`."""
    entry = content.root.joinpath("CHANGELOG.md")
    text = entry.read_text(encoding="utf-8") if entry.is_file() else ""
    return [Change(**found.groupdict()) for found in _ENTRY.finditer(text)]


def _seen(content: Content) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for folder in ("codes", "analytes"):
        for _, file in content.tables(folder):
            for name, body in file.items():
                rows: Any = body.get("codes") or ()
                found.update({(name, str(row.get("code"))): str(row.get("seen_in") or "") for row in rows})
    return found
