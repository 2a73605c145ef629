"""What came in for one query: the state says what silence is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

State = Literal["answered", "partial", "failed", "not asked"]


@dataclass(frozen=True, slots=True)
class Query:
    """One prefetch template: `key` is its name in discovery, `type` the resource type it answers."""

    key: str
    type: str
    template: str  # "Observation?patient={{context.patientId}}&_sort=-date&_count=1000"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """The answer to one query. `answered` with no resources is an earned none.

    back_to: of a partial, newest-first answer, the oldest moment it reaches: silence after it is earned too.
    bound: the resources answered a query for this patient, so one without a subject counts as theirs.
    """

    query: Query
    state: State
    resources: tuple[Mapping[str, Any], ...] = ()
    why: str = ""
    back_to: datetime | None = None
    # fullUrl of each resource that had one, by position; urn:uuid references are resolved with it
    full_urls: tuple[str, ...] = ()
