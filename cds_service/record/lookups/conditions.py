"""Diagnoses, procedures and encounters: what is on the list, how certain, and whether it is current."""

from __future__ import annotations

from datetime import timedelta

from cds_service.model.answer import Answer, Reason
from cds_service.model.criteria import Fact
from cds_service.model.frame import Frame
from cds_service.model.truth import Truth
from cds_service.record.entries import Entry, table, word
from cds_service.record.lookups.statements import (
    Statement,
    add_up,
    at_site,
    in_window,
    names,
    on_side,
    said,
    status_codes,
)
from cds_service.record.moments import Moment
from cds_service.record.record import Record

DENIED = {"refuted", "entered-in-error"}
SUSPECTED = {"provisional", "differential", "unconfirmed"}
CURRENT = {"active", "recurrence", "relapse"}
DONE = {"completed", "in-progress"}
SEEN = {"in-progress", "arrived", "triaged", "finished", "onleave", "completed"}


def onset(record: Record, entry: Entry) -> Moment | None:
    """When a condition began: onset, else when it was recorded (STU3: asserted)."""
    raw = entry.raw
    for text in (raw.get("onsetDateTime"), table(raw.get("onsetPeriod")).get("start")):
        if moment := record.moment(text):
            return moment
    for name in ("recordedDate", "assertedDate", "dateRecorded"):
        if moment := record.moment(raw.get(name)):
            return moment
    return None


def performed(record: Record, entry: Entry) -> Moment | None:
    """When a procedure was done: its end, where it took a while."""
    raw = entry.raw
    for stem in ("performed", "occurrence"):
        period = table(raw.get(f"{stem}Period"))
        for text in (raw.get(f"{stem}DateTime"), period.get("end"), period.get("start")):
            if moment := record.moment(text):
                return moment
    return None


def is_current(record: Record, entry: Entry, moment: Moment | None, no_status_days: object) -> Truth:
    """Active, recurring or relapsing; without a status as the pack's convention says."""
    status = status_codes(entry, "clinicalStatus")
    if status:
        return bool(status & CURRENT)
    if any(name.startswith("abatement") and value for name, value in entry.raw.items()):
        return False
    if not isinstance(no_status_days, int) or moment is None:
        return True
    return moment.inside(record.midnight - timedelta(days=no_status_days), None)


def _of_status(record: Record, fact: Fact, entry: Entry, moment: Moment | None) -> Truth:
    wanted = fact.option("status", "current")
    if wanted == "ever":
        return True
    current = is_current(record, entry, moment, fact.option("no_status_days"))
    if wanted == "past":
        return None if current is None else not current
    return current


def _of_certainty(fact: Fact, entry: Entry) -> bool:
    certainty = status_codes(entry, "verificationStatus")
    match fact.option("certainty", "any"):
        case "established":
            return not certainty or bool(certainty & {"confirmed"})
        case "suspected":
            return bool(certainty & SUSPECTED)
    return True


def condition(record: Record, fact: Fact, frame: Frame) -> Answer:
    if frame.unknown:
        return Answer(None, reasons=(frame.unknown,))
    statements = [
        statement
        for entry in record.entries("Condition", fact.sets)
        if (statement := _condition_statement(record, fact, frame, entry))
    ]
    types = ["Condition"]
    if fact.option("also_procedure"):
        types.append("Procedure")
        statements += _procedures(record, fact, frame)
    return add_up(record, fact, frame, statements, types)


def _condition_statement(record: Record, fact: Fact, frame: Frame, entry: Entry) -> Statement | None:
    if status_codes(entry, "verificationStatus") & DENIED or not _of_certainty(fact, entry):
        return None
    if not on_side(record, entry, frame) or excluded(record, fact, entry):
        return None
    if (sites := names(fact, "at")) and not at_site(record, entry, sites):
        return None
    moment = onset(record, entry)
    if moment and moment.clipped(record.horizon) is None:
        return None
    counts = _of_status(record, fact, entry, moment)
    if counts is False or followed(record, names(fact, "not_followed_by"), moment):
        return None
    inside, reason = _dated_right(record, fact, frame, moment)
    if inside is False:
        return None
    return said(record, entry, moment, True if counts and inside else None, reason)


