"""Suggested orders: valid drafts of this patient, coded for the client, with the reason the chart gives."""

import json
from pathlib import Path

import pytest
from card_rules import (
    BASE,
    CALL,
    NOW,
    ORDERS,
    PROFILE,
    TRUE,
    UNKNOWN,
    Chart,
    asking,
    codes,
    collecting,
    composed,
    gap,
    order,
    outcome,
    rule,
    seen,
)
from fhir.resources.R4B.servicerequest import ServiceRequest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from cds_service.cards.profiles import Profile, load_profiles
from cds_service.errors import ContentError
from cds_service.knowledge.reader import read
from cds_service.model.criteria import AllOf, Label, Literally, Named
from cds_service.model.hook import HookCall
from cds_service.model.rule import Coding, Order, OrderLine

HERE = Path(__file__).parent
SCHEMAS = HERE.parent / "data" / "spec"
CONTENT = HERE.parent.parent / "hooks" / "profiles.yaml"
HEAVY = {
    "coding": [{"system": "http://snomed.info/sct", "code": "161873000", "display": "Heavy legs"}],
    "text": "heavy",
}
LEG = {
    side: (Coding("http://loinc.org", code, f"US {side}"),)
    for side, code in (("left", "39432-0"), ("right", "39443-7"), ("both", "39420-5"))
}
SCAN = Order(
    "scan",
    "Order leg vein ultrasound",
    "Leg vein ultrasound",
    (),
    LEG,
    "leg-side",
    "imaging",
    "stat",
    "Name the side.",
    body_site={"left": Coding("http://snomed.info/sct", "1", "Left leg")},
)


def profiles():
    return load_profiles(read(CONTENT.read_text(encoding="utf-8"), "hooks/profiles.yaml"))


def schema(name):
    found = {
        path.name: json.loads(path.read_text(encoding="utf-8")) for path in SCHEMAS.rglob("cds-response*.schema.json")
    }
    registry = Registry().with_resources([(body["$id"], Resource.from_contents(body)) for body in found.values()])
    return Draft202012Validator(found[name], registry=registry)


def request_of(card, position=0):
    return card["suggestions"][position]["actions"][0]["resource"]


def one(*orders, chart=None, when=TRUE, indicator="info", profile=PROFILE, **more):
    given = {key: more.pop(key) for key in ("call", "site_orders", "orders") if key in more}
    return composed(rule("rls-01", indicator, orders=orders, when=when, **more), chart=chart, profile=profile, **given)[
        0
    ][0]


# ------------------------------------------------------------------------------------------------ one order


def test_the_draft_is_whole_and_of_this_patient():
    chart = Chart()
    heavy = chart.fact("sore-heavy", seen("Heavy legs", concept=HEAVY), kind="symptom")
    card = one("ferritin", chart=chart, when=heavy)
    assert request_of(card) == {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "order",
        "category": [
            {"coding": [{"system": "http://snomed.info/sct", "code": "108252007", "display": "Laboratory procedure"}]}
        ],
        "priority": "routine",
        "code": {
            "coding": [{"system": "http://loinc.org", "code": "ferritin-1", "display": "ferritin"}],
            "text": "Ferritin",
        },
        "subject": {"reference": "Patient/p1"},
        "encounter": {"reference": "Encounter/e1"},
        "authoredOn": "2026-06-15T10:00:00+00:00",
        "requester": {"reference": "Practitioner/u1"},
        "reasonCode": [
            {"coding": [{"system": "http://snomed.info/sct", "code": "161873000", "display": "Heavy legs"}]}
        ],
        "note": [{"text": "Suggested by Leg symptoms, rule RLS-01"}],
    }
    suggestion = card["suggestions"][0]
    assert set(suggestion) == {"label", "uuid", "isRecommended", "actions"} and suggestion["label"] == "Order ferritin"
    assert [set(action) for action in suggestion["actions"]] == [{"type", "description", "resource"}]
    assert suggestion["actions"][0]["type"] == "create"


@pytest.mark.parametrize(("indicator", "priority"), [("info", "routine"), ("warning", "urgent"), ("critical", "stat")])
def test_priority_follows_the_card_unless_the_order_has_its_own(indicator, priority):
    assert request_of(one("ferritin", indicator=indicator))["priority"] == priority
    assert request_of(one("scan", indicator=indicator))["priority"] == "stat"


