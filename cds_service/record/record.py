"""One patient's chart, indexed once: every coding is looked up once, and every fact is then a lookup by name.

Holds raw dicts and no copies. A resource of another patient never counts; one bad resource costs that resource.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any

from cds_service.model.answer import Reason
from cds_service.model.frame import Frame
from cds_service.model.hook import HookCall, Problem
from cds_service.model.reading import Reading
from cds_service.model.vocabulary import TextMatch, Vocabulary
from cds_service.record.entries import Entry, table, tables, word
from cds_service.record.moments import Moment, midnight_of, read_moment
from cds_service.record.ownership import Ownership

# Where each type keeps the concepts worth indexing: (role, path of members).
CONCEPTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "Condition": (("Condition", "code"),),
    "Observation": (("Observation", "code"), ("Observation.value", "valueCodeableConcept")),
    "Encounter": (("Encounter.reason", "reasonCode"), ("Encounter.type", "type")),
    "Procedure": (("Procedure", "code"),),
    "ServiceRequest": (("requested", "code"),),
    "DeviceRequest": (("requested", "codeCodeableConcept"),),
    "DiagnosticReport": (("DiagnosticReport", "code"), ("DiagnosticReport.conclusion", "conclusionCode")),
    "MedicationRequest": (("medication", "medicationCodeableConcept"),),
    "MedicationStatement": (("medication", "medicationCodeableConcept"),),
    "MedicationDispense": (("medication", "medicationCodeableConcept"),),
    "MedicationAdministration": (("medication", "medicationCodeableConcept"),),
}
MEDICATION_TYPES = ("MedicationRequest", "MedicationStatement", "MedicationDispense", "MedicationAdministration")
TEST_SYSTEM = "loinc"
WITHOUT_TEST_CODE = "~"
_UNCODED_ROLES = {"Condition", "Observation", "Observation.value", "Encounter.reason", "requested", "draft", "basket"}


class Record:
    """What one call knows of one patient.

    `entries(role, names)` gives the resources in a value set; `earned(types, frame)` says whether silence means no.
    """

    def __init__(
        self,
        readings: Sequence[Reading],
        call: HookCall,
        now: datetime,
        zone: tzinfo,
        vocabulary: Vocabulary,
        not_kept: frozenset[str] = frozenset(),
    ):
        self.call = call
        self.now = now
        self.zone = zone
        self.horizon = now + timedelta(hours=24)
        self.midnight = midnight_of(now, zone)
        self.vocabulary = vocabulary
        self.problems: list[Problem] = []
        self.patient: Mapping[str, Any] | None = None
        self.forms: list[Mapping[str, Any]] = []
        self.form_cache: dict[str, Any] = {}
        self.observations: dict[str, object] = {}  # by analyte, as `lookups.results` keeps them
        self._index: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        self._readings: dict[str, list[Reading]] = defaultdict(list)
        # types whose silence always means no
        self._complete = {reading.query.type for reading in readings if reading.state == "answered"} | not_kept
        self._medications: dict[str, Mapping[str, Any]] = {}
        self._known: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = {}  # what a coding's system and code are
        ownership = Ownership(call.patient_id, readings)
        self._take_in(readings, ownership)
        self._take_in_drafts(ownership)
        for _ in range(ownership.foreign):
            self.problems.append(Problem("resource", "subject", "belongs to another patient: not used"))

    # ---------------------------------------------------------------- building

    def _take_in(self, readings: Sequence[Reading], ownership: Ownership) -> None:
        chosen: dict[tuple[str, str], Mapping[str, Any]] = {}
        loose: list[Mapping[str, Any]] = []
        for reading in readings:
            self._readings[reading.query.type].append(reading)
            for position, resource in enumerate(reading.resources):
                if resource.get("resourceType") == "Medication":
                    self._keep_medication(resource, reading, position)
                elif ownership.is_theirs(resource):
                    _keep_newest(resource, chosen, loose)
        for resource in (*chosen.values(), *loose):
            self._index_safely(resource)

    def _keep_medication(self, resource: Mapping[str, Any], reading: Reading, position: int) -> None:
        if identifier := word(resource.get("id")):
            self._medications[f"Medication/{identifier}"] = resource
        if position < len(reading.full_urls) and reading.full_urls[position]:
            self._medications[reading.full_urls[position]] = resource

    def _take_in_drafts(self, ownership: Ownership) -> None:
        """Every draft is in the basket; only the selected ones are what this hook is about (none selected: all are).

        A draft that says something shall not be done orders nothing.
        """
        chosen = set(self.call.selections)
        for draft in self.call.drafts:
            kind = word(draft.get("resourceType"))
            if (kind and not ownership.is_theirs(draft)) or draft.get("doNotPerform") is True:
                continue
            selected = not chosen or f"{kind}/{word(draft.get('id'))}" in chosen or word(draft.get("id")) in chosen
            for concept in self._draft_concepts(draft):
                self._index_concept("basket", concept, kind, draft, draft)
                if selected:
                    self._index_concept("draft", concept, kind, draft, draft)

    def _draft_concepts(self, draft: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        for name in ("medicationCodeableConcept", "code", "codeCodeableConcept"):
            yield from tables(draft.get(name))
        if medication := self.medication_of(draft):
            yield medication

    def _index_safely(self, resource: Mapping[str, Any]) -> None:
        try:
            self._index_resource(resource)
        except (TypeError, ValueError, AttributeError, KeyError):
            self.problems.append(Problem("resource", word(resource.get("resourceType")), "could not be read: not used"))

    def _index_resource(self, resource: Mapping[str, Any]) -> None:
        kind = resource["resourceType"]
        if kind == "Patient":
            self.patient = resource
            return
        if kind == "QuestionnaireResponse":
            self.forms.append(resource)
            return
        for role, member in CONCEPTS.get(kind, ()):
            concepts = resource.get(member)
            if concepts is not None:
                for concept in tables(concepts):
                    self._index_concept(role, concept, kind, resource, resource)
        if kind == "Observation" and "component" in resource:
            for part in tables(resource["component"]):
                for role, member in CONCEPTS["Observation"]:
                    for concept in tables(part.get(member)):
                        self._index_concept(role, concept, kind, resource, part)
        elif kind in MEDICATION_TYPES and (medication := self.medication_of(resource)):
            self._index_concept("medication", medication, kind, resource, resource)
        elif kind == "Encounter":
            for concept in tables(table(resource.get("hospitalization")).get("dischargeDisposition")):
                self._index_concept("Encounter.type", concept, kind, resource, resource)

    def _index_concept(
        self, role: str, concept: Mapping[str, Any], kind: str, raw: Mapping[str, Any], part: Mapping[str, Any]
    ) -> None:
        vocabulary = self.vocabulary
        coded = loinc = False
        found: set[str] = set()
        for coding in tables(concept.get("coding")):
            code = coding.get("code")
            if not isinstance(code, str):
                continue
            system, names = self._meaning(coding.get("system"), code)
            if not system:
                continue
            coded = True
            loinc = loinc or system == TEST_SYSTEM
            for name in names:
                if name not in found:
                    found.add(name)
                    self._index[role, name].append(Entry(kind, raw, part, concept, system, code))
        if role in ("medication", "draft", "basket"):
            self._index_words(
                role, concept, kind, raw, part, found, vocabulary.medicine_texts, vocabulary.medicine_prefilter
            )
        if not coded and role in _UNCODED_ROLES:
            self._index_words(
                role, concept, kind, raw, part, found, vocabulary.condition_texts, vocabulary.condition_prefilter
            )
        if role in ("requested", "basket") and not loinc:
            self._index[role, WITHOUT_TEST_CODE].append(Entry(kind, raw, part, concept))

    def _meaning(self, uri: object, code: str) -> tuple[str, tuple[str, ...]]:
        """The short name of the system ("" for one that is not ours) and every set the code belongs to."""
        if not isinstance(uri, str):
            return "", ()
        known = self._known.get((uri, code))
        if known is None:
            system = self.vocabulary.system(uri)
            known = self._known[uri, code] = (system, self.vocabulary.names(system, code) if system else ())
        return known

    def _index_words(
        self,
        role: str,
        concept: Mapping[str, Any],
        kind: str,
        raw: Mapping[str, Any],
        part: Mapping[str, Any],
        found: set[str],
        matches: Sequence[TextMatch],
        prefilter: re.Pattern[str] | None,
    ) -> None:
        texts = [text for text in _texts(concept) if len(text) <= 500]
        if prefilter is None or not any(prefilter.search(text) for text in texts):
            return
        for match in matches:
            if match.name not in found and any(match.found_in(text) for text in texts):
                found.add(match.name)
                self._index[role, match.name].append(Entry(kind, raw, part, concept, asks=match.asks))

    # ---------------------------------------------------------------- asking

    def entries(self, role: str, names: Iterable[str]) -> list[Entry]:
        """Every entry in any of the named sets, once each, in the order of the answers."""
        index = self._index
        lists = [found for name in names if (found := index.get((role, name)))]
        if len(lists) < 2:
            return lists[0] if lists else []
        return list({id(entry.part): entry for found in reversed(lists) for entry in reversed(found)}.values())[::-1]

    def holds_any(self, places: Iterable[tuple[str, str]]) -> bool:
        """Is there anything at one of these places, each a role and the name of a set?"""
        return not self._index.keys().isdisjoint(places)

    def without_test_code(self, role: str) -> list[Entry]:
        """Orders whose concept carries no code of the tests' system: their words may say what they are."""
        return self._index.get((role, WITHOUT_TEST_CODE), [])

    def moment(self, text: object) -> Moment | None:
        return read_moment(text, self.zone)

    def earned(self, types: Iterable[str], frame: Frame) -> Reason | None:
        """None when silence of these types within the frame means no; else why it does not."""
        for kind in types:
            if kind not in self._complete and (reason := self._silence(kind, frame)):
                return reason
        return None

    def _silence(self, kind: str, frame: Frame) -> Reason | None:
        """Of a type no query of which was answered completely."""
        worst: Reason | None = None
        for reading in self._readings.get(kind, ()):
            if reading.state == "partial":
                if reading.back_to and frame.start and reading.back_to <= frame.start:
                    return None
                worst = Reason("partial", kind, reading.why)
            elif reading.state == "failed" and (worst is None or worst.why == "not asked"):
                worst = Reason("failed", kind, reading.why)
            elif worst is None:
                worst = Reason("not asked", kind, reading.why)
        return worst or Reason("not asked", kind)

    def medication_of(self, resource: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The code of the Medication a request points at: contained, or brought along; else the name the reference has.

        None when neither can be had.
        """
        pointer = table(resource.get("medicationReference"))
        reference = word(pointer.get("reference"))
        named = {"text": name} if (name := word(pointer.get("display"))) else None
        if reference.startswith("#"):
            for contained in tables(resource.get("contained")):
                if word(contained.get("id")) == reference[1:]:
                    return table(contained.get("code"))
            return named
        found = self._medications.get(reference) or self._medications.get("/".join(reference.split("/")[-2:]))
        return table(found.get("code")) if found else named


def _texts(concept: Mapping[str, Any]) -> list[str]:
    texts = [text for coding in tables(concept.get("coding")) if isinstance(text := coding.get("display"), str)]
    if isinstance(text := concept.get("text"), str):
        texts.append(text)
    return texts


def _keep_newest(
    resource: Mapping[str, Any], chosen: dict[tuple[str, str], Mapping[str, Any]], loose: list[Mapping[str, Any]]
) -> None:
    """The same resource in two keys counts once: the newest `meta.lastUpdated`."""
    identifier = resource.get("id")
    if not isinstance(identifier, str):
        loose.append(resource)
        return
    key = (resource["resourceType"], identifier)
    earlier = chosen.get(key)
    if earlier is None or _updated(resource) > _updated(earlier):
        chosen[key] = resource


def _updated(resource: Mapping[str, Any]) -> str:
    return word(table(resource.get("meta")).get("lastUpdated"))
