"""Connections to a client's FHIR server: to a checked address only, kept open between calls, bounded in time and size.

The standard library's own HTTP is used on purpose. The name is resolved once and the connection goes to the address
that was checked (no second look-up that could answer differently); redirects are not followed because nothing here
knows how; proxies from the environment are not used; and whoever drips a byte at a time is cut off, because the
budget holds the socket. Must not know FHIR, and never logs.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections import defaultdict
from dataclasses import dataclass

from cds_service.fhir.allowed import Base

_KEEP = 8  # idle connections per server
_KEEP_SECONDS = 30.0
_CHUNK = 64 * 1024


class NotFetched(Exception):
    """It could not be had. The text is plain words and shown to clinicians: no address, no patient."""


class Budget:
    """One deadline over everything a call fetches. `end` cuts off whatever is still under way."""

    def __init__(self, seconds: float):
        self._end = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._under_way: set[socket.socket] = set()
        self._over = False

    def left(self) -> float:
        """Seconds left. Raises `NotFetched` when there are none."""
        left = self._end - time.monotonic()
        if self._over or left <= 0:
            raise NotFetched("the EHR's server did not answer in time")
        return left

    def hold(self, sock: socket.socket) -> None:
        with self._lock:
            self._under_way.add(sock)
        if self._over:
            _shut(sock)

    def release(self, sock: socket.socket) -> None:
        with self._lock:
            self._under_way.discard(sock)

    def end(self) -> None:
        with self._lock:
            self._over = True
            under_way = list(self._under_way)
        for sock in under_way:
            _shut(sock)


@dataclass(frozen=True, slots=True)
class Answered:
    """`body` is empty unless the status is 200."""

    status: int
    body: bytes


class _Pinned(http.client.HTTPConnection):
    """A connection over a socket that was opened and checked beforehand; it never opens one itself."""

    def __init__(self, base: Base, sock: socket.socket):
        super().__init__(base.authority)
        self.sock = sock
        self.auto_open = 0
        self.idle_since = 0.0


class Connections:
    """Shared by the whole process; every method may be called from many threads."""

    def __init__(self, tls: ssl.SSLContext | None = None):
        self._tls = tls
        self._lock = threading.Lock()
        self._idle: dict[Base, list[_Pinned]] = defaultdict(list)

    def get(self, base: Base, target: str, headers: dict[str, str], budget: Budget, max_bytes: int) -> Answered:
        """GET `target` (path and query). Raises `NotFetched`; a stale kept connection is replaced once."""
        kept = self._kept(base)
        if kept is not None:
            try:
                return self._exchange(kept, base, target, headers, budget, max_bytes)
            except (http.client.RemoteDisconnected, ConnectionError):
                budget.left()
            except (OSError, http.client.HTTPException) as wrong:
                raise NotFetched(_said(wrong, budget)) from wrong
        try:
            fresh = _Pinned(base, self._open(base, budget))
            return self._exchange(fresh, base, target, headers, budget, max_bytes)
        except (OSError, http.client.HTTPException) as wrong:
            raise NotFetched(_said(wrong, budget)) from wrong

    def _exchange(
        self, line: _Pinned, base: Base, target: str, headers: dict[str, str], budget: Budget, max_bytes: int
    ) -> Answered:
        sock = line.sock
        budget.hold(sock)
        reusable = False
        try:
            sock.settimeout(budget.left())
            line.request("GET", target, headers=headers)
            reply = line.getresponse()
            body = _body(reply, sock, budget, max_bytes) if reply.status == 200 else b""
            reusable = reply.isclosed() and not reply.will_close
            return Answered(reply.status, body)
        finally:
            budget.release(sock)
            if reusable:
                self._keep(base, line)
            else:
                line.close()

    def _open(self, base: Base, budget: Budget) -> socket.socket:
        where = addresses(base)
        for position, (address, family) in enumerate(where):
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.settimeout(budget.left() / (len(where) - position))
                sock.connect((address, base.port))
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                sock.close()
                budget.left()
                continue
            return self._secured(sock, base, budget) if base.scheme == "https" else sock
        raise NotFetched("the EHR's server could not be reached")

    def _secured(self, sock: socket.socket, base: Base, budget: Budget) -> socket.socket:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        sock.settimeout(budget.left())
        secured = self._tls.wrap_socket(sock, server_hostname=base.host, do_handshake_on_connect=False)
        budget.hold(secured)
        try:
            secured.do_handshake()
            return secured
        except ssl.SSLCertVerificationError as wrong:
            secured.close()
            raise NotFetched("the EHR's server could not prove who it is") from wrong
        except BaseException:
            secured.close()
            raise
        finally:
            budget.release(secured)

    def _kept(self, base: Base) -> _Pinned | None:
        with self._lock:
            idle = self._idle[base]
            while idle:
                line = idle.pop()
                if time.monotonic() - line.idle_since < _KEEP_SECONDS:
                    return line
                line.close()
        return None

    def _keep(self, base: Base, line: _Pinned) -> None:
        line.idle_since = time.monotonic()
        with self._lock:
            if len(self._idle[base]) < _KEEP:
                self._idle[base].append(line)
                return
        line.close()

    def close(self) -> None:
        """Closes what is idle."""
        with self._lock:
            for idle in self._idle.values():
                while idle:
                    idle.pop().close()


def addresses(base: Base) -> list[tuple[str, int]]:
    """Every address of the host, resolved once. One that is not admitted refuses them all."""
    try:
        found = socket.getaddrinfo(base.host, base.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as wrong:
        raise NotFetched("the EHR's server has no address") from wrong
    checked: list[tuple[str, int]] = []
    for family, _, _, _, where in found:
        address = str(where[0])
        if "%" in address or not base.admits(ipaddress.ip_address(address)):
            raise NotFetched("the EHR's server has an address that is not allowed")
        checked.append((address, family))
    return checked


def _body(reply: http.client.HTTPResponse, sock: socket.socket, budget: Budget, max_bytes: int) -> bytes:
    if reply.getheader("Content-Encoding", "identity").lower() != "identity":
        raise NotFetched("the EHR's server answered in a form that was not asked for")
    if reply.length is not None and reply.length > max_bytes:
        raise NotFetched("the answer is too large")
    parts: list[bytes] = []
    size = 0
    while True:
        sock.settimeout(budget.left())
        part = reply.read1(_CHUNK)
        if not part:
            break
        size += len(part)
        if size > max_bytes:
            raise NotFetched("the answer is too large")
        parts.append(part)
    if reply.length:
        raise NotFetched("the answer broke off")
    reply.read()  # at its end: lets the connection be used again
    return b"".join(parts)


def _said(wrong: Exception, budget: Budget) -> str:
    budget.left()
    if isinstance(wrong, TimeoutError):
        return "the EHR's server did not answer in time"
    if isinstance(wrong, ssl.SSLError):
        return "the EHR's server does not speak https properly"
    return "the connection to the EHR's server broke off"


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # past the TLS layer, which another thread is using
