"""What was answered is remembered in whole consultations: rules, cards and the real ledger together, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from cds_service.ports import Caller
from cds_service.store.memory import read_rules
from cds_service.store.tables import card as card_table
from tests.store.consultations import Ward, content, held, names, request, topics
from tests.store.test_ledger import rows

DAY, MOMENT = timedelta(days=1), timedelta(seconds=1)


@pytest.fixture
def rules():
    return read_rules(content()[0].content.table("memory.yaml"))


@pytest.fixture
def ward(make, rules):
    """Two workers by turns; nothing moves the spool by hand."""
    return Ward(make(memory=rules), make(memory=rules))


def test_order_sign_does_not_repeat_what_was_dismissed_on_order_select(ward):
    first = ward.ask("cramps.order-select")
    assert topics(first) == ["MED05"]
    ward.dismiss(*first.cards)
    again = ward.ask("cramps.order-sign")
    assert topics(again) == [] and held(again) == {"MED05": "dismissed"}
    other = ward.ask("cramps.order-sign", user="Practitioner/another")
    assert topics(other) == ["MED05"], "another user has not seen it"


def test_order_sign_speaks_up_for_another_draft(ward):
    ward.dismiss(*ward.ask("cramps.order-select").cards)
    _, body = request("cramps.order-sign")
    drug = body["context"]["draftOrders"]["entry"][0]["resource"]["medicationCodeableConcept"]
    drug["text"] = drug["coding"][0]["display"] = "Quinine 200 MG Oral Tablet"
    assert topics(ward.ask("cramps.order-sign", body=body)) == ["MED05"]


def test_unanswered_cards_are_repeated(ward):
    assert topics(ward.ask("cramps.order-select")) == topics(ward.ask("cramps.order-sign")) == ["MED05"]


@pytest.mark.parametrize("name", names())
def test_no_card_of_any_story_comes_back_at_once_after_it_was_dismissed(ward, name):
    shown = ward.ask(name)
    ward.dismiss(*shown.cards) if shown.cards else None
    again = ward.ask(name)
    assert set(topics(shown)) & set(topics(again)) == set()
    assert {code: held(again).get(code) for code in topics(shown)} == dict.fromkeys(topics(shown), "dismissed")


@pytest.mark.parametrize(
    ("name", "code", "span"),
    [
        ("compression.order-sign", "COMP01", DAY),
        ("pregnant.patient-view", "DVT09", DAY),
        ("cramps.order-sign", "MED05", 7 * DAY),
        ("b12.patient-view", "B1201", 7 * DAY),
        ("venous.patient-view", "LC01", 30 * DAY),
    ],
)
def test_a_dismissed_card_is_back_when_its_time_is_over(ward, name, code, span):
    ward.dismiss(*ward.ask(name).cards)
    ward.clock.at += span - MOMENT
    assert code not in topics(ward.ask(name))
    ward.clock.at += MOMENT
    assert code in topics(ward.ask(name))


def _with_a_new_ferritin(ward):
    _, body = request("iron.patient-view")
    entries = body["prefetch"]["observations"]["entry"]
    ferritin = next(entry["resource"] for entry in entries if entry["resource"]["id"] == "demo-iron-ferritin")
    newer = {**ferritin, "id": "newer", "effectiveDateTime": ward.clock.at.isoformat()}
    entries.insert(0, {"resource": newer})
    return body


def test_a_newer_result_brings_a_dismissed_card_back_and_the_same_chart_does_not(ward):
    ward.dismiss(*ward.ask("iron.patient-view").cards)
    ward.clock.at += timedelta(hours=2)
    assert topics(ward.ask("iron.patient-view")) == []
    assert topics(ward.ask("iron.patient-view", body=_with_a_new_ferritin(ward))) == ["FE01"]


def test_what_was_dismissed_on_one_hook_stays_away_on_the_next(ward):
    ward.dismiss(*ward.ask("iron.patient-view").cards)
    assert held(ward.ask("iron.encounter-start")) == {"FE01": "dismissed"}


def _accept(ward, card, *numbers, **further):
    taken = [{"id": card["suggestions"][number]["uuid"]} for number in numbers]
    ward.answer({"card": card["uuid"], "outcome": "accepted", "acceptedSuggestions": taken}, **further)


def _labels(reply):
    return [suggestion["label"] for card in reply.cards for suggestion in card.get("suggestions", ())]


def test_an_accepted_suggestion_is_not_made_again_until_its_result_is_due(ward):
    name = "iron.patient-view"
    first = ward.ask(name)
    one, two = _labels(first)
    _accept(ward, first.cards[0], 0)
    second = ward.ask(name)
    assert topics(second) == ["FE01"] and _labels(second) == [two], "the other is still to be had"
    _accept(ward, second.cards[0], 0)
    assert held(ward.ask(name)) == {"FE01": "duplicate-order"}
    ward.clock.at += 7 * DAY - MOMENT  # both are urgent
    assert _labels(ward.ask(name)) == []
    ward.clock.at += MOMENT
    assert _labels(ward.ask(name)) == [one, two]


def test_a_client_that_may_take_one_only_is_still_offered_the_rest(ward):
    old, name = Caller("old", "cds-hooks-1.0", ""), "iron.patient-view"
    first = ward.ask(name, caller=old).cards[0]
    assert first["selectionBehavior"] == "at-most-one" and len(first["suggestions"]) == 3
    _accept(ward, first, 1, caller=old)
    second = ward.ask(name, caller=old).cards[0]
    assert [item["label"] for item in second["suggestions"]] == [first["suggestions"][2]["label"]]


def test_who_takes_all_at_once_has_nothing_left(ward):
    old, name = Caller("old", "cds-hooks-1.0", ""), "iron.patient-view"
    _accept(ward, ward.ask(name, caller=old).cards[0], 0, caller=old)
    assert held(ward.ask(name, caller=old)) == {"FE01": "duplicate-order"}


def test_an_order_we_have_no_code_for_is_awaited_too(ward):
    name = "ulcer.patient-view"
    card = ward.ask(name).cards[0]
    assert "coding" not in card["suggestions"][0]["actions"][0]["resource"]["code"]
    _accept(ward, card, 0)
    assert _labels(ward.ask(name)) == [card["suggestions"][1]["label"]]


def test_switched_off_every_card_comes_again_and_is_stored_all_the_same(make):
    ledger = make(memory=None)
    ward = Ward(ledger)
    shown = ward.ask("cramps.order-select")
    ward.dismiss(*shown.cards)
    assert topics(ward.ask("cramps.order-sign")) == ["MED05"]
    ledger.drainer.drain()
    assert len(rows(ledger, card_table)) == 2


def test_a_card_without_uuid_and_topic_is_kept_under_its_rule(make):
    ledger = make()
    ward = Ward(ledger)
    strict = Caller("strict", "cds-hooks-1.0-strict", "")
    for name in names():
        expected = topics(ward.ask(name))
        told = ward.ask(name, caller=strict)
        assert all("uuid" not in card and "topic" not in card["source"] for card in told.cards)
        ledger.drainer.drain()
        with ledger.database.read() as connection:
            query = select(card_table.c.card, card_table.c.topic).where(card_table.c.client == "strict")
            kept = {row.card: row.topic for row in connection.execute(query)}
        uuids = list(dict.fromkeys(entry["card"] for entry in told.verdicts if "card" in entry))
        assert [kept.get(uuid) for uuid in uuids] == expected
