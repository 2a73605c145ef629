"""Random trees and random patients for the properties of the logic. One strategy per node kind."""

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import strategies as st

from cds_service.model.answer import Answer
from cds_service.model.criteria import (
    AllOf,
    AnyOf,
    Bands,
    ChoiceIs,
    Compare,
    CountOf,
    Fact,
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
from cds_service.reasoning.evaluate import Evaluation

NOW = datetime(2026, 6, 15, 10, tzinfo=UTC)
UNIT = Unit("1")
TRUTHS = [Fact("truth", "condition", (f"t{index}",)) for index in range(4)]
QUANTITIES = [Fact("quantity", "result", (f"q{index}",)) for index in range(2)]
CHOICES = [Fact("choice", "side", (), inner=(), where=f"c{index}") for index in range(1)]
LABELS = ("left", "right", "both")
CHOICE = Fact("choice", "answer", ("c0",))


def limit(value):
    return Number("quantity", Limit((Quantity(Interval.exactly(Decimal(value)), UNIT),)))


def number(value):
    return Answer(quantity=Quantity(Interval.exactly(Decimal(value)), UNIT))


def span(low, high):
    return Answer(quantity=Quantity(Interval(Decimal(low), Decimal(high)), UNIT))


facts = st.sampled_from(TRUTHS)
quantities = st.sampled_from(QUANTITIES)
numbers = st.integers(0, 6)


def quantity_nodes(truths):
    points = st.builds(lambda worth, when: Points("quantity", worth, when), st.sampled_from([-2, -1, 1, 2]), truths)
    bands = st.builds(
        lambda of: Bands("quantity", of, ((None, Decimal(1), 3), (Decimal(2), Decimal(3), 0), (Decimal(4), None, 2))),
        quantities,
    )
    score = st.builds(
        lambda items: Score("quantity", tuple(items)), st.lists(st.one_of(points, bands), min_size=1, max_size=4)
    )
    return st.one_of(quantities, score)


def limit_nodes(truths):
    plain = st.builds(limit, numbers)
    table = st.builds(lambda when, first, other: FirstOf("quantity", ((when, first),), other), truths, plain, plain)
    return st.one_of(plain, table)


def grow(truths, known=False):
    kinds = [
        st.builds(lambda items: AllOf("truth", tuple(items)), st.lists(truths, min_size=1, max_size=3)),
        st.builds(lambda items: AnyOf("truth", tuple(items)), st.lists(truths, min_size=1, max_size=3)),
        st.builds(
            lambda items, needed: CountOf("truth", tuple(items), needed),
            st.lists(truths, min_size=1, max_size=4),
            st.integers(0, 3),
        ),
        st.builds(lambda item: Not("truth", item), truths),
        st.builds(
            lambda quantity, operator, bound: Compare("truth", quantity, ((operator, bound),)),
            quantity_nodes(truths),
            st.sampled_from(["below", "at_most", "at_least", "above"]),
            limit_nodes(truths),
        ),
        st.builds(lambda when, first, other: FirstOf("truth", ((when, first),), other), truths, truths, truths),
        st.builds(
            lambda when, label, labels: ChoiceIs(
                "truth", FirstOf("choice", ((when, Label("choice", label)),), CHOICE), frozenset(labels)
            ),
            truths,
            st.sampled_from(LABELS),
            st.lists(st.sampled_from(LABELS), min_size=1, max_size=2),
        ),
        st.builds(lambda item: Named("truth", "n", item), truths),
    ]
    if known:
        kinds.append(st.builds(lambda item: Known("truth", item), truths))
    return st.one_of(kinds)


leaves = st.one_of(facts, st.builds(lambda value: Literally("truth", value), st.booleans()))
trees = st.recursive(leaves, grow, max_leaves=12)
trees_with_known = st.recursive(leaves, lambda inner: grow(inner, known=True), max_leaves=12)

complete = st.fixed_dictionaries(
    {
        **{fact: st.builds(lambda truth: Answer(truth), st.booleans()) for fact in TRUTHS},
        **{fact: st.builds(number, numbers) for fact in QUANTITIES},
        CHOICE: st.builds(lambda label: Answer(labels=frozenset({label})), st.sampled_from(LABELS)),
    }
)


@st.composite
def blurred(draw, patient):
    """The same patient with less known: truths unknown, values widened or gone, labels added."""
    less = {}
    for fact, answer in patient.items():
        how = draw(st.sampled_from(["known", "wider", "unknown"]))
        if how == "known":
            less[fact] = answer
        elif fact.type == "truth":
            less[fact] = Answer(None)
        elif fact.type == "choice":
            less[fact] = Answer(
                labels=frozenset(LABELS) if how == "unknown" else answer.labels | {draw(st.sampled_from(LABELS))}
            )
        elif how == "unknown":
            less[fact] = Answer()
        else:
            value = answer.quantity.interval.low
            less[fact] = span(value - draw(st.integers(0, 2)), value + draw(st.integers(0, 2)))
    return less


def evaluation(patient):
    return Evaluation(lambda fact, frame: patient[fact], lambda name, arguments: Answer(), NOW, UTC)
