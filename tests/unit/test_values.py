"""What laboratories send, read as intervals or refused."""

from decimal import Decimal

import pytest

from cds_service.model.quantity import Interval, Unit
from cds_service.model.vocabulary import Analyte
from cds_service.record.values import read_value, upper_limit

D = Decimal
MASS, MOLAR = Unit("ug/L"), Unit("pmol/L", D("0.445038"))
FERRITIN = Analyte(
    "ferritin",
    "Ferritin",
    MASS,
    {"ug/l": MASS, "ng/ml": Unit("ng/mL"), "µg/l": MASS, "μg/l": MASS, "pmol/l": MOLAR},
    (),
    (D(0), D(100000)),
)
WARM = Analyte(
    "temperature",
    "Temperature",
    Unit("Cel"),
    {"cel": Unit("Cel")},
    (),
    (D(30), D(45)),
    unitless=((D(30), D(45), Unit("Cel")),),
)
UCUM = "http://unitsofmeasure.org"


def exactly(number):
    return Interval.exactly(D(number))


def quantity(value, unit=None, code=None, system=UCUM, **more):
    given = {"value": value, "unit": unit, "code": code, "system": system} | more
    return {"valueQuantity": {key: item for key, item in given.items() if item is not None}}


@pytest.mark.parametrize(
    ("source", "interval", "unit"),
    [
        (quantity(18, "ng/mL", "ng/mL"), exactly(18), "ng/mL"),
        (quantity(18, "NG/ML"), exactly(18), "ng/mL"),
        (quantity(18, "µg/L"), exactly(18), "ug/L"),
        (quantity(18, "μg/L"), exactly(18), "ug/L"),
        (quantity(18, "mg/L", "ug/L"), exactly(18), "ug/L"),  # the UCUM code wins
        (quantity(18, "ng/mL", "odd", system="http://example.org/units"), exactly(18), "ng/mL"),
        (quantity(8, "ug/L", comparator="<"), Interval(D(0), D(8), high_open=True), "ug/L"),
        (quantity(8, "ug/L", comparator=">="), Interval(D(8), None), "ug/L"),
        ({"valueString": "<10 ug/L"}, Interval(D(0), D(10), high_open=True), "ug/L"),
        ({"valueString": "≤ 10 ug/L"}, Interval(D(0), D(10)), "ug/L"),
        ({"valueString": "12,5 ng/mL"}, exactly("12.5"), "ng/mL"),
        ({"valueString": "1,234.5 ug/L"}, exactly("1234.5"), "ug/L"),
        ({"valueString": "1,234,567 pmol/L"}, None, ""),
        ({"valueString": "10-20 ug/L"}, Interval(D(10), D(20)), "ug/L"),
        ({"valueString": "8 μg/L"}, exactly(8), "ug/L"),
        (
            {"valueRange": {"low": {"value": 10, "unit": "ug/L"}, "high": {"value": 20, "unit": "ug/L"}}},
            Interval(D(10), D(20)),
            "ug/L",
        ),
        (
            {"valueQuantity": {"value": 12}, "referenceRange": [{"low": {"value": 30, "unit": "ug/L"}}]},
            exactly(12),
            "ug/L",
        ),
    ],
)
def test_readable(source, interval, unit):
    value = read_value(source, FERRITIN)
    if interval is None:
        assert value.state == "unreadable"
        return
    assert value.state == "ok", value
    assert (value.quantity.interval, value.quantity.unit.code) == (interval, unit)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (quantity(8, "bananas"), "unit not understood"),
        ({"valueQuantity": {"value": 8}}, "unit not understood"),
        ({"valueString": "7,9"}, "unit not understood"),
        ({"valueString": "1,234 ug/L"}, "value not numeric"),
        ({"valueString": "___"}, "value not numeric"),
        ({"valueCodeableConcept": {"text": "Low"}}, "value not numeric"),
        ({"valueRatio": {"numerator": {"value": 1}}}, "value not numeric"),
        (quantity(-8, "ug/L"), "implausible"),
        (quantity(100001, "ug/L"), "implausible"),
        (quantity(8, "ug/L", comparator="about"), "value not numeric"),
        (quantity(True, "ug/L"), "value not numeric"),
        ({"valueString": "9" * 400}, "value not numeric"),
    ],
)
def test_unreadable_is_neither_low_nor_missing(source, why):
    value = read_value(source, FERRITIN)
    assert (value.state, value.why) == ("unreadable", why)


@pytest.mark.parametrize(
    "source", [{}, {"valueQuantity": {"unit": "ug/L"}}, {"dataAbsentReason": {}}, {"valueString": "  "}]
)
def test_no_value_is_absent(source):
    assert read_value(source, FERRITIN).state == "absent"


def test_numbers_keep_the_digits_they_were_printed_with():
    assert read_value(quantity(0.1, "ug/L"), FERRITIN).quantity.interval.low == D("0.1")


@pytest.mark.parametrize(("number", "state"), [(30, "ok"), (45, "ok"), (29.9, "unreadable"), (45.1, "unreadable")])
def test_a_bare_number_counts_only_in_declared_bands(number, state):
    value = read_value({"valueQuantity": {"value": number}}, WARM)
    assert value.state == state
    assert value.note == ("unit Cel assumed" if state == "ok" else "")


def test_upper_limit_of_the_report_in_the_unit_of_the_result():
    source = {"referenceRange": [{"text": "30 - 400"}, {"high": {"value": 400, "unit": "ng/mL"}}]}
    assert upper_limit(source, FERRITIN, MASS).interval == exactly(400)
    assert upper_limit(source, FERRITIN, MOLAR) is None
    assert upper_limit({"referenceRange": [{"high": {"value": 200}}]}, FERRITIN, MOLAR).interval == exactly(200)
    assert upper_limit({}, FERRITIN, MASS) is None
