"""Whole consultations over a ledger, with the demo's people: requests as an EHR sends them, a clock that is moved."""

import functools
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from cds_service.cards.profiles import load_profiles
from cds_service.consult import House, consult
from cds_service.knowledge.catalogue import load
from cds_service.knowledge.content import Content
from cds_service.ports import Caller
from cds_service.web.schemas import read_call
from tests.support.golden import NOW, ROOT, requests

OPEN = Caller()


@functools.cache
def content():
    catalogue = load(Content.at(ROOT / "hooks"))
    return catalogue, load_profiles(catalogue.content.table("profiles.yaml"))


@functools.cache
def _written():
    return {name: (service, json.dumps(body)) for name, service, body in requests()}


def names():
    return sorted(_written())


def request(name):
    """(service, body) of a request such as `cramps.order-select`; the body is the caller's own."""
    service, body = _written()[name]
    return service, json.loads(body)


@dataclass
class Clock:
    at: datetime
    fixed = False

    def rules(self):
        return self.at


class Ward:
    """Somebody opens charts and answers cards. `ask` and `answer` may go through different ledgers, as workers do."""

    def __init__(self, *ledgers):
        catalogue, profiles = content()
        self.clock = Clock(NOW)
        self.houses = [
            House(catalogue, self.clock, UTC, "http://localhost:8000", ledger=ledger, profiles=profiles)
            for ledger in ledgers
        ]
        self.turn = 0

    def _next(self):
        self.turn += 1
        return self.houses[self.turn % len(self.houses)]

    def ask(self, name, *, body=None, user=None, caller=OPEN):
        service, written = request(name)
        body = body or written
        if user:
            body["context"]["userId"] = user
        house = self._next()
        call = read_call(body, service, house.catalogue.services[service].hook, caller)
        return consult(call, house).reply

    def answer(self, *entries, caller=OPEN):
        told = [{"outcomeTimestamp": self.clock.at.isoformat(), **entry} for entry in entries]
        house = self._next()
        return house.ledger.feedback("leg-symptoms", told, self.clock.at, client=caller.client, tenant=caller.tenant)

    def dismiss(self, *cards, **further):
        return self.answer(*({"card": card["uuid"], "outcome": "overridden"} for card in cards), **further)


def topics(reply):
    return [card["source"]["topic"]["code"] for card in reply.cards]


def held(reply):
    return {entry["code"]: entry["because"] for entry in reply.verdicts if entry["outcome"] == "held"}
