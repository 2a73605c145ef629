"""Tests looked for: missing (no result, none unreadable, none pending) and pending (ordered, not resulted)."""

from __future__ import annotations

from datetime import timedelta

from cds_service.model.answer import ABSENT, Answer, Evidence, Reason
from cds_service.model.criteria import Fact
from cds_service.model.frame import Frame
from cds_service.model.truth import Truth, all_of, any_of
from cds_service.model.vocabulary import Analyte
from cds_service.record.entries import Entry, codes_of, label_of, table, texts_of
from cds_service.record.lookups.results import AWAITED, FINAL, Result, observations, observed, results_in, status_of
from cds_service.record.record import Record

ORDER_INTENTS = {"order", "original-order", "reflex-order", "filler-order", "instance-order"}
OPEN = {"active", "on-hold"}
MISSING = Answer(True)
_DEFAULT_PENDING = timedelta(days=14)


def missing(record: Record, fact: Fact, frame: Frame) -> Answer:
    """True when every analyte named is missing; `or_both` two count as one: it is missing when either of them is."""
    if frame.unknown:
        return Answer(None, reasons=(frame.unknown,))
    found: list[Answer] = [_missing_one(record, fact, frame, name) for name in fact.sets]
    truth = all_of([item.truth for item in found])
    pair = fact.option("or_both")
    if len(found) == 1 and pair is None:
        return found[0]
    if truth is not False and isinstance(pair, tuple):
        parts = [_missing_one(record, fact, frame, name) for name in pair]
        truth = all_of((truth, any_of(part.truth for part in parts)))
        found += parts
    return Answer(
        truth,
        evidence=tuple(item for answer in found for item in answer.evidence),
        reasons=tuple(reason for answer in found for reason in answer.reasons) if truth is None else (),
    )


def _missing_one(record: Record, fact: Fact, frame: Frame, name: str) -> Answer:
    analyte = record.vocabulary.analytes[name]
    doubts: list[Reason] = []
    results = results_in(record, fact, frame, analyte, doubts)
    bad: Result | None = None
    for item in results:
        if item.value.state == "ok":
            return Answer(False, evidence=(_seen(item),))
        bad = bad or item
    waiting = _awaited(record, fact, analyte) if fact.option("pending") != "ignored" else ABSENT
    if waiting.truth is True:
        return Answer(False, evidence=waiting.evidence)
    if bad is not None:
        reason = Reason(bad.value.why, analyte.title, bad.value.text)
        return Answer(None, evidence=(_seen(bad),), reasons=(reason,))
    if doubts:
        return Answer(None, reasons=(doubts[0],))
    if reason_none := record.earned(("Observation",), frame):
        return Answer(None, reasons=(reason_none,))
    if waiting.truth is None:
        return Answer(None, reasons=waiting.reasons)
    return MISSING


def _seen(item: Result) -> Evidence:
    return Evidence(item.entry.reference, item.analyte.title, item.value.text, item.moment.text)


def pending(record: Record, fact: Fact, frame: Frame) -> Answer:
    """True when any of the analytes is ordered and not resulted."""
    found = [_awaited(record, fact, record.vocabulary.analytes[name]) for name in fact.sets]
    truth = any_of(item.truth for item in found)
    return Answer(
        truth,
        evidence=tuple(item for answer in found for item in answer.evidence),
        reasons=tuple(reason for answer in found for reason in answer.reasons)[:1] if truth is None else (),
    )


def _awaited(record: Record, fact: Fact, analyte: Analyte) -> Answer:
    back = fact.option("pending_within")
    span = back if isinstance(back, timedelta) else _DEFAULT_PENDING
    by_hours = span < timedelta(days=4)
    start = (record.now if by_hours else record.midnight) - span
    evidence = [
        Evidence(entry.reference, analyte.title, label_of(entry.concept), str(entry.raw.get("authoredOn") or ""))
        for entry in _orders_for(record, analyte)
        if _is_open(record, entry, Frame(start=start)) and not _resulted_since(record, entry, analyte)
    ]
    if fact.option("preliminary") != "counts":
        evidence += [
            Evidence(item.entry.reference, analyte.title, "not final yet", item.moment.text)
            for item in observations(record, analyte).dated
            if item.status in AWAITED and item.moment.inside(start, record.horizon)
        ]
        evidence += _panels_awaited(record, analyte, Frame(start=start, end=record.horizon))
    if evidence:
        return Answer(True, evidence=tuple(evidence))
    if reason := record.earned(("ServiceRequest",), Frame(start=start)):
        return Answer(None, reasons=(reason,))
    return ABSENT


def _panels_awaited(record: Record, analyte: Analyte, frame: Frame) -> list[Evidence]:
    """Observations of a panel that brings this test, begun and not final, with no final result of the test since."""
    found = []
    for entry in record.entries("Observation", analyte.ordered_sets):
        moment = observed(record, entry)
        if status_of(entry) not in AWAITED or moment is None or not moment.inside(frame.start, frame.end):
            continue
        final = (item for item in observations(record, analyte).dated if item.status in FINAL)
        if not any(item.moment.earliest >= moment.latest for item in final):
            found.append(Evidence(entry.reference, analyte.title, "not final yet", moment.text))
    return found


def _orders_for(record: Record, analyte: Analyte) -> list[Entry]:
    names = (analyte.name, *analyte.ordered_sets)
    found = [*record.entries("requested", names), *record.entries("basket", names)]
    if pattern := analyte.ordered_text:
        for role in ("requested", "basket"):
            found += [
                entry
                for entry in record.without_test_code(role)
                if entry not in found and any(pattern.search(text) for text in texts_of(entry.concept or {}))
            ]
    return [entry for entry in found if entry.type == "ServiceRequest"]


def _is_open(record: Record, entry: Entry, frame: Frame) -> bool:
    """An active order of order intent, written lately or planned ahead; a draft of this hook always."""
    raw = entry.raw
    if any(raw is draft for draft in record.call.drafts):
        return True
    if raw.get("doNotPerform") is True or not codes_of(raw.get("status")) & OPEN:
        return False
    if not codes_of(raw.get("intent")) & ORDER_INTENTS:
        return False
    planned = record.moment(raw.get("occurrenceDateTime")) or record.moment(
        table(raw.get("occurrencePeriod")).get("start")
    )
    if planned and planned.latest >= record.now:
        return True
    written = record.moment(raw.get("authoredOn"))
    return written is not None and written.inside(frame.start, record.horizon) is not False


def _resulted_since(record: Record, entry: Entry, analyte: Analyte) -> Truth:
    """Has a final result come since the order was written?"""
    written = record.moment(entry.raw.get("authoredOn"))
    if written is None:
        return False
    final = (item for item in observations(record, analyte).dated if item.status in FINAL)
    return any(item.moment.earliest >= written.latest for item in final)
