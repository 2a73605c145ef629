"""Nothing is fetched from a server nobody listed, however its address is dressed up."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Any

import pytest

from cds_service.errors import SettingsError
from cds_service.fhir.allowed import read_base, read_entry
from cds_service.fhir.client import FhirServers
from cds_service.model.hook import FhirAccess, HookCall
from cds_service.model.reading import Query

RESULTS = Query("results", "Observation", "Observation?patient={{context.patientId}}")
CALL = HookCall("leg-symptoms", "patient-view", "x", "Practitioner/1", "p1")
LISTED = "https://fhir.example.org/r4"


@pytest.mark.parametrize(
    "server",
    [
        "https://fhir.example.org/r4",
        "https://FHIR.Example.ORG/r4/",
        "HTTPS://fhir.example.org:443/r4",
        "https://fhir.example.org./r4",
    ],
)
def test_a_listed_base_is_known_in_each_of_its_spellings(server: str) -> None:
    assert FhirServers([LISTED]).allowed(FhirAccess(server)) is not None


@pytest.mark.parametrize(
    "server",
    [
        "",
        "fhir.example.org/r4",
        "http://fhir.example.org/r4",
        "https://fhir.example.org",
        "https://fhir.example.org/R4",
        "https://fhir.example.org/r4/admin",
        "https://fhir.example.org/r4x",
        "https://fhir.example.org:8443/r4",
        "https://fhir.example.org.evil.example/r4",
        "https://evil.example/fhir.example.org/r4",
        "https://xfhir.example.org/r4",
        "https://fhir.example.org@evil.example/r4",
        "https://user:secret@fhir.example.org/r4",
        "https://fhir.example.org/r4?x=1",
        "https://fhir.example.org/r4#x",
        "https://fhir.example.org/r4?",
        "https://fhir.example.org/x/../r4",
        "https://fhir.example.org/%2e%2e/r4",
        "https://fhir.example.org\\@evil.example/r4",
        "https://fhir.example.org/r4\n",
        "https://fhir.example.org/ r4",
        "https:///r4",
        "file:///etc/passwd",
        "gopher://fhir.example.org/r4",
        "https://[::1/r4",
        "https://fhir.example.org:99999/r4",
        "https://fhir.exаmple.org/r4",
        "https://169.254.169.254/latest",
        "https://fhir.example.org/r4" + "/" * 3000,
    ],
)
def test_anything_else_is_not_fetched_from(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("a name was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    readings = FhirServers([LISTED]).fetch([RESULTS], CALL, FhirAccess(server, "token"))
    assert [reading.state for reading in readings] == ["not asked"]
    assert "not one this service may read" in readings[0].why


def test_a_registered_client_reads_its_own_servers_alone() -> None:
    servers = FhirServers([LISTED], of_client={"ward": ["https://ward.example/r4"]})
    assert servers.allowed(FhirAccess("https://ward.example/r4"), "ward")
    assert servers.allowed(FhirAccess(LISTED), "ward") is None
    assert servers.allowed(FhirAccess("https://ward.example/r4"), "other") is None
    assert servers.allowed(FhirAccess(LISTED), "other")


# ------------------------------------------------------------------------------------------------ what may be listed


@pytest.mark.parametrize(
    ("entry", "production"),
    [
        ("http://fhir.example.org/r4", False),
        ("http://10.0.0.5/r4", False),
        ("http://127.0.0.1:8000/fhir", True),
        ("http://localhost:8000/fhir", True),
        ("ftp://fhir.example.org", False),
        ("fhir.example.org", False),
        ("https://fhir.example.org/r4 ten", False),
        ("https://2130706433/r4", False),
        ("https://0x7f.1/r4", False),
        ("https://127.1/r4", False),
        ("https://a:b@fhir.example.org/r4", False),
        ("https://fhir.example.org/r4?x", False),
    ],
)
def test_an_entry_that_can_never_be_right_stops_the_start(entry: str, production: bool) -> None:
    with pytest.raises(SettingsError):
        read_entry(entry, production)


@pytest.mark.parametrize(
    "entry", ["http://127.0.0.1:8000/fhir", "http://localhost:8000/fhir", "http://[::1]:8000/fhir"]
)
def test_plain_http_is_for_this_machine_in_a_demo(entry: str) -> None:
    assert read_entry(entry, production=False).local


# ------------------------------------------------------------------------------------------------ where a name may lead


@pytest.mark.parametrize(
    ("entry", "address", "admitted"),
    [
        (LISTED, "93.184.216.34", True),
        (LISTED, "2606:2800:220:1::1", True),
        (LISTED, "127.0.0.1", False),
        (LISTED, "::1", False),
        (LISTED, "10.1.2.3", False),
        (LISTED, "172.16.0.1", False),
        (LISTED, "192.168.1.1", False),
        (LISTED, "169.254.169.254", False),
        (LISTED, "fe80::1", False),
        (LISTED, "fc00::1", False),
        (LISTED, "0.0.0.0", False),
        (LISTED, "::", False),
        (LISTED, "100.64.0.1", False),
        (LISTED, "224.0.0.1", False),
        (LISTED, "255.255.255.255", False),
        (LISTED, "::ffff:127.0.0.1", False),
        (LISTED, "::ffff:10.0.0.1", False),
        (LISTED, "64:ff9b::7f00:1", False),
        (LISTED, "64:ff9b::a00:1", False),
        (LISTED, "2002:7f00:1::", False),
        (LISTED, "2002:a00:1::", False),
        (LISTED, "ff02::1", False),
        ("https://10.0.0.5/r4", "10.0.0.5", True),
        ("https://10.0.0.5/r4", "::ffff:10.0.0.5", True),
        ("https://10.0.0.5/r4", "10.0.0.6", False),
        ("https://ward.example/r4 10.20.0.0/16", "10.20.3.4", True),
        ("https://ward.example/r4 10.20.0.0/16", "10.21.3.4", False),
        ("https://ward.example/r4 10.20.0.0/16", "93.184.216.34", False),
        ("https://ward.example/r4 10.20.0.0/16", "::1", False),
        ("https://localhost/r4", "127.0.0.1", True),
        ("https://localhost/r4", "::1", True),
        ("https://localhost/r4", "10.0.0.1", False),
    ],
)
def test_where_a_listed_name_may_lead(entry: str, address: str, admitted: bool) -> None:
    assert read_entry(entry, production=True).admits(ip_address(address)) is admitted


@pytest.mark.parametrize(
    "answers", [["10.0.0.5"], ["93.184.216.34", "127.0.0.1"], ["169.254.169.254"], ["::ffff:7f00:1"]]
)
def test_a_name_that_leads_inside_is_refused_before_any_connection(
    answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[str] = []

    def resolver(host: str, port: int, **_: Any) -> list[Any]:
        looked_up.append(host)
        return [
            (socket.AF_INET6 if ":" in it else socket.AF_INET, socket.SOCK_STREAM, 6, "", (it, port)) for it in answers
        ]

    def no_connection(*_: Any) -> Any:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    monkeypatch.setattr(socket.socket, "connect", no_connection)
    reading = FhirServers([LISTED], seconds=1).fetch([RESULTS], CALL, FhirAccess(LISTED, "token"))[0]
    assert (reading.state, reading.why) == ("failed", "the EHR's server has an address that is not allowed")
    assert looked_up == ["fhir.example.org"]


def test_the_checked_address_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["93.184.216.34", "127.0.0.1"])
    connected: list[Any] = []

    def rebinding(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    def connect(_: socket.socket, where: Any) -> None:
        connected.append(where)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(socket.socket, "connect", connect)
    FhirServers([LISTED], seconds=1).fetch([RESULTS], CALL, FhirAccess(LISTED))
    assert connected == [("93.184.216.34", 443)]


def test_reading_a_base_needs_text() -> None:
    assert read_base(None) is None and read_base(7) is None
