"""For whoever runs it: is it alive, can it answer, what has it counted; and the leg form, for whoever renders it."""

from __future__ import annotations

import orjson
from flask import Blueprint, Response

from cds_service.bootstrap import Running
from cds_service.errors import UnknownService
from cds_service.web.meters import CONTENT_TYPE, Meters


def ops(running: Running, meters: Meters) -> Blueprint:
    """/healthz, /readyz, /metrics and /forms/leg: open to anyone who reaches the port, nothing of a patient in them."""
    blueprint = Blueprint("ops", __name__)
    house, ledger = running.house, running.ledger
    form = orjson.dumps(house.catalogue.content.table("forms", "leg.yaml", required=False))

    @blueprint.get("/healthz")
    def healthz() -> Response:
        """This process answers. It says so when its clock stands still."""
        told = {"status": "ok", "rules": len(house.catalogue.rules), "site": house.catalogue.site.name}
        if house.clock.fixed:
            told["now"] = house.clock.rules().isoformat()
        return _json(told)

    @blueprint.get("/readyz")
    def readyz() -> Response:
        """Calls can be answered. A ledger that is down does not stop them, so it is told and not a failure."""
        return _json({"status": "ok", "ledger": "up" if ledger.database.probe() else "down"})

    @blueprint.get("/metrics")
    def metrics() -> Response:
        return Response(meters.page(ledger), content_type=CONTENT_TYPE)

    @blueprint.get("/forms/leg")
    def leg_form() -> Response:
        if form == b"{}":
            raise UnknownService("this content has no leg form")
        return Response(form, mimetype="application/fhir+json")

    return blueprint


def _json(told: dict[str, object]) -> Response:
    return Response(orjson.dumps(told), mimetype="application/json", headers={"Cache-Control": "no-store"})
