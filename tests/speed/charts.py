"""Charts for measuring: one demo person with heavy legs and iron deficiency, and as much ordinary record as is wanted.

The record is made of the codes the rules know, so that it costs what a real chart costs: every resource is looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from cds_service.fhir.demo_people import DemoPeople
from cds_service.knowledge.catalogue import Catalogue, load

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
PERSON = "demo-iron"
INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"


def request_of(size: int) -> bytes:
    """A patient-view call of about this many bytes, as compact JSON."""
    catalogue = load()
    charts = DemoPeople().at(NOW)
    prefetch: dict[str, Any] = {}
    for query in catalogue.queries["leg-symptoms"]:
        if query.type == "Patient":
            prefetch[query.key] = charts.one("Patient", PERSON)
            continue
        theirs = [item for item in charts.of(query.type) if _subject(item) == f"Patient/{PERSON}"]
        prefetch[query.key] = {
            "resourceType": "Bundle",
            "type": "searchset",
            "entry": [_entry(item) for item in theirs],
        }
    body = {
        "hook": "patient-view",
        "hookInstance": INSTANCE,
        "context": {"userId": "Practitioner/1", "patientId": PERSON},
        "prefetch": prefetch,
    }
    taken = len(_written(body))
    for kind, resource in _record(catalogue):
        entry = _entry(resource)
        taken += len(_written(entry)) + 1
        if taken > size:
            return _written(body)
        prefetch[kind]["entry"].append(entry)
    raise AssertionError("the record never ends")


def _written(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _subject(resource: Any) -> str:
    return str(resource.get("subject", {}).get("reference", ""))


def _entry(resource: Any) -> dict[str, Any]:
    return {"fullUrl": f"https://ehr.example/fhir/{resource['resourceType']}/{resource['id']}", "resource": resource}


def _record(catalogue: Catalogue) -> Iterator[tuple[str, dict[str, Any]]]:
    """(prefetch key, resource) without end: mostly laboratory results, some problems, visits, orders and reports."""
    analytes = [item for item in catalogue.vocabulary.analytes.values() if item.codes]
    for number in count():
        day = (NOW - timedelta(days=3 + number % 3_000)).date().isoformat()
        match number % 11:
            case 0:
                yield "conditions", _condition(number, day)
            case 1:
                yield "encounters", _encounter(number, day)
            case 2:
                yield "serviceRequests", _order(number, day)
            case _:
                analyte = analytes[number % len(analytes)]
                yield (
                    "observations",
                    _result(number, day, analyte.codes[0].uri, analyte.codes[0].code, analyte.unit.code),
                )


def _result(number: int, day: str, system: str, code: str, unit: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"result-{number}",
        "meta": {"versionId": "1", "lastUpdated": f"{day}T12:00:00Z"},
        "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}],
        "code": {"coding": [{"system": system, "code": code, "display": "A laboratory result"}], "text": "A result"},
        "subject": {"reference": f"Patient/{PERSON}"},
        "encounter": {"reference": f"Encounter/visit-{number}"},
        "effectiveDateTime": f"{day}T08:00:00Z",
        "issued": f"{day}T11:30:00Z",
        "valueQuantity": {"value": 50 + number % 40, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
        "referenceRange": [{"low": {"value": 1, "unit": unit}, "high": {"value": 900, "unit": unit}}],
    }  # fmt: skip


def _condition(number: int, day: str) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": f"problem-{number}",
        "clinicalStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "resolved"}]
        },
        "verificationStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "confirmed"}]
        },
        "code": {
            "coding": [{"system": "http://snomed.info/sct", "code": "195662009", "display": "Acute viral pharyngitis"}]
        },
        "subject": {"reference": f"Patient/{PERSON}"},
        "onsetDateTime": day,
        "recordedDate": day,
    }


def _encounter(number: int, day: str) -> dict[str, Any]:
    return {
        "resourceType": "Encounter",
        "id": f"visit-{number}",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "type": [
            {"coding": [{"system": "http://snomed.info/sct", "code": "185345009", "display": "Encounter for symptom"}]}
        ],
        "subject": {"reference": f"Patient/{PERSON}"},
        "period": {"start": f"{day}T08:00:00Z", "end": f"{day}T08:20:00Z"},
    }


def _order(number: int, day: str) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "id": f"order-{number}",
        "status": "completed",
        "intent": "order",
        "code": {
            "coding": [{"system": "http://loinc.org", "code": "24323-8", "display": "Comprehensive metabolic panel"}]
        },
        "subject": {"reference": f"Patient/{PERSON}"},
        "authoredOn": day,
    }
