"""Suggested orders of the demo's people, as they leave the house: for the leg that is meant, and for a stated reason."""

import json

import pytest

from tests.service.conftest import post
from tests.support.golden import FIXTURES
from tests.support.worked_cases import hook_request, service_of


def orders_for(client, story):
    """Code or text, and resource, of every order suggested on opening this chart."""
    request = json.loads((FIXTURES / "requests" / f"{story}.patient-view.json").read_text(encoding="utf-8"))
    cards = post(client, request).get_json()["cards"]
    actions = [action for card in cards for item in card.get("suggestions", ()) for action in item["actions"]]
    assert actions
    return {
        resource["code"].get("coding", [{"code": resource["code"]["text"]}])[0]["code"]: resource
        for resource in (action["resource"] for action in actions)
    }


@pytest.mark.parametrize("story", ["dvt-likely", "pregnant"])
def test_the_scan_is_for_the_swollen_leg(client, story):
    scan = orders_for(client, story)["39432-0"]
    assert scan["code"]["text"] == "Leg vein ultrasound, left"
    [site] = scan["bodySite"]
    assert site["coding"][0]["code"] == "32153003"


@pytest.mark.parametrize(
    ("story", "symptom"),
    [
        ("dvt-likely", "449614009"),
        ("gaps", "161873000"),
        ("iron", "161873000"),
        ("magnesium", "449918009"),
        ("weight", "161873000"),
    ],
)
def test_every_order_gives_the_symptom_as_its_reason(client, story, symptom):
    for resource in orders_for(client, story).values():
        [reason] = resource["reasonCode"]
        assert [coding["code"] for coding in reason["coding"]] == [symptom]


def test_every_rule_that_offers_a_sided_or_dated_order_knows_the_side_and_the_day(service):
    catalogue = service.house.catalogue
    asked = {
        (rule.id, name)
        for rule in catalogue.rules.values()
        for outcome in rule.outcomes
        for line in outcome.orders
        for name in (catalogue.orders[line.order].side, catalogue.orders[line.order].after)
        if name
    }
    assert {("dvt-02", "leg-side"), ("dvt-07", "scan-negative")} <= asked
    assert [pair for pair in sorted(asked) if pair[1] not in catalogue.rules[pair[0]].names] == []


def test_the_scan_of_a_superficial_clot_is_of_its_own_leg(client):
    clot = {
        "resourceType": "Condition",
        "id": "clot",
        "subject": {"reference": "Patient/p1"},
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I80.01"}]},
        "onsetDateTime": "2026-02-25",
    }
    case = {
        "hook": "patient-view",
        "context": {"userId": "Practitioner/1", "patientId": "p1"},
        "resources": [{"resourceType": "Patient", "id": "p1", "birthDate": "1970-01-01"}, clot],
        "unavailable": [],
    }
    service = service_of(client.get("/cds-services").get_json()["services"], case)
    [card] = post(client, hook_request(service, case)).get_json()["cards"]
    [suggestion] = card["suggestions"]
    assert card["source"]["topic"]["code"] == "SVT01"
    assert suggestion["actions"][0]["resource"]["code"]["coding"][0]["code"] == "39443-7"
