"""One chart, explained: the consultation that would have answered it, with every rule's tree. Nothing is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cds_service.batch.replay import INSTANCE, service_of
from cds_service.consult import Consultation, House, consult
from cds_service.errors import SettingsError
from cds_service.fhir.client import FhirServers
from cds_service.model.hook import FhirAccess, HookCall
from cds_service.model.verdict import Verdict
from cds_service.reasoning.explain import Explanation, explain


@dataclass(frozen=True)
class Told:
    """A consultation and the trees behind it, in the order of the cards."""

    call: HookCall
    consultation: Consultation
    trees: tuple[tuple[Verdict, Explanation], ...]


def explain_chart(call: HookCall, house: House, rules: Sequence[str] = ()) -> Told:
    """The consultation and the tree of each rule of the service, or of these alone. Raises a CdsError."""
    consultation = consult(call, house)
    trees = tuple(
        (verdict, explain(verdict.rule, verdict, consultation.evaluation))
        for verdict in consultation.verdicts
        if not rules or verdict.rule.id in rules
    )
    if rules and not trees:
        raise SettingsError(f"the service {call.service} evaluates none of these rules")
    return Told(call, consultation, trees)


def fetched(url: str, hook: str, house: House, seconds: float) -> HookCall:
    """The call for a Patient's address, everything read from that server now. Raises SettingsError."""
    base, slash, patient = url.rstrip("/").rpartition("/Patient/")
    if not slash or not patient:
        raise SettingsError("write the address of a Patient, such as https://fhir.example.org/r4/Patient/123")
    service = service_of(house.catalogue, hook)
    access = FhirAccess(base)
    call = HookCall(service.id, hook, INSTANCE, "Practitioner/desk", patient, "desk", fhir=access)
    source = FhirServers([base], seconds=seconds, production=False)
    readings = source.fetch(house.catalogue.queries[service.id], call, access)
    prefetch = {}
    for reading in readings:
        if reading.state in ("answered", "partial"):
            entry = [{"resource": item} for item in reading.resources]
            bundle = {"resourceType": "Bundle", "type": "searchset", "entry": entry}
            more = {"link": [{"relation": "next", "url": base}]} if reading.state == "partial" else {}
            single = reading.query.required
            prefetch[reading.query.key] = (
                (reading.resources[0] if reading.resources else None) if single else bundle | more
            )
    return replace(call, prefetch=prefetch, fhir=None)
