"""The demo's FHIR R4 server: the synthetic people, readable by the CDS Hooks Sandbox. Mounted by `cds demo` alone.

Read-only: metadata, read, and search by patient, subject, code, status, _id and name, with _sort=-date and _count.
Parameters it does not know are ignored, as lenient servers do. Must never serve anything but the demo's people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import orjson
from flask import Blueprint, Response, request

from cds_service.fhir.demo_people import Charts, DemoPeople, Resource
from cds_service.ports import Clock

TYPES = (
    "Patient",
    "Practitioner",
    "Condition",
    "Observation",
    "MedicationRequest",
    "MedicationStatement",
    "MedicationDispense",
    "MedicationAdministration",
    "Medication",
    "Procedure",
    "Encounter",
    "ServiceRequest",
    "DeviceRequest",
    "DiagnosticReport",
    "QuestionnaireResponse",
    "AllergyIntolerance",
    "Immunization",
    "CarePlan",
    "FamilyMemberHistory",
)
_DATES = ("effectiveDateTime", "performedDateTime", "authored", "authoredOn", "onsetDateTime", "recordedDate")
_PARAMETERS = {
    "patient": "reference",
    "subject": "reference",
    "code": "token",
    "status": "token",
    "_id": "token",
    "name": "string",
}
_PAGE = 1000


def demo_fhir(people: DemoPeople, clock: Clock) -> Blueprint:
    """The blueprint, to be mounted under /fhir."""
    blueprint = Blueprint("demo_fhir", __name__, url_prefix="/fhir")

    def charts() -> Charts:
        return people.at(clock.rules())

    @blueprint.get("/metadata")
    def metadata() -> Response:
        return _answer(_capabilities(clock))

    @blueprint.get("/<kind>")
    def search(kind: str) -> Response:
        return _search(charts(), kind, request.args.to_dict(flat=True))

    @blueprint.post("/<kind>/_search")
    def search_by_post(kind: str) -> Response:
        return _search(charts(), kind, {**request.args.to_dict(flat=True), **request.form.to_dict(flat=True)})

    @blueprint.get("/<kind>/<identifier>")
    def read(kind: str, identifier: str) -> Response:
        found = charts().one(kind, identifier)
        return _answer(found) if found else _outcome(404, "not-found", f"no {kind} of this id in the demo")

    return blueprint


def _search(charts: Charts, kind: str, parameters: Mapping[str, str]) -> Response:
    if kind not in TYPES:
        return _outcome(404, "not-supported", "the demo holds no resources of this type")
    found = [resource for resource in charts.of(kind) if _matches(resource, parameters)]
    if parameters.get("_sort", "").split(",")[0] == "-date":
        found.sort(key=_date, reverse=True)
    return _answer(_searchset(kind, found, parameters))


def _searchset(kind: str, found: list[Resource], parameters: Mapping[str, str]) -> dict[str, Any]:
    base = f"{request.url_root.rstrip('/')}/fhir"
    size = _number(parameters.get("_count"), _PAGE) or _PAGE
    start = _number(parameters.get("_offset"), 0)
    links = [{"relation": "self", "url": _url(base, kind, parameters)}]
    if start + size < len(found):
        links.append({"relation": "next", "url": _url(base, kind, {**parameters, "_offset": str(start + size)})})
    entries = [
        {"fullUrl": f"{base}/{kind}/{resource['id']}", "resource": resource, "search": {"mode": "match"}}
        for resource in found[start : start + size]
    ]
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "link": links}
    return {**bundle, "entry": entries} if entries else bundle


def _matches(resource: Resource, parameters: Mapping[str, str]) -> bool:
    return all(
        any(_fits(resource, name, wanted.strip()) for wanted in value.split(","))
        for name, value in parameters.items()
        if name in _PARAMETERS
    )


def _fits(resource: Resource, name: str, wanted: str) -> bool:
    if name in ("patient", "subject"):
        subject = resource.get("subject") or resource.get("patient") or {}
        return str(subject.get("reference", "")) == f"Patient/{wanted.rsplit('/', 1)[-1]}"
    if name == "name":
        return any(wanted.casefold() in part.casefold() for part in _name_parts(resource))
    if name == "code":
        return any(_is_code(coding, wanted) for coding in _codings(resource))
    member = "id" if name == "_id" else "status"
    return str(resource.get(member)) == wanted.rsplit("|", 1)[-1]


def _codings(resource: Resource) -> Iterator[Mapping[str, Any]]:
    for member in ("code", "medicationCodeableConcept", "codeCodeableConcept"):
        yield from resource.get(member, {}).get("coding", ())


def _is_code(coding: Mapping[str, Any], wanted: str) -> bool:
    system, bar, code = wanted.rpartition("|")
    return bool(coding.get("code") == code and (not bar or coding.get("system", "") == system))


def _name_parts(resource: Resource) -> Iterator[str]:
    for name in resource.get("name", ()):
        yield from (*name.get("given", ()), name.get("family", ""))


def _date(resource: Resource) -> str:
    return next((str(resource[member]) for member in _DATES if member in resource), "")


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 8 else otherwise


def _url(base: str, kind: str, parameters: Mapping[str, str]) -> str:
    return f"{base}/{kind}" + (f"?{urlencode(parameters)}" if parameters else "")


def _capabilities(clock: Clock) -> dict[str, Any]:
    parameters = [{"name": name, "type": kind} for name, kind in _PARAMETERS.items()]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": clock.rules().date().isoformat(),
        "kind": "instance",
        "fhirVersion": "4.0.1",
        "format": ["json", "application/fhir+json"],
        "software": {"name": "cds-service demo"},
        "implementation": {
            "description": "Synthetic people for demonstrations",
            "url": f"{request.url_root.rstrip('/')}/fhir",
        },
        "rest": [
            {
                "mode": "server",
                "resource": [
                    {
                        "type": kind,
                        "interaction": [{"code": "read"}, {"code": "search-type"}],
                        "searchParam": parameters,
                    }
                    for kind in TYPES
                ],
            }
        ],
    }


def _answer(resource: Mapping[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(resource), status, mimetype="application/fhir+json")


def _outcome(status: int, code: str, why: str) -> Response:
    issue = {"severity": "error", "code": code, "diagnostics": why}
    return _answer({"resourceType": "OperationOutcome", "issue": [issue]}, status)
