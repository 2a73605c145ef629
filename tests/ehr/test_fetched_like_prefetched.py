"""The same chart gives the same answer whether it was prefetched or fetched; what could not be had is said, never guessed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from cds_service.bootstrap import SystemClock
from cds_service.cards.profiles import load_profiles
from cds_service.consult import House, answer
from cds_service.errors import NeedsData, WrongPatient
from cds_service.fhir.client import FhirServers
from cds_service.fhir.demo_people import DemoPeople
from cds_service.knowledge.catalogue import Catalogue, load
from cds_service.knowledge.content import Content
from cds_service.model.hook import FhirAccess, HookCall, Reply
from cds_service.web.demo_fhir import demo_fhir
from tests.ehr import misbehaving as fhir

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
PEOPLE = DemoPeople(ROOT / "fixtures")
SERVICE = "leg-symptoms"


@cache
def catalogue() -> Catalogue:
    return load(Content.at(ROOT / "hooks"))


def house(source: FhirServers | None = None) -> House:
    profiles = load_profiles(Content.at(ROOT / "hooks").table("profiles.yaml"))
    return House(catalogue(), SystemClock(NOW), UTC, "http://service.example", source=source, profiles=profiles)


def call(patient: str, prefetch: dict[str, Any] | None = None, server: str = "") -> HookCall:
    return HookCall(
        SERVICE,
        "patient-view",
        "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "Practitioner/1",
        patient,
        prefetch=prefetch or {},
        fhir=FhirAccess(server) if server else None,
    )


def prefetched(story: str) -> dict[str, Any]:
    charts, patient, given = PEOPLE.at(NOW), f"demo-{story}", {}
    for query in catalogue().queries[SERVICE]:
        theirs = [
            item for item in charts.of(query.type) if item.get("subject", {}).get("reference") == f"Patient/{patient}"
        ]
        bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": item} for item in theirs]}
        given[query.key] = charts.one("Patient", patient) if query.type == "Patient" else bundle
    return given


def without_uuids(reply: Reply) -> list[Any]:
    cards = [
        {name: value for name, value in card.items() if name not in ("uuid", "suggestions")} for card in reply.cards
    ]
    labels = [[suggestion["label"] for suggestion in card.get("suggestions", ())] for card in reply.cards]
    verdicts = [{name: value for name, value in verdict.items() if name != "card"} for verdict in reply.verdicts]
    return [cards, labels, verdicts, reply.problems]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    app = Flask("demo")
    app.register_blueprint(demo_fhir(PEOPLE, SystemClock(NOW)))
    served = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{served.server_port}/fhir"
    served.shutdown()


@pytest.mark.parametrize("story", PEOPLE.stories)
def test_fetched_and_prefetched_charts_give_the_same_answer(story: str, server: str) -> None:
    given = answer(call(f"demo-{story}", prefetched(story)), house())
    fetched = answer(call(f"demo-{story}", server=server), house(FhirServers([server], seconds=10, production=False)))
    assert without_uuids(fetched) == without_uuids(given)


def test_only_what_was_not_given_is_fetched() -> None:
    given = prefetched("iron")
    with fhir.running() as asked:
        del given["conditions"], given["encounters"]
        given["procedures"] = None
        given["observations"] = {
            "resourceType": "OperationOutcome",
            "issue": [{"severity": "error", "code": "timeout"}],
        }
        answer(call("demo-iron", given, asked.base), house(FhirServers([asked.base], production=False)))
        assert sorted(path.split("?")[0] for path, _ in asked.asked) == ["/fhir/Condition", "/fhir/Encounter"]


def test_nothing_is_fetched_from_a_server_nobody_listed() -> None:
    given = prefetched("iron")
    del given["conditions"]
    with fhir.running() as asked:
        answer(call("demo-iron", given, asked.base), house(FhirServers(["https://fhir.example.org/r4"])))
        assert asked.asked == []


@pytest.mark.parametrize(
    "behave",
    [
        fhir.status(401),
        fhir.status(403),
        fhir.status(404),
        fhir.status(500),
        fhir.garbage(b"?"),
        fhir.slow(5),
        fhir.status(302, Location="/"),
        fhir.gives({"resourceType": "Patient", "id": "somebody-else"}),
    ],
)
def test_a_patient_who_cannot_be_had_is_needed(behave: fhir.Behaviour) -> None:
    with fhir.running() as server, fhir.at_most(1.5):
        server.behave["Patient"] = behave
        with pytest.raises(NeedsData):
            answer(
                call("demo-iron", server=server.base), house(FhirServers([server.base], seconds=0.5, production=False))
            )


def test_medicines_that_cannot_be_had_silence_the_iron_card_and_are_told() -> None:
    given = prefetched("iron")
    del given["medicationRequests"]
    with fhir.running() as server:
        server.behave["MedicationRequest"] = fhir.status(403)
        reply = answer(call("demo-iron", given, server.base), house(FhirServers([server.base], production=False)))
    assert [
        verdict["code"] for verdict in reply.verdicts if verdict["outcome"] == "fired" and verdict["code"] == "FE01"
    ] == []
    assert {
        "what": "fetch",
        "where": "medicationRequests",
        "why": "the EHR's server does not allow it",
    } in reply.problems


def test_another_patient_in_the_prefetch_is_refused() -> None:
    given = {**prefetched("iron"), "patient": {"resourceType": "Patient", "id": "demo-b12"}}
    with pytest.raises(WrongPatient):
        answer(call("demo-iron", given), house())
