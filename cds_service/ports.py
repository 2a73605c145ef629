"""What the service needs of the outside, as protocols: the clock, the ledger, the client's FHIR server, the guard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from cds_service.model.hook import FhirAccess, HookCall, Reply
from cds_service.model.memory import Held, Note
from cds_service.model.reading import Query, Reading


class Clock(Protocol):
    """The clock of the rules, which may stand still (`--now`). Tokens, deadlines and logs keep the wall clock."""

    @property
    def fixed(self) -> bool: ...

    def rules(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as registered. `client` is "" when calls are open; `profile` names how its cards are written."""

    client: str = ""
    profile: str = "cds-hooks-2.0"
    tenant: str = ""


class Guard(Protocol):
    """Knows the registered clients. Called before the body is read."""

    def authenticate(self, headers: Mapping[str, str], path: str) -> Caller:
        """The caller whose token the headers carry. Raises NotAuthenticated.

        headers: names are found in any case. path: below the public base, in its plain form ("/cds-services/x", no
        slash at the end, none doubled); clients may have signed either form.
        """
        ...


class SeenTokens(Protocol):
    """Token ids used before, shared by all workers and kept over restarts."""

    def first(self, issuer: str, jti: str, until: datetime, now: datetime) -> bool:
        """True once for each id of an issuer until that moment. May raise Unavailable; then nobody is believed."""
        ...


class Documents(Protocol):
    """Small documents at addresses an operator has registered, such as a client's public keys."""

    def __call__(self, entry: str) -> Callable[[], bytes]:
        """Checks an address (after a blank its private network) at once; what comes back reads it when called.

        Raises SettingsError for an address that can never be read; reading raises Unavailable.
        """
        ...


class Source(Protocol):
    """The client's FHIR server. Never raises: what fails or is late comes back as a `failed` reading."""

    def fetch(self, wanted: Sequence[Query], call: HookCall, access: FhirAccess) -> list[Reading]: ...


class Memory(Protocol):
    """What this user has dismissed or accepted for this patient, and until when that counts."""

    def held(self, call: HookCall, now: datetime) -> Mapping[str, Held]:
        """By rule code, "ASK:<code>" for a line on the card of questions, "order:<system>|<code>" for an order.

        Empty when nothing is known or the ledger cannot be read; never raises, never waits long.
        """
        ...


class Ledger(Memory, Protocol):
    """What was said and what was answered. `shown` never fails and never blocks a reply."""

    def shown(self, call: HookCall, reply: Reply, now: datetime, notes: Mapping[str, Note] = ...) -> None:
        """`notes` by rule code: what the reply itself does not tell."""
        ...

    def feedback(
        self, service: str, entries: Sequence[Mapping[str, Any]], now: datetime, *, client: str = "", tenant: str = ""
    ) -> int:
        """How many were stored, durably. Raises Unavailable when they cannot be kept."""
        ...
