"""What the call brought along, query by query: value, null, missing and error mean four different things.

- key missing: nobody asked, so nothing is known (the client's server may be asked then);
- null: the client looked and there is nothing;
- a resource or a search's Bundle: an answer, complete or not;
- an OperationOutcome: it was tried and failed, and is not tried again.

Must not fetch, copy or judge resources; one unreadable value costs that key, never the call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cds_service.errors import WrongPatient
from cds_service.fhir.answers import Answer, take
from cds_service.model.hook import Problem
from cds_service.model.reading import Query, Reading

_NOT_THERE = "not among what the EHR sent"
_MISSING = object()


def read(
    prefetch: Mapping[str, Any] | None, queries: Sequence[Query], patient_id: str
) -> tuple[list[Reading], list[Problem]]:
    """One reading per query, in their order, and what could not be used. Keys nobody asked for are ignored.

    Raises `WrongPatient` when the Patient that came is not `patient_id`.
    """
    given = prefetch if isinstance(prefetch, Mapping) else {}
    readings: list[Reading] = []
    problems: list[Problem] = []
    for query in queries:
        value = given.get(query.key, _MISSING)
        if value is _MISSING:
            readings.append(Reading(query, "not asked", why=_NOT_THERE))
            continue
        if value is None:
            readings.append(Reading(query, "answered"))
            continue
        answer = Answer(query)
        take(answer, value)
        readings.append(answer.reading())
        problems.extend(problems_of(answer))
    _check_patient(readings, patient_id)
    return readings, problems


def problems_of(answer: Answer, what: str = "prefetch") -> Iterable[Problem]:
    """What the reply tells of this answer: one line per kind of fault, with how often it was met."""
    if answer.refused:
        yield Problem(what, answer.query.key, answer.refused)
    for fault, times in answer.faults.items():
        yield Problem(what, answer.query.key, f"{fault} ({times} times)" if times > 1 else fault)


def missing_required(readings: Iterable[Reading]) -> list[str]:
    """Keys of required queries nobody has answered. A null is an answer."""
    return [
        reading.query.key for reading in readings if reading.query.required and reading.state in ("failed", "not asked")
    ]


def _check_patient(readings: Iterable[Reading], patient_id: str) -> None:
    """The answer to the Patient query must be this patient; Patients elsewhere are the record's matter."""
    for reading in readings:
        if reading.query.type != "Patient":
            continue
        ids = [item.get("id") for item in reading.resources if item.get("resourceType") == "Patient"]
        if ids and patient_id not in ids and any(identifier is not None for identifier in ids):
            raise WrongPatient("the prefetched Patient is not the patient of the context")
