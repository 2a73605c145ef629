"""What a hook call pays for the ledger: well under a millisecond to say what was shown, whatever the database does.

Medians, with room for a busy machine; `python -m tests.store.test_speed` prints them.
"""

import statistics
import tempfile
import time
from pathlib import Path

import pytest

from cds_service.store.commands import open_ledger
from tests.store.calls import NOW, SECRET, call, card, overridden, reply
from tests.store.conftest import RULES

MILLISECOND = 0.001


def median(task, times=300):
    spent = []
    for _ in range(times):
        started = time.perf_counter()
        task()
        spent.append(time.perf_counter() - started)
    return statistics.median(spent)


def full_reply():
    """As much as one reply may hold: five cards, each with two orders."""
    return reply(*(card(code, orders=["2276-4", "718-7"]) for code in ("DVT02", "FE01", "WK01", "B1201", "ASK")))


@pytest.mark.parametrize("up", [True, False])
def test_saying_what_was_shown_costs_less_than_a_millisecond(make, up):
    ledger, shown, by = make(background=True), full_reply(), call()
    ledger.database.up = up
    assert median(lambda: ledger.shown(by, shown, NOW)) < MILLISECOND
    ledger.drainer.stop()


def test_asking_what_is_held_back_costs_nothing_while_the_database_is_down(make):
    ledger, by = make(), call()
    ledger.database.up = False
    assert median(lambda: ledger.held(by, NOW)) < MILLISECOND / 5


def test_asking_what_is_held_back_stays_quick_with_a_long_history(make):
    """200 cards of one patient, all dismissed by one user."""
    ledger, by = make(), call()
    for _ in range(40):
        shown = full_reply()
        ledger.shown(by, shown, NOW)
        ledger.feedback("leg-symptoms", [overridden(item) for item in shown.cards], NOW)
    ledger.drainer.drain()
    assert len(ledger.held(by, NOW)) == 5
    assert median(lambda: ledger.held(by, NOW), 30) < 50 * MILLISECOND


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        url, answered, asked = f"sqlite:///{folder}/ledger.db", full_reply(), call()
        measured = open_ledger(url, SECRET, Path(folder) / "spool", memory=RULES, background=False)
        for what, work in (
            ("shown, five cards", lambda: measured.shown(asked, answered, NOW)),
            ("held", lambda: measured.held(asked, NOW)),
            ("feedback, one answer", lambda: measured.feedback("s", [overridden(answered.cards[0])], NOW)),
        ):
            print(f"{what:22} {median(work) * 1e6:8.0f} microseconds (median)")
        measured.close()
