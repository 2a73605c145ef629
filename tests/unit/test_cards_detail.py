"""What stands on a card: why, the patient's own evidence, what is unknown, what to consider, the source."""

from decimal import Decimal

import pytest
from card_rules import (
    SOURCE,
    TRUE,
    UNKNOWN,
    Chart,
    asking,
    collecting,
    composed,
    gap,
    outcome,
    result,
    rule,
    seen,
    unknown,
    unless,
)

from cds_service.cards.profiles import Profile
from cds_service.model.answer import Answer, Evidence, Reason
from cds_service.model.criteria import (
    AllOf,
    AnyOf,
    Compare,
    FirstOf,
    Known,
    Label,
    Literally,
    Named,
    Not,
    Number,
    Points,
    Score,
)
from cds_service.model.quantity import Interval, Limit, Quantity, Unit
from cds_service.model.rule import Reference, Word


def card_of(*evidence, chart, when=TRUE, **more):
    """The one card of a rule whose evidence are these named facts."""
    names = {node.name: node for node in evidence} | more.pop("names", {})
    cards, _ = composed(
        rule("fe-01", when=when, names=names, evidence=tuple(node.name for node in evidence), **more), chart=chart
    )
    return cards[0]


def lines_of(*evidence, **more):
    return card_of(*evidence, **more)["detail"].splitlines()


# ------------------------------------------------------------------------------------------------ the order of a card


def test_why_then_evidence_then_unknown_then_consider_then_source():
    chart = Chart()
    ferritin = chart.fact("ferritin", result("12 ng/mL", "12"), kind="result", type="quantity")
    crp = chart.fact("crp", unknown("no result", "CRP"), kind="result", type="quantity")
    shown = lines_of(ferritin, crp, chart=chart, consider="Look for the cause.", why="Low iron.")
    assert [line for line in shown if line] == [
        "**Why now:** Low iron.",
        "- **Ferritin** 12 ng/mL, 2026-05-01, `Observation/o1`",
        "**Looked for, not found:** CRP",
        "**Consider:** Look for the cause.",
        "Source: NICE NG158 2023. Rule FE-01, version 1.0.0.",
    ]


def test_a_source_nobody_has_read_is_marked_and_one_that_was_comes_first():
    unread = Reference("m", "CHEST", "…", "https://chest.example", "2021", verified=False)
    card = composed(rule("a-1", references=(unread, SOURCE)))[0][0]
    assert "Source: CHEST 2021 (to be verified); NICE NG158 2023." in card["detail"]
    assert card["source"] | {"topic": None} == {
        "label": "NICE NG158 2023",
        "url": "https://nice.example/ng158",
        "topic": None,
    }
    assert composed(rule("a-1", references=(unread,)))[0][0]["source"]["label"] == "CHEST 2021 (to be verified)"


def test_a_card_without_sources_or_why_is_still_whole():
    card = composed(rule("a-1", references=(), why=""))[0][0]
    assert (
        card["detail"] == "Rule A-1, version 1.0.0."
        and card["source"]["label"] == "Title of a-1"
        and "url" not in card["source"]
    )


# ------------------------------------------------------------------------------------------------ evidence


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (seen("Heart failure", reference="Condition/c9"), "- **Heart failure**, 2026-05-01, `Condition/c9`"),
        (seen("CK", text="900 U/L", note="preliminary"), "- **CK** 900 U/L (preliminary), 2026-05-01, `Condition/c1`"),
        (seen("Swelling", reference="form"), "- **Swelling**, 2026-05-01, form"),
        (seen("Swelling", reference="Condition/a b`c"), "- **Swelling**, 2026-05-01, Condition/a b\\`c"),
        (seen("<script>x</script>"), "- **&lt;script&gt;x&lt;/script&gt;**, 2026-05-01, `Condition/c1`"),
    ],
)
def test_evidence_is_a_dated_bullet_with_where_it_stands(answer, line):
    chart = Chart()
    assert line in lines_of(chart.fact("x", answer), chart=chart)


