"""What a real browser makes of the service: a client's page on another origin, and the pages clinicians open from a card."""

import json

import pytest
from werkzeug.wrappers import Request, Response

from tests.support.golden import FIXTURES
from tests.support.servers import wsgi

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

CLIENT = """<!doctype html><html lang="en"><title>A client</title><pre id="told">waiting</pre><script>
async function run() {
  const base = %(base)s, headers = {Authorization: "Bearer x.y.z", Accept: "application/json"};
  const found = await (await fetch(base + "/cds-services/", {headers})).json();
  const service = found.services.find(item => item.hook === "patient-view");
  const url = base + "/cds-services//" + service.id;
  const call = {method: "POST", headers: {...headers, "Content-Type": "application/json"}};
  const reply = await (await fetch(url, {...call, body: JSON.stringify(%(request)s)})).json();
  const card = reply.cards[0];
  const entry = {card: card.uuid, outcome: "overridden", outcomeTimestamp: "2026-03-02T10:00:00.000Z",
                 overrideReason: {reason: {code: card.overrideReasons[0].code}}};
  const stored = await (await fetch(url + "/feedback", {...call, body: JSON.stringify({feedback: [entry]})})).json();
  const refused = await fetch(url, {...call, body: "{}"});
  const patients = await (await fetch(base + "/fhir/Patient?_count=3", {headers})).json();
  return {summary: card.summary, stored: stored.stored, refused: refused.status, patients: patients.total};
}
run().then(told => document.title = "done", error => document.title = "failed " + error);
run.result = run().then(told => document.getElementById("told").textContent = JSON.stringify(told));
</script>"""


def client_page(base, body):
    text = CLIENT % {"base": json.dumps(base), "request": json.dumps(body)}

    def application(environ, start_response):
        kind = "text/html" if Request(environ).path == "/" else "image/x-icon"
        return Response(text if kind == "text/html" else b"", mimetype=kind)(environ, start_response)

    return application


def test_a_clients_page_on_another_origin_can_discover_call_and_answer(chromium, demo):
    body = json.loads((FIXTURES / "requests" / "iron.patient-view.json").read_text())
    context = chromium.new_context()
    page = context.new_page()
    with wsgi(client_page(demo.base, body)) as origin:
        page.goto(origin)
        page.wait_for_function("document.getElementById('told').textContent !== 'waiting'", timeout=20_000)
        told = json.loads(page.inner_text("#told"))
    context.close()
    assert told["summary"].startswith("Anaemia with iron deficiency")
    assert (told["stored"], told["refused"]) == (1, 400)
    assert told["patients"] == len(list((FIXTURES / "people").glob("*.json")))


PAGES = ["/rules", "/rules/dvt-02", "/rules/fe-01", "/rules/wk-01", "/override-reasons"]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("width", [360, 1280])
def test_a_page_fits_the_screen_and_says_what_it_is(page, demo, path, width):
    page.set_viewport_size({"width": width, "height": 800})
    reply = page.goto(demo.base + path)
    assert reply.status == 200
    assert page.title()
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
    assert page.evaluate("document.scripts.length") == 0


def test_every_link_of_a_rules_page_within_the_service_leads_somewhere(page, demo):
    page.goto(demo.base + "/rules/dvt-02")
    targets = page.evaluate("[...document.querySelectorAll('a[href]')].map(link => link.href.split('#')[0])")
    own = {target for target in targets if target.startswith(demo.base)}
    assert own
    for target in sorted(own):
        assert page.request.get(target).status == 200, target


def test_the_links_of_a_card_open_its_rules_page(page, demo):
    body = json.loads((FIXTURES / "requests" / "dvt-likely.patient-view.json").read_text())
    reply = page.request.post(f"{demo.base}/cds-services/leg-symptoms", data=body).json()
    [link] = [item for item in reply["cards"][0]["links"] if item["url"].startswith(demo.base)]
    page.goto(link["url"])
    assert "DVT-02" in page.inner_text("h1")
    assert "Wells" in page.inner_text("main")
