"""Runs the rules' own cases through the real path: FHIR JSON in prefetch, record, evaluation, cards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cds_service import consult
from cds_service.batch.replay import INSTANCE, service_of
from cds_service.consult import House
from cds_service.errors import CdsError, ContentError
from cds_service.knowledge.cases import PATIENT_ID, Case, load_cases
from cds_service.knowledge.catalogue import Catalogue, load
from cds_service.knowledge.site import site_of
from cds_service.model.hook import HookCall
from cds_service.model.reading import Query


@dataclass(frozen=True)
class FixedClock:
    """A clock that stands still, for cases."""

    at: datetime
    fixed: bool = True

    def rules(self) -> datetime:
        return self.at


@dataclass(frozen=True)
class CaseResult:
    case: Case
    problems: tuple[str, ...]
    consultation: consult.Consultation | None = None

    @property
    def passed(self) -> bool:
        return not self.problems


def prefetch_of(
    queries: Iterable[Query], resources: Iterable[Mapping[str, Any]], patient_id: str, unavailable: Iterable[str] = ()
) -> dict[str, Any]:
    """What a client would send for these queries if the resources were all it holds."""
    failed = set(unavailable)
    held = list(resources)
    found: dict[str, Any] = {}
    for query in queries:
        if query.type in failed:
            issue = {"severity": "error", "code": "exception"}
            found[query.key] = {"resourceType": "OperationOutcome", "issue": [issue]}
            continue
        matching = [item for item in held if item.get("resourceType") == query.type]
        if query.required:
            found[query.key] = next((item for item in matching if item.get("id") == patient_id), None)
            continue
        entry = [{"resource": item, "search": {"mode": "match"}} for item in matching]
        bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": len(entry)}
        found[query.key] = bundle | ({"entry": entry} if entry else {})
    return found


def call_of(catalogue: Catalogue, case: Case) -> HookCall:
    service = service_of(catalogue, case.hook)
    return HookCall(
        service=service.id,
        hook=case.hook,
        hook_instance=INSTANCE,
        user_id="Practitioner/case",
        patient_id=PATIENT_ID,
        encounter_id="case-encounter",
        prefetch=prefetch_of(catalogue.queries[service.id], case.resources, PATIENT_ID, case.unavailable),
        drafts=case.drafts,
    )


def run_rule(house: House, rule_id: str) -> list[CaseResult]:
    """Every case of one rule, each at its own time and under its own site."""
    catalogue = house.catalogue
    cases = load_cases(catalogue.content, catalogue, catalogue.rules[rule_id])
    return [run_case(house, case) for case in cases]


def run_case(house: House, case: Case) -> CaseResult:
    try:
        if case.site is not None:
            house = replace(house, catalogue=load(house.catalogue.content, site_of(case.site)))
        house = replace(house, clock=FixedClock(case.now), ledger=None, source=None)
        consultation = consult.consult(call_of(house.catalogue, case), house)
    except (CdsError, ContentError) as error:
        return CaseResult(case, (f"{type(error).__name__}: {error}",))
    return CaseResult(case, tuple(_differences(case, consultation)), consultation)


def _differences(case: Case, consultation: consult.Consultation) -> Iterable[str]:
    verdict = next((item for item in consultation.verdicts if item.rule.id == case.rule), None)
    if verdict is None:
        yield f"the rule is not evaluated on {case.hook}"
        return
    entry = next((item for item in consultation.reply.verdicts if item["code"] == verdict.rule.code), {})
    got = (
        verdict.outcome.name
        if verdict.outcome
        else {"false": "silent", "closed": "silent"}.get(verdict.state, verdict.state)
    )
    unseen = case.site is None and verdict.rule.showing == "silent"  # by the site under which the cases are run
    if unseen and verdict.rule.collected:
        return
    if verdict.rule.collected:
        got = entry.get("outcome", "silent")
    if got != case.expect:
        yield f"expected {case.expect}, got {got}"
        return
    if case.orders is not None and verdict.outcome:
        offered = [
            line.order
            for line in verdict.outcome.orders
            if line.when is None or consultation.evaluation.truth(line.when) is True
        ]
        if sorted(offered) != sorted(case.orders):
            yield f"expected the orders {sorted(case.orders)}, got {sorted(offered)}"
    if case.indicator and _indicator(consultation, entry, verdict.indicator) != case.indicator:
        yield f"expected {case.indicator}, got {_indicator(consultation, entry, verdict.indicator)}"
    if unseen:
        return
    if case.held and case.held != entry.get("because"):
        yield f"expected to be held ({case.held}), got {entry.get('because') or entry.get('outcome') or 'no entry'}"
    text = " ".join(f"{card['summary']} {card.get('detail', '')}" for card in consultation.reply.cards)
    for words in case.says:
        if words not in text:
            yield f"the cards do not say `{words}`"
    for words in case.unsaid:
        if words in text:
            yield f"the cards say `{words}`"


def _indicator(consultation: consult.Consultation, entry: Mapping[str, Any], own: str) -> str:
    """A line of a merged card has its own level; a card's level is what is shown."""
    card = next((item for item in consultation.reply.cards if item["uuid"] == entry.get("card")), None)
    topic = card["source"]["topic"]["code"] if card else ""
    return str(card["indicator"]) if card and topic == entry.get("code") else own
