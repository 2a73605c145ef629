"""What each node comes to, over answers given by hand: ages, limits of the report, tables, windows anchored on facts."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from cds_service.model.answer import ABSENT, Answer, Evidence, Reason
from cds_service.model.criteria import (
    AgeOf,
    AllOf,
    Anchor,
    AnyOf,
    Compare,
    Fact,
    FirstOf,
    Label,
    Literally,
    Named,
    Number,
    Parameter,
    Score,
    Span,
    TimesUpper,
    Window,
)
from cds_service.model.quantity import Interval, Limit, Quantity, Unit
from cds_service.reasoning.evaluate import Evaluation

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
G_L = Unit("g/L")


def ago(days, hours=0):
    return NOW - timedelta(days=days, hours=hours)


def fact(name, kind="condition", type_="truth", **more):
    return Fact(type_, kind, (name,), **more)


def quantity(value, unit=G_L):
    return Quantity(Interval.exactly(Decimal(str(value))), unit, f"{value} {unit.code}")


def number(value, unit=G_L):
    return Number("quantity", Limit((quantity(value, unit),)))


class Chart:
    """Answers by the first set of a fact; keeps the frame each was asked with."""

    def __init__(self, **answers):
        self.answers = {name.replace("_", "-"): answer for name, answer in answers.items()}
        self.frames = {}

    def look(self, asked, frame):
        self.frames[asked.sets[0]] = frame
        return self.answers.get(asked.sets[0], ABSENT)

    @property
    def evaluation(self):
        return Evaluation(self.look, lambda name, arguments: Answer(), NOW, UTC)


# ------------------------------------------------------------------ ages


def age(chart, *facts, start="date"):
    found = chart.evaluation.possible(AgeOf("quantity", facts, start))
    return [(int(item.interval.low), int(item.interval.high)) for item in found]


def test_days_are_counted_on_the_calendar():
    chart = Chart(a=Answer(True, dated=datetime(2026, 3, 1, 23, 59, tzinfo=UTC)))
    assert age(chart, fact("a")) == [(1, 1)]


def test_a_partial_date_is_an_interval():
    chart = Chart(a=Answer(True, dated=ago(60), dated_by=ago(30)))
    assert age(chart, fact("a")) == [(30, 60)]


def test_of_several_the_longest_counts_and_what_is_denied_does_not():
    chart = Chart(a=Answer(True, dated=ago(5)), b=Answer(True, dated=ago(9)), c=Answer(False, dated=ago(99)))
    assert age(chart, fact("a"), fact("b"), fact("c")) == [(9, 9)]


def test_an_age_may_run_from_the_beginning():
    chart = Chart(a=Answer(True, dated=ago(5), dated_by=ago(2), started=ago(40)))
    assert age(chart, fact("a"), start="start") == [(40, 40)]
    assert age(chart, fact("a")) == [(2, 5)]


def test_a_partial_beginning_is_an_interval():
    chart = Chart(a=Answer(True, dated=ago(60), dated_by=ago(0), started=ago(60), started_by=ago(0)))
    assert age(chart, fact("a"), start="start") == [(0, 60)]


def test_of_several_intervals_the_longest_is_at_least_the_longest_shortest():
    chart = Chart(a=Answer(True, started=ago(60), started_by=ago(0)), b=Answer(True, started=ago(40)))
    assert age(chart, fact("a"), fact("b"), start="start") == [(40, 60)]


def test_without_a_date_there_is_no_age():
    assert age(Chart(a=Answer(True)), fact("a")) == []
    assert age(Chart(a=Answer(True, dated=ago(5))), fact("a"), start="start") == []


# ------------------------------------------------------------------ limits


def test_the_reports_own_limit_times_a_number():
    result = fact("ck", "result", "quantity")
    chart = Chart(ck=Answer(quantity=quantity(900), upper_limit=quantity(200)))
    times = TimesUpper("quantity", result, number(4, Unit("1")), number(1000))
    evaluation = chart.evaluation
    assert evaluation.truth(Compare("truth", result, (("above", times),))) is True
    [limit] = evaluation.limits(times)
    assert limit.printed[0].interval.exact == 800


def test_where_the_report_prints_none_the_fallback_counts():
    result = fact("ck", "result", "quantity")
    chart = Chart(ck=Answer(quantity=quantity(900)))
    times = TimesUpper("quantity", result, number(4, Unit("1")), number(1000))
    assert chart.evaluation.truth(Compare("truth", result, (("above", times),))) is False
    bare = TimesUpper("quantity", result, number(4, Unit("1")))
    assert chart.evaluation.truth(Compare("truth", result, (("above", bare),))) is None


def test_a_table_of_limits_is_decided_when_every_row_that_may_apply_agrees():
    result = fact("hb", "result", "quantity")
    table = FirstOf("quantity", ((fact("man"), number(130)),), number(120))
    below = Compare("truth", result, (("below", table),))
    for value, man, truth in (
        (125, None, None),
        (119, None, True),
        (130, None, False),
        (125, True, True),
        (125, False, False),
    ):
        chart = Chart(hb=Answer(quantity=quantity(value)), man=Answer(man))
        assert chart.evaluation.truth(below) is truth, (value, man)


def test_a_table_of_quantities_answers_with_the_row_that_applies():
    first, second = fact("a", "result", "quantity"), fact("b", "result", "quantity")
    table = FirstOf("quantity", ((fact("when"), first),), second)
    given = {"a": Answer(quantity=quantity(1)), "b": Answer(quantity=quantity(2))}
    assert Chart(**given, when=Answer(True)).evaluation.answer(table).quantity == quantity(1)
    assert Chart(**given, when=Answer(False)).evaluation.answer(table).quantity == quantity(2)
    assert Chart(**given, when=Answer(None)).evaluation.answer(table).quantity is None
    assert len(Chart(**given, when=Answer(None)).evaluation.possible(table)) == 2


def test_a_table_of_quantities_with_a_row_nobody_knows_is_not_known():
    table = FirstOf("quantity", ((fact("when"), fact("a", "result", "quantity")),), fact("b", "result", "quantity"))
    chart = Chart(when=Answer(None), a=Answer(quantity=quantity(1)), b=Answer())
    assert chart.evaluation.possible(table) == ()
    assert chart.evaluation.truth(Compare("truth", table, (("below", number(5)),))) is None
    limits = FirstOf("quantity", ((fact("when"), number(1)),), Parameter("quantity", "unset", None))
    assert chart.evaluation.limits(limits) == ()


def test_a_table_of_labels_answers_with_every_label_that_may_apply():
    table = FirstOf("choice", ((fact("when"), Label("choice", "left")),), Label("choice", "right"))
    assert Chart(when=Answer(True)).evaluation.answer(table).labels == {"left"}
    assert Chart(when=Answer(None)).evaluation.answer(table).labels == {"left", "right"}


def test_a_score_says_its_range():
    empty = Score("quantity", ())
    assert Chart().evaluation.possible(empty)[0].text == "0"


# ------------------------------------------------------------------ what a criterion rests on


def evidence(name, days):
    return Answer(
        True,
        evidence=(Evidence(f"Condition/{name}", name),),
        dated=ago(days),
        started=ago(days + 1),
        extra={"name": name},
    )


def test_a_criterion_has_the_evidence_of_the_parts_that_share_its_truth():
    chart = Chart(a=evidence("a", 9), b=evidence("b", 3), c=Answer(False, evidence=(Evidence("Condition/c", "c"),)))
    answer = chart.evaluation.answer(AnyOf("truth", (fact("a"), fact("b"), fact("c"))))
    assert [item.label for item in answer.evidence] == ["a", "b"]
    assert (answer.dated, answer.started) == (ago(3), ago(10))
    assert answer.extra == {"name": "b"}


def test_words_come_from_the_first_part_that_has_any_where_the_newest_has_none():
    plain = Answer(True, dated=ago(1))
    answer = Chart(a=plain, b=evidence("b", 3)).evaluation.answer(AllOf("truth", (fact("a"), fact("b"))))
    assert answer.dated == ago(1)
    assert answer.extra == {"name": "b"}


def test_an_undecided_criterion_says_why():
    reason = Reason("failed", "Condition")
    chart = Chart(a=Answer(None, reasons=(reason, reason)), b=Answer(True))
    both = AllOf("truth", (fact("a"), fact("b")))
    assert chart.evaluation.answer(both).reasons == (reason,)
    assert Chart(a=Answer(True), b=Answer(True)).evaluation.answer(both).reasons == ()


def test_a_switch_is_a_criterion():
    on = Parameter("truth", "on", None, switch=True)
    assert Chart().evaluation.truth(on) is True
    assert Chart().evaluation.answer(on).truth is True


def test_each_fact_is_looked_at_once():
    chart = Chart(a=Answer(True))
    asked = fact("a")
    looked = []
    evaluation = Evaluation(lambda item, frame: looked.append(item) or Answer(True), lambda *_: Answer(), NOW, UTC)
    named = Named("truth", "name", asked)
    assert evaluation.truth(AllOf("truth", (asked, named, Literally("truth", True)))) is True
    evaluation.answer(named)
    assert looked == [asked]
    assert chart.frames == {}


# ------------------------------------------------------------------ windows


def window(**ends):
    return fact("asked", window=Window(**ends))


def frame_of(chart, asked):
    chart.evaluation.answer(asked)
    return chart.frames.get("asked")


def days(count):
    return Span(timedelta(days=count), "days", f"{count} days")


def test_days_reach_back_to_midnight_and_hours_to_the_minute():
    assert frame_of(Chart(), window(within=days(2))).start == datetime(2026, 2, 28, tzinfo=UTC)
    hours = Span(timedelta(hours=72), "hours", "72 hours")
    assert frame_of(Chart(), window(within=hours)).start == ago(3)


def test_a_window_that_begins_with_a_fact_begins_with_the_earliest_of_several():
    since = Anchor((fact("a"), fact("b"), fact("c")), "start")
    chart = Chart(a=Answer(True, started=ago(3)), b=Answer(True, started=ago(8)), c=Answer(False, started=ago(90)))
    assert frame_of(chart, window(start=since)).start == datetime(2026, 2, 22, tzinfo=UTC)


def test_a_window_by_a_facts_date_goes_by_the_newest_of_several():
    around = Anchor((fact("a"), fact("b")), "date")
    chart = Chart(a=Answer(True, dated=ago(3)), b=Answer(True, dated=ago(8)))
    assert frame_of(chart, window(start=around)).start == datetime(2026, 2, 27, tzinfo=UTC)
    denied = Chart(a=Answer(False, dated=ago(3)), b=Answer(True, dated=ago(8)))
    assert frame_of(denied, window(start=around)).start == datetime(2026, 2, 22, tzinfo=UTC)
    undated = Chart(a=Answer(True), b=Answer(True, dated=ago(8)))
    assert frame_of(undated, window(start=around)).start == datetime(2026, 2, 22, tzinfo=UTC)


def test_both_ends_may_lie_so_many_days_from_a_fact():
    anchor = (fact("a"),)
    both = window(start=Anchor(anchor, "date", days(30)), end=Anchor(anchor, "date", days(30), later=True))
    frame = frame_of(Chart(a=Answer(True, dated=ago(100))), both)
    day = ago(100).replace(hour=0)
    assert frame.start == day - timedelta(days=30)
    assert frame.end == day + timedelta(days=31) - timedelta(microseconds=1)


def test_of_two_beginnings_the_later_holds():
    since = Anchor((fact("a"),), "start")
    chart = Chart(a=Answer(True, started=ago(3)))
    assert frame_of(chart, window(within=days(30), start=since)).start == datetime(2026, 2, 27, tzinfo=UTC)
    assert frame_of(chart, window(within=days(1), start=since)).start == datetime(2026, 3, 1, tzinfo=UTC)


def test_an_end_alone_is_kept_beside_a_plain_window():
    until = Anchor((fact("a"),), "date")
    frame = frame_of(Chart(a=Answer(True, dated=ago(3))), window(within=days(30), end=until))
    assert (frame.start, frame.end) == (datetime(2026, 1, 31, tzinfo=UTC), ago(3))


@pytest.mark.parametrize("at", ["date", "start"])
def test_an_anchor_without_a_date_leaves_the_fact_unknown(at):
    chart = Chart(a=Answer(True))
    answer = chart.evaluation.answer(window(start=Anchor((fact("a"),), at)))
    assert answer.truth is None
    assert [reason.why for reason in answer.reasons] == ["no date"]
    assert "asked" not in chart.frames
