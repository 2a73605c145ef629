"""A dismissed card stays away as long as the content says, for that user and patient, unless something is new."""

from datetime import timedelta
from pathlib import Path

import pytest

from cds_service.errors import ContentError
from cds_service.knowledge.reader import read
from cds_service.model.memory import Held, Note
from cds_service.store.commands import memory_of
from cds_service.store.memory import explained, read_rules
from tests.store.calls import NOW, accepted, call, card, overridden, reply

HOUR, DAY, MOMENT = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
CONTENT = Path(__file__).parents[2] / "hooks" / "memory.yaml"


def show(ledger, item, notes=None, now=NOW, by=None, **further):
    ledger.shown(by or call(), reply(item, **further), now, notes or {})
    ledger.drainer.drain()
    return item


def dismiss(ledger, item, reason=None, now=NOW, **further):
    ledger.feedback("leg-symptoms", [overridden(item, reason, at=now)], now, **further)


@pytest.mark.parametrize(("indicator", "span"), [("critical", 24 * HOUR), ("warning", 7 * DAY), ("info", 30 * DAY)])
def test_it_stays_away_as_long_as_its_indicator_says(ledger, indicator, span):
    dismiss(ledger, show(ledger, card("DVT02", indicator)))
    held = ledger.held(call(), NOW + span - MOMENT)["DVT02"]
    assert held.outcome == "overridden" and held.at == NOW and held.until == NOW + span
    assert held.covers(indicator)
    assert ledger.held(call(), NOW + span) == {}


def test_a_reason_may_count_longer(ledger):
    dismiss(ledger, show(ledger, card()), "declined")
    assert ledger.held(call(), NOW + 60 * DAY - MOMENT)["FE02"].reason == "declined"
    assert ledger.held(call(), NOW + 60 * DAY) == {}


@pytest.mark.parametrize(
    "other", [{"patient": "p2"}, {"user": "Practitioner/u2"}, {"client": "south"}, {"tenant": "t2"}]
)
def test_it_counts_for_the_same_user_and_patient_alone(ledger, other):
    dismiss(ledger, show(ledger, card()))
    assert set(ledger.held(call(), NOW)) == {"FE02"}
    assert ledger.held(call(**other), NOW) == {}


def test_order_sign_does_not_repeat_what_was_dismissed_on_order_select(ledger):
    select = call(hook="order-select", service="leg-symptoms-order-select")
    dismiss(ledger, show(ledger, card("MED02", "warning"), by=select))
    sign = call(hook="order-sign", service="leg-symptoms-order-sign")
    assert ledger.held(sign, NOW + 5 * MOMENT)["MED02"].covers("warning")


def test_newer_evidence_brings_it_back(ledger):
    seen = NOW - 3 * DAY
    dismiss(ledger, show(ledger, card(), {"FE02": Note(seen)}))
    held = ledger.held(call(), NOW + DAY)["FE02"]
    assert held.newest_evidence == seen
    assert held.covers("info", Note(seen)) and held.covers("info", Note(None))
    assert not held.covers("info", Note(seen + MOMENT)), "drawn before the dismissal, reported after it"


def test_without_a_known_date_only_what_is_newer_than_the_dismissal_counts(ledger):
    dismiss(ledger, show(ledger, card()))
    held = ledger.held(call(), NOW + DAY)["FE02"]
    assert held.covers("info", Note(NOW)) and not held.covers("info", Note(NOW + MOMENT))


def test_a_more_urgent_card_is_not_held_back():
    held = Held("DVT02", "overridden", NOW, NOW + DAY, "warning")
    assert held.covers("info") and held.covers("warning") and not held.covers("critical")
    assert not Held("DVT02", "overridden", NOW, NOW + DAY, "info").covers("warning")


