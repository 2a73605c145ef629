"""What is counted for operators, in Prometheus' words: calls, times, verdicts, problems, feedback. Never a patient.

Several workers count in files of one folder, so that any of them can tell the sum. The library looks for that folder
in `PROMETHEUS_MULTIPROC_DIR` when it is first imported, so whoever serves sets it before (`commands.serving`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from cds_service.consult import Consultation
from cds_service.store.ledger import SqlLedger

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_UNSPOKEN = ("false", "closed")


class Meters:
    """Counters of one process, and the page that tells the sum of all. folder: where several workers count."""

    def __init__(self, folder: Path | None = None):
        self._folder = folder
        registry = self._registry = CollectorRegistry()
        self._seconds = Histogram(
            "cds_hook_seconds",
            "Seconds from the parsed address to the written answer",
            ["service"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._cards = Counter("cds_cards", "Cards shown", ["service", "indicator"], registry=registry)
        self._verdicts = Counter(
            "cds_verdicts",
            "Rules that were fired, asked, undecided or failed, shown or silent",
            ["rule", "state", "showing"],
            registry=registry,
        )
        self._problems = Counter("cds_problems", "What could not be used", ["service", "what"], registry=registry)
        self._refused = Counter("cds_refusals", "Requests answered with an error", ["status"], registry=registry)
        self._feedback = Counter("cds_feedback", "Feedback stored", ["service", "outcome"], registry=registry)

    def answered(self, service: str, seconds: float, consultation: Consultation) -> None:
        self._seconds.labels(service).observe(seconds)
        for card in consultation.reply.cards:
            self._cards.labels(service, card["indicator"]).inc()
        for verdict in consultation.verdicts:
            if verdict.state not in _UNSPOKEN:
                self._verdicts.labels(verdict.rule.code, verdict.state, verdict.rule.showing).inc()
        for problem in consultation.reply.problems:
            self._problems.labels(service, problem["what"]).inc()

    def feedback(self, service: str, entries: Sequence[Mapping[str, Any]]) -> None:
        for entry in entries:
            self._feedback.labels(service, entry["outcome"]).inc()

    def refused(self, status: int) -> None:
        self._refused.labels(str(status)).inc()

    def page(self, ledger: SqlLedger) -> bytes:
        """All counts as text, with the state of this worker's ledger."""
        registry = self._registry
        if self._folder is not None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, str(self._folder))  # type: ignore[no-untyped-call]
        told = CollectorRegistry()
        told.register(_LedgerCollector(ledger))
        return generate_latest(registry) + generate_latest(told)


class _LedgerCollector:
    def __init__(self, ledger: SqlLedger):
        self._ledger = ledger

    def collect(self) -> Any:
        condition = self._ledger.condition()
        yield GaugeMetricFamily("cds_ledger_up", "Is the database of the ledger reached?", value=int(condition.up))
        yield GaugeMetricFamily("cds_ledger_spool_bytes", "Waiting on disk for the database", value=condition.spooled)
        yield CounterMetricFamily("cds_ledger_lost", "Entries this worker had to drop", value=condition.lost)