@pytest.mark.parametrize(
    ("encounter", "shown"), [("", None), ("e9", "Encounter/e9"), ("Encounter/e9", "Encounter/e9"), ("x/y z", None)]
)
def test_the_encounter_is_there_when_the_context_names_one(encounter, shown):
    call = HookCall("s", "patient-view", "h", "Practitioner/u", "p1", encounter)
    assert request_of(one("cbc", call=call)).get("encounter", {}).get("reference") == shown


@pytest.mark.parametrize(
    ("user", "kept"),
    [("PractitionerRole/r", True), ("Patient/p", True), ("Group/g", False), ("dr house", False), ("", False)],
)
def test_the_requester_is_one_who_may_order(user, kept):
    call = HookCall("s", "patient-view", "h", user, "p1")
    assert ("requester" in request_of(one("cbc", call=call))) is kept


@pytest.mark.parametrize(
    ("concept", "reason"),
    [
        (None, None),
        ({}, None),
        ({"text": " heavy\nlegs "}, {"text": "heavy legs"}),
        (
            {"coding": [{"code": "x"}, {"system": "s y", "code": "c"}, 3, {"system": "urn:s", "code": "c"}]},
            {"coding": [{"system": "urn:s", "code": "c"}]},
        ),
        ({"coding": "broken", "text": 5}, None),
    ],
)
def test_the_reason_is_the_symptoms_own_coding_or_its_words_or_none(concept, reason):
    chart = Chart()
    fact = chart.fact("heavy", seen("x", concept=concept), kind="symptom")
    assert request_of(one("cbc", chart=chart, when=fact)).get("reasonCode") == ([reason] if reason else None)


def test_a_symptom_is_the_reason_before_a_condition():
    chart = Chart()
    cancer = chart.fact("cancer", seen("Cancer", concept={"text": "cancer"}))
    heavy = chart.fact("heavy", seen("x", concept={"text": "heavy"}), kind="symptom")
    assert request_of(one("cbc", chart=chart, when=AllOf("truth", (cancer, heavy))))["reasonCode"] == [
        {"text": "heavy"}
    ]
    assert request_of(one("cbc", chart=chart, when=cancer))["reasonCode"] == [{"text": "cancer"}]


@pytest.mark.parametrize(
    ("side", "code", "text", "site"),
    [
        ("left", "39432-0", "Leg vein ultrasound, left", True),
        ("right", "39443-7", "Leg vein ultrasound, right", False),
        ("", "39420-5", "Leg vein ultrasound", False),
    ],
)
def test_the_side_decides_the_code_and_an_unknown_side_is_both(side, code, text, site):
    names = {"leg-side": Named("choice", "leg-side", Label("choice", side))} if side else {}
    request = request_of(one("scan", names=names, orders={"scan": SCAN}))
    assert request["code"]["coding"][0]["code"] == code and request["code"]["text"] == text
    assert ("bodySite" in request) is site
    assert [note["text"] for note in request["note"]] == ["Name the side.", "Suggested by Leg symptoms, rule RLS-01"]


def test_an_order_without_a_code_has_its_words():
    request = request_of(one("toe", orders={"toe": Order("toe", "Order toe pressure", "Toe pressure", ())}))
    assert request["code"] == {"text": "Toe pressure"}


def test_an_order_for_later_is_dated_from_the_fact_it_counts_from():
    chart = Chart()
    first = chart.fact("scan-negative", seen("Scan", "2026-06-10"))
    later = order("repeat", after_days=7, after="scan-negative")
    assert (
        request_of(one("repeat", chart=chart, names={"scan-negative": first}, orders={"repeat": later}))[
            "occurrenceDateTime"
        ]
        == "2026-06-17"
    )
    assert "occurrenceDateTime" not in request_of(one("repeat", orders={"repeat": later}))