def _dated_right(record: Record, fact: Fact, frame: Frame, moment: Moment | None) -> tuple[Truth, Reason | None]:
    undated = str(fact.option("undated", "unknown"))
    older = fact.option("older_than")
    if isinstance(older, timedelta):
        if moment is None:
            return in_window(record, None, Frame(start=record.now), undated)
        limit = record.midnight - older
        older_than = moment.inside(None, limit - timedelta(microseconds=1))
        return older_than, None if older_than is not None else Reason("uncertain date", "", moment.text)
    return in_window(record, moment, frame, undated)


def excluded(record: Record, fact: Fact, entry: Entry) -> bool:
    """Is the resource coded as what the fact leaves out?"""
    left_out = names(fact, "except")
    return bool(left_out) and any(other.raw is entry.raw for other in record.entries(entry.type, left_out))


def followed(record: Record, enders: tuple[str, ...], moment: Moment | None) -> bool:
    """Has something that ends it come later (a delivery after the pregnancy)?"""
    if not enders or moment is None:
        return False
    later = [
        performed(record, entry)
        for entry in record.entries("Procedure", enders)
        if status_codes(entry, "status") & DONE
    ]
    later += [
        onset(record, entry)
        for entry in record.entries("Condition", enders)
        if not status_codes(entry, "verificationStatus") & DENIED
    ]
    return any(end and end.latest >= moment.latest and end.clipped(record.horizon) for end in later)


def _procedures(record: Record, fact: Fact, frame: Frame) -> list[Statement]:
    statements = []
    for entry in record.entries("Procedure", fact.sets):
        if not status_codes(entry, "status") & DONE or not on_side(record, entry, frame):
            continue
        moment = performed(record, entry)
        inside, reason = in_window(record, moment, frame, str(fact.option("undated", "unknown")))
        if inside is not False:
            statements.append(said(record, entry, moment, inside, reason))
    return statements


def procedure(record: Record, fact: Fact, frame: Frame) -> Answer:
    if frame.unknown:
        return Answer(None, reasons=(frame.unknown,))
    statements = _procedures(record, fact, frame)
    types = ["Procedure"]
    if fact.option("also_condition"):
        types.append("Condition")
        for entry in record.entries("Condition", fact.sets):
            if status_codes(entry, "verificationStatus") & DENIED:
                continue
            moment = onset(record, entry)
            inside, reason = in_window(record, moment, frame, str(fact.option("undated", "unknown")))
            if inside is not False:
                statements.append(said(record, entry, moment, inside, reason))
    if fact.option("also_medication"):
        statements += _treatments(record, fact, frame)
        types += ["MedicationRequest", "MedicationAdministration"]
    return add_up(record, fact, frame, statements, types)


def _treatments(record: Record, fact: Fact, frame: Frame) -> list[Statement]:
    statements = []
    for entry in record.entries("medication", fact.sets):
        if status_codes(entry, "status") & {"entered-in-error", "cancelled", "draft", "not-done", "not-taken"}:
            continue
        raw = entry.raw
        moment = record.moment(raw.get("authoredOn")) or record.moment(raw.get("effectiveDateTime"))
        inside, reason = in_window(record, moment, frame)
        if inside is not False:
            statements.append(said(record, entry, moment, inside, reason))
    return statements


def encounter(record: Record, fact: Fact, frame: Frame) -> Answer:
    statements = []
    for entry in record.entries("Encounter.type", fact.sets):
        if not status_codes(entry, "status") & SEEN:
            continue
        moment = encounter_moment(record, entry)
        inside, reason = in_window(record, moment, frame)
        if inside is not False:
            statements.append(said(record, entry, moment, inside, reason))
    return add_up(record, fact, frame, statements, ("Encounter",))


def encounter_moment(record: Record, entry: Entry) -> Moment | None:
    period = table(entry.raw.get("period"))
    return record.moment(period.get("end")) or record.moment(period.get("start"))


def is_this_encounter(record: Record, entry: Entry) -> bool:
    return bool(record.call.encounter_id) and word(entry.raw.get("id")) == record.call.encounter_id
