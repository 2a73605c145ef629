"""While the database is down: hook calls go on, answers wait on disk, a full spool refuses them, a fork changes nothing."""

import multiprocessing
import os

import pytest

from cds_service.errors import Unavailable
from cds_service.store.commands import open_ledger
from cds_service.store.tables import accepted as accepted_table
from cds_service.store.tables import card as card_table
from cds_service.store.tables import feedback
from tests.store.calls import NOW, SECRET, accepted, call, card, overridden, reply
from tests.store.conftest import RULES
from tests.store.test_ledger import rows


def test_without_a_database_hook_calls_go_on_and_feedback_waits_on_disk(tmp_path):
    (tmp_path / "file").write_text("")
    ledger = open_ledger(
        f"sqlite:///{tmp_path}/file/ledger.db", SECRET, tmp_path / "spool", memory=RULES, background=False
    )
    item = card()
    assert ledger.held(call(), NOW) == {}
    ledger.shown(call(), reply(item), NOW)
    assert ledger.feedback("leg-symptoms", [overridden(item)], NOW) == 1
    assert not ledger.condition().up and ledger.condition().spooled > 0
    (tmp_path / "file").unlink()
    ledger.drainer._round()
    assert ledger.condition().up and ledger.condition().spooled == 0 and ledger.condition().moved == 2
    assert set(ledger.held(call(), NOW)) == {"FE02"}
    ledger.close()


@pytest.fixture
def down(make):
    """Makes ledgers whose database is down."""

    def ledger(**options):
        made = make(**options)
        made.database.up = False
        return made

    return ledger


def test_answers_that_waited_count_once_though_moved_twice(down):
    ledger = down()
    item = card(orders=["2276-4", "718-7"])
    ledger.shown(call(), reply(item), NOW)
    body = [accepted(item, 0), overridden(item, "declined", "a word")]
    assert ledger.feedback("leg-symptoms", body, NOW) == 2
    (path,) = ledger.spool.folder.glob("*.answers")
    content = path.read_bytes()
    assert ledger.drainer.drain() == 2
    path.write_bytes(content)
    assert ledger.drainer.drain() == 1 and ledger.spool.size() == ledger.answers.size() == 0
    kept = rows(ledger, feedback)
    assert [(row["outcome"], row["reason"], row["comment"]) for row in kept] == [
        ("accepted", "", None),
        ("overridden", "declined", "a word"),
    ]
    assert all(row["told_at"] == row["counts_from"] == row["received"] == NOW for row in kept)
    assert [row["suggestion"] for row in rows(ledger, accepted_table)] == [item["suggestions"][0]["uuid"]]


def test_a_full_spool_of_answers_refuses_and_drops_none(down, caplog):
    ledger = down(answers_bound=8_000, segment=2_000, bound=8_000)
    told, refused = [], 0
    for _ in range(60):
        item = card()
        ledger.shown(call(), reply(item), NOW)
        try:
            ledger.feedback("leg-symptoms", [overridden(item)], NOW)
            told.append(item["uuid"])
        except Unavailable:
            refused += 1
    assert told and refused and "the spool of answers is full" in caplog.text and "feedback was refused" in caplog.text
    assert ledger.answers.size() <= 8_000 and ledger.lost > 0, "of what was shown the oldest went, of answers none"
    ledger.drainer.drain()
    assert [row["card"] for row in rows(ledger, feedback)] == told
    ledger.database.up = True
    assert ledger.feedback("leg-symptoms", [overridden(card())], NOW) == 1


def test_a_disk_that_takes_nothing_refuses_feedback(down, monkeypatch):
    ledger = down()

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", refuse)
    with pytest.raises(Unavailable, match="again later"):
        ledger.feedback("leg-symptoms", [overridden(card())], NOW)


def test_an_answer_is_on_the_disk_before_it_is_acknowledged(down, monkeypatch):
    ledger, synced = down(), []
    real = os.fsync

    def note(handle):
        synced.append(os.readlink(f"/proc/self/fd/{handle}"))
        real(handle)

    monkeypatch.setattr(os, "fsync", note)
    ledger.feedback("leg-symptoms", [overridden(card())], NOW)
    (path,) = ledger.spool.folder.glob("*.answers")
    assert str(path.parent) in synced and str(path) in synced


def _in_a_child(ledger, item):
    ledger.shown(call(), reply(item), NOW)
    stored = ledger.feedback("leg-symptoms", [overridden(item)], NOW)
    seen = set(ledger.held(call(), NOW))
    ledger.close()
    os._exit(0 if stored == 1 and "FE01" in seen else 1)


def test_a_ledger_in_use_may_be_forked(make):
    """The parent has connections, threads and segments open; children and parent go on side by side."""
    ledger = make(background=True)
    first = card()
    ledger.shown(call(), reply(first), NOW)
    ledger.feedback("leg-symptoms", [overridden(first)], NOW)
    items = [card("FE01") for _ in range(3)]
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=_in_a_child, args=(ledger, item)) for item in items]
    for child in children:
        child.start()
    last = card("WK01")
    ledger.shown(call(), reply(last), NOW)
    assert ledger.feedback("leg-symptoms", [overridden(last)], NOW) == 1
    for child in children:
        child.join(20)
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert set(ledger.held(call(), NOW)) == {"FE01", "FE02", "WK01"}
    ledger.close()
    wanted = {item["uuid"] for item in (first, *items, last)}
    assert {row["card"] for row in rows(ledger, card_table)} == wanted
    assert {row["card"] for row in rows(ledger, feedback)} == wanted
