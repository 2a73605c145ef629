"""What the outside relies on: statuses, errors, both slash forms, feedback; each line of the contract has a test here."""

import json
import logging
import re
from dataclasses import replace

import httpx
import pytest

from cds_service.errors import Unavailable
from cds_service.model.criteria import Literally
from cds_service.web.app import create_app
from tests.service.conftest import INSTANCE, bundle, chart, post
from tests.support.servers import serving

JSON = {"Content-Type": "application/json"}
CARD = "22222222-2222-4222-8222-222222222222"
FEEDBACK = {"card": CARD, "outcome": "overridden", "outcomeTimestamp": "2026-03-02T09:00:00Z"}


def told(reply):
    """The OperationOutcome's words; its form is checked on the way."""
    body = reply.get_json()
    assert reply.mimetype == "application/json"
    assert body["resourceType"] == "OperationOutcome"
    [issue] = body["issue"]
    assert issue["severity"] == "error"
    assert issue["code"]
    return issue["diagnostics"]


def without(body, *path):
    """The body with one member taken out."""
    copied = json.loads(json.dumps(body))
    inner = copied
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return copied


# ------------------------------------------------------------------ discovery


def test_discovery_lists_one_service_per_hook(client):
    services = client.get("/cds-services").get_json()["services"]
    assert {item["id"]: item["hook"] for item in services} == {
        "leg-symptoms": "patient-view",
        "leg-symptoms-encounter-start": "encounter-start",
        "leg-symptoms-order-select": "order-select",
        "leg-symptoms-order-sign": "order-sign",
        "leg-symptoms-encounter-discharge": "encounter-discharge",
    }


def test_every_resource_type_a_rule_reads_has_a_key_and_only_simple_templates_are_asked(client):
    for service in client.get("/cds-services").get_json()["services"]:
        types = {template.partition("?")[0].partition("/")[0] for template in service["prefetch"].values()}
        assert {"Patient", "Condition", "Observation", "MedicationRequest", "MedicationStatement"} <= types
        assert {"MedicationDispense", "MedicationAdministration", "QuestionnaireResponse", "DiagnosticReport"} <= types
        for template in service["prefetch"].values():
            assert re.fullmatch(
                r"Patient/\{\{context\.patientId\}\}"
                r"|[A-Za-z]+\?patient=\{\{context\.patientId\}\}(&(code|status|_sort|_count)=[^&{}]+)*",
                template,
            )


@pytest.mark.parametrize("path", ["/cds-services/", "/cds-services//", "/cds-services///"])
def test_both_slash_forms_answer_without_a_redirect(client, path):
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/cds-services/leg-symptoms/", "/cds-services//leg-symptoms", "/cds-services//leg-symptoms//"]
)
def test_both_slash_forms_take_a_call(client, path):
    assert client.post(path, json=chart()).status_code == 200


# ------------------------------------------------------------------ calls that are answered


def test_a_call_is_answered_with_cards(client):
    reply = post(client, chart())
    assert reply.status_code == 200
    assert reply.mimetype == "application/json"
    assert reply.headers["Cache-Control"] == "no-store"
    assert isinstance(reply.get_json()["cards"], list)


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "application/fhir+json",
        "application/fhir+json; fhirVersion=4.0",
        "application/vnd.example+json",
    ],
)
def test_these_media_types_are_taken(client, kind):
    assert post(client, chart(), content_type=kind).status_code == 200


def test_a_patient_that_is_null_is_an_answer(client):
    assert post(client, chart(prefetch={"patient": None})).status_code == 200


def test_unknown_members_are_ignored(client):
    body = chart(foo=1, extension={"com.example": {"x": None}})
    body["context"]["bar"] = {}
    assert post(client, body).get_json()["cards"] == [] or post(client, body).status_code == 200


