"""Forgetting: what is old, what is about one patient, free texts alone; counted, and nothing else goes."""

from datetime import timedelta

import pytest

from cds_service.store.retention import Removed, forget, purge
from cds_service.store.tables import accepted as accepted_table
from cds_service.store.tables import card as card_table
from cds_service.store.tables import card_rule, feedback, suggestion
from tests.store.calls import NOW, accepted, call, card, overridden, reply
from tests.store.test_ledger import rows

DAY = timedelta(days=1)
TABLES = (card_table, card_rule, suggestion, feedback, accepted_table)


def show(ledger, item, now=NOW, **who):
    ledger.shown(call(**who), reply(item), now)
    return item


def tell(ledger, *entries, now=NOW, **who):
    ledger.feedback("leg-symptoms", list(entries), now, **who)


@pytest.fixture
def filled(ledger):
    """An old card with its answers, one of today, one in the spool, and answers to cards nobody knows."""
    old = show(ledger, card(orders=["2276-4"]), NOW - 400 * DAY)
    tell(ledger, accepted(old, 0), overridden(old, comment="old words"), now=NOW - 400 * DAY)
    new = show(ledger, card(orders=["718-7"]), patient="p2")
    tell(ledger, accepted(new, 0), overridden(new, comment="new words"))
    tell(ledger, overridden(card()), now=NOW - 400 * DAY)
    tell(ledger, overridden(card()))
    ledger.drainer.drain()
    ledger.old, ledger.new = old, new
    return ledger


def counts(ledger):
    return tuple(len(rows(ledger, table)) for table in TABLES)


def test_what_is_older_goes_with_everything_that_hangs_on_it(filled):
    assert counts(filled) == (2, 2, 2, 6, 2)
    assert purge(filled, 365 * DAY, NOW) == Removed(1, 3, 1)
    assert counts(filled) == (1, 1, 1, 3, 1)
    assert {row["card"] for row in rows(filled, card_table)} == {filled.new["uuid"]}
    assert purge(filled, 365 * DAY, NOW) == Removed(0, 0)


def test_the_border_is_the_moment_itself(ledger):
    show(ledger, card(), NOW - 10 * DAY)
    assert purge(ledger, 10 * DAY, NOW) == Removed(0, 0)
    assert purge(ledger, 10 * DAY, NOW + timedelta(seconds=1)) == Removed(1, 0)


def test_a_dry_run_says_the_same_and_removes_nothing(filled):
    before = counts(filled)
    assert purge(filled, 365 * DAY, NOW, dry_run=True) == Removed(1, 3, 1)
    assert forget(filled, "p2", dry_run=True) == Removed(1, 2, 1)
    assert purge(filled, 365 * DAY, NOW, comments_only=True, dry_run=True) == Removed(0, 0, 1)
    assert counts(filled) == before
    assert [row["comment"] for row in rows(filled, feedback) if row["comment"]] == ["old words", "new words"]


def test_free_texts_alone_may_go(filled):
    before = counts(filled)
    assert purge(filled, 365 * DAY, NOW, comments_only=True) == Removed(0, 0, 1)
    assert counts(filled) == before
    assert [(row["comment"], row["commented"]) for row in rows(filled, feedback) if row["commented"]] == [
        (None, True),
        ("new words", True),
    ]


def test_one_patient_is_forgotten_and_no_other(filled):
    assert forget(filled, "Patient/p2") == Removed(1, 2, 1)
    assert {row["card"] for row in rows(filled, card_table)} == {filled.old["uuid"]}
    assert len(rows(filled, accepted_table)) == 1
    assert forget(filled, "p2") == Removed(0, 0)


def test_what_still_waits_in_the_spool_is_forgotten_too(ledger):
    ledger.database.up = False
    item = show(ledger, card())
    tell(ledger, overridden(item, comment="words"))
    ledger.database.up = True
    assert forget(ledger, "p1") == Removed(1, 1, 1)
    assert counts(ledger) == (0, 0, 0, 0, 0) and ledger.spool.size() == ledger.answers.size() == 0


def test_a_patient_of_every_client_or_of_one(ledger):
    for who in ({"client": "north", "tenant": "a"}, {"client": "north", "tenant": "b"}, {"client": "south"}, {}):
        show(ledger, card(), **who)
    assert forget(ledger, "p1", client="north", tenant="a") == Removed(1, 0)
    assert forget(ledger, "p1", client="north") == Removed(1, 0)
    assert forget(ledger, "p1", client="") == Removed(1, 0)
    assert forget(ledger, "p1") == Removed(1, 0)
    assert counts(ledger) == (0, 0, 0, 0, 0)


def test_who_was_forgotten_gets_every_card_again(ledger):
    item = show(ledger, card())
    tell(ledger, overridden(item))
    assert set(ledger.held(call(), NOW)) == {"FE02"}
    forget(ledger, "p1")
    assert ledger.held(call(), NOW) == {}
