"""Public keys out of a JWK set: which of them may check a signature, and for which algorithm.

A key is tied to its algorithms here, by its type, its curve and what its set says of its use; a token never chooses. It
must not fetch anything, and must not take a secret: symmetric and private keys are faults.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWTError

PublicKey = EllipticCurvePublicKey | RSAPublicKey
Ring = Mapping[tuple[str, str], PublicKey]

ALGORITHMS = ("ES384", "RS384", "ES256", "RS256")
LONGEST_SET = 64_000  # bytes
LONGEST_KID = 256
_RSA_BITS = (2048, 8192)
_LARGEST_EXPONENT = 2**32
_BY_CURVE = {"P-384": "ES384", "P-256": "ES256"}
_PUBLIC = {"EC": ("kty", "crv", "x", "y"), "RSA": ("kty", "n", "e")}
_SECRET = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")


class KeyFault(ValueError):
    """A key that must not stand in a set. The text says which and what to do; it holds no key material."""


@dataclass(frozen=True, slots=True)
class Key:
    kid: str
    algorithms: tuple[str, ...]
    public: PublicKey


def read_set(document: object) -> tuple[Ring, list[str]]:
    """The usable keys by (kid, algorithm), and what is wrong with the others, in words without key material.

    document: a JWK set as plain JSON values. Keys of other uses or kinds (encryption, EdDSA) are passed over.
    """
    raw = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(raw, list):
        return {}, ['a JWK set is an object with a list: {"keys": […]}']
    ring: dict[tuple[str, str], PublicKey] = {}
    faults: list[str] = []
    doubtful: set[tuple[str, str]] = set()
    for position, item in enumerate(raw, 1):
        try:
            key = read_key(item)
        except KeyFault as fault:
            faults.append(f"key {position}: {fault}")
            continue
        if key is None:
            continue
        places = [(key.kid, algorithm) for algorithm in key.algorithms]
        if any(place in ring for place in places):
            faults.append(f"key {position}: another key has the same kid; a kid must stand once")
            doubtful.update(places)
        ring.update(dict.fromkeys(places, key.public))
    usable = {place: public for place, public in ring.items() if place not in doubtful}
    if not usable and not faults:
        faults.append(f"no key here checks signatures by {', '.join(ALGORITHMS)}")
    return usable, faults


def read_key(raw: object) -> Key | None:
    """One JWK; None for a key that is not ours to use. Raises KeyFault."""
    if not isinstance(raw, Mapping):
        raise KeyFault("a key is an object")
    kind = raw.get("kty")
    if kind == "oct":
        raise KeyFault("a symmetric key proves nothing here; the client must sign with a private key of its own")
    if any(member in raw for member in _SECRET):
        raise KeyFault("this is a private key: take it out, have it replaced, and register its public half")
    algorithms = _algorithms(raw)
    if not algorithms:
        return None
    kid = raw.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= LONGEST_KID:
        raise KeyFault(f"a key needs a kid, of at most {LONGEST_KID} signs")
    return Key(kid, algorithms, _public(raw, algorithms[0]))


def _algorithms(raw: Mapping[str, Any]) -> tuple[str, ...]:
    if raw.get("use", "sig") != "sig":
        return ()
    uses = raw.get("key_ops")
    if uses is not None and not (isinstance(uses, list) and "verify" in uses):
        return ()
    if raw.get("kty") == "RSA":
        fitting: tuple[str, ...] = ("RS384", "RS256")
    elif raw.get("kty") == "EC" and raw.get("crv") in _BY_CURVE:
        fitting = (_BY_CURVE[raw["crv"]],)
    else:
        return ()
    stated = raw.get("alg")
    return fitting if stated is None else tuple(name for name in fitting if name == stated)


def _public(raw: Mapping[str, Any], algorithm: str) -> PublicKey:
    members = {name: raw.get(name) for name in _PUBLIC[raw["kty"]]}
    if not all(isinstance(value, str) and len(value) < 2000 for value in members.values()):
        raise KeyFault(f"an {raw['kty']} key needs {', '.join(members)} as text (quote them)")
    try:
        public = PyJWK(members, algorithm).key
    except (PyJWTError, ValueError, TypeError):
        raise KeyFault(f"this is no {raw['kty']} key: its numbers do not fit together") from None
    if isinstance(public, RSAPublicKey):
        if not _RSA_BITS[0] <= public.key_size <= _RSA_BITS[1]:
            raise KeyFault(f"an RSA key of {public.key_size} bits is refused: from {_RSA_BITS[0]} to {_RSA_BITS[1]}")
        if public.public_numbers().e > _LARGEST_EXPONENT:
            raise KeyFault("the public exponent of this RSA key is too large; the usual one is AQAB")
        return public
    if not isinstance(public, EllipticCurvePublicKey):
        raise KeyFault("this is no public key")
    return public