def test_the_same_instance_may_come_again(client):
    assert [post(client, chart()).status_code for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("path", ["?x=1", "?_=2&y"])
def test_a_query_changes_nothing(client, path):
    assert client.post(f"/cds-services/leg-symptoms{path}", json=chart()).status_code == 200


@pytest.mark.parametrize(
    "context",
    [{}, {"draftOrders": None}, {"draftOrders": {}}, {"draftOrders": {"entry": {}}}, {"draftOrders": []}, {"draftOrders": "x"},
     {"selections": []}, {"selections": None}, {"selections": "MedicationRequest/1"}, {"selections": [None, 3]}],
)  # fmt: skip
@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_missing_or_odd_drafts_and_selections_are_read_as_none(client, hook, context):
    body = chart(hook=hook)
    body["context"] |= context
    reply = post(client, body, f"leg-symptoms-{hook}")
    assert reply.status_code == 200
    assert reply.get_json()["cards"] == []


# ------------------------------------------------------------------ calls that are refused

NOT_A_CALL = {
    "not JSON": "{",
    "nothing": "",
    "a list": "[]",
    "a text": '"x"',
    "a number": "3",
    "null": "null",
    "NaN": '{"hook": NaN}',
    "Infinity": '{"hook": -Infinity}',
    "a key twice": '{"hook": "a", "hook": "b"}',
    "a key twice, deep and escaped": '{"a": [{"b\\u003a": 1, "b\\u003a": 2}]}',
    "nested too deep": '{"a":' + "[" * 250 + "]" * 250 + "}",
    "broken UTF-8": b'{"a": "\xff"}',
    "a lone surrogate": '{"a": "\\ud800"}',
}


@pytest.mark.parametrize("body", NOT_A_CALL.values(), ids=NOT_A_CALL.keys())
def test_what_is_no_json_object_is_refused(client, body):
    reply = post(client, body)
    assert reply.status_code == 400
    assert told(reply)


def test_two_hundred_levels_are_taken(client):
    deep = json.loads("[" * 198 + "]" * 198)
    assert post(client, chart(extension={"deep": deep})).status_code == 200


@pytest.mark.parametrize(
    "path",
    [("hook",), ("hookInstance",), ("context",), ("context", "patientId"), ("context", "userId")],
    ids=lambda path: ".".join(path),
)
def test_a_missing_member_is_named(client, path):
    reply = post(client, without(chart(), *path))
    assert reply.status_code == 400
    assert ".".join(path) in told(reply)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"hook": "order-sign"}, "hook"),
        ({"hook": 3}, "hook"),
        ({"hookInstance": "1"}, "hookInstance"),
        ({"hookInstance": None}, "hookInstance"),
        ({"context": []}, "context"),
        ({"context": "x"}, "context"),
        ({"context": {"userId": "Practitioner/1", "patientId": "Patient/p1"}}, "context.patientId"),
        ({"context": {"userId": "Practitioner/1", "patientId": ""}}, "context.patientId"),
        ({"context": {"userId": " ", "patientId": "p1"}}, "context.userId"),
        ({"prefetch": []}, "prefetch"),
        ({"prefetch": "x"}, "prefetch"),
        ({"fhirAuthorization": []}, "fhirAuthorization"),
        ({"fhirAuthorization": {"access_token": "t"}}, "fhirServer"),
    ],
)
def test_a_wrong_member_is_named(client, changes, named):
    reply = post(client, chart(**changes))
    assert reply.status_code == 400
    assert named in told(reply)


def test_every_mistake_is_named_at_once(client):
    words = told(post(client, {"context": {}}))
    assert all(name in words for name in ("hook", "hookInstance", "context.patientId", "context.userId"))


@pytest.mark.parametrize("hook", ["encounter-start", "encounter-discharge"])
def test_encounter_hooks_need_the_encounter(client, hook):
    reply = post(client, chart(hook=hook), f"leg-symptoms-{hook}")
    assert reply.status_code == 400
    assert "encounterId" in told(reply)
    body = chart(hook=hook)
    body["context"]["encounterId"] = "e1"
    assert post(client, body, f"leg-symptoms-{hook}").status_code == 200


def test_another_patient_is_refused(client):
    body = chart()
    body["prefetch"]["patient"]["id"] = "p2"
    assert post(client, body).status_code == 400


