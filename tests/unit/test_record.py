"""The record: whose data, what counts, what silence means."""

from datetime import UTC, datetime, timedelta

import pytest
from charts import ICD, LOINC, NOW, RXNORM, SNOMED, ask, coded, condition, ferritin, record, resource

from cds_service.model.frame import Frame
from cds_service.model.quantity import Unit

LAST_90 = Frame(start=datetime(2026, 3, 17, tzinfo=UTC))
LAST_30 = Frame(start=datetime(2026, 5, 16, tzinfo=UTC))


# ---------------------------------------------------------------- whose data


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/p",
        "http://ehr.example/fhir/Patient/p",
        "Patient/p/_history/3",
        "http://ehr.example/fhir/Patient/p/_history/1",
        "urn:uuid:p",
    ],
)
def test_every_way_of_naming_this_patient_counts(reference):
    chart = record(condition("cancer") | {"subject": {"reference": reference}})
    assert ask(chart, "condition", "cancer").truth is True


@pytest.mark.parametrize("reference", ["Patient/q", "http://ehr.example/fhir/Patient/pp", "Group/p", "urn:uuid:other"])
def test_another_patient_never_counts_and_is_told(reference):
    chart = record(condition("cancer") | {"subject": {"reference": reference}})
    assert ask(chart, "condition", "cancer").truth is False
    assert [problem.what for problem in chart.problems] == ["resource"]


def test_a_urn_is_resolved_by_the_full_url_of_the_patient():
    chart = record(
        {"resourceType": "Patient", "id": "p"},
        condition("cancer") | {"subject": {"reference": "urn:uuid:1"}},
        full_urls=("urn:uuid:1",),
    )
    assert ask(chart, "condition", "cancer").truth is True


def test_no_subject_counts_a_logical_reference_does_not():
    bare = condition("cancer")
    del bare["subject"]
    assert ask(record(bare), "condition", "cancer").truth is True
    logical = condition("cancer") | {"subject": {"identifier": {"value": "p"}}}
    assert ask(record(logical), "condition", "cancer").truth is False


def test_an_observation_with_another_focus_does_not_count():
    about_baby = ferritin(8, focus=[{"reference": "Patient/baby"}])
    assert ask(record(about_baby), "result", "ferritin", type="quantity").quantity is None


def test_the_same_resource_twice_counts_once_the_newest_version_wins():
    old = condition("cancer") | {"meta": {"lastUpdated": "2026-01-01T00:00:00Z"}}
    new = condition("cancer", clinical="resolved") | {"meta": {"lastUpdated": "2026-02-01T00:00:00Z"}}
    assert ask(record(new, old), "condition", "cancer", status="current").truth is False


# ---------------------------------------------------------------- silence


@pytest.mark.parametrize(
    ("state", "expected"), [("answered", False), ("failed", None), ("partial", None), ("not asked", None)]
)
def test_absence_is_earned(state, expected):
    answer = ask(record(states={"Condition": state}), "condition", "cancer")
    assert answer.truth is expected
    if expected is None:
        assert answer.reasons[0].why == state


def test_a_partial_answer_sorted_newest_first_proves_absence_back_to_its_oldest_entry():
    since = datetime(2026, 1, 1, tzinfo=UTC)
    chart = record(states={"Condition": ("partial", since)})
    assert ask(chart, "condition", "cancer", frame=LAST_90).truth is False
    assert ask(chart, "condition", "cancer").truth is None


def test_a_type_the_ehr_does_not_keep_counts_as_answered():
    states = {"MedicationDispense": "not asked"}
    assert ask(record(states=states), "medication", "rx-iron").truth is None
    assert ask(record(states=states, not_kept=("MedicationDispense",)), "medication", "rx-iron").truth is False


# ---------------------------------------------------------------- conditions


@pytest.mark.parametrize(
    ("clinical", "expected"),
    [
        ("active", True),
        ("relapse", True),
        ("recurrence", True),
        ("resolved", False),
        ("inactive", False),
        ("remission", False),
    ],
)
def test_current(clinical, expected):
    assert (
        ask(record(condition("cancer", clinical=clinical)), "condition", "cancer", status="current").truth is expected
    )
    assert ask(record(condition("cancer", clinical=clinical)), "condition", "cancer", status="ever").truth is True
    assert ask(record(condition("cancer", clinical=clinical)), "condition", "cancer", status="past").truth is (
        not expected
    )