def test_other_drafts_are_another_matter(ledger):
    dismiss(ledger, show(ledger, card("MED02", "critical"), {"MED02": Note(about="stocking")}))
    held = ledger.held(call(), NOW)["MED02"]
    assert held.covers("critical", Note(about="stocking"))
    assert not held.covers("critical", Note(about="bandage"))
    assert held.covers("critical", Note())


def test_a_dismissed_collected_card_holds_its_lines_and_a_question_never_its_rule(ledger):
    dismiss(ledger, show(ledger, card("WK01"), lines=["GAPFE", "GAPCBC"]))
    asking = show(ledger, card("ASK"), asked=["DVT02"])
    dismiss(ledger, asking)
    assert set(ledger.held(call(), NOW)) == {"WK01", "GAPFE", "GAPCBC", "ASK", "ASK:DVT02"}


def test_feedback_of_another_client_changes_nothing(ledger):
    item = show(ledger, card(), by=call(client="north"))
    dismiss(ledger, item, client="south")
    assert ledger.held(call(client="north"), NOW) == {}
    dismiss(ledger, item, client="north")
    assert set(ledger.held(call(client="north"), NOW)) == {"FE02"}


def test_the_latest_answer_in_force_counts(ledger):
    dismiss(ledger, show(ledger, card("FE02", "info")))
    later = NOW + 2 * DAY
    dismiss(ledger, show(ledger, card("FE02", "warning"), now=later), now=later)
    assert ledger.held(call(), later + DAY)["FE02"].indicator == "warning"
    assert ledger.held(call(), later + 8 * DAY)["FE02"].indicator == "info"


def test_a_client_clock_that_is_wrong_neither_shortens_nor_stretches(ledger):
    early, late = show(ledger, card("FE01")), show(ledger, card("FE02"))
    answers = [overridden(early, at=NOW - 400 * DAY), overridden(late, at=NOW + 400 * DAY)]
    ledger.feedback("leg-symptoms", answers, NOW + HOUR)
    held = ledger.held(call(), NOW + 2 * HOUR)
    assert held["FE01"].at == NOW, "not before it was shown"
    assert held["FE02"].at == NOW + HOUR, "not after we were told"


def test_a_standing_clock_governs_dismissals(make):
    ledger = make(fixed_clock=True)
    later = NOW + 1000 * DAY
    item = show(ledger, card(), now=later)
    ledger.feedback("leg-symptoms", [overridden(item, at=NOW)], later)
    assert ledger.held(call(), later)["FE02"].at == later


@pytest.mark.parametrize(
    ("priority", "span"), [("stat", DAY), ("asap", 3 * DAY), ("urgent", 7 * DAY), ("routine", 14 * DAY)]
)
def test_an_accepted_order_is_awaited_as_long_as_its_priority_says(ledger, priority, span):
    item = show(ledger, card("WK01", orders=["2276-4", "718-7"], priority=priority))
    ledger.feedback("leg-symptoms", [accepted(item, 0)], NOW)
    held = ledger.held(call(), NOW + span - MOMENT)
    assert set(held) == {"order:http://loinc.org|2276-4"}, "the other suggestion is still open, and so is the card"
    assert held["order:http://loinc.org|2276-4"].outcome == "accepted"
    assert ledger.held(call(), NOW + span) == {}


def test_a_planned_order_is_awaited_from_its_day(ledger):
    item = show(ledger, card("DVT04N", orders=["24870-4"], priority="stat", planned="2026-06-22"))
    ledger.feedback("leg-symptoms", [accepted(item, 0)], NOW)
    assert "order:http://loinc.org|24870-4" in ledger.held(call(), NOW + 7 * DAY)
    assert ledger.held(call(), NOW + 8 * DAY) == {}


@pytest.mark.parametrize(("behavior", "taken"), [("any", (0, 1)), ("at-most-one", (1,))])
def test_a_card_with_nothing_left_to_take_is_awaited_itself(ledger, behavior, taken):
    item = show(ledger, card("DVT02", orders=["2276-4", "718-7"], behavior=behavior))
    ledger.feedback("leg-symptoms", [accepted(item, *taken)], NOW)
    held = ledger.held(call(), NOW)
    assert held["DVT02"].outcome == "accepted" and len(held) == 1 + len(taken)


