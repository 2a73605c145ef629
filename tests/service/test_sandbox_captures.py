"""What the public CDS Hooks Sandbox sends, as it sent it to other services in a real browser, replayed against ours.

The requests stand in tests/data/sandbox. They name services of that session: a hook call goes to our service of its hook,
and once more to the name it was made for, which we do not have.
"""

import base64
import json
import re
from pathlib import Path

import jsonschema
import pytest

from cds_service.web.app import create_app
from tests.service.conftest import running, settings_in

DATA = Path(__file__).parents[1] / "data"
CAPTURED = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (DATA / "sandbox").glob("*.json")}
RESPONSE = json.loads((DATA / "spec" / "cds-response.schema.json").read_text(encoding="utf-8"))
OURS = {
    "patient-view": "leg-symptoms",
    "order-select": "leg-symptoms-order-select",
    "order-sign": "leg-symptoms-order-sign",
}
ORIGIN = "http://127.0.0.1:8080"

PREFLIGHTS = ("01_discovery_OPTIONS", "03_hook_OPTIONS", "12_feedback_OPTIONS")
ANSWERED = (
    "04_patient-view_POST_with_prefetch",
    "05_order-select_RxView_nothing_chosen",
    "06_order-select_RxView_full",
    "07_order-select_PAMA_nothing_chosen",
    "08_order-select_PAMA_study_and_reason",
    "09_order-sign_RxSign",
    "10_order-sign_nothing_chosen",
    "11_order-select_tab_pressed_again_NO_draftOrders",
    "18_order-select_after_suggestion",
    "19_order-select_after_delete",
)
FEEDBACK = (
    "13_feedback_accepted",
    "14_feedback_overridden_no_reason",
    "15_feedback_overridden_with_reason",
    "16_feedback_overridden_reason_without_system",
)
OF_ANOTHER_HOOK = "17_hook_mismatch_body"
OTHER_KEYS = "20_prefetch_forms"
TO_A_SERVICE = (*ANSWERED, *FEEDBACK, OF_ANOTHER_HOOK, OTHER_KEYS)


def replay(client, name, service=None):
    """The captured request, to this service of ours; without one, to the path below /cds-services it was made for."""
    request = CAPTURED[name]
    parts = request["path"].partition("/cds-services")[2].strip("/").split("/")
    if service:
        parts[0] = service
    path = "/".join(["/cds-services", *filter(None, parts)])
    body = json.dumps(request["body"]) if request["body"] is not None else None
    return client.open(path, method=request["method"], headers={**request["headers"], **signed(request)}, data=body)


def signed(request):
    """The token's readable parts as they were; its signature was not kept, and nobody is registered who would check it."""
    if request["jwt"] is None:
        return {}
    parts = [json.dumps(request["jwt"][part]).encode() for part in ("header", "payload")]
    encoded = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (*parts, b"not kept")]
    return {"Authorization": f"Bearer {'.'.join(encoded)}"}


def ours(name):
    """Our service for the hook this request calls; feedback went to a patient-view service."""
    return OURS[CAPTURED[name]["body"].get("hook", "patient-view")]


def readable(reply):
    """A page of the sandbox may read this answer, an error too."""
    return reply.headers["Access-Control-Allow-Origin"] in ("*", ORIGIN)


@pytest.fixture
def own(tmp_path):
    """A service whose ledger holds nothing yet."""
    made = running(settings_in(tmp_path, cors_origins=("demo",)), "http://localhost:8000")
    yield made
    made.ledger.close()


def test_every_captured_request_is_replayed():
    names = {*PREFLIGHTS, "02_discovery_GET", *ANSWERED, *FEEDBACK, OF_ANOTHER_HOOK, OTHER_KEYS}
    assert names == CAPTURED.keys()
    assert len(names) == 20


@pytest.mark.parametrize("name", PREFLIGHTS)
def test_a_preflight_lets_the_browser_go_on(demo_client, name):
    reply = replay(demo_client, name, None if "discovery" in name else "leg-symptoms")
    assert 200 <= reply.status_code < 300
    assert readable(reply)
    allowed = {header.strip().lower() for header in reply.headers["Access-Control-Allow-Headers"].split(",")}
    asked = CAPTURED[name]["headers"]["Access-Control-Request-Headers"].lower().split(",")
    assert {"authorization", "content-type", *asked} <= allowed


