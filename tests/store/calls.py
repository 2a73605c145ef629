"""Hook calls and replies for tests of the ledger."""

import uuid
from datetime import UTC, datetime

from cds_service.model.hook import HookCall, Reply

NOW = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)
SECRET = b"a secret for tests alone, 32 long"


def call(patient="p1", user="Practitioner/u1", client="", tenant="", hook="patient-view", service="leg-symptoms"):
    return HookCall(service, hook, str(uuid.uuid4()), user, patient, client=client, tenant=tenant)


def card(code="FE02", indicator="info", orders=(), behavior="any", title="Low iron", priority="routine", planned=None):
    """One card; each order ("2276-4") is a suggestion of its own."""
    made = {
        "uuid": str(uuid.uuid4()),
        "summary": "Ferritin 12 ng/mL",
        "indicator": indicator,
        "detail": "MARKER-DETAIL",
        "source": {"label": "WHO 2020", "topic": {"system": "http://x/rules", "code": code, "display": title}},
    }
    if orders:
        made["selectionBehavior"] = behavior
        made["suggestions"] = [suggestion(order, priority, planned) for order in orders]
    return made


def suggestion(order, priority="routine", planned=None):
    resource = {
        "resourceType": "ServiceRequest",
        "priority": priority,
        "code": {"coding": [{"system": "http://loinc.org", "code": order}], "text": "MARKER-TEXT"},
    }
    if planned:
        resource["occurrenceDateTime"] = planned
    return {"label": "Order", "uuid": str(uuid.uuid4()), "actions": [{"type": "create", "resource": resource}]}


def reply(*cards, version="1.0.0", lines=(), asked=()):
    """A reply of these cards; `lines` and `asked` are rule codes on the first card."""
    verdicts = [
        {"code": item["source"]["topic"]["code"], "version": version, "outcome": "fired", "card": item["uuid"]}
        for item in cards
        if item["source"]["topic"]["code"] != "ASK"
    ]
    for outcome, codes in (("fired", lines), ("asked", asked)):
        verdicts += [{"code": code, "version": version, "outcome": outcome, "card": cards[0]["uuid"]} for code in codes]
    return Reply(list(cards), verdicts)


def overridden(item, reason=None, comment=None, at=NOW, **further):
    entry = {"card": item["uuid"], "outcome": "overridden", "outcomeTimestamp": at.isoformat(), **further}
    override = {}
    if reason:
        override["reason"] = {"code": reason, "system": "http://x/override-reasons", "display": reason.title()}
    if comment:
        override["userComment"] = comment
    return {**entry, "overrideReason": override} if override else entry


def accepted(item, *numbers, at=NOW):
    taken = [{"id": item["suggestions"][number]["uuid"]} for number in numbers]
    return {
        "card": item["uuid"],
        "outcome": "accepted",
        "acceptedSuggestions": taken,
        "outcomeTimestamp": at.isoformat(),
    }
