"""Makes the FHIR resources a case speaks of: one code of the set, the statuses of ordinary charts, the date given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cds_service.errors import ContentError
from cds_service.model.vocabulary import Code, Vocabulary

if TYPE_CHECKING:
    from cds_service.knowledge.cases import Phrase

_VALUE = re.compile(r"(<=|>=|<|>)?\s*(-?\d+(?:\.\d+)?)\s*(\S.*)?\Z")
_AGE = re.compile(r"(\d+) years\Z")
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


class Making:
    """One case's patient and the resources made so far."""

    def __init__(self, vocabulary: Vocabulary, patient_id: str, now: datetime):
        self.vocabulary = vocabulary
        self.patient_id = patient_id
        self.now = now
        self.count = 0
        self._items: list[tuple[str, Phrase]] = []

    def base(self, kind: str) -> dict[str, Any]:
        self.count += 1
        return {
            "resourceType": kind,
            "id": f"case-{self.count}",
            "subject": {"reference": f"Patient/{self.patient_id}"},
        }

    def patient(self, said: str, where: str) -> dict[str, Any]:
        """ "female, 40 years", "male, born 1980", "sex unknown, 40 years"."""
        person: dict[str, Any] = {"resourceType": "Patient", "id": self.patient_id}
        for part in (item.strip() for item in said.split(",")):
            if part in ("female", "male", "other", "unknown"):
                person["gender"] = part
            elif match := _AGE.match(part):
                person["birthDate"] = (self.now - timedelta(days=int(int(match[1]) * 365.25) + 40)).date().isoformat()
            elif part.startswith("born "):
                person["birthDate"] = part[5:]
            elif part == "deceased":
                person["deceasedBoolean"] = True
            elif part not in ("sex unknown", "age unknown"):
                raise ContentError(f"a patient cannot be `{part}`", where)
        return person

    def say(self, item: str, phrase: Phrase) -> None:
        self._items.append((item, phrase))

    def form(self) -> dict[str, Any] | None:
        """Every form answer given, in one response dated by the newest."""
        if not self._items:
            return None
        dates = [phrase.when for _, phrase in self._items if phrase.when]
        response = self.base("QuestionnaireResponse")
        return response | {
            "status": "completed",
            "questionnaire": "urn:leg-red-flag-form",
            "authored": (min(dates) if dates else self.now).isoformat(),
            "item": [{"linkId": item, "answer": [_answer(phrase.said)]} for item, phrase in self._items],
        }

    def concept(self, sets: tuple[str, ...], phrase: Phrase) -> dict[str, Any]:
        """The concept: a text if given, the code named, else the first code of the first set that fits the side."""
        if text := phrase.more.get("text"):
            return {"text": text}
        codes = [code for name in sets for code in self.codes(name)]
        if wanted := phrase.more.get("code"):
            codes = [code for code in codes if code.code == wanted] or [Code("", "http://loinc.org", wanted, "")]
        if not codes:
            text = next((entry.title for name in sets if (entry := self.vocabulary.sets.get(name))), sets[0])
            return {"text": text.removeprefix("order:")}
        code = next((code for code in codes if not code.prefix and not code.side), None)
        code = code or next((code for code in codes if not code.prefix), codes[0])
        coding = {"system": code.uri, "code": code.code}
        if code.display:
            coding["display"] = code.display
        return {"coding": [coding], "text": code.display or code.code}

    def codes(self, name: str) -> tuple[Code, ...]:
        if entry := self.vocabulary.sets.get(name):
            return entry.codes
        if analyte := self.vocabulary.analytes.get(name):
            return analyte.codes
        return tuple(
            Code(system, self.vocabulary.uris.get(system, system), code, "")
            for (system, code), names in self.vocabulary.exact.items()
            if name in names
        )


def _answer(said: str) -> dict[str, Any]:
    if said in ("yes", "present", "true"):
        return {"valueBoolean": True}
    if said in ("no", "absent", "false"):
        return {"valueBoolean": False}
    match = _VALUE.match(said)
    return {"valueDecimal": float(match[2])} if match else {"valueString": said}


