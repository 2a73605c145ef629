"""A client's token, taken apart without belief and then checked piece by piece.

The signature is checked by PyJWT with one key and one algorithm that were chosen here, not by the token. Every check
raises NotAuthenticated with a reason for the log: words only, nothing of the token. Must not know where keys come from.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from jwt import PyJWS, PyJWTError

from cds_service.errors import NotAuthenticated
from cds_service.security.keys import ALGORITHMS, LONGEST_KID, PublicKey

LONGEST = 8_000  # bytes of a token
LONGEST_JTI = 256
LONGEST_TENANT = 256
_PARTS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
_SLASHES = re.compile(r"//+")
_LAST_MOMENT = datetime(9000, 1, 1, tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says of itself; nothing of it is true before its signature is checked."""

    text: str = field(repr=False)
    header: Mapping[str, Any] = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)

    @property
    def algorithm(self) -> str:
        return str(self.header["alg"])

    @property
    def kid(self) -> str:
        return str(self.header["kid"])


def bearer_of(headers: Mapping[str, str]) -> str:
    """The token of the Authorization header, whatever the case of the header's name and of its scheme."""
    stated = [value for name, value in headers.items() if name.lower() == "authorization"]
    if not stated:
        raise NotAuthenticated("there is no Authorization header")
    if len(stated) > 1:
        raise NotAuthenticated("there are several Authorization headers")
    scheme, _, token = stated[0].partition(" ")
    if scheme.lower() != "bearer":
        raise NotAuthenticated("the Authorization header holds no bearer token")
    return token.lstrip(" ")


def read_token(text: str) -> Token:
    """Takes a token apart: three parts, each in the one spelling base64url has for it, header and claims as objects."""
    if len(text) > LONGEST:
        raise NotAuthenticated(f"the token is longer than {LONGEST} bytes")
    if not _PARTS.match(text):
        raise NotAuthenticated("the token does not have three parts")
    header, claims, signature = text.split(".")
    _decoded(signature, "signature")
    token = Token(text, _object(header, "header"), _object(claims, "claims"))
    check_algorithm(token, ALGORITHMS)
    if not isinstance(kid := token.header.get("kid"), str) or not 0 < len(kid) <= LONGEST_KID:
        raise NotAuthenticated("the header names no key (kid)")
    if "crit" in token.header or "b64" in token.header:
        raise NotAuthenticated("the header asks for an extension this service does not know")
    return token


def check_algorithm(token: Token, allowed: Iterable[str]) -> None:
    """Exact spelling: `none`, symmetric algorithms and anything not in the list are refused alike."""
    if token.header.get("alg") not in tuple(allowed):
        raise NotAuthenticated("the signature's algorithm is not one this client may use")


def check_type(token: Token, required: bool) -> None:
    """`typ` is JWT in any case; not required: it may also be left out."""
    kind = token.header.get("typ")
    if kind is None and not required:
        return
    if not isinstance(kind, str) or kind.lower() != "jwt":
        raise NotAuthenticated("the header's typ is not JWT")


def check_key_address(token: Token, registered: str) -> None:
    """A `jku` must be the registered one. Where none is registered it means nothing: it is never read."""
    if registered and token.header.get("jku", registered) != registered:
        raise NotAuthenticated("the header's jku is not the one registered")


def check_signature(token: Token, key: PublicKey) -> None:
    try:
        PyJWS().decode_complete(token.text, key, algorithms=[token.algorithm])
    except (PyJWTError, ValueError, TypeError):
        raise NotAuthenticated("the signature is wrong") from None


def check_audience(token: Token, expected: Iterable[str]) -> None:
    """`aud`, or one of them, is an address by which this endpoint is known, with or without a slash at its end."""
    stated = token.claims.get("aud")
    stated = [stated] if isinstance(stated, str) else stated
    if not isinstance(stated, list) or not all(isinstance(item, str) for item in stated):
        raise NotAuthenticated("aud is neither text nor a list of texts")
    addresses = tuple(expected)
    known = {plain_address(address) for address in addresses}
    if not any(plain_address(item) in known for item in stated):
        raise NotAuthenticated(f"aud is not this endpoint, which is {' or '.join(addresses)}")


def plain_address(url: str) -> str:
    """The address without doubled slashes in its path and without one at its end; nothing else is made equal."""
    scheme, mark, rest = url.partition("://")
    return scheme + mark + _SLASHES.sub("/", rest).rstrip("/")


def check_times(token: Token, now: datetime, leeway: timedelta, longest: timedelta) -> datetime:
    """exp and iat are there, in order, not too far apart, and now lies between; nbf is honoured where it is given.

    Gives the moment from which the token is dead, leeway included.
    """
    expires, issued = _moment(token, "exp"), _moment(token, "iat")
    if now >= expires + leeway:
        raise NotAuthenticated("the token has expired")
    if issued > now + leeway:
        raise NotAuthenticated("the token was issued in the future")
    if "nbf" in token.claims and _moment(token, "nbf") > now + leeway:
        raise NotAuthenticated("the token is not valid yet (nbf)")
    if not timedelta(0) <= expires - issued <= longest:
        raise NotAuthenticated(f"the token lives longer than {int(longest.total_seconds())} s, or ends before it began")
    return expires + leeway


def check_subject(token: Token, subject: str) -> None:
    if subject and token.claims.get("sub") != subject:
        raise NotAuthenticated("sub is not the registered client id")


def issuer_of(token: Token) -> str:
    issuer = token.claims.get("iss")
    if not isinstance(issuer, str):
        raise NotAuthenticated("the token names no issuer (iss)")
    return issuer


def tenant_of(token: Token) -> str | None:
    """None when the token names none."""
    tenant = token.claims.get("tenant")
    if tenant is None:
        return None
    if not isinstance(tenant, str) or not 0 < len(tenant) <= LONGEST_TENANT or not tenant.isprintable():
        raise NotAuthenticated("the tenant is not a short text")
    return tenant


def jti_of(token: Token) -> str:
    jti = token.claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_JTI:
        raise NotAuthenticated("the token has no id (jti), or a very long one")
    return jti


def _decoded(part: str, what: str) -> bytes:
    try:
        found = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        raise NotAuthenticated(f"the token's {what} is not base64url") from None
    if urlsafe_b64encode(found).rstrip(b"=").decode() != part:
        raise NotAuthenticated(f"the token's {what} is not spelled as base64url spells it")
    return found


def _object(part: str, what: str) -> Mapping[str, Any]:
    try:
        found = json.loads(_decoded(part, what), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise NotAuthenticated(f"the token's {what} is not plain JSON") from None
    if not isinstance(found, dict):
        raise NotAuthenticated(f"the token's {what} is not a JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _moment(token: Token, name: str) -> datetime:
    value = token.claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotAuthenticated(f"{name} is missing or no number")
    if not 0 <= value < _LAST_MOMENT:
        raise NotAuthenticated(f"{name} is no moment")
    return datetime.fromtimestamp(value, UTC)