def test_what_the_record_denies_does_not_look_as_if_it_were_there():
    chart = Chart()
    denied = chart.fact(
        "swelling", Answer(False, evidence=(Evidence("Observation/o1", "Swelling", "", "2026-05-01"),)), kind="symptom"
    )
    assert "- **Swelling** (recorded as not present), 2026-05-01, `Observation/o1`" in lines_of(denied, chart=chart)
    chart = Chart()
    doubtful = Answer(None, evidence=(Evidence("Condition/c1", "Clot"),), reasons=(Reason("no date", ""),))
    shown = lines_of(chart.fact("clot", doubtful), chart=chart)
    assert "- **Clot** (uncertain), `Condition/c1`" in shown and "**Uncertain:** clot (no date)" in shown


def test_what_was_looked_for_and_is_not_there_is_said_and_an_unknown_never_is():
    chart = Chart()
    absent, failed = (
        chart.fact("on-oral-iron", Answer(False)),
        chart.fact("cancer", unknown("failed", "Condition", "timed out")),
    )
    shown = lines_of(absent, failed, chart=chart)
    assert "**Looked for, not found:** on oral iron" in shown
    assert "**Could not be had:** Condition (failed: timed out)" in shown


@pytest.mark.parametrize(
    ("why", "line"),
    [
        ("no result", "**Looked for, not found:** Ferritin"),
        ("too old", "**Looked for, not found:** Ferritin (too old: 5 xx)"),
        ("not asked", "**Could not be had:** Ferritin (not asked: 5 xx)"),
        ("partial", "**Could not be had:** Ferritin (partial: 5 xx)"),
        ("unit not understood", "**Could not be read:** Ferritin (unit not understood: 5 xx)"),
        ("value not numeric", "**Could not be read:** Ferritin (value not numeric: 5 xx)"),
        ("implausible", "**Could not be read:** Ferritin (implausible: 5 xx)"),
        ("not recorded", "**Not recorded:** Ferritin"),
        ("in conflict", "**Uncertain:** Ferritin (in conflict: 5 xx)"),
        ("from text", "**Uncertain:** Ferritin (from text: 5 xx)"),
    ],
)
def test_every_reason_why_something_is_unknown_is_said(why, line):
    chart = Chart()
    text = "" if why in ("no result", "not recorded") else "5 xx"
    assert line in lines_of(
        chart.fact("ferritin", unknown(why, "Ferritin", text), kind="result", type="quantity"), chart=chart
    )


def test_the_answers_of_one_form_share_a_line_that_stands_last():
    def said(question, text):
        return Evidence("QuestionnaireResponse/q1", question, text, "2026-05-01", of="Leg form")

    chart = Chart()
    swollen = Answer(True, evidence=(said("Is the leg swollen?", "yes"), Evidence("Condition/c1", "Swelling")))
    facts = (
        chart.fact("swelling", swollen, kind="symptom"),
        chart.fact("pain", Answer(False, evidence=(said("Is it painful?", "no"),)), kind="answer"),
        chart.fact("again", Answer(True, evidence=(said("Is the leg swollen?", "yes"),)), kind="answer"),
    )
    bullets = [line for line in lines_of(*facts, chart=chart) if line.startswith("- ")]
    assert bullets == [
        "- **Swelling**, `Condition/c1`",
        "- **Leg form**, 2026-05-01, `QuestionnaireResponse/q1`: Is the leg swollen? yes; Is it painful? no",
    ]


def test_a_number_without_a_unit_is_said_to_have_none():
    chart = Chart()
    bare = chart.fact("ferritin", unknown("unit not understood", "Ferritin", "<5.0"), kind="result", type="quantity")
    assert "**Could not be read:** Ferritin (no unit: &lt;5.0)" in lines_of(bare, chart=chart)


