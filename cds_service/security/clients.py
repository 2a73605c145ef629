"""The registered clients: one file says whom we trust, how each proves who it is, and what it may have.

Read once at start and strictly: whatever is misspelt, weak or ambiguous stops the start with the line and the remedy.
The file is read by whoever opens it (`clients_of` takes the table); this module must not know tokens or the network.

    clients:
      <name>:
        issuer:            the `iss` of its tokens, exactly; a list for several
        keys:              `jwks`: a key set written here; or `file`: one beside this file, read again when it changes;
                           or `jku`: the https address of a published one (after a blank: its private network). A jku
                           beside jwks or file is never read: only a token that names a jku must name the same
        base:              our address as this client sees it; left out: CDS_PUBLIC_BASE
        audiences:         {"/cds-services/leg-symptoms": the address, or a list}, where it is not base and path
        subject:           the `sub` its tokens must carry (its client id)
        tenants:           the tenants it may speak for; tenant: optional, where a token may name none
        algorithms:        of ES384, RS384, ES256, RS256; left out: the first two
        fhir:              its FHIR bases, which may be read; after a blank the private network of one
        profile:           how its cards are written (hooks/profiles.yaml); left out: cds-hooks-2.0
        calls_per_minute:  how often it may call each worker process; left out: no limit
        longest_life:      of a token, up to 24 hours; left out: 1 hour
        leeway:            for clocks that differ, up to 300 seconds; left out: 60 seconds
        typ:               optional, where its tokens do not say `typ: JWT`
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

from cds_service.errors import ContentError
from cds_service.security.entries import Entry, nearest, where_of
from cds_service.security.keys import ALGORITHMS, Ring, read_set
from cds_service.security.keysets import Unreadable, ring_in_file

DEFAULT_ALGORITHMS = ("ES384", "RS384")
DEFAULT_PROFILE = "cds-hooks-2.0"
LONGEST_LIFE = timedelta(hours=24)
LONGEST_LEEWAY = timedelta(minutes=5)
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?\Z")
_KEYS = (
    "issuer",
    "keys",
    "base",
    "audiences",
    "subject",
    "tenants",
    "tenant",
    "algorithms",
    "fhir",
    "profile",
    "calls_per_minute",
    "longest_life",
    "leeway",
    "typ",
)


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where a client's keys come from: `ring`, else `file`, else `entry`, the registered address with its network."""

    ring: Ring = field(default_factory=dict, repr=False)
    file: Path | None = None
    entry: str = ""

    @property
    def jku(self) -> str:
        """The address a token may name."""
        return self.entry.partition(" ")[0]


@dataclass(frozen=True, slots=True)
class Client:
    """One registered client. `audiences` by path replace base and path; no `tenants`: any, or none."""

    name: str
    issuers: tuple[str, ...]
    keys: KeyPlace
    base: str = ""
    audiences: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    subject: str = ""
    tenants: frozenset[str] = frozenset()
    tenant_optional: bool = False
    algorithms: tuple[str, ...] = DEFAULT_ALGORITHMS
    fhir_bases: tuple[str, ...] = ()
    profile: str = DEFAULT_PROFILE
    calls_per_minute: int = 0
    longest_life: timedelta = timedelta(hours=1)
    leeway: timedelta = timedelta(seconds=60)
    typ_required: bool = True

    def speaks_for(self, tenant: str | None) -> bool:
        if not self.tenants:
            return True
        return self.tenant_optional if tenant is None else tenant in self.tenants

    def addresses(self, path: str, base_url: str) -> tuple[str, ...]:
        """What `aud` may be for this path below the public base."""
        return self.audiences.get(path) or (f"{self.base or base_url}{path}",)


@dataclass(frozen=True, slots=True)
class Clients:
    """All of them. bootstrap gives each one's `fhir_bases`, by `name`, to the reader of FHIR servers."""

    all: tuple[Client, ...]

    def of(self, issuer: str, tenant: str | None) -> Client | None:
        """The one client of this issuer and tenant: no two overlap."""
        return next((item for item in self.all if issuer in item.issuers and item.speaks_for(tenant)), None)

    def knows(self, issuer: str) -> bool:
        return any(issuer in item.issuers for item in self.all)