def test_discovery_names_a_service_for_each_hook_the_sandbox_calls(demo_client):
    reply = replay(demo_client, "02_discovery_GET")
    assert reply.status_code == 200
    assert readable(reply)
    assert OURS.items() <= {service["hook"]: service["id"] for service in reply.get_json()["services"]}.items()


def test_every_template_is_one_the_sandbox_can_resolve(demo_client):
    """It merges two equal parameters into one, and sends a token it does not know as it stands."""
    for service in replay(demo_client, "02_discovery_GET").get_json()["services"]:
        for template in service["prefetch"].values():
            assert re.findall(r"\{\{(.+?)\}\}", template) == ["context.patientId"]
            names = re.findall(r"[?&]([^=]+)=", template)
            assert len(names) == len(set(names))


@pytest.mark.parametrize("name", ANSWERED)
def test_a_hook_call_is_answered_with_cards_and_without_an_error(demo_client, name):
    reply = replay(demo_client, name, ours(name))
    assert reply.status_code == 200
    assert reply.mimetype == "application/json"
    assert readable(reply)
    body = reply.get_json()
    assert isinstance(body["cards"], list)
    jsonschema.validate(body, RESPONSE)
    assert "org.cds-service.problems" not in body.get("extension", {})


@pytest.mark.parametrize("name", [name for name in ANSWERED if "patient-view" not in name])
def test_a_draft_that_concerns_no_leg_draws_no_card(demo_client, name):
    assert replay(demo_client, name, ours(name)).get_json() == {"cards": []}


QUININE = {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "198186", "display": "Quinine 325 MG Oral Capsule"}  # fmt: skip


@pytest.mark.parametrize("name", ["06_order-select_RxView_full", "09_order-sign_RxSign", "18_order-select_after_suggestion"])  # fmt: skip
def test_a_draft_in_the_shape_the_sandbox_sends_is_read(demo_client, name, monkeypatch):
    """Bundle without type, category and reason as objects: with quinine in it, it draws the warning."""
    request = json.loads(json.dumps(CAPTURED[name]))
    context = request["body"]["context"]
    draft = context["draftOrders"]["entry"][0]["resource"]
    draft["medicationCodeableConcept"] = {"text": QUININE["display"], "coding": [QUININE]}
    request["body"]["prefetch"]["conditions"]["entry"].append({"resource": cramps_of(context["patientId"])})
    monkeypatch.setitem(CAPTURED, name, request)
    [card] = replay(demo_client, name, ours(name)).get_json()["cards"]
    assert card["source"]["topic"]["code"] == "MED05"
    assert card["indicator"] == "warning"


def cramps_of(patient):
    return {
        "resourceType": "Condition",
        "id": "cramps",
        "subject": {"reference": f"Patient/{patient}"},
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "449918009"}], "text": "Night cramps"},
        "recordedDate": "2026-02-20",
    }


def test_a_body_of_another_hook_is_refused(demo_client):
    """`?hook=order-select` without a screen calls the patient-view service with the other hook in the body."""
    reply = replay(demo_client, OF_ANOTHER_HOOK, "leg-symptoms")
    assert reply.status_code == 400
    assert readable(reply)
    [issue] = reply.get_json()["issue"]
    assert "hook" in issue["diagnostics"]


def test_prefetch_under_keys_of_another_service_does_not_count(demo_client):
    reply = replay(demo_client, OTHER_KEYS, "leg-symptoms")
    assert reply.status_code == 412
    assert readable(reply)
    [issue] = reply.get_json()["issue"]
    assert "patient" in issue["diagnostics"]


@pytest.mark.parametrize("name", FEEDBACK)
def test_feedback_is_stored(own, name):
    reply = replay(create_app(own).test_client(), name, "leg-symptoms")
    assert reply.status_code == 200
    assert reply.get_json() == {"stored": 1}
    assert readable(reply)


@pytest.mark.parametrize("name", TO_A_SERVICE)
def test_a_service_we_do_not_have_is_told_so_readably(demo_client, name):
    reply = replay(demo_client, name)
    assert reply.status_code == 404
    assert readable(reply)
    assert reply.get_json()["resourceType"] == "OperationOutcome"
