"""What goes on which card, before anything is written: own cards, collected cards, the card of questions; then the cap.

A sheet is one card to be. Orders stand on one card only: a finding's card keeps them, a collected card lets them go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from cds_service.cards.desk import Desk
from cds_service.cards.orders import Offer, not_taken, offers
from cds_service.cards.standing import CAP, DISMISSED, DUPLICATE_ORDER, Standing, answered, held_back
from cds_service.model.answer import Evidence
from cds_service.model.criteria import AllOf, Fact, Node, children
from cds_service.model.rule import Indicator, Order, Rule
from cds_service.reasoning.evaluate import Evaluation

LEVELS: Mapping[str, int] = {"critical": 0, "warning": 1, "info": 2}
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A card to be. `own` is the rule it speaks for: its own, the collected card's, None for the card of questions.

    members: the rule itself, the lines, or the rules that ask. out: lines left out, each with its reason.
    """

    own: Standing | None
    level: Indicator
    members: tuple[Standing, ...]
    offered: tuple[Offer, ...] = ()
    out: tuple[Standing, ...] = ()
    pending: tuple[Evidence, ...] = ()
    because: str = ""

    @property
    def asks(self) -> bool:
        return self.own is None

    @property
    def collected(self) -> bool:
        return self.own is not None and self.own.gathers

    @property
    def rank(self) -> tuple[int, int]:
        """Critical, warning, info; then the service's order, questions before the other information."""
        return LEVELS[self.level], self.own.place if self.own else -1


def lay_out(standings: Sequence[Standing], desk: Desk) -> tuple[list[Sheet], list[Sheet]]:
    """The sheets to show, in order, and those held back (dismissed, over the cap, waiting for a critical card)."""
    gatherers = [item for item in standings if item.gathers and item.rule.id in desk.service.returns]
    own = [
        own_sheet(item, desk)
        for item in standings
        if item.fired
        and item.because in ("", DISMISSED)
        and item.rule.id in desk.service.returns
        and not _is_line(item, gatherers)
    ]
    asking = ask_sheet(standings, desk)
    sheets = _all(own, gatherers, standings, asking, own, desk)
    shown, held = _capped(sheets, desk.cap)
    over = {id(sheet) for sheet in held if not sheet.because and sheet.offered}
    if gatherers and over:
        # An order given up to a card that is over the cap would be on no card at all.
        visible = [sheet for sheet in own if id(sheet) not in over]
        shown, held = _capped(_all(own, gatherers, standings, asking, visible, desk), desk.cap)
    return _each_order_once(shown), [sheet if sheet.because else replace(sheet, because=CAP) for sheet in held]


def _all(
    own: Sequence[Sheet],
    gatherers: Sequence[Standing],
    standings: Sequence[Standing],
    asking: Sheet | None,
    claiming: Sequence[Sheet],
    desk: Desk,
) -> list[Sheet]:
    sheets = list(own)
    taken = _taken(claiming, desk.orders)
    shown = [item for sheet in own if not sheet.because for item in sheet.members]
    for card in gatherers:
        sheet = collect(card, standings, taken, shown, desk)
        if sheet is not None:
            sheets.append(sheet)
            if not sheet.because:
                taken |= _taken([sheet], desk.orders)
    return sheets + ([asking] if asking else [])


def _capped(sheets: Sequence[Sheet], cap: int) -> tuple[list[Sheet], list[Sheet]]:
    ranked = sorted((sheet for sheet in sheets if not sheet.because), key=lambda sheet: sheet.rank)
    return ranked[:cap], [sheet for sheet in sheets if sheet.because] + ranked[cap:]


def _each_order_once(shown: Sequence[Sheet]) -> list[Sheet]:
    """An order two findings want stands on the first of their cards; the other card keeps its words."""
    kept: list[Sheet] = []
    seen: set[Key] = set()
    for sheet in shown:
        free = tuple(offer for offer in sheet.offered if seen.isdisjoint(offer.keys))
        seen.update(key for offer in free for key in offer.keys)
        kept.append(sheet if len(free) == len(sheet.offered) else replace(sheet, offered=free))
    return kept