def test_an_observation_of_another_patient_never_counts(client):
    body = chart()
    severe = {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "subject": {"reference": "Patient/p2"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]},
        "effectiveDateTime": "2026-03-01",
        "valueQuantity": {"value": 2.1, "unit": "mmol/L", "code": "mmol/L", "system": "http://unitsofmeasure.org"},
    }
    body["prefetch"]["observations"] = bundle(severe)
    reply = post(client, body).get_json()
    assert "K01" not in {entry["code"] for entry in reply["extension"]["org.cds-service.verdicts"]}
    assert {"what": "resource", "where": "subject", "why": "belongs to another patient: not used"} in reply[
        "extension"
    ]["org.cds-service.problems"]
    severe["subject"]["reference"] = "Patient/p1"
    mine = post(client, body).get_json()
    assert "K01" in {entry["code"] for entry in mine["extension"]["org.cds-service.verdicts"]}


def test_a_patient_neither_given_nor_to_be_had_is_needed(client):
    reply = post(client, without(chart(), "prefetch"))
    assert reply.status_code == 412
    assert "patient" in told(reply)


def test_why_a_patient_is_not_had_is_told_and_logged(client, caplog):
    caplog.set_level(logging.INFO)
    elsewhere = without(chart(), "prefetch") | {"fhirServer": "https://fhir.example.org/r4"}
    assert "the EHR's server is not one this service may read" in told(post(client, elsewhere))
    assert "not among what the EHR sent" in told(post(client, without(chart(), "prefetch")))
    reasons = [(line.status, line.reason) for line in caplog.records if line.message == "refused"]
    assert [status for status, _ in reasons] == [412, 412]
    assert "may read" in reasons[0][1] and "EHR sent" in reasons[1][1]


def test_the_log_of_a_refusal_holds_nothing_of_the_body(client, caplog):
    caplog.set_level(logging.INFO)
    assert post(client, chart(hookInstance="Jane Roe")).status_code == 400
    [line] = [line for line in caplog.records if line.message == "refused"]
    assert (line.status, line.reason) == (400, "invalid")


def test_every_mistake_of_a_call_is_a_sentence(client):
    body = without(without(chart(), "hook"), "hookInstance")
    assert told(post(client, body)).endswith(
        "hook: Missing data for required field. hookInstance: Missing data for required field."
    )


def test_what_an_ehr_could_not_read_is_needed_too(client):
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    assert post(client, chart(prefetch={"patient": failed})).status_code == 412


def test_an_unknown_service_is_not_found(client):
    assert post(client, chart(), "other").status_code == 404
    assert "other" not in told(post(client, chart(), "other"))
    assert post(client, {"feedback": [FEEDBACK]}, "other/feedback").status_code == 404
    assert told(client.get("/nothing")) == "Not Found"


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch"])
def test_another_method_is_refused_with_those_allowed(client, method):
    reply = getattr(client, method)("/cds-services/leg-symptoms")
    assert reply.status_code == 405
    assert set(reply.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}
    assert told(reply)


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/xml",
        "application/fhir+xml",
        "application/json; charset=latin-1",
        "",
        "multipart/form-data",
    ],
)
def test_other_media_types_are_refused(client, kind):
    assert post(client, chart(), content_type=kind).status_code == 415


def test_a_compressed_body_is_refused(client):
    assert post(client, chart(), headers={"Content-Encoding": "gzip"}).status_code == 415


def test_a_body_over_the_limit_is_refused(service):
    small = replace(service, settings=replace(service.settings, max_body=10_000))
    reply = post(create_app(small).test_client(), chart(extension={"x": "y" * 20_000}))
    assert reply.status_code == 413
    assert told(reply)


def test_a_body_sent_in_chunks_is_held_to_the_limit_too(tmp_path):
    def chunks():
        yield b'{"extension": {"x": "'
        for _ in range(30):
            yield b"y" * 1_000
        yield b'"}}'

    with serving(tmp_path, "--workers", "1", max_body="20 kB") as served:
        reply = httpx.post(f"{served.base}/cds-services/leg-symptoms", content=chunks(), headers=JSON)
        small = httpx.post(f"{served.base}/cds-services/leg-symptoms", content=iter([b"{", b"}"]), headers=JSON)
        slashes = httpx.get(f"{served.base}//cds-services//")
    assert (reply.status_code, small.status_code, slashes.status_code) == (413, 400, 200)


