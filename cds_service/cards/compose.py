"""Verdicts become the cards one client is shown, and one entry per rule that had something to say.

The order is the contract: silent rules go, hidden ones stay away, lines are collected and each order stands once,
what this hook does not return is dropped, what was dismissed is held, the rest is ranked and capped, then written.
Decides nothing clinical: whether a rule is true was decided before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from cds_service.cards.desk import Desk
from cds_service.cards.profiles import Profile
from cds_service.cards.sheets import Sheet, lay_out
from cds_service.cards.standing import CAP as OVER_THE_CAP
from cds_service.cards.standing import DISMISSED, Standing, hide, settle_answered, take
from cds_service.cards.writing import name_the_rest, write
from cds_service.model.hook import HookCall
from cds_service.model.memory import Held
from cds_service.model.rule import Order, Rule, Service
from cds_service.model.verdict import Verdict
from cds_service.reasoning.evaluate import Evaluation

CAP = 5


def compose(
    verdicts: Sequence[Verdict],
    evaluation: Evaluation,
    *,
    service: Service,
    orders: Mapping[str, Order],
    reasons: tuple[tuple[str, str], ...],
    questions: Mapping[str, str],
    base_url: str,
    call: HookCall,
    now: datetime,
    held: Mapping[str, Held],
    profile: Profile,
    site_orders: Mapping[str, Mapping[str, str]],
    cap: int = CAP,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The cards of one answer, most urgent first, and the verdict entries, both as JSON.

    verdicts: one per rule of the service, in its order. reasons: common override reasons, (code, display).
    questions: the leg form's questions by linkId. held: answers still in force, as `ports.Memory.held` gives them.
    """
    base = base_url.rstrip("/")
    desk = Desk(evaluation, service, orders, reasons, questions, base, call, now, held, profile, site_orders, cap)
    standings = settle_answered(hide(take(verdicts), service.returns), held, service.returns, evaluation)
    shown, back = lay_out(standings, desk)
    written = [(sheet, *write(sheet, desk)) for sheet in shown]
    if written:
        name_the_rest(written[-1][2], [sheet for sheet in back if sheet.because == OVER_THE_CAP])
    entries = [entry for sheet, identity, _ in written for entry in _shown_entries(sheet, identity, service)]
    entries += _held_entries(standings, [*shown, *back], service)
    return [card for _, _, card in written], entries


def _shown_entries(sheet: Sheet, identity: str, service: Service) -> Iterator[dict[str, Any]]:
    """The card's own rule, then its lines; a rule this hook does not return has no entry."""
    if sheet.collected and sheet.own is not None:
        yield _entry(sheet.own.rule, "fired", card=identity)
    for item in sheet.members:
        if item.rule.id in service.returns:
            yield _entry(item.rule, "asked" if sheet.asks else "fired", card=identity)


def _held_entries(standings: Sequence[Standing], sheets: Sequence[Sheet], service: Service) -> list[dict[str, Any]]:
    """Everything true and not shown, in the service's order, with why."""
    held: dict[int, tuple[Rule, str]] = {}
    for sheet in sheets:
        if sheet.because:
            held.update({item.place: (item.rule, sheet.because) for item in sheet.members})
            if sheet.collected and sheet.own is not None:
                held[sheet.own.place] = (sheet.own.rule, sheet.because)
        held.update({item.place: (item.rule, item.because) for item in sheet.out})
    for item in standings:
        if item.because and (item.fired or item.because == DISMISSED):
            held[item.place] = (item.rule, item.because)
    return [
        _entry(rule, "held", because=because)
        for _, (rule, because) in sorted(held.items(), key=lambda pair: pair[0])
        if rule.id in service.returns
    ]


def _entry(rule: Rule, outcome: str, card: str = "", because: str = "") -> dict[str, Any]:
    entry = {"code": rule.code, "version": rule.version, "outcome": outcome}
    if card:
        entry["card"] = card
    if because:
        entry["because"] = because
    return entry
