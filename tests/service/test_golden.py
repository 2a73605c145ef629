"""The demo's requests and the answers to them, as committed: a card changes on purpose or not at all."""

import json

import pytest

from tests.support.golden import FIXTURES, files, plain


@pytest.fixture(scope="module")
def made(client):
    return dict(files(client))


def test_the_committed_files_are_these_and_no_others(made):
    folders = (FIXTURES / "requests", FIXTURES / "replies")
    standing = {path for folder in folders for path in folder.iterdir()} | {FIXTURES / "discovery.json"}
    assert standing == made.keys()


def test_every_story_has_a_request_and_every_request_a_reply(made):
    stories = {path.stem for path in (FIXTURES / "people").glob("*.json")}
    asked = {path.stem for path in made if path.parent.name == "requests"}
    assert stories == {name.partition(".")[0] for name in asked}
    assert asked == {path.stem for path in made if path.parent.name == "replies"}


def test_what_is_answered_is_what_is_committed(made):
    """`make golden` writes them anew; read the difference before you commit it."""
    for path, text in made.items():
        assert json.loads(path.read_text(encoding="utf-8")) == json.loads(text), path.name


def test_uuids_are_made_plain():
    card, suggestion = "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"
    reply = {"cards": [{"uuid": card, "suggestions": [{"uuid": suggestion}]}], "extension": {"x": [{"card": card}]}}
    assert plain(reply) == {
        "cards": [{"uuid": "card-1", "suggestions": [{"uuid": "card-1-suggestion-1"}]}],
        "extension": {"x": [{"card": "card-1"}]},
    }