def _sited(making: Making, resource: dict[str, Any], phrase: Phrase, listed: bool) -> None:
    if not phrase.side:
        return
    codes = [
        code
        for name in making.vocabulary.sets
        for code in making.vocabulary.sets[name].codes
        if code.side == phrase.side and "SIDE" in name
    ]
    coding = [{"system": codes[0].uri, "code": codes[0].code}] if codes else []
    site = {"coding": coding, "text": phrase.side} if coding else {"text": phrase.side}
    resource["bodySite"] = [site] if listed else site


def resource_for(making: Making, kind: str, sets: tuple[str, ...], phrase: Phrase, where: str) -> dict[str, Any]:
    """One resource that says what the phrase says of a fact of this kind."""
    if phrase.said == "ordered":
        return _order(making, sets, phrase)
    builders = {
        "condition": _condition,
        "symptom": _condition,
        "sign": _condition,
        "result": _result,
        "missing": _result,
        "pending": _order,
        "medication": _medicine,
        "exposure": _medicine,
        "procedure": _procedure,
        "requested": _order,
        "report": _report,
        "encounter": _encounter,
    }
    if kind not in builders:
        raise ContentError(f"a case cannot give a fact of kind `{kind}`", where)
    return builders[kind](making, sets, phrase)


def _date(phrase: Phrase) -> str | None:
    return phrase.more.get("date") or (phrase.when.isoformat() if phrase.when else None)


def _condition(making: Making, sets: tuple[str, ...], phrase: Phrase) -> dict[str, Any]:
    if phrase.said == "absent" or phrase.said == "observed":
        observation = making.base("Observation") | {
            "status": phrase.more.get("status", "final"),
            "code": making.concept(sets, phrase),
            "effectiveDateTime": _date(phrase),
            "valueBoolean": phrase.said == "observed",
        }
        _sited(making, observation, phrase, listed=False)
        return observation
    condition = making.base("Condition") | {"code": making.concept(sets, phrase)}
    if (status := phrase.more.get("status", "active")) != "none":
        condition["clinicalStatus"] = {"coding": [{"system": CLINICAL, "code": status}]}
    if (certainty := phrase.more.get("certainty", "confirmed")) != "none":
        condition["verificationStatus"] = {"coding": [{"system": VERIFICATION, "code": certainty}]}
    if date := _date(phrase):
        condition["onsetDateTime"] = date
    _sited(making, condition, phrase, listed=True)
    return condition


def _result(making: Making, sets: tuple[str, ...], phrase: Phrase) -> dict[str, Any]:
    observation = making.base("Observation") | {
        "status": phrase.more.get("status", "final"),
        "code": making.concept(sets[:1], phrase),
    }
    if date := _date(phrase):
        observation["effectiveDateTime"] = date
    _sited(making, observation, phrase, listed=False)
    if phrase.more.get("as") == "text":
        return observation | {"valueString": phrase.said}
    if match := _VALUE.match(phrase.said):
        quantity: dict[str, Any] = {"value": float(match[2]) if "." in match[2] else int(match[2])}
        if match[1]:
            quantity["comparator"] = match[1]
        if match[3]:
            quantity |= {"unit": match[3], "system": "http://unitsofmeasure.org", "code": match[3]}
        observation["valueQuantity"] = quantity
        if upper := phrase.more.get("upper"):
            observation["referenceRange"] = [{"high": {"value": float(upper), "unit": match[3], "code": match[3]}}]
        return observation
    if phrase.said not in ("no value", "absent"):
        observation["valueString"] = phrase.said
    return observation