@pytest.mark.parametrize(("onset", "expected"), [("2026-03-17", True), ("2026-03-16", False), ("2026", None)])
def test_without_a_status_a_pack_may_count_only_the_recent(onset, expected):
    chart = record(condition("cancer", onset=onset, clinical=None))
    assert ask(chart, "condition", "cancer", status="current", no_status_days=90).truth is expected
    assert ask(chart, "condition", "cancer", status="current").truth is True


@pytest.mark.parametrize("verification", ["refuted", "entered-in-error"])
def test_refuted_denies(verification):
    assert ask(record(condition("cancer", verification=verification)), "condition", "cancer").truth is False


@pytest.mark.parametrize(
    ("verification", "established", "suspected"),
    [
        ("confirmed", True, False),
        (None, True, False),
        ("provisional", False, True),
        ("differential", False, True),
        ("unconfirmed", False, True),
    ],
)
def test_certainty(verification, established, suspected):
    chart = record(condition("cancer", verification=verification))
    assert ask(chart, "condition", "cancer", certainty="established").truth is established
    assert ask(chart, "condition", "cancer", certainty="suspected").truth is suspected


@pytest.mark.parametrize(("undated", "expected"), [("unknown", None), ("counts", True), ("ignored", False)])
def test_undated_against_a_window(undated, expected):
    assert (
        ask(record(condition("cancer", onset=None)), "condition", "cancer", frame=LAST_90, undated=undated).truth
        is expected
    )


@pytest.mark.parametrize(("onset", "expected"), [("2026-03-16", True), ("2026-03-17", False), ("2026-03", None)])
def test_older_than(onset, expected):
    chart = record(condition("cancer", onset=onset))
    assert ask(chart, "condition", "cancer", older_than=timedelta(days=90)).truth is expected


def test_exclusions_and_endings():
    assert ask(record(condition("skin-cancer")), "condition", "cancer", **{"except": ("skin-cancer",)}).truth is False
    assert ask(record(condition("skin-cancer")), "symptom", "cancer").truth is True
    assert ask(record(condition("skin-cancer")), "symptom", "cancer", **{"except": ("skin-cancer",)}).truth is False
    pregnant = condition("pregnant", onset="2026-01-01")
    birth = resource("Procedure", 2, status="completed", code=coded(SNOMED, "birth"), performedDateTime="2026-05-01")
    assert ask(record(pregnant), "condition", "pregnancy", not_followed_by=("delivery",)).truth is True
    assert ask(record(pregnant, birth), "condition", "pregnancy", not_followed_by=("delivery",)).truth is False
    earlier = birth | {"performedDateTime": "2025-05-01"}
    assert ask(record(pregnant, earlier), "condition", "pregnancy", not_followed_by=("delivery",)).truth is True


def test_the_future_never_counts():
    assert ask(record(condition("cancer", onset="2026-06-17")), "condition", "cancer").truth is False
    assert ask(record(condition("cancer", onset="2026-06-16")), "condition", "cancer").truth is True


# ---------------------------------------------------------------- symptoms


def observed(truth, date, number=1):
    return resource(
        "Observation",
        number,
        status="final",
        code=coded(SNOMED, "swelling"),
        effectiveDateTime=date,
        valueBoolean=truth,
    )


def test_the_newest_word_on_a_symptom_wins():
    yes, no = condition("swelling", onset="2026-06-10"), observed(False, "2026-06-12")
    assert ask(record(yes, no), "symptom", "swelling").truth is False
    assert ask(record(yes, observed(False, "2026-06-09")), "symptom", "swelling").truth is True


def test_a_preliminary_word_on_a_symptom_counts_where_the_pack_says_so():
    early = observed(True, "2026-06-10") | {"status": "preliminary"}
    assert ask(record(early), "symptom", "swelling").truth is False
    assert ask(record(early), "symptom", "swelling", preliminary="counts").truth is True


def test_silence_is_no_for_a_symptom_and_unknown_for_a_sign():
    assert ask(record(), "symptom", "swelling").truth is False
    assert ask(record(), "sign", "swelling").truth is None


