"""Recognises resources of other FHIR versions, so that what we cannot read is never taken for what is not there.

We read R4. Much of DSTU2, STU3 and R5 looks the same and is read as it stands; three things need care:
- `told`: an older or newer shape whose meaning we still read (a status as a plain string). Said once, used.
- `hidden`: the meaning stands where R4 has nothing (R5 `medication.concept`). Said, and silence of that answer is not
  earned: the medicine may be in there.
- `denied`: the resource says that it did not happen, in a member R4 does not have (`notDone`). Said, never used.

Must not rewrite a resource: a guess at a translation would be evidence nobody recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Effect = Literal["told", "hidden", "denied"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A member that gives a version away. `holds` looks at its value; without it, being there is enough."""

    member: str
    version: str
    effect: Effect = "told"
    holds: Callable[[object], bool] | None = None

    def on(self, resource: Mapping[str, Any]) -> bool:
        return self.member in resource and (self.holds is None or self.holds(resource[self.member]))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_true(value: object) -> bool:
    return value is True


def _not_taken(value: object) -> bool:
    return value == "n"


def _has_concept(value: object) -> bool:
    return isinstance(value, dict) and ("concept" in value or "reference" in value)


_CONTEXT = Mark("context", "STU3", holds=_is_object)
_R5_MEDICATION = Mark("medication", "R5", "hidden", _is_object)
_R5_CODE = Mark("code", "R5", "hidden", _has_concept)

MARKS: Mapping[str, tuple[Mark, ...]] = {
    "Observation": (
        _CONTEXT,
        Mark("category", "DSTU2", holds=_is_object),
        Mark("related", "STU3"),
        Mark("triggeredBy", "R5"),
    ),
    "Condition": (
        Mark("clinicalStatus", "STU3 or DSTU2", holds=_is_text),
        Mark("verificationStatus", "STU3 or DSTU2", holds=_is_text),
        Mark("assertedDate", "STU3"),
        Mark("dateRecorded", "DSTU2"),
        Mark("participant", "R5"),
    ),
    "Encounter": (
        Mark("class", "DSTU2", holds=_is_text),
        Mark("class", "R5", holds=_is_list),
        Mark("reason", "R5 or STU3", "hidden"),
        Mark("actualPeriod", "R5", "hidden"),
        Mark("admission", "R5", "hidden"),
    ),
    "Procedure": (
        Mark("notDone", "STU3", "denied", _is_true),
        Mark("notPerformed", "DSTU2", "denied", _is_true),
        Mark("occurrenceDateTime", "R5", "hidden"),
        Mark("occurrencePeriod", "R5", "hidden"),
        _CONTEXT,
    ),
    "MedicationRequest": (_R5_MEDICATION, _CONTEXT),
    "MedicationStatement": (
        _R5_MEDICATION,
        Mark("taken", "STU3", "denied", _not_taken),
        Mark("wasNotTaken", "DSTU2", "denied", _is_true),
    ),
    "MedicationDispense": (_R5_MEDICATION, Mark("notDone", "STU3", "denied", _is_true)),
    "MedicationAdministration": (
        _R5_MEDICATION,
        Mark("notGiven", "STU3", "denied", _is_true),
        Mark("wasNotGiven", "DSTU2", "denied", _is_true),
    ),
    "ServiceRequest": (_R5_CODE,),
    "DeviceRequest": (_R5_CODE,),
    "DiagnosticReport": (Mark("codedDiagnosis", "STU3", "hidden"), _CONTEXT),
    "QuestionnaireResponse": (Mark("group", "DSTU2", "hidden"), Mark("parent", "STU3")),
}

# Types that R4 no longer has: what they are called now, and whose they were.
RENAMED: Mapping[str, tuple[str, str]] = {
    "MedicationOrder": ("MedicationRequest", "DSTU2"),
    "DiagnosticOrder": ("ServiceRequest", "DSTU2"),
    "ProcedureRequest": ("ServiceRequest", "STU3 or DSTU2"),
    "ReferralRequest": ("ServiceRequest", "STU3 or DSTU2"),
    "DeviceUseRequest": ("DeviceRequest", "DSTU2"),
    "MedicationUsage": ("MedicationStatement", "R5"),
}


_MEMBERS = {kind: frozenset(mark.member for mark in marks) for kind, marks in MARKS.items()}


def mark_of(resource: Mapping[str, Any]) -> Mark | None:
    """What gives the resource away as another version's: the gravest mark, or None for R4."""
    members = _MEMBERS.get(resource["resourceType"])
    if members is None or resource.keys().isdisjoint(members):
        return None
    found: Mark | None = None
    for mark in MARKS.get(resource["resourceType"], ()):
        if mark.on(resource):
            if mark.effect != "told":
                return mark
            found = found or mark
    return found
