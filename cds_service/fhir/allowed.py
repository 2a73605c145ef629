"""Which FHIR servers may be read at all, and which network addresses their names may stand for.

A hook call names a server and hands over a token; both come from outside. So a base must equal, character for
character once both are normalised, one an operator has listed. And a listed name must not lead somewhere else: a
name that resolves to this machine, to the local link or to a private network is refused, unless its entry says so.

An entry is a base URL, optionally followed by a blank and the network its name may stand for:
`https://fhir.example.org/r4` or `https://fhir.ward.example/r4 10.20.0.0/16`. A base written with an address instead
of a name (`http://127.0.0.1:8080/fhir`), or with `localhost`, says so by itself.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from cds_service.errors import SettingsError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_PORTS = {"https": 443, "http": 80}
_HOST = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?\Z|\[[0-9a-f:.]+\]\Z")
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]*\Z")


@dataclass(frozen=True, slots=True)
class Base:
    """A FHIR base in its one normal form. `network` is where its name may lead besides the public internet."""

    scheme: str
    host: str  # lower case, without brackets
    port: int
    path: str  # no slash at its end; "" or begins with one
    network: Network | None = None

    @property
    def key(self) -> tuple[str, str, int, str]:
        return (self.scheme, self.host, self.port, self.path)

    @property
    def authority(self) -> str:
        """For the Host header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _PORTS[self.scheme] else f"{name}:{self.port}"

    @property
    def local(self) -> bool:
        """Does the base itself, by its words, name this machine?"""
        return names_this_machine(self.host)

    def admits(self, address: Address) -> bool:
        """May the connection go to this address?"""
        address = _embedded(address)
        if literal(self.host) is not None:
            return address == literal(self.host)
        if self.host == "localhost":
            return address.is_loopback
        if self.network is not None:
            return address.version == self.network.version and address in self.network
        return address.is_global and not address.is_multicast


def _embedded(address: Address) -> Address:
    """The IPv4 address an IPv6 one stands for (mapped, 6to4, NAT64): wrapping makes no private one public."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def literal(host: str) -> Address | None:
    """The address a host name is, when it is one. Odd spellings (`127.1`, `0x7f.1`) are names and never resolve."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def names_this_machine(host: str) -> bool:
    """Is it `localhost` or an address of the loopback?"""
    address = literal(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def read_base(text: object) -> Base | None:
    """The base a URL names; None for anything a FHIR base cannot be (userinfo, query, dot segments, odd characters)."""
    if not isinstance(text, str) or len(text) > 2000 or not (text.isascii() and text.isprintable()):
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower().rstrip(".")
    if (
        scheme not in _PORTS
        or not host
        or "@" in parts.netloc
        or parts.query
        or parts.fragment
        or "?" in text
        or "#" in text
    ):
        return None
    if not _HOST.match(f"[{host}]" if ":" in host else host) or not plain_path(parts.path) or _looks_numeric(host):
        return None
    return Base(scheme, host, port or _PORTS[scheme], parts.path.rstrip("/"))


def plain_path(path: str) -> bool:
    """No dot segments, not even encoded ones, no backslash, no control characters."""
    if not _PATH.match(path):
        return False
    open_path = unquote(path)
    return (
        "\\" not in open_path
        and not any(part in (".", "..") for part in open_path.split("/"))
        and open_path.isprintable()
    )


def _looks_numeric(host: str) -> bool:
    """`2130706433` and `0x7f.1` are addresses to some resolvers; only the plain spelling is one to us."""
    last = host.rsplit(".", 1)[-1]
    return literal(host) is None and re.fullmatch(r"\d+|0x[0-9a-f]*", last) is not None


def read_entry(entry: str, production: bool) -> Base:
    """One entry of the allowed servers. Raises `SettingsError` for what can never be fetched from, with the remedy."""
    url, _, network = entry.strip().partition(" ")
    base = read_base(url)
    if base is None:
        raise SettingsError(f"{entry!r} is no FHIR base: write https://host/path, without query or user name")
    if base.scheme == "http" and (production or not base.local):
        raise SettingsError(f"{entry!r}: tokens and charts travel by https only; http is for this machine, in a demo")
    if not network.strip():
        return base
    try:
        return Base(base.scheme, base.host, base.port, base.path, ipaddress.ip_network(network.strip()))
    except ValueError as wrong:
        raise SettingsError(
            f"{entry!r}: after the blank stands the network of the server, like 10.20.0.0/16"
        ) from wrong


def read_entries(entries: Iterable[str], production: bool) -> dict[tuple[str, str, int, str], Base]:
    """The allowed servers by their normal form."""
    bases = (read_entry(entry, production) for entry in entries if entry.strip())
    return {base.key: base for base in bases}
