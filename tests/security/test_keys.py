"""Which keys of a set are used, for what, and which are refused; keys in a file change without a restart."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from cds_service.security.clients import KeyPlace
from cds_service.security.keys import read_set
from cds_service.security.keysets import FiledKeys, Unreadable, lenient_ring
from tests.security.ehr import EC, RSA, claims, client, guard, header, jwk, jwks, key, knock, refusal, signed, token


def places(*raw: Any) -> set[tuple[str, str]]:
    ring, faults = read_set({"keys": list(raw)})
    assert not faults, faults
    return set(ring)


def fault(*raw: Any) -> str:
    _, faults = read_set({"keys": list(raw)})
    return "; ".join(faults)


# ------------------------------------------------------------------------------------------------ one key


def test_a_key_serves_the_algorithms_of_its_type_and_curve() -> None:
    assert places(jwk(EC)) == {(EC, "ES384")}
    assert places(jwk("ec256-1")) == {("ec256-1", "ES256")}
    assert places(jwk(RSA)) == {(RSA, "RS384"), (RSA, "RS256")}
    assert places(jwk(RSA, alg="RS384")) == {(RSA, "RS384")}


def test_use_alg_and_key_ops_may_be_left_out_or_said() -> None:
    assert places(jwk(EC, use=None)) == places(jwk(EC, alg="ES384", key_ops=["verify"])) == {(EC, "ES384")}
    assert places(jwk(EC, key_ops=["sign", "verify"], x5t="x", note="whatever")) == {(EC, "ES384")}


@pytest.mark.parametrize(
    "other",
    [
        jwk(EC, use="enc"),
        jwk(EC, key_ops=["deriveKey"]),
        jwk(EC, key_ops="verify"),
        jwk(EC, alg="ECDH-ES"),
        jwk(EC, alg="ES256"),
        jwk(RSA, alg="PS384"),
        jwk(RSA, alg="RSA-OAEP"),
        jwk("ec521-1"),
        {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": "AAAA"},
        {"kty": "unheard-of", "kid": "x"},
    ],
)
def test_keys_for_other_things_are_passed_over(other: dict[str, Any]) -> None:
    mine = jwk("ec384-mine")
    assert places(other, mine) == {("ec384-mine", "ES384")}
    assert "no key here" in fault(other)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("text", "an object"),
        ({"kty": "oct", "kid": "x", "k": "c2VjcmV0"}, "symmetric"),
        (jwk(EC) | {"d": "AAAA"}, "private"),
        (jwk(RSA) | {"d": "AAAA"}, "private"),
        (jwk(RSA) | {"p": "AAAA"}, "private"),
        (jwk(EC, kid=None), "kid"),
        (jwk(EC, kid=""), "kid"),
        (jwk(EC, kid=7), "kid"),
        (jwk(EC, kid="x" * 257), "kid"),
        (jwk("rsa1024-1"), "1024 bits"),
        (jwk(EC, x=None), "needs"),
        (jwk(EC, y=5), "needs"),
        (jwk(EC, x="AAAA"), "no EC key"),
        (jwk(EC, x=jwk("ec384-mine")["x"]), "no EC key"),
        (jwk(RSA, n=""), "no RSA key"),
        (jwk(RSA, e="AQ"), "no RSA key"),
        (jwk(RSA, e="____________AQ"), "exponent"),
    ],
)
def test_a_key_that_must_not_be_trusted_is_told_without_its_material(raw: Any, why: str) -> None:
    said = fault(raw)
    assert why in said
    for member in ("x", "y", "n", "d", "k"):
        assert not isinstance(raw, dict) or len(str(raw.get(member, ""))) < 9 or str(raw[member]) not in said


def test_a_kid_that_stands_twice_is_worth_nothing() -> None:
    ring, faults = read_set({"keys": [jwk(EC), jwk("ec384-mine", kid=EC), jwk(RSA), jwk(EC)]})
    assert (EC, "ES384") not in ring and (RSA, "RS384") in ring
    assert "stand once" in faults[0]


def test_the_same_kid_may_stand_for_an_rsa_and_a_curve_key() -> None:
    assert places(jwk(EC, kid="k"), jwk(RSA, kid="k")) == {("k", "ES384"), ("k", "RS384"), ("k", "RS256")}


@pytest.mark.parametrize("document", [None, [], "x", {}, {"keys": {}}, {"keys": None}])
def test_what_is_no_set(document: object) -> None:
    ring, faults = read_set(document)
    assert not ring and "JWK set" in faults[0]


def test_of_a_published_set_the_good_keys_are_used_and_the_others_told(caplog: pytest.LogCaptureFixture) -> None:
    text = json.dumps({"keys": [jwk(EC), {"kty": "oct", "kid": "x", "k": "c2VjcmV0c2VjcmV0"}]}).encode()
    assert set(lenient_ring(text, "ward")) == {(EC, "ES384")}
    assert "not used" in caplog.text and "c2VjcmV0" not in str([vars(record) for record in caplog.records])
    for nothing in (b"", b"{", b"\xff", b"[" * 9000, b'{"keys": []}', text + b" " * 64_000):
        with pytest.raises(Unreadable):
            lenient_ring(nothing, "ward")


# ------------------------------------------------------------------------------------------------ keys in a file


def write(file: Path, *kids: str) -> None:
    """A new file in place of the old one, its time of change a second later each time."""
    later = file.stat().st_mtime_ns + 1_000_000_000 if file.exists() else 0
    file.write_text(json.dumps(jwks(*kids)))
    if later:
        os.utime(file, ns=(later, later))


def test_a_changed_file_is_read_again_and_keys_that_left_it_are_gone(tmp_path: Path) -> None:
    file = tmp_path / "ehr.jwks.json"
    write(file, EC)
    door = guard(client(keys=KeyPlace({}, file)))
    old, new = token, lambda: signed(header(kid="ec384-new"), claims(), with_key=key("ec384-new"))
    assert knock(door, old()).client and "kid" in refusal(door, new())
    write(file, EC, "ec384-new")
    assert knock(door, old()).client and knock(door, new()).client
    write(file, "ec384-new")
    assert "kid" in refusal(door, old()) and knock(door, new()).client


@pytest.mark.parametrize(
    "spoiled", [b"", b"{", b'{"keys": []}', b"secret", json.dumps({"keys": [jwk("rsa1024-1")]}).encode()]
)
def test_a_spoiled_or_missing_file_takes_no_key_away(
    spoiled: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "ehr.jwks.json"
    write(file, EC)
    door = guard(client(keys=KeyPlace({}, file)))
    file.write_bytes(spoiled)
    for _ in range(3):
        assert knock(door, token()).client
    kept = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(kept) == 1 and "stay" in kept[0].getMessage(), "told once for each change"
    file.unlink()
    assert knock(door, token()).client
    write(file, "ec384-new")
    assert "kid" in refusal(door, token())


def test_the_first_reading_must_succeed(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="cannot be read"):
        FiledKeys(tmp_path / "missing.json", "ward")
