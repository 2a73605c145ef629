"""Tokens that others made: the one printed in the standard, and what the public Sandbox and known EHRs send."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from cds_service.security.clients import Client, KeyPlace
from cds_service.security.keys import read_set
from tests.security.ehr import (
    AT,
    EC,
    FIXTURES,
    PATH,
    RSA,
    claims,
    client,
    guard,
    header,
    jwk,
    key,
    knock,
    refusal,
    signed,
)

# Printed in "CDS Hooks" (HL7), section "Trusting CDS Clients", with the set of its public key.
PRINTED = (
    "eyJhbGciOiJFUzM4NCIsInR5cCI6IkpXVCIsImtpZCI6ImV4YW1wbGUta2lkIiwiamt1IjoiaHR0cHM6Ly9maGlyLWVoci5leGFtcGxlLmNvbS9q"
    "d2tfdXJpIn0.eyJpc3MiOiJodHRwczovL2ZoaXItZWhyLmV4YW1wbGUuY29tLyIsImF1ZCI6Imh0dHBzOi8vY2RzLmV4YW1wbGUub3JnL2Nkcy1z"
    "ZXJ2aWNlcy9zb21lLXNlcnZpY2UiLCJleHAiOjE0MjI1Njg4NjAsImlhdCI6MTMxMTI4MDk3MCwianRpIjoiZWUyMmIwMjEtZTFiNy00NjExLWJh"
    "NWItOGVlYzZhMzNhYzFlIiwidGVuYW50IjoiMmRkZDZjM2EtOGU5YS00NGM2LWEzMDUtNTIxMTFhZDMwMmEyIn0.d1WfLjGRKlcWB94l9do4cM8R"
    "EXeYJLL6SGUBO8VHZhfM8mwKYP70EMxJ67War4TQblEpaQrp11wx5p7oPFm2ETYgCicS84vXWEIYTdjooZdooCSDf2L8-i4awdoUwiEb"
)
PRINTED_KEY = {
    "kty": "EC",
    "use": "sig",
    "crv": "P-384",
    "kid": "example-kid",
    "x": "46SDH7Znh821wblCBglA61sNE9ZrHYKKt3qRtRTmSXyOI_FIGBLWrWa0GPUkDCEk",
    "y": "XMcRuuoGW7CXjQdy-F5i3FeBE0x9hPLdeFdSoDd3ELmx404tLX0VRRcqzAsPhXcI",
    "alg": "ES384",
}
PRINTED_TENANT = "2ddd6c3a-8e9a-44c6-a305-52111ad302a2"
PRINTED_PATH = "/cds-services/some-service"


def of_the_standard(**changes: Any) -> Client:
    usual = {
        "name": "standard",
        "issuers": ("https://fhir-ehr.example.com/",),
        "keys": KeyPlace(read_set({"keys": [PRINTED_KEY]})[0], entry="https://fhir-ehr.example.com/jwk_uri"),
        "tenants": frozenset({PRINTED_TENANT}),
        "longest_life": timedelta(days=1300),
    }
    return Client(**(usual | changes))


def at(moment: datetime) -> Any:
    return partial(guard, now=lambda: moment)


def test_the_token_printed_in_the_standard() -> None:
    then = at(datetime(2014, 6, 1, tzinfo=UTC))
    assert knock(then(of_the_standard()), PRINTED, PRINTED_PATH).tenant == PRINTED_TENANT
    assert "longer" in refusal(then(of_the_standard(longest_life=timedelta(hours=1))), PRINTED, PRINTED_PATH)
    assert "expired" in refusal(at(datetime(2026, 1, 1, tzinfo=UTC))(of_the_standard()), PRINTED, PRINTED_PATH)
    assert "future" in refusal(at(datetime(2011, 1, 1, tzinfo=UTC))(of_the_standard()), PRINTED, PRINTED_PATH)
    assert "aud" in refusal(then(of_the_standard()), PRINTED, PATH)
    assert "tenant" in refusal(then(of_the_standard(tenants=frozenset({"other"}))), PRINTED, PRINTED_PATH)
    flipped = PRINTED[:-20] + ("A" if PRINTED[-20] != "A" else "B") + PRINTED[-19:]
    assert "signature" in refusal(then(of_the_standard()), flipped, PRINTED_PATH)


def test_the_sandboxes_token_as_it_was_seen() -> None:
    """Header and claims as a browser sent them, the path put in for its own; signed anew, for its text was not kept."""
    kid = "44823f3d-0b01-4a6c-a80e-b9d3e8a7226f"
    jku = "https://sandbox.cds-hooks.org/.well-known/jwks.json"
    published = json.loads((FIXTURES / "keys" / "sandbox.jwks.json").read_text())
    assert set(read_set(published)[0]) == {(kid, "ES384")}
    seen_header = {"alg": "ES384", "typ": "JWT", "kid": kid, "jku": jku}
    seen_claims = {
        "iss": "https://sandbox.cds-hooks.org",
        "aud": "http://127.0.0.1:5055/cds-services",
        "exp": 1795414454,
        "iat": 1795414154,
        "jti": "24922f50-4ce8-4ee7-b5cd-1d3699ef7d7e",
    }
    own = KeyPlace(read_set({"keys": [jwk(EC) | {"kid": kid}]})[0], entry=jku)
    sandbox = client(name="sandbox", issuers=("https://sandbox.cds-hooks.org",), keys=own, profile="sandbox")
    door = guard(sandbox, base_url="http://127.0.0.1:5055", now=lambda: datetime.fromtimestamp(1795414200, UTC))
    assert knock(door, signed(seen_header, seen_claims), "/cds-services").profile == "sandbox"


def test_epics_token() -> None:
    """RS384, jku, the site's FHIR base as issuer, its client id as sub, 15 minutes long, nbf beside iat."""
    base = "https://epic.hospital.example/api/FHIR/R4"
    jku = "https://epic.hospital.example/api/keys"
    epic = client(
        name="epic",
        issuers=(base,),
        keys=KeyPlace(read_set({"keys": [jwk(RSA)]})[0], entry=jku),
        subject="client-7",
        audiences={PATH: ("https://front.example/legs",)},
        algorithms=("RS384",),
        profile="epic",
    )
    head = header(alg="RS384", kid=RSA, jku=jku)
    body = claims(iss=base, sub="client-7", aud="https://front.example/legs", nbf=AT - 10, exp=AT + 900)
    assert knock(guard(epic), signed(head, body, "RS384", key(RSA))).profile == "epic"
    assert "algorithm" in refusal(guard(epic), signed(header(jku=jku), body))


