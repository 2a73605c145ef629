"""Drafts of the hook: whose they are, and which of them the call is about."""

from datetime import UTC, datetime

import pytest

from cds_service.bootstrap import catalogue_of, house_of
from cds_service.consult import consult
from cds_service.model.hook import HookCall
from cds_service.settings import Settings

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
QUININE = {
    "resourceType": "MedicationRequest",
    "id": "m1",
    "status": "draft",
    "medicationCodeableConcept": {"text": "Quinine 325 MG Oral Capsule"},
    "reasonCode": [{"text": "leg cramps"}],
}
CRAMP = {
    "resourceType": "Condition",
    "id": "c1",
    "subject": {"reference": "Patient/p1"},
    "clinicalStatus": {"coding": [{"code": "active"}]},
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "449917004"}], "text": "Leg cramps at night"},
    "recordedDate": "2026-02-20",
}


@pytest.fixture(scope="module")
def house():
    settings = Settings(now=NOW)
    return house_of(settings, catalogue_of(settings), "http://localhost:8000")


def fired(house, *drafts, selections=()):
    prefetch = {query.key: None for query in house.catalogue.queries["leg-symptoms-order-select"]}
    prefetch["conditions"] = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": CRAMP}]}
    call = HookCall(
        "leg-symptoms-order-select", "order-select", "i", "Practitioner/1", "p1", prefetch=prefetch,
        drafts=drafts, selections=selections,
    )  # fmt: skip
    reply = consult(call, house).reply
    return {entry["code"] for entry in reply.verdicts if entry["outcome"] == "fired"}, reply.problems


@pytest.mark.parametrize(
    "subject", [None, {"reference": "Patient/p1"}, {"reference": "https://ehr.example/fhir/Patient/p1"}]
)
def test_a_draft_of_this_patient_counts(house, subject):
    draft = QUININE if subject is None else QUININE | {"subject": subject}
    assert fired(house, draft) == ({"MED05"}, [])


@pytest.mark.parametrize("member", ["subject", "patient"])
def test_a_draft_of_another_patient_never_counts(house, member):
    codes, problems = fired(house, QUININE | {member: {"reference": "Patient/p2"}})
    assert codes == set()
    assert problems == [{"what": "resource", "where": "subject", "why": "belongs to another patient: not used"}]


def test_advice_is_about_what_was_selected(house):
    other = {"resourceType": "ServiceRequest", "id": "s1", "status": "draft", "code": {"text": "Knee film"}}
    assert fired(house, QUININE, other, selections=("MedicationRequest/m1",))[0] == {"MED05"}
    assert fired(house, QUININE, other, selections=("ServiceRequest/s1",))[0] == set()
    assert fired(house, QUININE, other)[0] == {"MED05"}
