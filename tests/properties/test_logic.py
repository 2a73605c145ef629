"""For every tree without `known`: more data never reverses a definite answer, and complete data gives one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trees import (
    CHOICE,
    LABELS,
    QUANTITIES,
    TRUTHS,
    blurred,
    complete,
    evaluation,
    grow,
    leaves,
    limit,
    number,
    span,
    trees,
)

from cds_service.model.answer import Answer
from cds_service.model.criteria import (
    AllOf,
    AnyOf,
    Bands,
    ChoiceIs,
    Compare,
    CountOf,
    FirstOf,
    Known,
    Label,
    Literally,
    Named,
    Not,
    Points,
    Score,
)


@settings(max_examples=400, deadline=None)
@given(st.data(), trees, complete)
def test_more_data_never_reverses_a_definite_answer(data, tree, patient):
    less = data.draw(blurred(patient))
    before, after = evaluation(less).truth(tree), evaluation(patient).truth(tree)
    assert before is None or before is after


@settings(max_examples=300, deadline=None)
@given(trees, complete)
def test_complete_data_gives_a_definite_answer(tree, patient):
    assert evaluation(patient).truth(tree) is not None


KINDS = {
    "all": AllOf("truth", tuple(TRUTHS[:3])),
    "any": AnyOf("truth", tuple(TRUTHS[:3])),
    "not": Not("truth", TRUTHS[0]),
    "count": CountOf("truth", tuple(TRUTHS), 2),
    "named": Named("truth", "n", AllOf("truth", tuple(TRUTHS[:2]))),
    "first": FirstOf("truth", ((TRUTHS[0], TRUTHS[1]), (TRUTHS[2], TRUTHS[3])), Literally("truth", False)),
    "compare": Compare("truth", QUANTITIES[0], (("at_least", limit(2)), ("below", limit(5)))),
    "compare a table of limits": Compare(
        "truth", QUANTITIES[0], (("below", FirstOf("quantity", ((TRUTHS[0], limit(2)),), limit(4))),)
    ),
    "choice": ChoiceIs(
        "truth", FirstOf("choice", ((TRUTHS[0], Label("choice", "left")),), CHOICE), frozenset({"left", "right"})
    ),
    "score": Compare(
        "truth",
        Score(
            "quantity",
            (
                Points("quantity", 1, TRUTHS[0]),
                Points("quantity", 1, TRUTHS[1]),
                Points("quantity", 1, TRUTHS[2]),
                Points("quantity", -2, TRUTHS[3]),
            ),
        ),
        (("at_least", limit(2)),),
    ),
    "score of bands": Compare(
        "truth",
        Score(
            "quantity",
            (
                Points("quantity", 2, TRUTHS[0]),
                Bands(
                    "quantity",
                    QUANTITIES[0],
                    (
                        (None, limit(1).limit.printed[0].interval.low, 3),
                        (limit(2).limit.printed[0].interval.low, None, 0),
                    ),
                ),
            ),
        ),
        (("at_least", limit(3)),),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=150, deadline=None)
@given(data=st.data(), patient=complete)
def test_each_kind_of_node(kind, data, patient):
    tree = KINDS[kind]
    less = data.draw(blurred(patient))
    before, after = evaluation(less).truth(tree), evaluation(patient).truth(tree)
    assert after is not None
    assert before is None or before is after


@settings(max_examples=300, deadline=None)
@given(st.data(), st.recursive(leaves, lambda inner: grow(inner, known=True), max_leaves=8), complete)
def test_with_known_the_same_holds_while_what_stands_under_it_is_held_fixed(data, tree, patient):
    less = data.draw(blurred(patient))
    fixed = known_items(tree)
    held = dict(less)
    for item in fixed:
        for fact in facts_of(item):
            held[fact] = patient[fact]
    before, after = evaluation(held).truth(tree), evaluation(patient).truth(tree)
    assert before is None or before is after


def known_items(tree):
    from cds_service.reasoning.requirements import walk

    return [node.item for node in walk([tree]) if isinstance(node, Known)]


def facts_of(node):
    from cds_service.model.criteria import Fact
    from cds_service.reasoning.requirements import walk

    return [item for item in walk([node]) if isinstance(item, Fact)]


def test_a_score_is_a_range():
    patient = {TRUTHS[0]: Answer(True), TRUTHS[1]: Answer(None), TRUTHS[2]: Answer(False), TRUTHS[3]: Answer(None)}
    score = Score(
        "quantity",
        (
            Points("quantity", 1, TRUTHS[0]),
            Points("quantity", 1, TRUTHS[1]),
            Points("quantity", 1, TRUTHS[2]),
            Points("quantity", -2, TRUTHS[3]),
        ),
    )
    assert evaluation(patient).score(score) == (-1, 2)


def test_an_unknown_quantity_decides_nothing_and_an_interval_only_when_it_agrees():
    tree = Compare("truth", QUANTITIES[0], (("below", limit(3)),))
    assert evaluation({QUANTITIES[0]: Answer()}).truth(tree) is None
    assert evaluation({QUANTITIES[0]: span(0, 2)}).truth(tree) is True
    assert evaluation({QUANTITIES[0]: span(2, 3)}).truth(tree) is None
    assert evaluation({QUANTITIES[0]: number(3)}).truth(tree) is False


def test_labels_decide_only_together():
    tree = ChoiceIs("truth", CHOICE, frozenset({"left", "right"}))
    assert evaluation({CHOICE: Answer(labels=frozenset({"left", "right"}))}).truth(tree) is True
    assert evaluation({CHOICE: Answer(labels=frozenset(LABELS))}).truth(tree) is None
    assert evaluation({CHOICE: Answer(labels=frozenset({"both"}))}).truth(tree) is False
