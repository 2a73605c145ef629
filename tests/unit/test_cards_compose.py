"""Which cards are shown, in what order, and what is told of those that are not: every reason, both sides."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from card_rules import FALSE, NOW, UNKNOWN, Chart, asking, codes, collecting, composed, gap, outcome, rule, seen, told

from cds_service.model.memory import Held
from cds_service.model.verdict import Verdict

DAY = timedelta(days=1)


def titles(cards):
    return [card["source"]["topic"]["code"] for card in cards]


# ------------------------------------------------------------------------------------------------ order and cap


def test_critical_before_warning_before_info_then_the_order_of_the_service():
    cards, entries = composed(
        rule("a-1"), rule("b-1", "critical"), rule("c-1", "warning"), rule("d-1"), rule("e-1", "critical")
    )
    assert titles(cards) == ["B1", "E1", "C1", "A1", "D1"]
    assert [entry["code"] for entry in entries] == ["B1", "E1", "C1", "A1", "D1"]
    assert [entry["card"] for entry in entries] == [card["uuid"] for card in cards]


def test_an_entry_has_code_version_outcome_and_card_and_nothing_else():
    cards, entries = composed(rule("dvt-02"))
    assert entries == [{"code": "DVT02", "version": "1.0.0", "outcome": "fired", "card": cards[0]["uuid"]}]


def test_what_is_false_or_undecided_has_neither_card_nor_entry():
    assert composed(rule("a-1", when=FALSE), rule("b-1", when=UNKNOWN)) == ([], [])


@pytest.mark.parametrize(("count", "held"), [(5, 0), (6, 1), (7, 2)])
def test_five_cards_and_no_more(count, held):
    cards, entries = composed(*(rule(f"a-{number}") for number in range(count)))
    assert len(cards) == 5
    assert [entry["outcome"] for entry in entries] == ["fired"] * 5 + ["held"] * held
    assert {entry.get("because") for entry in entries[5:]} <= {"cap"}
    for card in cards[:4]:
        assert "not shown here" not in card["detail"]
    last = cards[4]["detail"].splitlines()[-1]
    assert ("not shown here" in last) is bool(held)
    assert all(f"A-{number}" in last for number in range(5, count))


def test_the_card_of_questions_counts_for_the_cap_and_stands_before_other_information():
    cards, entries = composed(*(rule(f"a-{number}") for number in range(5)), asking("q-1"))
    assert titles(cards) == ["ASK", "A0", "A1", "A2", "A3"]
    assert told(entries) == {"Q1": "asked", "A0": "fired", "A1": "fired", "A2": "fired", "A3": "fired", "A4": "cap"}


def test_questions_over_the_cap_are_held_and_named():
    cards, entries = composed(*(rule(f"a-{number}", "warning") for number in range(5)), asking("q-1"))
    assert titles(cards) == ["A0", "A1", "A2", "A3", "A4"]
    assert told(entries)["Q1"] == "cap"
    assert "Information needed" in cards[-1]["detail"].splitlines()[-1]


# ------------------------------------------------------------------------------------------------ hiding


def test_a_rule_hides_the_ones_it_names_only_when_it_speaks():
    assert told(composed(rule("a-1", hides=("b-1",)), rule("b-1"))[1]) == {"A1": "fired", "B1": "superseded:A1"}
    assert told(composed(rule("a-1", hides=("b-1",), when=FALSE), rule("b-1"))[1]) == {"B1": "fired"}
    assert told(composed(asking("a-1", hides=("b-1",)), rule("b-1"))[1]) == {"A1": "asked", "B1": "fired"}


def test_a_rule_yields_to_the_ones_it_names():
    assert told(composed(rule("a-1"), rule("b-1", yields_to=("a-1",)))[1]) == {"A1": "fired", "B1": "superseded:A1"}


def test_a_hidden_rule_still_hides_and_the_reason_names_one_that_is_shown():
    _cards, entries = composed(rule("a-1", hides=("b-1",)), rule("b-1", hides=("c-1",)), rule("c-1"))
    assert told(entries) == {"A1": "fired", "B1": "superseded:A1", "C1": "superseded:B1"}
    _, entries = composed(rule("b-1", hides=("c-1",)), rule("a-1", hides=("b-1", "c-1")), rule("c-1"))
    assert told(entries)["C1"] == "superseded:A1"


def test_a_rule_this_hook_does_not_return_hides_and_is_not_told():
    cards, entries = composed(rule("a-1", hides=("b-1",)), rule("b-1"), rule("c-1"), returns=["b-1", "c-1"])
    assert told(entries) == {"B1": "superseded:A1", "C1": "fired"}
    assert titles(cards) == ["C1"]


def test_a_hidden_rule_asks_nothing():
    cards, entries = composed(rule("a-1", hides=("q-1",)), asking("q-1"))
    assert told(entries) == {"A1": "fired"}
    assert titles(cards) == ["A1"]


@pytest.mark.parametrize(
    ("other", "because"),
    [
        (rule("x-1", "critical"), "critical-card"),
        (rule("x-1", "warning"), None),
        (rule("x-1", "critical", pack="deficiency"), "critical-card"),
    ],
)
def test_any_critical_card_hides_the_one_that_yields_to_it(other, because):
    entries = composed(other, rule("cvi-01", yields_to=("critical:any",)))[1]
    assert told(entries)["CVI01"] == (because or "fired")


def test_a_critical_card_of_the_other_pack_is_none_of_this_packs():
    entries = composed(rule("x-1", "critical", pack="deficiency"), rule("a-1", yields_to=("critical:vascular",)))[1]
    assert told(entries)["A1"] == "fired"


def test_a_critical_rule_this_hook_does_not_return_is_no_critical_card():
    rules = (rule("x-1", "critical"), rule("a-1", yields_to=("critical:vascular",)))
    assert told(composed(*rules, returns=["a-1"])[1]) == {"A1": "fired"}


@pytest.mark.parametrize("other", [rule("x-1"), asking("x-1")])
def test_any_card_or_question_of_the_pack_hides_the_last_resort(other):
    assert told(composed(other, rule("pers-01", yields_to=("any:vascular",)))[1])["PERS01"] == "superseded:X1"


def test_a_card_of_the_other_pack_does_not_hide_the_last_resort_nor_do_two_hide_each_other():
    entries = composed(rule("x-1", pack="deficiency"), rule("pers-01", yields_to=("any:vascular",)))[1]
    assert told(entries)["PERS01"] == "fired"
    two = (rule("a-1", yields_to=("any:vascular",)), rule("b-1", yields_to=("any:vascular",)))
    assert told(composed(*two)[1]) == {"A1": "fired", "B1": "fired"}


def test_a_silent_rule_has_no_visible_effect():
    rules = (rule("a-1", "critical", hides=("b-1",), showing="silent"), rule("b-1"), asking("q-1", showing="silent"))
    cards, entries = composed(*rules)
    assert titles(cards) == ["B1"]
    assert told(entries) == {"B1": "fired"}


def test_a_rule_that_failed_or_is_gated_is_not_told():
    first, second = rule("a-1"), rule("b-1")
    assert composed(first, second, verdicts=[Verdict(first, "error"), Verdict(second, "closed")]) == ([], [])


# ------------------------------------------------------------------------------------------------ collected cards


def test_lines_are_fired_with_the_uuid_of_their_card_which_has_an_entry_too():
    cards, entries = composed(
        gap("gap-cbc", ["cbc"]), gap("gap-fe", ["ferritin"], "warning"), collecting(rules=["gap-cbc", "gap-fe"])
    )
    assert titles(cards) == ["WK01"]
    assert [entry["code"] for entry in entries] == ["WK01", "GAPCBC", "GAPFE"]
    assert {entry["card"] for entry in entries} == {cards[0]["uuid"]}
    assert cards[0]["summary"] == "Legs: 2 test(s): gap-cbc, gap-fe."
    assert codes(cards[0]) == ["cbc-1", "ferritin-1"]
    assert "- **gap-cbc**: none." in cards[0]["detail"] and "- **gap-fe**: none." in cards[0]["detail"]


@pytest.mark.parametrize(
    ("levels", "shown"),
    [(("info", "info"), "info"), (("info", "warning"), "warning"), (("warning", "critical"), "critical")],
)
def test_a_collected_card_is_as_urgent_as_its_most_urgent_line(levels, shown):
    cards, _ = composed(
        gap("gap-a", ["cbc"], levels[0]), gap("gap-b", ["ck"], levels[1]), collecting(rules=["gap-a", "gap-b"])
    )
    assert cards[0]["indicator"] == shown


@pytest.mark.parametrize(("level", "shown"), [("info", "warning"), ("warning", "warning"), ("critical", "critical")])
def test_a_line_raises_a_card_to_at_least_what_it_says(level, shown):
    cards, entries = composed(
        rule("k-01", level, pack="deficiency"), collecting("dc-01", ["k-01"], at_least="warning"), returns=["dc-01"]
    )
    assert cards[0]["indicator"] == shown
    assert told(entries) == {"DC01": "fired"}  # the contributor is not of this hook


def test_a_contributor_is_no_card_of_its_own_and_counts_only_with_the_outcome_named():
    tsh = rule("tsh-01", pack="deficiency", outcomes=(outcome("mild", summary="Mild."),), short="TSH")
    card = collecting("dc-01", ["tsh-01.high"])
    assert titles(composed(tsh, card)[0]) == ["TSH01"]
    high = replace(tsh, outcomes=(outcome("high", summary="TSH {x} is high."),))
    cards, _ = composed(high, card)
    assert titles(cards) == ["DC01"]
    assert "- **TSH**: TSH not known is high." in cards[0]["detail"]


def test_a_card_with_nothing_to_collect_is_not_there():
    assert composed(rule("a-1"), collecting(rules=["gap-cbc"]))[1][0]["code"] == "A1"
    assert titles(composed(collecting(rules=["gap-cbc"]))[0]) == []


def test_a_line_whose_card_this_hook_does_not_return_is_not_shown_and_not_told():
    assert composed(gap("gap-cbc", ["cbc"])) == ([], [])
    assert composed(gap("gap-cbc", ["cbc"]), collecting(rules=["gap-cbc"]), returns=["gap-cbc"]) == ([], [])


def test_each_order_once_in_the_order_of_the_templates_and_one_replaces_another():
    cards, _ = composed(
        gap("gap-a", ["bmp", "ferritin"]),
        gap("gap-b", ["cmp"]),
        gap("gap-c", ["ferritin", "cbc"]),
        collecting(rules=["gap-a", "gap-b", "gap-c"]),
    )
    assert codes(cards[0]) == ["cbc-1", "ferritin-1", "cmp-1"]
    assert cards[0]["selectionBehavior"] == "any"


def test_the_finding_keeps_its_order_and_the_line_that_only_wanted_it_is_held():
    cards, entries = composed(
        rule("myo-01", orders=["ck"]),
        gap("gap-ck", ["ck"]),
        gap("gap-cbc", ["cbc"]),
        collecting(rules=["gap-ck", "gap-cbc"]),
    )
    assert told(entries) == {"MYO01": "fired", "WK01": "fired", "GAPCBC": "fired", "GAPCK": "duplicate-order"}
    by_code = {card["source"]["topic"]["code"]: codes(card) for card in cards}
    assert by_code == {"MYO01": ["ck-1"], "WK01": ["cbc-1"]}


def test_a_line_with_another_order_stays():
    cards, entries = composed(rule("myo-01", orders=["ck"]), gap("gap-x", ["ck", "cbc"]), collecting(rules=["gap-x"]))
    assert told(entries)["GAPX"] == "fired"
    assert codes(cards[1]) == ["cbc-1"]


def test_a_card_whose_every_line_is_held_is_held_with_them():
    cards, entries = composed(rule("myo-01", orders=["ck"]), gap("gap-ck", ["ck"]), collecting(rules=["gap-ck"]))
    assert titles(cards) == ["MYO01"]
    assert told(entries) == {"MYO01": "fired", "GAPCK": "duplicate-order", "WK01": "duplicate-order"}


def test_an_order_that_replaces_another_takes_its_place_on_every_card():
    entries = composed(rule("vitd-01", orders=["cmp"]), gap("gap-bmp", ["bmp"]), collecting(rules=["gap-bmp"]))[1]
    assert told(entries) == {"VITD01": "fired", "GAPBMP": "duplicate-order", "WK01": "duplicate-order"}


def test_a_line_that_says_more_than_its_order_stays_without_it():
    habit = rule("hyd-01", orders=["bmp"], line="**Fluids**: possible depletion.", joins="lc-01", kind="lifestyle")
    cards, entries = composed(
        gap("gap-bmp", ["bmp"]),
        collecting(rules=["gap-bmp"]),
        habit,
        collecting("lc-01", ["hyd-01"], "Habits: {first-two}."),
    )
    assert told(entries) == {"WK01": "fired", "GAPBMP": "fired", "LC01": "fired", "HYD01": "fired"}
    assert [codes(card) for card in cards] == [["bmp-1"], []]
    assert "suggestions" not in cards[1] and "selectionBehavior" not in cards[1]


def test_an_order_given_up_to_a_card_over_the_cap_comes_back():
    others = [rule(f"a-{number}", "critical", pack="deficiency") for number in range(4)]
    cards, entries = composed(
        *others,
        gap("gap-ck", ["ck"], "warning"),
        gap("gap-cbc", ["cbc"], "warning"),
        collecting(rules=["gap-ck", "gap-cbc"]),
        rule("myo-01", orders=["ck"]),
    )
    assert titles(cards)[-1] == "WK01" and codes(cards[-1]) == ["cbc-1", "ck-1"]
    assert told(entries)["MYO01"] == "cap" and told(entries)["GAPCK"] == "fired"


def test_lines_over_the_cap_are_held_with_their_card():
    cards, entries = composed(
        *(rule(f"a-{number}", "warning") for number in range(5)), gap("gap-cbc", ["cbc"]), collecting(rules=["gap-cbc"])
    )
    assert {code: told(entries)[code] for code in ("WK01", "GAPCBC")} == {"WK01": "cap", "GAPCBC": "cap"}
    assert "WK-01" in cards[-1]["detail"].splitlines()[-1]


@pytest.mark.parametrize(
    ("other", "because"),
    [
        (rule("dvt-02", "critical"), "critical-card"),
        (rule("dvt-01", "warning"), "fired"),
        (rule("k-01", "critical", pack="deficiency"), "fired"),
    ],
)
def test_a_critical_card_of_the_other_half_holds_the_work_up_back(other, because):
    card = collecting(rules=["gap-cbc"], yields_to=("critical:vascular",))
    cards, entries = composed(other, gap("gap-cbc", ["cbc"]), card)
    assert told(entries)["WK01"] == told(entries)["GAPCBC"] == because
    assert ("WK01" in titles(cards)) is (because == "fired")


def test_any_critical_card_holds_habits_back():
    card = collecting("lc-01", ["life-01"], "Habits.", yields_to=("critical:any",))
    line = rule("life-01", line="Walk.", joins="lc-01", kind="lifestyle")
    assert told(composed(rule("k-01", "critical", pack="deficiency"), line, card)[1])["LIFE01"] == "critical-card"
    assert told(composed(rule("k-01", "warning", pack="deficiency"), line, card)[1])["LIFE01"] == "fired"


def test_a_gated_collected_card_gathers_nothing():
    line, card = gap("gap-cbc", ["cbc"]), collecting(rules=["gap-cbc"])
    verdicts = [Verdict(line, "fired", line.outcomes[0]), Verdict(card, "closed")]
    cards, entries = composed(line, card, verdicts=verdicts)
    assert cards == [] and entries == []


def test_a_hidden_line_is_held_and_not_counted():
    entries = composed(
        rule("fe-01", "warning", hides=("fe-03",)),
        gap("fe-03", ["ferritin"]),
        gap("gap-cbc", ["cbc"]),
        collecting(rules=["fe-03", "gap-cbc"]),
    )
    assert told(entries[1])["FE03"] == "superseded:FE01"
    assert entries[0][1]["summary"] == "Legs: 1 test(s): gap-cbc."


def test_pending_tests_alone_make_a_card_of_information():
    chart = Chart()
    waiting = seen("Ferritin", "2026-06-10", "ServiceRequest/s1", "Ferritin, serum")
    again = seen("Iron", "2026-06-10", "ServiceRequest/s1", "Ferritin, serum")
    card = collecting(
        "dc-01",
        ["k-01"],
        "Before discharge: {count} unresolved[ ({first-two})][; {pending-count} pending].",
        at_least="warning",
        footer=("pending",),
        pending=("ferritin", "iron"),
        names={
            "pending:ferritin": chart.fact("pending:ferritin", waiting),
            "pending:iron": chart.fact("pending:iron", again),
        },
    )
    cards, entries = composed(card, chart=chart)
    assert cards[0]["indicator"] == "info"
    assert cards[0]["summary"] == "Before discharge: 0 unresolved; 1 pending."
    assert "**Pending, not repeated:** Ferritin, serum (2026-06-10)" in cards[0]["detail"]
    assert told(entries) == {"DC01": "fired"}


def test_more_than_the_summary_names_is_counted():
    lines = [
        gap(f"gap-{letter}", [name])
        for letter, name in zip("abcde", ("cbc", "ferritin", "bmp", "cmp", "ck"), strict=True)
    ]
    cards, _ = composed(*lines, collecting(rules=[line.id for line in lines]))
    assert cards[0]["summary"] == "Legs: 5 test(s): gap-a, gap-b, gap-c and 2 more."


# ------------------------------------------------------------------------------------------------ dismissals


def held_for(*topics, outcome="overridden", **more):
    return {topic: Held(topic, outcome, NOW - DAY, NOW + DAY, **more) for topic in topics}


def test_a_dismissed_card_is_held_and_another_is_not():
    assert told(composed(rule("a-1"), rule("b-1"), held=held_for("A1"))[1]) == {"B1": "fired", "A1": "dismissed"}
    assert told(composed(rule("a-1"), held={})[1]) == {"A1": "fired"}


def test_a_card_that_became_more_urgent_comes_back():
    assert told(composed(rule("a-1", "warning"), held=held_for("A1"))[1]) == {"A1": "fired"}
    assert told(composed(rule("a-1", "warning"), held=held_for("A1", indicator="warning"))[1]) == {"A1": "dismissed"}


@pytest.mark.parametrize(("date", "shown"), [("2026-06-13", "dismissed"), ("2026-06-15", "fired")])
def test_newer_evidence_brings_a_dismissed_card_back(date, shown):
    chart = Chart()
    fact = chart.fact("swelling", seen("Swelling", date))
    entries = composed(rule("a-1", when=fact), chart=chart, held=held_for("A1"))[1]
    assert told(entries) == {"A1": shown}


@pytest.mark.parametrize(("date", "shown"), [("2026-06-10", "dismissed"), ("2026-06-11", "fired")])
def test_newer_than_the_newest_known_when_it_was_dismissed(date, shown):
    chart = Chart()
    fact = chart.fact("swelling", seen("Swelling", date))
    known = datetime(2026, 6, 10, tzinfo=UTC)
    entries = composed(rule("a-1", when=fact), chart=chart, held=held_for("A1", newest_evidence=known))[1]
    assert told(entries) == {"A1": shown}


def test_dismissed_lines_are_held_with_their_card_and_a_new_line_still_shows():
    old, new, card = gap("gap-cbc", ["cbc"]), gap("gap-ck", ["ck"]), collecting(rules=["gap-cbc", "gap-ck"])
    held = held_for("WK01", "GAPCBC")
    assert composed(old, card, held=held)[0] == []
    assert told(composed(old, card, held=held)[1]) == {"WK01": "dismissed", "GAPCBC": "dismissed"}
    cards, entries = composed(old, new, card, held=held)
    assert told(entries) == {"WK01": "fired", "GAPCK": "fired", "GAPCBC": "dismissed"}
    assert codes(cards[0]) == ["ck-1"] and "gap-cbc" not in cards[0]["detail"]


def test_a_discharge_card_is_dismissed_as_a_whole():
    rules = (rule("k-01", pack="deficiency"), collecting("dc-01", ["k-01"]))
    assert told(composed(*rules, returns=["dc-01"], held=held_for("DC01"))[1]) == {"DC01": "dismissed"}
    assert told(composed(*rules, returns=["dc-01"], held=held_for("K01"))[1]) == {"DC01": "fired"}


def test_a_dismissed_critical_card_holds_nothing_back():
    card = collecting(rules=["gap-cbc"], yields_to=("critical:vascular",))
    held = held_for("DVT02", indicator="critical")
    entries = composed(rule("dvt-02", "critical"), gap("gap-cbc", ["cbc"]), card, held=held)[1]
    assert told(entries) == {"DVT02": "dismissed", "WK01": "fired", "GAPCBC": "fired"}


def test_the_order_of_a_dismissed_card_is_not_offered_again_elsewhere():
    rules = (rule("myo-01", orders=["ck"]), gap("gap-ck", ["ck"]), collecting(rules=["gap-ck"]))
    expected = {"MYO01": "dismissed", "GAPCK": "dismissed", "WK01": "dismissed"}
    assert told(composed(*rules, held=held_for("MYO01"))[1]) == expected


def test_a_dismissed_rule_still_hides_what_it_supersedes():
    entries = composed(rule("a-1", hides=("b-1",)), rule("b-1"), held=held_for("A1"))[1]
    assert told(entries) == {"A1": "dismissed", "B1": "superseded:A1"}


def test_a_dismissed_question_is_held_alone_and_never_the_card_of_its_rule():
    entries = composed(asking("q-1"), asking("q-2"), held=held_for("ASK:Q1"))[1]
    assert told(entries) == {"Q2": "asked", "Q1": "dismissed"}
    assert composed(asking("q-1"), held=held_for("ASK:Q1"))[0] == []
    assert told(composed(rule("q-1"), held=held_for("ASK:Q1"))[1]) == {"Q1": "fired"}
    assert told(composed(asking("q-1"), held=held_for("Q1"))[1]) == {"Q1": "asked"}


def accepted(*codes):
    return held_for(*(f"order:http://loinc.org|{code}" for code in codes), outcome="accepted")


def test_an_accepted_order_is_not_offered_again_and_a_card_that_keeps_none_is_held():
    cards, entries = composed(rule("a-1", orders=["ck", "cbc"]), held=accepted("ck-1"))
    assert [codes(card) for card in cards] == [["cbc-1"]] and told(entries) == {"A1": "fired"}
    assert told(composed(rule("a-1", orders=["ck", "cbc"]), held=accepted("ck-1", "cbc-1"))[1]) == {
        "A1": "duplicate-order"
    }
    assert told(composed(rule("a-1"), held=accepted("ck-1"))[1]) == {"A1": "fired"}


def test_accepted_orders_leave_a_collected_card():
    rules = (gap("gap-ck", ["ck"]), gap("gap-cbc", ["cbc"]), collecting(rules=["gap-ck", "gap-cbc"]))
    _, entries = composed(*rules, held=accepted("ck-1"))
    assert told(entries) == {"WK01": "fired", "GAPCBC": "fired", "GAPCK": "duplicate-order"}
    assert told(composed(*rules, held=accepted("ck-1", "cbc-1"))[1]) == {
        "GAPCK": "duplicate-order",
        "GAPCBC": "duplicate-order",
        "WK01": "duplicate-order",
    }


def test_a_card_whose_one_choice_was_taken_is_held():
    assert told(composed(rule("a-1", orders=["ck"]), held=held_for("A1", outcome="accepted"))[1]) == {
        "A1": "duplicate-order"
    }


def test_an_accepted_order_is_known_by_the_first_code_it_was_sent_with():
    site = {"ck-1": {"system": "urn:site", "code": "77", "display": "CK"}}
    sent = held_for("order:urn:site|77", outcome="accepted")
    assert told(composed(rule("a-1", orders=["ck"]), held=sent, site_orders=site)[1]) == {"A1": "duplicate-order"}
    assert told(composed(rule("a-1", orders=["ck"]), held=accepted("ck-1"), site_orders=site)[1]) == {"A1": "fired"}


# ------------------------------------------------------------------------------------------------ questions


def test_one_card_for_all_questions_with_what_would_decide_each():
    questions = {"side": "Which leg?", "pain_site": "Where is the pain?"}
    cards, entries = composed(
        asking("dvt-01", "Which leg, and is the pain in the calf?", ["side", "pain_site", "nobody"]),
        asking("cvi-01", "Worse standing?"),
        questions=questions,
    )
    assert len(cards) == 1 and cards[0]["indicator"] == "info"
    assert cards[0]["source"]["topic"]["code"] == "ASK"
    assert cards[0]["summary"].startswith("Information needed: ")
    detail = cards[0]["detail"].splitlines()
    assert "- **Title of dvt-01** (DVT-01): Which leg, and is the pain in the calf?" in detail
    assert detail[detail.index("- **Title of dvt-01** (DVT-01): Which leg, and is the pain in the calf?") + 1 :][
        :2
    ] == ["  - Which leg?", "  - Where is the pain?"]
    assert "- **Title of cvi-01** (CVI-01): Worse standing?" in detail
    assert [(entry["code"], entry["outcome"], entry["card"]) for entry in entries] == [
        ("DVT01", "asked", cards[0]["uuid"]),
        ("CVI01", "asked", cards[0]["uuid"]),
    ]


def test_a_service_that_may_not_ask_asks_nothing():
    assert composed(asking("q-1"), questions_asked=False) == ([], [])


def test_questions_of_rules_this_hook_does_not_return_are_not_asked():
    assert composed(asking("q-1"), rule("a-1"), returns=["a-1"])[1][0]["code"] == "A1"
    assert len(composed(asking("q-1"), rule("a-1"), returns=["a-1"])[1]) == 1
