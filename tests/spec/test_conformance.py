"""The protocol's own schemas and examples, against what the service says and takes."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from referencing import Registry, Resource

from tests.service.conftest import chart, post
from tests.support.golden import FIXTURES, requests

SPEC = Path(__file__).parents[1] / "data" / "spec"
EXAMPLES = SPEC / "examples"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")


SCHEMAS = {path.name: json.loads(path.read_text()) for path in SPEC.glob("*.schema.json")}
REGISTRY = Registry().with_resources(
    [(uri, Resource.from_contents(found)) for name, found in SCHEMAS.items() for uri in (name, found["$id"])]
)


def schema(name):
    found = SCHEMAS[f"{name}.schema.json"]
    checker = jsonschema.FormatChecker()
    return jsonschema.Draft202012Validator(found, registry=REGISTRY, format_checker=checker)


def is_valid(name, body):
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in schema(name).iter_errors(body)]


def hollow(value, path=""):
    """Every null and every empty text, list or object, but for `cards` and what stands in FHIR resources."""
    if value is None or (value in ("", [], {}) and path != ".cards"):
        yield path
    elif isinstance(value, dict) and "resourceType" not in value:
        for name, inner in value.items():
            yield from hollow(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from hollow(inner, f"{path}[{number}]")


# ------------------------------------------------------------------ what the service says


@pytest.mark.parametrize("kind", ["discovery-response", "discovery-response.portable"])
def test_discovery_is_what_every_version_takes(client, kind):
    body = client.get("/cds-services").get_json()
    assert is_valid(kind, body) == []
    assert list(hollow(body)) == []
    pairs = [(entry["id"], entry["hook"]) for entry in body["services"]]
    assert len(set(pairs)) == len(pairs)


REPLIES = {name: (service_id, body) for name, service_id, body in requests()}


@pytest.mark.parametrize("name", REPLIES)
def test_every_reply_is_what_the_protocol_allows(client, name):
    service_id, body = REPLIES[name]
    reply = client.post(f"/cds-services/{service_id}", json=body).get_json()
    assert is_valid("cds-response", reply) == []
    assert list(hollow(reply)) == []
    for card in reply["cards"]:
        assert UUID.match(card["uuid"])
        assert all(UUID.match(suggestion["uuid"]) for suggestion in card.get("suggestions", ()))
        assert len(card["summary"]) < 140
        assert "<" not in card["detail"].replace("&lt;", "")
        for suggestion in card.get("suggestions", ()):
            [action] = suggestion["actions"]
            assert action["type"] == "create"
            assert action["resource"]["resourceType"] == "ServiceRequest"
            assert action["resource"]["status"] == "draft"
            assert action["resource"]["subject"] == {"reference": f"Patient/{body['context']['patientId']}"}


def test_uuids_are_new_on_each_call(client):
    service_id, body = REPLIES["iron.patient-view"]
    cards = [client.post(f"/cds-services/{service_id}", json=body).get_json()["cards"][0] for _ in range(2)]
    assert cards[0]["uuid"] != cards[1]["uuid"]


def test_nothing_to_say_is_an_empty_list(client):
    reply = client.post("/cds-services/leg-symptoms", json=REPLIES["nothing.patient-view"][1])
    assert (reply.status_code, reply.get_json()) == (200, {"cards": []})


def test_every_error_is_an_operation_outcome(client):
    answers = [
        post(client, "{"),
        post(client, {}),
        post(client, chart(), "none"),
        post(client, chart(prefetch={})),
        post(client, chart(), content_type="text/plain"),
        client.get("/cds-services/leg-symptoms"),
    ]
    assert [answer.status_code for answer in answers] == [400, 400, 404, 412, 415, 405]
    for answer in answers:
        assert is_valid("error-operationoutcome", answer.get_json()) == []


# ------------------------------------------------------------------ what the service takes

# Where it is more lenient than the protocol, and why: real clients send these, and nothing is lost.
FORGIVEN = {
    "invalid-draftOrders-array",  # an array of drafts instead of a Bundle
    "invalid-order-select-empty-selections",  # none selected: all drafts are meant
    "invalid-expires-in-string",  # a token whose end is not known
    "invalid-token-type-lowercase",
    "invalid-userId-without-type",
    "invalid-prefetch-string",  # a value of the wrong kind counts as not supplied
}
SERVED = {
    "patient-view": "leg-symptoms",
    **{
        hook: f"leg-symptoms-{hook}"
        for hook in ("encounter-start", "encounter-discharge", "order-select", "order-sign")
    },
}


def examples(kind):
    return {path.stem: json.loads(path.read_text()) for path in sorted((EXAMPLES / kind).glob("*.json"))}


@pytest.mark.parametrize(("name", "body"), examples("service-request").items(), ids=examples("service-request").keys())
def test_example_requests(client, name, body):
    """Valid ones are understood (412 where the patient is missing); those of hooks not served are refused as such."""
    reply = post(client, body, SERVED.get(body.get("hook"), "leg-symptoms"))
    if name.startswith("valid") and body["hook"] in SERVED:
        assert reply.status_code == (200 if "patient" in body.get("prefetch", {}) else 412)
    elif name in FORGIVEN:
        assert reply.status_code in (200, 412)
    else:
        assert reply.status_code == 400


def test_the_examples_of_hooks_that_are_served_are_among_them():
    served = {body["hook"] for name, body in examples("service-request").items() if name.startswith("valid")}
    assert served >= SERVED.keys()


@pytest.mark.parametrize(
    ("name", "body"), examples("feedback-request").items(), ids=examples("feedback-request").keys()
)
def test_example_feedback(client, name, body):
    reply = post(client, body, "leg-symptoms/feedback")
    taken = name.startswith("valid") or name == "invalid-reason-without-system"  # the sandbox leaves it out
    assert reply.status_code == (200 if taken else 400)
    if taken:
        assert reply.get_json() == {"stored": len(body["feedback"])}


def test_a_token_that_is_for_another_patient_or_of_another_kind_is_not_used(client):
    """Without a usable token nothing is fetched; what is missing is then missing."""
    body = chart(fhirServer="https://ehr.example.org/fhir", prefetch={})
    for authorization in ({"access_token": "t", "token_type": "mac"}, {"token_type": "Bearer"}):
        assert post(client, body | {"fhirAuthorization": authorization}).status_code == 412


def test_golden_replies_are_valid_too():
    for path in (FIXTURES / "replies").glob("*.json"):
        assert "<" not in path.read_text().replace("&lt;", "")
