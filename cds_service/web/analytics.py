"""What became of the cards, over HTTP: GET /analytics/feedback counts per rule, as JSON, CSV or NDJSON; GET
/analytics/answers gives a client its own answers one by one, in the shape US regulation asks for.

Assumed: the guard has authenticated the caller of every path below /analytics before a function here runs. A registered
client sees the cards and answers of its own name and tenant, whatever it asks for. Where no client is registered the
guard lets everybody pass; then only a caller on this machine is answered (not one behind a proxy, nor a page that
reaches this machine under another name), and not with single answers.

Counts under 10 are withheld and no parameter shows them; whoever needs them runs `cds feedback report --small-counts`
beside the database. A period is widened to whole weeks (Monday to Sunday, UTC): two reports cannot differ by one
day's cards. Two reports that differ by one week can still be subtracted: what is withheld is kept from a reader of the
report, not from a client that puts its own reports together; it sent the answers itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import chain
from typing import Any

import orjson
from flask import Blueprint, Response, request

from cds_service.bootstrap import Running
from cds_service.errors import BadRequest, NotAuthenticated
from cds_service.fhir.allowed import names_this_machine
from cds_service.store import export
from cds_service.store.analytics import DIMENSIONS, Choice, Dimension, answers, report
from cds_service.store.periods import Period, days, last_weeks, rule_code, whole_weeks
from cds_service.web.guard import caller

MOST_WEEKS = 520
_NAMES = ("weeks", "from", "to", "rule", "by", "format")
_FORMATS = ("json", "csv", "ndjson")
_TYPES = {"csv": "text/csv", "ndjson": "application/x-ndjson"}
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")


def analytics(running: Running) -> Blueprint:
    """The blueprint below /analytics. Parameters: weeks, or from and to (days, both inside); rule; by (week, client;
    repeatable); format (json, csv, ndjson). Errors: 400 for any other parameter, 401, 503 when the ledger is down.
    """
    blueprint = Blueprint("analytics", __name__, url_prefix="/analytics")
    ledger, clock = running.ledger, running.house.clock

    def choice() -> Choice:
        unknown = sorted(set(request.args) - set(_NAMES))
        if unknown:
            raise BadRequest(f"there is no parameter {unknown[0]!a}; known: {', '.join(_NAMES)}")
        who, rule = caller(), request.args.get("rule")
        own = (who.client, who.tenant) if running.registered else (None, None)
        return Choice(whole_weeks(_period(clock.rules())), rule_code(rule) if rule else None, *own)

    @blueprint.get("/feedback")
    def feedback() -> Response:
        _admit(running)
        wanted, chosen, by = _format("json"), choice(), _divisions()
        found = ledger.database.patiently(lambda: report(ledger.database, chosen, by=by))
        if wanted == "json":
            return _sent(orjson.dumps(export.as_mapping(found)), "application/json")
        return _text(iter(export.lines_of(found)), wanted, export.REPORT)

    @blueprint.get("/answers")
    def single() -> Response:
        _admit(running)
        if not running.registered:
            raise NotAuthenticated("single answers are for registered clients")
        wanted, rows = _format("ndjson"), answers(ledger.database, choice())
        if wanted == "json":
            raise BadRequest("`format` is csv or ndjson")
        # a ledger that is down is told before anything is sent
        first = ledger.database.patiently(lambda: next(rows, None))
        return _text(rows if first is None else chain([first], rows), wanted, export.ANSWERS)

    return blueprint


def _divisions() -> list[Dimension]:
    """`by=week&by=client` or `by=week,client`."""
    asked = [name for item in request.args.getlist("by") for name in item.split(",") if name]
    if not set(asked) <= {"week", "client"}:
        raise BadRequest("`by` is week or client")
    return [name for name in DIMENSIONS if name in asked]


def _admit(running: Running) -> None:
    """Without registered clients: this machine alone. Raises NotAuthenticated."""
    if running.registered:
        return
    here = names_this_machine(request.remote_addr or "") and names_this_machine(_host_name(request.host))
    if not here or any(name in request.headers for name in _FORWARDED):
        raise NotAuthenticated("analytics are for this machine while no client is registered")


def _host_name(host: str) -> str:
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _period(now: Any) -> Period:
    weeks, first, last = (request.args.get(name) for name in ("weeks", "from", "to"))
    if weeks is None:
        try:
            return days(_day("from", first), _day("to", last))
        except (ValueError, OverflowError) as error:
            raise BadRequest(f"`to`: {error}") from None
    if first or last:
        raise BadRequest("give either `weeks`, or `from` and `to`")
    if not (weeks.isascii() and weeks.isdecimal() and 0 < int(weeks[:9]) <= MOST_WEEKS):
        raise BadRequest(f"`weeks` is a whole number from 1 to {MOST_WEEKS}")
    return last_weeks(int(weeks), now)


def _day(name: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"`{name}` is a day such as 2026-03-02") from None
    if not 1900 <= day.year <= 2999:
        raise BadRequest(f"`{name}` is a day from 1900 to 2999")
    return day


def _format(usual: str) -> str:
    wanted = request.args.get("format", usual)
    if wanted not in _FORMATS:
        raise BadRequest(f"`format` is {', '.join(_FORMATS)}")
    return wanted


def _text(rows: Iterator[dict[str, Any]], wanted: str, columns: tuple[str, ...]) -> Response:
    pieces = export.as_csv(rows, columns) if wanted == "csv" else export.as_ndjson(rows)
    return _sent((piece.encode() for piece in pieces), _TYPES[wanted])


def _sent(body: bytes | Iterator[bytes], kind: str) -> Response:
    return Response(body, mimetype=kind, headers={"Cache-Control": "no-store"})
