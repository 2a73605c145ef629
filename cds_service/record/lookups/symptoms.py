"""Symptoms and signs: said by a condition, an encounter's reason, an observation or the leg form. The newest wins.

A symptom nobody recorded is absent when the queries were answered; a bedside sign nobody recorded is unknown.
"""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache

from cds_service.model.answer import ABSENT, Answer, Reason
from cds_service.model.criteria import Fact
from cds_service.model.frame import ANY_TIME, Frame
from cds_service.model.truth import Truth
from cds_service.record.entries import Entry, codes_of, table, tables, word
from cds_service.record.lookups.conditions import DENIED, SEEN, excluded, followed, is_current, is_this_encounter, onset
from cds_service.record.lookups.form import answers_of, form_items, form_truth
from cds_service.record.lookups.results import FINAL, RESULTED, observed
from cds_service.record.lookups.statements import (
    NOT_RECORDED,
    Statement,
    answer_from,
    at_site,
    elsewhere,
    in_window,
    names,
    on_side,
    said,
    status_codes,
)
from cds_service.record.record import Record

YES = {"true", "yes", "y", "present", "positive", "pos", "detected"}
NO = {"false", "no", "n", "absent", "negative", "neg", "not detected"}
TYPES = ("Condition", "Observation", "Encounter")
ROLES = ("Condition", "Encounter.reason", "Observation", "Observation.value")


def symptom(record: Record, fact: Fact, frame: Frame) -> Answer:
    if frame.unknown:
        return Answer(None, reasons=(frame.unknown,))
    statements = statements_of(record, fact, frame)
    if not statements:
        return _silent(record, fact, frame)
    decided = [item for item in statements if item.truth is not None and item.moment]
    undated = [item for item in statements if item.truth is not None and not item.moment]
    doubtful = [item for item in statements if item.truth is None]
    if decided:
        newest = max(decided, key=lambda item: (item.moment.earliest, item.rank, item.truth is True))  # type: ignore[union-attr]
        agreeing = [item for item in (*decided, *undated) if item.truth is newest.truth]
        return answer_from(agreeing, newest.truth is True)
    if undated:
        return answer_from(undated, undated[0].truth is True)
    if doubtful:
        reasons = tuple(item.reason for item in doubtful if item.reason)
        return Answer(None, evidence=tuple(item.evidence for item in doubtful), reasons=reasons)
    return _silent(record, fact, frame)


@lru_cache(maxsize=4096)
def _places(fact: Fact) -> tuple[tuple[str, str], ...]:
    """Where in the index anything that speaks of it would stand."""
    sets = {*fact.sets, *names(fact, "denied_by"), *(name for further, _ in _also(fact) for name in further)}
    return tuple((role, name) for role in ROLES for name in sorted(sets))


def _silent(record: Record, fact: Fact, frame: Frame) -> Answer:
    if fact.kind == "sign" or fact.option("if_none") == "unknown":
        return NOT_RECORDED
    types = TYPES if fact.option("encounters_needed") is not False else TYPES[:2]
    if reason := record.earned(types, frame):
        return Answer(None, reasons=(reason,))
    return ABSENT


def statements_of(record: Record, fact: Fact, frame: Frame) -> list[Statement]:
    """Everything that speaks of it, each with its truth, within the window and on the side asked for."""
    found: list[Statement] = []
    if record.holds_any(_places(fact)):
        for sets, sites in ((fact.sets, ()), *_also(fact)):
            found += _from_conditions(record, fact, frame, sets, sites)
            found += _from_encounters(record, fact, frame, sets, sites)
            found += _from_observations(record, fact, frame, sets, sites)
        if denied := names(fact, "denied_by"):
            found += _denials(record, fact, frame, denied)
    if (item := word(fact.option("answer"))) and item in answers_of(record):
        found += _from_form(record, item, _answers_frame(record, fact, frame))
    return found


def _also(fact: Fact) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    also = fact.option("also")
    return list(also) if isinstance(also, tuple) else []


def _from_conditions(
    record: Record, fact: Fact, frame: Frame, sets: tuple[str, ...], sites: tuple[str, ...]
) -> list[Statement]:
    window = ANY_TIME if fact.option("conditions_window") == "any" else frame
    found = []
    for entry in record.entries("Condition", sets):
        if not on_side(record, entry, frame) or (sites and not at_site(record, entry, sites)):
            continue
        if _left_out(record, fact, entry):
            continue
        verification = status_codes(entry, "verificationStatus")
        moment = onset(record, entry)
        if "entered-in-error" in verification or (moment and moment.clipped(record.horizon) is None):
            continue
        current = is_current(record, entry, moment, fact.option("no_status_days"))
        if current is False:
            continue
        inside, reason = in_window(record, moment, window, str(fact.option("undated", "unknown")))
        if inside is False or followed(record, names(fact, "not_followed_by"), moment):
            continue
        truth: Truth = None if inside is None or current is None else not verification & DENIED
        found.append(said(record, entry, moment, truth, reason))
    return found


