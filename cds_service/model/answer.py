"""What looking at one patient gave: answers, their evidence, and why an answer is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from cds_service.model.quantity import Quantity
from cds_service.model.truth import Truth

Why = Literal[
    "not asked",  # the query was never run
    "failed",  # the query ran and failed, or was refused
    "partial",  # only some pages came
    "no result",  # looked for and not there
    "too old",  # there, but outside the window
    "unit not understood",
    "value not numeric",
    "implausible",
    "no date",
    "uncertain date",  # a partial date straddles the window
    "not recorded",  # nobody said, and silence is no answer
    "from text",  # only free text says so
    "in conflict",  # the evidence contradicts itself
]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is unknown. `what` names the fact or resource type; `text` is shown to the clinician."""

    why: Why
    what: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One resource that speaks: what it says, as the chart says it. All text is raw; cards escape it."""

    reference: str  # "Observation/o1"; "form" for the leg form, "draft" for an order of this hook
    label: str  # "Ferritin"
    text: str = ""  # "12 ng/mL", "present", "500 mg tablet, active"
    date: str = ""  # as recorded: "2026-05-01" or "2026"
    when: datetime | None = None
    note: str = ""  # "preliminary", "from text", "unit assumed"
    # the CodeableConcept that was matched, raw: the reason of an order that this evidence led to
    concept: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    of: str = ""  # the form it is one answer of


_NO_WORDS: dict[str, str] = {}


class Answer(NamedTuple):
    """What a fact came to. Only the member of the fact's type is meant. A tuple, as a call makes hundreds of them.

    truth: for a truth; None is unknown.
    quantity: for a quantity; None is unknown.
    labels: for a choice, every label still possible; for a truth, the sides its evidence names.
    started, started_by: the earliest and latest that what the evidence describes (exposure, symptom, order) can have
        begun, if known; one alone is exact.
    dated, dated_by: the earliest and latest the evidence that decided can be; the same unless the date is partial.
    """

    truth: Truth = None
    quantity: Quantity | None = None
    labels: frozenset[str] = frozenset()
    evidence: tuple[Evidence, ...] = ()
    reasons: tuple[Reason, ...] = ()
    started: datetime | None = None
    dated: datetime | None = None
    dated_by: datetime | None = None
    upper_limit: Quantity | None = None  # the report's own upper limit, in the unit of the result
    extra: dict[str, str] = _NO_WORDS  # further words for texts: {"drug": "furosemide"}
    started_by: datetime | None = None


ABSENT = Answer(False)  # an absence without evidence, which is most of what a chart says
