"""Asks who is calling before anything of the body is read. Who is known is not decided here: `ports.Guard` does."""

from __future__ import annotations

from flask import Flask, g, request

from cds_service.ports import Caller, Guard

GUARDED = ("/cds-services", "/analytics")


def register(app: Flask, guard: Guard) -> None:
    """Every request below a guarded path is authenticated; preflights carry no token and are answered before."""

    @app.before_request
    def authenticate() -> None:
        if is_guarded(request.path):
            g.caller = guard.authenticate(dict(request.headers), request.path)


def is_guarded(path: str) -> bool:
    return any(path == guarded or path.startswith(f"{guarded}/") for guarded in GUARDED)


def caller() -> Caller:
    """Who sent the request at hand."""
    known: Caller = g.caller
    return known
