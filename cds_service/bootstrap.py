"""Puts the house together once at start: content, clock, ledger, the way to the clients' FHIR servers. Wiring only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class SystemClock:
    """The wall clock, or one that stands still for the rules; `real` never does."""

    at: datetime | None = None

    @property
    def fixed(self) -> bool:
        return self.at is not None

    def rules(self) -> datetime:
        return self.at or datetime.now(UTC)

    def real(self) -> datetime:
        return datetime.now(UTC)
