"""Who the patient is (age, sex, deceased) and which hook is asking."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from cds_service.model.answer import ABSENT, Answer, Evidence, Reason
from cds_service.model.criteria import Fact
from cds_service.model.frame import Frame
from cds_service.model.quantity import Interval, Quantity, Unit
from cds_service.record.record import MEDICATION_TYPES, Record

YEARS = Unit("a")
SEXES = frozenset({"male", "female"})


def patient(record: Record, fact: Fact, frame: Frame) -> Answer:
    match fact.sets[0]:
        case "age":
            return _age(record)
        case "sex":
            return _sex(record)
    return _deceased(record)


def _unknown(record: Record, what: str, labels: frozenset[str] = frozenset()) -> Answer:
    reason = record.earned(("Patient",), Frame()) or Reason("not recorded", what)
    return Answer(None, labels=labels, reasons=(reason,))


def _age(record: Record) -> Answer:
    """Completed years; a partial birth date gives every age still possible."""
    born = record.moment((record.patient or {}).get("birthDate"))
    if born is None or born.earliest > record.now:
        return _unknown(record, "birth date")
    youngest, oldest = _years(born.latest, record), _years(born.earliest, record)
    text = f"{youngest}" if youngest == oldest else f"{youngest} to {oldest}"
    quantity = Quantity(Interval(Decimal(youngest), Decimal(oldest)), YEARS, text)
    return Answer(quantity=quantity, evidence=(Evidence(_reference(record), "Born", born.text),))


def _years(born: datetime, record: Record) -> int:
    birth = born.astimezone(record.zone)
    today = record.now.astimezone(record.zone)
    years = today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))
    return max(years, 0)


def _sex(record: Record) -> Answer:
    gender = (record.patient or {}).get("gender")
    if isinstance(gender, str) and gender.lower() in SEXES:
        evidence = Evidence(_reference(record), "Sex", gender)
        return Answer(labels=frozenset({gender.lower()}), evidence=(evidence,))
    return _unknown(record, "sex", SEXES)


def _deceased(record: Record) -> Answer:
    person = record.patient or {}
    if person.get("deceasedBoolean") is True:
        return Answer(True, evidence=(Evidence(_reference(record), "Deceased"),))
    died = record.moment(person.get("deceasedDateTime"))
    if died is not None and died.earliest <= record.now:
        return Answer(True, evidence=(Evidence(_reference(record), "Deceased", died.text),))
    return ABSENT


def _reference(record: Record) -> str:
    return f"Patient/{record.call.patient_id}"


READ: Mapping[str, tuple[str, ...]] = {
    "conditions": ("Condition",),
    "observations": ("Observation",),
    "medicines": MEDICATION_TYPES,
    "orders": ("ServiceRequest",),
    "procedures": ("Procedure",),
    "encounters": ("Encounter",),
    "reports": ("DiagnosticReport",),
}


def read(record: Record, fact: Fact, frame: Frame) -> Answer:
    """True when every query behind these was answered completely; else unknown, never false."""
    reason = record.earned((kind for name in fact.sets for kind in READ[name]), frame)
    return Answer(None, reasons=(reason,)) if reason else Answer(True)


def hook(record: Record, fact: Fact, frame: Frame) -> Answer:
    return Answer(record.call.hook in fact.sets)
