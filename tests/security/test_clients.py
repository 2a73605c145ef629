"""The clients' file: what it may say, and that anything misspelt, weak or ambiguous stops the start with line and remedy."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from cds_service.cards.profiles import load_profiles
from cds_service.errors import ContentError
from cds_service.fhir.client import FhirServers
from cds_service.fhir.documents import document
from cds_service.knowledge.content import Content
from cds_service.knowledge.reader import read
from cds_service.model.hook import FhirAccess
from cds_service.security import clients as clients_module
from cds_service.security.clients import Clients, clients_of
from tests.security.ehr import EC, FIXTURES, JKU, RSA, guard, jwk, jwks, knock, token

PROFILES = frozenset(load_profiles(Content.at(None).table("profiles.yaml")))
SET = json.dumps(jwks(EC, RSA))
GOOD = f"clients:\n  ward:\n    issuer: https://ehr.example.org\n    keys: {{jwks: {SET}}}\n"


def clients(text: str, folder: Path = FIXTURES) -> Clients:
    return clients_of(read(text, "clients.yaml"), profiles=PROFILES, folder=folder)


def fault(text: str, folder: Path = FIXTURES) -> str:
    with pytest.raises(ContentError) as wrong:
        clients(text, folder)
    said = str(wrong.value)
    assert re.match(r"clients\.yaml:\d+: ", said), said
    for secret in ("x", "n", "d"):
        assert jwk(EC).get(secret, "-" * 99) not in said and jwk(RSA).get(secret, "-" * 99) not in said
    return said


# ------------------------------------------------------------------------------------------------ what it may say


def test_the_least_a_client_needs() -> None:
    (one,) = clients(GOOD).all
    assert (one.name, one.issuers, one.algorithms) == ("ward", ("https://ehr.example.org",), ("ES384", "RS384"))
    assert (one.profile, one.fhir_bases, one.tenants, one.calls_per_minute) == ("cds-hooks-2.0", (), frozenset(), 0)
    assert (one.longest_life, one.leeway, one.typ_required) == (timedelta(hours=1), timedelta(seconds=60), True)
    assert one.addresses("/cds-services/x", "https://base") == ("https://base/cds-services/x",)


def test_everything_a_client_may_say() -> None:
    text = f"""
