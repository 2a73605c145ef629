"""Odd inputs: each gets a status its manifest allows, a reply the protocol allows, and never does what is forbidden."""

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest

from cds_service.batch.casework import FixedClock
from cds_service.consult import consult, decide_all, read_all
from cds_service.errors import BadRequest
from cds_service.ports import Caller
from cds_service.web.app import create_app
from cds_service.web.body import parse_object
from cds_service.web.schemas import read_call

DATA = Path(__file__).parents[1] / "data"
ROWS = {row["id"]: row for row in csv.DictReader((DATA / "messy" / "manifest.csv").open(encoding="utf-8"))}
NOW = datetime(2024, 6, 30, 10, 0, tzinfo=UTC)
RESPONSE = json.loads((DATA / "spec" / "cds-response.schema.json").read_text())
NEXT_DAY = datetime(2024, 5, 14, 10, 0, tzinfo=UTC)  # a D-dimer counts for 72 hours
NAMES = {"medications": "medicationRequests"}
BY_TYPE = {"MedicationStatement": "medicationStatements", "QuestionnaireResponse": "questionnaireResponses"}


def body_of(row):
    """The bytes of the request; where it is JSON, its prefetch keys renamed to those discovery publishes."""
    raw = (DATA / "messy" / row["request"]).read_bytes()
    if row["request"].startswith("raw/"):
        return raw
    body = json.loads(raw)
    if isinstance(body, dict) and isinstance(body.get("prefetch"), dict):
        body["prefetch"] = {key_of(key, value): value for key, value in body["prefetch"].items()}
    return json.dumps(body).encode()


def key_of(key, value):
    entries = value.get("entry") if isinstance(value, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        kind = entry.get("resource", {}).get("resourceType") if isinstance(entry, dict) else None
        if kind in BY_TYPE:
            return BY_TYPE[kind]
    return NAMES.get(key, key)


@pytest.fixture(scope="module")
def then(service):
    return replace(service, house=replace(service.house, clock=FixedClock(NOW)))


@pytest.fixture(scope="module")
def messy_client(then):
    return create_app(then).test_client()


def test_all_113_are_here():
    assert len(ROWS) == 113


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_the_status_is_one_the_manifest_allows(row, messy_client):
    reply = messy_client.post("/cds-services/leg-symptoms", data=body_of(row), content_type=row["content_type"])
    assert str(reply.status_code) in row["expect_http"].split("|"), reply.get_data(as_text=True)
    body = json.loads(reply.get_data().decode("utf-8"), parse_constant=pytest.fail)
    if reply.status_code == 200:
        jsonschema.validate(body, RESPONSE)
        told = body.get("extension", {}).get("org.cds-service.problems", [])
        assert not [problem for problem in told if problem["what"] == "rule"]
    else:
        assert body["resourceType"] == "OperationOutcome"


# ------------------------------------------------------------------ what the record made of them


def read(then, name, now=NOW):
    """(record, evaluation, verdict by code) of a request that is a hook call."""
    then = replace(then, house=replace(then.house, clock=FixedClock(now)))
    call = read_call(parse_object(body_of(ROWS[name])), "leg-symptoms", "patient-view", Caller())
    service = then.house.catalogue.services["leg-symptoms"]
    readings, _ = read_all(call, service, then.house)
    record, evaluation = then.house.evaluate(readings, call)
    return record, evaluation, {item.rule.code: item for item in decide_all(service, evaluation)}


def value(then, name, definition="ferritin", now=NOW):
    """The quantity a definition came to in its canonical unit, and why there is none."""
    _, evaluation, _ = read(then, name, now)
    answer = evaluation.answer(then.house.catalogue.definitions[definition])
    return (answer.quantity.canonical() if answer.quantity else None), {reason.why for reason in answer.reasons}


READABLE = {
    **dict.fromkeys(("req-prefetch-some-null", "bun-next-relative", "bun-ref-urn", "bun-entry-no-resource"), "ferritin"),
    **dict.fromkeys(("unit-micro-b5", "obs-refrange-text", "obs-null-field", "obs-stu3-fields"), "ferritin"),
    "unit-ddimer-ugml": "d-dimer-value",
}  # fmt: skip


@pytest.mark.parametrize(("name", "definition"), READABLE.items(), ids=READABLE.keys())
def test_a_value_that_should_fire_can_be_read(then, name, definition):
    found, reasons = value(then, name, definition, NEXT_DAY if "ddimer" in name else NOW)
    assert found is not None, reasons


def test_every_value_the_manifest_calls_readable_is_among_them():
    assert {name for name, row in ROWS.items() if row["should_fire"] in ("iron", "ddimer")} == READABLE.keys()


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row["should_fire"] == "dvt"])
def test_a_recorded_thrombosis_is_seen(then, name):
    _, evaluation, _ = read(then, name)
    confirmed = evaluation.answer(then.house.catalogue.definitions["confirmed-coded"])
    assert confirmed.evidence or confirmed.truth is not False, confirmed


