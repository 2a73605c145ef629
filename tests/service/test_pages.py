"""The pages of the rules over HTTP: what a browser and a program get, below any path, at any site, of any spelling."""

import re
import shutil
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import urljoin

import pytest

from cds_service.bootstrap import running
from cds_service.web.app import create_app
from tests.service.conftest import bundle, chart, post, settings_in


class Page(HTMLParser):
    """What a page holds: its tags with attributes, its text, its title."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.title, self._open = [], "", "", ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self._open = tag
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data
        if self._open == "title":
            self.title, self._open = data, ""

    def links(self):
        return [
            attrs["href"]
            for tag, attrs in self.tags
            if tag in ("a", "link") and "href" in attrs and attrs.get("rel") != "icon"
        ]


def page(client, path, **more):
    reply = client.get(path, **more)
    assert reply.status_code == 200, reply.get_data(as_text=True)
    assert reply.mimetype == "text/html"
    return Page(reply.get_data(as_text=True))


def client_of(folder, site="", **changes):
    file = folder / "site.yaml"
    file.write_text(site or "site: here\n", encoding="utf-8")
    made = running(settings_in(folder, site=file, **changes), "http://localhost:8000")
    return create_app(made).test_client()


# ------------------------------------------------------------------ one rule


@pytest.mark.parametrize("name", ["dvt-02", "DVT-02", "dvt02", "DVT02", "Dvt-02"])
def test_a_rule_is_found_by_id_or_code_however_it_is_written(client, name):
    found = page(client, f"/rules/{name}")
    assert found.title == "DVT-02: Wells 2 or more: scan now"
    for part in ("Why it exists", "When it speaks", "Known limits", "Source attributes", "Use of sexual orientation"):
        assert part in found.text


def test_the_same_rule_as_json_by_name_or_by_what_is_accepted(client):
    named = client.get("/rules/dvt-02.json")
    asked = client.get("/rules/dvt-02", headers={"Accept": "application/json"})
    assert named.mimetype == asked.mimetype == "application/json"
    assert named.get_json() == asked.get_json()
    body = named.get_json()
    assert (body["code"], body["version"], body["status"]) == ("DVT02", "1.0.0", "draft")
    assert body["reviewed"] == {"by": None, "on": None, "next": None}
    assert len(body["sourceAttributes"]["attributes"]) == 13
    assert body["sourceAttributes"]["regulation"] == "45 CFR 170.315(b)(11)(iv)(A)"
    assert len(body["limits"]) == 3
    assert body["criteria"][1] == {"depth": 1, "text": "on-wells-track"}
    [wells] = [item for item in body["references"] if item["key"] == "wells-2003"]
    assert (wells["verified"], wells["note"]) == (False, "to be verified")
    [likely] = [item for item in body["parameters"] if item["name"] == "wells-likely"]
    assert (likely["value"], likely["range"], likely["setBy"]) == ("2 points", ["1", "3"], "hooks")


@pytest.mark.parametrize("accept", ["text/html,application/xhtml+xml,*/*;q=0.8", "*/*", ""])
def test_a_browser_gets_a_page(client, accept):
    reply = client.get("/rules/fe-01", headers={"Accept": accept} if accept else {})
    assert reply.mimetype == "text/html"
    assert "Accept" in [name.strip() for name in reply.headers["Vary"].split(",")]


@pytest.mark.parametrize("path", ["/rules/nothing-01", "/rules/nothing-01.json", "/rules/<b>", "/override-reasons/no"])
def test_what_does_not_exist_is_told_so(client, path):
    reply = client.get(path)
    assert reply.status_code == 404
    assert reply.get_json()["issue"][0]["code"] == "not-found"


def test_a_source_nobody_has_read_is_marked(client):
    text = page(client, "/rules/dvt-02").text
    assert re.search(r"Wells, NEJM 2003: [^\n]*\(to be verified\)", text)
    assert "NICE QS201 (to be verified)" not in text


# ------------------------------------------------------------------ index, coverage, reasons


def test_the_index_leads_to_every_rule_and_says_how_it_stands(client, service):
    found = page(client, "/rules")
    base = "http://localhost/rules"
    reached = {urljoin(base, target) for target in found.links()}
    assert {f"http://localhost/rules/{name}" for name in service.house.catalogue.rules} <= reached
    listed = client.get("/rules", headers={"Accept": "application/json"}).get_json()
    assert listed == client.get("/rules.json").get_json()
    assert [item["id"] for item in listed] == list(service.house.catalogue.rules)


@pytest.mark.parametrize("path", ["/rules", "/rules/coverage", "/rules/fe-01", "/override-reasons"])
def test_every_link_of_a_page_leads_somewhere_of_ours_or_to_a_source(client, path):
    base = f"http://localhost{path}"
    for target in page(client, path).links():
        address = urljoin(base, target).partition("#")[0]
        if address.startswith("http://localhost"):
            assert client.get(address.removeprefix("http://localhost")).status_code == 200, target
        else:
            assert address.startswith("https://"), target


def test_the_reasons_a_card_offers_are_explained_where_its_system_points(client, service):
    found = page(client, "/override-reasons")
    for code, display in service.house.catalogue.all_reasons.items():
        assert code in found.text
        assert display in found.text
    listed = client.get("/override-reasons", headers={"Accept": "application/json"}).get_json()
    assert {item["code"]: item["display"] for item in listed} == dict(service.house.catalogue.all_reasons)
    assert client.get("/override-reasons/treated").status_code == 302


def test_a_card_links_to_the_page_of_its_rule(client):
    ferritin = {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "subject": {"reference": "Patient/p1"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "2276-4"}]},
        "effectiveDateTime": "2026-02-20",
        "valueQuantity": {"value": 9, "unit": "ng/mL", "system": "http://unitsofmeasure.org", "code": "ng/mL"},
    }
    body = chart()
    body["prefetch"]["observations"] = bundle(ferritin)
    cards = post(client, body).get_json()["cards"]
    assert cards
    for card in cards:
        for entry in card.get("links", []):
            if "/rules/" in entry["url"]:
                name = entry["url"].rpartition("/")[2]
                assert page(client, f"/rules/{name}").title.startswith(name.upper())
    linked = [entry["url"] for card in cards for entry in card.get("links", [])]
    assert any("/rules/" in url for url in linked)


# ------------------------------------------------------------------ form


@pytest.mark.parametrize("path", ["/rules", "/rules/coverage", "/rules/dvt-02", "/override-reasons"])
def test_a_page_is_plain_whole_and_runs_nothing(client, path):
    reply = client.get(path)
    found = Page(reply.get_data(as_text=True))
    names = [tag for tag, _ in found.tags]
    assert ("html", {"lang": "en"}) in found.tags
    assert names.count("h1") == 1
    assert names.count("title") == 1
    assert any(attrs.get("name") == "viewport" for tag, attrs in found.tags if tag == "meta")
    assert not set(names) & {"script", "style", "iframe", "form", "object", "img"}
    assert not [attrs for _, attrs in found.tags if any(key.startswith("on") or key == "style" for key in attrs)]
    levels = [int(tag[1]) for tag in names if re.fullmatch(r"h\d", tag)]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert "Set-Cookie" not in reply.headers


def test_the_style_is_a_file_of_ours(client):
    reply = client.get("/pages.css")
    assert reply.mimetype == "text/css"
    assert "url(" not in reply.get_data(as_text=True)
    assert "@import" not in reply.get_data(as_text=True)


# ------------------------------------------------------------------ at a site


def test_a_page_tells_what_this_site_decided(tmp_path):
    client = client_of(
        tmp_path,
        """
