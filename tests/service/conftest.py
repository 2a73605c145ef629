"""The application in this process, for tests of what it answers; tests/support/servers.py starts real ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service.bootstrap import Running, running
from cds_service.settings import Settings
from cds_service.web.app import create_app

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"


def settings_in(folder: Any, **changes: Any) -> Settings:
    """Settings whose ledger stands in this folder, the clock at NOW."""
    given = {"now": NOW, "database_url": f"sqlite:///{folder}/ledger.db", "secret": "a secret of tests only"} | changes
    return Settings(**given)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The demo's settings, one for all tests of a run that only ask."""
    made = running(settings_in(tmp_path_factory.mktemp("service"), cors_origins=("demo",)), "http://localhost:8000")
    yield made
    made.ledger.close()


@pytest.fixture(scope="session")
def demo_client(service: Running) -> FlaskClient:
    """The demo: sandbox origins, demo FHIR server."""
    return create_app(service, demo=True).test_client()


@pytest.fixture(scope="session")
def client(service: Running) -> FlaskClient:
    return create_app(service).test_client()


def chart(**changes: Any) -> dict[str, Any]:
    """A hook call of one woman with heavy legs and low ferritin; `changes` replace members."""
    patient = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1986-04-01"}
    heavy = {
        "resourceType": "Condition",
        "id": "c1",
        "subject": {"reference": "Patient/p1"},
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "300954003"}], "text": "Heavy legs"},
        "recordedDate": "2026-02-20",
    }
    body = {
        "hook": "patient-view",
        "hookInstance": INSTANCE,
        "context": {"userId": "Practitioner/1", "patientId": "p1"},
        "prefetch": {"patient": patient, "conditions": bundle(heavy)},
    }
    return body | changes


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": item} for item in resources]}


def post(client: FlaskClient, body: Any, service: str = "leg-symptoms", **more: Any) -> Any:
    data = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return client.post(f"/cds-services/{service}", data=data, **({"content_type": "application/json"} | more))
