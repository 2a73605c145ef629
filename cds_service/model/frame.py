"""When and on which side evidence must lie to count, after every anchor has been worked out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cds_service.model.answer import Reason


@dataclass(frozen=True, slots=True)
class Frame:
    """`start` and `end` are inclusive; None is open. `side` None means any side will do.

    unknown: set when an anchor had no date; the fact is then unknown, whatever the record holds.
    """

    start: datetime | None = None
    end: datetime | None = None
    side: frozenset[str] | None = None
    unstated_counts: bool = True
    unknown: Reason | None = None


ANY_TIME = Frame()
