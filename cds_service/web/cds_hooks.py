"""The CDS Hooks routes: discovery, hook calls, feedback. They read, hand over to the consultation, and write."""

from __future__ import annotations

import logging
import time
from typing import Any

import orjson
from flask import Blueprint, Response, request

from cds_service.bootstrap import Running
from cds_service.consult import Consultation, consult
from cds_service.errors import UnknownService
from cds_service.knowledge.catalogue import Catalogue
from cds_service.model.hook import HookCall, Reply
from cds_service.model.rule import Service
from cds_service.web.body import read_object
from cds_service.web.guard import caller
from cds_service.web.meters import Meters
from cds_service.web.schemas import read_call, read_feedback

log = logging.getLogger("cds_service.web")
VERDICTS = "org.cds-service.verdicts"
PROBLEMS = "org.cds-service.problems"


def cds_hooks(running: Running, meters: Meters) -> Blueprint:
    """The blueprint below /cds-services."""
    house, ledger = running.house, running.ledger
    blueprint = Blueprint("cds_hooks", __name__, url_prefix="/cds-services")
    discovered = orjson.dumps({"services": discovery(house.catalogue)})

    @blueprint.get("")
    def discover() -> Response:
        return _json(discovered)

    @blueprint.post("/<service_id>")
    def call(service_id: str) -> Response:
        started = time.perf_counter()
        service = _service(house.catalogue, service_id)
        hook_call = read_call(read_object(request), service.id, service.hook, caller())
        parsed = time.perf_counter()
        consultation = consult(hook_call, house)
        answer = _json(orjson.dumps(reply_body(consultation.reply)))
        seconds = time.perf_counter() - started
        meters.answered(service.id, seconds, consultation)
        _log_answer(hook_call, consultation, parsed - started, seconds)
        return answer

    @blueprint.post("/<service_id>/feedback")
    def feedback(service_id: str) -> Response:
        service = _service(house.catalogue, service_id)
        entries = read_feedback(read_object(request))
        who = caller()
        stored = ledger.feedback(service.id, entries, house.clock.rules(), client=who.client, tenant=who.tenant)
        meters.feedback(service.id, entries)
        return _json(orjson.dumps({"stored": stored}))

    return blueprint


def discovery(catalogue: Catalogue) -> list[dict[str, Any]]:
    """What each service says of itself; prefetch as its rules need it."""
    found = []
    for service in catalogue.services.values():
        entry: dict[str, Any] = {
            "hook": service.hook,
            "title": service.title,
            "description": service.description,
            "id": service.id,
            "prefetch": {query.key: query.template for query in catalogue.queries[service.id]},
        }
        if service.usage:
            entry["usageRequirements"] = service.usage
        found.append(entry)
    return found


def reply_body(reply: Reply) -> dict[str, Any]:
    """The reply as CDS Hooks writes it; nothing empty but `cards`."""
    extension = {name: rows for name, rows in ((VERDICTS, reply.verdicts), (PROBLEMS, reply.problems)) if rows}
    return {"cards": reply.cards} | ({"extension": extension} if extension else {})


def _service(catalogue: Catalogue, service_id: str) -> Service:
    service = catalogue.services.get(service_id)
    if service is None:
        raise UnknownService("there is no such service; GET /cds-services lists them")
    return service


def _json(body: bytes) -> Response:
    return Response(body, mimetype="application/json", headers={"Cache-Control": "no-store"})


def _log_answer(call: HookCall, consultation: Consultation, parsed: float, seconds: float) -> None:
    reply = consultation.reply
    steps = {f"{step}_ms": round(spent * 1000, 2) for step, spent in consultation.spent.items()}
    told = {
        "service": call.service,
        "client": call.client,
        "hook_instance": call.hook_instance,
        "cards": len(reply.cards),
        "problems": len(reply.problems),
        "parse_ms": round(parsed * 1000, 2),
        **steps,
        "ms": round(seconds * 1000, 2),
    }
    log.info("answered", extra=told)
