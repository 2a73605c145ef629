"""A hook call and a feedback body as marshmallow reads them: every mistake named at once, unknown members ignored.

Drafts and selections are read as leniently as the CDS Hooks Sandbox needs; resources are not looked into. Messages
name members and never quote values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

from cds_service.errors import BadRequest
from cds_service.model.hook import FhirAccess, HookCall
from cds_service.ports import Caller

MOST_FEEDBACK = 1_000
LONGEST_ID = 255
LONGEST_COMMENT = 20_000
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
_BARE_ID = re.compile(r"[^\s/?#]+\Z")
_IN_UTC = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:)(\d\d)(?:\.\d{1,9})?(?:Z|[+-]00:00)\Z", re.IGNORECASE)
_ENCOUNTER_HOOKS = ("encounter-start", "encounter-discharge")


class _Open(Schema):
    """Unknown members are ignored: a newer client may send more."""

    class Meta:
        unknown = EXCLUDE


def _text(most: int = LONGEST_ID, **more: Any) -> Any:
    return fields.String(validate=[validate.Length(1, most), validate.Regexp(r"\s*\S", error="is blank")], **more)


class _Object(fields.Field[Any]):
    """A JSON object, not looked into."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError("must be an object")
        return value


class _ContextSchema(_Open):
    userId = _text(2_000, required=True)
    patientId = fields.String(
        required=True,
        validate=[
            validate.Length(1, LONGEST_ID),
            validate.Regexp(_BARE_ID, error="must be the bare id of a Patient, without type"),
        ],
    )
    encounterId = _text(allow_none=True)
    draftOrders = fields.Raw(allow_none=True)
    selections = fields.Raw(allow_none=True)


class _CallSchema(_Open):
    hook = _text(required=True)
    hookInstance = fields.String(required=True, validate=validate.Regexp(_UUID, error="must be a UUID"))
    fhirServer = _text(2_000)
    fhirAuthorization = _Object()
    context = fields.Nested(_ContextSchema, required=True)
    prefetch = _Object()

    @validates_schema
    def _server_for_the_token(self, data: Mapping[str, Any], **_: Any) -> None:
        if "fhirAuthorization" in data and "fhirServer" not in data:
            raise ValidationError("is needed beside fhirAuthorization", "fhirServer")


def _check_moment(text: str) -> None:
    """RFC 3339 in UTC; a leap second is taken."""
    match = _IN_UTC.match(text)
    try:
        if match and int(match[2]) <= 60:
            datetime.fromisoformat(f"{match[1]}{min(int(match[2]), 59):02}")
            return
    except ValueError:
        pass
    raise ValidationError("must be a moment in UTC, like 2026-03-02T10:00:00Z")


class _CodingSchema(_Open):
    code = _text(200, required=True)
    system = _text(500)
    display = _text(500)


class _OverrideSchema(_Open):
    reason = fields.Nested(_CodingSchema)
    userComment = _text(LONGEST_COMMENT)

    @validates_schema
    def _says_something(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError("needs a reason or a userComment")


class _AcceptedSchema(_Open):
    id = _text(200, required=True)


class _FeedbackSchema(_Open):
    card = _text(200, required=True)
    outcome = fields.String(required=True, validate=validate.OneOf(("accepted", "overridden")))
    acceptedSuggestions = fields.List(fields.Nested(_AcceptedSchema), validate=validate.Length(1, 100))
    overrideReason = fields.Nested(_OverrideSchema)
    outcomeTimestamp = fields.String(required=True, validate=_check_moment)

    @validates_schema
    def _what_was_accepted(self, data: Mapping[str, Any], **_: Any) -> None:
        if data.get("outcome") == "accepted" and not data.get("acceptedSuggestions"):
            raise ValidationError("is needed when a card was accepted", "acceptedSuggestions")


class _FeedbackBodySchema(_Open):
    feedback = fields.List(fields.Nested(_FeedbackSchema), required=True, validate=validate.Length(1, MOST_FEEDBACK))


_CALL = _CallSchema()
_FEEDBACK = _FeedbackBodySchema()


def read_call(body: Mapping[str, Any], service: str, hook: str, caller: Caller) -> HookCall:
    """The hook call a body is, for the service `service` of the hook `hook`. Raises BadRequest naming every mistake."""
    data = _load(_CALL, body)
    if data["hook"] != hook:
        raise BadRequest(f"hook: the service {service} answers {hook}")
    context = data["context"]
    if hook in _ENCOUNTER_HOOKS and not context.get("encounterId"):
        raise BadRequest(f"context.encounterId: is needed on {hook}")
    return HookCall(
        service,
        hook,
        data["hookInstance"].lower(),
        context["userId"],
        context["patientId"],
        context.get("encounterId") or "",
        data.get("prefetch") or {},
        tuple(_drafts(context.get("draftOrders"))),
        tuple(_selections(context.get("selections"))),
        _fhir_access(data),
        caller.client,
        caller.profile,
        caller.tenant,
    )


def read_feedback(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries of a feedback body. Raises BadRequest naming every mistake."""
    entries: list[dict[str, Any]] = _load(_FEEDBACK, body)["feedback"]
    return entries


def _load(schema: Schema, body: Mapping[str, Any]) -> dict[str, Any]:
    try:
        data: dict[str, Any] = schema.load(body)
    except ValidationError as error:
        raise BadRequest(" ".join(f"{mistake.rstrip('.')}." for mistake in _mistakes(error.messages))) from None
    return data


def _mistakes(messages: Any, path: str = "") -> Iterator[str]:
    """`context.patientId: Missing data for required field.` for each."""
    if isinstance(messages, dict):
        for name, below in messages.items():
            inner = path if name == "_schema" else f"{path}.{name}" if path else str(name)
            yield from _mistakes(below, inner)
        return
    for message in messages:
        yield f"{path}: {message}" if path else str(message)


def _drafts(value: Any) -> Iterator[Mapping[str, Any]]:
    """The draft resources of a Bundle, a list, or a single resource; whatever is none of these is nothing."""
    if isinstance(value, dict) and "entry" not in value and value.get("resourceType") not in (None, "Bundle"):
        yield value
        return
    entries = value.get("entry") if isinstance(value, dict) else value
    for entry in [entries] if isinstance(entries, dict) else entries if isinstance(entries, list) else ():
        if isinstance(entry, dict):
            resource = entry.get("resource", entry if "resourceType" in entry else None)
            if isinstance(resource, dict):
                yield resource


def _selections(value: Any) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str) and item:
            yield item


def _fhir_access(data: Mapping[str, Any]) -> FhirAccess | None:
    """How the client's server may be read; None when it cannot: no server, or a token that is not understood."""
    server = data.get("fhirServer")
    if not server or not _is_web_address(server):
        return None
    given = data.get("fhirAuthorization")
    if given is None:
        return FhirAccess(server)
    token, kind = given.get("access_token"), given.get("token_type")
    if not isinstance(token, str) or not token or not isinstance(kind, str) or kind.lower() != "bearer":
        return None
    expires, scope, patient = given.get("expires_in"), given.get("scope"), given.get("patient")
    return FhirAccess(
        server,
        token,
        expires if isinstance(expires, int) and not isinstance(expires, bool) else None,
        scope if isinstance(scope, str) else "",
        patient if isinstance(patient, str) else "",
    )


def _is_web_address(text: str) -> bool:
    try:
        return urlsplit(text).scheme in ("http", "https")
    except ValueError:
        return False
