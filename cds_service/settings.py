"""Every setting, read once from the environment and the command line; the only place that reads the environment.

A setting nobody knows, or one that cannot be understood, stops the start: a misspelt CDS_OPEN must not be ignored.
Must not open files, databases or networks: whoever uses a setting does.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from cds_service.errors import SettingsError

PREFIX = "CDS_"
_SIZES = {"": 1, "b": 1, "kb": 1_000, "mb": 1_000_000, "kib": 1_024, "mib": 1_048_576}
_SECONDS = {"": 1.0, "s": 1.0, "ms": 0.001}
_ORIGIN = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(:\d+)?\Z")
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)\Z")


@dataclass(frozen=True, slots=True)
class Settings:
    """What an installation decides. Secrets and addresses that may hold a password stay out of `repr`.

    now: None for the wall clock. public_base: "" means where the service listens. max_body in bytes, fetch_deadline
    in seconds. cors_origins: full origins; the word `demo` stands for the public sandbox and this machine.
    """

    now: datetime | None = None
    timezone: tzinfo = UTC
    public_base: str = ""
    database_url: str = field(default="sqlite:///cds-ledger.db", repr=False)
    site: Path | None = None
    content: Path | None = None
    clients: Path | None = None
    fhir_servers: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    open: bool = False
    max_body: int = 16_000_000
    fetch_deadline: float = 2.0
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the table of settings: its name in the environment, its type and default in words, its meaning."""

    name: str
    type: str
    default: str
    meaning: str

    @property
    def member(self) -> str:
        """The member of `Settings` it fills."""
        return self.name.removeprefix(PREFIX).lower()


SETTINGS = (
    Setting(
        "CDS_NOW",
        "date or moment",
        "the wall clock",
        "The clock of the rules stands still at this moment; tokens, deadlines and logs keep the real one.",
    ),
    Setting("CDS_TIMEZONE", "time zone", "UTC", "Where dates without a zone are: a name such as Europe/Berlin."),
    Setting(
        "CDS_PUBLIC_BASE",
        "address",
        "where it listens",
        "The address clients see, path included; links, rule pages and the audience of tokens are made from it.",
    ),
    Setting(
        "CDS_DATABASE_URL",
        "database",
        "sqlite:///cds-ledger.db",
        "The ledger: sqlite:///file (one machine) or postgresql://user:password@host/name (15 or later; "
        "`pip install 'psycopg[binary]'`, then `cds ledger migrate` makes its tables, and again after an update).",
    ),
    Setting("CDS_SITE", "file", "none", "The site file: thresholds, rules, orders and units of this hospital."),
    Setting("CDS_CONTENT", "folder", "the packaged hooks", "Another folder of rules in place of the packaged one."),
    Setting("CDS_CLIENTS", "file", "none", "The registered clients; with it every call needs a token of theirs."),
    Setting(
        "CDS_FHIR_SERVERS",
        "list",
        "none",
        "FHIR servers that may be read when a call brings too little, separated by commas; registered clients have "
        "their own. After a blank an entry may name the private network its name may stand for.",
    ),
    Setting(
        "CDS_CORS_ORIGINS",
        "list",
        "none",
        "Origins whose pages may call from a browser, separated by commas; `demo` stands for the public CDS Hooks "
        "Sandbox and every port of this machine.",
    ),
    Setting("CDS_OPEN", "true or false", "false", "Listens beyond this machine without registered clients."),
    Setting("CDS_MAX_BODY", "size", "16 MB", "The largest body of a request, from 10 kB to 256 MB."),
    Setting("CDS_FETCH_DEADLINE", "time", "2 s", "How long reading from a FHIR server may take in all, up to 30 s."),
    Setting(
        "CDS_SECRET",
        "text",
        "made and kept beside the ledger",
        "The key of the hashes by which the ledger recognises patients; at least 16 bytes, the same for all workers.",
    ),
)