def _is_line(item: Standing, gatherers: Sequence[Standing]) -> bool:
    """A line is never a card of its own, even where its card is switched off."""
    outcome = item.verdict.outcome
    return (outcome is not None and bool(outcome.joins)) or any(belongs(item, card.rule) for card in gatherers)


def own_sheet(item: Standing, desk: Desk) -> Sheet:
    """A rule's own card, without orders already accepted; held when it had orders and none is left."""
    wanted = _wanted(item, desk)
    free = not_taken(wanted, desk.basket)
    because = item.because or (DUPLICATE_ORDER if wanted and not free else "")
    return Sheet(item, lowered(item.verdict.indicator, item.rule), (item,), free, because=because)


def _wanted(item: Standing, desk: Desk) -> tuple[Offer, ...]:
    outcome = item.verdict.outcome
    return offers(item.rule, outcome, desk.orders, desk.evaluation) if outcome else ()


def ask_sheet(standings: Sequence[Standing], desk: Desk) -> Sheet | None:
    """The one card of questions; none where the service does not ask or nothing is asked."""
    if not desk.service.questions:
        return None
    returns = desk.service.returns
    members = tuple(item for item in standings if item.asked and not item.because and item.rule.id in returns)
    return Sheet(None, "info", members) if members else None


# ---------------------------------------------------------------------------------------------- collected cards


def belongs(item: Standing, card: Rule) -> bool:
    """Is this verdict a line of the collected card?"""
    outcome = item.verdict.outcome
    if not item.fired or outcome is None or card.collected is None:
        return False
    if outcome.joins:
        return outcome.joins == card.id
    return any(rule == item.rule.id and name in ("", outcome.name) for rule, name in card.collected.rules)


def collect(
    card: Standing, standings: Sequence[Standing], taken: Mapping[Key, str], shown: Sequence[Standing], desk: Desk
) -> Sheet | None:
    """The collected card with the lines that remain, or None when it has nothing to say.

    `taken`: codes of orders that stand on another card, with the reason a line is held for; `shown`: rules with a card.
    """
    lines: list[Standing] = []
    out: list[Standing] = []
    offered: list[Offer] = []
    for item in standings:
        if item.because or not belongs(item, card.rule):
            continue
        wanted = _wanted(item, desk)
        free = [offer for offer in not_taken(wanted, desk.basket) if not taken.keys() & offer.keys]
        if wanted and not free and item.rule.kind == "gap":
            out.append(replace(item, because=_why_taken(wanted, taken)))
        else:
            lines.append(item)
            offered.extend(free if card.rule.collected and card.rule.collected.orders else ())
    pending = pending_of(card.rule, desk)
    if not lines and not pending:
        dismissed = any(item.because == DISMISSED and belongs(item, card.rule) for item in standings)
        if not out and not dismissed:
            return None
        only_taken = not dismissed and any(item.because == DUPLICATE_ORDER for item in out)
        return Sheet(card, "info", (), (), tuple(out), (), DUPLICATE_ORDER if only_taken else DISMISSED)
    sheet = Sheet(card, level_of(card.rule, lines), tuple(lines), once(offered), tuple(out), pending)
    return replace(sheet, because=held_back(card.rule, shown) or _answered_whole(sheet, desk))


def _answered_whole(sheet: Sheet, desk: Desk) -> str:
    """A card whose lines this hook does not return (the discharge card) is answered as a whole, by its own code."""
    if sheet.own is None or any(item.rule.id in desk.service.returns for item in sheet.members):
        return ""
    return answered(sheet.own.rule.code, sheet.level, sheet.members, desk.held, desk.evaluation)


