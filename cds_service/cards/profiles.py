"""What one kind of client takes: a profile is data (`hooks/profiles.yaml`), so a new client needs no program.

Changes only how cards are written, never which rules speak.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from cds_service.errors import ContentError
from cds_service.model.rule import Coding

SiteCodes = Literal["replace", "add", "none"]
BEHAVIOURS = ("any", "at-most-one")
MEMBERS = ("card.uuid", "card.overrideReasons", "source.topic", "suggestion.uuid", "suggestion.isRecommended")
_KEYS = ("title", "like", "behaviours", "bundle", "leave_out", "detail", "evidence", "site_codes", "categories")


@dataclass(frozen=True, slots=True)
class Profile:
    """What a client can show. `detail` is in signs, 0 for no limit; `evidence` is the most bullets."""

    name: str
    title: str = ""
    behaviours: tuple[str, ...] = BEHAVIOURS
    bundle: bool = False
    leave_out: frozenset[str] = frozenset()
    detail: int = 0
    evidence: int = 12
    site_codes: SiteCodes = "add"
    categories: Mapping[str, Coding] = field(default_factory=dict)

    def behaviour(self, wanted: str) -> str:
        """The selectionBehavior to send: the one wanted, or the client's own where it does not know that."""
        return wanted if wanted in self.behaviours else self.behaviours[-1]

    def takes(self, member: str) -> bool:
        return member not in self.leave_out


def load_profiles(table: Mapping[str, Any], file: str = "hooks/profiles.yaml") -> dict[str, Profile]:
    """Every profile by name. `table` is the file as plain mappings. Raises ContentError with what to mend."""
    found: dict[str, Profile] = {}
    for name, body in table.items():
        if not isinstance(body, Mapping):
            raise ContentError(f"the profile {name} must be a mapping", file)
        for key in body:
            if key not in _KEYS:
                raise ContentError(f"the profile {name} has no `{key}`: known are {', '.join(_KEYS)}", file)
        base = Profile(name)
        if like := body.get("like"):
            if like not in found:
                raise ContentError(f"the profile {name} is like `{like}`, which does not stand above it", file)
            base = replace(found[like], name=name)
        found[name] = _profile(base, body, f"{file}: {name}")
    return found


def _profile(base: Profile, body: Mapping[str, Any], where: str) -> Profile:
    changes: dict[str, Any] = {"title": str(body.get("title") or base.title)}
    for key, allowed in (("behaviours", BEHAVIOURS), ("leave_out", MEMBERS)):
        if key in body:
            changes[key] = _among(body[key], allowed, key, where)
    if changes.get("behaviours") == ():
        raise ContentError("behaviours names none", where)
    if "leave_out" in changes:
        changes["leave_out"] = frozenset(changes["leave_out"])
    if "site_codes" in body:
        changes["site_codes"] = _among([body["site_codes"]], ("replace", "add", "none"), "site_codes", where)[0]
    for key in ("detail", "evidence"):
        if key in body:
            if not isinstance(body[key], int) or isinstance(body[key], bool) or body[key] < 0:
                raise ContentError(f"{key} must be a whole number", where)
            changes[key] = body[key]
    if "bundle" in body:
        if not isinstance(body["bundle"], bool):
            raise ContentError("bundle is true or false", where)
        changes["bundle"] = body["bundle"]
    if "categories" in body:
        changes["categories"] = {name: _coding(raw, where) for name, raw in body["categories"].items()}
    return replace(base, **changes)


def _among(values: Any, allowed: tuple[str, ...], what: str, where: str) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise ContentError(f"{what} must be a list", where)
    for value in values:
        if value not in allowed:
            raise ContentError(f"{what}: `{value}` is none of {', '.join(allowed)}", where)
    return tuple(values)


def _coding(raw: Any, where: str) -> Coding:
    if not isinstance(raw, Mapping) or not all(isinstance(raw.get(key), str) for key in ("system", "code", "display")):
        raise ContentError("a category needs system, code and display", where)
    if "://" not in raw["system"]:
        raise ContentError(f"`{raw['system']}` must be the full address of a code system", where)
    return Coding(raw["system"], raw["code"], raw["display"])
