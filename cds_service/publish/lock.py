"""Holds meanings still: a digest of everything a rule rests on, per version, kept in `hooks/hooks.lock`.

A rule whose meaning changed must carry a new version, and the changelog must say what changed and why. Layout,
comments, cases, and who reviewed the rule are no part of its meaning. Must not judge whether a change is right.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from cds_service.errors import ContentError
from cds_service.knowledge.catalogue import Catalogue
from cds_service.knowledge.content import Content
from cds_service.model.criteria import Fact, Named
from cds_service.model.rule import Reference, Rule
from cds_service.publish.notes import changes
from cds_service.publish.reach import reach

FILE = "hooks.lock"
_HEAD = (
    "# The meaning of every rule, by version. Made by `cds lock`: do not edit. A digest that changes under the same\n"
    '# version is refused; see hooks/README.md, "The life of a rule".\n'
)
_LINE = re.compile(r"([a-z0-9-]+) (\d+\.\d+\.\d+) ([0-9a-f]{64})\Z")
_VERSION = re.compile(r"\d+\.\d+\.\d+\Z")
_NOT_MEANING = {
    "where",
    "file",
    "version",
    "status",
    "life",
    "showing",
    "origin",
    "owner",
    "names",
    "facts",
    "parameters",
}


@dataclass(frozen=True, slots=True)
class Locked:
    """One line of the lock."""

    version: str
    digest: str


def digests(catalogue: Catalogue) -> dict[str, Locked]:
    """What the content means now. The catalogue is one without a site's own decisions."""
    return {rule.id: Locked(rule.version, digest(catalogue, rule)) for rule in catalogue.rules.values()}


def digest(catalogue: Catalogue, rule: Rule) -> str:
    """The same for the same meaning, in whatever order files, keys or cases stand."""
    rests_on = reach(catalogue, rule)
    attributes = rule.life.get("attributes") or {}
    parts = {
        "rule": _plain(rule),
        "evidence": list(rule.evidence),
        "texts": sorted(rule.names),
        "attributes": _plain(attributes),
        "names": {name: _plain(named.node) for name, named in rests_on.names.items()},
        "parameters": {name: _plain(item) for name, item in rests_on.parameters.items()},
        "sets": {name: _plain(entry) for name, entry in rests_on.sets.items()},
        "analytes": {name: _plain(entry) for name, entry in rests_on.analytes.items()},
        "orders": {name: _plain(entry) for name, entry in rests_on.orders.items()},
        "form": dict(rests_on.form),
    }
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """A frozen thing as JSON, names by name: what they mean stands once, beside the rule."""
    if isinstance(value, Named):
        return {"name": value.name}
    if isinstance(value, Reference):
        return {"source": value.key}  # whether it was verified is told on the page and changes no meaning
    if is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(str(item) for item in value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, re.Pattern):
        return {"pattern": value.pattern, "flags": int(value.flags)}
    return value


def _fields(value: Any) -> dict[str, Any]:
    found = {item.name: _plain(getattr(value, item.name)) for item in fields(value) if item.name not in _NOT_MEANING}
    if isinstance(value, Fact):
        found["options"] = {name: _plain(option) for name, option in value.options}
    return {"kind_of_node": type(value).__name__, **found}


# ------------------------------------------------------------------------------------------------ the file


def text_of(found: Mapping[str, Locked]) -> str:
    return _HEAD + "".join(f"{name} {item.version} {item.digest}\n" for name, item in sorted(found.items()))


def read(content: Content) -> dict[str, Locked] | None:
    """What was locked; None where there is no lock. Raises ContentError for a line that is not one of ours."""
    entry = content.root.joinpath(FILE)
    if not entry.is_file():
        return None
    found = {}
    for number, line in enumerate(entry.read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None:
            raise ContentError("not a line of the lock: take the file from the last commit", f"hooks/{FILE}:{number}")
        found[match[1]] = Locked(match[2], match[3])
    return found


def refusals(catalogue: Catalogue) -> list[str]:
    """Why the content may not be locked as it stands: a meaning that changed, a version nobody explained."""
    locked = read(catalogue.content)
    return [] if locked is None else list(_refusals(catalogue, locked, digests(catalogue)))


def differences(catalogue: Catalogue) -> list[str]:
    """What the lock does not hold yet and may: `cds lock` writes it."""
    locked = read(catalogue.content) or {}
    found = digests(catalogue)
    return sorted(name for name in {*found, *locked} if found.get(name) != locked.get(name))


def _refusals(catalogue: Catalogue, locked: Mapping[str, Locked], found: Mapping[str, Locked]) -> Iterator[str]:
    told = {(change.rule, change.version) for change in changes(catalogue.content)}
    for name, now in sorted(found.items()):
        file = f"hooks/rules/{name}/rule.yaml"
        if not _VERSION.match(now.version):
            yield f"{file}: the version of {name.upper()} is three numbers, such as 1.2.0."
            continue
        was = locked.get(name)
        if was is None or was == now:
            continue
        if was.version == now.version:
            yield (
                f"{file}: {name.upper()} no longer means what version {was.version} meant (the rule, or something it "
                f"rests on, has changed). Raise `version`, and say what changed and why in hooks/CHANGELOG.md: "
                f"`- {name} {_next(was.version)} (YYYY-MM-DD): …`. `cds diff` shows the change."
            )
        elif _numbers(now.version) < _numbers(was.version):
            yield f"{file}: {name.upper()} went back from version {was.version} to {now.version}. Raise it instead."
        elif (name, now.version) not in told:
            yield (
                f"hooks/CHANGELOG.md: says nothing of {name.upper()} {now.version}. Add a line: "
                f"`- {name} {now.version} (YYYY-MM-DD): what changed, and why`."
            )
    for name in sorted(set(locked) - set(found)):
        if (name, "removed") not in told:
            yield (
                f"hooks/rules/{name}: the rule is gone. Keep it with `status: retired`, or add to hooks/CHANGELOG.md: "
                f"`- {name} removed (YYYY-MM-DD): why`."
            )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _next(version: str) -> str:
    major, minor, _ = _numbers(version)
    return f"{major}.{minor + 1}.0"
