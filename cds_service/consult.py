"""The use case: one hook call, one reply. It reads like the list in the architecture; the work is done elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from cds_service.cards.compose import compose
from cds_service.cards.profiles import Profile
from cds_service.errors import EveryRuleFailed, NeedsData, UnknownService
from cds_service.fhir import prefetch
from cds_service.knowledge.catalogue import Catalogue
from cds_service.model.hook import HookCall, Problem, Reply
from cds_service.model.memory import Note
from cds_service.model.reading import Reading
from cds_service.model.rule import Service
from cds_service.model.verdict import Verdict
from cds_service.ports import Clock, Ledger, Source
from cds_service.reasoning.decide import decide
from cds_service.reasoning.evaluate import Evaluation
from cds_service.reasoning.notes import note_of
from cds_service.record.calculations import calculate
from cds_service.record.lookups import look
from cds_service.record.record import Record

log = logging.getLogger("cds_service.consult")


@dataclass(frozen=True)
class House:
    """Everything a consultation needs of the outside, put together once by `bootstrap`."""

    catalogue: Catalogue
    clock: Clock
    zone: tzinfo
    base_url: str
    source: Source | None = None
    ledger: Ledger | None = None
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    cap: int = 5

    def evaluate(self, readings: Sequence[Reading], call: HookCall) -> tuple[Record, Evaluation]:
        """The record and an evaluation over it."""
        now = self.clock.rules()
        record = Record(readings, call, now, self.zone, self.catalogue.vocabulary, self.catalogue.site.not_kept)
        evaluation = Evaluation(
            lambda fact, frame: look(record, fact, frame),
            lambda name, arguments: calculate(name, arguments, now),
            now,
            self.zone,
        )
        return record, evaluation


@dataclass(frozen=True)
class Consultation:
    """A reply, and what led to it: for metrics, explanations and tests."""

    reply: Reply
    verdicts: tuple[Verdict, ...]
    record: Record
    evaluation: Evaluation
    spent: Mapping[str, float]  # seconds by step


def answer(call: HookCall, house: House) -> Reply:
    """The reply to one hook call. Raises a CdsError when there can be none."""
    return consult(call, house).reply


def consult(call: HookCall, house: House) -> Consultation:
    service = house.catalogue.services.get(call.service)
    if service is None:
        raise UnknownService(f"no service `{call.service}`")
    spent: dict[str, float] = {}
    started = time.perf_counter()
    readings, problems = read_all(call, service, house)
    started = _lap(spent, "read", started)
    record, evaluation = house.evaluate(readings, call)
    started = _lap(spent, "index", started)
    verdicts = decide_all(service, evaluation)
    started = _lap(spent, "decide", started)
    reply = _compose(call, service, house, verdicts, evaluation)
    _lap(spent, "compose", started)
    found = [*problems, *record.problems, *_rule_problems(verdicts)]
    reply = Reply(reply.cards, reply.verdicts, [_told(problem) for problem in _folded(found)])
    if house.ledger is not None:
        house.ledger.shown(call, reply, house.clock.rules(), notes_of(verdicts, evaluation))
    return Consultation(reply, tuple(verdicts), record, evaluation, spent)


def _lap(spent: dict[str, float], name: str, started: float) -> float:
    now = time.perf_counter()
    spent[name] = now - started
    return now


def read_all(call: HookCall, service: Service, house: House) -> tuple[list[Reading], list[Problem]]:
    """What was given, and what could be fetched of the rest. Raises NeedsData when required data cannot be had."""
    queries = house.catalogue.queries[service.id]
    readings, problems = prefetch.read(call.prefetch, queries, call.patient_id)
    missing = [reading.query for reading in readings if reading.state == "not asked"]
    if missing and call.fhir is not None and house.source is not None:
        fetched = {reading.query.key: reading for reading in house.source.fetch(missing, call, call.fhir)}
        readings = [fetched.get(reading.query.key, reading) for reading in readings]
        problems = [problem for problem in problems if problem.where not in fetched]
        problems += [
            Problem("fetch", reading.query.key, reading.why or reading.state)
            for reading in fetched.values()
            if reading.state in ("failed", "partial")
        ]
    if needed := prefetch.missing_required(readings):
        why = {reading.query.key: reading.why for reading in readings}
        names = ", ".join(f"{key} ({why[key]})" for key in needed)
        raise NeedsData(f"needed and neither prefetched nor to be fetched: {names}")
    return readings, problems


def decide_all(service: Service, evaluation: Evaluation) -> list[Verdict]:
    """Every rule's verdict; one that raises is logged and told, the others go on. Raises EveryRuleFailed."""
    verdicts = []
    for rule in service.rules:
        try:
            verdicts.append(decide(rule, evaluation))
        except Exception as error:  # a defect in one rule must not silence the others
            log.exception("rule failed", extra={"rule": rule.code, "error": type(error).__name__})
            verdicts.append(Verdict(rule, "error", why=type(error).__name__))
    if verdicts and all(verdict.state == "error" for verdict in verdicts):
        raise EveryRuleFailed("no rule could be evaluated")
    return verdicts


def _compose(call: HookCall, service: Service, house: House, verdicts: list[Verdict], evaluation: Evaluation) -> Reply:
    catalogue = house.catalogue
    now = house.clock.rules()
    held = house.ledger.held(call, now) if house.ledger is not None else {}
    cards, entries = compose(
        verdicts,
        evaluation,
        service=service,
        orders=catalogue.orders,
        reasons=catalogue.override_reasons,
        questions=catalogue.form,
        base_url=house.base_url,
        call=call,
        now=now,
        held=held,
        profile=house.profiles[call.profile],
        site_orders=catalogue.site.orders,
        cap=house.cap,
    )
    return Reply(cards, entries)


def notes_of(verdicts: Sequence[Verdict], evaluation: Evaluation) -> dict[str, Note]:
    """For the ledger: what each rule that spoke rests on, by code. A note that fails is left out, never the reply."""
    notes = {}
    for verdict in verdicts:
        if verdict.state in ("fired", "asked"):
            try:
                notes[verdict.rule.code] = note_of(verdict, evaluation)
            except Exception as error:
                log.exception("note failed", extra={"rule": verdict.rule.code, "error": type(error).__name__})
    return notes


def _rule_problems(verdicts: Sequence[Verdict]) -> list[Problem]:
    return [
        Problem("rule", verdict.rule.code, f"could not be evaluated ({verdict.why})")
        for verdict in verdicts
        if verdict.state == "error"
    ]


def _folded(problems: Sequence[Problem]) -> list[Problem]:
    """Each problem once, with how often it was met."""
    counts: dict[Problem, int] = {}
    for problem in problems:
        counts[problem] = counts.get(problem, 0) + 1
    return [
        problem if count == 1 else Problem(problem.what, problem.where, f"{problem.why} ({count} times)")
        for problem, count in counts.items()
    ]


def _told(problem: Problem) -> dict[str, str]:
    return {"what": problem.what, "where": problem.where, "why": problem.why}