def test_a_five_megabyte_chart_is_taken(client):
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x" * 900}}
    body = chart()
    body["prefetch"]["observations"] = bundle(*[observation | {"id": f"o{number}"} for number in range(5_000)])
    raw = json.dumps(body)
    assert len(raw) > 5_000_000
    assert post(client, raw).status_code == 200


# ------------------------------------------------------------------ a defect is never an empty answer


def broken(service, *ids):
    """The service with criteria that cannot be evaluated in these rules (all of them when none is named)."""
    catalogue = service.house.catalogue
    legs = catalogue.services["leg-symptoms"]
    rules = tuple(
        replace(rule, when=object()) if not ids or rule.id in ids else rule  # type: ignore[arg-type]
        for rule in legs.rules
    )
    services = {**catalogue.services, "leg-symptoms": replace(legs, rules=rules)}
    house = replace(service.house, catalogue=replace(catalogue, services=services))
    return create_app(replace(service, house=house)).test_client()


def test_a_rule_that_fails_is_told_and_the_others_go_on(service):
    body = post(broken(service, "dvt-02"), chart()).get_json()
    problems = body["extension"]["org.cds-service.problems"]
    assert {"what": "rule", "where": "DVT02"}.items() <= next(
        item for item in problems if item["what"] == "rule"
    ).items()
    assert body["cards"]


def test_when_every_rule_fails_the_answer_is_an_error(service, caplog):
    with caplog.at_level(logging.ERROR):
        reply = post(broken(service), chart())
    assert reply.status_code == 500
    incident = re.fullmatch(r"incident ([0-9a-f]{32})", told(reply))
    assert incident
    assert any(getattr(record, "incident", "") == incident[1] for record in caplog.records)


def test_the_broken_criterion_is_really_one():
    assert not isinstance(object(), Literally)


# ------------------------------------------------------------------ feedback


def test_feedback_is_stored_and_counted(client):
    many = [FEEDBACK, FEEDBACK | {"outcome": "accepted", "acceptedSuggestions": [{"id": "s1"}, {"id": "s2"}]}]
    assert post(client, {"feedback": many}, "leg-symptoms/feedback").get_json() == {"stored": 2}


@pytest.mark.parametrize(
    "changes",
    [
        {"overrideReason": {"reason": {"code": "x"}}},
        {"overrideReason": {"reason": {"code": "x", "system": "http://example.org", "display": "X"}}},
        {"overrideReason": {"userComment": "not now"}},
        {"outcomeTimestamp": "2026-03-02T09:00:00.123+00:00"},
        {"foo": "bar"},
    ],
)
def test_these_forms_of_feedback_are_taken(client, changes):
    reply = post(client, {"feedback": [FEEDBACK | changes]}, "leg-symptoms/feedback/")
    assert (reply.status_code, reply.get_json()) == (200, {"stored": 1})


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        FEEDBACK,
        {"feedback": FEEDBACK},
        {"feedback": []},
        *(
            {"feedback": [FEEDBACK, FEEDBACK | bad]}
            for bad in (
                {"card": None},
                {"card": ""},
                {"outcome": "ignored"},
                {"outcome": "accepted"},
                {"outcome": "accepted", "acceptedSuggestions": []},
                {"outcome": "accepted", "acceptedSuggestions": [{}]},
                {"overrideReason": {}},
                {"overrideReason": []},
                {"overrideReason": {"reason": {"display": "x"}}},
                {"outcomeTimestamp": "2026-03-02T09:00:00+01:00"},
                {"outcomeTimestamp": "2026-03-02"},
                {"outcomeTimestamp": "soon"},
                {"outcomeTimestamp": None},
            )
        ),
        {"feedback": [FEEDBACK] * 1_001},
    ],
)
def test_one_bad_entry_and_nothing_is_stored(client, service, body):
    before = stored(service)
    reply = post(client, body, "leg-symptoms/feedback")
    assert reply.status_code == 400
    assert told(reply)
    assert stored(service) == before


def stored(service):
    from sqlalchemy import func, select

    from cds_service.store.tables import feedback

    with service.ledger.database.read() as connection:
        return connection.execute(select(func.count()).select_from(feedback)).scalar_one()


