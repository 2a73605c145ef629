"""The life of a rule at a site: drafts, signatures, retirement, and watching a rule before it speaks."""

import shutil

import orjson
import pytest
from content import CONTENT, HOOKS

from cds_service.batch.comparison import demo_charts
from cds_service.batch.replay import Report, call_for, replay
from cds_service.bootstrap import catalogue_of, house_of
from cds_service.consult import consult
from cds_service.errors import ContentError
from cds_service.fhir.demo_people import DemoPeople
from cds_service.knowledge.catalogue import load
from cds_service.knowledge.content import Content
from cds_service.knowledge.lint import check
from cds_service.settings import read_settings

SERVICE = "leg-symptoms"
DRAFT = "status: draft\nreviewed: {by: ~, on: ~, next: ~}"
SIGNED = 'status: active\nreviewed: {by: A. Clinician, on: "2027-01-01", next: "2028-01-01"}'


def settings(tmp_path, site="", **more):
    (tmp_path / "site.yaml").write_text(site or "site: here\n", encoding="utf-8")
    return read_settings({}, {"now": "2026-03-02T10:00:00Z", "site": str(tmp_path / "site.yaml"), **more})


def house(tmp_path, site="", **more):
    given = settings(tmp_path, site, **more)
    return house_of(given, catalogue_of(given))


def iron(made):
    """The fixture with iron deficiency anaemia, as its chart's one line."""
    return [line for line in demo_charts(DemoPeople(), made) if orjson.loads(line)["uid"] == "iron"]


def consulted(made):
    body = orjson.loads(iron(made)[0])["request"]
    return consult(call_for(body, made.catalogue.queries[SERVICE], SERVICE, "patient-view"), made)


def copy(tmp_path):
    folder = tmp_path / "hooks"
    shutil.copytree(HOOKS, folder, ignore=shutil.ignore_patterns("handbook", "schemas"))
    return folder


def rewrite(folder, names, old, new):
    for name in names:
        file = folder / "rules" / name / "rule.yaml"
        text = file.read_text(encoding="utf-8")
        assert old in text, name
        file.write_text(text.replace(old, new, 1), encoding="utf-8")


# ------------------------------------------------------------------ silent, off, retired


def test_a_silent_rule_is_evaluated_and_counted_and_has_no_visible_effect(tmp_path):
    loud, silent = house(tmp_path), house(tmp_path, "rules: {fe-01: silent}\n")
    before, after = consulted(loud), consulted(silent)
    assert "FE01" in {card["source"]["topic"]["code"] for card in before.reply.cards}
    [verdict] = [item for item in after.verdicts if item.rule.id == "fe-01"]
    assert (verdict.state, verdict.outcome.name) == ("fired", "deficient")
    assert "FE01" not in {card["source"]["topic"]["code"] for card in after.reply.cards}
    assert "FE01" not in {entry["code"] for entry in after.reply.verdicts}
    assert "FE-01" not in "".join(card["detail"] for card in after.reply.cards)
    report = Report()
    for item in replay(silent, iron(silent)):
        report.add(item)
    assert report.states["FE01", "fired"] == 1
    assert report.shown["FE01"] == 0


@pytest.mark.parametrize("hook", ["patient-view", "encounter-start"])
def test_a_rule_that_is_off_is_not_evaluated(tmp_path, hook):
    made = house(tmp_path, "rules: {fe-01: off}\n")
    assert "fe-01" not in {rule.id for service in made.catalogue.services.values() for rule in service.rules}
    assert "FE01" not in {item.rule.code for item in consulted(made).verdicts}


def test_a_retired_rule_is_not_evaluated_whatever_the_site_says(tmp_path):
    folder = copy(tmp_path)
    rewrite(folder, ["fe-01"], "status: draft", "status: retired")
    made = house(tmp_path, "rules: {fe-01: on}\n", content=str(folder))
    assert "FE01" not in {item.rule.code for item in consulted(made).verdicts}
    assert "fe-01" in made.catalogue.rules  # its page stays


# ------------------------------------------------------------------ signed rules only


def test_a_site_that_wants_signed_rules_does_not_start_with_drafts(tmp_path):
    with pytest.raises(ContentError) as refused:
        house(tmp_path, "settings: {signed_rules_only: true}\n")
    count = len({rule.id for service in load(CONTENT).services.values() for rule in service.rules})
    assert "would be shown without being active and signed: ali-01, b12-01" in str(refused.value)
    assert f" and {count - 12} more. Sign them" in str(refused.value)
    assert str(refused.value).startswith("site.yaml:1: ")


def test_it_starts_when_what_is_not_signed_is_silent_or_off(tmp_path):
    others = [name for name in load(CONTENT).rules if name != "fe-01"]
    folder = copy(tmp_path)
    rules = "".join(f"  {name}: {'silent' if number % 2 else 'off'}\n" for number, name in enumerate(others))
    site = f"settings: {{signed_rules_only: true}}\nrules:\n{rules}"
    with pytest.raises(ContentError, match=r"without being active and signed: fe-01\. Sign"):
        house(tmp_path, site, content=str(folder))
    rewrite(folder, ["fe-01"], DRAFT, SIGNED)
    cards = consulted(house(tmp_path, site, content=str(folder))).reply.cards
    assert [card["source"]["topic"]["code"] for card in cards] == ["FE01"]


@pytest.mark.parametrize("missing", ["by: A. Clinician", 'on: "2027-01-01"', 'next: "2028-01-01"'])
def test_an_active_rule_needs_who_when_and_until_when(tmp_path, missing):
    folder = copy(tmp_path)
    rewrite(folder, ["fe-01"], DRAFT, SIGNED.replace(missing, f"{missing.split(':')[0]}: ~"))
    assert any("fe-01 is active and nobody signed it" in str(item) for item in check(Content.at(folder)))
    rules = "".join(f"  {name}: off\n" for name in load(CONTENT).rules if name != "fe-01")
    with pytest.raises(ContentError, match=r"without being active and signed: fe-01\. Sign"):
        house(tmp_path, f"settings: {{signed_rules_only: true}}\nrules:\n{rules}", content=str(folder))


def test_a_word_that_is_neither_true_nor_false_stops_the_start(tmp_path):
    with pytest.raises(ContentError, match=r"site\.yaml:1: signed_rules_only is true or false"):
        house(tmp_path, "settings: {signed_rules_only: 'yes'}\n")


def test_without_the_setting_drafts_are_shown(tmp_path):
    made = house(tmp_path, "settings: {signed_rules_only: false}\n")
    assert made.catalogue.rules["fe-01"].status == "draft"
    assert consulted(made).reply.cards
