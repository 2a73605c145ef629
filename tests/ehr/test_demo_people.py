"""The demo's people are valid R4 at every hour, use only codes the rules know, and can be read like any FHIR server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from flask import Flask
from flask.testing import FlaskClient

from cds_service.bootstrap import SystemClock
from cds_service.fhir.demo_people import DemoPeople, render
from cds_service.knowledge.catalogue import load
from cds_service.knowledge.content import Content
from cds_service.web.demo_fhir import TYPES, demo_fhir

FIXTURES = Path(__file__).parents[2] / "fixtures"
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
STORIES = sorted(path.stem for path in (FIXTURES / "people").glob("*.json"))


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    app = Flask("demo")
    app.register_blueprint(demo_fhir(DemoPeople(FIXTURES), SystemClock(NOW)))
    return app.test_client()


def everything(now: datetime = NOW) -> Iterator[dict[str, Any]]:
    charts = DemoPeople(FIXTURES).at(now)
    for kind in charts.resources:
        yield from map(dict, charts.of(kind))


# ------------------------------------------------------------------------------------------------ rendering


@pytest.mark.parametrize(
    ("token", "text"),
    [
        ("{{now}}", "2026-03-02T10:00:00Z"),
        ("{{now-3h}}", "2026-03-02T07:00:00Z"),
        ("{{now-2d-30m}}", "2026-02-28T09:30:00Z"),
        ("{{date-20d}}", "2026-02-10"),
        ("{{date-34y-100d}}", "1991-11-23"),
        ("{{now+1d}}", "2026-03-03T10:00:00Z"),
    ],
)
def test_tokens_are_relative_to_the_clock(token: str, text: str) -> None:
    assert render(f'"{token}"', NOW) == f'"{text}"'


def test_years_back_from_a_leap_day() -> None:
    assert render("{{date-1y}}", datetime(2024, 2, 29, tzinfo=UTC)) == "2023-02-28"


@pytest.mark.parametrize("token", ["{{today}}", "{{now-3w}}", "{{date -1d}}", "{{now-3h"])
def test_a_token_that_is_not_understood_is_an_error(token: str) -> None:
    with pytest.raises(ValueError, match="date token"):
        render(token, NOW)


def test_charts_move_with_the_clock() -> None:
    people = DemoPeople(FIXTURES)
    first = people.at(NOW)
    assert people.at(NOW + timedelta(minutes=59)) is first
    later = people.at(NOW + timedelta(days=365))
    assert later.one("Patient", "demo-iron") != first.one("Patient", "demo-iron")


# ------------------------------------------------------------------------------------------------ the people


def test_there_is_a_person_for_each_story_of_the_readme() -> None:
    told = (FIXTURES / "README.md").read_text()
    assert len(STORIES) >= 14
    assert [story for story in STORIES if f"| `{story}` |" not in told] == []


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("now", [NOW, datetime(2028, 2, 29, 0, 30, tzinfo=UTC)])
def test_people_are_valid_r4(story: str, now: datetime) -> None:
    bundle = json.loads(render((FIXTURES / "people" / f"{story}.json").read_text(), now))
    get_fhir_model_class("Bundle").model_validate(bundle)
    for entry in bundle["entry"]:
        resource = entry["resource"]
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        assert entry["request"] == {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}


def test_ids_are_unique_and_everything_is_its_own_patients() -> None:
    seen: set[tuple[str, str]] = set()
    for story in STORIES:
        for entry in json.loads((FIXTURES / "people" / f"{story}.json").read_text())["entry"]:
            resource = entry["resource"]
            key = (resource["resourceType"], resource["id"])
            assert key not in seen and resource["resourceType"] in TYPES
            seen.add(key)
            assert resource["id"].startswith(f"demo-{story}")
            if resource["resourceType"] != "Patient":
                assert resource["subject"]["reference"] == f"Patient/demo-{story}"


def test_nobody_is_real() -> None:
    for resource in everything():
        if resource["resourceType"] == "Patient":
            assert resource["name"][0]["given"] == ["Demo"]
            assert not {"address", "telecom", "photo", "contact"} & resource.keys()


def codings_of(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What the chart says in codes: of code, medicine, body site and value; of a panel, what its components say."""
    for part in resource.get("component", (resource,)):
        for member in ("code", "medicationCodeableConcept", "valueCodeableConcept", "bodySite"):
            concepts = part.get(member, [])
            for concept in concepts if isinstance(concepts, list) else [concepts]:
                yield from concept.get("coding", ())


def test_every_code_is_one_the_rules_know() -> None:
    vocabulary = load(Content.at(FIXTURES.parent / "hooks")).vocabulary
    unknown = [
        (resource["id"], coding["code"])
        for resource in everything()
        if resource["resourceType"] != "Patient"
        for coding in codings_of(resource)
        if not vocabulary.names(vocabulary.system(coding["system"]), coding["code"])
    ]
    assert unknown == []