clients:
  ward:
    issuer: [https://a.example, https://b.example]
    keys: {{file: keys/example-ehr.jwks.json, jku: {JKU}}}
    base: https://cds.example.org/legs/
    audiences: {{"/cds-services": https://front.example/discovery, "/cds-services/x": [https://x.example, https://y.example]}}
    subject: client-7
    tenants: [t1, t2]
    tenant: optional
    algorithms: [RS384]
    fhir: [https://fhir.example.org/r4, https://fhir.ward.example/r4 10.20.0.0/16]
    profile: epic
    calls_per_minute: 90
    longest_life: 10 minutes
    leeway: 5 seconds
    typ: optional
"""
    (one,) = clients(text).all
    assert one.issuers == ("https://a.example", "https://b.example")
    assert one.keys.jku == JKU and one.keys.file == FIXTURES / "keys/example-ehr.jwks.json"
    assert one.addresses("/cds-services/y", "") == ("https://cds.example.org/legs/cds-services/y",)
    assert one.addresses("/cds-services", "") == ("https://front.example/discovery",)
    assert one.addresses("/cds-services/x", "") == ("https://x.example", "https://y.example")
    assert (one.subject, one.profile, one.calls_per_minute) == ("client-7", "epic", 90)
    assert one.speaks_for("t1") and one.speaks_for(None) and not one.speaks_for("t3")
    assert (one.longest_life, one.leeway, one.typ_required) == (timedelta(minutes=10), timedelta(seconds=5), False)
    servers = FhirServers([], of_client={one.name: one.fhir_bases})
    assert servers.allowed(FhirAccess("https://fhir.ward.example/r4"), "ward")


def test_a_list_of_members_in_the_module_is_complete() -> None:
    """The head of the module is where they are explained."""
    for member in clients_module._KEYS:
        assert re.search(rf"\b{member}:", clients_module.__doc__ or ""), member


def test_one_issuer_may_stand_for_several_clients_with_tenants_of_their_own() -> None:
    two = GOOD + "    tenants: [a]\n" + GOOD.partition("\n")[2].replace("ward:", "other:") + "    tenants: [b]\n"
    found = clients(two)
    assert [getattr(found.of("https://ehr.example.org", tenant), "name", None) for tenant in ("a", "b", "c", None)] == [
        "ward",
        "other",
        None,
        None,
    ]


# ------------------------------------------------------------------------------------------------ what it may not


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ("", "names none"),
        ("clients: {}", "names none"),
        ("client:\n  ward: {}", "did you mean `clients`"),
        ("clients:\n  - ward", "must be a mapping"),
        ("clients:\n  ward: x", "must be a mapping"),
        ("clients:\n  Ward EHR:\n    issuer: x", "no name of a client"),
        (GOOD + "  ward:\n    issuer: x\n", "stands twice"),
        (GOOD + "    issuers: x\n", "did you mean `issuer`"),
        (GOOD + "    secret: x\n", "has no `secret`"),
        (GOOD.replace("    issuer: https://ehr.example.org\n", ""), "needs `issuer`"),
        (GOOD.replace("https://ehr.example.org", "[]"), "`issuer`"),
        (GOOD.replace("https://ehr.example.org", "7"), "`issuer`"),
        (GOOD.replace("https://ehr.example.org", '" https://ehr.example.org"'), "`issuer`"),
        (GOOD.replace("https://ehr.example.org", "[https://a.example, https://a.example]"), "twice"),
        (GOOD + "    profile: epik\n", "did you mean `epic`"),
        (GOOD + "    algorithms: [none]\n", "may be ES384"),
        (GOOD + "    algorithms: [HS256]\n", "may be ES384"),
        (GOOD + "    algorithms: [es384]\n", "may be ES384"),
        (GOOD + "    algorithms: [PS384]\n", "may be ES384"),
        (GOOD + "    algorithms: []\n", "`algorithms`"),
        (GOOD + "    algorithms: [ES256]\n", "no key fits"),
        (GOOD + "    tenant: optional\n", "without `tenants`"),
        (GOOD + "    tenants: [a]\n    tenant: perhaps\n", "may be required, optional"),
        (GOOD + "    tenants: []\n", "`tenants`"),
        (GOOD + "    calls_per_minute: 0\n", "whole number"),
        (GOOD + "    calls_per_minute: true\n", "whole number"),
        (GOOD + "    calls_per_minute: 1.5\n", "whole number"),
        (GOOD + "    calls_per_minute: many\n", "whole number"),
        (GOOD + "    longest_life: 25 hours\n", "at most 86400"),
        (GOOD + "    longest_life: 60\n", "quote them"),
        (GOOD + "    longest_life: 60 s\n", "such as 5 minutes"),
        (GOOD + "    leeway: 6 minutes\n", "at most 300"),
        (GOOD + "    typ: none\n", "may be required, optional"),
        (GOOD + "    base: cds.example.org\n", "full address"),
        (GOOD + "    base: https://cds.example.org?x=1\n", "full address"),
        (GOOD + "    base: https://[cds\n", "full address"),
        (GOOD + "    audiences: {leg-symptoms: https://x.example}\n", "no path"),
        (GOOD + "    audiences: {/cds-services/: https://x.example}\n", "no path"),
        (GOOD + "    audiences: {/cds-services: x.example}\n", "full address"),
        (GOOD + "    audiences: x\n", "must be a mapping"),
        (GOOD + "    subject: [a, b]\n", "takes one text"),
        (GOOD + "    fhir: [1]\n", "`fhir`"),
        (GOOD + "    fhir: http://127.0.0.1:8000/fhir\n", "`fhir`: write a full address such as https"),
        (GOOD + "    fhir: [https://a.example/r4, b.example/r4]\n", "`fhir`: write a full address such as https"),
        (GOOD + "    base: https://user@cds.example.org\n", "full address"),
    ],
)
def test_a_file_that_is_wrong_stops_the_start(changed: str, says: str) -> None:
    assert says in fault(changed)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        (None, "is missing"),
        ("x", "must be a mapping"),
        ("{}", "one place"),
        ("{url: https://x.example}", "has no `url`"),
        (f"{{jwks: {SET}, file: keys/example-ehr.jwks.json}}", "one place"),
        ("{jku: ehr.example.org/jwks.json}", "full address"),
        ("{jku: http://127.0.0.1:8000/jwks.json}", "such as https"),
        ("{jku: https://user:secret@ehr.example.org/jwks.json}", "full address"),
        ("{jku: https://ehr.example.org/jwks.json?x}", "full address"),
        ("{jwks: x}", "must be a mapping"),
        ("{jwks: {}}", "JWK set"),
        ('{jwks: {"keys": []}}', "no key here"),
        (f"{{jwks: {json.dumps({'keys': [jwk(EC, use='enc')]})}}}", "no key here"),
        (f"{{jwks: {json.dumps({'keys': [jwk('rsa1024-1')]})}}}", "1024 bits"),
        (f"{{jwks: {json.dumps({'keys': [jwk(EC) | {'d': 'AAAA'}]})}}}", "private key"),
        (f"{{jwks: {json.dumps({'keys': [jwk(EC), jwk(EC)]})}}}", "stand once"),
        ('{jwks: {"keys": [{"kty": "oct", "kid": "a", "k": "c2VjcmV0"}]}}', "symmetric"),
        ("{file: keys/missing.json}", "cannot be read"),
        ("{file: keys/example-ehr.private.json}", "private key"),
        ("{file: README.md}", "not JSON"),
    ],
)
def test_keys_that_are_wrong_stop_the_start(keys: str | None, says: str) -> None:
    line = "" if keys is None else f"    keys: {keys}\n"
    assert says in fault(GOOD.rpartition("    keys:")[0] + line)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("", ""),
        ("    tenants: [a]\n", ""),
        ("    tenants: [a, b]\n", "    tenants: [b]\n"),
        ("    tenants: [a]\n    tenant: optional\n", "    tenants: [b]\n    tenant: optional\n"),
    ],
)
def test_two_clients_that_cannot_be_told_apart(one: str, other: str) -> None:
    said = fault(GOOD + one + GOOD.partition("\n")[2].replace("ward:", "other:") + other)
    assert "ward and other" in said and "`tenants`" in said


# ------------------------------------------------------------------------------------------------ the example


def test_the_example_is_a_file_that_starts_and_lets_its_client_in() -> None:
    text = (FIXTURES / "clients.example.yaml").read_text()
    found = clients(text)
    assert {client.profile for client in found.all} == PROFILES - {"cds-hooks-1.0-strict"}
    FhirServers([], of_client={client.name: client.fhir_bases for client in found.all})
    door = guard(*found.all, documents=document)
    assert knock(door, token(jku=JKU)).client == "example-ehr"


def test_the_examples_keys_say_what_they_are() -> None:
    private = json.loads((FIXTURES / "keys" / "example-ehr.private.json").read_text())
    public = json.loads((FIXTURES / "keys" / "example-ehr.jwks.json").read_text())
    assert "Made for tests" in private["note"]
    assert [raw["kid"] for raw in private["keys"]] == [raw["kid"] for raw in public["keys"]]
    assert all(
        raw[name] == value
        for raw, open_half in zip(private["keys"], public["keys"], strict=True)
        for name, value in open_half.items()
    )
