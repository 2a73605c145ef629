"""Keys a client publishes: rotated without a restart, asked for seldom, kept when the server is down, and never read
from an address that only a token names. Against a real server, over https unless said otherwise."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from cds_service.errors import SettingsError, Unavailable
from cds_service.fhir.documents import MAX_BYTES, document
from cds_service.security.clients import KeyPlace
from tests.security.ehr import EC, claims, client, guard, header, jwk, jwks, key, knock, refusal, signed, token
from tests.security.key_server import KeyServer, drip, hang, publishing, status, trusting

NEW = "ec384-new"


class Ticks:
    """A clock for waiting that only moves when told."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def door_to(server: KeyServer, ticks: Callable[[], float], **changes: Any) -> Any:
    ours = client(keys=KeyPlace(entry=server.jku), **changes)
    return guard(ours, documents=partial(document, tls=trusting()), ticks=ticks)


def new_token(**head: Any) -> str:
    return signed(header(kid=NEW, **head), claims(), with_key=key(NEW))


def unknown_token(number: int) -> str:
    return signed(header(kid=f"nobodys-{number}"), claims())


# ------------------------------------------------------------------------------------------------ rotation


def test_the_set_is_read_when_first_needed_and_then_kept() -> None:
    with publishing(EC) as server:
        ticks = Ticks()
        door = door_to(server, ticks)
        assert server.asked == []
        for _ in range(5):
            assert knock(door, token({"jku": server.jku})).client
            ticks.at += 700
        assert server.asked == ["/jwks.json"]
        assert "authorization" not in server.headers[0]


def test_a_new_key_works_without_a_restart_and_an_old_one_stops() -> None:
    ticks = Ticks()
    with publishing(EC) as server:
        door = door_to(server, ticks)
        assert knock(door, token()).client
        server.kids = (EC, NEW)
        ticks.at += 61
        assert knock(door, new_token()).client, "an unknown kid has the set read again"
        server.kids = (NEW,)
        assert knock(door, token()).client, "within the hour the set is taken as it was read"
        ticks.at += 3601
        assert "kid" in refusal(door, token()) and knock(door, new_token()).client
        assert len(server.asked) == 3


def test_a_hundred_unknown_kids_cause_one_reading_a_minute() -> None:
    ticks = Ticks()
    with publishing(EC) as server:
        door = door_to(server, ticks)
        assert knock(door, token()).client
        ticks.at += 61
        for number in range(100):
            assert "kid" in refusal(door, unknown_token(number))
        assert len(server.asked) == 2
        ticks.at += 59
        assert "kid" in refusal(door, unknown_token(0)) and len(server.asked) == 2
        ticks.at += 2
        assert "kid" in refusal(door, unknown_token(0)) and len(server.asked) == 3


def test_many_at_once_wait_for_one_reading() -> None:
    with publishing(EC) as server:
        gate = threading.Event()
        body = json.dumps(jwks(EC)).encode()
        server.behave = lambda handler: (gate.wait(5), handler.send(200, body))[1]
        door = door_to(server, Ticks())
        texts = [token() for _ in range(20)]
        with ThreadPoolExecutor(20) as pool:
            answers = [pool.submit(refusal, door, text) for text in texts]
            time.sleep(0.2)
            gate.set()
            assert [answer.result(10) for answer in answers] == [""] * 20
        assert len(server.asked) == 1


def test_while_an_old_set_is_read_again_the_others_go_on() -> None:
    ticks = Ticks()
    with publishing(EC) as server:
        door = door_to(server, ticks)
        assert knock(door, token()).client
        ticks.at += 3601
        server.behave = hang(1.5)
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(refusal, door, token())
            _until(lambda: len(server.asked) == 2)
            started = time.monotonic()
            assert knock(door, token()).client
            assert time.monotonic() - started < 1
            assert slow.result(10) == ""


def _until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not reached() and time.monotonic() < end:
        time.sleep(0.01)
    assert reached()


# ------------------------------------------------------------------------------------------------ a server in trouble


@pytest.mark.parametrize(
    "trouble",
    [
        status(500),
        status(404, b"not here"),
        status(301, Location="https://127.0.0.1:1/jwks.json"),
        status(200, b"<html>"),
        status(200, b'{"keys": []}'),
        status(200, b'{"keys": [{"kty": "oct", "kid": "example-ehr-ec-1", "k": "AAAA"}]}'),
        status(200, b" " * (MAX_BYTES + 1)),
        lambda handler: handler.connection.close(),
    ],
)
def test_trouble_takes_no_known_key_away(trouble: Any, caplog: pytest.LogCaptureFixture) -> None:
    ticks = Ticks()
    with publishing(EC) as server:
        door = door_to(server, ticks)
        assert knock(door, token()).client
        server.behave = trouble
        for hours in range(3):
            ticks.at += 3601
            assert knock(door, token()).client
            assert "kid" in refusal(door, new_token())
            assert len(server.asked) == 2 + hours, "and it is not asked more often for that"
        assert "those known stay" in caplog.text
        server.behave, server.kids = None, (EC, NEW)
        ticks.at += 61
        assert knock(door, new_token()).client