def test_words_alone_only_ask():
    spoken = condition("x") | {"code": {"text": "swollen leg since Monday"}}
    answer = ask(record(spoken), "symptom", "swelling")
    assert (answer.truth, answer.reasons[0].why) == (None, "from text")
    denied = condition("x") | {"code": {"text": "no swollen leg"}}
    assert ask(record(denied), "symptom", "swelling").truth is False


@pytest.mark.parametrize(
    ("code", "system", "side"),
    [
        ("left-swelling", SNOMED, "left"),
        ("R22.41", ICD, "right"),
        ("R22.43", ICD, "both"),
        ("R2242", ICD, "left"),
        ("R22.40", ICD, ""),
    ],
)
def test_the_side_a_code_names(code, system, side):
    chart = record(condition("x") | {"code": coded(system, code)})
    assert ask(chart, "symptom", "swelling").labels == (frozenset({side}) if side else frozenset())


def test_the_body_site_wins_over_the_code():
    chart = record(condition("left-swelling", bodySite=[coded(SNOMED, "right")]))
    assert ask(chart, "symptom", "swelling").labels == {"right"}


def form(number=1, authored="2026-06-14T10:00:00Z", **answers):
    items = [{"linkId": link, "answer": [value]} for link, value in answers.items()]
    return resource(
        "QuestionnaireResponse",
        number,
        status="completed",
        questionnaire="urn:leg-red-flag-form|1",
        authored=authored,
        item=[{"linkId": "group", "item": items}],
    )


def test_the_form_wins_a_tie_and_its_answers_grow_stale():
    chart = record(condition("swelling", onset="2026-06-14T10:00:00Z"), form(swelling={"valueBoolean": False}))
    assert ask(chart, "symptom", "swelling", answer="swelling").truth is False
    old = form(authored="2026-06-12T09:00:00Z", swelling={"valueBoolean": True})
    assert ask(record(old), "symptom", "swelling", answer="swelling", answers_within=timedelta(hours=72)).truth is False
    assert ask(record(old), "symptom", "swelling", answer="swelling", answers_within=timedelta(hours=73)).truth is True


def test_the_newest_form_wins_per_item():
    chart = record(
        form(1, "2026-06-13T10:00:00Z", a={"valueBoolean": True}, b={"valueBoolean": True}),
        form(2, "2026-06-14T10:00:00Z", a={"valueBoolean": False}),
    )
    assert ask(chart, "answer", "a").truth is False
    assert ask(chart, "answer", "b").truth is True
    assert ask(chart, "answer", "c").truth is None


@pytest.mark.parametrize(
    ("said", "days"),
    [
        ({"valueInteger": 3}, 3),
        ({"valueQuantity": {"value": 3}}, 3),
        ({"valueQuantity": {"value": 3, "code": "d"}}, 3),
        ({"valueQuantity": {"value": 3, "unit": "weeks"}}, 21),
        ({"valueQuantity": {"value": 3, "code": "mo"}}, None),
    ],
)
def test_a_number_of_the_form_in_another_unit_is_converted_or_not_read(said, days):
    answer = ask(record(form(onset=said)), "answer", "onset", type="quantity", unit=Unit("days"))
    assert (answer.quantity.interval.exact if answer.quantity else None) == days
    assert (answer.reasons[0].why if answer.reasons else "") == ("" if days else "unit not understood")


def test_another_questionnaire_is_not_the_form():
    other = form(a={"valueBoolean": True}) | {"questionnaire": "http://other.example/forms/arm"}
    assert ask(record(other), "answer", "a").truth is None
    ours = form(a={"valueBoolean": True}) | {"questionnaire": "https://cds.example/forms/leg|2.0"}
    assert ask(record(ours), "answer", "a").truth is True


# ---------------------------------------------------------------- results


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("final", True),
        ("amended", True),
        ("corrected", True),
        ("preliminary", False),
        ("registered", False),
        ("cancelled", False),
        ("entered-in-error", False),
        ("unknown", False),
    ],
)
def test_which_statuses_are_results(status, counts):
    answer = ask(record(ferritin(8, status=status)), "result", "ferritin", type="quantity")
    assert (answer.quantity is not None) is counts


