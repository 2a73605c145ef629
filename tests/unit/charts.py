"""A small vocabulary and charts in a few words, for the record's own tests."""

import re
from datetime import UTC, datetime
from decimal import Decimal

from cds_service.model.criteria import Fact
from cds_service.model.frame import Frame
from cds_service.model.hook import HookCall
from cds_service.model.quantity import Unit
from cds_service.model.reading import Query, Reading
from cds_service.model.vocabulary import Analyte, TextMatch, Vocabulary
from cds_service.record.lookups import look
from cds_service.record.record import Record

NOW = datetime(2026, 6, 15, 10, tzinfo=UTC)
SNOMED, LOINC, RXNORM, ICD = (
    "http://snomed.info/sct",
    "http://loinc.org",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
    "http://hl7.org/fhir/sid/icd-10-cm",
)
SYSTEMS = {SNOMED: "snomed", LOINC: "loinc", RXNORM: "rxnorm", ICD: "icd-10-cm"}
ALL_TYPES = (
    "Patient",
    "Condition",
    "Observation",
    "MedicationRequest",
    "MedicationStatement",
    "MedicationDispense",
    "MedicationAdministration",
    "Procedure",
    "Encounter",
    "ServiceRequest",
    "DeviceRequest",
    "DiagnosticReport",
    "QuestionnaireResponse",
)
FERRITIN = Analyte(
    "ferritin",
    "Ferritin",
    Unit("ug/L"),
    {"ug/l": Unit("ug/L")},
    (),
    (Decimal(0), Decimal(100000)),
    ordered_sets=("iron-panel",),
    ordered_text=re.compile("ferritin", re.IGNORECASE),
)
VOCABULARY = Vocabulary(
    systems=SYSTEMS,
    uris={name: uri for uri, name in SYSTEMS.items()},
    sets={},
    analytes={"ferritin": FERRITIN},
    exact={
        ("snomed", "swelling"): ("swelling",),
        ("snomed", "left-swelling"): ("swelling",),
        ("snomed", "cancer"): ("cancer",),
        ("snomed", "skin-cancer"): ("cancer", "skin-cancer"),
        ("snomed", "pregnant"): ("pregnancy",),
        ("snomed", "birth"): ("delivery",),
        ("loinc", "ferritin"): ("ferritin",),
        ("loinc", "panel"): ("iron-panel",),
        ("loinc", "scan"): ("scan",),
        ("loinc", "scan-left"): ("scan",),
        ("snomed", "clot"): ("clot",),
        ("rxnorm", "iron"): ("rx-iron",),
    },
    prefixes={"R224": ("swelling",)},
    sides={("snomed", "left-swelling"): "left", ("loinc", "scan-left"): "left", ("snomed", "right"): "right"},
    side_prefixes={"R224": {"1": "right", "2": "left", "3": "both"}},
    condition_texts=(TextMatch("swelling", re.compile("swollen leg"), re.compile("no swollen"), asks=True),),
    medicine_texts=(TextMatch("rx-iron", re.compile("ferrous"), uncoded=False),),
    medicine_prefilter=re.compile("ferrous"),
    condition_prefilter=re.compile("swollen leg"),
)


def coded(system, code, text=None):
    return {"coding": [{"system": system, "code": code, "display": text or code}], **({"text": text} if text else {})}


def resource(kind, number=1, **members):
    return {"resourceType": kind, "id": f"r{number}", "subject": {"reference": "Patient/p"}} | members


def condition(code, onset="2026-06-01", clinical="active", verification="confirmed", **more):
    given = {"code": coded(SNOMED, code)} | more
    if clinical:
        given["clinicalStatus"] = coded("x", clinical)
    if verification:
        given["verificationStatus"] = coded("x", verification)
    if onset:
        given["onsetDateTime"] = onset
    return resource("Condition", code, **given)


def ferritin(value, date="2026-06-01", status="final", unit="ug/L", number=1, **more):
    return resource(
        "Observation",
        f"f{number}",
        status=status,
        code=coded(LOINC, "ferritin"),
        effectiveDateTime=date,
        valueQuantity={"value": value, "unit": unit},
        **more,
    )


def record(*resources, states=None, drafts=(), selections=(), encounter="", full_urls=(), not_kept=()):
    states = states or {}
    readings = []
    for kind in ALL_TYPES:
        found = tuple(item for item in resources if item.get("resourceType") == kind)
        extra = (
            tuple(item for item in resources if item.get("resourceType") == "Medication")
            if kind == "MedicationRequest"
            else ()
        )
        state = states.get(kind, "answered")
        back_to = None
        if isinstance(state, tuple):
            state, back_to = state
        urls = full_urls if kind == "Patient" else ()
        readings.append(Reading(Query(kind, kind, kind), state, (*found, *extra), "", back_to, urls))
    call = HookCall(
        "s", "patient-view", "h", "Practitioner/u", "p", encounter, drafts=tuple(drafts), selections=tuple(selections)
    )
    return Record(readings, call, NOW, UTC, VOCABULARY, frozenset(not_kept))


def fact(kind, *sets, type="truth", **options):
    return Fact(type, kind, sets, options=tuple(options.items()))


def ask(chart, kind, *sets, frame=None, type="truth", **options):
    return look(chart, fact(kind, *sets, type=type, **options), frame or Frame())
