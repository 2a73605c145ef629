"""What one rule came to for one patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cds_service.model.rule import Ask, Indicator, Outcome, Rule

State = Literal["fired", "asked", "undecided", "false", "closed", "error"]


@dataclass(frozen=True, eq=False, slots=True)
class Verdict:
    """`fired` has an outcome and its indicator; `asked` has the lines to ask; `closed` means a gate was shut."""

    rule: Rule
    state: State
    outcome: Outcome | None = None
    indicator: Indicator = "info"
    asks: tuple[Ask, ...] = ()
    why: str = ""  # of an error: the exception's class; of closed: the gate