site: Ward <b>9</b>
rules: {fe-01: silent, hyd-01: off}
parameters:
  blood:
    fer-normal: {value: 20, unit: ug/L, because: "agreed <i>here</i>", by: the laboratory, on: "2026-01-01"}
""",
    )
    silent = client.get("/rules/fe-01").get_data(as_text=True)
    assert "evaluated and counted at this site, and never shown" in Page(silent).text
    assert "20 ug/L (set by Ward <b>9</b>: agreed <i>here</i> (the laboratory, 2026-01-01))" in Page(silent).text
    assert "<b>9" not in silent
    assert "<i>here" not in silent
    assert "this site does not evaluate this rule" in page(client, "/rules/hyd-01").text
    assert "draft, silent here" in page(client, "/rules").text
    assert client.get("/rules/fe-01.json").get_json()["showing"] == "silent"


def test_a_retired_rule_says_so_first(tmp_path):
    content = tmp_path / "hooks"
    shutil.copytree(Path(__file__).parents[2] / "hooks", content)
    rule = content / "rules" / "fe-01" / "rule.yaml"
    rule.write_text(rule.read_text(encoding="utf-8").replace("status: draft", "status: retired"), encoding="utf-8")
    text = page(client_of(tmp_path, content=content), "/rules/fe-01").text
    assert text.index("Retired: this rule is no longer evaluated.") < text.index("Version 1.0.0, retired")
    assert "Where it is shown" not in text
