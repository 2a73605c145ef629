"""The queries behind the memory: what one user answered to the cards of one patient."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, select

from cds_service.store.tables import accepted, card, card_rule, feedback, suggestion

_OF_A_SUGGESTION = ("card", "suggestion", "orders", "priority", "planned")
# Asked on every call, so it is put together once.
_ANSWERS = (
    select(
        card.c.card,
        card.c.at,
        card.c.indicator,
        card.c.one_of,
        card_rule.c.code,
        card_rule.c.role,
        card_rule.c.newest_evidence,
        card_rule.c.about,
        feedback.c.outcome,
        feedback.c.reason,
        feedback.c.counts_from,
    )
    .join_from(
        card,
        feedback,
        and_(feedback.c.card == card.c.card, feedback.c.client == card.c.client, feedback.c.tenant == card.c.tenant),
    )
    .join(card_rule, card_rule.c.card == card.c.card)
    .where(card.c.patient == bindparam("patient"), card.c.who == bindparam("who"), card.c.at >= bindparam("since"))
    .order_by(feedback.c.counts_from, feedback.c.id)
)


def of(connection: Connection, patient: str, who: str, since: datetime) -> list[Row[Any]]:
    """One row for each answer and each rule of the card it answers, oldest answer first.

    An answer counts for a card only when it came from the client and tenant the card was shown to.
    """
    return list(connection.execute(_ANSWERS, {"patient": patient, "who": who, "since": since}))


def suggestions(connection: Connection, cards: Iterable[str]) -> list[Row[Any]]:
    """Every suggestion of these cards; `taken` is when it was accepted first, else None."""
    query = (
        select(
            *(suggestion.c[name] for name in _OF_A_SUGGESTION),
            func.min(feedback.c.counts_from, type_=feedback.c.counts_from.type).label("taken"),
        )
        .outerjoin_from(suggestion, accepted, accepted.c.suggestion == suggestion.c.suggestion)
        .outerjoin(feedback, and_(feedback.c.id == accepted.c.feedback, feedback.c.card == suggestion.c.card))
        .where(suggestion.c.card.in_(sorted(cards)))
        .group_by(*(suggestion.c[name] for name in _OF_A_SUGGESTION))
    )
    return list(connection.execute(query))