def _medicine(making: Making, sets: tuple[str, ...], phrase: Phrase) -> dict[str, Any]:
    concept = {"medicationCodeableConcept": making.concept(sets, phrase)}
    date = _date(phrase)
    if phrase.said in ("not taken", "not-taken"):
        return making.base("MedicationStatement") | concept | {"status": "not-taken", "effectiveDateTime": date}
    if phrase.said in ("given", "administered"):
        return making.base("MedicationAdministration") | concept | {"status": "completed", "effectiveDateTime": date}
    if phrase.said in ("taken", "stated"):
        return making.base("MedicationStatement") | concept | {"status": "active", "effectivePeriod": {"start": date}}
    if phrase.said == "dispensed":
        days = {"value": int(phrase.more["supply"])} if "supply" in phrase.more else None
        made = making.base("MedicationDispense") | concept | {"status": "completed", "whenHandedOver": date}
        return made | ({"daysSupply": days} if days else {})
    request = (
        making.base("MedicationRequest")
        | concept
        | {
            "status": phrase.more.get("status", "active"),
            "intent": phrase.more.get("intent", "order"),
            "authoredOn": date,
        }
    )
    if phrase.until:
        request["dispenseRequest"] = {"validityPeriod": {"start": date, "end": phrase.until.isoformat()}}
    if dose := phrase.more.get("dose"):
        request["dosageInstruction"] = [{"text": dose}]
    return request


def _procedure(making: Making, sets: tuple[str, ...], phrase: Phrase) -> dict[str, Any]:
    procedure = making.base("Procedure") | {
        "status": phrase.more.get("status", "completed"),
        "code": making.concept(sets, phrase),
    }
    if date := _date(phrase):
        procedure["performedDateTime"] = date
    _sited(making, procedure, phrase, listed=True)
    return procedure


def _order(making: Making, sets: tuple[str, ...], phrase: Phrase) -> dict[str, Any]:
    order = making.base("ServiceRequest") | {
        "status": phrase.more.get("status", "active"),
        "intent": phrase.more.get("intent", "order"),
        "code": making.concept(sets, phrase),
        "authoredOn": _date(phrase),
    }
    _sited(making, order, phrase, listed=True)
    return order


def _report(making: Making, sets: tuple[str, ...], phrase: Phrase) -> dict[str, Any]:
    report = making.base("DiagnosticReport") | {
        "status": phrase.more.get("status", "final"),
        "code": making.concept(sets, phrase),
        "effectiveDateTime": _date(phrase),
    }
    if phrase.side:
        report["code"] = next(
            (
                {"coding": [{"system": code.uri, "code": code.code}]}
                for name in sets
                for code in making.codes(name)
                if code.side == phrase.side and not code.prefix
            ),
            report["code"],
        )
    if conclusion := phrase.more.get("conclusion"):
        report["conclusionCode"] = [making.concept((conclusion,), type(phrase)("", None, None, "", {}))]
    return report


def _encounter(making: Making, sets: tuple[str, ...], phrase: Phrase) -> dict[str, Any]:
    start = _date(phrase)
    return making.base("Encounter") | {
        "status": phrase.more.get("status", "finished"),
        "class": {"code": "AMB"},
        "type": [making.concept(sets, phrase)],
        "period": {"start": start, "end": start},
    }


def draft_for(making: Making, sets: tuple[str, ...], phrase: Phrase, position: int) -> Mapping[str, Any]:
    """An order of the hook: a medicine where the set holds medicines, a service else."""
    concept = making.concept(sets, phrase)
    order = making.base("ServiceRequest") | {
        "id": f"draft-{position}",
        "status": "draft",
        "intent": "order",
        "authoredOn": making.now.isoformat(),
    }
    system = next((coding["system"] for coding in concept.get("coding", ())), "")
    if "rxnorm" in system or any(name.startswith("rx-") for name in sets):
        order |= {"resourceType": "MedicationRequest", "medicationCodeableConcept": concept}
    else:
        order["code"] = concept
        _sited(making, order, phrase, listed=True)
    if reason := phrase.more.get("reason"):
        order["reasonCode"] = [making.concept((reason,), type(phrase)("", None, None, "", {}))]
    return order
