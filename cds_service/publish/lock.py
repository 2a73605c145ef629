"""Holds meanings still: a digest of everything a rule rests on, per version, kept in `hooks/hooks.lock`.

A rule whose meaning changed must carry a new version, and the changelog must say what changed and why. Layout,
comments, cases, and who reviewed the rule are no part of its meaning. Must not judge whether a change is right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cds_service.errors import ContentError
from cds_service.knowledge.catalogue import Catalogue
from cds_service.knowledge.content import Content
from cds_service.publish.meaning import meaning, read_surface
from cds_service.publish.notes import changes

FILE = "hooks.lock"
_HEAD = (
    "# The meaning of every rule, by version. Made by `cds lock`: do not edit. A digest that changes under the same\n"
    '# version is refused; see hooks/README.md, "The life of a rule".\n'
)
_LINE = re.compile(r"([a-z0-9-]+) (\d+\.\d+\.\d+) ([0-9a-f]{64})\Z")
_VERSION = re.compile(r"\d+\.\d+\.\d+\Z")


@dataclass(frozen=True, slots=True)
class Locked:
    """One line of the lock."""

    version: str
    digest: str


def digests(catalogue: Catalogue) -> dict[str, Locked]:
    """What the content means now. The catalogue is one without a site's own decisions."""
    surface = read_surface(catalogue.content)
    return {rule.id: Locked(rule.version, meaning(surface, catalogue, rule)) for rule in catalogue.rules.values()}


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
