"""The guard over HTTP: every endpoint is behind it, it stands before the body, and a caller learns nothing."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from flask.testing import FlaskClient

from cds_service.bootstrap import running
from cds_service.web.app import create_app
from cds_service.web.logs import JsonLines
from tests.security.ehr import FIXTURES, header, signed
from tests.service.conftest import chart, settings_in
from tests.support.servers import serving, wsgi

BASE = "https://cds.example.org/legs"
CALL = "/cds-services/leg-symptoms"
FEEDBACK = f"{CALL}/feedback"
CLIENTS = """
clients:
  example-ehr:
    issuer: https://ehr.example.org
    keys: {file: keys.json}
    fhir: https://ehr.example.org/fhir
  old-ehr:
    issuer: https://old.example.org
    keys: {file: keys.json}
    profile: cds-hooks-1.0-strict
    calls_per_minute: 2
"""


def clients_file(folder: Path, text: str = CLIENTS) -> Path:
    (folder / "keys.json").write_bytes((FIXTURES / "keys" / "example-ehr.jwks.json").read_bytes())
    file = folder / "clients.yaml"
    file.write_text(text)
    return file


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    folder = tmp_path_factory.mktemp("trusted")
    settings = settings_in(
        folder, clients=clients_file(folder), public_base=BASE, cors_origins=("https://ehr.example.org",)
    )
    made = running(settings, "http://127.0.0.1:8000")
    yield create_app(made).test_client()
    made.ledger.close()


def bearer(path: str, base: str = BASE, head: dict[str, Any] | None = None, **changes: Any) -> dict[str, str]:
    """The header of an honest call to this path, on the real clock."""
    now = int(datetime.now(UTC).timestamp())
    usual = {"iss": "https://ehr.example.org", "aud": base + path, "iat": now, "exp": now + 300, "jti": str(uuid4())}
    return {"Authorization": f"Bearer {signed(header(**(head or {})), usual | changes)}"}


def refused(answer: Any) -> bool:
    """401 in the one form there is: nothing tells why."""
    if answer.status_code != 401:
        return False
    body = {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "login", "diagnostics": "authentication is required"}],
    }
    assert json.loads(answer.data if hasattr(answer, "data") else answer.content) == body
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    return True


FEEDBACK_BODY = {
    "feedback": [{"card": str(uuid4()), "outcome": "overridden", "outcomeTimestamp": "2026-03-02T10:00:00Z"}]
}


def test_every_endpoint_takes_its_own_token_once(http: FlaskClient) -> None:
    assert http.get("/cds-services", headers=bearer("/cds-services")).status_code == 200
    assert http.post(CALL, json=chart(), headers=bearer(CALL)).json["cards"]
    assert http.post(FEEDBACK, json=FEEDBACK_BODY, headers=bearer(FEEDBACK)).json == {"stored": 1}
    assert http.get("/analytics/feedback", headers=bearer("/analytics/feedback")).status_code == 200
    used = bearer(CALL)
    assert http.post(CALL, json=chart(), headers=used).status_code == 200
    assert refused(http.post(CALL, json=chart(), headers=used))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/cds-services"),
        ("GET", "/cds-services/"),
        ("POST", CALL),
        ("POST", "/cds-services//leg-symptoms"),
        ("POST", FEEDBACK),
        ("POST", "/cds-services/no-such-service"),
        ("GET", CALL),
        ("GET", "/cds-services/no/such/path"),
        ("GET", "/analytics/feedback"),
        ("GET", "/analytics/answers"),
        ("GET", "/analytics"),
    ],
)
@pytest.mark.parametrize("with_what", ["nothing", "garbage", "basic", "another path's token"])
def test_no_endpoint_opens_without_it(http: FlaskClient, method: str, path: str, with_what: str) -> None:
    stated = {
        "nothing": {},
        "garbage": {"Authorization": "Bearer eyJhbGciOi.garbage.x"},
        "basic": {"Authorization": "Basic dTpw"},
        "another path's token": bearer("/cds-services/another"),
    }[with_what]
    assert refused(http.open(path, method=method, json=chart() if method == "POST" else None, headers=stated))


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/rules", "/metrics"])
def test_what_holds_no_patient_needs_no_token(http: FlaskClient, path: str) -> None:
    assert http.get(path).status_code in (200, 503)
    assert http.get(path, headers={"Authorization": "Bearer garbage"}).status_code in (200, 503)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"hook": "patient-view"}', b"x" * 100_000])
def test_the_token_is_looked_at_before_the_body(http: FlaskClient, body: bytes) -> None:
    assert refused(http.post(CALL, data=body, content_type="text/plain", headers={"Authorization": "Bearer a.b.c"}))
    assert refused(http.post(CALL, data=body, content_type="application/json"))


def test_a_preflight_brings_no_token_and_is_answered(http: FlaskClient) -> None:
    asked = {"Origin": "https://ehr.example.org", "Access-Control-Request-Method": "POST"}
    answer = http.options(CALL, headers=asked)
    assert answer.status_code < 300 and "authorization" in answer.headers["Access-Control-Allow-Headers"].lower()
    page = http.post(CALL, json=chart(), headers={"Origin": "https://ehr.example.org"})
    assert refused(page) and page.headers["Access-Control-Allow-Origin"] == "https://ehr.example.org"


def test_the_public_address_counts_not_the_host_header(http: FlaskClient) -> None:
    for host in ("cds.example.org", "inner:8000", "evil.example"):
        assert http.get("/cds-services", headers=bearer("/cds-services") | {"Host": host}).status_code == 200
        named = bearer("/cds-services", base=f"https://{host}") | {"Host": host, "X-Forwarded-Host": host}
        assert refused(http.get("/cds-services", headers=named))


@pytest.mark.parametrize("path", ["/cds-services", "/cds-services/"])
@pytest.mark.parametrize("audience", ["/cds-services", "/cds-services/"])
def test_either_slash_form_may_be_called_and_signed(http: FlaskClient, path: str, audience: str) -> None:
    assert http.get(path, headers=bearer(audience)).status_code == 200


def test_the_callers_profile_writes_its_cards_and_its_allowance_is_its_own(http: FlaskClient) -> None:
    old = {"iss": "https://old.example.org"}
    for _ in range(2):
        cards = http.post(CALL, json=chart(), headers=bearer(CALL, **old)).json["cards"]
        assert cards and all("uuid" not in card and "topic" not in card["source"] for card in cards)
    answer = http.post(CALL, json=chart(), headers=bearer(CALL, **old))
    assert answer.status_code == 429 and answer.headers["Retry-After"]
    assert answer.json["issue"][0]["code"] == "throttled"
    assert all("uuid" in card for card in http.post(CALL, json=chart(), headers=bearer(CALL)).json["cards"])


def test_the_log_has_the_reason_and_nothing_of_the_token(http: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        marks = {
            "jti": "MARK-JTI",
            "sub": "MARK-SUB",
            "aud": "https://mark.example/MARK-AUD",
            "patient": "MARK-PATIENT",
        }
        stated = bearer(CALL, **marks)
        assert refused(http.post(CALL, json=chart(), headers=stated))
        http.post(CALL, json=chart(), headers=bearer(CALL))
    lines = "\n".join(JsonLines().format(record) for record in caplog.records)
    assert f"as example-ehr: aud is not this endpoint, which is {BASE}{CALL}" in lines
    assert "MARK" not in lines and "mark.example" not in lines and "eyJ" not in lines
    assert not any(piece in lines for piece in stated["Authorization"].split(".")[1:])


def test_what_the_guard_is_not_ready_for_is_an_incident_not_an_open_door(
    http: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cds_service.security.jwt.read_token", lambda text: 1 / 0)
    answer = http.post(CALL, json=chart(), headers=bearer(CALL))
    assert answer.status_code == 500 and "incident" in answer.json["issue"][0]["diagnostics"]


def test_the_callers_token_never_goes_to_the_fhir_server(tmp_path: Path) -> None:
    asked: list[dict[str, Any]] = []

    def fhir(environ: dict[str, Any], start: Any) -> list[bytes]:
        asked.append(environ)
        start("200 OK", [("Content-Type", "application/fhir+json")])
        patient = environ["PATH_INFO"].endswith("/Patient/p1")
        return [
            json.dumps(
                chart()["prefetch"]["patient"] if patient else {"resourceType": "Bundle", "type": "searchset"}
            ).encode()
        ]

    made = running(settings_in(tmp_path, clients=clients_file(tmp_path), public_base=BASE), "http://127.0.0.1:8000")
    with wsgi(fhir) as server:
        from cds_service.fhir.client import FhirServers

        source = FhirServers([], of_client={"example-ehr": [f"{server}/r4"]}, production=False)
        opened = create_app(replace(made, house=replace(made.house, source=source))).test_client()
        access = {"access_token": "ACCESS-1", "token_type": "Bearer", "expires_in": 300, "scope": "x", "subject": "y"}
        body = chart(prefetch={}, fhirServer=f"{server}/r4", fhirAuthorization=access)
        assert opened.post(CALL, json=body, headers=bearer(CALL)).status_code == 200
        assert {environ.get("HTTP_AUTHORIZATION") for environ in asked} == {"Bearer ACCESS-1"}
        before = len(asked)
        other = bearer(CALL, iss="https://old.example.org")
        assert opened.post(CALL, json=body, headers=other).status_code == 412, "another client's server is not its own"
        assert len(asked) == before
    made.ledger.close()


# ------------------------------------------------------------------------------------------------ without clients


def test_without_clients_a_token_breaks_nothing(client: FlaskClient) -> None:
    for stated in ({}, {"Authorization": "Bearer garbage"}, {"Authorization": "Basic x"}, bearer("/elsewhere")):
        assert client.get("/cds-services", headers=stated).status_code == 200
        assert client.post(CALL, json=chart(), headers=stated).status_code == 200


# ------------------------------------------------------------------------------------------------ real workers


@pytest.mark.slow
def test_several_workers_and_a_restart_share_what_was_used(tmp_path: Path) -> None:
    file = clients_file(tmp_path)
    used: list[dict[str, str]] = []
    with serving(tmp_path, "--workers", "3", clients=str(file), public_base=BASE) as served:
        for _ in range(8):
            one = bearer("/cds-services")
            answers = [httpx.get(f"{served.base}/cds-services", headers=one) for _ in range(6)]
            assert [answer.status_code for answer in answers] == [200, 401, 401, 401, 401, 401]
            assert all(refused(answer) for answer in answers[1:])
            used.append(one)
        assert len({line["reason"] for line in served.lines() if line.get("event") == "refused"}) == 1
        assert refused(httpx.get(f"{served.base}//cds-services"))
        too_long = {"Authorization": f"Bearer {'x' * 9000}"}
        assert refused(httpx.get(f"{served.base}/cds-services", headers=too_long))
        text = served.log.read_text()
        assert "eyJ" not in text and "used before" in text
    with serving(tmp_path, "--workers", "2", clients=str(file), public_base=BASE) as served:
        assert all(refused(httpx.get(f"{served.base}/cds-services", headers=one)) for one in used)
        assert httpx.get(f"{served.base}/cds-services", headers=bearer("/cds-services")).status_code == 200


@pytest.mark.slow
def test_a_wrong_file_stops_the_start_with_its_line(tmp_path: Path) -> None:
    file = clients_file(tmp_path, CLIENTS.replace("old-ehr", "example-ehr"))
    with (
        pytest.raises(AssertionError, match=r"clients\.yaml:\d+: `example-ehr` stands twice"),
        serving(tmp_path, clients=str(file)),
    ):
        pass
