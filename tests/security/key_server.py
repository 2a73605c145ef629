"""A real little server that publishes keys over https, or over http on loopback, and counts who asks."""

from __future__ import annotations

import datetime
import ipaddress
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.security.ehr import jwks

Behaviour = Callable[["Handler"], None]


class KeyServer(ThreadingHTTPServer):
    """`kids` are published; `behave`, when set, answers instead. `asked`: the paths so far; `headers`: what came along."""

    daemon_threads = True

    def __init__(self, *kids: str, tls: bool = True):
        super().__init__(("127.0.0.1", 0), Handler)
        self.kids: tuple[str, ...] = kids
        self.behave: Behaviour | None = None
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.stop = threading.Event()
        self.base = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_address[1]}"
        self.jku = f"{self.base}/jwks.json"
        if tls:
            self.socket = _server_context().wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is what some of these tests are about."""


class Handler(BaseHTTPRequestHandler):
    server: KeyServer

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        if self.server.behave:
            self.server.behave(self)
        else:
            self.send(200, json.dumps(jwks(*self.server.kids)).encode())

    def send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def publishing(*kids: str, tls: bool = True) -> Iterator[KeyServer]:
    server = KeyServer(*kids, tls=tls)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def status(code: int, body: bytes = b"", **headers: str) -> Behaviour:
    return lambda handler: handler.send(code, body, **headers)


def hang(seconds: float) -> Behaviour:
    return lambda handler: (handler.server.stop.wait(seconds), handler.send(200, b"{}"))[1]


def drip(handler: Handler) -> None:
    """A head without end, a byte at a time: never silent long enough for a plain time limit."""
    for _ in range(200):
        handler.wfile.write(b"H")
        handler.wfile.flush()
        if handler.server.stop.wait(0.1):
            return


def trusting() -> ssl.SSLContext:
    """What a caller needs to trust this server, and nobody else."""
    return ssl.create_default_context(cadata=_certificate()[0].decode())


def _server_context() -> ssl.SSLContext:
    certificate, private = _certificate()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "server.pem"
        file.write_bytes(certificate + private)
        context.load_cert_chain(file)
    return context


@cache
def _certificate() -> tuple[bytes, bytes]:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a key server of tests")])
    now = datetime.datetime.fromtimestamp(time.time(), datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(private, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM), private.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
