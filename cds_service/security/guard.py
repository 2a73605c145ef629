"""The guard at the door: a call is its client's when its token passes every check, and otherwise nobody's.

`open_guard` is what bootstrap needs. Whoever is refused learns nothing; the reason goes to the log, with the client it
claimed to be and without the token. Must not read the body, and remembers of a token only that its id was used.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from cds_service.errors import NotAuthenticated, SettingsError, TooMany, Unavailable
from cds_service.ports import Caller, Documents, Guard, SeenTokens
from cds_service.security import jwt
from cds_service.security.clients import Client, Clients
from cds_service.security.keysets import FiledKeys, KeySet, PublishedKeys, WrittenKeys
from cds_service.security.rates import Allowance


def _now() -> datetime:
    return datetime.now(UTC)


def open_guard(
    clients: Clients | None,
    seen: SeenTokens,
    *,
    base_url: str,
    documents: Documents,
    now: Callable[[], datetime] = _now,
    ticks: Callable[[], float] = time.monotonic,
) -> Guard:
    """The guard of these clients; without clients one that lets everybody pass as nobody in particular.

    seen: token ids used before, shared by all workers. base_url: our address as clients see it, without a slash at its
    end; a client's own `base` wins. documents: checks a registered address of keys and reads it. now: the real clock.
    ticks: seconds that only grow. Raises SettingsError for an address of keys that can never be read.
    """
    if clients is None:
        return OpenGuard()
    return ClientGuard(clients, seen, base_url=base_url, documents=documents, now=now, ticks=ticks)


class OpenGuard:
    """No client is registered: tokens are neither asked for nor looked at."""

    def authenticate(self, headers: Mapping[str, str], path: str) -> Caller:
        return Caller()


class ClientGuard:
    """Registered clients alone. Safe for many threads; keys and allowances are kept per process."""

    def __init__(
        self,
        clients: Clients,
        seen: SeenTokens,
        *,
        base_url: str,
        documents: Documents,
        now: Callable[[], datetime],
        ticks: Callable[[], float],
    ):
        self._clients = clients
        self._seen = seen
        self._base_url = base_url
        self._now = now
        self._keys = {client.name: _key_set(client, documents, ticks) for client in clients.all}
        self._allowances = {client.name: Allowance(client.calls_per_minute, ticks) for client in clients.all}

    def authenticate(self, headers: Mapping[str, str], path: str) -> Caller:
        """Raises NotAuthenticated, and TooMany for a client that calls more often than it may."""
        token = jwt.read_token(jwt.bearer_of(headers))
        issuer, tenant = jwt.issuer_of(token), jwt.tenant_of(token)
        client = self._clients.of(issuer, tenant)
        if client is None:
            what = "tenant is not one of its issuer's" if self._clients.knows(issuer) else "issuer is not registered"
            raise NotAuthenticated(f"the token's {what}")
        try:
            self._check(token, client, issuer, path)
        except NotAuthenticated as refused:
            raise NotAuthenticated(f"as {client.name}: {refused.reason}") from None
        if not self._allowances[client.name].take():
            raise TooMany(f"more than {client.calls_per_minute} calls in a minute")
        return Caller(client.name, client.profile, tenant or "")

    def _check(self, token: jwt.Token, client: Client, issuer: str, path: str) -> None:
        now = self._now()
        jwt.check_algorithm(token, client.algorithms)
        jwt.check_type(token, client.typ_required)
        jwt.check_key_address(token, client.keys.jku)
        key = self._keys[client.name].find(token.kid, token.algorithm)
        if key is None:
            raise NotAuthenticated("no key of this client has this kid for this algorithm")
        jwt.check_signature(token, key)
        jwt.check_audience(token, client.addresses(path, self._base_url))
        ends = jwt.check_times(token, now, client.leeway, client.longest_life)
        jwt.check_subject(token, client.subject)
        self._use_up(issuer, jwt.jti_of(token), ends, now)

    def _use_up(self, issuer: str, jti: str, ends: datetime, now: datetime) -> None:
        try:
            first = self._seen.first(issuer, jti, ends, now)
        except Unavailable:
            raise NotAuthenticated("whether the token was used before cannot be told") from None
        if not first:
            raise NotAuthenticated("the token was used before")


def _key_set(client: Client, documents: Documents, ticks: Callable[[], float]) -> KeySet:
    place = client.keys
    if place.ring:
        return WrittenKeys(place.ring)
    if place.file is not None:
        return FiledKeys(place.file, client.name)
    try:
        read = documents(place.entry)
    except SettingsError as wrong:
        raise SettingsError(f"the keys of the client {client.name}: {wrong}") from None
    return PublishedKeys(read, client.name, ticks)