def test_a_server_that_is_gone_takes_no_known_key_away() -> None:
    ticks = Ticks()
    with publishing(EC) as server:
        door = door_to(server, ticks)
        assert knock(door, token()).client
    ticks.at += 100 * 3600
    assert knock(door, token()).client


def test_a_server_that_was_never_there_stops_its_own_client_alone() -> None:
    with publishing(EC) as server:
        pass
    ticks = Ticks()
    gone = client(name="gone", issuers=("https://gone.example.org",), keys=KeyPlace(entry=server.jku))
    door = guard(client(), gone, documents=partial(document, tls=trusting()), ticks=ticks)
    assert "kid" in refusal(door, token(iss="https://gone.example.org"))
    assert knock(door, token()).client


@pytest.mark.parametrize("slowness", [hang(30), drip])
def test_reading_ends_in_time(slowness: Any) -> None:
    with publishing(EC) as server:
        server.behave = slowness
        started = time.monotonic()
        with pytest.raises(Unavailable, match="in time"):
            document(server.jku, seconds=0.5, tls=trusting())()
        assert time.monotonic() - started < 1.5


def test_an_unknown_server_certificate_is_not_trusted() -> None:
    with publishing(EC) as server, pytest.raises(Unavailable, match="prove who it is"):
        document(server.jku)()


def test_a_redirect_is_not_followed() -> None:
    with publishing(EC) as target, publishing(EC) as server:
        server.behave = status(302, Location=target.jku)
        with pytest.raises(Unavailable, match="302"):
            document(server.jku, tls=trusting())()
        assert server.asked and not target.asked


# ------------------------------------------------------------------------------------------------ other addresses


@pytest.mark.parametrize("tls", [True, False])
def test_nothing_is_read_from_an_address_that_only_a_token_names(tls: bool) -> None:
    """The attacker's server publishes a key under the very kid, and would be believed if it were asked."""
    with publishing(EC) as registered, publishing("ec-attacker", tls=tls) as attacker:
        door = door_to(registered, Ticks())
        assert knock(door, token()).client
        local = guard(client())
        for kid in ("ec-attacker", EC):
            forged = signed(header(kid=kid, jku=attacker.jku), claims(), with_key=key("ec-attacker"))
            assert "jku" in refusal(door, forged)
            assert refusal(local, forged)
            elsewhere = signed(
                header(kid=kid, jku=attacker.jku), claims(iss=attacker.base), with_key=key("ec-attacker")
            )
            assert "issuer" in refusal(door, elsewhere)
        assert attacker.asked == [] and len(registered.asked) == 1


@pytest.mark.parametrize(
    "entry",
    [
        "http://keys.example.org/jwks.json",
        "http://127.0.0.1:8000/jwks.json",
        "http://localhost/jwks.json",
        "ftp://keys.example.org/jwks.json",
        "file:///etc/passwd",
        "keys.example.org/jwks.json",
        "https://keys.example.org",
        "https://keys.example.org/",
        "https://keys.example.org/jwks.json?x=1",
        "https://user:secret@keys.example.org/jwks.json",
        "https://keys.example.org/../jwks.json",
        "https://0x7f.1/jwks.json",
        "https://keys.example.org/jwks.json nonsense",
        "",
    ],
)
def test_an_address_that_can_never_be_right_stops_the_start(entry: str) -> None:
    with pytest.raises(SettingsError, match="the keys of the client example-ehr: "):
        guard(client(keys=KeyPlace(entry=entry)), documents=document)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.5", "169.254.169.254", "::1", "::ffff:10.0.0.5", "fd00::1", "0.0.0.0"]
)
def test_a_registered_name_that_leads_inside_is_not_read(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever holds the name's DNS must not make this service ask its own neighbours."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = [(family, socket.SOCK_STREAM, 6, "", (address, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a connection was made"))
    with pytest.raises(Unavailable, match="not allowed"):
        document("https://keys.example.org/jwks.json")()


def test_plain_http_is_for_this_machine_in_a_test() -> None:
    with publishing(EC, tls=False) as server:
        ours = client(keys=KeyPlace(entry=server.jku))
        with pytest.raises(SettingsError):
            guard(ours, documents=document)
        assert knock(guard(ours, documents=partial(document, production=False)), token()).client
    with pytest.raises(SettingsError):
        document("http://keys.example.org/jwks.json", production=False)


def test_a_published_secret_is_no_key() -> None:
    """A set with a symmetric key, a private one and a weak one beside a good one: the good one alone counts."""
    with publishing(EC) as server:
        raw = [{"kty": "oct", "kid": "s", "k": "AAAA"}, jwk(NEW) | {"d": "AAAA"}, jwk("rsa1024-1"), jwk(EC)]
        server.behave = status(200, json.dumps({"keys": raw}).encode())
        door = door_to(server, Ticks())
        assert knock(door, token()).client
        assert "kid" in refusal(door, new_token())
        weak = signed(header(kid="rsa1024-1", alg="RS384"), claims(), "RS384", key("rsa1024-1"))
        assert "kid" in refusal(door, weak)
