"""Suggested orders as draft FHIR ServiceRequests: the one place where a card speaks FHIR.

The template is content; here only subject, encounter, requester, dates, reason, side and priority are filled in. Only
creates of ServiceRequests leave here: no medicine, no delete, no update.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from cds_service.cards.escaping import clean, plain
from cds_service.cards.profiles import Profile
from cds_service.model.criteria import AllOf, AnyOf, CountOf, Fact, FirstOf, Known, Named, Node
from cds_service.model.hook import HookCall
from cds_service.model.memory import Held
from cds_service.model.rule import Coding, Indicator, Order, Outcome, Rule
from cds_service.reasoning.evaluate import Evaluation

PRIORITIES: Mapping[str, str] = {"critical": "stat", "warning": "urgent", "info": "routine"}
_REASON_KINDS = ("symptom", "sign", "condition")
_REQUESTER = re.compile(
    r"(Practitioner|PractitionerRole|Organization|Patient|RelatedPerson|Device)/[A-Za-z0-9\-.]{1,64}\Z"
)
_ENCOUNTER = re.compile(r"(?:Encounter/)?([A-Za-z0-9\-.]{1,64})\Z")


@dataclass(frozen=True, slots=True)
class Offer:
    """One order a card offers, and the rule that wants it."""

    order: Order
    rule: Rule
    codes: tuple[Coding, ...]
    side: str = ""

    @property
    def keys(self) -> frozenset[tuple[str, str]]:
        """What makes it the same order as another: any code the two share."""
        return frozenset((coding.system, coding.code) for coding in self.codes) or frozenset({("", self.order.name)})


@dataclass(frozen=True, slots=True)
class Basket:
    """What every order of one answer shares."""

    evaluation: Evaluation
    call: HookCall
    now: datetime
    profile: Profile
    site_orders: Mapping[str, Mapping[str, str]]
    signature: str  # "Suggested by …": the service's title
    held: Mapping[str, Held]


def offers(rule: Rule, outcome: Outcome, orders: Mapping[str, Order], evaluation: Evaluation) -> tuple[Offer, ...]:
    """The orders an outcome offers this patient: those without a condition, or whose condition is true; each once."""
    found: dict[str, Offer] = {}
    for line in outcome.orders:
        order = orders.get(line.order)
        if order is None or line.order in found or (line.when is not None and evaluation.truth(line.when) is not True):
            continue
        side = _side(rule, order, evaluation)
        found[line.order] = Offer(order, rule, order.by_side.get(side) or order.codes or _widest(order), side)
    return tuple(found.values())


def not_taken(offered: Sequence[Offer], basket: Basket) -> tuple[Offer, ...]:
    """Without the orders a clinician accepted lately: they are on their way though the chart does not show them yet."""
    if not basket.held:
        return tuple(offered)
    return tuple(offer for offer in offered if not _accepted(offer, basket))


def _accepted(offer: Offer, basket: Basket) -> bool:
    """Was this order, by the first code it is sent with (its text where it has none), accepted, and does that hold?"""
    concept = _concept(offer, basket)
    sent = next(iter(concept.get("coding", ())), None)
    name = f"{sent.get('system', '')}|{sent['code']}" if sent else f"|{concept['text']}"
    earlier = basket.held.get(f"order:{name}")
    return earlier is not None and earlier.outcome == "accepted" and earlier.covers("info")


def _side(rule: Rule, order: Order, evaluation: Evaluation) -> str:
    """The side the order is for; "" when it has none or nobody said."""
    node = rule.names.get(order.side) if order.side else None
    labels = evaluation.choice(node) if node is not None else frozenset()
    return next(iter(labels)) if len(labels) == 1 else ""


def _widest(order: Order) -> tuple[Coding, ...]:
    """While the side is unknown: both, else whatever there is."""
    return order.by_side.get("both") or next(iter(order.by_side.values()), ())


def suggestions(offered: Sequence[Offer], level: Indicator, alternatives: bool, basket: Basket) -> dict[str, Any]:
    """The card's `suggestions` and `selectionBehavior`; nothing when there are no orders."""
    if not offered:
        return {}
    profile = basket.profile
    reasons: dict[str, dict[str, Any] | None] = {}
    actions = [_action(offer, level, basket, reasons) for offer in offered]
    behaviour = profile.behaviour("at-most-one" if alternatives and len(offered) > 1 else "any")
    one_only = behaviour == "at-most-one" or alternatives
    found = [
        _suggestion(_label(offer), [action], position == 0 or not one_only, profile)
        for position, (offer, action) in enumerate(zip(offered, actions, strict=True))
    ]
    if profile.bundle and not alternatives and len(offered) > 1:
        for suggestion in found:
            suggestion.pop("isRecommended", None)
        label = f"All {len(offered)}: {', '.join(offer.order.text for offer in offered)}"
        found.insert(0, _suggestion(plain(label), actions, True, profile))
    return {"suggestions": found, "selectionBehavior": behaviour}


def _suggestion(label: str, actions: list[dict[str, Any]], recommended: bool, profile: Profile) -> dict[str, Any]:
    suggestion: dict[str, Any] = {"label": label}
    if profile.takes("suggestion.uuid"):
        suggestion["uuid"] = str(uuid4())
    if recommended and profile.takes("suggestion.isRecommended"):
        suggestion["isRecommended"] = True
    suggestion["actions"] = actions
    return suggestion


def _label(offer: Offer) -> str:
    return f"{offer.order.label} ({offer.side})" if offer.side else offer.order.label