def test_preliminary_counts_where_the_pack_says_so():
    answer = ask(record(ferritin(8, status="preliminary")), "result", "ferritin", type="quantity", preliminary="counts")
    assert answer.evidence[0].note == "preliminary"


def test_newest_wins_by_instant_not_by_text():
    early, late = ferritin(8, "2026-06-02T01:30:00+02:00", number=1), ferritin(60, "2026-06-02T00:45:00Z", number=2)
    assert ask(record(early, late), "result", "ferritin", type="quantity").quantity.interval.low == 60


def test_ties_corrected_amended_final_then_issued():
    def answer(*found):
        return ask(record(*found), "result", "ferritin", type="quantity").quantity.interval.low

    assert answer(ferritin(8, number=1), ferritin(60, status="corrected", number=2)) == 60
    assert answer(ferritin(8, number=1, status="amended"), ferritin(60, number=2)) == 8
    assert (
        answer(
            ferritin(8, number=1, issued="2026-06-02T08:00:00Z"), ferritin(60, number=2, issued="2026-06-02T09:00:00Z")
        )
        == 60
    )
    assert answer(ferritin(8, number=1), ferritin(60, number=2)) == 8  # the more severe


def test_where_high_is_what_harms_the_higher_of_two_results_of_one_moment_wins():
    chart = record(ferritin(60, number=1), ferritin(8, number=2))
    answer = ask(chart, "result", "ferritin", type="quantity", ties="highest")
    assert answer.quantity.interval.low == 60


def test_a_vague_date_that_lies_before_the_window_leaves_no_doubt():
    assert ask(record(ferritin(8, "2024")), "missing", "ferritin", frame=LAST_30).truth is True
    assert ask(record(ferritin(8, "2026")), "missing", "ferritin", frame=LAST_30).truth is None


@pytest.mark.parametrize("date", ["2026", "2026-06", None, "05/13/2024"])
def test_a_result_that_cannot_be_placed_in_time_is_not_used_and_not_missing(date):
    chart = record(ferritin(8, date))
    assert ask(chart, "result", "ferritin", type="quantity").quantity is None
    assert ask(chart, "missing", "ferritin", frame=LAST_90).truth is (True if date is None else None)


def test_a_component_is_read_with_the_status_and_date_of_its_parent():
    panel = resource(
        "Observation",
        1,
        status="final",
        code=coded(LOINC, "panel"),
        effectiveDateTime="2026-06-01",
        component=[{"code": coded(LOINC, "ferritin"), "valueQuantity": {"value": 8, "unit": "ug/L"}}],
    )
    assert ask(record(panel), "result", "ferritin", type="quantity").quantity.interval.low == 8
    contained = ferritin(60) | {"contained": [ferritin(8)]}
    assert ask(record(contained), "result", "ferritin", type="quantity").quantity.interval.low == 60


# ---------------------------------------------------------------- missing and pending


def order(code="ferritin", **more):
    concept = coded(LOINC, code) if isinstance(code, str) else code
    given = {"status": "active", "intent": "order", "code": concept, "authoredOn": "2026-06-10"} | more
    return resource("ServiceRequest", 9, **given)


@pytest.mark.parametrize(
    ("chart", "expected"),
    [
        ((), True),
        ((ferritin(60),), False),
        ((ferritin(60, "2026-01-01"),), True),
        ((ferritin(8, unit="bananas"),), None),
        ((ferritin(8, status="preliminary"),), False),
        ((order(),), False),
        ((order("panel"),), False),
        ((order(code={"text": "Serum FERRITIN"}),), False),
        ((order(authoredOn="2026-06-01"),), False),
        ((order(authoredOn="2026-05-31"),), True),
        ((order(authoredOn="2026-05-01", occurrenceDateTime="2026-06-20"),), False),
        ((order(status="draft"),), True),
        ((order(status="revoked"),), True),
        ((order(intent="proposal"),), True),
        ((order(doNotPerform=True),), True),
    ],
)
def test_missing(chart, expected):
    assert ask(record(*chart), "missing", "ferritin", frame=LAST_90).truth is expected


