"""Which web pages may call from a browser: listed origins, and in the demo the public sandbox and this machine.

A preflight never carries a token, so it is answered before anybody is asked for one. No credentials are ever allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Flask, Response, request

DEMO = "demo"
SANDBOX = "https://sandbox.cds-hooks.org"
_THIS_MACHINE = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?\Z")
_METHODS = "GET, POST, OPTIONS"
_HEADERS = "Authorization, Content-Type, Accept, Cache-Control, Pragma, Prefer, X-Requested-With"
_SECONDS = "600"


def register(app: Flask, origins: tuple[str, ...]) -> None:
    """Answers preflights and marks every answer, errors among them, for the origins that may read it."""
    admits = admission(origins)

    @app.before_request
    def preflight() -> Response | None:
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return Response(status=204)
        return None

    @app.after_request
    def mark(response: Response) -> Response:
        if not origins:
            return response
        response.vary.add("Origin")
        origin = request.headers.get("Origin", "")
        if origin and admits(origin):
            response.headers["Access-Control-Allow-Origin"] = origin
            if request.method == "OPTIONS":
                response.headers["Access-Control-Allow-Methods"] = _METHODS
                response.headers["Access-Control-Allow-Headers"] = _HEADERS
                response.headers["Access-Control-Max-Age"] = _SECONDS
        return response


def admission(origins: tuple[str, ...]) -> Callable[[str], bool]:
    """Tells whether an origin may read answers."""
    listed = set(origins) - {DEMO}
    demo = DEMO in origins

    def admits(origin: str) -> bool:
        return origin.lower() in listed or (demo and (origin == SANDBOX or _THIS_MACHINE.match(origin) is not None))

    return admits
