"""Errors become a status and a FHIR OperationOutcome here, by one table. A caller sees no trace, token or value.

What nobody foresaw is a 500 with an incident id; the log has the same id and where it happened.
"""

from __future__ import annotations

import logging
from uuid import uuid4

import orjson
from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from cds_service import errors

log = logging.getLogger("cds_service.web")

STATUS: dict[type[errors.CdsError], int] = {
    errors.BadRequest: 400,
    errors.WrongPatient: 400,
    errors.NotAuthenticated: 401,
    errors.UnknownService: 404,
    errors.NeedsData: 412,
    errors.TooLarge: 413,
    errors.WrongMediaType: 415,
    errors.TooMany: 429,
    errors.EveryRuleFailed: 500,
    errors.Unavailable: 503,
}
_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "60"}, 503: {"Retry-After": "5"}}
_FRAMEWORK = {400: "invalid", 404: "not-found", 405: "not-supported", 413: "too-long", 415: "not-supported"}


def outcome(status: int, code: str, text: str) -> Response:
    """An OperationOutcome with one error."""
    issue = {"severity": "error", "code": code, "diagnostics": text}
    body = orjson.dumps({"resourceType": "OperationOutcome", "issue": [issue]})
    return Response(body, status, headers=_HEADERS.get(status), mimetype="application/json")


def register(app: Flask) -> None:
    """Answers every error of the app."""
    app.register_error_handler(errors.CdsError, _ours)
    app.register_error_handler(HTTPException, _frameworks)
    app.register_error_handler(Exception, _unforeseen)


def _ours(error: errors.CdsError) -> Response:
    status = STATUS.get(type(error), 500)
    if status == 500:
        return _unforeseen(error)
    log.warning("refused", extra={"status": status, "reason": _reason(error)})
    return outcome(status, error.code, str(error))


def _reason(error: errors.CdsError) -> str:
    """For the log: what the caller sent stays out of it."""
    if isinstance(error, errors.NotAuthenticated):
        return error.reason
    return str(error) if isinstance(error, errors.NeedsData) else error.code


def _frameworks(error: HTTPException) -> Response:
    """What the framework refuses: unknown paths and methods. Its pages are replaced, its headers (Allow) are kept."""
    status = error.code or 500
    answer = outcome(status, _FRAMEWORK.get(status, "processing"), error.name)
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        answer.headers["Allow"] = ", ".join(sorted(allowed))
    return answer


def _unforeseen(error: Exception) -> Response:
    incident = uuid4().hex
    log.error("incident", exc_info=error, extra={"incident": incident, "error": type(error).__name__})
    return outcome(500, "exception", f"incident {incident}")
