"""Where each rule's verdict stands once the others have spoken: shown, asked, or held back and why.

Small steps over frozen `Standing`s, read in order by `compose`. A silent rule has no visible effect: it neither shows
nor hides another. Hiding looks at every rule evaluated; whether a card is returned by this hook is settled after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cds_service.model.memory import Held
from cds_service.model.rule import Indicator, Rule
from cds_service.model.verdict import Verdict
from cds_service.reasoning.evaluate import Evaluation
from cds_service.reasoning.notes import joined, note_of

DISMISSED = "dismissed"
CAP = "cap"
CRITICAL_CARD = "critical-card"
DUPLICATE_ORDER = "duplicate-order"
ASK = "ASK"  # the topic of the one card of questions


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
    speaking = {item.rule.id: item for item in standings if item.fired}
    hiders: dict[str, list[Standing]] = {}
    for item in speaking.values():
        for target in item.rule.hides:
            hiders.setdefault(target, []).append(item)
    named = [item if item.gathers else _superseded(item, hiders, speaking) for item in standings]
    seen = [item for item in named if not item.because and item.rule.id in returns]
    return [item if item.because or item.gathers else _yielding(item, seen) for item in named]


def _superseded(item: Standing, hiders: Mapping[str, Sequence[Standing]], speaking: Mapping[str, Standing]) -> Standing:
    """Hidden by a rule that names it, or that it names. Told with one that is not hidden so, if there is one."""
    found = [*hiders.get(item.rule.id, ()), *(speaking[name] for name in item.rule.yields_to if name in speaking)]
    found = [other for other in found if other is not item]
    if not found:
        return item
    first = next((other for other in found if other.rule.id not in hiders), found[0])
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


def settle_answered(
    standings: Sequence[Standing], held: Mapping[str, Held], returns: frozenset[str], evaluation: Evaluation
) -> list[Standing]:
    """What the clinician has already answered: dismissed, or its orders taken; unless newer evidence has come since.

    A line of a collected card is answered by its own code, a question by `ASK:` and the rule's code, so that a new
    line or another question still shows, and a dismissed question never holds back the rule's own card.
    """
    if not held:
        return list(standings)
    return [
        item
        if item.because or item.gathers or item.rule.id not in returns
        else replace(item, because=answered(_topic(item), item.verdict.indicator, [item], held, evaluation))
        for item in standings
    ]


def _topic(item: Standing) -> str:
    return f"{ASK}:{item.rule.code}" if item.asked else item.rule.code


def answered(
    topic: str, level: Indicator, members: Sequence[Standing], held: Mapping[str, Held], evaluation: Evaluation
) -> str:
    """Why a topic is not shown again; "" when it is."""
    earlier = held.get(topic)
    if earlier is None or not earlier.covers(level, joined(note_of(item.verdict, evaluation) for item in members)):
        return ""
    return DISMISSED if earlier.outcome == "overridden" else DUPLICATE_ORDER
