"""Everything the cards of one answer share, so that each step takes one argument and reaches for nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cds_service.cards.orders import Basket
from cds_service.cards.profiles import Profile
from cds_service.model.hook import HookCall
from cds_service.model.memory import Held
from cds_service.model.rule import Order, Service
from cds_service.reasoning.evaluate import Evaluation


@dataclass(frozen=True, slots=True)
class Desk:
    """One call, one patient, one client. `reasons`: common override reasons as (code, display)."""

    evaluation: Evaluation
    service: Service
    orders: Mapping[str, Order]
    reasons: tuple[tuple[str, str], ...]
    questions: Mapping[str, str]
    base_url: str
    call: HookCall
    now: datetime
    held: Mapping[str, Held]
    profile: Profile
    site_orders: Mapping[str, Mapping[str, str]]
    cap: int

    @property
    def basket(self) -> Basket:
        """What every order of this answer shares."""
        return Basket(
            self.evaluation, self.call, self.now, self.profile, self.site_orders, self.service.title, self.held
        )