def clients_of(table: Mapping[str, Any], *, profiles: Iterable[str], folder: Path) -> Clients:
    """The clients of a file that was read strictly. `folder` is where the file stands, for key files.

    Raises ContentError with file, line, what is wrong and how to mend it.
    """
    top = Entry(table, "the clients' file")
    top.only(("clients",))
    listed = top.table("clients")
    if not listed:
        raise ContentError("`clients` names none; leave CDS_CLIENTS out to serve without", top.where("clients"))
    known = frozenset(profiles)
    found = tuple(_client(name, listed, known, folder) for name in listed)
    for one, other in combinations(found, 2):
        if shared := _overlap(one, other):
            raise ContentError(
                f"{one.name} and {other.name} have the issuer {shared} and a tenant in common: "
                "give each its own `tenants`",
                where_of(listed, other.name),
            )
    return Clients(found)


def _overlap(one: Client, other: Client) -> str:
    shared = next((issuer for issuer in one.issuers if issuer in other.issuers), "")
    tenants = not one.tenants or not other.tenants or one.tenants & other.tenants
    return shared if tenants or (one.tenant_optional and other.tenant_optional) else ""


def _client(name: str, listed: Mapping[str, Any], profiles: frozenset[str], folder: Path) -> Client:
    where = where_of(listed, name)
    if not _NAME.match(name):
        raise ContentError(f"`{name}` is no name of a client: small letters, digits and hyphens, at most 64", where)
    if not isinstance(listed[name], Mapping):
        raise ContentError(f"the client {name} must be a mapping", where)
    entry = Entry(listed[name], f"the client {name}")
    entry.only(_KEYS)
    algorithms = entry.among("algorithms", ALGORITHMS) or DEFAULT_ALGORITHMS
    profile = entry.text("profile") or DEFAULT_PROFILE
    if profile not in profiles:
        raise ContentError(f"there is no profile `{profile}`{nearest(profile, profiles)}", entry.where("profile"))
    fhir_bases = entry.texts("fhir")
    for base in fhir_bases:
        entry.check_address("fhir", base.partition(" ")[0], ("https",))
    tenants = entry.texts("tenants")
    optional = bool(entry.among("tenant", ("required", "optional")) == ("optional",))
    if "tenant" in entry.raw and not tenants:
        raise ContentError("`tenant` says nothing without `tenants`", entry.where("tenant"))
    return Client(
        name,
        entry.texts("issuer", needed=True),
        _key_place(entry, algorithms, folder),
        entry.address("base"),
        _audiences(entry),
        entry.text("subject"),
        frozenset(tenants),
        optional,
        algorithms,
        fhir_bases,
        profile,
        entry.number("calls_per_minute", 1_000_000),
        entry.span("longest_life", timedelta(hours=1), LONGEST_LIFE),
        entry.span("leeway", timedelta(seconds=60), LONGEST_LEEWAY),
        entry.among("typ", ("required", "optional")) != ("optional",),
    )


def _audiences(entry: Entry) -> dict[str, tuple[str, ...]]:
    if "audiences" not in entry.raw:
        return {}
    inner = Entry(entry.table("audiences"), "audiences")
    for path in inner.raw:
        if not path.startswith("/") or path.endswith("/") or "//" in path:
            raise ContentError(f"`{path}` is no path such as /cds-services/leg-symptoms", inner.where(path))
        for address in inner.texts(path, needed=True):
            inner.check_address(path, address)
    return {path: inner.texts(path) for path in inner.raw}


def _key_place(entry: Entry, algorithms: tuple[str, ...], folder: Path) -> KeyPlace:
    keys = Entry(entry.table("keys", needed=True), f"the keys of {entry.what}")
    keys.only(("jwks", "file", "jku"))
    jku = keys.text("jku")
    if jku:
        keys.check_address("jku", jku.partition(" ")[0], ("https",))
    if ("jwks" in keys.raw) == ("file" in keys.raw) and (not jku or "jwks" in keys.raw):
        raise ContentError("the keys come from one place: `jwks`, `file`, or `jku` alone", entry.where("keys"))
    if "jwks" in keys.raw:
        ring, faults = read_set(keys.table("jwks"))
        if faults:
            raise ContentError(f"jwks: {faults[0]}", keys.where("jwks"))
        place = KeyPlace(ring, None, jku)
    elif "file" in keys.raw:
        file = folder / keys.text("file")
        try:
            ring = ring_in_file(file)
        except Unreadable as wrong:
            raise ContentError(str(wrong), keys.where("file")) from None
        place = KeyPlace({}, file, jku)
    else:
        return KeyPlace({}, None, jku)
    if not any(algorithm in algorithms for _, algorithm in ring):
        raise ContentError(
            f"no key fits the algorithms of {entry.what}, {', '.join(algorithms)}: add one, or name its algorithm",
            entry.where("keys"),
        )
    return place