def test_a_computed_value_names_what_it_was_made_of():
    chart = Chart()
    parts = (
        Evidence("Observation/i", "Iron", "40 ug/dL", "2026-05-01"),
        Evidence("Observation/t", "TIBC", "400 ug/dL", "2026-05-01"),
    )
    quantity = Quantity(Interval.exactly(Decimal(10)), Unit("%"), "10 %")
    tsat = chart.fact("saturation", Answer(quantity=quantity, evidence=parts), kind="calculation", type="quantity")
    assert (
        "- **Saturation** 10 %, 2026-05-01 (from Iron 40 ug/dL, 2026-05-01, `Observation/i`; "
        "TIBC 400 ug/dL, 2026-05-01, `Observation/t`)" in lines_of(tsat, chart=chart)
    )


def test_a_score_shows_its_parts_and_what_is_unknown():
    chart = Chart()
    yes, no, open_ = (
        chart.fact("cancer", seen("Cancer")),
        chart.fact("cast", Answer(False)),
        chart.fact("tender", unknown("not recorded", "")),
    )
    items = (Points("quantity", 1, yes), Points("quantity", 1, no), Points("quantity", -2, open_))
    wells = Named("quantity", "wells", Score("quantity", items))
    shown = lines_of(wells, chart=chart)
    assert "- **wells** \\-1 to 1: cancer +1" in shown
    assert "- **wells**, not known: tender" in shown


@pytest.mark.parametrize(("count", "said"), [(3, False), (4, True)])
def test_a_profile_limits_the_bullets_and_says_how_many_are_left(count, said):
    chart = Chart()
    facts = [chart.fact(f"f-{number}", seen(f"F{number}", reference=f"Condition/c{number}")) for number in range(count)]
    names = {fact.name: fact for fact in facts}
    narrow = rule("a-1", names=names, evidence=tuple(names))
    shown = composed(narrow, chart=chart, profile=Profile("p", evidence=3))[0][0]["detail"].splitlines()
    assert len([line for line in shown if line.startswith("- **")]) == 3
    assert ("- and 1 more" in shown) is said


# ------------------------------------------------------------------------------------------------ what was not checked


def test_an_exclusion_nobody_could_check_is_named_with_why():
    chart = Chart()
    anticoagulated = chart.fact("on-anticoagulant", unknown("failed", "MedicationRequest"))
    line = "**Could not be checked, taken as not so:** on anticoagulant (MedicationRequest (failed))"
    assert line in lines_of(chart=chart, when=AllOf("truth", (TRUE, unless(anticoagulated))))
    assert line in lines_of(chart=chart, unless=(anticoagulated,))


def test_an_exclusion_that_was_checked_or_bore_on_nothing_is_not_named():
    chart = Chart()
    known, open_ = chart.fact("clot", Answer(False)), chart.fact("cast", unknown("failed", "Condition"))
    when = AllOf(
        "truth", (unless(known), AnyOf("truth", (TRUE, AllOf("truth", (Literally("truth", False), unless(open_))))))
    )
    assert not any("Could not be checked" in line for line in lines_of(chart=chart, when=when))


def test_an_exclusion_is_not_named_where_something_else_decides_alone():
    """Birth within six weeks, of a man: that he is one closes the question, whatever the form leaves open."""
    chart = Chart()
    man, birth = chart.fact("man", Answer(True)), chart.fact("birth", unknown("not recorded", "birth"))
    given_birth = AllOf("truth", (Not("truth", man), Known("truth", birth)))
    assert not any("Could not be checked" in line for line in lines_of(chart=chart, when=Not("truth", given_birth)))
    nobody_knows = AllOf("truth", (TRUE, Known("truth", birth)))
    assert any("Could not be checked" in line for line in lines_of(chart=chart, when=Not("truth", nobody_knows)))


def test_a_row_of_a_table_that_waited_for_nothing_is_named():
    chart = Chart()
    pregnant = chart.fact("pregnant", unknown("not asked", "Observation"))
    table = FirstOf("truth", ((Known("truth", pregnant), Literally("truth", False)),), TRUE)
    assert "**Could not be checked, taken as not so:** pregnant (Observation (not asked))" in lines_of(
        chart=chart, when=table
    )


