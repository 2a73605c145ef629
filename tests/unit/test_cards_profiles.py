"""What each kind of client gets for the same charts: the same rules speak, and the cards keep what its profile promises.

Over the demo's requests and the real content; tests/unit/test_cards_orders.py has the profiles' single switches.
"""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from cds_service.bootstrap import catalogue_of, house_of
from cds_service.consult import answer
from cds_service.ports import Caller
from cds_service.settings import Settings
from cds_service.web.schemas import read_call
from tests.support.golden import FIXTURES, NOW

SCHEMAS = Path(__file__).parents[1] / "data" / "spec"
NAMES = ("cds-hooks-2.0", "cds-hooks-1.0", "cds-hooks-1.0-strict", "epic", "oracle", "sandbox")
REQUESTS = sorted(path.name.removesuffix(".json") for path in (FIXTURES / "requests").glob("*.json"))
PREFERENCE_LIST = "urn:com.epic.cdshooks.action.code.system.preference-list-item"


@cache
def house(site=None):
    settings = Settings(now=NOW, site=site)
    return house_of(settings, catalogue_of(settings), "https://cds.example.org")


@cache
def replies(profile, site=None):
    """By request: what this client gets."""
    services = {service.hook: service.id for service in house().catalogue.services.values()}
    found = {}
    for name in REQUESTS:
        body = json.loads((FIXTURES / "requests" / f"{name}.json").read_text())
        call = read_call(body, services[body["hook"]], body["hook"], Caller("ehr", profile))
        found[name] = answer(call, house(site))
    return found


def cards(profile, site=None):
    return [card for reply in replies(profile, site).values() for card in reply.cards]


def suggestions(profile, site=None):
    return [suggestion for card in cards(profile, site) for suggestion in card.get("suggestions", ())]


def valid(name, profile):
    files = [json.loads(path.read_text()) for path in SCHEMAS.glob("*.schema.json")]
    registry = Registry().with_resources([(item["$id"], Resource.from_contents(item)) for item in files])
    schema = json.loads((SCHEMAS / name).read_text())
    for reply in replies(profile).values():
        Draft202012Validator(schema, registry=registry).validate({"cards": reply.cards})


def test_the_profiles_are_these():
    assert tuple(house().profiles) == NAMES


@pytest.mark.parametrize("profile", NAMES)
def test_the_same_rules_speak_to_every_client(profile):
    def said(name):
        return {
            request: [(entry["code"], entry["outcome"], entry.get("because")) for entry in reply.verdicts]
            for request, reply in replies(name).items()
        }

    assert said(profile) == said("cds-hooks-2.0")
    summaries = [(card["indicator"], card["summary"]) for card in cards(profile)]
    assert summaries == [(card["indicator"], card["summary"]) for card in cards("cds-hooks-2.0")]
    assert len(summaries) > 20


@pytest.mark.parametrize("profile", NAMES)
def test_whatever_the_client_a_card_is_one_of_the_standard_and_holds_nothing_but_creates(profile):
    valid("cds-response.schema.json", profile)
    for card in cards(profile):
        assert card["summary"] and card["indicator"] and card["source"]["label"]
        assert all(link["type"] == "absolute" and "appContext" not in link for link in card.get("links", ()))
        assert "systemActions" not in card
    assert {action["type"] for item in suggestions(profile) for action in item["actions"]} == {"create"}
    assert all(action["description"] for item in suggestions(profile) for action in item["actions"])


@pytest.mark.parametrize("profile", ["cds-hooks-2.0", "epic", "sandbox"])
def test_these_get_what_feedback_and_their_own_memory_need(profile):
    """Feedback comes back only for a card and a suggestion with a uuid; a dismissal is remembered by the topic's code."""
    assert all(card["uuid"] for card in cards(profile)) and all(item["uuid"] for item in suggestions(profile))
    for card in cards(profile):
        code = card["source"]["topic"]["code"]
        assert code.isascii() and code.isalnum() and len(code) <= 100
        assert card["overrideReasons"]


@pytest.mark.parametrize("profile", ["cds-hooks-2.0", "epic", "sandbox"])
def test_these_get_one_action_per_suggestion(profile):
    assert {len(item["actions"]) for item in suggestions(profile)} == {1}


def test_the_default_tells_independent_orders_from_alternatives():
    assert {card["selectionBehavior"] for card in cards("cds-hooks-2.0") if "suggestions" in card} <= {
        "any",
        "at-most-one",
    }
    assert any(card.get("selectionBehavior") == "any" for card in cards("cds-hooks-2.0"))