def _from_encounters(
    record: Record, fact: Fact, frame: Frame, sets: tuple[str, ...], sites: tuple[str, ...]
) -> list[Statement]:
    found = []
    for entry in record.entries("Encounter.reason", sets):
        if not status_codes(entry, "status") & SEEN or sites or not on_side(record, entry, frame):
            continue
        moment = record.moment(table(entry.raw.get("period")).get("start"))
        back = fact.option("encounters_within")
        window = Frame(start=record.midnight - back) if isinstance(back, timedelta) else frame
        inside, reason = (True, None) if is_this_encounter(record, entry) else in_window(record, moment, window)
        if inside is False:
            continue
        found.append(said(record, entry, moment, inside, reason))
    return found


def _from_observations(
    record: Record, fact: Fact, frame: Frame, sets: tuple[str, ...], sites: tuple[str, ...]
) -> list[Statement]:
    found = []
    denied = names(fact, "denied_by")
    for role in ("Observation", "Observation.value"):
        for entry in record.entries(role, sets):
            if not status_codes(entry, "status") & _usable(fact) or not on_side(record, entry, frame):
                continue
            if (sites and not at_site(record, entry, sites)) or _left_out(record, fact, entry):
                continue
            truth: Truth = True if role == "Observation.value" else value_truth(record, entry, denied)
            moment = observed(record, entry)
            inside, reason = in_window(record, moment, frame, "ignored")
            if inside is False or (truth is None and role == "Observation" and not _has_value(entry)):
                continue
            if truth is None:
                reason = Reason("value not numeric", "")
            elif inside is None:
                truth = None
            note = "preliminary" if "preliminary" in status_codes(entry, "status") else ""
            found.append(said(record, entry, moment, truth, reason, note=note))
    return found


def _usable(fact: Fact) -> set[str]:
    """The states in which an observation says something; a preliminary one only where that counts."""
    return RESULTED if fact.option("preliminary") == "counts" else FINAL


def _denials(record: Record, fact: Fact, frame: Frame, denied: tuple[str, ...]) -> list[Statement]:
    found = []
    for entry in record.entries("Observation.value", denied):
        moment = observed(record, entry)
        if status_codes(entry, "status") & _usable(fact) and in_window(record, moment, frame, "ignored")[0]:
            found.append(said(record, entry, moment, False, rank=1))
    return found


def _left_out(record: Record, fact: Fact, entry: Entry) -> bool:
    return excluded(record, fact, entry) or elsewhere(record, entry, names(fact, "not_at"))


def _has_value(entry: Entry) -> bool:
    return any(name.startswith("value") and value not in (None, "", {}) for name, value in entry.part.items())


def value_truth(record: Record, entry: Entry, denied: tuple[str, ...] = ()) -> Truth:
    """A coded finding's value: true, Present, Yes, Positive; false, Absent, No, Negative; anything else is unknown."""
    value = entry.part.get("valueBoolean")
    if isinstance(value, bool):
        return value
    concept = table(entry.part.get("valueCodeableConcept"))
    spoken = {text.strip().lower() for text in (word(entry.part.get("valueString")), word(concept.get("text"))) if text}
    spoken |= {word(coding.get("display")).strip().lower() for coding in tables(concept.get("coding"))}
    spoken |= {code.strip().lower() for code in codes_of(concept)}
    answers = record.vocabulary
    for coding in tables(concept.get("coding")):
        found = answers.names(answers.system(coding.get("system")), word(coding.get("code")))
        if "answer-yes" in found:
            return True
        if "answer-no" in found or set(found) & set(denied):
            return False
    spoken = {text.split(" (")[0] for text in spoken}
    if spoken & NO:
        return False
    return True if spoken & YES else None


def _answers_frame(record: Record, fact: Fact, frame: Frame) -> Frame:
    """The form's answers grow stale sooner than the chart."""
    span = fact.option("answers_within")
    if not isinstance(span, timedelta):
        return frame
    start = record.now - span
    return Frame(start=max(start, frame.start) if frame.start else start)


def _from_form(record: Record, item: str, frame: Frame) -> list[Statement]:
    found = []
    for given in form_items(record, item, frame):
        truth = form_truth(given)
        if truth is not None:
            found.append(Statement(truth, given.evidence, given.moment, rank=2))
    return found
