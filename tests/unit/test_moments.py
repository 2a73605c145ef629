"""Dates as intervals, and where they fall in a window."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cds_service.record.moments import midnight_of, read_moment

BERLIN = ZoneInfo("Europe/Berlin")


def at(text):
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("text", "earliest", "latest", "precision"),
    [
        ("2024", "2024-01-01T00:00+00:00", "2024-12-31T23:59:59.999999+00:00", "year"),
        ("2024-02", "2024-02-01T00:00+00:00", "2024-02-29T23:59:59.999999+00:00", "month"),
        ("2024-12", "2024-12-01T00:00+00:00", "2024-12-31T23:59:59.999999+00:00", "month"),
        ("2024-05-13", "2024-05-13T00:00+00:00", "2024-05-13T23:59:59.999999+00:00", "day"),
        ("2024-05-13T09:30:00Z", "2024-05-13T09:30+00:00", "2024-05-13T09:30+00:00", "instant"),
        ("2024-05-13T09:30:00z", "2024-05-13T09:30+00:00", "2024-05-13T09:30+00:00", "instant"),
        ("2024-05-13T24:00:00Z", "2024-05-14T00:00+00:00", "2024-05-14T00:00+00:00", "instant"),
        ("2024-05-13T01:30:00.25+02:00", "2024-05-12T23:30:00.25+00:00", "2024-05-12T23:30:00.25+00:00", "instant"),
        ("2024-05-13T09:30", "2024-05-13T09:30+00:00", "2024-05-13T09:30+00:00", "instant"),
    ],
)
def test_what_a_fhir_date_names(text, earliest, latest, precision):
    moment = read_moment(text, UTC)
    assert (moment.earliest, moment.latest, moment.precision, moment.text) == (
        at(earliest),
        at(latest),
        precision,
        text,
    )


@pytest.mark.parametrize(
    "text",
    [
        "05/13/2024",
        "20240513",
        "",
        "Invalid date",
        "2024-13-01",
        "2024-02-30",
        None,
        2024,
        "2024-5-1",
        "0000-01-01",
        "2024-05-13T25:00:00Z",
    ],
)
def test_what_is_no_date(text):
    assert read_moment(text, UTC) is None


def test_a_date_without_zone_lies_in_the_facility():
    assert read_moment("2024-05-13", BERLIN).earliest == at("2024-05-12T22:00+00:00")
    assert read_moment("2024-05-13T08:00:00", BERLIN).earliest == at("2024-05-13T06:00+00:00")
    assert midnight_of(at("2024-05-12T23:30+00:00"), BERLIN) == at("2024-05-13T00:00+02:00")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025", None),
        ("2026", None),
        ("2024", False),
        ("2025-12-01", False),
        ("2025-12-02", True),
        ("2026-03-02", True),
        ("2026-03-03", False),
    ],
)
def test_a_partial_date_that_straddles_an_end_is_unknown(text, expected):
    start, end = at("2025-12-02T00:00+00:00"), at("2026-03-02T23:59:59.999999+00:00")
    assert read_moment(text, UTC).inside(start, end) is expected


def test_the_future_is_cut_off_and_what_lies_wholly_in_it_is_dropped():
    horizon = at("2026-03-03T10:00+00:00")
    assert read_moment("2199-01-01", UTC).clipped(horizon) is None
    clipped = read_moment("2026-03", UTC).clipped(horizon)
    assert clipped.latest == horizon
    assert clipped.earliest == at("2026-03-01T00:00+00:00")
    assert read_moment("2026-03-03T10:00:00Z", UTC).clipped(horizon).latest == horizon
    assert read_moment("2026-03-03T10:00:01Z", UTC).clipped(horizon + timedelta(0)) is None
