"""A token id is good once: in any process, after a restart, and at least in this process when the database is down."""

import multiprocessing
from datetime import timedelta

from sqlalchemy import func, select

from cds_service.store.database import Database
from cds_service.store.tables import token
from cds_service.store.tokens import SeenTokens
from tests.store.calls import NOW

END = NOW + timedelta(minutes=6)


def test_once_and_per_issuer(ledger):
    seen = ledger.tokens
    assert seen.first("https://a", "j1", END, NOW)
    assert not seen.first("https://a", "j1", END, NOW)
    assert seen.first("https://b", "j1", END, NOW) and seen.first("https://a", "j2", END, NOW)
    assert seen.first("https://a1", "", END, NOW) and seen.first("https://a", "1", END, NOW)


def _ask(url, results):
    database = Database(url, brief=5)
    results.put(SeenTokens(database).first("https://a", "j1", END, NOW))
    database.close()


def test_not_again_in_another_process_or_after_a_restart(ledger, url):
    assert ledger.tokens.first("https://a", "j1", END, NOW)
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=_ask, args=(url, results))
    process.start()
    assert results.get(timeout=30) is False
    process.join(20)


def test_of_many_at_once_one_wins(url):
    database = Database(url, brief=5)
    database.prepare()
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    processes = [context.Process(target=_ask, args=(url, results)) for _ in range(5)]
    for process in processes:
        process.start()
    found = [results.get(timeout=30) for _ in processes]
    for process in processes:
        process.join(20)
    database.close()
    assert sorted(found) == [False, False, False, False, True]


def test_it_holds_a_hash_and_forgets_what_is_dead(ledger):
    seen = ledger.tokens
    assert seen.first("https://a", "SECRET-JTI", END, NOW)
    assert seen.first("https://a", "later", END + timedelta(hours=1), NOW)
    with ledger.database.read() as connection:
        assert "SECRET" not in str(connection.execute(select(token)).all())
    assert seen.tidy(END - timedelta(seconds=1)) == 0
    assert seen.tidy(END + timedelta(seconds=1)) == 1
    assert not SeenTokens(ledger.database).first("https://a", "later", END, NOW)


def test_the_table_is_bounded(ledger, caplog):
    seen = SeenTokens(ledger.database, most=10)
    for number in range(25):
        assert seen.first("https://a", str(number), END + timedelta(seconds=number), NOW)
    assert seen.tidy(NOW) == 15 and "too many live tokens" in caplog.text
    with ledger.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(token)).scalar() == 10
    again = SeenTokens(ledger.database)
    assert not again.first("https://a", "24", END, NOW), "those that live longest are kept"


def test_without_the_database_each_process_remembers_its_own(caplog, tmp_path):
    database = Database(f"sqlite:///{tmp_path}/x.db")
    database.up = False
    seen = SeenTokens(database, most_here=3)
    assert seen.first("https://a", "j1", END, NOW) and "this process alone" in caplog.text
    assert not seen.first("https://a", "j1", END, NOW)
    for number in range(10):
        assert seen.first("https://a", f"n{number}", END + timedelta(days=1), NOW)
    assert len(seen._here) == 3 == len(seen._ends)
