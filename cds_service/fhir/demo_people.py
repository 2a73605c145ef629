"""The demo's synthetic people: FHIR Bundles on disk whose dates are relative, rendered for the clock of the moment.

`{{date-20d}}` is a calendar date, `{{now-3h}}` an instant; offsets may be chained (`{{date-34y-100d}}`) in years (y),
days (d), hours (h) and minutes (m). So a demo tells the same stories today, next year, or with a clock that stands.
These people exist in demos and tests alone; no rule and no real server may read them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

_TOKEN = re.compile(r"\{\{(now|date)((?:[+-]\d+[ydhm])*)\}\}")
_STEP = re.compile(r"([+-]\d+)([ydhm])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}

Resource = Mapping[str, Any]


@dataclass(frozen=True)
class Charts:
    """Everybody's resources as of one moment: type, then id, in the order they stand in the files."""

    resources: Mapping[str, Mapping[str, Resource]]

    def one(self, kind: str, identifier: str) -> Resource | None:
        return self.resources.get(kind, {}).get(identifier)

    def of(self, kind: str) -> Iterator[Resource]:
        yield from self.resources.get(kind, {}).values()


class DemoPeople:
    """Reads `people/*.json` and `practitioner.json` once; renders them anew when the hour changes."""

    def __init__(self, content: Traversable | None = None):
        folder = content if content is not None else files("cds_service.fixtures")
        people = sorted(
            (item for item in folder.joinpath("people").iterdir() if item.name.endswith(".json")), key=_by_name
        )
        self.stories = tuple(item.name.removesuffix(".json") for item in people)
        self._texts = [item.read_text(encoding="utf-8") for item in (*people, folder.joinpath("practitioner.json"))]
        self._rendered: tuple[datetime, Charts] | None = None

    def at(self, now: datetime) -> Charts:
        """The charts as of `now`. Within one hour the same charts are given again, so that a demo's pages agree."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        if self._rendered is None or self._rendered[0] != hour:
            self._rendered = (hour, self._render(now))
        return self._rendered[1]

    def bundles(self, now: datetime) -> dict[str, Resource]:
        """Each person's Bundle by story, as of `now`."""
        return {story: json.loads(render(text, now)) for story, text in zip(self.stories, self._texts, strict=False)}

    def _render(self, now: datetime) -> Charts:
        resources: dict[str, dict[str, Resource]] = {}
        for text in self._texts:
            for resource in _resources_of(json.loads(render(text, now))):
                resources.setdefault(resource["resourceType"], {})[resource["id"]] = resource
        return Charts(resources)


def render(text: str, now: datetime) -> str:
    """The text with every token replaced. Raises `ValueError` for a token that is not understood."""
    rendered = _TOKEN.sub(lambda found: _moment(found[1], found[2], now), text)
    if "{{" in rendered:
        start = rendered.index("{{")
        raise ValueError(f"a date token is not understood: {rendered[start : start + 30]!r}")
    return rendered


def _moment(kind: str, steps: str, now: datetime) -> str:
    at = now.astimezone(UTC).replace(microsecond=0)
    for amount, unit in _STEP.findall(steps):
        at = _years(at, int(amount)) if unit == "y" else at + timedelta(**{_UNITS[unit]: int(amount)})
    return at.date().isoformat() if kind == "date" else at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _years(at: datetime, years: int) -> datetime:
    try:
        return at.replace(year=at.year + years)
    except ValueError:
        return at.replace(year=at.year + years, day=28)


def _resources_of(content: Resource) -> Iterator[Resource]:
    if content["resourceType"] != "Bundle":
        yield content
        return
    for entry in content["entry"]:
        yield entry["resource"]


def _by_name(item: Traversable) -> str:
    return item.name
