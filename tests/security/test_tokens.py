"""Each way a token can be wrong is refused, for its own reason; each way it may be right is taken."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.errors import NotAuthenticated, TooMany
from cds_service.ports import Caller
from cds_service.security.clients import KeyPlace
from cds_service.security.guard import open_guard
from cds_service.security.keys import read_set
from cds_service.store.tokens import SeenTokens
from tests.security.ehr import (
    AT,
    BASE,
    EC,
    ISSUER,
    JKU,
    PATH,
    RSA,
    claims,
    client,
    guard,
    header,
    headers,
    jwk,
    key,
    knock,
    no_documents,
    part,
    refusal,
    signed,
    token,
)

# ------------------------------------------------------------------------------------------------ who is let in


def test_a_good_token_is_its_client() -> None:
    door = guard(client(profile="epic"))
    assert knock(door, token(tenant="t1")) == Caller("example-ehr", "epic", "t1")


@pytest.mark.parametrize(("kid", "algorithm"), [(EC, "ES384"), (RSA, "RS384")])
def test_both_recommended_algorithms_are_taken_as_they_stand(kid: str, algorithm: str) -> None:
    assert knock(guard(), signed(header(alg=algorithm, kid=kid), claims(), algorithm, key(kid))).client


@pytest.mark.parametrize(("kid", "algorithm"), [("ec256-1", "ES256"), (RSA, "RS256")])
def test_the_shorter_ones_only_where_the_client_lists_them(kid: str, algorithm: str) -> None:
    ring = KeyPlace(read_set({"keys": [jwk(kid)]})[0])
    text = signed(header(alg=algorithm, kid=kid), claims(), algorithm, key(kid))
    assert "algorithm" in refusal(guard(client(keys=ring)), text)
    assert knock(guard(client(keys=ring, algorithms=(algorithm,))), text).client


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": [BASE + PATH]},
        {"aud": ["https://other.example.org", BASE + PATH]},
        {"sub": "client", "nbf": AT - 300, "scope": "x", "tenant": "t"},
        {"iat": AT + 30},
        {"iat": AT - 300, "exp": AT - 30},
        {"iat": AT, "exp": AT + 3600},
        {"iat": AT + 0.5, "exp": AT + 300.25},
        {"nbf": AT + 30},
    ],
)
def test_these_claims_are_in_order(changes: dict[str, Any]) -> None:
    assert knock(guard(), token(**changes)).client == "example-ehr"


@pytest.mark.parametrize("typ", ["JWT", "jwt", "Jwt"])
def test_typ_in_any_case(typ: str) -> None:
    assert knock(guard(), token({"typ": typ})).client


@pytest.mark.parametrize(
    "stated",
    [
        {"Authorization": "Bearer {}"},
        {"authorization": "bearer {}"},
        {"AUTHORIZATION": "BEARER {}"},
        {"Authorization": "Bearer  {}"},
    ],
)
def test_the_header_is_found_in_any_case(stated: dict[str, str]) -> None:
    text = token()
    assert guard().authenticate({name: value.format(text) for name, value in stated.items()}, PATH).client


# ------------------------------------------------------------------------------------------------ the header


@pytest.mark.parametrize(
    ("stated", "why"),
    [
        ({}, "no Authorization"),
        ({"Authorization": ""}, "no bearer"),
        ({"Authorization": "Bearer"}, "three parts"),
        ({"Authorization": "Bearer "}, "three parts"),
        ({"Authorization": "Basic dTpw"}, "no bearer"),
        ({"Authorization": "Token {}"}, "no bearer"),
        ({"Authorization": "{}"}, "no bearer"),
        ({"Authorization": "Bearer {} "}, "three parts"),
        ({"Authorization": "Bearer {},Bearer {}"}, "three parts"),
        ({"Authorization": "Bearer {}", "authorization": "Bearer {}"}, "several"),
        ({"X-Authorization": "Bearer {}"}, "no Authorization"),
    ],
)
def test_without_one_bearer_token_nobody_is_let_in(stated: dict[str, str], why: str) -> None:
    filled = {name: value.replace("{}", token()) for name, value in stated.items()}
    with pytest.raises(NotAuthenticated) as refused:
        guard().authenticate(filled, PATH)
    assert why in refused.value.reason and str(refused.value) == "authentication is required"


BRACE, NULL, DEEP, NO_TEXT = b"{", b"null", b"[" * 5000, b"\xff\xfe"
NOT_A_NUMBER, LONG_NUMBER = b'{"exp": NaN}', b'{"exp": ' + b"9" * 4999 + b"}"
TWO_ISSUERS, TWO_ALGORITHMS = b'{"iss": "a", "iss": "b"}', b'{"alg": "ES384", "alg": "none"}'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a", "three parts"),
        ("a.b", "three parts"),
        ("a.b.c.d", "three parts"),
        ("a.b.", "three parts"),
        ("..", "three parts"),
        ("a.b.ü", "three parts"),
        ("a.b.c\n", "three parts"),
        ("a.b.c", "base64url"),
        (f"{part(BRACE)}.{part({})}.AAAA", "not plain JSON"),
        (f"{part([])}.{part({})}.AAAA", "not a JSON object"),
        (f"{part(DEEP)}.{part({})}.AAAA", "not plain JSON"),
        (f"{part(NO_TEXT)}.{part({})}.AAAA", "not plain JSON"),
        (f"{part(header())}.{part(NULL)}.AAAA", "not a JSON object"),
        (f"{part(header())}.{part(NOT_A_NUMBER)}.AAAA", "not plain JSON"),
        (f"{part(header())}.{part(LONG_NUMBER)}.AAAA", "not plain JSON"),
        (f"{part(header())}.{part(TWO_ISSUERS)}.AAAA", "not plain JSON"),
        (f"{part(TWO_ALGORITHMS)}.{part({})}.AAAA", "not plain JSON"),
    ],
)
def test_what_is_no_token_is_refused_before_anything_else(text: str, why: str) -> None:
    assert why in refusal(guard(), text)


def test_a_huge_token_is_not_looked_at() -> None:
    assert "longer" in refusal(guard(), token(filler="x" * 8000))
    assert knock(guard(), token(filler="x" * 4000)).client


@pytest.mark.parametrize(
    "spelling", ["none", "None", "NONE", "nOnE", "", " ES384", "es384", 0, ["ES384"], {"ES384": 1}]
)
def test_alg_none_in_any_spelling_and_anything_else_unlisted(spelling: object) -> None:
    text = token({"alg": spelling})
    assert "algorithm" in refusal(guard(), text)
    unsigned = f"{part(header(alg=spelling))}.{part(claims())}."
    assert "three parts" in refusal(guard(), unsigned)
    assert "algorithm" in refusal(guard(), f"{part(header(alg=spelling))}.{part(claims())}.AAAA")


def test_alg_missing() -> None:
    assert "algorithm" in refusal(guard(), token({"alg": None}))


def test_the_algorithm_is_looked_at_before_the_issuer() -> None:
    assert "algorithm" in refusal(guard(), token({"alg": "none"}, iss="https://unknown.example"))


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("kid", [EC, RSA])
def test_a_symmetric_signature_made_with_the_public_key(algorithm: str, kid: str) -> None:
    public = key(kid).public_key()
    digest = getattr(hashlib, algorithm.replace("HS", "sha"))
    for secret in (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(jwk(kid)).encode(),
        b"",
    ):
        text = f"{part(header(alg=algorithm, kid=kid))}.{part(claims())}"
        forged = f"{text}.{part(hmac.new(secret, text.encode(), digest).digest())}"
        assert "algorithm" in refusal(guard(), forged)


@pytest.mark.parametrize("algorithm", ["PS384", "ES512", "EdDSA", "ES256K", "RS512"])
def test_other_algorithms_of_the_library_are_not_ours(algorithm: str) -> None:
    assert "algorithm" in refusal(guard(), token({"alg": algorithm}))


def test_a_key_of_another_kind_than_the_algorithm() -> None:
    """The header says ES384 and names the RSA key; and the other way round; and another curve."""
    assert "kid" in refusal(guard(), signed(header(kid=RSA), claims(), "RS384", key(RSA)))
    assert "kid" in refusal(guard(), signed(header(alg="RS384"), claims()))
    every = client(keys=KeyPlace(read_set({"keys": [jwk("ec256-1"), jwk(EC)]})[0]), algorithms=("ES256", "ES384"))
    assert "kid" in refusal(guard(every), signed(header(kid="ec256-1"), claims(), "ES256", key("ec256-1")))
    assert "kid" in refusal(guard(every), signed(header(alg="ES256"), claims()))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"kid": None}, "kid"),
        ({"kid": ""}, "kid"),
        ({"kid": 7}, "kid"),
        ({"kid": "x" * 257}, "kid"),
        ({"kid": "another"}, "kid"),
        ({"kid": EC.upper()}, "kid"),
        ({"typ": None}, "typ"),
        ({"typ": "JOSE"}, "typ"),
        ({"typ": "at+jwt"}, "typ"),
        ({"typ": 1}, "typ"),
        ({"crit": ["exp"]}, "extension"),
        ({"crit": []}, "extension"),
        ({"b64": False}, "extension"),
    ],
)
def test_headers_that_are_wrong(changes: dict[str, Any], why: str) -> None:
    assert why in refusal(guard(), token(changes))


def test_typ_may_be_left_out_where_the_client_is_registered_so() -> None:
    lax = guard(client(typ_required=False))
    assert knock(lax, token({"typ": None})).client
    assert "typ" in refusal(lax, token({"typ": "JOSE"}))


@pytest.mark.parametrize("kid", ["d3bmo5+/A8=", "a b", "../../etc/passwd", "' OR 1=1", "ключ"])
def test_any_text_may_be_a_kid_and_is_only_ever_compared(kid: str) -> None:
    place = KeyPlace(read_set({"keys": [jwk(EC) | {"kid": kid}]})[0])
    assert knock(guard(client(keys=place)), token({"kid": kid})).client
    assert "kid" in refusal(guard(), token({"kid": kid}))


def test_keys_inside_the_token_are_not_used() -> None:
    attacker = {"jwk": jwk("ec-attacker"), "x5u": "https://evil.example/x", "x5c": ["AAAA"]}
    assert "kid" in refusal(
        guard(), signed(header(kid="ec-attacker", **attacker), claims(), with_key=key("ec-attacker"))
    )
    assert "signature" in refusal(guard(), signed(header(**attacker), claims(), with_key=key("ec-attacker")))


def test_jku_must_be_the_registered_one() -> None:
    """Keys are at hand, so that only the address can be what is refused; `no_documents` proves that none is read."""
    place = KeyPlace(read_set({"keys": [jwk(EC)]})[0], entry=JKU)
    door = guard(client(keys=place))
    assert knock(door, token()).client and knock(door, token({"jku": JKU})).client
    for other in ("http://ehr.example.org/jwks.json", JKU + "/", JKU.upper(), "https://evil.example/jwks.json", 1, ""):
        assert "jku" in refusal(door, token({"jku": other}))


def test_jku_means_nothing_where_none_is_registered() -> None:
    assert knock(guard(), token({"jku": "https://evil.example/jwks.json"})).client
    forged = signed(header(jku="https://evil.example/jwks.json"), claims(), with_key=key("ec-attacker"))
    assert "signature" in refusal(guard(), forged)


# ------------------------------------------------------------------------------------------------ the claims


@pytest.mark.parametrize(
    "issuer",
    [None, "", 1, [ISSUER], "https://other.example.org", ISSUER + "/", ISSUER.upper(), "http://ehr.example.org"],
)
def test_an_issuer_that_is_not_registered(issuer: object) -> None:
    assert "issuer" in refusal(guard(), token(iss=issuer))


@pytest.mark.parametrize(
    "audience",
    [
        None,
        "",
        1,
        [],
        [1, BASE + PATH],
        {BASE + PATH: 1},
        BASE,
        BASE + "/",
        BASE + "/cds-services",
        BASE + "/cds-services/other",
        BASE + PATH + "/feedback",
        BASE + PATH + "?x=1",
        BASE + PATH + "#x",
        BASE + PATH + "/..",
        BASE + "/cds-services/../cds-services/leg-symptoms",
        "http://cds.example.org" + PATH,
        "https://cds.example.org:8443" + PATH,
        "https://CDS.example.org" + PATH,
        "https://evil.example" + PATH,
        "https://cds.example.org@evil.example" + PATH,
        "cds.example.org" + PATH,
        PATH,
        BASE + "/CDS-services/leg-symptoms",
    ],
)
def test_an_audience_that_is_not_this_endpoint(audience: object) -> None:
    assert "aud" in refusal(guard(), token(aud=audience))


@pytest.mark.parametrize("path", ["/cds-services", PATH, PATH + "/feedback", "/analytics/feedback"])
def test_each_endpoint_is_its_own_audience_in_either_slash_form(path: str) -> None:
    door = guard()
    for form in (BASE + path, BASE + path + "/", BASE + path.replace("/leg-symptoms", "//leg-symptoms")):
        assert knock(door, token(aud=form), path).client
    assert refusal(door, token(aud=BASE + path), PATH if path != PATH else "/cds-services")


def test_the_audience_is_as_the_client_sees_it_whatever_the_host_header_says() -> None:
    ours = client(base="https://proxy.example/legs", audiences={"/cds-services": ("https://front.example/discovery",)})
    door = guard(ours)
    assert knock(door, token(aud="https://proxy.example/legs" + PATH)).client
    assert knock(door, token(aud="https://front.example/discovery"), "/cds-services").client
    assert "aud" in refusal(door, token(aud="https://proxy.example/legs/cds-services"), "/cds-services")
    assert "aud" in refusal(door, token())
    named = headers(token(aud="https://evil.example" + PATH)) | {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
    }
    with pytest.raises(NotAuthenticated):
        door.authenticate(named, PATH)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"exp": None}, "exp"),
        ({"exp": "1800000000"}, "exp is missing or no number"),
        ({"exp": True}, "exp is missing or no number"),
        ({"exp": 10**300}, "exp"),
        ({"exp": -1}, "exp"),
        ({"exp": 1e300}, "exp"),
        ({"exp": AT - 60, "iat": AT - 360}, "expired"),
        ({"exp": AT - 300, "iat": AT - 600}, "expired"),
        ({"iat": None}, "iat"),
        ({"iat": "now"}, "iat"),
        ({"iat": AT + 3600, "exp": AT + 3900}, "future"),
        ({"iat": AT + 61}, "future"),
        ({"exp": AT + 3601}, "longer"),
        ({"exp": AT + 86400}, "longer"),
        ({"iat": AT + 50, "exp": AT + 40}, "began"),
        ({"nbf": AT + 61}, "nbf"),
        ({"nbf": "x"}, "nbf"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
        ({"jti": 7}, "jti"),
        ({"jti": "x" * 257}, "jti"),
        ({"tenant": 1}, "tenant"),
        ({"tenant": ""}, "tenant"),
        ({"tenant": "x" * 257}, "tenant"),
        ({"tenant": "a\u0000b"}, "tenant"),
        ({"tenant": "\ud800"}, "tenant"),
    ],
)
def test_claims_that_are_wrong(changes: dict[str, Any], why: str) -> None:
    assert why in refusal(guard(), token(**changes))


def test_leeway_and_longest_life_are_the_clients() -> None:
    strict = guard(client(leeway=timedelta(0), longest_life=timedelta(minutes=5)))
    assert "expired" in refusal(strict, token(iat=AT - 300, exp=AT))
    assert "future" in refusal(strict, token(iat=AT + 1))
    assert "longer" in refusal(strict, token(exp=AT + 301))
    assert knock(strict, token(exp=AT + 300)).client


def test_sub_where_the_client_is_registered_with_one() -> None:
    door = guard(client(subject="client-7"))
    assert knock(door, token(sub="client-7")).client
    for other in (None, "client-8", "", 7, ["client-7"]):
        assert "sub" in refusal(door, token(sub=other))


def test_tenants_of_one_issuer_are_different_clients() -> None:
    one = client(name="one", tenants=frozenset({"a", "b"}), profile="oracle")
    two = client(name="two", tenants=frozenset({"c"}), tenant_optional=True)
    door = guard(one, two)
    assert knock(door, token(tenant="b")) == Caller("one", "oracle", "b")
    assert knock(door, token(tenant="c")).client == "two"
    assert knock(door, token()) == Caller("two")
    assert "tenant" in refusal(door, token(tenant="d"))
    assert "tenant" in refusal(guard(one), token())


def test_a_token_of_one_client_does_not_pass_as_anothers() -> None:
    other = client(
        name="other", issuers=("https://other.example.org",), keys=KeyPlace(read_set({"keys": [jwk("ec-other")]})[0])
    )
    door = guard(client(), other)
    assert "kid" in refusal(door, token(iss="https://other.example.org"))
    assert "signature" in refusal(door, token({"kid": "ec-other"}, iss="https://other.example.org"))


# ------------------------------------------------------------------------------------------------ the signature


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_one_byte_changed_anywhere_and_the_token_is_worth_nothing(data: st.DataObject) -> None:
    kid, algorithm = data.draw(st.sampled_from([(EC, "ES384"), (RSA, "RS384")]))
    good = signed(header(alg=algorithm, kid=kid), claims(), algorithm, key(kid))
    place = data.draw(st.integers(0, len(good) - 1))
    other = data.draw(st.characters(max_codepoint=255).filter(lambda sign: sign != good[place]))
    door = guard()
    assert refusal_of(door, good[:place] + other + good[place + 1 :])
    assert knock(door, good).client == "example-ehr", "a forgery does not use up the id of the true one"


def refusal_of(door: Any, text: str) -> str:
    try:
        knock(door, text)
    except NotAuthenticated as refused:
        return refused.reason
    return ""


@pytest.mark.parametrize(("kid", "algorithm"), [(EC, "ES384"), (RSA, "RS384")])
def test_the_last_sign_of_the_signature_has_one_spelling(kid: str, algorithm: str) -> None:
    """Base64 leaves bits over at the end; whoever sets them would have the same bytes under another text."""
    good = signed(header(alg=algorithm, kid=kid), claims(), algorithm, key(kid))
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    reasons = [refusal(guard(), good[:-1] + sign) for sign in signs.replace(good[-1], "")]
    assert all(reasons)
    assert any("spelled" in reason for reason in reasons) is (algorithm == "RS384")
    assert refusal(guard(), good + "=") and refusal(guard(), good + "==")


def test_the_signature_is_checked_before_any_claim_but_the_issuer() -> None:
    """Else the log would believe what anybody wrote."""
    wrong = {"aud": BASE, "exp": AT - 900, "iat": AT - 1000, "jti": None}
    assert "signature" in refusal(guard(), signed(header(), claims(**wrong), with_key=key("ec-attacker")))


def test_a_piece_of_another_token_does_not_fit() -> None:
    one, other = token().split("."), token(sub="x").split(".")
    assert "signature" in refusal(guard(), ".".join([one[0], other[1], one[2]]))


@pytest.mark.parametrize(
    "signature", [b"", b"\0", b"\0" * 96, b"\xff" * 96, b"\0" * 95, b"\0" * 97, b"\x30\x06\x02\x01\x01\x02\x01\x01"]
)
def test_signatures_nobody_made(signature: bytes) -> None:
    assert refusal(guard(), f"{part(header())}.{part(claims())}.{part(signature)}")


# ------------------------------------------------------------------------------------------------ how often; who else


def test_a_client_may_call_only_so_often_and_the_others_go_on() -> None:
    time = [0.0]
    other = client(name="other", issuers=("https://other.example.org",))
    door = guard(client(calls_per_minute=3), other, ticks=lambda: time[0])
    for _ in range(3):
        assert knock(door, token()).client
    with pytest.raises(TooMany):
        knock(door, token())
    assert knock(door, token(iss="https://other.example.org")).client == "other"
    time[0] = 20.0
    assert knock(door, token()).client
    with pytest.raises(TooMany):
        knock(door, token())


def test_refused_tokens_do_not_count_against_the_client() -> None:
    door = guard(client(calls_per_minute=1))
    used = token()
    for _ in range(5):
        assert refusal(door, token(aud=BASE))
    assert knock(door, used).client
    assert "used before" in refusal(door, used)


def test_without_clients_everybody_is_nobody_in_particular() -> None:
    door = open_guard(None, SeenTokens(None), base_url=BASE, documents=no_documents)
    for stated in ({}, headers("garbage"), headers(token()), {"Authorization": "Basic x"}):
        assert door.authenticate(stated, PATH) == Caller()