def test_a_comparator_is_kept(then):
    below, above = value(then, "obs-comparator-lt")[0], value(then, "obs-comparator-gt")[0]
    assert (below.high, below.high_open, below.below(Decimal(30))) == (Decimal(15), True, True)
    assert (above.low, above.high, above.below(Decimal(30))) == (Decimal(15), None, None)


def test_eight_bananas_are_not_eight_micrograms(then):
    assert value(then, "unit-nonsense") == (None, {"unit not understood"})


def test_picomoles_are_converted_or_not_compared(then):
    found, reasons = value(then, "unit-pmol")
    assert (found is None and reasons == {"unit not understood"}) or found.exact < 10


def test_a_raised_d_dimer_in_its_own_units_is_not_called_normal(then):
    _, evaluation, _ = read(then, "unit-ddimer-ddu", NEXT_DAY)
    assert evaluation.answer(then.house.catalogue.definitions["d-dimer-reported"]).quantity is not None
    assert evaluation.truth(then.house.catalogue.definitions["d-dimer-positive"]) is True


def test_a_text_that_is_no_number_is_none(then):
    assert value(then, "obs-vs-mimic") == (None, {"value not numeric"})
    assert value(then, "obs-vs-comma") == (None, {"unit not understood"})  # 7.9 of what?


def test_a_contained_observation_is_no_result(then):
    found, _ = value(then, "obs-contained-self")
    assert found is None or found.exact != 5
    assert "FE01" not in {
        code for code, verdict in read(then, "obs-contained-self")[2].items() if verdict.state == "fired"
    }


def test_instants_are_compared_and_not_their_texts(then):
    record, evaluation, _ = read(then, "bun-tz-order")
    answer = evaluation.answer(then.house.catalogue.definitions["ferritin"])
    moments = [record.moment(item["resource"]["effectiveDateTime"]).earliest for item in observations("bun-tz-order")]
    assert answer.dated == max(moments)


def observations(name):
    return json.loads(body_of(ROWS[name]))["prefetch"]["observations"]["entry"]


@pytest.mark.parametrize(
    ("name", "sexes"), [("pat-gender-other", {"male", "female"}), ("pat-gender-Female", {"female"})]
)
def test_a_sex_that_is_not_said_is_not_guessed(then, name, sexes):
    _, evaluation, _ = read(then, name)
    assert evaluation.choice(then.house.catalogue.definitions["sex"]) == sexes


@pytest.mark.parametrize("name", [name for name in ROWS if name.startswith("pat-birth-")])
def test_an_age_that_cannot_be_read_is_not_guessed(then, name):
    _, evaluation, _ = read(then, name)
    answer = evaluation.answer(then.house.catalogue.definitions["age"])
    if name == "pat-birth-year":
        assert answer.quantity.interval.exact is None
    elif name == "pat-birth-datetime":
        assert answer.quantity is not None
    else:
        assert answer.quantity is None


def test_infinity_is_no_json():
    with pytest.raises(BadRequest):
        parse_object(body_of(ROWS["raw--infinity"]))


def test_emoji_come_through(then):
    call = read_call(parse_object(body_of(ROWS["con-uni-emoji"])), "leg-symptoms", "patient-view", Caller())
    assert consult(call, then.house).reply.cards is not None
