"""What each shape of a prefetch value is worth: used, an earned none, partial, failed or not asked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.errors import WrongPatient
from cds_service.fhir.prefetch import missing_required, read
from cds_service.model.reading import Query, Reading

PATIENT = Query("patient", "Patient", "Patient/{{context.patientId}}", required=True)
CONDITIONS = Query("conditions", "Condition", "Condition?patient={{context.patientId}}")
RESULTS = Query("results", "Observation", "Observation?patient={{context.patientId}}&_sort=-date&_count=1000")
MEDICINES = Query("medicines", "MedicationRequest", "MedicationRequest?patient={{context.patientId}}")


def condition(**members: Any) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"}, **members}


def result(when: str | None = None, **members: Any) -> dict[str, Any]:
    dated = {"effectiveDateTime": when} if when else {}
    return {"resourceType": "Observation", "id": "o", "status": "final", **dated, **members}


def bundle(*resources: dict[str, Any], **members: Any) -> dict[str, Any]:
    entries = [{"fullUrl": f"urn:x:{n}", "resource": resource} for n, resource in enumerate(resources)]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries, **members}


def one(query: Query, value: Any) -> tuple[Reading, list[str]]:
    readings, problems = read({query.key: value}, [query], "p1")
    return readings[0], [problem.why for problem in problems]


OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "forbidden", "diagnostics": "SECRET"}],
}
HINT = {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "code": "informational"}]}
NEXT = [{"relation": "next", "url": "Condition?page=2"}]


@pytest.mark.parametrize(
    ("value", "state", "resources"),
    [
        (None, "answered", 0),
        (bundle(), "answered", 0),
        ({"resourceType": "Bundle", "type": "searchset"}, "answered", 0),
        ({"resourceType": "Bundle", "entry": None}, "answered", 0),
        (bundle(condition(), type="collection"), "answered", 1),
        (bundle(condition(), total=1), "answered", 1),
        (condition(), "answered", 1),
        (bundle(condition(), link=NEXT), "partial", 1),
        (
            bundle(condition(), link=[{"relation": "self", "url": "x"}, {"relation": "first", "url": "x"}]),
            "answered",
            1,
        ),
        (bundle(condition(), total=7), "partial", 1),
        (bundle(condition(), type="history"), "partial", 1),
        (bundle(condition(), OUTCOME), "partial", 1),
        (bundle(OUTCOME), "partial", 0),
        (bundle(condition(), HINT), "answered", 1),
        (bundle(condition(), {"resourceType": "OperationOutcome", "issue": [{"severity": "warning"}]}), "partial", 1),
        (bundle(condition(), {"resourceType": "OperationOutcome", "issue": []}), "partial", 1),
        (bundle(condition(), {"resourceType": "Observation", "id": "x"}), "partial", 2),
        (bundle(condition(), {"resourceType": "Patient", "id": "p1"}), "answered", 2),
        (bundle(condition(), {"id": "untyped"}), "partial", 1),
        ({"resourceType": "Bundle", "type": "searchset", "entry": {"resource": condition()}}, "failed", 0),
        (OUTCOME, "failed", 0),
        ({"resourceType": "Observation", "id": "o"}, "not asked", 0),
        ({}, "not asked", 0),
        (0, "not asked", 0),
        ("Condition/c1", "not asked", 0),
        ([condition()], "not asked", 0),
        (True, "not asked", 0),
    ],
)
def test_what_a_value_is_worth(value: Any, state: str, resources: int) -> None:
    reading, _ = one(CONDITIONS, value)
    assert (reading.state, len(reading.resources)) == (state, resources)
    assert bool(reading.why) == (state != "answered")


@pytest.mark.parametrize(
    "entry", [None, "x", 3, {}, {"fullUrl": "https://x/Condition/1"}, {"response": {"status": "404"}}]
)
def test_an_entry_without_a_resource_is_skipped_and_costs_the_answer_its_silence(entry: Any) -> None:
    value = bundle(condition())
    value["entry"].insert(0, entry)
    reading, problems = one(CONDITIONS, value)
    assert reading.state == "partial"
    assert [item["id"] for item in reading.resources] == ["c1"]
    assert problems == ["an entry without a resource: skipped"]


def test_a_missing_key_is_not_asked_and_an_unknown_key_is_ignored() -> None:
    readings, problems = read({"other": 5}, [CONDITIONS, RESULTS], "p1")
    assert [reading.state for reading in readings] == ["not asked", "not asked"]
    assert problems == []
    assert [reading.state for reading in read(None, [CONDITIONS], "p1")[0]] == ["not asked"]


def test_an_outcomes_own_words_go_nowhere() -> None:
    for value in (OUTCOME, bundle(OUTCOME)):
        reading, problems = one(CONDITIONS, value)
        assert "forbidden" in reading.why
        assert "SECRET" not in reading.why + " ".join(problems)


def test_resources_are_passed_on_uncopied_with_their_full_urls() -> None:
    first, second = condition(), condition(id="c2")
    value = bundle(first, second)
    del value["entry"][0]["fullUrl"]
    reading, _ = one(CONDITIONS, value)
    assert reading.resources[0] is first and reading.resources[1] is second
    assert reading.full_urls == ("", "urn:x:1")


def test_included_medications_come_along_without_a_doubt() -> None:
    request = {"resourceType": "MedicationRequest", "id": "m1"}
    value = bundle(request, {"resourceType": "Medication", "id": "x"})
    value["entry"][1]["search"] = {"mode": "include"}
    value["total"] = 1
    reading, problems = one(MEDICINES, value)
    assert (reading.state, len(reading.resources), problems) == ("answered", 2, [])


def test_what_was_included_is_no_match_and_makes_up_for_none() -> None:
    value = bundle(condition(), {"resourceType": "Encounter", "id": "e1"}, total=1)
    value["entry"][1]["search"] = {"mode": "include"}
    assert one(CONDITIONS, value)[0].state == "answered"
    value["total"] = 2
    assert one(CONDITIONS, value)[0].state == "partial"


# ------------------------------------------------------------------------------------------------ whose patient


def test_the_patient_must_be_the_one_of_the_context() -> None:
    theirs = {"resourceType": "Patient", "id": "p1"}
    assert one(PATIENT, theirs)[0].resources == (theirs,)
    assert one(PATIENT, bundle(theirs))[0].state == "answered"
    with pytest.raises(WrongPatient) as caught:
        one(PATIENT, {"resourceType": "Patient", "id": "p2"})
    assert "p2" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, ["patient"]),
        ({"patient": None}, []),
        ({"patient": OUTCOME}, ["patient"]),
        ({"patient": 0}, ["patient"]),
        ({"patient": {"resourceType": "Patient", "id": "p1"}}, []),
    ],
)
def test_which_required_data_is_missing(given: dict[str, Any], missing: list[str]) -> None:
    readings, _ = read(given, [PATIENT, CONDITIONS], "p1")
    assert missing_required(readings) == missing


# ------------------------------------------------------------------------------------------------ other versions


@pytest.mark.parametrize(
    ("query", "resource", "state", "kept", "version"),
    [
        (CONDITIONS, condition(clinicalStatus="active"), "answered", 1, "STU3 or DSTU2"),
        (CONDITIONS, condition(assertedDate="2020"), "answered", 1, "STU3"),
        (RESULTS, result(context={"reference": "Encounter/1"}), "answered", 1, "STU3"),
        (RESULTS, result(category={"coding": []}), "answered", 1, "DSTU2"),
        (MEDICINES, {"resourceType": "MedicationRequest", "medication": {"concept": {}}}, "partial", 1, "R5"),
        (MEDICINES, {"resourceType": "MedicationOrder", "id": "m"}, "partial", 1, "DSTU2"),
        (
            Query("e", "Encounter", "Encounter?x"),
            {"resourceType": "Encounter", "class": "outpatient"},
            "answered",
            1,
            "DSTU2",
        ),
        (Query("e", "Encounter", "Encounter?x"), {"resourceType": "Encounter", "class": [{}]}, "answered", 1, "R5"),
        (
            Query("e", "Encounter", "Encounter?x"),
            {"resourceType": "Encounter", "class": [{}], "reason": [{}]},
            "partial",
            1,
            "R5",
        ),
        (
            Query("o", "ServiceRequest", "ServiceRequest?x"),
            {"resourceType": "ServiceRequest", "code": {"concept": {}}},
            "partial",
            1,
            "R5",
        ),
        (Query("p", "Procedure", "Procedure?x"), {"resourceType": "Procedure", "notDone": True}, "answered", 0, "STU3"),
        (
            Query("p", "Procedure", "Procedure?x"),
            {"resourceType": "Procedure", "notPerformed": True},
            "answered",
            0,
            "DSTU2",
        ),
        (
            Query("s", "MedicationStatement", "MedicationStatement?x"),
            {"resourceType": "MedicationStatement", "taken": "n"},
            "answered",
            0,
            "STU3",
        ),
    ],
)
def test_other_versions_are_told_and_what_they_hide_is_unknown(
    query: Query, resource: dict[str, Any], state: str, kept: int, version: str
) -> None:
    reading, problems = one(query, bundle(resource))
    assert (reading.state, len(reading.resources)) == (state, kept)
    assert len(problems) == 1 and version in problems[0] and "R4" in problems[0]


def test_r4_shapes_are_not_taken_for_others() -> None:
    coded = condition(clinicalStatus={"coding": [{"code": "active"}]})
    request = {"resourceType": "ServiceRequest", "code": {"coding": []}, "id": "s"}
    assert one(CONDITIONS, bundle(coded))[1] == []
    assert one(Query("o", "ServiceRequest", "ServiceRequest?x"), bundle(request))[1] == []
    taken = {"resourceType": "Procedure", "notDone": False, "id": "p"}
    assert len(one(Query("p", "Procedure", "Procedure?x"), bundle(taken))[0].resources) == 1


def test_many_faults_of_one_kind_are_one_problem() -> None:
    reading, problems = one(CONDITIONS, bundle(*(condition(id=str(n), clinicalStatus="active") for n in range(300))))
    assert len(reading.resources) == 300
    assert problems == ["Condition.clinicalStatus is STU3 or DSTU2, not R4: read as far as it is clear (300 times)"]


# ------------------------------------------------------------------------------------------------ newest first


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("dates", "back_to"),
    [
        (["2026-02-01T10:00:00Z", "2026-01-01T10:00:00+02:00"], utc(2026, 1, 1, 8)),
        (["2026-01-01T00:45:00Z", "2026-01-01T01:30:00+02:00"], utc(2025, 12, 31, 23, 30)),  # instants, not strings
        (["2026-02-01T10:00:00Z", "2026-01-01"], utc(2026, 1, 2, 12)),  # a day, at its latest
        (["2026-02-01T10:00:00Z", "2025"], utc(2026, 1, 1, 12)),
        (["2026-02-01T10:00:00Z", None, "2026-01-01T10:00:00Z"], utc(2026, 1, 1, 10)),
        (["2026-02-01T10:00:00.123456789Z"], utc(2026, 2, 1, 10, 0, 0, 123456)),
        (["2026-02-01T10:00:00Z", "2026-02-01"], utc(2026, 2, 2, 12)),  # some time that day
        (["2026-01-01T10:00:00Z", "2026-02-01T10:00:00Z"], None),  # ascending
        (["2026-01-01T10:00:00Z", "2026-01-01T12:00:00Z"], None),
        (["2026-02-01T10:00:00Z", "yesterday"], None),
        (["2026-02-30"], None),
        ([], None),
    ],
)
def test_a_page_sorted_newest_first_reaches_back_to_its_oldest_entry(
    dates: list[str | None], back_to: datetime | None
) -> None:
    reading, _ = one(RESULTS, bundle(*(result(date) for date in dates), link=NEXT))
    assert (reading.state, reading.back_to) == ("partial", back_to)


def test_no_reach_without_the_sort_with_periods_or_with_a_hole() -> None:
    dated = result("2026-02-01T10:00:00Z")
    unsorted = Query("results", "Observation", "Observation?patient={{context.patientId}}&_sort=date")
    assert one(unsorted, bundle(dated, link=NEXT))[0].back_to is None
    assert one(RESULTS, bundle(dated, result(effectivePeriod={"end": "2026-01-01"}), link=NEXT))[0].back_to is None
    assert one(RESULTS, bundle(dated, OUTCOME, link=NEXT))[0].back_to is None
    assert one(RESULTS, bundle(dated))[0].back_to is None


# ------------------------------------------------------------------------------------------------ anything at all

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "resourceType",
                    "type",
                    "entry",
                    "resource",
                    "search",
                    "mode",
                    "link",
                    "relation",
                    "url",
                    "total",
                    "issue",
                    "code",
                    "effectiveDateTime",
                    "medication",
                    "clinicalStatus",
                    "class",
                ]
            ),
            inner
            | st.sampled_from(["Bundle", "Condition", "Observation", "OperationOutcome", "MedicationOrder", "next"]),
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(JSON)
def test_no_json_value_breaks_the_reading(value: Any) -> None:
    readings, _ = read({"results": value, "conditions": value}, [RESULTS, CONDITIONS], "p1")
    assert len(readings) == 2
    for reading in readings:
        assert all(isinstance(resource.get("resourceType"), str) for resource in reading.resources)
        assert len(reading.full_urls) == len(reading.resources)