def test_feedback_that_cannot_be_kept_is_refused(service, monkeypatch):
    def down(*_, **__):
        raise Unavailable("the ledger cannot be reached")

    monkeypatch.setattr(service.ledger, "feedback", down)
    reply = post(create_app(service).test_client(), {"feedback": [FEEDBACK]}, "leg-symptoms/feedback")
    assert reply.status_code == 503
    assert reply.headers["Retry-After"]


# ------------------------------------------------------------------ browsers

SANDBOX = "https://sandbox.cds-hooks.org"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
PATHS = ["/cds-services", "/cds-services/", "/cds-services/leg-symptoms", "/cds-services/leg-symptoms/feedback"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", [SANDBOX, "http://localhost:8080", "http://127.0.0.1:1234"])
def test_a_preflight_of_the_demo_is_answered(demo_client, path, origin):
    reply = demo_client.options(path, headers=PREFLIGHT | {"Origin": origin})
    assert reply.status_code == 204
    assert reply.headers["Access-Control-Allow-Origin"] == origin
    assert {"Authorization", "Content-Type"} <= set(reply.headers["Access-Control-Allow-Headers"].split(", "))
    assert "Origin" in reply.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in reply.headers


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "https://sandbox.cds-hooks.org.evil.example", "http://localhost.evil.example", "null"],
)
def test_other_origins_are_not_let_in(demo_client, origin):
    for reply in (
        demo_client.options("/cds-services", headers=PREFLIGHT | {"Origin": origin}),
        demo_client.get("/cds-services", headers={"Origin": origin}),
    ):
        assert "Access-Control-Allow-Origin" not in reply.headers


def test_errors_can_be_read_by_the_page_too(demo_client):
    reply = demo_client.post("/cds-services/leg-symptoms", data="{", headers={"Origin": SANDBOX})
    assert reply.status_code == 415
    assert reply.headers["Access-Control-Allow-Origin"] == SANDBOX


def test_without_listed_origins_no_page_is_let_in(service):
    closed = replace(service, settings=replace(service.settings, cors_origins=()))
    reply = create_app(closed).test_client().get("/cds-services", headers={"Origin": SANDBOX})
    assert "Access-Control-Allow-Origin" not in reply.headers


# ------------------------------------------------------------------ health


def test_health_says_that_the_clock_stands_still(client):
    assert client.get("/healthz").get_json()["now"] == "2026-03-02T10:00:00+00:00"
    assert client.get("/readyz").get_json() == {"status": "ok", "ledger": "up"}


def test_the_leg_form_is_served_as_a_questionnaire(client):
    form = client.get("/forms/leg").get_json()
    assert form["resourceType"] == "Questionnaire"
    assert form["url"].endswith("/forms/leg")


def test_calls_verdicts_and_refusals_are_counted(client):
    post(client, chart())
    post(client, "{")
    page = client.get("/metrics").get_data(as_text=True)
    assert 'cds_hook_seconds_count{service="leg-symptoms"}' in page
    assert 'cds_refusals_total{status="400"}' in page
    assert "cds_verdicts_total{" in page
    assert "cds_ledger_up 1.0" in page


def test_the_demo_fhir_server_is_in_the_demo_alone(client, demo_client):
    assert demo_client.get("/fhir/metadata").status_code == 200
    assert client.get("/fhir/metadata").status_code == 404


# ------------------------------------------------------------------ logs


def test_no_clinical_value_reaches_a_log(client, caplog):
    body = chart(hookInstance=INSTANCE)
    marker = "Zyxmarker"
    body["prefetch"]["patient"]["name"] = [{"family": marker}]
    body["prefetch"]["conditions"]["entry"][0]["resource"]["code"]["text"] = marker
    observation = {
        "resourceType": "Observation",
        "id": marker,
        "status": marker,
        "valueString": marker,
        "code": {"text": marker},
    }
    body["prefetch"]["observations"] = bundle(observation)
    with caplog.at_level(logging.DEBUG):
        assert post(client, body).status_code == 200
        body["context"]["patientId"] = marker
        assert post(client, body).status_code == 400
    assert caplog.records
    assert not any(marker in repr(vars(record)) for record in caplog.records)