def test_every_unit_is_one_the_analyte_knows() -> None:
    vocabulary = load(Content.at(FIXTURES.parent / "hooks")).vocabulary
    checked = 0
    for resource in everything():
        for part in (resource, *resource.get("component", ())):
            quantity = part.get("valueQuantity", {})
            if "unit" not in quantity:
                continue
            coding = part["code"]["coding"][0]
            names = vocabulary.names(vocabulary.system(coding["system"]), coding["code"])
            analytes = [vocabulary.analytes[name] for name in names if name in vocabulary.analytes]
            assert analytes and all(quantity["code"].lower() in analyte.units for analyte in analytes), (
                resource["id"],
                quantity,
            )
            checked += 1
    assert checked > 200


# ------------------------------------------------------------------------------------------------ the server


def get(client: FlaskClient, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200 and answer.mimetype == "application/fhir+json"
    return json.loads(answer.data)


def test_metadata_names_the_version_and_is_valid(client: FlaskClient) -> None:
    capabilities = get(client, "/fhir/metadata")
    assert capabilities["fhirVersion"] == "4.0.1"
    get_fhir_model_class("CapabilityStatement").model_validate(capabilities)


def test_everybody_is_listed_as_the_sandbox_needs_it(client: FlaskClient) -> None:
    bundle = get(client, "/fhir/Patient")
    assert bundle["total"] == len(bundle["entry"]) == len(STORIES)
    assert all(isinstance(entry["resource"]["name"][0]["given"], list) for entry in bundle["entry"])
    assert get(client, "/fhir/Practitioner/COREPRACTITIONER1")["resourceType"] == "Practitioner"


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("Patient?_id=demo-iron", ["demo-iron"]),
        ("Patient?name=iro", ["demo-iron"]),
        ("Patient?name=IRON,nothing", ["demo-iron", "demo-nothing"]),
        ("Observation?patient=demo-iron&code=http://loinc.org|2276-4", ["demo-iron-ferritin"]),
        ("Observation?patient=Patient/demo-iron&code=2276-4,718-7", ["demo-iron-ferritin", "demo-iron-hb"]),
        ("Observation?subject=Patient/demo-iron&code=http://snomed.info/sct|2276-4", []),
        ("MedicationRequest?patient=demo-b12&status=active,on-hold", ["demo-b12-metformin"]),
        ("MedicationRequest?patient=demo-b12&status=stopped", []),
        ("MedicationRequest?code=860975", ["demo-b12-metformin"]),
        ("Condition?patient=nobody", []),
        ("DeviceRequest?patient=demo-iron", []),
        ("Condition?patient=demo-magnesium&_unknown=1", ["demo-magnesium-cramp"]),
    ],
)
def test_search(client: FlaskClient, query: str, ids: list[str]) -> None:
    kind, _, parameters = query.partition("?")
    posted = client.post(
        f"/fhir/{kind}/_search", data=parameters.replace("/", "%2F"), content_type="application/x-www-form-urlencoded"
    )
    for bundle in (get(client, f"/fhir/{query}"), json.loads(posted.data)):
        assert sorted(entry["resource"]["id"] for entry in bundle.get("entry", ())) == ids
        assert bundle["total"] == len(ids) and bundle["type"] == "searchset"
        get_fhir_model_class("Bundle").model_validate(bundle)


def test_newest_first_in_pages(client: FlaskClient) -> None:
    url, dates = "/fhir/Observation?patient=demo-weight&_sort=-date&_count=4", []
    while url:
        bundle = get(client, url)
        assert len(bundle["entry"]) <= 4
        dates += [entry["resource"]["effectiveDateTime"] for entry in bundle["entry"]]
        url = next(
            (link["url"].removeprefix("http://localhost") for link in bundle["link"] if link["relation"] == "next"), ""
        )
    assert len(dates) == bundle["total"] and dates == sorted(dates, reverse=True)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/fhir/Patient/nobody", 404),
        ("GET", "/fhir/Foo", 404),
        ("GET", "/fhir/Foo/1", 404),
        ("POST", "/fhir/Patient", 405),
        ("PUT", "/fhir/Patient/demo-iron", 405),
        ("DELETE", "/fhir/Patient/demo-iron", 405),
        ("PATCH", "/fhir/Patient/demo-iron", 405),
    ],
)
def test_the_rest_is_refused(client: FlaskClient, method: str, path: str, status: int) -> None:
    answer = client.open(path, method=method)
    assert answer.status_code == status
    if status == 404:
        get_fhir_model_class("OperationOutcome").model_validate(json.loads(answer.data))
    else:
        assert "Allow" in answer.headers
