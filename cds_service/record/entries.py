"""One resource (or one component of an Observation) as the index holds it, and the small readers every lookup needs.

Readers forgive what is malformed: a wrong type reads as absent, so that a bad element costs itself, not the resource.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(eq=False, slots=True)
class Entry:
    """`part` is where code and value stand: the resource itself, or a component of it."""

    type: str
    raw: Mapping[str, Any]
    part: Mapping[str, Any]
    concept: Mapping[str, Any] | None = None  # the concept that was matched (code, value, reason…)
    system: str = ""  # of the coding that matched; "" when words matched
    code: str = ""
    asks: bool = False  # matched by words that may only ask

    @property
    def reference(self) -> str:
        identifier = self.raw.get("id")
        return f"{self.type}/{identifier}" if isinstance(identifier, str) else self.type


def table(value: object) -> Mapping[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def tables(value: object) -> Sequence[Mapping[str, Any]]:
    """Every object of a list; a lone object counts as a list of one (drafts and older versions do that)."""
    if isinstance(value, list):
        if len(value) == 1 and isinstance(value[0], dict):  # most lists of a chart: nothing to leave out
            return value
        return [item for item in value if isinstance(item, dict)]
    return (value,) if isinstance(value, dict) else ()


def word(value: object) -> str:
    return value if isinstance(value, str) else ""


def codes_of(concepts: object) -> set[str]:
    """Every code of one or several CodeableConcepts, whatever the system; a bare string counts (STU3 statuses)."""
    if isinstance(concepts, str):
        return {concepts}
    return {
        word(coding.get("code"))
        for concept in tables(concepts)
        for coding in tables(concept.get("coding"))
        if coding.get("code")
    }


def label_of(concept: Mapping[str, Any] | None) -> str:
    """What the chart calls it: the text, else the first display, else the first code."""
    if not concept:
        return ""
    if text := word(concept.get("text")).strip():
        return text
    codings = tables(concept.get("coding"))
    for name in ("display", "code"):
        for coding in codings:
            if found := word(coding.get(name)).strip():
                return found
    return ""


def texts_of(concept: Mapping[str, Any]) -> Iterator[str]:
    """The concept's text and every display."""
    if text := word(concept.get("text")):
        yield text
    for coding in tables(concept.get("coding")):
        if display := word(coding.get("display")):
            yield display