EXAMPLES = {
    "es384": ({"alg": "ES384", "typ": "JWT", "kid": "k1", "jku": "https://ehr.example.org/jwks.json"}, {}, ""),
    "no jku": ({"alg": "ES384", "typ": "JWT", "kid": "k1"}, {}, ""),
    "http jku": ({"alg": "ES384", "typ": "JWT", "kid": "k1", "jku": "http://ehr.example.org/jwks.json"}, {}, "jku"),
    "no kid": ({"alg": "ES384", "typ": "JWT"}, {}, "kid"),
    "no jti": ({"alg": "ES384", "typ": "JWT", "kid": "k1"}, {"jti": None}, "jti"),
    "hs256": ({"alg": "HS256", "typ": "JWT", "kid": "k1"}, {}, "algorithm"),
    "none": ({"alg": "none", "typ": "JWT", "kid": "k1"}, {}, "algorithm"),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_good_and_bad_headers_and_claims(name: str) -> None:
    head, changes, why = EXAMPLES[name]
    place = KeyPlace(read_set({"keys": [jwk(EC) | {"kid": "k1"}]})[0], entry="https://ehr.example.org/jwks.json")
    moment = datetime.fromtimestamp(1800000010, UTC)
    body = {
        "iss": "https://ehr.example.org",
        "aud": "https://cds.example.org/cds-services/leg-symptoms",
        "exp": 1800000300,
        "iat": 1800000000,
        "jti": "a1",
    } | changes
    said = refusal(at(moment)(client(keys=place)), signed(head, {k: v for k, v in body.items() if v is not None}))
    assert why in said if why else said == ""
