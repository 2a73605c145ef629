"""Reads from the client's own FHIR server what a call did not bring along. It is a `ports.Source`.

Nothing is fetched from a server nobody listed; the token goes to that base alone and is never kept or logged. All
queries run side by side under one deadline; what fails, is late or looks wrong is a reading that says so in a few
words. Must not raise, retry beyond the deadline, follow redirects, write, or keep anything of a patient.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit

from cds_service.fhir.allowed import Base, plain_path, read_base, read_entries
from cds_service.fhir.answers import Answer, take
from cds_service.model.hook import FhirAccess, HookCall
from cds_service.model.reading import Query, Reading

if TYPE_CHECKING:
    from cds_service.fhir.connections import Budget, Connections

LOG = logging.getLogger("cds_service.fhir")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+\Z")
_PLACE = re.compile(r"\{\{\s*context\.(patientId|userId|encounterId)\s*\}\}")
_GRACE = 0.05  # seconds kept back, so that a cut-off query can still hand in what it has
_WORKERS = 16
LATE = "the EHR's server did not answer in time"
_STATUS = {
    401: "the EHR's server does not accept the token",
    403: "the EHR's server does not allow it",
    404: "the EHR's server does not know it",
    410: "the EHR's server no longer has it",
    429: "the EHR's server is too busy",
}


class FhirServers:
    """The servers that may be read, and how much patience there is.

    servers: entries as in `fhir.allowed`; of_client: a registered client's own entries, which then stand alone.
    seconds: one deadline over all queries of a call. max_bytes: per query, all pages together.
    production: plain http is refused even to this machine.
    """

    def __init__(
        self,
        servers: Iterable[str] = (),
        *,
        of_client: Mapping[str, Iterable[str]] | None = None,
        seconds: float = 2.0,
        max_bytes: int = 16_000_000,
        max_pages: int = 10,
        production: bool = True,
        connections: Connections | None = None,
    ):
        self._everybodys = read_entries(servers, production)
        self._of_client = {client: read_entries(own, production) for client, own in (of_client or {}).items()}
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._max_pages = max_pages
        self._connections = connections
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def allowed(self, access: FhirAccess, client: str = "") -> Base | None:
        """The listed base the call's server equals; None when it equals none."""
        base = read_base(access.server)
        return self._of_client.get(client, self._everybodys).get(base.key) if base else None

    def fetch(self, wanted: Sequence[Query], call: HookCall, access: FhirAccess) -> list[Reading]:
        """One reading per query, in their order. Never raises."""
        if not wanted:
            return []
        base = self.allowed(access, call.client)
        if base is None:
            return [
                Reading(query, "not asked", why="the EHR's server is not one this service may read") for query in wanted
            ]
        if refusal := _refusal(access, call):
            return [Reading(query, "failed", why=refusal) for query in wanted]
        return self._fetch_all(wanted, call, access, base)

    def _fetch_all(self, wanted: Sequence[Query], call: HookCall, access: FhirAccess, base: Base) -> list[Reading]:
        from cds_service.fhir.connections import Budget

        started = time.monotonic()
        budget = Budget(max(self._seconds - _GRACE, 0.01))
        pool, connections = self._machinery()
        headers = {"Accept": "application/fhir+json", "Accept-Encoding": "identity", "User-Agent": "cds-service"}
        if access.token:
            headers["Authorization"] = f"Bearer {access.token}"
        futures: list[Future[Reading]] = [
            pool.submit(self._one, query, call, base, headers, budget, connections) for query in wanted
        ]
        wait(futures, timeout=self._seconds)
        budget.end()
        readings = [_outcome(future, query) for future, query in zip(futures, wanted, strict=True)]
        failed = sum(reading.state == "failed" for reading in readings)
        LOG.info("fetched %d queries, %d failed, %.0f ms", len(readings), failed, (time.monotonic() - started) * 1000)
        return readings

    def _machinery(self) -> tuple[ThreadPoolExecutor, Connections]:
        """The threads and connections of this process, made when first needed (after a server has forked)."""
        with self._lock:
            if self._connections is None:
                from cds_service.fhir.connections import Connections

                self._connections = Connections()
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="fhir")
            return self._pool, self._connections

    def _one(
        self,
        query: Query,
        call: HookCall,
        base: Base,
        headers: dict[str, str],
        budget: Budget,
        connections: Connections,
    ) -> Reading:
        from cds_service.fhir.connections import NotFetched

        answer = Answer(query)
        target: str | None = None
        try:
            target = target_of(query, call, base)
            if target is None:
                return Reading(query, "not asked", why="the query needs something this call does not say")
            self._pages(answer, target, base, headers, budget, connections)
        except NotFetched as wrong:
            answer.cut = str(wrong)
        return _checked(answer, call)

    def _pages(
        self, answer: Answer, target: str, base: Base, headers: dict[str, str], budget: Budget, connections: Connections
    ) -> None:
        """Reads page after page; whatever stops it early stands in `answer.cut`."""
        left = self._max_bytes
        seen: set[str] = set()
        for _ in range(self._max_pages):
            seen.add(target)
            reply = connections.get(base, target, headers, budget, left)
            left -= len(reply.body)
            _take_reply(answer, reply.status, reply.body)
            if not answer.next_url:
                return
            following = same_server(answer.next_url, base, target)
            if following is None:
                answer.cut = "the next page is on another server"
                return
            if following in seen:
                answer.cut = "the pages go round in a circle"
                return
            target = following


