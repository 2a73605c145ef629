"""An explanation: every node with its truth, every fact with its evidence or its reason, every number with its origin."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from cds_service.model.answer import Answer, Evidence, Reason
from cds_service.model.criteria import (
    AgeOf,
    AllOf,
    AnyOf,
    Bands,
    ChoiceIs,
    Compare,
    CountOf,
    Fact,
    FirstOf,
    Known,
    Literally,
    Named,
    Not,
    Number,
    Parameter,
    Points,
    Score,
    Span,
    TimesUpper,
    Undecided,
    Window,
)
from cds_service.model.quantity import Interval, Limit, Quantity, Unit
from cds_service.model.rule import Ask, Outcome, Rule
from cds_service.reasoning.decide import decide
from cds_service.reasoning.evaluate import Evaluation
from cds_service.reasoning.explain import explain

NOW = datetime(2026, 6, 15, 10, tzinfo=UTC)
UNIT = Unit("ug/L")
SEEN = Evidence("Observation/o1", "Ferritin", "20 ug/L", "2026-06-01", NOW - timedelta(days=14))
UNREAD = Reason("failed", "Condition", "the chart could not be read")


def fact(name, kind="truth", window=None):
    return Named(
        kind, name, Fact(kind, {"quantity": "result", "choice": "answer"}.get(kind, "condition"), (name,), window)
    )


def limit(number):
    return Limit((Quantity(Interval.exactly(Decimal(number)), UNIT, f"{number} ug/L"),))


def parameter(number="30", **more):
    told = {"owner": "blood", "unit": "ug/L", "source": "who-2020", "means": "low"}
    return Parameter("quantity", "fer-low", limit(number), **{**told, **more})


YES, NO, OPEN = fact("yes"), fact("no"), fact("open")
FERRITIN = fact("ferritin", "quantity")
SIDE = fact("side", "choice")
ANSWERS = {
    "yes": Answer(True, evidence=(Evidence("Condition/c1", "Heavy legs", "present", "2026-05-01"),)),
    "no": Answer(False),
    "open": Answer(None, reasons=(UNREAD,)),
    "ferritin": Answer(
        quantity=Quantity(Interval.exactly(Decimal(20)), UNIT, "20 ug/L"),
        evidence=(SEEN,),
        dated=NOW - timedelta(days=14),
    ),
    "side": Answer(labels=frozenset({"left"})),
}


def told(when, **more):
    """The explanation of a rule with this criterion."""
    outcome = Outcome("found", None, ((None, "info"),), "words")
    given = {"unless": (), "outcomes": (outcome,), **more}
    rule = Rule("fe-09", "FE09", "1.0.0", "draft", "deficiency", "finding", "A rule", "", (), {}, {}, when, **given)
    evaluation = Evaluation(lambda node, frame: ANSWERS[node.sets[0]], lambda *_: Answer(), NOW, UTC)
    return explain(rule, decide(rule, evaluation), evaluation)


def lines(tree, depth=0):
    """(depth, truth, text) of every line."""
    return [(depth, tree.truth, tree.text), *(line for child in tree.children for line in lines(child, depth + 1))]


def below(when):
    """The lines of a criterion, without the rule's own."""
    (only,) = told(when).children
    return [(depth, truth, text.removeprefix("when ")) for depth, truth, text in lines(only)]


def all_of(*items):
    return AllOf("truth", items)


# ------------------------------------------------------------------------------------------------ each kind of node


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (YES, [(0, True, "yes")]),
        (all_of(YES, OPEN), [(0, None, "all of"), (1, True, "yes"), (1, None, "open")]),
        (AnyOf("truth", (NO, YES)), [(0, True, "any of"), (1, False, "no"), (1, True, "yes")]),
        (CountOf("truth", (YES, NO), 2), [(0, False, "at least 2 of"), (1, True, "yes"), (1, False, "no")]),
        (Not("truth", NO), [(0, True, "not"), (1, False, "no")]),
        (Known("truth", OPEN), [(0, False, "known"), (1, None, "open")]),
        (Not("truth", Known("truth", OPEN)), [(0, True, "unless known"), (1, None, "open")]),
        (Undecided("truth", OPEN), [(0, True, "undecided"), (1, None, "open")]),
        (Literally("truth", True), [(0, True, "always")]),
        (
            Compare("truth", FERRITIN, (("below", parameter()),)),
            [(0, True, "ferritin below 30 ug/L (fer-low, who-2020)"), (1, "", "ferritin")],
        ),
        (
            Compare("truth", FERRITIN, (("at_least", Number("quantity", limit("25"))), ("at_most", parameter()))),
            [(0, False, "ferritin at least 25 ug/L and at most 30 ug/L (fer-low, who-2020)"), (1, "", "ferritin")],
        ),
        (ChoiceIs("truth", SIDE, frozenset({"left", "both"})), [(0, True, "side is both or left"), (1, "", "side")]),
        (
            FirstOf("truth", ((NO, Literally("truth", False)), (YES, Literally("truth", True))), OPEN),
            [(0, True, "the first that applies"), (1, False, "if no"), (1, True, "if yes"), (1, True, "  then always")],
        ),
        (
            FirstOf("truth", ((OPEN, YES),), NO),
            [
                (0, None, "the first that applies"),
                (1, None, "if open"),
                (1, True, "  then yes"),
                (1, False, "otherwise no"),
            ],
        ),
    ],
)
def test_every_kind_of_criterion_is_told_with_its_truth(node, expected):
    assert below(node) == expected


