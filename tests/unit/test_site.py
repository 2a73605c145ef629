"""The site file: what a hospital may decide, what is refused, and where in the file it says so."""

from datetime import UTC, datetime

import pytest

from cds_service.bootstrap import house_of
from cds_service.consult import consult
from cds_service.errors import ContentError
from cds_service.fhir.demo_people import DemoPeople
from cds_service.knowledge.catalogue import load
from cds_service.knowledge.reader import read
from cds_service.knowledge.site import site_of
from cds_service.model.hook import HookCall
from cds_service.settings import Settings
from tests.support.golden import FIXTURES

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SIGNED = "because: our laboratory, by: Head of Laboratory, on: 2026-01-01"


def catalogue(text=""):
    return load(site=site_of(read(f"site: a hospital\n{text}", "site.yaml")))


def answered(text="", person="iron"):
    """The reply to opening one demo person's chart under a site file."""
    house = house_of(Settings(now=NOW), catalogue(text), "http://localhost:8000")
    charts = DemoPeople(FIXTURES).at(NOW)
    subject = f"demo-{person}"
    prefetch = {}
    for query in house.catalogue.queries["leg-symptoms"]:
        theirs = [
            item for item in charts.of(query.type) if item.get("subject", {}).get("reference") == f"Patient/{subject}"
        ]
        entry = [{"resource": item} for item in theirs]
        prefetch[query.key] = (
            charts.one("Patient", subject) if query.required else {"resourceType": "Bundle", "entry": entry}
        )
    call = HookCall("leg-symptoms", "patient-view", "i", "Practitioner/1", subject, prefetch=prefetch)
    return consult(call, house).reply


def levels(reply):
    return {card["source"]["topic"]["code"]: card["indicator"] for card in reply.cards}


# ------------------------------------------------------------------ what a site may decide


def test_without_a_site_file_the_content_holds():
    assert levels(answered()) == {"FE01": "warning"}


def test_a_rule_that_is_off_is_not_evaluated():
    reply = answered("rules: {fe-01: off}\n")
    assert "FE01" not in levels(reply)


def test_a_rule_that_is_silent_is_evaluated_and_never_shown():
    reply = answered("rules: {fe-01: silent}\n")
    assert "FE01" not in levels(reply)
    assert "FE01" not in {entry["code"] for entry in reply.verdicts}


def test_a_cap_lowers_the_level_of_a_card_and_no_more():
    assert levels(answered("caps: {fe-01: info}\n")) == {"FE01": "info"}
    assert levels(answered("caps: {fe-01: critical}\n")) == {"FE01": "warning"}
    capped, plain = answered("caps: {dvt-02: warning}\n", "dvt-likely"), answered(person="dvt-likely")
    assert levels(capped) == {"DVT02": "warning"}
    assert levels(plain) == {"DVT02": "critical"}
    assert [entry["outcome"] for entry in capped.verdicts] == [entry["outcome"] for entry in plain.verdicts]


def test_a_cap_holds_for_a_merged_card():
    assert levels(answered(person="training")) == {"LC01": "info"}
    assert levels(answered("caps: {lc-01: info}\n", "training")) == {"LC01": "info"}


def test_a_parameter_says_where_it_comes_from():
    found = catalogue(f"parameters: {{blood: {{fer-anaemic: {{value: 40, unit: ug/L, {SIGNED}}}}}}}\n")
    assert found.parameters["fer-anaemic"].origin == "a hospital: our laboratory (Head of Laboratory, 2026-01-01)"
    assert found.parameters["fer-floor"].origin == "hooks"


def test_an_order_gets_the_sites_code_beside_ours():
    reply = answered("orders: {46128-5: {system: 'urn:oid:1.2.3', code: TTG, display: Coeliac antibody}}\n")
    actions = [suggestion["actions"][0]["resource"]["code"]["coding"] for suggestion in reply.cards[0]["suggestions"]]
    assert any(
        {"system": "urn:oid:1.2.3", "code": "TTG", "display": "Coeliac antibody"} in coding for coding in actions
    )


def test_a_units_spelling_and_a_local_code_are_understood():
    found = catalogue(
        "units: {ferritin: {NG PER ML: ng/mL}}\n"
        "codes: {ferritin: [{system: 'urn:local', code: FER, display: Ferritin}]}\n"
    )
    assert found.vocabulary.analytes["ferritin"].units["ng per ml"].code == "ng/mL"
    assert "ferritin" in found.vocabulary.names("urn:local", "FER") or found.vocabulary.exact[("urn:local", "FER")]


def test_a_type_this_ehr_does_not_keep_counts_as_answered():
    assert catalogue("settings: {not_kept: [MedicationDispense]}\n").site.not_kept == {"MedicationDispense"}


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("rule: {fe-01: off}\n", "rule"),
        ("rules: {fe-1: off}\n", "no rule is called `fe-1`"),
        ("rules: {fe-01: no}\n", "fe-01 is one of on, silent, off"),
        ("rules: {fe-01: maybe}\n", "fe-01 is one of on, silent, off"),
        ("caps: {fe-01: urgent}\n", "fe-01 is one of info, warning, critical"),
        ("caps: {fe-1: info}\n", "no rule is called `fe-1`"),
        ("settings: {altitud: 3}\n", "altitud"),
        ("settings: {altitude: 30000}\n", "outside"),
        ("settings: {altitude: high}\n", "altitude"),
        ("settings: {signed_rules_only: maybe}\n", "signed_rules_only"),
        ("settings: {signed_rules_only: true}\n", "without being active and signed"),
        (f"parameters: {{blod: {{fer-anaemic: {{value: 40, unit: ug/L, {SIGNED}}}}}}}\n", "blod"),
        (f"parameters: {{blood: {{fer-anaemc: {{value: 40, unit: ug/L, {SIGNED}}}}}}}\n", "fer-anaemc"),
        (f"parameters: {{blood: {{fer-anaemic: {{value: 400, unit: ug/L, {SIGNED}}}}}}}\n", "400"),
        (f"parameters: {{blood: {{fer-anaemic: {{value: 40, unit: mg/L, {SIGNED}}}}}}}\n", "printed in ug/L"),
        ("parameters: {blood: {fer-anaemic: {value: 40, unit: ug/L}}}\n", "because"),
        ("orders: {ferritin: {system: local, code: F}}\n", "full address"),
        ("orders: {ferritin: {system: 'urn:x', display: F}}\n", "code"),
        ("orders: {ferritin: F}\n", "ferritin"),
        ("units: {ferritn: {a: ng/mL}}\n", "ferritn"),
        ("units: {ferritin: {a: bananas}}\n", "bananas"),
        ("codes: {ferritn: []}\n", "ferritn"),
    ],
)
def test_a_mistake_is_refused_with_its_place(text, named):
    with pytest.raises(ContentError) as caught:
        catalogue(text)
    assert named in str(caught.value)
    assert "site.yaml:" in str(caught.value) or "signed" in text
