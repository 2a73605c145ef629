"""A token is good for one call: at every door that shares the memory, and still after a restart."""

from __future__ import annotations

import multiprocessing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cds_service.errors import Unavailable
from cds_service.store.commands import migrate
from cds_service.store.database import Database
from cds_service.store.tokens import SeenTokens
from tests.security.ehr import AT, BASE, NOW, client, guard, knock, refusal, token


@pytest.fixture
def url(tmp_path: Path) -> str:
    address = f"sqlite:///{tmp_path}/ledger.db"
    migrate(address)
    return address


def door_over(url: str, **options: Any) -> tuple[Any, Database]:
    database = Database(url, brief=5)
    return guard(seen=SeenTokens(database), **options), database


def test_the_second_time_it_is_refused_at_another_door_too_and_after_a_restart(url: str) -> None:
    one, first = door_over(url)
    two, second = door_over(url)
    used, fresh = token(), token()
    assert knock(one, used).client
    assert "used before" in refusal(one, used)
    assert "used before" in refusal(two, used)
    assert knock(two, fresh).client
    first.close()
    second.close()
    restarted, third = door_over(url)
    assert "used before" in refusal(restarted, used) and "used before" in refusal(restarted, fresh)
    assert knock(restarted, token()).client
    third.close()


def _knock_in_a_process(url: str, text: str, results: Any) -> None:
    door, database = door_over(url)
    results.put(refusal(door, text))
    database.close()


def test_of_several_worker_processes_one_lets_it_in(url: str) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    text = token()
    processes = [context.Process(target=_knock_in_a_process, args=(url, text, results)) for _ in range(3)]
    for process in processes:
        process.start()
    reasons = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(20)
    assert sorted(bool(reason) for reason in reasons) == [False, True, True]
    assert all("used before" in reason for reason in reasons if reason)


def test_an_id_is_remembered_until_the_token_is_dead_leeway_included() -> None:
    asked: list[tuple[Any, ...]] = []

    class Memory:
        def first(self, *arguments: Any) -> bool:
            asked.append(arguments)
            return True

    knock(guard(client(leeway=timedelta(seconds=90)), seen=Memory()), token(jti="j-7", exp=AT + 300))
    assert asked == [("https://ehr.example.org", "j-7", NOW + timedelta(seconds=390), NOW)]


def test_an_id_counts_for_its_issuer_alone() -> None:
    other = client(name="other", issuers=("https://other.example.org",))
    door = guard(client(), other)
    assert knock(door, token(jti="same")).client == "example-ehr"
    assert knock(door, token(jti="same", iss="https://other.example.org")).client == "other"
    assert "used before" in refusal(door, token(jti="same", exp=AT + 200)), "another token with the id of a used one"


def test_only_a_token_that_passed_every_check_uses_up_its_id() -> None:
    door = guard(client(subject="c7"))
    for changes in (
        {"aud": BASE},
        {"exp": AT - 100, "iat": AT - 200},
        {"iss": "https://x.example"},
        {"nbf": AT + 900},
        {"sub": "c8"},
    ):
        assert refusal(door, token(jti="kept", **({"sub": "c7"} | changes)))
    assert knock(door, token(jti="kept", sub="c7")).client


def test_nobody_is_believed_when_the_memory_cannot_tell() -> None:
    class Down:
        def first(self, *_: Any) -> bool:
            raise Unavailable("down")

    assert "cannot be told" in refusal(guard(seen=Down()), token())