def test_an_outcome_passed_over_undecided_is_said():
    outcomes = (outcome("iron-infusion", when=UNKNOWN), outcome("tablets"))
    card = composed(rule("rls-02", outcomes=outcomes))[0][0]
    assert "**Undecided:** iron infusion" in card["detail"]
    assert "Undecided" not in composed(rule("rls-02", outcomes=outcomes[::-1]))[0][0]["detail"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Look for the cause.", "**Consider:** Look for the cause."),
        ("Consider a toe pressure. Consider rest.", "**Consider** a toe pressure. Consider rest."),
    ],
)
def test_what_to_consider_is_headed_once(text, line):
    assert line in lines_of(chart=Chart(), consider=text)


# ------------------------------------------------------------------------------------------------ names in texts


def summary_of(template, node=None, chart=None, **more):
    names = {node.name: node} if node is not None else {}
    return composed(rule("a-1", summary=template, names=names | more.pop("names", {}), **more), chart=chart or Chart())[
        0
    ][0]["summary"]


def test_a_value_its_date_and_its_age_in_days():
    chart = Chart()
    ferritin = chart.fact("ferritin", result("12 ng/mL", "12"), kind="result", type="quantity")
    assert (
        summary_of("{ferritin} on {ferritin.date}, {ferritin.days} days", ferritin, chart)
        == "12 ng/mL on 2026-05-01, 45 days"
    )


def test_the_reports_own_limit_and_how_many_times():
    chart = Chart()
    upper = Quantity(Interval.exactly(Decimal(200)), Unit("U/L"), "200 U/L")
    ck = chart.fact(
        "ck", result("1050 U/L", "1050", "U/L", label="CK", upper_limit=upper), kind="result", type="quantity"
    )
    assert summary_of("{ck.times} x {ck.upper}", ck, chart) == "5.3 x 200 U/L"


def test_a_medicine_its_start_its_side_and_further_words():
    chart = Chart()
    found = seen(
        "Furosemide 40 mg",
        labels=frozenset({"left"}),
        started=seen("x", "2026-01-02").dated,
        extra={"drug": "furosemide", "dose_word": "low"},
    )
    drug = chart.fact("drug", found, kind="medication")
    assert summary_of("{drug.drug} {drug.name} {drug.start} {drug.side} {drug.dose_word} {drug}", drug, chart) == (
        "furosemide Furosemide 40 mg 2026-01-02 left low Furosemide 40 mg"
    )


@pytest.mark.parametrize(("labels", "shown"), [({"left"}, "Leg left."), ({"left", "right"}, "Leg not known.")])
def test_a_choice_gives_its_label_once_it_is_decided(labels, shown):
    chart = Chart()
    side = chart.fact("leg-side", Answer(labels=frozenset(labels)), kind="answer", type="choice")
    assert summary_of("Leg {leg-side}.", side, chart) == shown
    assert summary_of("X.", Named("choice", "side", Label("choice", "left")), chart) == "X."


def test_a_limit_gives_value_and_unit():
    limit = Named(
        "quantity", "cut", Number("quantity", Limit((Quantity(Interval.exactly(Decimal(45)), Unit("ug/L"), ""),)))
    )
    assert summary_of("below {cut}", limit) == "below 45 ug/L"


def test_words_of_the_rule_with_values_in_them():
    chart = Chart()
    ulcer = chart.fact("ulcer", seen("Ulcer"))
    table = Word(table=((UNKNOWN, "maybe"), (ulcer, "Ulcer for {ulcer.days} days"), (None, "Skin change")))
    listed = Word(listed=((TRUE, "heart failure"), (UNKNOWN, "DVT"), (TRUE, "loss of {ulcer}")))
    shown = summary_of(
        "{sign}: {all}[, {none}].",
        ulcer,
        chart,
        words={"sign": table, "all": listed, "none": Word(table=((None, ""),))},
    )
    assert shown == "Ulcer for 45 days: heart failure and loss of Ulcer."