@pytest.mark.parametrize(("truth", "offered"), [(TRUE, True), (Literally("truth", False), False), (UNKNOWN, False)])
def test_an_order_with_a_condition_is_offered_only_when_that_is_true(truth, offered):
    card = one("cbc", OrderLine("ck", truth))
    assert codes(card) == (["cbc-1", "ck-1"] if offered else ["cbc-1"])


def test_no_orders_no_suggestions():
    assert not {"suggestions", "selectionBehavior"} & one().keys()


# ------------------------------------------------------------------------------------------------ several orders


def behaviour(card):
    return card["selectionBehavior"], [suggestion.get("isRecommended", False) for suggestion in card["suggestions"]]


def test_independent_orders_and_alternatives():
    outcomes = (outcome(orders=("cbc", "ck"), alternatives=True),)
    assert behaviour(one("cbc", "ck")) == ("any", [True, True])
    assert behaviour(composed(rule("a-1", outcomes=outcomes))[0][0]) == ("at-most-one", [True, False])


def test_a_client_of_1_0_gets_all_creates_in_the_first_suggestion():
    card = one("cbc", "ck", profile=profiles()["cds-hooks-1.0"])
    assert behaviour(card) == ("at-most-one", [True, False, False])
    assert [len(suggestion["actions"]) for suggestion in card["suggestions"]] == [2, 1, 1]
    alone = one("cbc", profile=profiles()["cds-hooks-1.0"])
    assert [len(suggestion["actions"]) for suggestion in alone["suggestions"]] == [1]
    alternatives = composed(
        rule("a-1", outcomes=(outcome(orders=("cbc", "ck"), alternatives=True),)), profile=profiles()["cds-hooks-1.0"]
    )[0][0]
    assert [len(suggestion["actions"]) for suggestion in alternatives["suggestions"]] == [1, 1]


def test_a_client_that_refuses_what_1_0_does_not_know():
    card = one("cbc", "ck", profile=profiles()["cds-hooks-1.0-strict"])
    assert not {"uuid", "overrideReasons"} & card.keys() and "topic" not in card["source"]
    assert all("isRecommended" not in suggestion for suggestion in card["suggestions"])


def test_epic_knows_any_alone_and_one_action_each():
    outcomes = (outcome(orders=("cbc", "ck"), alternatives=True),)
    card = composed(rule("a-1", outcomes=outcomes), profile=profiles()["epic"])[0][0]
    assert behaviour(card) == ("any", [True, False])
    assert {len(suggestion["actions"]) for suggestion in card["suggestions"]} == {1}
    assert card["source"]["topic"]["code"].isalnum()


@pytest.mark.parametrize(
    ("profile", "sent"), [("epic", ["urn:site|77"]), ("cds-hooks-2.0", ["urn:site|77", "http://loinc.org|cbc-1"])]
)
def test_the_sites_own_code_alone_or_before_ours(profile, sent):
    site = {"cbc-1": {"system": "urn:site", "code": "77", "display": "CBC here"}}
    coding = request_of(one("cbc", profile=profiles()[profile], site_orders=site))["code"]["coding"]
    assert [f"{item['system']}|{item['code']}" for item in coding] == sent
    assert request_of(one("ck", profile=profiles()[profile], site_orders=site))["code"]["coding"][0]["code"] == "ck-1"


def test_a_site_codes_an_order_we_have_no_code_for_by_its_name():
    referral = {"vascular-referral": Order("vascular-referral", "Order referral", "Referral to vascular service", ())}
    site = {"vascular-referral": {"system": "urn:site", "code": "V1", "display": "Vascular"}}
    coding = request_of(one("vascular-referral", orders=referral, site_orders=site))["code"]["coding"]
    assert coding == [{"system": "urn:site", "code": "V1", "display": "Vascular"}]


def test_only_what_a_category_is_coded_as_is_sent():
    assert "category" not in request_of(one("scan"))
    assert "category" not in request_of(one("cbc", profile=Profile("bare")))


# ------------------------------------------------------------------------------------------------ the whole card


