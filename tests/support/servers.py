"""Real servers on loopback for tests: `cds serve` as a process of its own, and a little FHIR server for one test's charts."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

START = 20  # seconds a server may take on a busy machine


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Served:
    """A running `cds serve`. log: where its lines go."""

    base: str
    process: subprocess.Popen[bytes]
    log: Path

    def discovery(self) -> list[dict[str, Any]]:
        services: list[dict[str, Any]] = httpx.get(f"{self.base}/cds-services").json()["services"]
        return services

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


@contextmanager
def serving(folder: Path, *arguments: str, command: str = "serve", **settings: str) -> Iterator[Served]:
    """`cds serve` (or another command) until the block ends. settings: CDS_… without the prefix, in lower case."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
    environment |= {"CDS_DATABASE_URL": f"sqlite:///{folder}/ledger.db"}
    environment |= {f"CDS_{name.upper()}": value for name, value in settings.items()}
    script = [sys.executable, "-m", "cds_service.cli", command, "--port", str(port), *arguments]
    with waited(script, environment, folder, port) as served:
        yield served


@contextmanager
def waited(script: list[str], environment: Mapping[str, str], folder: Path, port: int) -> Iterator[Served]:
    """A server as a process of its own, once it answers, until the block ends."""
    log = folder / f"server-{port}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(script, env=environment, cwd=folder, stdout=out, stderr=subprocess.STDOUT)
    served = Served(f"http://127.0.0.1:{port}", process, log)
    try:
        _wait(served)
        yield served
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(served: Served) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end and served.process.poll() is None:
        try:
            if httpx.get(f"{served.base}/healthz", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.05)
    raise AssertionError(f"the server did not start:\n{served.log.read_text()[-3000:]}")


@contextmanager
def wsgi(application: Callable[..., Any], port: int = 0) -> Iterator[str]:
    """Any WSGI application on a free port of loopback; gives its base address."""
    server = make_server("127.0.0.1", port, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(5)


class ChartServer:
    """FHIR reads and searches over `{case id: case}`: `/<case id>/<Type>?patient=…`; unavailable types answer 500."""

    def __init__(self, cases: Mapping[str, Mapping[str, Any]]):
        self._cases = cases

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        identifier, kind, *rest = request.path.strip("/").split("/")
        case = self._cases[identifier]
        if kind in case["unavailable"]:
            return _fhir(
                {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}, 500
            )
        held = [item for item in case["resources"] if item["resourceType"] == kind]
        if rest:
            found = next((item for item in held if item["id"] == rest[0]), None)
            return _fhir(found) if found else _fhir({"resourceType": "OperationOutcome"}, 404)
        entry = [{"resource": item, "search": {"mode": "match"}} for item in held]
        return _fhir({"resourceType": "Bundle", "type": "searchset", "total": len(entry), "entry": entry})


def _fhir(resource: Mapping[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(resource), status, mimetype="application/fhir+json")