def test_missing_needs_both_answers():
    assert ask(record(states={"ServiceRequest": "failed"}), "missing", "ferritin").truth is None
    assert ask(record(states={"Observation": "failed"}), "missing", "ferritin").truth is None
    assert ask(record(ferritin(8), states={"ServiceRequest": "failed"}), "missing", "ferritin").truth is False


def test_a_draft_in_the_basket_is_pending():
    draft = {"resourceType": "ServiceRequest", "id": "d", "status": "draft", "code": coded(LOINC, "ferritin")}
    assert ask(record(drafts=[draft]), "missing", "ferritin").truth is False


def test_an_order_already_resulted_is_not_pending():
    assert ask(record(order()), "pending", "ferritin").truth is True
    assert ask(record(order(), ferritin(8, "2026-06-12")), "pending", "ferritin").truth is False


def test_a_panel_begun_and_not_final_is_pending():
    def begun(status, date):
        return resource("Observation", 9, status=status, code=coded(LOINC, "panel"), effectiveDateTime=date)

    assert ask(record(begun("registered", "2026-06-12")), "pending", "ferritin").truth is True
    assert ask(record(begun("preliminary", "2026-06-12")), "missing", "ferritin").truth is False
    assert ask(record(begun("final", "2026-06-12")), "pending", "ferritin").truth is False
    assert ask(record(begun("registered", "2026-05-12")), "pending", "ferritin").truth is False
    resulted = record(begun("registered", "2026-06-12"), ferritin(8, "2026-06-13"))
    assert ask(resulted, "pending", "ferritin").truth is False


# ---------------------------------------------------------------- medicines


def request(**more):
    given = {
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": coded(RXNORM, "iron", "ferrous sulfate 325 MG"),
        "authoredOn": "2026-06-01",
    } | more
    return resource("MedicationRequest", 5, **given)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, True),
        ({"medicationCodeableConcept": {"text": "Ferrous fumarate tablets".lower()}}, True),
        ({"status": "on-hold"}, False),
        ({"status": "completed"}, False),
        ({"intent": "proposal"}, False),
        ({"intent": "plan"}, False),
        ({"doNotPerform": True}, False),
        ({"dispenseRequest": {"validityPeriod": {"end": "2026-06-14"}}}, False),
        ({"dispenseRequest": {"validityPeriod": {"end": "2026-06-15"}}}, True),
        ({"dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": {"end": "2026-06-10"}}}}]}, False),
        ({"dosageInstruction": {"timing": {"repeat": {"boundsPeriod": {"start": "Invalid date"}}}}}, True),
    ],
)
def test_on_a_medicine(more, expected):
    assert ask(record(request(**more)), "medication", "rx-iron").truth is expected


def test_a_plan_counts_only_where_a_fact_says_so():
    assert ask(record(request(intent="plan")), "medication", "rx-iron", plan="counts").truth is True


def test_contained_and_referenced_medicines():
    code = coded(RXNORM, "iron")
    contained = request(
        medicationCodeableConcept=None,
        medicationReference={"reference": "#m"},
        contained=[{"resourceType": "Medication", "id": "m", "code": code}],
    )
    assert ask(record(contained), "medication", "rx-iron").truth is True
    referenced = request(medicationCodeableConcept=None, medicationReference={"reference": "Medication/m"})
    assert (
        ask(record(referenced, {"resourceType": "Medication", "id": "m", "code": code}), "medication", "rx-iron").truth
        is True
    )
    assert ask(record(referenced), "medication", "rx-iron").truth is False
    named = {"reference": "Medication/m", "display": "ferrous sulfate 325 mg"}
    pointing = request(medicationCodeableConcept=None, medicationReference=named)
    assert ask(record(pointing), "medication", "rx-iron").truth is True


def statement(status, since):
    return resource(
        "MedicationStatement",
        6,
        status=status,
        medicationCodeableConcept=coded(RXNORM, "iron", "ferrous sulfate"),
        effectiveDateTime=since,
    )


@pytest.mark.parametrize(("since", "expected"), [("2026-06-05", False), ("2026-05-01", True)])
def test_a_newer_word_that_it_is_not_taken_cancels_the_order(since, expected):
    assert ask(record(request(), statement("not-taken", since)), "medication", "rx-iron").truth is expected