def test_what_decided_is_told_in_the_engines_words():
    chart = Chart()
    rate = chart.fact(
        "breathing", result("28 /min", "28", "/min", label="Respiratory rate"), kind="result", type="quantity"
    )
    fast = Compare(
        "truth",
        rate,
        (("at_least", Number("quantity", Limit((Quantity(Interval.exactly(Decimal(25)), Unit("/min"), "25 /min"),)))),),
    )
    confused = chart.fact("new-confusion", seen("Confusion"))
    slow = Not("truth", chart.fact("mottled", Answer(False)))
    when = AllOf("truth", (AnyOf("truth", (fast, confused)), slow))
    text = summary_of(
        "With {criterion}.",
        chart=chart,
        words={"criterion": Word(decided_by=AnyOf("truth", (fast, confused)))},
        when=when,
    )
    assert text == "With Respiratory rate 28 /min and new confusion."


def test_a_summary_shows_no_backslash_and_a_detail_escapes():
    chart = Chart()
    drug = chart.fact("drug", seen("a_b*c <5", extra={"drug": "a_b*c <5"}), kind="medication")
    card = composed(rule("a-1", summary="On {drug.drug}.", why="On {drug.drug}.", names={"drug": drug}), chart=chart)[
        0
    ][0]
    assert card["summary"] == "On a_b*c <5."
    assert "**Why now:** On a\\_b\\*c &lt;5." in card["detail"]


# ------------------------------------------------------------------------------------------------ collected cards


def test_pending_and_unreadable_tests_are_listed_under_the_lines():
    chart = Chart()
    waiting = Answer(False, evidence=(Evidence("ServiceRequest/s1", "Iron", "Iron panel", "2026-06-10T08:00:00Z"),))
    there = Answer(False, evidence=(Evidence("Observation/o2", "TSH", "2 mU/L", "2026-06-01"),))
    bad = Answer(
        None,
        evidence=(Evidence("Observation/o3", "HbA1c", "see note"),),
        reasons=(Reason("value not numeric", "HbA1c", "see <note>"),),
    )
    members = [
        gap(f"gap-{name}", [], when=chart.fact(f"no-{name}", answer, kind="missing", sets=(name,)))
        for name, answer in (("iron", waiting), ("tsh", there), ("a1c", bad), ("cbc", Answer(True)))
    ]
    card = composed(
        *members, collecting(rules=[item.id for item in members], footer=("pending", "unreadable")), chart=chart
    )[0][0]
    shown = card["detail"].splitlines()
    assert "**Pending, not repeated:** Iron panel (2026-06-10)" in shown
    assert "**Could not be read:** HbA1c (value not numeric: see &lt;note&gt;)" in shown
    assert "- **gap-cbc**: none." in shown and "TSH" not in card["detail"]
    plain = composed(*members, collecting(rules=[item.id for item in members]), chart=chart)[0][0]
    assert "Pending" not in plain["detail"]


# ------------------------------------------------------------------------------------------------ narrow clients


@pytest.mark.parametrize("most", [200, 300, 700])
def test_a_narrow_client_gets_whole_lines_and_always_the_source(most):
    chart = Chart()
    facts = [
        chart.fact(f"f-{number}", seen(f"Finding number {number}", reference=f"Condition/c{number}"))
        for number in range(9)
    ]
    names = {fact.name: fact for fact in facts}
    item = rule("a-1", names=names, evidence=tuple(names), consider="Think. " * 30)
    whole = composed(item, chart=chart)[0][0]["detail"]
    short = composed(item, chart=chart, profile=Profile("p", detail=most))[0][0]["detail"]
    assert len(short) <= most < len(whole)
    assert short.endswith("Source: NICE NG158 2023. Rule A-1, version 1.0.0.")
    assert set(short.splitlines()) <= {*whole.splitlines(), "…"}


def test_questions_name_the_patients_own_words_safely():
    chart = Chart()
    pain = chart.fact("pain", seen("[x](y)"))
    card = composed(asking("q-1", "Where is {pain}?", names={"pain": pain}), chart=chart)[0][0]
    assert "Where is \\[x\\](y)?" in card["detail"]
