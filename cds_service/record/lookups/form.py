"""The leg form: answers of completed or amended QuestionnaireResponses. Per item the newest `authored` wins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from cds_service.model.answer import ABSENT, Answer, Evidence, Reason
from cds_service.model.criteria import Fact
from cds_service.model.frame import Frame
from cds_service.model.quantity import Interval, Quantity, Unit
from cds_service.model.truth import Truth
from cds_service.record.entries import table, tables, word
from cds_service.record.moments import Moment
from cds_service.record.record import Record
from cds_service.record.values import number

FORM_URN = "urn:leg-red-flag-form"
FORM_PATH = "/forms/leg"
_DEEPEST = 8
_UNITS = {  # an item's unit: the units an answer may be given in, and how many of the item's one of them is
    "days": {"d": 1, "day": 1, "days": 1, "wk": 7, "week": 7, "weeks": 7},
    "weeks": {"wk": 1, "week": 1, "weeks": 1},
    "cm": {"cm": 1},
    "points": {"points": 1, "{score}": 1, "1": 1},
}


@dataclass(frozen=True, slots=True)
class Given:
    """One answered item."""

    item: str
    value: object  # bool, Decimal or str
    unit: str
    moment: Moment
    evidence: Evidence


def answers_of(record: Record) -> Mapping[str, list[Given]]:
    """Every answered item of the patient's forms, read once a patient."""
    answers: Mapping[str, list[Given]] = record.form_cache
    if not answers and record.forms:
        for response in record.forms:
            _take_in(record, response)
    return answers


def form_items(record: Record, item: str, frame: Frame) -> list[Given]:
    """The newest answer of the item within the frame, in a list of none or one."""
    found = [
        given
        for given in answers_of(record).get(item, ())
        if given.moment.clipped(record.horizon) and given.moment.inside(frame.start, frame.end) is not False
    ]
    return [max(found, key=lambda given: given.moment.latest)] if found else []


def _take_in(record: Record, response: Mapping[str, Any]) -> None:
    questionnaire = word(response.get("questionnaire")).split("|")[0]
    if questionnaire != FORM_URN and not questionnaire.endswith(FORM_PATH):
        return
    moment = record.moment(response.get("authored"))
    if response.get("status") not in ("completed", "amended") or moment is None:
        return
    reference = f"QuestionnaireResponse/{word(response.get('id'))}"
    for item in _items(response, 0):
        link = word(item.get("linkId"))
        for answered in tables(item.get("answer")):
            value, unit = _value(answered)
            if value is None:
                continue
            label = record.vocabulary.questions.get(link, link)
            said = _said(value, unit)
            evidence = Evidence(reference, label, said, moment.text, moment.earliest, of=record.vocabulary.form)
            record.form_cache.setdefault(link, []).append(Given(link, value, unit, moment, evidence))


def _items(holder: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    for item in tables(holder.get("item")):
        yield item
        if depth < _DEEPEST:
            yield from _items(item, depth + 1)
            for answered in tables(item.get("answer")):
                yield from _items(answered, depth + 1)


def _value(answered: Mapping[str, Any]) -> tuple[object, str]:
    if isinstance(value := answered.get("valueBoolean"), bool):
        return value, ""
    for name in ("valueInteger", "valueDecimal"):
        if (digits := number(answered.get(name))) is not None:
            return digits, ""
    quantity = table(answered.get("valueQuantity"))
    if (digits := number(quantity.get("value"))) is not None:
        return digits, word(quantity.get("code")) or word(quantity.get("unit"))
    if text := word(answered.get("valueString")).strip():
        return text, ""
    return word(table(answered.get("valueCoding")).get("code")) or None, ""


def _said(value: object, unit: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value} {unit}".strip()


def form_truth(given: Given) -> Truth:
    if isinstance(given.value, bool):
        return given.value
    spoken = str(given.value).lower()
    if spoken in ("true", "yes"):
        return True
    return False if spoken in ("false", "no") else None


def answer(record: Record, fact: Fact, frame: Frame) -> Answer:
    """The form's answer as the type the fact asks for."""
    if frame.unknown:
        return Answer(None, reasons=(frame.unknown,))
    item = fact.sets[0]
    for given in form_items(record, item, frame):
        found = _typed(fact, given)
        if found is not None:
            return found
    return _nobody_said(record, fact, frame, item)


def _nobody_said(record: Record, fact: Fact, frame: Frame, item: str) -> Answer:
    if fact.option("if_none") == "absent":
        reason = record.earned(("QuestionnaireResponse",), frame)
        if reason is None:
            return ABSENT
    choices = fact.option("choices")
    return _unanswered(record.vocabulary.questions.get(item, item), choices if isinstance(choices, tuple) else ())


@lru_cache(maxsize=1024)
def _unanswered(question: str, choices: tuple[str, ...]) -> Answer:
    """The one answer of every patient whom nobody has asked."""
    return Answer(None, labels=frozenset(choices), reasons=(Reason("not recorded", question),))


def _typed(fact: Fact, given: Given) -> Answer | None:
    if fact.type == "truth":
        truth = form_truth(given)
        if truth is None:
            return None
        return Answer(truth, evidence=(given.evidence,), dated=given.moment.earliest)
    if fact.type == "choice":
        label = str(given.value).lower()
        choices = fact.option("choices")
        if not isinstance(choices, tuple) or label not in choices:
            return None
        return Answer(labels=frozenset({label}), evidence=(given.evidence,), dated=given.moment.earliest)
    if not isinstance(given.value, Decimal):
        return None
    unit = fact.option("unit")
    if not isinstance(unit, Unit):
        return None
    times = _UNITS.get(unit.code, {}).get(given.unit.lower()) if given.unit else 1
    if times is None:
        return Answer(None, reasons=(Reason("unit not understood", given.evidence.label, given.evidence.text),))
    value = given.value * times
    quantity = Quantity(Interval.exactly(value), unit)  # a bare number, said with its unit
    begun = given.moment.earliest
    if isinstance(per := fact.option("days_each"), timedelta):
        begun = begun - float(value) * per
    return Answer(quantity=quantity, evidence=(given.evidence,), dated=given.moment.earliest, started=begun)
