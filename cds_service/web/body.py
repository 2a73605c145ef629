"""Reads the bytes of a request as strict JSON: one object, no key twice, not too deep, not too large.

Speed matters: a chart may be megabytes, and every call pays. orjson parses; what it does not check (keys that stand
twice, depth) is checked by writing the parsed tree again, which costs a seventh of the parse, instead of by a pass in
Python. Must not know what a hook call is. Messages never hold a part of the body.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson
from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from cds_service.errors import BadRequest, TooLarge, WrongMediaType

DEEPEST = 200
_TOO_LARGE = "the body is larger than this service takes"
_BOM = b"\xef\xbb\xbf"
_JSON_TYPE = re.compile(r"application/(?:[a-z0-9!#$&^_.-]+\+)?json\Z")
_COLON_ESCAPED = re.compile(rb"\\u003[aA]")


def read_object(request: Request) -> dict[str, Any]:
    """The JSON object of a request. Raises WrongMediaType, TooLarge, BadRequest."""
    _check_media_type(request)
    try:
        raw = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise TooLarge(_TOO_LARGE) from None
    most = request.max_content_length
    if request.content_length is None and most is not None and len(raw) >= most:  # sent in chunks, and cut off there
        raise TooLarge(_TOO_LARGE)
    return parse_object(raw)


def _check_media_type(request: Request) -> None:
    """application/json, application/fhir+json or any other +json, in UTF-8, not compressed."""
    if not _JSON_TYPE.match(request.mimetype):
        raise WrongMediaType("the body must be sent as application/json or application/fhir+json")
    if request.mimetype_params.get("charset", "utf-8").lower() not in ("utf-8", "utf8", "us-ascii"):
        raise WrongMediaType("the body must be written in UTF-8")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise WrongMediaType("the body must not be compressed")


def parse_object(raw: bytes) -> dict[str, Any]:
    """The object these bytes are. Raises BadRequest for anything else JSON allows or does not."""
    raw = raw.removeprefix(_BOM).strip(b" \t\r\n")
    if not raw:
        raise BadRequest("the body is empty")
    try:
        tree = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the body is not JSON: {_where(error)}") from None
    if not isinstance(tree, dict):
        raise BadRequest("the body must be a JSON object")
    _check_depth_and_keys(raw, tree)
    return tree


def _where(error: orjson.JSONDecodeError) -> str:
    """The parser's complaint and place; it never quotes the text."""
    return f"{error.msg} (line {error.lineno}, column {error.colno})"


def _writer_depth() -> int:
    """How many levels orjson is willing to write. It has always been 254; measured, so that ours stays ours."""
    nest: list[Any] = []
    for levels in range(1, 2_000):
        try:
            orjson.dumps(nest)
        except orjson.JSONEncodeError:
            return levels - 1
        nest = [nest]
    return 0


_SPARE = max(_writer_depth() - DEEPEST, 0)  # levels put around the tree, so that the writer's limit is ours


def _check_depth_and_keys(raw: bytes, tree: dict[str, Any]) -> None:
    """Refuses more than DEEPEST levels, and a key that stands twice in one object.

    The parsed tree holds each key once. Written again it equals the bytes that came in when those were compact; else
    it has as many colons as they, since each member has one and the texts hold the same, unless members were lost.
    Only an escaped colon spoils the count; then a slow, exact parser looks.
    """
    wrapped: Any = tree
    for _ in range(_SPARE):
        wrapped = [wrapped]
    try:
        written = orjson.dumps(wrapped)
    except orjson.JSONEncodeError:
        raise BadRequest(f"the body is nested deeper than {DEEPEST} levels") from None
    if written[_SPARE : len(written) - _SPARE] == raw:
        return
    if _COLON_ESCAPED.search(raw):
        _look_at_every_key(raw)
    elif raw.count(b":") != written.count(b":"):
        raise BadRequest("the body has an object in which a key stands twice")


def _look_at_every_key(raw: bytes) -> None:
    def once(pairs: list[tuple[str, Any]]) -> None:
        if len({key for key, _ in pairs}) != len(pairs):
            raise BadRequest("the body has an object in which a key stands twice")

    # numbers are not made, only measured: a long one must cost nothing
    json.loads(raw, object_pairs_hook=once, parse_int=len, parse_float=len)