def everything():
    chart = Chart()
    heavy = chart.fact("heavy", seen("Heavy <b>legs</b>", concept=HEAVY), kind="symptom")
    rules = (
        rule(
            "dvt-02",
            "critical",
            orders=["scan", "ck"],
            names={"heavy": heavy},
            evidence=("heavy",),
            override=(("surveillance", "Watched"),),
        ),
        rule(
            "fe-01", "warning", outcomes=(outcome(indicator="warning", orders=("cbc", "ferritin"), alternatives=True),)
        ),
        rule("fe-02", references=()),
        gap("gap-bmp", ["bmp"], when=heavy),
        collecting(rules=["gap-bmp"]),
        asking("q-1"),
        rule("a-1"),
        rule("a-2"),
    )
    return rules, chart


@pytest.mark.parametrize("name", sorted(profiles()))
def test_every_profile_writes_cards_of_the_standard(name):
    rules, chart = everything()
    cards, entries = composed(*rules, chart=chart, profile=profiles()[name], base_url=BASE + "/")
    assert len(cards) == 5 and {entry["outcome"] for entry in entries} == {"fired", "asked", "held"}
    schema("cds-response.schema.json").validate({"cards": cards})
    json.dumps(cards)
    for card in cards:
        for link in card["links"]:
            assert link["type"] == "absolute" and link["url"].startswith("https://")
        for suggestion in card.get("suggestions", ()):
            for action in suggestion["actions"]:
                ServiceRequest(**action["resource"])


@pytest.mark.parametrize("name", ["cds-hooks-1.0", "oracle"])
def test_older_clients_get_what_no_client_may_refuse(name):
    rules, chart = everything()
    cards, _ = composed(*rules, chart=chart, profile=profiles()[name])
    schema("cds-response.portable.schema.json").validate({"cards": cards})


def test_a_card_names_its_rule_its_page_and_every_reason_to_set_it_aside():
    rules, chart = everything()
    card = composed(*rules, chart=chart, base_url=BASE + "/")[0][0]
    assert card["source"]["topic"] == {"system": f"{BASE}/rules", "code": "DVT02", "display": "Title of dvt-02"}
    assert card["links"][0] == {"label": "About rule DVT-02", "url": f"{BASE}/rules/dvt-02", "type": "absolute"}
    assert card["overrideReasons"] == [
        {"system": f"{BASE}/override-reasons", "code": code, "display": display}
        for code, display in (
            ("assessed", "Already assessed"),
            ("declined", "The patient declines"),
            ("surveillance", "Watched"),
        )
    ]


def test_uuids_are_new_on_every_call():
    rules, chart = everything()
    seen_before = set()
    for _ in range(2):
        for card in composed(*rules, chart=chart)[0]:
            for holder in (card, *card.get("suggestions", ())):
                assert holder["uuid"] not in seen_before
                seen_before.add(holder["uuid"])


# ------------------------------------------------------------------------------------------------ profiles as data


def test_a_profile_takes_over_what_it_does_not_change():
    found = profiles()
    assert found["oracle"].behaviours == ("at-most-one",) and found["oracle"].bundle and found["oracle"].detail > 0
    assert found["sandbox"].behaviours == found["cds-hooks-2.0"].behaviours
    assert all(profile.categories for profile in found.values())
    assert {"cds-hooks-2.0", "cds-hooks-1.0", "epic", "oracle", "sandbox"} <= set(found)


@pytest.mark.parametrize(
    "table",
    [
        {"x": {"unheard": 1}},
        {"x": {"behaviours": ["some"]}},
        {"x": {"behaviours": []}},
        {"x": {"behaviours": "any"}},
        {"x": {"leave_out": ["card.summary"]}},
        {"x": {"site_codes": "ours"}},
        {"x": {"detail": -1}},
        {"x": {"detail": True}},
        {"x": {"bundle": "yes"}},
        {"x": {"like": "y"}},
        {"x": 3},
        {"x": {"categories": {"lab": {"system": "snomed", "code": "1", "display": "x"}}}},
        {"x": {"categories": {"lab": {"code": "1"}}}},
    ],
)
def test_a_profile_that_means_nothing_is_refused(table):
    with pytest.raises(ContentError):
        load_profiles(table)


def test_the_clock_of_the_rules_dates_the_draft():
    assert (
        request_of(one("cbc"))["authoredOn"] == NOW.isoformat() and CALL.patient_id == "p1" and ORDERS["cbc"].rank == 1
    )
