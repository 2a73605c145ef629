"""What the patient is on, by code or by name, from requests, statements, dispenses and administrations.

The newest word wins: a statement that it is not taken cancels an older request of the same medicine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from cds_service.model.answer import Answer, Evidence, Reason
from cds_service.model.criteria import Fact
from cds_service.model.frame import Frame
from cds_service.model.quantity import Interval, Quantity, Unit
from cds_service.record.entries import Entry, codes_of, label_of, table, tables, word
from cds_service.record.lookups.statements import Statement, add_up
from cds_service.record.lookups.tests import ORDER_INTENTS
from cds_service.record.moments import Moment, midnight_of
from cds_service.record.record import MEDICATION_TYPES, Record
from cds_service.record.values import number

NOT_TAKEN = {"not-taken", "stopped"}
GIVEN = {"completed", "in-progress"}


def medication(record: Record, fact: Fact, frame: Frame) -> Answer:
    entries = record.entries("medication", fact.sets)
    statements = [statement for entry in entries if (statement := _taken(record, fact, entry))]
    statements = [item for item in statements if not _cancelled(record, entries, item)]
    answer = add_up(record, fact, Frame(), statements, MEDICATION_TYPES)
    if answer.truth is not True:
        return answer
    first = statements[0].evidence
    dosage = " ".join(_dosage_text(entry.raw) for entry in entries if entry.reference == first.reference)
    return Answer(
        True,
        evidence=answer.evidence,
        dated=answer.dated,
        started=answer.started,
        extra={"name": first.label, "drug": _plain(first.label), "dosage": dosage},
    )


def _plain(label: str) -> str:
    """The name without its strength: what stands before the first digit."""
    head = label
    for position, character in enumerate(label):
        if character.isdigit() and position > 0 and label[position - 1] == " ":
            head = label[:position]
            break
    return head.strip(" ,;") or label


def _taken(record: Record, fact: Fact, entry: Entry) -> Statement | None:
    """What one resource says of being on the medicine now."""
    begun, ended = _run(record, fact, entry)
    if not _counts(record, fact, entry) or (begun and begun.clipped(record.horizon) is None):
        return None
    if ended is not None and ended < record.now:
        return None
    status = ", ".join(sorted(codes_of(entry.raw.get("status"))))
    text = _dosage_text(entry.raw) or status
    evidence = Evidence(
        entry.reference, label_of(entry.concept), text, begun.text if begun else "", begun.earliest if begun else None
    )
    return Statement(True, evidence, begun)


def _counts(record: Record, fact: Fact, entry: Entry) -> bool:
    raw = entry.raw
    status = codes_of(raw.get("status"))
    match entry.type:
        case "MedicationRequest":
            intents = ORDER_INTENTS | ({"plan"} if fact.option("plan") == "counts" else set())
            return (
                "active" in status
                and raw.get("doNotPerform") is not True
                and bool(codes_of(raw.get("intent")) & intents)
            )
        case "MedicationStatement":
            taken = {"active", "intended"} if fact.option("intended") == "counts" else {"active"}
            return bool(status & taken)
        case "MedicationDispense":
            return "completed" in status
    return bool(status & GIVEN)


def _run(record: Record, fact: Fact, entry: Entry) -> tuple[Moment | None, datetime | None]:
    """From when, and until when if it has an end."""
    raw = entry.raw
    match entry.type:
        case "MedicationRequest":
            validity = table(table(raw.get("dispenseRequest")).get("validityPeriod"))
            bounds = [
                table(table(table(line.get("timing")).get("repeat")).get("boundsPeriod"))
                for line in tables(raw.get("dosageInstruction"))
            ]
            ends = [record.moment(period.get("end")) for period in (validity, *bounds)]
            begun = record.moment(raw.get("authoredOn")) or record.moment(validity.get("start"))
            known = [end.latest for end in ends if end]
            return begun, max(known) if known else None
        case "MedicationStatement":
            period = table(raw.get("effectivePeriod"))
            begun = (
                record.moment(period.get("start"))
                or record.moment(raw.get("effectiveDateTime"))
                or record.moment(raw.get("dateAsserted"))
            )
            end = record.moment(period.get("end"))
            return begun, end.latest if end else None
        case "MedicationDispense":
            begun = record.moment(raw.get("whenHandedOver")) or record.moment(raw.get("whenPrepared"))
            days = number(table(raw.get("daysSupply")).get("value"))
            length = timedelta(days=float(days)) if days is not None else _span(fact, "supply")
            return begun, begun.latest + length if begun else datetime.min.replace(tzinfo=record.now.tzinfo)
    period = table(raw.get("effectivePeriod"))
    begun = (
        record.moment(period.get("end"))
        or record.moment(raw.get("effectiveDateTime"))
        or record.moment(period.get("start"))
    )
    if begun is None:
        return None, datetime.min.replace(tzinfo=record.now.tzinfo)
    counts_from = record.midnight - _span(fact, "given_within")
    return begun, None if begun.latest >= counts_from else begun.latest


def _span(fact: Fact, option: str) -> timedelta:
    value = fact.option(option)
    return value if isinstance(value, timedelta) else timedelta(0)


def _cancelled(record: Record, entries: list[Entry], said: Statement) -> bool:
    """Does a newer statement say that this very medicine is not taken?"""
    for entry in entries:
        if entry.type != "MedicationStatement" or not codes_of(entry.raw.get("status")) & NOT_TAKEN:
            continue
        if _ingredient(label_of(entry.concept)) != _ingredient(said.evidence.label):
            continue
        raw = entry.raw
        period = table(raw.get("effectivePeriod"))
        since = next(
            (
                moment
                for text in (raw.get("effectiveDateTime"), period.get("start"), raw.get("dateAsserted"))
                if (moment := record.moment(text))
            ),
            None,
        )
        if since is None or said.moment is None or since.latest >= said.moment.earliest:
            return True
    return False


def _ingredient(label: str) -> str:
    words = label.lower().split()
    return words[0] if words else ""


def _dosage_text(raw: Mapping[str, Any]) -> str:
    lines = []
    for member in ("dosageInstruction", "dosage"):
        for line in tables(raw.get(member)):
            lines.append(word(line.get("text")) or _structured(line))
    return "; ".join(line for line in lines if line)


def _structured(line: Mapping[str, Any]) -> str:
    """ "40 mg 1 per 1 d" from a structured dosage, so that patterns in the content can read both forms."""
    parts = []
    for rate in tables(line.get("doseAndRate")):
        dose = table(rate.get("doseQuantity"))
        if (value := number(dose.get("value"))) is not None:
            parts.append(f"{value} {word(dose.get('unit')) or word(dose.get('code'))}".strip())
    repeat = table(table(line.get("timing")).get("repeat"))
    if repeat.get("frequency"):
        parts.append(
            f"{repeat.get('frequency')} per {repeat.get('period', 1)} {word(repeat.get('periodUnit'))}".strip()
        )
    return " ".join(parts)


DAYS = Unit("d")


def exposure(record: Record, fact: Fact, frame: Frame) -> Answer:
    """Days back to the start of an unbroken chain of records; none at all for a medicine that is not current."""
    current = medication(record, fact, frame)
    if current.truth is False:
        return Answer(quantity=Quantity(Interval.exactly(Decimal(0)), DAYS, "0 days"))
    if current.truth is not True:
        return Answer(None, reasons=current.reasons or (Reason("no result", ""),))
    bridge = _span(fact, "bridge")
    runs = sorted(
        (run for entry in record.entries("medication", fact.sets) if (run := _exposed(record, fact, entry))),
        key=lambda run: run[1],
        reverse=True,
    )
    if not runs:
        return Answer(None, evidence=current.evidence, reasons=(Reason("no date", ""),))
    start = _start_of_chain(record.now, [(begun.earliest, ended) for begun, ended in runs], bridge)
    surely = _start_of_chain(record.now, [(begun.latest, ended) for begun, ended in runs], bridge)
    most, least = _days_back(record, start), _days_back(record, surely)
    text = f"{least} days" if least == most else f"{least} to {most} days"
    quantity = Quantity(Interval(least, most), DAYS, text)
    return Answer(quantity=quantity, evidence=current.evidence, dated=current.dated, started=start, extra=current.extra)


def _start_of_chain(now: datetime, runs: Iterable[tuple[datetime, datetime]], bridge: timedelta) -> datetime:
    """Back from now over runs sorted by their end, the latest first, while no gap is longer than `bridge`."""
    start = now
    for begun, ended in runs:
        if ended < start - bridge:
            break
        start = min(start, begun)
    return start


def _days_back(record: Record, start: datetime) -> Decimal:
    return Decimal((midnight_of(record.now, record.zone) - midnight_of(start, record.zone)).days)


def _exposed(record: Record, fact: Fact, entry: Entry) -> tuple[Moment, datetime] | None:
    status = codes_of(entry.raw.get("status"))
    if status & ({"entered-in-error", "cancelled", "draft", "unknown", "intended"} | NOT_TAKEN - {"stopped"}):
        return None
    begun, ended = _run(record, fact, entry)
    if begun is None or begun.clipped(record.horizon) is None:
        return None
    if ended is None:
        ended = record.now if _counts(record, fact, entry) else begun.latest + _span(fact, "completed")
    return begun, min(ended, record.now)