def test_epic_gets_any_and_only_what_is_meant_together_is_ticked():
    mine = cards("epic")
    assert {card["selectionBehavior"] for card in mine if "suggestions" in card} == {"any"}
    for own, usual in zip(mine, cards("cds-hooks-2.0"), strict=True):
        if usual.get("selectionBehavior") == "at-most-one":
            ticked = [item for item in own["suggestions"] if item.get("isRecommended")]
            assert len(ticked) == 1, "what are alternatives is not ordered all at once"


def test_epic_gets_the_sites_order_codes_alone_and_others_get_them_first(tmp_path):
    codes = {
        coding["code"]
        for item in suggestions("cds-hooks-2.0")
        for coding in item["actions"][0]["resource"]["code"].get("coding", ())
    }
    assert codes
    lines = [
        f'  "{code}": {{system: "{PREFERENCE_LIST}", code: "site-{code}", display: "{code}"}}' for code in sorted(codes)
    ]
    site = tmp_path / "site.yaml"
    site.write_text("\n".join(["orders:", *lines, ""]))

    def systems(profile):
        concepts = [item["actions"][0]["resource"]["code"].get("coding", ()) for item in suggestions(profile, site)]
        return [[coding["system"] for coding in coding_list] for coding_list in concepts if coding_list]

    assert {system for row in systems("epic") for system in row} == {PREFERENCE_LIST}
    assert all(row[0] == PREFERENCE_LIST and len(row) > 1 for row in systems("cds-hooks-2.0"))


@pytest.mark.parametrize("profile", ["cds-hooks-1.0", "cds-hooks-1.0-strict", "oracle"])
def test_clients_of_1_0_get_at_most_one_and_first_a_suggestion_with_all(profile):
    valid("cds-response.schema.json", profile)
    with_orders = [card for card in cards(profile) if "suggestions" in card]
    assert {card["selectionBehavior"] for card in with_orders} == {"at-most-one"}
    usual = [card for card in cards("cds-hooks-2.0") if "suggestions" in card]
    bundled = 0
    for own, other in zip(with_orders, usual, strict=True):
        orders = [item["actions"][0]["resource"]["code"] for item in other["suggestions"]]
        if other["selectionBehavior"] == "any" and len(orders) > 1:
            bundled += 1
            assert [action["resource"]["code"] for action in own["suggestions"][0]["actions"]] == orders
            assert [item.get("isRecommended", False) for item in own["suggestions"][1:]] == [False] * len(orders)
        else:
            assert all(len(item["actions"]) == 1 for item in own["suggestions"])
    assert bundled > 3


@pytest.mark.parametrize("profile", ["cds-hooks-1.0", "oracle"])
def test_clients_of_1_0_get_what_no_client_may_refuse(profile):
    valid("cds-response.portable.schema.json", profile)


def test_a_client_that_refuses_what_it_does_not_know_is_not_sent_it():
    known = {"summary", "detail", "indicator", "source", "suggestions", "selectionBehavior", "links"}
    for card in cards("cds-hooks-1.0-strict"):
        assert set(card) <= known and set(card["source"]) <= {"label", "url", "icon"}
    for item in suggestions("cds-hooks-1.0-strict"):
        assert set(item) <= {"label", "uuid", "actions"}


def test_oracle_gets_short_cards_with_their_source():
    for own, usual in zip(cards("oracle"), cards("cds-hooks-2.0"), strict=True):
        assert len(own["detail"]) <= 700
        assert own["detail"].splitlines()[-1] == usual["detail"].splitlines()[-1], "the source stands at its end"
    assert any(len(card["detail"]) > 700 for card in cards("cds-hooks-2.0")), "else this would prove nothing"


def test_the_sandbox_gets_what_it_can_show():
    """One member of a wrong JSON type, and no card of any service is drawn there."""
    for card in cards("sandbox"):
        for member in ("summary", "detail", "indicator", "uuid"):
            assert isinstance(card[member], str)
        for member in ("suggestions", "links", "overrideReasons"):
            assert isinstance(card.get(member, []), list)
        assert all(
            isinstance(item["label"], str) and item["label"] and item["actions"] for item in card.get("suggestions", ())
        )
    default = replace(house().profiles["sandbox"], name="cds-hooks-2.0", title=house().profiles["cds-hooks-2.0"].title)
    assert default == house().profiles["cds-hooks-2.0"]
