"""A hook call as it reached us, and the reply to it; no web word beyond the protocol's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class FhirAccess:
    """Where the client's FHIR server is and the token for it, if one was given. Never logged."""

    server: str
    token: str = field(default="", repr=False)
    expires_in: int | None = None
    scope: str = ""
    patient: str = ""


@dataclass(frozen=True, slots=True)
class HookCall:
    service: str
    hook: str
    hook_instance: str
    user_id: str
    patient_id: str
    encounter_id: str = ""
    prefetch: Mapping[str, Any] = field(default_factory=dict, repr=False)
    drafts: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)  # the draft orders, leniently read
    selections: tuple[str, ...] = ()
    fhir: FhirAccess | None = field(default=None, repr=False)
    client: str = ""  # who calls, as registered; "" when calls are open
    profile: str = "cds-hooks-2.0"
    tenant: str = ""  # the client's tenant, where it names one


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be used, told in the reply. `why` holds no clinical value."""

    what: str  # prefetch | fetch | resource | rule
    where: str
    why: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The JSON members of a CDS Hooks answer, ready to be written."""

    cards: list[dict[str, Any]] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)