def _action(
    offer: Offer, level: Indicator, basket: Basket, reasons: dict[str, dict[str, Any] | None]
) -> dict[str, Any]:
    if offer.rule.id not in reasons:
        reasons[offer.rule.id] = reason(offer.rule, basket.evaluation)
    resource = service_request(offer, level, basket, reasons[offer.rule.id])
    return {"type": "create", "description": _label(offer), "resource": resource}


def service_request(
    offer: Offer, level: Indicator, basket: Basket, reason_code: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The draft, complete: an R4 ServiceRequest of this patient."""
    order, call = offer.order, basket.call
    request: dict[str, Any] = {"resourceType": "ServiceRequest", "status": "draft", "intent": "order"}
    if (category := basket.profile.categories.get(order.category)) is not None:
        request["category"] = [{"coding": [_coding(category)]}]
    request["priority"] = order.priority if order.priority != "by-indicator" else PRIORITIES[level]
    request["code"] = _concept(offer, basket)
    request["subject"] = {"reference": f"Patient/{call.patient_id}"}
    if call.encounter_id and (found := _ENCOUNTER.match(call.encounter_id)):
        request["encounter"] = {"reference": f"Encounter/{found[1]}"}
    if day := _planned(offer, basket.evaluation):
        request["occurrenceDateTime"] = day
    request["authoredOn"] = basket.now.isoformat(timespec="seconds")
    if _REQUESTER.match(call.user_id):
        request["requester"] = {"reference": call.user_id}
    if reason_code:
        request["reasonCode"] = [reason_code]
    if (site := order.body_site.get(offer.side)) is not None:
        request["bodySite"] = [{"coding": [_coding(site)]}]
    notes = [order.note] if order.note else []
    notes.append(f"Suggested by {basket.signature}, rule {offer.rule.id.upper()}")
    request["note"] = [{"text": note} for note in notes]
    return request


def samples(order: Order, basket: Basket, rule: Rule) -> list[dict[str, Any]]:
    """The order as it would be sent, once for each side it knows: for checking the templates against FHIR."""
    sides = list(order.by_side) or [""]
    found = [Offer(order, rule, order.by_side.get(side) or order.codes, side) for side in sides]
    return [service_request(offer, "info", basket) for offer in found]


def _concept(offer: Offer, basket: Basket) -> dict[str, Any]:
    coding = _codings(offer, basket)
    text = f"{offer.order.text}, {offer.side}" if offer.side else offer.order.text
    return {"coding": coding, "text": text} if coding else {"text": text}


def _codings(offer: Offer, basket: Basket) -> list[dict[str, str]]:
    """The codes as sent: the site's own where it has one, ours beside it unless the client wants its own alone.

    A site names our code, or the order itself where we have none (referrals).
    """
    wanted = basket.profile.site_codes
    own = [_coding(item) for item in offer.codes]
    names = [item.code for item in offer.codes] or [offer.order.name]
    rows = [basket.site_orders[name] for name in names if name in basket.site_orders]
    if not rows or wanted == "none":
        return own
    site = [{key: row[key] for key in ("system", "code", "display") if row.get(key)} for row in rows]
    return site if wanted == "replace" else site + own


def _coding(coding: Coding) -> dict[str, str]:
    found = {"system": coding.system, "code": coding.code}
    if coding.display:
        found["display"] = coding.display
    return found


def _planned(offer: Offer, evaluation: Evaluation) -> str:
    """The day an order is for, counted from a fact's date; "" when it has none."""
    order = offer.order
    node = offer.rule.names.get(order.after) if order.after_days is not None else None
    if node is None or (dated := evaluation.answer(node).dated) is None:
        return ""
    return (dated + timedelta(days=order.after_days or 0)).date().isoformat()


def reason(rule: Rule, evaluation: Evaluation) -> dict[str, Any] | None:
    """The coding of the symptom that opened the rule, as the chart has it; None when the evidence has none."""
    if rule.when is None:
        return None
    found: dict[str, dict[str, Any]] = {}
    for fact in _holding(rule.when, evaluation):
        if fact.kind in found:
            continue
        for item in evaluation.answer(fact).evidence:
            if item.concept and (concept := _tidy(item.concept)):
                if fact.kind == _REASON_KINDS[0]:
                    return concept
                found.setdefault(fact.kind, concept)
    return next((found[kind] for kind in _REASON_KINDS if kind in found), None)


def _holding(node: Node, evaluation: Evaluation) -> Iterator[Fact]:
    """The true findings a true criterion rests on, in reading order, looked at one by one."""
    match node:
        case Named() | Known():
            yield from _holding(node.node if isinstance(node, Named) else node.item, evaluation)
        case Fact():
            if node.kind in _REASON_KINDS and evaluation.truth(node) is True:
                yield node
        case AllOf() | AnyOf() | CountOf():
            for item in node.items:
                if evaluation.truth(item) is True:
                    yield from _holding(item, evaluation)
        case FirstOf():
            for when, then in node.rows:
                if evaluation.truth(when) is True:
                    yield from _holding(then, evaluation)
                    return


def _tidy(concept: Mapping[str, Any]) -> dict[str, Any] | None:
    """A copy that is valid whatever the chart holds: the first coding with system and code, else the words."""
    codings = concept.get("coding")
    for coding in codings if isinstance(codings, list) else ():
        if not isinstance(coding, dict):
            continue
        members = {key: coding.get(key) for key in ("system", "code", "display")}
        parts = {key: words for key, value in members.items() if isinstance(value, str) and (words := clean(value))}
        if "code" in parts and " " not in parts.get("system", " "):
            return {"coding": [parts]}
    spoken = concept.get("text")
    return {"text": clean(spoken)} if isinstance(spoken, str) and clean(spoken) else None
