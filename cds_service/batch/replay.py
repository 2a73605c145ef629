"""What the rules would have said of a population: every chart through the same consultation, counted, nothing shown.

Reads NDJSON: hook requests, or Bundles of one patient. Holds one chart at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from cds_service.consult import Consultation, House, consult
from cds_service.errors import CdsError, SettingsError
from cds_service.knowledge.catalogue import Catalogue
from cds_service.model.hook import HookCall
from cds_service.model.reading import Query
from cds_service.model.rule import Service

INSTANCE = "00000000-0000-4000-8000-000000000000"  # the hookInstance of calls nobody sent


@dataclass(frozen=True)
class Replayed:
    """One chart's consultation, or the error it ended in."""

    chart: str
    consultation: Consultation | None
    error: str = ""


def charts(lines: Iterable[bytes]) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    """(name, hook request or Bundle) of every line; None where it is neither. One without a name is "line 3"."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            body = orjson.loads(line)
        except orjson.JSONDecodeError:
            body = None
        if not isinstance(body, dict):
            yield f"line {number}", None
            continue
        request = body.get("request", body)
        name = str(body.get("uid") or body.get("id") or f"line {number}")
        yield name, request if isinstance(request, dict) else None


def resources_of(body: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Every resource of a Bundle or of a request's prefetch, with its fullUrl."""
    bundles: list[Any] = [body] if body.get("resourceType") == "Bundle" else list((body.get("prefetch") or {}).values())
    found: list[tuple[str, Mapping[str, Any]]] = []
    for bundle in bundles:
        if not isinstance(bundle, dict):
            continue
        if bundle.get("resourceType") != "Bundle":
            found.append(("", bundle))
            continue
        for entry in bundle.get("entry") or ():
            if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
                found.append((str(entry.get("fullUrl") or ""), entry["resource"]))
    return found


def service_of(catalogue: Catalogue, hook: str) -> Service:
    """The service that answers a hook. Raises SettingsError."""
    found = next((item for item in catalogue.services.values() if item.hook == hook), None)
    if found is None:
        raise SettingsError(f"no service answers `{hook}`")
    return found


def call_for(body: Mapping[str, Any], queries: Iterable[Query], service: str, hook: str) -> HookCall:
    """The chart as this service's own prefetch: an empty searchset for every key it holds nothing of."""
    resources = resources_of(body)
    patient = next((item for _, item in resources if item.get("resourceType") == "Patient"), {})
    patient_id = str((body.get("context") or {}).get("patientId") or patient.get("id") or "")
    prefetch: dict[str, Any] = {}
    for query in queries:
        if query.required:
            prefetch[query.key] = patient or None
            continue
        matching = [
            (url, item) for url, item in resources if item.get("resourceType") in (query.type, *_brought(query))
        ]
        entry = [{"resource": item} | ({"fullUrl": url} if url else {}) for url, item in matching]
        prefetch[query.key] = {"resourceType": "Bundle", "type": "searchset", "entry": entry}
    context = body.get("context") or {}
    drafts = (context.get("draftOrders") or {}).get("entry") or ()
    return HookCall(
        service,
        hook,
        INSTANCE,
        "Practitioner/replay",
        patient_id,
        "replay",
        prefetch,
        tuple(
            entry["resource"] for entry in drafts if isinstance(entry, dict) and isinstance(entry.get("resource"), dict)
        ),
    )


def _brought(query: Query) -> tuple[str, ...]:
    return ("Medication",) if query.type == "MedicationRequest" else ()


def replay(house: House, lines: Iterable[bytes], hook: str = "patient-view") -> Iterator[Replayed]:
    """Each chart in turn. An error of one chart is its own; the others go on. Raises SettingsError for the hook."""
    service = service_of(house.catalogue, hook)
    queries = house.catalogue.queries[service.id]
    for name, body in charts(lines):
        if body is None:
            yield Replayed(name, None, "no JSON object: a hook request or a Bundle is wanted")
            continue
        try:
            yield Replayed(name, consult(call_for(body, queries, service.id, hook), house))
        except CdsError as error:
            yield Replayed(name, None, type(error).__name__)


@dataclass
class Report:
    """Counts over a population; no chart's content."""

    charts: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    states: Counter[tuple[str, str]] = field(default_factory=Counter)  # (rule code, state)
    shown: Counter[str] = field(default_factory=Counter)  # rule code -> fired, as cards or lines
    cards: list[int] = field(default_factory=list)

    def add(self, item: Replayed) -> None:
        self.charts += 1
        if item.consultation is None:
            self.errors[item.error] += 1
            return
        for verdict in item.consultation.verdicts:
            self.states[verdict.rule.code, verdict.state] += 1
        for entry in item.consultation.reply.verdicts:
            if entry["outcome"] == "fired":
                self.shown[entry["code"]] += 1
        self.cards.append(len(item.consultation.reply.cards))

    def quantile(self, share: float) -> int:
        """Cards per chart below which this share of charts lies."""
        ordered = sorted(self.cards)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0

    def table(self) -> list[tuple[str, dict[str, int]]]:
        """Per rule: how many charts in each state, and how many showed it."""
        codes = dict.fromkeys(code for code, _ in self.states)
        rows = []
        for code in codes:
            row = {state: count for (each, state), count in self.states.items() if each == code}
            rows.append((code, row | {"shown": self.shown[code]}))
        return rows
