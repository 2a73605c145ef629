"""A population answered at once: nothing crashes, nobody drowns, and each value is the one that was planted."""

import csv
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from cds_service.batch.replay import Report, call_for, charts, replay
from cds_service.bootstrap import catalogue_of, house_of
from cds_service.consult import consult
from cds_service.model.criteria import Fact
from cds_service.model.frame import ANY_TIME
from cds_service.record.lookups import look
from cds_service.settings import Settings

DATA = Path(__file__).parents[1] / "data" / "population"
NOW = datetime(2025, 6, 30, 10, 0, tzinfo=UTC)
TRUTH = {row["patient_id"]: row for row in csv.DictReader((DATA / "truth.csv").open())}
# name in the truth table -> analyte, and the factor from its canonical unit to the table's
TESTS = {
    "ferritin": ("ferritin", 1),
    "hemoglobin": ("hb", Decimal("0.1")),
    "b12": ("b12", None),
    "magnesium": ("mg", 1),
    "potassium": ("k", 1),
}


@pytest.fixture(scope="module")
def house():
    settings = Settings(now=NOW)
    return house_of(settings, catalogue_of(settings), "http://localhost:8000")


@pytest.fixture(scope="module")
def records(house):
    """The record of each person, by name."""
    found = {}
    with (DATA / "requests.ndjson").open("rb") as lines:
        for name, body in charts(lines):
            call = call_for(body, house.catalogue.queries["leg-symptoms"], "leg-symptoms", "patient-view")
            found[name] = consult(call, house).record
    return found


def newest(record, analyte):
    return look(record, Fact("quantity", "result", (analyte,), pack="deficiency"), ANY_TIME)


def test_thirty_four_people_and_no_error(house):
    report = Report()
    with (DATA / "requests.ndjson").open("rb") as lines:
        for item in replay(house, lines):
            report.add(item)
    assert (report.charts, dict(report.errors)) == (34, {})
    assert not [row for _, row in report.table() if row.get("error")]
    assert report.quantile(0.95) <= 3
    assert max(report.cards) <= 5


@pytest.mark.parametrize("test", TESTS)
def test_the_newest_usable_value_is_the_one_planted(records, test):
    """Where the newest result cannot be read (no unit), an older one does not speak for it."""
    analyte, factor = TESTS[test]
    seen = unread = 0
    for name, record in records.items():
        planted, answer = TRUTH[name][f"lab_{test}_latest"], newest(record, analyte)
        if answer.quantity is None:
            assert not planted or {reason.why for reason in answer.reasons} == {"unit not understood"}
            unread += bool(planted)
        elif planted and factor:
            seen += 1
            assert float(answer.quantity.canonical().low * factor) == pytest.approx(float(planted), rel=2e-3)
    assert factor is None or seen > unread


def test_a_service_of_another_hook_answers_them_too(house):
    with (DATA / "requests.ndjson").open("rb") as lines:
        found = list(replay(house, lines, "encounter-discharge"))
    assert len(found) == 34
    assert not [item for item in found if item.error]
