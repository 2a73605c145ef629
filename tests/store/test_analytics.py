"""What became of the cards: each counts once, small counts are withheld, and single answers have the shape asked for."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.store import export
from cds_service.store.analytics import Choice, answers, report, withheld
from cds_service.store.periods import Period, days, last_weeks, whole_weeks
from tests.store.calls import NOW, accepted, call, card, overridden, reply

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)


def show(ledger, *items, now=NOW, lines=(), **who):
    ledger.shown(call(**who), reply(*items, lines=lines), now)


def tell(ledger, *entries, now=NOW, **who):
    ledger.feedback("leg-symptoms", list(entries), now, **who)


def counted(ledger, choice=None, **options):
    ledger.drainer.drain()
    return report(ledger.database, choice or Choice(), **({"smallest": 0} | options))


def figures(line):
    return (line.shown, line.accepted, line.overridden, line.unanswered, dict(line.reasons))


def test_a_card_counts_once_however_often_it_is_answered(ledger):
    taken, refused, open_ = card(orders=["1-1"]), card(), card()
    show(ledger, taken, refused, open_)
    tell(ledger, overridden(taken, "declined"), accepted(taken, 0), overridden(taken, "elsewhere"))
    tell(ledger, overridden(refused, "declined"), overridden(refused, "elsewhere"))
    (line,) = counted(ledger).lines
    assert (line.rule, line.title) == ("FE02", "Low iron")
    assert figures(line) == (3, 1, 1, 1, {"elsewhere": 1}), "accepted stays accepted; of overrides the latest counts"


def test_reasons_are_counted_and_none_given_is_one(ledger):
    items = [card() for _ in range(4)]
    show(ledger, *items)
    reasons = ("declined", "declined", "goals", None)
    tell(ledger, *(overridden(item, reason) for item, reason in zip(items, reasons, strict=True)))
    assert counted(ledger).lines[0].reasons == {"declined": 2, "goals": 1, "none given": 1}


def test_a_line_on_a_collected_card_counts_with_it(ledger):
    item = card("WK01", title="Tests")
    show(ledger, item, lines=["GAPFE"])
    tell(ledger, overridden(item))
    assert {line.rule: figures(line)[:4] for line in counted(ledger).lines} == {
        "WK01": (1, 0, 1, 0),
        "GAPFE": (1, 0, 1, 0),
    }


def test_by_week_and_client(ledger):
    show(ledger, card(), client="north")
    show(ledger, card(), client="north", now=NOW + WEEK)
    show(ledger, card(), client="south")
    assert [(line.week, line.client, line.shown) for line in counted(ledger, by=("week", "client")).lines] == [
        ("2026-W25", "north", 1),
        ("2026-W25", "south", 1),
        ("2026-W26", "north", 1),
    ]
    assert [(line.week, line.client, line.shown) for line in counted(ledger, by=("client",)).lines] == [
        ("", "north", 2),
        ("", "south", 1),
    ]


def test_one_rule_client_tenant_or_period(ledger):
    show(ledger, card("FE01"), client="north", tenant="a")
    show(ledger, card("FE02"), client="north", tenant="b", now=NOW + DAY)
    show(ledger, card("FE02"), client="south")

    def rules(**choice):
        return [(line.rule, line.shown) for line in counted(ledger, Choice(**choice)).lines]

    assert rules() == [("FE01", 1), ("FE02", 2)]
    assert rules(rule="FE02") == [("FE02", 2)]
    assert rules(client="north") == [("FE01", 1), ("FE02", 1)]
    assert rules(client="north", tenant="b") == [("FE02", 1)]
    assert rules(period=Period(NOW + DAY, None)) == [("FE02", 1)]
    assert rules(period=Period(None, NOW + DAY)) == [("FE01", 1), ("FE02", 1)]


def test_feedback_of_another_client_is_no_answer(ledger):
    item = card()
    show(ledger, item, client="north")
    tell(ledger, overridden(item), client="south")
    assert figures(counted(ledger).lines[0])[:4] == (1, 0, 0, 1)


def test_unknown_cards_and_lost_calls_are_told(ledger):
    tell(ledger, overridden(card()), overridden(card()), client="north")
    ledger.spool.append(b"torn")
    found = counted(ledger)
    assert (found.lines, found.unknown, found.lost) == ((), 2, 1)
    assert counted(ledger, Choice(client="south")).unknown == 0
    assert counted(ledger, smallest=10).unknown == "<10"
    assert export.as_table(found) == (
        "No card was shown.\n2 answers to cards the ledger does not know.\n"
        "1 calls with cards are missing from these counts (lost by the spool).\n"
    )


def test_counts_under_ten_are_withheld_unless_asked_for(ledger):
    items = [card() for _ in range(31)]
    show(ledger, *items, card("FE01"))
    tell(ledger, *(overridden(item, "declined") for item in items[:9]), *(overridden(item) for item in items[9:21]))
    ledger.drainer.drain()
    few, many = report(ledger.database).lines
    assert figures(few) == ("<10", 0, 0, "<10", {})
    assert figures(many) == (31, 0, 21, 10, {"declined": "<10", "none given": "withheld"})
    assert dict(counted(ledger).lines[1].reasons) == {"declined": 9, "none given": 12}


@given(st.lists(st.integers(0, 40), min_size=1, max_size=6), st.integers(0, 15))
def test_what_is_withheld_cannot_be_worked_out_from_its_line(counts, smallest):
    parts = {str(number): count for number, count in enumerate(counts)}
    told = withheld(parts, smallest, whole_told=True)
    small = [name for name, count in parts.items() if 0 < count < smallest]
    assert all(told[name] == f"<{smallest}" for name in small)
    assert all(told[name] in (count, "withheld") for name, count in parts.items() if name not in small)
    hidden = [name for name in parts if isinstance(told[name], str)]
    if small and any(count >= smallest for count in counts):
        assert sum(parts[name] for name in hidden) >= smallest, "what is missing from the whole is no small count"
    if not small:
        assert hidden == []


def test_single_answers_have_the_shape_of_the_regulation(ledger):
    item = card(orders=["1-1"])
    show(ledger, item, client="north", tenant="a")
    tell(ledger, overridden(item, "declined", "=a word", at=NOW), accepted(item, 0), client="north", tenant="a")
    tell(ledger, overridden(card()))
    ledger.drainer.drain()
    first, second, stray = answers(ledger.database, comments=True)
    who = ledger.keyed.user("north", "a", "Practitioner/u1")
    required = ("intervention", "action", "feedback", "user", "date", "location")
    assert tuple(first)[:6] == required
    assert [first[name] for name in required] == [
        "FE02 1.0.0 Low iron",
        "overridden",
        "declined Declined; =a word",
        who,
        "2026-06-15T10:00:00+00:00",
        "north/a",
    ]
    assert (second["action"], second["feedback"], second["parameters"]) == ("accepted", "", "hooks")
    assert (stray["intervention"], stray["user"], stray["location"]) == ("unknown", "", "open")
    without = next(answers(ledger.database))
    assert without["feedback"] == "declined Declined" and without["commented"] is True
    assert [row["rule"] for row in answers(ledger.database, Choice(rule="FE02"))] == ["FE02", "FE02"]
    assert list(answers(ledger.database, Choice(period=Period(NOW + DAY, None)))) == []


def test_csv_and_ndjson_hold_the_same(ledger):
    item = card(title='=HYPERLINK("x"), Käse')
    show(ledger, item)
    tell(ledger, overridden(item, "=1+1"))
    ledger.drainer.drain()
    lines = [json.loads(line) for line in export.as_ndjson(answers(ledger.database))]
    text = "".join(export.as_csv(answers(ledger.database), export.ANSWERS))
    (row,) = csv.DictReader(io.StringIO(text))
    assert lines[0]["feedback"] == "=1+1 =1+1" and row["feedback"] == "'=1+1 =1+1", "no formula in a spreadsheet"
    assert {name: row[name] for name in row if name != "feedback"} == {
        name: str(value) for name, value in lines[0].items() if name != "feedback"
    }
    assert tuple(lines[0]) == export.ANSWERS
    assert list(export.as_csv([], export.ANSWERS)) == [",".join(export.ANSWERS) + "\r\n"]


def test_the_report_as_json_table_and_rows(ledger):
    show(ledger, *(card() for _ in range(12)), client="north")
    found = counted(ledger, smallest=10, by=("client",))
    line = {
        "rule": "FE02",
        "week": "",
        "client": "north",
        "shown": 12,
        "accepted": 0,
        "overridden": 0,
        "unanswered": 12,
        "title": "Low iron",
        "reasons": {},
    }
    assert export.as_mapping(found) == {
        "from": None,
        "until": None,
        "withheld_below": 10,
        "lines": [line],
        "unknown": 0,
        "lost": 0,
    }
    assert export.as_table(found).splitlines() == [
        "rule  client  shown  accepted  overridden  unanswered",
        "FE02  north   12     0         0           12",
    ]
    assert export.lines_of(found) == [{**line, "reasons": ""}]
    assert tuple(export.lines_of(found)[0]) == export.REPORT


def test_periods_are_days_and_weeks_as_people_mean_them():
    berlin = ZoneInfo("Europe/Berlin")
    assert days(date(2026, 6, 1), date(2026, 6, 1), berlin) == Period(
        datetime(2026, 5, 31, 22, tzinfo=UTC), datetime(2026, 6, 1, 22, tzinfo=UTC)
    )
    assert days(None, None) == Period()
    with pytest.raises(ValueError, match="before"):
        days(date(2026, 6, 2), date(2026, 6, 1))
    monday = datetime(2026, 6, 15, tzinfo=UTC)
    assert last_weeks(1, NOW) == Period(monday) and last_weeks(3, monday + 6 * DAY) == Period(monday - 2 * WEEK)
    assert whole_weeks(days(date(2026, 6, 17), date(2026, 6, 17))) == Period(monday, monday + WEEK)
    assert whole_weeks(Period(monday, monday + WEEK)) == Period(monday, monday + WEEK)
    assert whole_weeks(Period()) == Period()
