"""Where each rule's verdict stands once the others have spoken: shown, asked, or held back and why.

Small steps over frozen `Standing`s, read in order by `compose`. A silent rule has no visible effect: it neither shows
nor hides another. Hiding looks at every rule evaluated; whether a card is returned by this hook is settled after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cds_service.model.rule import Rule
from cds_service.model.verdict import Verdict
from cds_service.ports import Held
from cds_service.reasoning.evaluate import Evaluation
from cds_service.reasoning.explain import decisive

DISMISSED = "dismissed"
CAP = "cap"
CRITICAL_CARD = "critical-card"
DUPLICATE_ORDER = "duplicate-order"
ASK = "ASK"                               # the topic of the one card of questions


@dataclass(frozen=True, slots=True)
class Standing:
    """A verdict, its place in the service's order, and why it is held back ("" while it is not)."""

    verdict: Verdict
    place: int
    because: str = ""

    @property
    def rule(self) -> Rule:
        return self.verdict.rule

    @property
    def fired(self) -> bool:
        return self.verdict.state == "fired"

    @property
    def asked(self) -> bool:
        return self.verdict.state == "asked"

    @property
    def gathers(self) -> bool:
        """A collected card whose gates are open."""
        return self.rule.collected is not None and self.verdict.state == "undecided"

    @property
    def critical(self) -> bool:
        return self.fired and self.verdict.indicator == "critical"


def take(verdicts: Sequence[Verdict]) -> list[Standing]:
    """Everything that has something to say, in the service's order; what is switched to silent does not."""
    found = [Standing(verdict, place) for place, verdict in enumerate(verdicts) if verdict.rule.showing == "on"]
    return [item for item in found if item.fired or item.asked or item.gathers]


def hide(standings: Sequence[Standing], returns: frozenset[str]) -> list[Standing]:
    """Who stays away because another speaks. A rule that is itself hidden still hides: its criteria are true."""
    named = [_superseded(item, standings) for item in standings]
    seen = [item for item in named if not item.because and item.rule.id in returns]
    return [item if item.because or item.gathers else _yielding(item, seen) for item in named]


def _superseded(item: Standing, standings: Sequence[Standing]) -> Standing:
    """Hidden by a rule that names it, or that it names. Told with one that is itself shown, if there is one."""
    hiders = [
        other for other in standings
        if other.fired and other is not item
        and (item.rule.id in other.rule.hides or other.rule.id in item.rule.yields_to)
    ]
    if not hiders or item.gathers:
        return item
    hidden = {target for other in standings if other.fired for target in other.rule.hides}
    first = next((other for other in hiders if other.rule.id not in hidden), hiders[0])
    return replace(item, because=f"superseded:{first.rule.code}")


def _yielding(item: Standing, seen: Sequence[Standing]) -> Standing:
    """Hidden by a level: `critical:vascular`, `any:vascular`, `critical:any`."""
    for entry in item.rule.yields_to:
        level, _, pack = entry.partition(":")
        if not pack:
            continue
        for other in seen:
            if other is item or not _of_pack(other, pack):
                continue
            if level == "critical" and other.critical:
                return replace(item, because=CRITICAL_CARD)
            if level == "any" and (other.fired or other.asked) and not _yields_to_any(other):
                return replace(item, because=f"superseded:{other.rule.code}")
    return item


def _of_pack(item: Standing, pack: str) -> bool:
    return pack in ("any", item.rule.pack)


def _yields_to_any(item: Standing) -> bool:
    """Two rules that both stay away for any other must not hide each other."""
    return any(entry.startswith("any:") for entry in item.rule.yields_to)


def held_back(rule: Rule, shown: Iterable[Standing]) -> str:
    """Why a collected card waits for what is shown; "" when it need not."""
    cards = list(shown)
    for entry in rule.yields_to:
        level, _, pack = entry.partition(":")
        for other in cards:
            if (not pack and other.rule.id == entry) or (pack and level == "any" and _of_pack(other, pack)):
                return f"superseded:{other.rule.code}"
            if pack and level == "critical" and other.critical and _of_pack(other, pack):
                return CRITICAL_CARD
    return ""


def dismissed(
    code: str, members: Sequence[Standing], held: Mapping[str, Held], now: datetime, evaluation: Evaluation
) -> bool:
    """Was this topic overridden, and has nothing newer come since? What was accepted is not held back."""
    earlier = held.get(code)
    if earlier is None or earlier.outcome != "overridden" or now >= earlier.until:
        return False
    newest = [moment for item in members if (moment := newest_evidence(item.verdict, evaluation)) is not None]
    return not newest or max(newest) <= (earlier.newest_evidence or earlier.at)


def newest_evidence(verdict: Verdict, evaluation: Evaluation) -> datetime | None:
    """The date of the newest evidence a verdict rests on; None when none of it is dated."""
    rule = verdict.rule
    nodes = [rule.names[name] for name in rule.evidence if name in rule.names]
    for criterion in (rule.when, verdict.outcome.when if verdict.outcome else None):
        if criterion is not None:
            nodes.extend(decisive(criterion, evaluation))
    dates = [answer.dated for node in nodes if (answer := evaluation.answer(node)).dated is not None]
    return max((moment for moment in dates if moment is not None), default=None)