@pytest.mark.parametrize(
    ("status", "options", "expected"),
    [
        ("active", {}, True),
        ("intended", {}, False),
        ("intended", {"intended": "counts"}, True),
        ("on-hold", {"intended": "counts"}, False),
    ],
)
def test_a_statement_counts_while_it_is_active_and_where_a_pack_says_so_while_it_is_intended(status, options, expected):
    assert ask(record(statement(status, "2026-05-01")), "medication", "rx-iron", **options).truth is expected


def test_dispenses_and_administrations_count_for_a_while():
    concept = {"medicationCodeableConcept": coded(RXNORM, "iron")}
    given = resource("MedicationAdministration", 7, status="completed", effectiveDateTime="2026-06-08", **concept)
    assert ask(record(given), "medication", "rx-iron", given_within=timedelta(days=7)).truth is True
    assert ask(record(given), "medication", "rx-iron", given_within=timedelta(days=6)).truth is False
    handed = resource("MedicationDispense", 8, status="completed", whenHandedOver="2026-05-20", **concept)
    assert ask(record(handed), "medication", "rx-iron", supply=timedelta(days=30)).truth is True
    assert (
        ask(record(handed | {"daysSupply": {"value": 10}}), "medication", "rx-iron", supply=timedelta(days=30)).truth
        is False
    )


def test_exposure_bridges_gaps_and_must_be_current():
    spans = {"bridge": timedelta(days=365), "completed": timedelta(days=90)}
    old = request(status="completed", authoredOn="2025-06-01") | {"id": "old"}
    answer = ask(record(old, request()), "exposure", "rx-iron", type="quantity", **spans)
    assert answer.quantity.interval.low == 379
    far = request(status="completed", authoredOn="2024-01-01") | {"id": "far"}
    assert ask(record(far, request()), "exposure", "rx-iron", type="quantity", **spans).quantity.interval.low == 14
    assert ask(record(old), "exposure", "rx-iron", type="quantity", **spans).quantity.interval.exact == 0


def test_exposure_since_a_year_is_an_interval():
    answer = ask(record(request(authoredOn="2025")), "exposure", "rx-iron", type="quantity", bridge=timedelta(days=365))
    assert (answer.quantity.interval.low, answer.quantity.interval.high) == (166, 530)


# ---------------------------------------------------------------- orders, reports, drafts


def test_a_scan_requested_is_open_until_a_report_comes():
    scan = resource(
        "ServiceRequest", 1, status="active", intent="order", code=coded(LOINC, "scan-left"), authoredOn="2026-06-14"
    )
    report = resource(
        "DiagnosticReport",
        2,
        status="final",
        code=coded(LOINC, "scan"),
        effectiveDateTime="2026-06-15",
        conclusionCode=[coded(SNOMED, "clot")],
    )
    assert ask(record(scan), "requested", "scan", unanswered=True).truth is True
    assert ask(record(scan, report), "requested", "scan", unanswered=True).truth is False
    assert ask(record(report), "report", "scan", conclusion=("clot",)).truth is True
    assert ask(record(report), "report", "scan", conclusion=("swelling",)).truth is False
    right, left = Frame(side=frozenset({"right"})), Frame(side=frozenset({"left"}))
    assert ask(record(scan), "requested", "scan", frame=right).truth is False
    assert ask(record(scan), "requested", "scan", frame=left).truth is True
    assert ask(record(report), "report", "scan", frame=right).truth is True  # no side stated counts
    assert (
        ask(record(report), "report", "scan", frame=Frame(side=frozenset({"right"}), unstated_counts=False)).truth
        is False
    )


def test_only_the_selected_drafts_are_what_the_hook_is_about():
    drafts = [
        {"resourceType": "MedicationRequest", "id": f"d{n}", "medicationCodeableConcept": {"text": text}}
        for n, text in enumerate(["ferrous sulfate", "other"])
    ]
    assert ask(record(drafts=drafts), "draft", "rx-iron").truth is True
    assert ask(record(drafts=drafts, selections=["MedicationRequest/d1"]), "draft", "rx-iron").truth is False
    assert (
        ask(record(drafts=drafts, selections=["MedicationRequest/d1"]), "draft", "rx-iron", basket=True).truth is True
    )


