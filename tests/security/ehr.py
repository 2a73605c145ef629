"""An EHR for tests: signs tokens, honest and otherwise, with keys that were made for that, and knows a door to knock at."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from cds_service.errors import NotAuthenticated
from cds_service.ports import Caller
from cds_service.security.clients import Client, Clients, KeyPlace
from cds_service.security.guard import open_guard
from cds_service.security.keys import read_set
from cds_service.store.tokens import SeenTokens

FIXTURES = Path(__file__).parents[2] / "fixtures"
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
BASE = "https://cds.example.org"
PATH = "/cds-services/leg-symptoms"
ISSUER = "https://ehr.example.org"
JKU = "https://ehr.example.org/jwks.json"
_numbers = count(1)


@cache
def key(kid: str = "example-ehr-ec-1") -> Any:
    """A private key of the fixtures, or one made for this run under another kid: `ec256-…`, `rsa1024-…`, `ec…`, `rsa…`."""
    kept = json.loads((FIXTURES / "keys" / "example-ehr.private.json").read_text())["keys"]
    for raw in kept:
        if raw["kid"] == kid:
            return (ECAlgorithm if raw["kty"] == "EC" else RSAAlgorithm).from_jwk(
                {name: value for name, value in raw.items() if name != "use"}
            )
    if kid.startswith("rsa"):
        return rsa.generate_private_key(65537, 1024 if "1024" in kid else 2048)
    curve = ec.SECP256R1() if "256" in kid else ec.SECP521R1() if "521" in kid else ec.SECP384R1()
    return ec.generate_private_key(curve)


EC = "example-ehr-ec-1"
RSA = "example-ehr-rsa-1"


def jwk(kid: str, /, **changes: Any) -> dict[str, Any]:
    """The public half as a JWK; a change to None takes a member away."""
    private = key(kid)
    algorithm = RSAAlgorithm if isinstance(private, rsa.RSAPrivateKey) else ECAlgorithm
    raw = algorithm.to_jwk(private.public_key(), as_dict=True)
    raw.pop("key_ops", None)
    merged = raw | {"kid": kid, "use": "sig"} | changes
    return {name: value for name, value in merged.items() if value is not None}


def jwks(*kids: str) -> dict[str, Any]:
    return {"keys": [jwk(kid) for kid in kids]}


def header(**changes: Any) -> dict[str, Any]:
    return _without_none({"alg": "ES384", "typ": "JWT", "kid": EC} | changes)


def claims(**changes: Any) -> dict[str, Any]:
    """Good for PATH, five minutes long, with an id of its own."""
    usual = {"iss": ISSUER, "aud": BASE + PATH, "iat": AT, "exp": AT + 300, "jti": f"j{next(_numbers)}"}
    return _without_none(usual | changes)


def _without_none(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def part(content: object) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(head: object, body: object, by: str = "ES384", with_key: Any = None) -> str:
    """A token over whatever stands in head and body, signed by this algorithm, whatever the head says."""
    text = f"{part(head)}.{part(body)}"
    algorithm = jwt.get_algorithm_by_name(by)
    return f"{text}.{part(algorithm.sign(text.encode(), with_key if with_key is not None else key()))}"


def token(head: dict[str, Any] | None = None, **changes: Any) -> str:
    """An honest token, claims changed."""
    return signed(header(**(head or {})), claims(**changes))


def client(**changes: Any) -> Client:
    ring, faults = read_set(jwks(EC, RSA))
    assert not faults
    return Client(**({"name": "example-ehr", "issuers": (ISSUER,), "keys": KeyPlace(ring)} | changes))


def no_documents(entry: str) -> Any:
    raise AssertionError(f"nothing may be read here: {entry}")


def guard(*clients: Client, **options: Any) -> Any:
    """The door, its clock at NOW, with a memory of its own."""
    given = {"base_url": BASE, "documents": no_documents, "now": lambda: NOW} | options
    seen = given.pop("seen", None) or SeenTokens(None)
    return open_guard(Clients(clients or (client(),)), seen, **given)


def headers(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def knock(door: Any, text: str, path: str = PATH) -> Caller:
    found: Caller = door.authenticate(headers(text), path)
    return found


def refusal(door: Any, text: str, path: str = PATH) -> str:
    """The reason for the log; "" when the door opened."""
    try:
        knock(door, text, path)
    except NotAuthenticated as refused:
        assert str(refused) == "authentication is required"
        assert not any(len(piece) > 8 and piece in refused.reason for piece in text.split("."))
        return refused.reason
    return ""


if __name__ == "__main__":  # python -m tests.security.ehr URL: a token for one call to this address, for trying by hand
    import sys

    now = int(datetime.now(UTC).timestamp())
    print(token(aud=sys.argv[1], iat=now, exp=now + 300, jti=str(uuid4())))