def read_settings(
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, str] | None = None,
    defaults: Mapping[str, str] | None = None,
) -> Settings:
    """The settings of the environment, with what the command line says instead.

    overrides: by member (`{"now": "2026-03-02", "open": "true"}`), as text, as if they stood in the environment.
    defaults: likewise, for what neither says.
    Raises SettingsError naming every setting that is unknown or cannot be understood. An empty one counts as unset.
    """
    given = os.environ if environment is None else environment
    stated = {name: text.strip() for name, text in given.items() if name.startswith(PREFIX)}
    stated |= _as_stated(overrides)
    stated = _as_stated(defaults) | {name: text for name, text in stated.items() if text}
    members = {setting.name: setting.member for setting in SETTINGS}
    wrong = [_unknown(name, members) for name in stated if name not in members]
    found: dict[str, Any] = {}
    for name in ("CDS_TIMEZONE", *members):  # first the zone: CDS_NOW may need it
        if (text := stated.get(name)) and members[name] not in found:
            try:
                found[members[name]] = _READERS[name](text, found.get("timezone", UTC))
            except ValueError as error:
                wrong.append(f"{name}: {error}")
    if wrong:
        raise SettingsError("; ".join(dict.fromkeys(wrong)))
    return Settings(**found)


def wants_no_color(environment: Mapping[str, str] | None = None) -> bool:
    """NO_COLOR, as command lines know it: set and not empty."""
    return bool((os.environ if environment is None else environment).get("NO_COLOR"))


def _as_stated(by_member: Mapping[str, str] | None) -> dict[str, str]:
    return {PREFIX + member.upper(): text.strip() for member, text in (by_member or {}).items()}


def _unknown(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0)
    return f"there is no setting {name}: did you mean {near[0]}?"


def _moment(text: str, zone: tzinfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("write a date or a moment such as 2026-03-02 or 2026-03-02T10:00:00+01:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _zone(text: str, _: tzinfo) -> tzinfo:
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # an unknown name, a path, a folder
        raise ValueError(_no_zone(text)) from None


def _no_zone(text: str) -> str:
    near = difflib.get_close_matches(text, available_timezones(), n=1)
    return "there is no such time zone" + (
        f"; did you mean {near[0]}?" if near else "; write one such as Europe/Berlin"
    )


def _address(text: str, _: tzinfo) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise ValueError("write the full address clients use, such as https://cds.example.org/legs")
    return text.rstrip("/")


def _items(text: str, _: tzinfo) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())


def _origins(text: str, zone: tzinfo) -> tuple[str, ...]:
    origins = _items(text, zone)
    for origin in origins:
        if origin != "demo" and not re.fullmatch(
            r"https?://[A-Za-z0-9.-]+(:\d+)?|https?://\[[0-9a-f:]+\](:\d+)?", origin
        ):
            raise ValueError(f"{origin!r} is no origin: write scheme and host, such as https://ehr.example.org")
    return tuple(origin if origin == "demo" else origin.lower() for origin in origins)


def _flag(text: str, _: tzinfo) -> bool:
    if text.lower() in ("true", "yes", "on", "1"):
        return True
    if text.lower() in ("false", "no", "off", "0"):
        return False
    raise ValueError("write true or false")


def _size(text: str, _: tzinfo) -> int:
    size = int(_amount(text, _SIZES, "16 MB"))
    if not 10_000 <= size <= 256_000_000:
        raise ValueError("must lie between 10 kB and 256 MB")
    return size


def _time(text: str, _: tzinfo) -> float:
    seconds = _amount(text, _SECONDS, "2 s")
    if not 0 < seconds <= 30:
        raise ValueError("must be more than nothing and at most 30 s")
    return seconds


def _amount(text: str, units: Mapping[str, float], example: str) -> float:
    found = _AMOUNT.match(text)
    if not found or found[2].lower() not in units:
        raise ValueError(f"write a number with its unit, such as {example}")
    return float(found[1]) * units[found[2].lower()]


def _file(text: str, _: tzinfo) -> Path:
    return Path(text)


def _text(text: str, _: tzinfo) -> str:
    return text


_READERS: Mapping[str, Callable[[str, tzinfo], Any]] = {
    "CDS_NOW": _moment,
    "CDS_TIMEZONE": _zone,
    "CDS_PUBLIC_BASE": _address,
    "CDS_DATABASE_URL": _text,
    "CDS_SITE": _file,
    "CDS_CONTENT": _file,
    "CDS_CLIENTS": _file,
    "CDS_FHIR_SERVERS": _items,
    "CDS_CORS_ORIGINS": _origins,
    "CDS_OPEN": _flag,
    "CDS_MAX_BODY": _size,
    "CDS_FETCH_DEADLINE": _time,
    "CDS_SECRET": _text,
}