def level_of(card: Rule, lines: Sequence[Standing]) -> Indicator:
    """The highest of its lines, at least what the card says; info when there is none."""
    collected = card.collected
    if collected is None or not lines:
        return "info"
    if collected.indicator != "highest":
        return lowered(collected.indicator, card)
    levels: list[Indicator] = [lowered(item.verdict.indicator, item.rule) for item in lines]
    if collected.at_least in ("critical", "warning"):
        levels.append("critical" if collected.at_least == "critical" else "warning")
    return lowered(min(levels, key=lambda level: LEVELS[level]), card)


def lowered(level: Indicator, rule: Rule) -> Indicator:
    """The level a card is shown with: not above what the site allows the rule. What it hides is decided without it."""
    return level if rule.most is None else max(level, rule.most, key=lambda each: LEVELS[each])


def once(offered: Sequence[Offer]) -> tuple[Offer, ...]:
    """Each order once, what another replaces left out, in the order the templates give."""
    replaced = {name for offer in offered for name in offer.order.replaces}
    kept: dict[frozenset[Key], Offer] = {}
    for offer in offered:
        if offer.order.name not in replaced:
            kept.setdefault(offer.keys, offer)
    return tuple(sorted(kept.values(), key=lambda offer: offer.order.rank))


def _taken(sheets: Iterable[Sheet], orders: Mapping[str, Order]) -> dict[Key, str]:
    """Codes of orders that stand on these cards, what they replace among them, each with why a line is held for it."""
    found: dict[Key, str] = {}
    for sheet in sorted(sheets, key=lambda sheet: sheet.because == ""):
        because = sheet.because or DUPLICATE_ORDER
        for offer in sheet.offered:
            found.update(dict.fromkeys(offer.keys, because))
            for name in offer.order.replaces:
                if (other := orders.get(name)) is not None:
                    found.update({(coding.system, coding.code): because for coding in other.codes})
    return found


def _why_taken(wanted: Sequence[Offer], taken: Mapping[Key, str]) -> str:
    reasons = {taken[key] for offer in wanted for key in offer.keys if key in taken}
    return DUPLICATE_ORDER if DUPLICATE_ORDER in reasons else next(iter(reasons), DUPLICATE_ORDER)


# ---------------------------------------------------------------------------------------------- tests under way


def pending_of(card: Rule, desk: Desk) -> tuple[Evidence, ...]:
    """Tests under way that are themselves a reason for the card, each order once."""
    if card.collected is None:
        return ()
    nodes = [node for name in card.collected.pending if (node := card.names.get(f"pending:{name}")) is not None]
    answers = [desk.evaluation.answer(node) for node in nodes]
    return each_once(item for answer in answers if answer.truth is True for item in answer.evidence)


def looked_for(
    card: Rule, lines: Iterable[Standing], rules: Iterable[Rule], evaluation: Evaluation
) -> tuple[Fact, ...]:
    """The tests that the rules without a line would ask for, were they not under way or unreadable."""
    names = {name for name, _ in card.collected.rules} if card.collected else set()
    names -= {item.rule.id for item in lines}
    wanted = [rule.when for rule in rules if rule.id in names and rule.when is not None]
    return tuple(dict.fromkeys(fact for node in wanted for fact in _bearing(node, evaluation)))


def _bearing(node: Node, evaluation: Evaluation) -> Iterator[Fact]:
    """The `missing` facts a criterion waits for: none where something else already makes it false."""
    if isinstance(node, Fact) and node.kind == "missing":
        yield node
        return
    below = [item for item in children(node) if holds_missing(item)]
    if isinstance(node, AllOf) and any(
        evaluation.truth(item) is False for item in node.items if not holds_missing(item)
    ):
        return
    for item in below:
        yield from _bearing(item, evaluation)


@lru_cache(maxsize=65536)
def holds_missing(node: Node) -> bool:
    """Is there a `missing` fact anywhere below? Of content alone, so this may be kept."""
    if isinstance(node, Fact) and node.kind == "missing":
        return True
    return any(holds_missing(item) for item in children(node))


def each_once(items: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """A panel that brings several results is one order under way."""
    found: dict[str, Evidence] = {}
    for item in items:
        found.setdefault(item.reference, item)
    return tuple(found.values())
