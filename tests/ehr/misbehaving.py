"""A real little FHIR server that misbehaves on command, over real sockets.

`server.behave["Observation"] = slow(5)` says what a GET of that type gets; unnamed types get an empty searchset.
It keeps what it was asked, so that a test can prove that no call was made, or what the call carried.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Behaviour = Callable[["Handler"], None]


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behave: dict[str, Behaviour] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.connections = 0
        self.stop = threading.Event()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/fhir"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what these tests are about."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_GET(self) -> None:
        self.server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        kind = urlsplit(self.path).path.removeprefix("/fhir").strip("/").split("/")[0]
        self.server.behave.get(kind, found())(self)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        stated = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in {
            "Content-Type": "application/fhir+json",
            "Content-Length": str(len(body)),
            **stated,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def parameter(self, name: str) -> str:
        return parse_qs(urlsplit(self.path).query).get(name, [""])[0]


def searchset(*resources: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in resources], **members}


def found(*resources: dict[str, Any], **members: Any) -> Behaviour:
    return gives(searchset(*resources, **members))


def gives(value: Any) -> Behaviour:
    return lambda handler: handler.send(200, json.dumps(value).encode())


def status(code: int, **headers: str) -> Behaviour:
    outcome = b'{"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}'
    return lambda handler: handler.send(code, outcome, **headers)


def garbage(body: bytes) -> Behaviour:
    return lambda handler: handler.send(200, body)


def slow(seconds: float, then: Behaviour | None = None) -> Behaviour:
    def behave(handler: Handler) -> None:
        handler.server.stop.wait(seconds)
        (then or found())(handler)

    return behave


def dripping(part: bytes, head: bytes = b"", every: float = 0.05) -> Behaviour:
    """Never silent and never done: a byte or a header line at a time."""

    def behave(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + head)
        while not handler.server.stop.wait(every):
            handler.wfile.write(part)
            handler.wfile.flush()

    return behave


def endless() -> Behaviour:
    """Pages without end, each with one more Observation."""

    def behave(handler: Handler) -> None:
        page = int(handler.parameter("page") or 0)
        following = [{"relation": "next", "url": f"{handler.server.base}/Observation?page={page + 1}"}]
        found(observation(f"o{page}"), link=following)(handler)

    return behave


def pages(*bundles: dict[str, Any]) -> Behaviour:
    """One Bundle after another, by the `page` parameter."""
    return lambda handler: gives(bundles[int(handler.parameter("page") or 0)])(handler)


def hangs_up(after: bytes = b"") -> Behaviour:
    def behave(handler: Handler) -> None:
        handler.wfile.write(after)
        handler.close_connection = True

    return behave


def observation(identifier: str, **members: Any) -> dict[str, Any]:
    subject = {"reference": "Patient/p1"}
    return {"resourceType": "Observation", "id": identifier, "status": "final", "subject": subject, **members}


@contextmanager
def running() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop.set()
        server.shutdown()
        server.server_close()


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    took = time.monotonic() - started
    assert took < seconds, f"took {took:.2f} s"
