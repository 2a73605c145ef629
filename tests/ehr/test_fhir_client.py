"""The client's FHIR server misbehaves in every way we know; each ends in a reading that says so, and in time."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from cds_service.fhir.client import FhirServers
from cds_service.model.hook import FhirAccess, HookCall
from cds_service.model.reading import Query, Reading
from tests.ehr import misbehaving as fhir
from tests.ehr.misbehaving import Server, observation

PATIENT = Query("patient", "Patient", "Patient/{{context.patientId}}", required=True)
RESULTS = Query("results", "Observation", "Observation?patient={{context.patientId}}&_sort=-date&_count=1000")
CONDITIONS = Query("conditions", "Condition", "Condition?patient={{context.patientId}}")
CALL = HookCall("leg-symptoms", "patient-view", "x", "Practitioner/1", "p1")
DEADLINE = 0.5


@pytest.fixture
def server() -> Iterator[Server]:
    with fhir.running() as running:
        yield running


def servers(server: Server, **options: Any) -> FhirServers:
    return FhirServers([server.base], production=False, **{"seconds": DEADLINE, **options})


def fetch(server: Server, *queries: Query, token: str = "", call: HookCall = CALL, **options: Any) -> list[Reading]:
    with fhir.at_most(DEADLINE + 0.5):
        return servers(server, **options).fetch(queries, call, FhirAccess(server.base, token))


def one(server: Server, query: Query = RESULTS, **options: Any) -> Reading:
    return fetch(server, query, **options)[0]


# ------------------------------------------------------------------------------------------------ when all is well


def test_what_was_not_given_is_read_with_the_calls_token(server: Server) -> None:
    server.behave["Patient"] = fhir.gives({"resourceType": "Patient", "id": "p1"})
    server.behave["Observation"] = fhir.found(observation("o1"), total=1)
    patient, results, conditions = fetch(server, PATIENT, RESULTS, CONDITIONS, token="abc.DEF-123")
    assert [reading.state for reading in (patient, results, conditions)] == ["answered"] * 3
    assert results.resources[0]["id"] == "o1" and conditions.resources == ()
    assert sorted(path for path, _ in server.asked) == [
        "/fhir/Condition?patient=p1",
        "/fhir/Observation?patient=p1&_sort=-date&_count=1000",
        "/fhir/Patient/p1",
    ]
    assert {headers["authorization"] for _, headers in server.asked} == {"Bearer abc.DEF-123"}


def test_without_a_token_none_is_sent(server: Server) -> None:
    one(server)
    assert all("authorization" not in headers for _, headers in server.asked)


def test_pages_are_followed_and_read_as_one_answer(server: Server) -> None:
    link = [{"relation": "next", "url": "Observation?page=1"}]
    server.behave["Observation"] = fhir.pages(
        fhir.searchset(observation("a"), total=2, link=link), fhir.searchset(observation("b"), total=2)
    )
    reading = one(server, token="t")
    assert (reading.state, [item["id"] for item in reading.resources]) == ("answered", ["a", "b"])
    assert [headers["authorization"] for _, headers in server.asked] == ["Bearer t", "Bearer t"]


def test_queries_run_side_by_side_over_kept_connections(server: Server) -> None:
    server.behave["Observation"] = server.behave["Condition"] = fhir.slow(0.3)
    source = servers(server)
    with fhir.at_most(0.55):
        assert [r.state for r in source.fetch([RESULTS, CONDITIONS], CALL, FhirAccess(server.base))] == ["answered"] * 2
    source.fetch([RESULTS, CONDITIONS], CALL, FhirAccess(server.base))
    assert server.connections == 2


def test_a_kept_connection_that_went_stale_is_replaced(server: Server) -> None:
    source = servers(server)
    assert source.fetch([CONDITIONS], CALL, FhirAccess(server.base))[0].state == "answered"
    server.behave["Condition"] = lambda handler: (
        fhir.found()(handler) if server.connections > 1 else fhir.hangs_up()(handler)
    )
    assert source.fetch([CONDITIONS], CALL, FhirAccess(server.base))[0].state == "answered"
    assert server.connections == 2


def test_a_code_search_is_encoded(server: Server) -> None:
    one(
        server,
        Query("r", "Observation", "Observation?patient={{ context.patientId }}&code=http://loinc.org|2276-4,718-7"),
    )
    assert server.asked[0][0] == "/fhir/Observation?patient=p1&code=http://loinc.org%7C2276-4,718-7"


# ------------------------------------------------------------------------------------------------ each misbehaviour


@pytest.mark.parametrize(
    ("behave", "why"),
    [
        (fhir.status(400), "reports an error"),
        (fhir.status(401), "does not accept the token"),
        (fhir.status(403), "does not allow it"),
        (fhir.status(404), "does not know it"),
        (fhir.status(429), "too busy"),
        (fhir.status(500), "reports an error"),
        (fhir.status(204), "reports an error"),
        (fhir.status(302, Location="http://127.0.0.1:1/fhir/Observation"), "sends us elsewhere"),
        (fhir.status(307, Location="/fhir/Condition"), "sends us elsewhere"),
        (fhir.gives({"resourceType": "OperationOutcome", "issue": [{"code": "throttled"}]}), "throttled"),
        (fhir.gives({"resourceType": "Condition", "id": "c"}), "something other than Observation"),
        (fhir.gives([]), "JSON array"),
        (fhir.gives("o1"), "JSON text"),
        (fhir.garbage(b""), "not JSON"),
        (fhir.garbage(b"<html>Welcome</html>"), "not JSON"),
        (fhir.garbage(b'{"resourceType": "Bundle", "total": NaN}'), "not JSON"),
        (fhir.garbage(b"\xff\xfe{}"), "not JSON"),
        (fhir.garbage(b"[" * 200_000), "not JSON"),
        (lambda handler: handler.send(200, b"{}", Content_Encoding="gzip"), "not asked for"),
        (lambda handler: handler.send(200, b"{}", Content_Length="100000000000"), "too large"),
        (lambda handler: handler.send(200, b"{", Content_Length="90"), "not answer in time"),
        (fhir.hangs_up(), "broke off"),
        (fhir.hangs_up(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{"), "broke off"),
        (fhir.hangs_up(b"SSH-2.0-OpenSSH_9.2\r\n"), "broke off"),
        (fhir.slow(5), "not answer in time"),
        (fhir.dripping(b" ", b"Content-Length: 999999\r\n\r\n"), "not answer in time"),
        (fhir.dripping(b"X-More: yes\r\n"), "not answer in time"),
        (fhir.dripping(b"x"), "not answer in time"),
    ],
)
def test_what_fails_is_a_failed_reading_that_says_so_while_the_others_are_read(
    server: Server, behave: fhir.Behaviour, why: str
) -> None:
    server.behave["Observation"] = behave
    failed, fine = fetch(server, RESULTS, CONDITIONS)
    assert (failed.state, failed.resources) == ("failed", ())
    assert failed.why and why in failed.why
    assert "127.0.0.1" not in failed.why and "p1" not in failed.why
    assert fine.state == "answered"


def test_a_huge_answer_without_a_stated_length_is_cut_off(server: Server) -> None:
    server.behave["Observation"] = lambda handler: (
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b" " * 3_000_000),
        None,
    )[1]
    assert "too large" in one(server, max_bytes=1_000_000).why


def test_endless_pages_are_bounded_and_partial(server: Server) -> None:
    server.behave["Observation"] = fhir.endless()
    reading = one(server, max_pages=4)
    assert (reading.state, len(reading.resources), len(server.asked)) == ("partial", 4, 4)
    assert reading.why == "more pages exist than were given"


def test_pages_too_large_together_keep_what_came(server: Server) -> None:
    server.behave["Observation"] = fhir.endless()
    reading = one(server, max_bytes=700)
    assert reading.state == "partial" and "too large" in reading.why and reading.resources


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:1/fhir/Observation?page=1", "another server"),
        ("https://evil.example/fhir/Observation?page=1", "another server"),
        ("//evil.example/fhir/Observation", "another server"),
        ("/other/Observation?page=1", "another server"),
        ("../admin?page=1", "another server"),
        ("{base}/../admin", "another server"),
        ("{base}/%2e%2e/admin", "another server"),
        ("{base}evil/Observation", "another server"),
        ("http://user@{authority}/fhir/Observation?page=1", "another server"),
        ("http://[", "another server"),
        ("?", "circle"),
        ("{base}/Observation?patient=p1&_sort=-date&_count=1000", "circle"),
    ],
)
def test_a_next_link_elsewhere_or_in_a_circle_is_not_followed(server: Server, url: str, why: str) -> None:
    full = url.format(base=server.base, authority=server.base.split("/")[2])
    server.behave["Observation"] = fhir.pages(
        fhir.searchset(observation("a"), link=[{"relation": "next", "url": full}])
    )
    reading = one(server, token="t")
    assert (reading.state, len(reading.resources)) == ("partial", 1)
    assert why in reading.why or (url == "?" and "another" in reading.why)
    assert len(server.asked) == 1


@pytest.mark.parametrize("last", [fhir.status(500), fhir.slow(5), fhir.garbage(b"x"), fhir.gives([]), fhir.hangs_up()])
def test_a_later_page_that_fails_leaves_the_earlier_ones_and_how_far_they_reach(
    server: Server, last: fhir.Behaviour
) -> None:
    dated = observation("a", effectiveDateTime="2026-01-01T10:00:00Z")
    first = fhir.found(dated, link=[{"relation": "next", "url": "Observation?page=1"}])
    server.behave["Observation"] = lambda handler: (last if handler.parameter("page") else first)(handler)
    reading = one(server)
    assert (reading.state, len(reading.resources)) == ("partial", 1)
    assert reading.back_to is not None and reading.back_to.isoformat() == "2026-01-01T10:00:00+00:00"


@pytest.mark.parametrize("patient", [{"resourceType": "Patient", "id": "p2"}, {"resourceType": "Patient"}])
def test_another_patient_is_not_used(server: Server, patient: dict[str, Any]) -> None:
    server.behave["Patient"] = fhir.gives(patient)
    reading = one(server, PATIENT)
    assert (reading.state, reading.resources) == ("failed", ())
    assert "another patient" in reading.why


def test_a_dead_server_fails_at_once(server: Server) -> None:
    with fhir.running() as gone:
        base = gone.base
    readings = FhirServers([base], production=False, seconds=DEADLINE).fetch([RESULTS], CALL, FhirAccess(base))
    assert [(reading.state, reading.why) for reading in readings] == [
        ("failed", "the EHR's server could not be reached")
    ]


def test_many_slow_calls_do_not_starve_the_next_one(server: Server) -> None:
    source = servers(server)
    server.behave["Observation"] = fhir.dripping(b"X-More: yes\r\n")
    for _ in range(2):
        source.fetch([RESULTS] * 20, CALL, FhirAccess(server.base))
    server.behave["Observation"] = fhir.found(observation("a"))
    assert source.fetch([RESULTS], CALL, FhirAccess(server.base))[0].state == "answered"


# ------------------------------------------------------------------------------------------------ the token


@pytest.mark.parametrize(
    ("access", "why"),
    [
        ({"token": "a b"}, "malformed"),
        ({"token": "a\r\nX-Evil: 1"}, "malformed"),
        ({"token": "ä"}, "malformed"),
        ({"token": "t", "expires_in": 0}, "expired"),
        ({"token": "t", "expires_in": -5}, "expired"),
        ({"token": "t", "patient": "p2"}, "another patient"),
    ],
)
def test_a_token_that_cannot_be_right_is_not_sent(server: Server, access: dict[str, Any], why: str) -> None:
    readings = servers(server).fetch([RESULTS], CALL, FhirAccess(server.base, **access))
    assert readings[0].state == "failed" and why in readings[0].why
    assert server.asked == []


def test_no_log_line_holds_the_token_or_the_patient(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    call = HookCall("leg-symptoms", "patient-view", "x", "Practitioner/1", "marker-patient")
    for behave in (fhir.found(), fhir.status(500), fhir.slow(5)):
        server.behave["Observation"] = behave
        one(server, token="marker-token", call=call)
    assert caplog.text.count("fetched 1 queries") == 3
    assert "marker-" not in caplog.text


@pytest.mark.parametrize("patient", ["../admin", "..", "p1?x=1", "p1&code=y", "p1/$everything", "p\r\nX: y", "p#"])
def test_an_odd_patient_id_stays_a_value(server: Server, patient: str) -> None:
    call = HookCall("leg-symptoms", "patient-view", "x", "Practitioner/1", patient)
    fetch(server, PATIENT, CONDITIONS, call=call)
    for path, _ in server.asked:
        assert path.startswith(("/fhir/Patient/p", "/fhir/Condition?patient="))
        assert path.count("?") <= 1 and "&" not in path and path.count("/") <= 3


def test_a_query_that_needs_an_encounter_the_call_lacks_is_not_asked(server: Server) -> None:
    reading = one(server, Query("e", "Encounter", "Encounter/{{context.encounterId}}"))
    assert reading.state == "not asked" and server.asked == []


def test_a_server_that_cannot_prove_its_name_is_not_read(server: Server) -> None:
    from cds_service.fhir.connections import Connections

    base = server.base.replace("http://", "https://")
    source = FhirServers([base], seconds=DEADLINE, connections=Connections(ssl.create_default_context()))
    assert source.fetch([RESULTS], CALL, FhirAccess(base, "t"))[0].state == "failed"
    assert server.asked == []