def _take_reply(answer: Answer, status: int, body: bytes) -> None:
    from cds_service.fhir.connections import NotFetched

    if 300 <= status < 400:
        raise NotFetched("the EHR's server sends us elsewhere, which is not followed")
    if status != 200:
        raise NotFetched(_STATUS.get(status, "the EHR's server reports an error"))
    import orjson

    try:
        value = orjson.loads(body)
    except ValueError as wrong:
        raise NotFetched("the answer is not JSON") from wrong
    take(answer, value)
    if answer.refused:
        answer.cut, answer.refused = answer.refused, ""


def _checked(answer: Answer, call: HookCall) -> Reading:
    """The reading, unless it is another patient's: then nothing of it is used."""
    if answer.query.type == "Patient":
        ids = [item.get("id") for item in answer.resources if item.get("resourceType") == "Patient"]
        if any(identifier != call.patient_id for identifier in ids):
            return Reading(answer.query, "failed", why="the EHR's server answered with another patient")
    return answer.reading()


def _outcome(future: Future[Reading], query: Query) -> Reading:
    if not future.done():
        future.cancel()
        return Reading(query, "failed", why=LATE)
    wrong = future.exception()
    if wrong is not None:
        LOG.error("fetching %s failed: %s", query.key, type(wrong).__name__)
        return Reading(query, "failed", why="it could not be fetched")
    return future.result()


def _refusal(access: FhirAccess, call: HookCall) -> str:
    """Why this token is not used; "" when it is, or when none was given."""
    if not access.token:
        return ""
    if not _TOKEN.match(access.token) or len(access.token) > 16_000:
        return "the EHR's token is malformed"
    if access.expires_in is not None and access.expires_in <= 0:
        return "the EHR's token has expired"
    if access.patient and access.patient != call.patient_id:
        return "the EHR's token is for another patient"
    return ""


def target_of(query: Query, call: HookCall, base: Base) -> str | None:
    """Path and query of a template, encoded; None when a token has nothing to stand for."""
    values = {"patientId": call.patient_id, "userId": call.user_id, "encounterId": call.encounter_id}
    names = _PLACE.findall(query.template)
    bare = _PLACE.sub("", query.template)
    if "{{" in bare or any(not values[name] for name in names):
        return None
    path, _, search = query.template.partition("?")
    filled = f"{base.path}/{_PLACE.sub(lambda found: _segment(values[found[1]], found[1]), path)}"
    if not plain_path(filled):
        return None
    if not search:
        return filled
    pairs = (part.partition("=") for part in search.split("&"))
    return f"{filled}?" + "&".join(
        f"{quote(name, safe=':')}={quote(_PLACE.sub(lambda found: values[found[1]], value), safe=':,/-._~')}"
        for name, _, value in pairs
    )


def _segment(value: str, name: str) -> str:
    return quote(value, safe="/" if name == "userId" else "")


def same_server(url: str, base: Base, current: str) -> str | None:
    """Path and query of a next link when it stays under the base; None when it leads anywhere else."""
    try:
        here = f"{base.scheme}://{base.authority}{current}"
        parts = urlsplit(urljoin(here, url))
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    same = (parts.scheme.lower(), (parts.hostname or "").lower().rstrip("."), port) == (
        base.scheme,
        base.host,
        base.port,
    )
    if (
        not same
        or "@" in parts.netloc
        or not plain_path(parts.path)
        or not parts.query.isprintable()
        or " " in parts.query
    ):
        return None
    if parts.path.rstrip("/") != base.path and not parts.path.startswith(f"{base.path}/"):
        return None
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
