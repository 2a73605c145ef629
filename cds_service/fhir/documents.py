"""Reads one small document at an address an operator has registered: a client's public keys.

Under the same rules as charts: https, to a checked address, no redirects, bounded in time and size; plain http is for
this machine in a test. It is a `ports.Documents`. Must not be given an address that came with a call.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from urllib.parse import urlsplit

from cds_service.errors import SettingsError, Unavailable
from cds_service.fhir.allowed import Base, read_entry

SECONDS = 2.0
MAX_BYTES = 64_000
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "cds-service"}


def document(
    entry: str, *, production: bool = True, seconds: float = SECONDS, tls: ssl.SSLContext | None = None
) -> Callable[[], bytes]:
    """Checks the entry (form as in `fhir.allowed`) and gives what reads it. Raises SettingsError.

    production: no plain http, not even to this machine. tls: whom to trust, where not the system's authorities. The
    reader answers within `seconds` or raises Unavailable with words for the log.
    """
    base = read_entry(entry, production)
    target = urlsplit(entry.strip().partition(" ")[0]).path
    if not target.strip("/"):
        raise SettingsError(f"{entry!r} names no document: write the whole address, path included")

    def read() -> bytes:
        return _within(seconds, replace(base, path=""), target, tls)

    return read


def _within(seconds: float, base: Base, target: str, tls: ssl.SSLContext | None) -> bytes:
    """Also a name that takes long to look up, and an answer that drips, end in time."""
    from cds_service.fhir.connections import Budget

    budget = Budget(seconds)
    answer: Future[bytes] = Future()

    def run() -> None:
        try:
            answer.set_result(_read(base, target, tls, budget))
        except BaseException as wrong:
            answer.set_exception(wrong)

    threading.Thread(target=run, name="document", daemon=True).start()
    try:
        return answer.result(seconds)
    except TimeoutError:
        budget.end()
        raise Unavailable(f"{base.authority} did not answer in time") from None


def _read(base: Base, target: str, tls: ssl.SSLContext | None, budget: object) -> bytes:
    from cds_service.fhir.connections import Budget, Connections, NotFetched

    assert isinstance(budget, Budget)
    connections = Connections(tls)
    try:
        reply = connections.get(base, target, dict(_HEADERS), budget, MAX_BYTES)
    except NotFetched as wrong:
        raise Unavailable(f"{base.authority}: {wrong}") from None
    finally:
        connections.close()
    if reply.status != 200:
        raise Unavailable(f"{base.authority} answers {reply.status}, and redirects are not followed")
    return reply.body