def test_a_draft_that_says_not_to_orders_nothing():
    draft = {"resourceType": "MedicationRequest", "id": "d", "medicationCodeableConcept": {"text": "ferrous sulfate"}}
    assert ask(record(drafts=[draft | {"doNotPerform": True}]), "draft", "rx-iron", basket=True).truth is False
    test = {"resourceType": "ServiceRequest", "id": "s", "code": coded(LOINC, "ferritin"), "doNotPerform": True}
    assert ask(record(drafts=[test]), "missing", "ferritin").truth is True


@pytest.mark.parametrize(
    "draft",
    [
        {},
        {"resourceType": "MedicationRequest"},
        {"resourceType": "MedicationRequest", "medicationCodeableConcept": []},
        {"resourceType": "ServiceRequest", "code": {"coding": [{}]}, "reasonCode": []},
        {
            "resourceType": "MedicationRequest",
            "category": {},
            "reasonCode": {},
            "medicationCodeableConcept": {"text": "ferrous"},
        },
    ],
)
def test_half_typed_drafts_do_no_harm(draft):
    ask(record(drafts=[draft]), "draft", "rx-iron")


# ---------------------------------------------------------------- people, and bad resources


@pytest.mark.parametrize(
    ("born", "low", "high"),
    [
        ("1981-06-15", 45, 45),
        ("1981-06-16", 44, 44),
        ("1980", 45, 46),
        ("2008-06", 17, 18),
        ("1981-06-15T08:00:00Z", 45, 45),
    ],
)
def test_age_is_completed_years_or_an_interval(born, low, high):
    answer = ask(record({"resourceType": "Patient", "id": "p", "birthDate": born}), "patient", "age", type="quantity")
    assert (answer.quantity.interval.low, answer.quantity.interval.high) == (low, high)


@pytest.mark.parametrize("born", ["06/15/1981", 1981, None, "2199-01-01"])
def test_an_unreadable_birth_date_is_unknown(born):
    assert (
        ask(
            record({"resourceType": "Patient", "id": "p", "birthDate": born}), "patient", "age", type="quantity"
        ).quantity
        is None
    )


@pytest.mark.parametrize(
    ("gender", "labels"),
    [
        ("female", {"female"}),
        ("Male", {"male"}),
        ("other", {"male", "female"}),
        (None, {"male", "female"}),
        (3, {"male", "female"}),
    ],
)
def test_sex(gender, labels):
    assert (
        ask(record({"resourceType": "Patient", "id": "p", "gender": gender}), "patient", "sex", type="choice").labels
        == labels
    )


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        ({"deceasedBoolean": True}, True),
        ({"deceasedBoolean": "false"}, False),
        ({"deceasedDateTime": "2026-06-15"}, True),
        ({"deceasedDateTime": "2026-06-16"}, False),
        ({"deceasedBoolean": False, "deceasedDateTime": "2020"}, True),
        ({}, False),
    ],
)
def test_deceased(person, expected):
    assert ask(record({"resourceType": "Patient", "id": "p"} | person), "patient", "deceased").truth is expected


@pytest.mark.parametrize(
    "bad",
    [
        {"code": 3},
        {"code": [1, None]},
        {"code": {"coding": "x"}},
        {"code": {"coding": [None, {"code": []}]}},
        {"clinicalStatus": [7], "code": {"text": 5}},
        {"onsetDateTime": {}},
    ],
)
def test_one_bad_resource_costs_that_resource(bad):
    chart = record(resource("Condition", 1, **bad), condition("cancer"))
    assert ask(chart, "condition", "cancer").truth is True
    ask(chart, "symptom", "swelling", frame=LAST_30)
    assert NOW


@pytest.mark.parametrize(
    ("words", "sides"),
    [
        ("Left lower leg", {"left"}),
        ("Foot (right)", {"right"}),
        ("left-sided", {"left"}),
        ("Left and right leg", {"both"}),
        ("Both legs", {"both"}),
        ("Bilateral", {"both"}),
        ("Cleft of the heel", set()),
    ],
)
def test_the_side_in_words_of_a_body_site(words, sides):
    chart = record(condition("swelling", bodySite=[{"text": words}]))
    assert ask(chart, "symptom", "swelling").labels == sides
