"""`cds serve` and `cds demo`: the service in worker processes behind a production WSGI server. Wiring and words only.

The master loads content once, the workers are forked from it and share it. Whoever serves more than this machine
without registered clients has to say so (`--open`), and is told loudly.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cds_service.errors import SettingsError
from cds_service.fhir.allowed import names_this_machine
from cds_service.settings import Settings, read_settings

log = logging.getLogger("cds_service.serving")

SANDBOX = "https://sandbox.cds-hooks.org/"
LOCAL_SANDBOX = "http://localhost:8080/"
STORY = "demo-iron"
THREADS = 4  # calls of one worker side by side: while one waits for a FHIR server, others go on
MOST_WORKERS = 4
WORKER_TIMEOUT = 60  # seconds until a stuck worker is replaced; the fetch deadline is at most 30
GRACE = 20  # seconds a worker may take to finish when the service stops
HEADER = 16_380  # bytes of one header line: more than the longest token that is looked at


def add(commands: Any) -> None:
    serve = commands.add_parser("serve", help="the service, for registered clients or for this machine")
    demo = commands.add_parser("demo", help="the service with synthetic patients and a FHIR server that serves them")
    for parser in (serve, demo):
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
        parser.add_argument("--port", type=_port, default=8000, help="port to listen on (8000)")
        parser.add_argument("--workers", type=_workers, default=None, help="worker processes (one per core, at most 4)")
        parser.add_argument("--now", help="the rules' clock stands still at this moment")
        parser.add_argument("--site", help="site file")
        parser.add_argument("--content", help="another content folder")
        parser.add_argument("--open", action="store_true", help="listen beyond this machine without registered clients")
    serve.set_defaults(run=run_serve)
    demo.set_defaults(run=run_demo)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return int(text)


def _workers(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 64:
        raise argparse.ArgumentTypeError("from 1 to 64 workers")
    return int(text)


def run_serve(args: argparse.Namespace) -> int:
    settings = read_settings(overrides=_overrides(args))
    _check_openness(settings, args.host)
    return _serve(settings, args)


def run_demo(args: argparse.Namespace) -> int:
    base = f"http://{_shown_host(args.host)}:{args.port}"
    folder = tempfile.mkdtemp(prefix="cds-demo-")
    own = {"cors_origins": "demo", "fhir_servers": f"{base}/fhir", "database_url": f"sqlite:///{folder}/ledger.db"}
    try:
        settings = read_settings(overrides=_overrides(args), defaults=own)
        if settings.clients is not None:
            raise SettingsError("the demo takes no registered clients (CDS_CLIENTS): use `cds serve`")
        _check_openness(settings, args.host)
        return _serve(settings, args, demo=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _overrides(args: argparse.Namespace) -> dict[str, str]:
    found = {name: getattr(args, name) for name in ("now", "site", "content") if getattr(args, name)}
    return found | ({"open": "true"} if args.open else {})


def _check_openness(settings: Settings, host: str) -> None:
    """Raises SettingsError for a service anybody could call, unless that was said."""
    if settings.clients is not None or names_this_machine(host):
        return
    if not settings.open:
        raise SettingsError(
            f"without registered clients (CDS_CLIENTS) the service listens on this machine only, not on {host}; "
            "register clients, or add --open where anybody who reaches the port may call"
        )
    log.warning("open: anybody who reaches this port may call, no client is registered", extra={"host": host})


def _check_free(host: str, port: int) -> None:
    """Raises SettingsError for an address nobody can listen on: before anything is loaded or promised."""
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, number) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host}, port {port}: {error.strerror}; choose another with --port"
        ) from None


def _shown_host(host: str) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return _bound(host)


def _serve(settings: Settings, args: argparse.Namespace, demo: bool = False) -> int:
    from cds_service.web.logs import start_logging

    _check_free(args.host, args.port)
    base = f"http://{_shown_host(args.host)}:{args.port}"
    if demo:
        print(_welcome(base, settings), flush=True)
    start_logging()
    counts = tempfile.mkdtemp(prefix="cds-counts-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = counts
    try:
        from cds_service.bootstrap import running
        from cds_service.commands.server import Server
        from cds_service.web.app import create_app

        service = running(settings, base)
        app = create_app(service, demo=demo, meters_folder=Path(counts))
        workers = args.workers or min(os.cpu_count() or 1, MOST_WORKERS)
        told: dict[str, Any] = {"host": args.host, "port": args.port, "workers": workers}
        if settings.now is not None:
            told["now"] = settings.now.isoformat()
            log.warning("the rules' clock stands still", extra={"now": settings.now.isoformat()})
        log.info("serving", extra=told | {"clients": "registered" if service.registered else "open"})
        bind = f"{_bound(args.host)}:{args.port}"
        Server(app, bind=bind, workers=workers, begin=service.ledger.start, end=service.ledger.close).run()
    finally:
        shutil.rmtree(counts, ignore_errors=True)
    return 0


def _bound(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _welcome(base: str, settings: Settings) -> str:
    """What to open, ready to be clicked."""
    discovery = f"{base}/cds-services"
    query = f"serviceDiscoveryURL={quote(discovery, safe='')}&fhirServiceUrl={quote(f'{base}/fhir', safe='')}"
    own = settings.database_url.startswith("sqlite:")  # any other was given from outside, perhaps with a password
    given = f"CDS_DATABASE_URL={settings.database_url} " if own else ""
    first = f"{query}&patientId={STORY}&hook=patient-view&screen=patient-view"
    return "\n".join(
        [
            "",
            f"  Discovery         {discovery}",
            f"  Demo FHIR server  {base}/fhir",
            f"  Rules             {base}/rules",
            "",
            "  See it in the CDS Hooks Sandbox:",
            f"  hosted            {SANDBOX}?{first}",
            f"  a copy of it here {LOCAL_SANDBOX}?{first}",
            "",
            "  The answers to its cards, while it runs:",
            f"  {given}cds feedback report --small-counts",
            "",
        ]
    )