def test_a_score_is_told_as_a_range_with_every_item():
    bands = Bands("quantity", FERRITIN, ((None, Decimal(25), 3), (Decimal(26), None, 0)))
    score = Named(
        "quantity", "wells", Score("quantity", (Points("quantity", 2, YES), Points("quantity", -1, OPEN), bands))
    )
    assert below(Compare("truth", score, (("at_least", Number("quantity", limit("6"))),))) == [
        (0, False, "wells at least 6 ug/L"),
        (1, "", "wells: score 4 to 5"),
        (2, True, "+2 yes"),
        (2, None, "-1 open"),
        (2, "", "points by ferritin"),
    ]


def test_an_age_and_a_reports_own_limit_are_told_in_words():
    age = AgeOf("quantity", (FERRITIN,))
    days = Number("quantity", Limit((Quantity(Interval.exactly(Decimal(20)), Unit("days"), "20 days"),)))
    assert below(Compare("truth", age, (("below", days),)))[0] == (0, True, "days since ferritin below 20 days")
    upper = TimesUpper("quantity", FERRITIN, parameter("2"), None)
    (line, _) = below(Compare("truth", FERRITIN, (("above", upper),)))
    assert line == (0, None, "ferritin above 2 ug/L (fer-low, who-2020) times the report's upper limit")


def test_a_name_is_told_before_what_it_means():
    named = Named("truth", "either", AnyOf("truth", (NO, YES)))
    assert below(named) == [(0, True, "either: any of"), (1, False, "no"), (1, True, "yes")]


# ------------------------------------------------------------------------------------------------ where things come from


def test_a_number_says_who_set_it():
    site = "Example Hospital: our assay (Head of Laboratory, 2026-01-01)"
    ((_, _, line), _) = below(Compare("truth", FERRITIN, (("below", parameter("40", origin=site)),)))
    assert line == f"ferritin below 40 ug/L (fer-low, {site})"


def test_a_window_says_how_far_back_and_by_which_parameter():
    span = Span(timedelta(days=365), "days", "365 days", "lab-window")
    assert below(fact("yes", window=Window(span))) == [(0, True, "yes within 365 days (lab-window)")]
    plain = Span(timedelta(days=7), "days", "7 days")
    assert below(fact("yes", window=Window(plain))) == [(0, True, "yes within 7 days")]


def test_facts_carry_their_evidence_and_their_reasons():
    tree = told(all_of(YES, OPEN, Compare("truth", FERRITIN, (("below", parameter()),))))
    yes, unread, compared = tree.children[0].children
    assert [item.reference for item in yes.answer.evidence] == ["Condition/c1"]
    assert unread.answer.reasons == (UNREAD,)
    assert compared.children[0].answer.evidence == (SEEN,)
    assert compared.children[0].answer.quantity.text == "20 ug/L"


# ------------------------------------------------------------------------------------------------ the rule around it


@pytest.mark.parametrize(
    ("node", "state", "truth"), [(YES, "found", True), (NO, "false", False), (OPEN, "undecided", None)]
)
def test_the_head_says_what_came_of_it(node, state, truth):
    tree = told(node)
    assert (tree.text, tree.truth) == (f"FE09 A rule: {state}", truth)


def test_gates_that_are_open_for_certain_are_left_out_and_others_told():
    tree = told(YES, gates=(("deceased", NO), ("hospice", OPEN)))
    assert [child.text for child in tree.children] == ["gate hospice: open", "when yes"]
    shut = told(YES, gates=(("deceased", YES),))
    assert (shut.text, shut.truth) == ("FE09 A rule: closed", False)


def test_exclusions_outcomes_and_questions_are_told():
    outcomes = (Outcome("worse", OPEN, ((None, "warning"),)), Outcome("found", None, ((None, "info"),)))
    tree = told(YES, unless=(NO,), outcomes=outcomes, ask=(Ask(OPEN, (), "Which?"),))
    assert [(child.truth, child.text) for child in tree.children] == [
        (True, "when yes"),
        (False, "unless no"),
        (None, "outcome worse: open"),
        (None, "asks when open"),
    ]