def test_a_suggestion_of_another_card_is_not_taken(ledger):
    one, two = show(ledger, card("FE01", orders=["1-1"])), show(ledger, card("FE02", orders=["2-2"]))
    entry = accepted(one, 0)
    entry["acceptedSuggestions"] = [{"id": two["suggestions"][0]["uuid"]}]
    ledger.feedback("leg-symptoms", [entry], NOW)
    assert ledger.held(call(), NOW) == {}


def test_a_dismissal_after_accepting_counts_as_dismissal(ledger):
    item = show(ledger, card("FE02", orders=["2276-4"]))
    ledger.feedback("leg-symptoms", [accepted(item, 0)], NOW)
    dismiss(ledger, item, now=NOW + HOUR)
    assert ledger.held(call(), NOW + DAY)["FE02"].outcome == "overridden"


def test_it_can_be_switched_off(make):
    ledger = make(memory=None)
    dismiss(ledger, show(ledger, card()))
    assert ledger.held(call(), NOW) == {}
    assert set(make().held(call(), NOW)) == {"FE02"}, "what was said is stored all the same"


def test_it_is_explained(ledger):
    dismiss(ledger, show(ledger, card("FE02"), {"FE02": Note(NOW - DAY)}), "declined")
    item = show(ledger, card("WK01", orders=["718-7", "2276-4"]))
    ledger.feedback("leg-symptoms", [accepted(item, 0, at=NOW + HOUR)], NOW + HOUR)
    assert (
        memory_of(ledger, "p1", "Practitioner/u1", NOW + HOUR)
        == explained(ledger.held(call(), NOW + HOUR))
        == [
            "FE02 was dismissed on 2026-06-15 10:00 UTC (declined); it stays away until 2026-08-14 10:00 UTC, unless "
            "evidence newer than 2026-06-14 10:00 UTC makes it true afresh or it is more urgent than info.",
            "the order http://loinc.org|718-7 was accepted on 2026-06-15 11:00 UTC; it is not suggested again before "
            "2026-06-29 11:00 UTC, unless evidence newer than 2026-06-15 11:00 UTC makes it true afresh or it is more "
            "urgent than info.",
        ]
    )


def test_the_content_reads_as_the_clinical_text_says():
    rules = read_rules(read(CONTENT.read_text(encoding="utf-8"), "hooks/memory.yaml"))
    assert rules.dismissed == {"critical": 24 * HOUR, "warning": 7 * DAY, "info": 30 * DAY}
    assert rules.by_reason == {} and set(rules.accepted) == {"stat", "asap", "urgent", "routine"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("remember: true ", "remember: maybe ", "true or false"),
        (
            "unit: hours, range: [1, 72], source: practice",
            "unit: weeks, range: [1, 72], source: practice",
            "hours or days",
        ),
        ("value: 7, unit: days, range: [1, 14]", "value: 70, unit: days, range: [1, 14]", "outside"),
        ('source: practice, means: "a dismissed warning', 'means: "a dismissed warning', "source"),
        ("  info: {value: 30", "  inof: {value: 30", "`inof` is not known"),
        ("by_reason: {}", "by_reasons: {}", "`by_reasons` is not known"),
    ],
)
def test_content_that_is_wrong_says_so_with_its_line(old, new, says):
    text = CONTENT.read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(ContentError, match=says) as raised:
        read_rules(read(text.replace(old, new, 1), "hooks/memory.yaml"))
    line = text[: text.index(old)].count("\n") + 1
    assert f"hooks/memory.yaml:{line}: " in str(raised.value)


def test_content_may_switch_it_off():
    text = CONTENT.read_text(encoding="utf-8").replace("remember: true", "remember: false")
    assert read_rules(read(text, "hooks/memory.yaml")) is None
