"""The web application: every blueprint, the guard, CORS and errors put together. Wiring only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

from cds_service.bootstrap import Running
from cds_service.fhir.demo_people import DemoPeople
from cds_service.web import cors, guard, problems
from cds_service.web.analytics import analytics
from cds_service.web.cds_hooks import cds_hooks
from cds_service.web.demo_fhir import demo_fhir
from cds_service.web.meters import Meters
from cds_service.web.ops import ops
from cds_service.web.pages import pages

_SLASHES = re.compile(r"//+")
_PAGE_POLICY = "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"


def create_app(running: Running, *, demo: bool = False, meters_folder: Path | None = None) -> Flask:
    """The WSGI application. demo: also the demo's FHIR server. meters_folder: where several workers count."""
    app = Flask("cds_service.web", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = running.settings.max_body
    app.url_map.merge_slashes = False
    app.wsgi_app = PlainPaths(app.wsgi_app)  # type: ignore[method-assign]
    meters = Meters(meters_folder)
    problems.register(app)
    cors.register(app, running.settings.cors_origins)
    guard.register(app, running.guard)
    app.register_blueprint(cds_hooks(running, meters))
    app.register_blueprint(analytics(running))
    app.register_blueprint(ops(running, meters))
    app.register_blueprint(pages(running.house))
    if demo:
        app.register_blueprint(demo_fhir(DemoPeople(), running.house.clock))

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers["X-Content-Type-Options"] = "nosniff"
        if response.mimetype == "text/html":
            response.headers["Content-Security-Policy"] = _PAGE_POLICY
            response.headers["Referrer-Policy"] = "no-referrer"
        if response.status_code >= 400 and request.path.startswith("/cds-services"):
            meters.refused(response.status_code)
        return response

    return app


class PlainPaths:
    """Takes `/cds-services/`, `//cds-services//x` and the like as meant: preflights allow no redirect."""

    def __init__(self, inner: Callable[..., Iterable[bytes]]):
        self._inner = inner

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        if "//" in path or path.endswith("/"):
            environ["PATH_INFO"] = _SLASHES.sub("/", path).rstrip("/") or "/"
        return self._inner(environ, start_response)
