"""Orders in the chart, reports that answered them, and the drafts this hook is about."""

from __future__ import annotations

from cds_service.model.answer import ABSENT, Answer, Evidence
from cds_service.model.criteria import Fact
from cds_service.model.frame import Frame
from cds_service.record.entries import Entry, codes_of, label_of, table, tables, word
from cds_service.record.lookups.conditions import DONE, performed
from cds_service.record.lookups.statements import Statement, add_up, in_window, names, on_side, said, side_of
from cds_service.record.lookups.tests import OPEN, ORDER_INTENTS
from cds_service.record.moments import Moment
from cds_service.record.record import Record

REPORTED = {"final", "amended", "corrected", "appended", "preliminary"}


def requested(record: Record, fact: Fact, frame: Frame) -> Answer:
    """An order of order intent: open or completed; `unanswered`: open, and no report has come since."""
    if frame.unknown:
        return Answer(None, reasons=(frame.unknown,))
    unanswered = fact.option("unanswered") is True
    accepted = {"active"} if unanswered else OPEN | {"completed"}
    statements = []
    for entry in record.entries("requested", fact.sets):
        raw = entry.raw
        if not codes_of(raw.get("status")) & accepted or raw.get("doNotPerform") is True:
            continue
        if not codes_of(raw.get("intent")) & ORDER_INTENTS or not on_side(record, entry, frame):
            continue
        moment = record.moment(raw.get("authoredOn"))
        inside, reason = in_window(record, moment, frame)
        if inside is False or (unanswered and _answered(record, fact, frame, moment)):
            continue
        statements.append(said(record, entry, moment, inside, reason))
    types = ("ServiceRequest", "DeviceRequest") if fact.option("devices") else ("ServiceRequest",)
    return add_up(record, fact, frame, statements, types)


def _answered(record: Record, fact: Fact, frame: Frame, since: Moment | None) -> bool:
    found = [
        moment
        for entry in record.entries("DiagnosticReport", fact.sets)
        if codes_of(entry.raw.get("status")) & REPORTED
        and on_side(record, entry, frame)
        and (moment := reported(record, entry))
    ]
    return any(since is None or moment.latest >= since.earliest for moment in found)


def reported(record: Record, entry: Entry) -> Moment | None:
    raw = entry.raw
    period = table(raw.get("effectivePeriod"))
    for text in (raw.get("effectiveDateTime"), period.get("end"), period.get("start"), raw.get("issued")):
        if moment := record.moment(text):
            return moment
    return None


def report(record: Record, fact: Fact, frame: Frame) -> Answer:
    """A report of one of these studies, with one of these conclusions if any are named."""
    if frame.unknown:
        return Answer(None, reasons=(frame.unknown,))
    conclusions = set(names(fact, "conclusion"))
    statements: list[Statement] = []
    for entry in record.entries("DiagnosticReport", fact.sets):
        if not codes_of(entry.raw.get("status")) & REPORTED or not on_side(record, entry, frame):
            continue
        if conclusions and not _concludes(record, entry, conclusions):
            continue
        moment = reported(record, entry)
        inside, reason = in_window(record, moment, frame)
        note = "preliminary" if "preliminary" in codes_of(entry.raw.get("status")) else ""
        if inside is not False:
            statements.append(said(record, entry, moment, inside, reason, note=note))
    types = ["DiagnosticReport"]
    if fact.option("also_procedure"):
        types.append("Procedure")
        statements += _procedures(record, fact, frame)
    return add_up(record, fact, frame, statements, types)


def _concludes(record: Record, entry: Entry, conclusions: set[str]) -> bool:
    vocabulary = record.vocabulary
    return any(
        conclusions.intersection(vocabulary.names(vocabulary.system(coding.get("system")), word(coding.get("code"))))
        for concept in tables(entry.raw.get("conclusionCode"))
        for coding in tables(concept.get("coding"))
    )


def _procedures(record: Record, fact: Fact, frame: Frame) -> list[Statement]:
    found = []
    for entry in record.entries("Procedure", fact.sets):
        if not codes_of(entry.raw.get("status")) & DONE or not on_side(record, entry, frame):
            continue
        moment = performed(record, entry)
        inside, reason = in_window(record, moment, frame)
        if inside is not False:
            found.append(said(record, entry, moment, inside, reason))
    return found


def draft(record: Record, fact: Fact, frame: Frame) -> Answer:
    """An order being written; `basket: true` looks at every draft, chosen or not."""
    role = "basket" if fact.option("basket") else "draft"
    found = []
    for entry in record.entries(role, fact.sets):
        if _by_route(record, entry, names(fact, "not_route")) or not on_side(record, entry, frame):
            continue
        if (reasons := names(fact, "reason")) and not _for_reason(record, entry, reasons):
            continue
        found.append(entry)
    if not found:
        return ABSENT
    evidence = tuple(Evidence(entry.reference, label_of(entry.concept), "draft") for entry in found)
    sides = frozenset(side for entry in found if (side := side_of(record, entry)))
    name = evidence[0].label
    return Answer(True, labels=sides, evidence=evidence, extra={"name": name, "drug": _without_strength(name)})


def _without_strength(name: str) -> str:
    words = []
    for piece in name.split():
        if piece[0].isdigit():
            break
        words.append(piece)
    return " ".join(words) or name


def _by_route(record: Record, entry: Entry, routes: tuple[str, ...]) -> bool:
    vocabulary = record.vocabulary
    return any(
        set(routes).intersection(vocabulary.names(vocabulary.system(coding.get("system")), word(coding.get("code"))))
        for line in tables(entry.raw.get("dosageInstruction"))
        for coding in tables(table(line.get("route")).get("coding"))
    )


def _for_reason(record: Record, entry: Entry, reasons: tuple[str, ...]) -> bool:
    vocabulary = record.vocabulary
    wanted = set(reasons)
    for concept in tables(entry.raw.get("reasonCode")):
        for coding in tables(concept.get("coding")):
            if wanted.intersection(vocabulary.names(vocabulary.system(coding.get("system")), word(coding.get("code")))):
                return True
        text = label_of(concept)
        if any(match.name in wanted and match.found_in(text) for match in vocabulary.condition_texts if not match.asks):
            return True
    return False
