"""Checks of shape for one table of the clients' file: each says which line is wrong and how to mend it.

Must not know what a client is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

from cds_service.errors import ContentError

_SPAN = re.compile(r"([1-9]\d{0,5}) (second|minute|hour)s?\Z")


def where_of(table: Mapping[str, Any], key: str | None = None) -> str:
    """File and line, where the table knows its own."""
    where = getattr(table, "where", None)
    return str(where(key)) if where else ""


def nearest(name: str, known: Iterable[str]) -> str:
    listed = sorted(known)
    near = get_close_matches(name, listed, n=1, cutoff=0.6)
    return f" (did you mean `{near[0]}`?)" if near else f"; known are {', '.join(listed)}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One table of the file with checks of shape. `what` names it in messages."""

    raw: Mapping[str, Any]
    what: str

    def where(self, key: str | None = None) -> str:
        return where_of(self.raw, key)

    def only(self, known: Iterable[str]) -> None:
        for key in self.raw:
            if key not in known:
                raise ContentError(f"{self.what} has no `{key}`{nearest(key, known)}", self.where(key))

    def table(self, key: str, *, needed: bool = False) -> Mapping[str, Any]:
        value = self.raw.get(key)
        if key not in self.raw and not needed:
            return {}
        if not isinstance(value, Mapping):
            needs = "must be a mapping" if key in self.raw else "is missing"
            raise ContentError(f"`{key}` of {self.what} {needs}", self.where(key))
        return value

    def text(self, key: str) -> str:
        found = self.texts(key)
        if len(found) > 1:
            raise ContentError(f"`{key}` of {self.what} takes one text", self.where(key))
        return found[0] if found else ""

    def texts(self, key: str, *, needed: bool = False) -> tuple[str, ...]:
        """A text, or a list of them."""
        if key not in self.raw:
            if needed:
                raise ContentError(f"{self.what} needs `{key}`", self.where())
            return ()
        value = self.raw[key]
        rows = value if isinstance(value, list) else [value]
        if not rows or not all(isinstance(row, str) and row.strip() == row != "" and row.isprintable() for row in rows):
            raise ContentError(f"`{key}` of {self.what} must be text, or a list of texts (quote them)", self.where(key))
        if len(set(rows)) < len(rows):
            raise ContentError(f"`{key}` of {self.what} says the same twice", self.where(key))
        return tuple(rows)

    def among(self, key: str, known: tuple[str, ...]) -> tuple[str, ...]:
        found = self.texts(key)
        for name in found:
            if name not in known:
                raise ContentError(f"`{key}` of {self.what} may be {', '.join(known)}, not {name}", self.where(key))
        return found

    def number(self, key: str, most: int) -> int:
        value = self.raw.get(key, 0)
        if key in self.raw and (isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= most):
            raise ContentError(f"`{key}` of {self.what} must be a whole number from 1 to {most}", self.where(key))
        return int(value)

    def span(self, key: str, default: timedelta, most: timedelta) -> timedelta:
        if key not in self.raw:
            return default
        match = _SPAN.match(self.text(key))
        span = timedelta(**{f"{match[2]}s": int(match[1])}) if match else None
        if span is None or span > most:
            longest = int(most.total_seconds())
            raise ContentError(
                f"`{key}` of {self.what} is a time such as 5 minutes, at most {longest} seconds", self.where(key)
            )
        return span

    def address(self, key: str) -> str:
        if address := self.text(key):
            self.check_address(key, address)
        return address.rstrip("/")

    def check_address(self, key: str, address: str, schemes: tuple[str, ...] = ("https", "http")) -> None:
        """Raises ContentError for anything but a full address of one of the schemes, without user name or query."""
        try:
            parts = urlsplit(address)
            plain = parts.scheme in schemes and parts.hostname and "@" not in parts.netloc
        except ValueError:
            plain = False
        if not plain or "?" in address or "#" in address:
            raise ContentError(
                f"`{key}`: write a full address such as {schemes[0]}://ehr.example.org/…", self.where(key)
            )
