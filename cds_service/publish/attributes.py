"""The thirteen source attributes that 45 CFR 170.315(b)(11)(iv)(A) asks of an evidence-based intervention, per rule.

What is said stands in `hooks/`; here are only the regulation's own names and where each answer is found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cds_service.knowledge.catalogue import Catalogue
from cds_service.model.rule import Reference, Rule
from cds_service.publish.notes import Change
from cds_service.publish.reach import reach

TO_BE_VERIFIED = "to be verified"
REGULATION = "45 CFR 170.315(b)(11)(iv)(A)"
_USES = {
    "race": "Use of race",
    "ethnicity": "Use of ethnicity",
    "language": "Use of language",
    "sexual_orientation": "Use of sexual orientation",
    "gender_identity": "Use of gender identity",
    "sex": "Use of sex",
    "birth_date": "Use of date of birth",
    "social_determinants": "Use of social determinants of health data",
    "health_status": "Use of health status assessments data",
}


@dataclass(frozen=True, slots=True)
class Attribute:
    """One of the thirteen: its key in JSON, the regulation's name, and what is true of this rule."""

    key: str
    name: str
    said: str


def attributes(catalogue: Catalogue, rule: Rule, changed: Sequence[Change]) -> tuple[Attribute, ...]:
    """All thirteen, in the regulation's order. `changed` is the whole changelog's."""
    given: Mapping[str, object] = rule.life.get("attributes") or {}
    read = reach(catalogue, rule).read
    reads: Mapping[str, Mapping[str, str]] = (
        catalogue.content.table("attributes.yaml", required=False).get("reads") or {}
    )
    used = {key: [text for name, text in found.items() if name in read] for key, found in reads.items()}
    return (
        Attribute("citation", "Bibliographic citation", "; ".join(cited(item) for item in rule.references)),
        Attribute("developer", "Developer", str(given.get("developer") or "not stated")),
        Attribute("funding", "Funding source", str(given.get("funding") or "not stated")),
        Attribute("dates", "Release and revision dates", _dates(rule, changed)),
        *(Attribute(key, name, _use(given.get(key), used.get(key, []))) for key, name in _USES.items()),
    )


def cited(reference: Reference) -> str:
    """Body, year and title; a source whose text nobody has read is marked."""
    mark = "" if reference.verified else f" ({TO_BE_VERIFIED})"
    return f"{reference.body_and_year}: {reference.citation}{mark}"


def _dates(rule: Rule, changed: Sequence[Change]) -> str:
    own = [item for item in changed if item.rule == rule.id]
    revised = [f"version {item.version} of {item.on}" for item in own if item.version != "removed"]
    signed = (rule.life.get("reviewed") or {}).get("on")
    state = f"signed on {signed}" if rule.status == "active" and signed else f"not released: {rule.status}"
    return f"Version {rule.version}, {state}; " + ("revised: " + ", ".join(revised) if revised else "not revised yet")


def _use(said: object, read: list[str]) -> str:
    """What the content says; what the rule reads is used even where the content says nothing of it."""
    if isinstance(said, str):
        return f"Used. {said}"
    if read:
        return f"Used: {', '.join(dict.fromkeys(read))}."
    return {None: "Not stated", False: "Not used", True: "Used"}[said if isinstance(said, bool) else None]
