"""Pages a clinician reads in a browser: each rule, their index, and why a card may be set aside; the rule as JSON too.

The same blocks as the handbook, rendered from the catalogue in force at this site. No script, no cookie, nothing of a
patient; everything from the content is escaped before it reaches the template.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import orjson
from flask import Blueprint, Response, redirect, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from cds_service.consult import House
from cds_service.errors import UnknownService
from cds_service.knowledge.catalogue import Catalogue
from cds_service.model.rule import Rule
from cds_service.publish.handbook import page
from cds_service.publish.notes import notes_of
from cds_service.publish.overview import coverage, index
from cds_service.publish.page import Block, Heading, Paragraph, grid, html, link
from cds_service.publish.transparency import as_json, listed

KEPT = "public, max-age=300"
STYLE = "pages.css"


def pages(house: House) -> Blueprint:
    """`/rules`, `/rules/<id>` (also `<id>.json`), `/rules/coverage`, `/override-reasons` and their stylesheet."""
    blueprint = Blueprint("pages", __name__, template_folder="templates")
    _rule_pages(blueprint, house.catalogue)
    _reason_pages(blueprint, house.catalogue)
    style = files("cds_service.web").joinpath("static", STYLE).read_bytes()

    @blueprint.get(f"/{STYLE}")
    def stylesheet() -> Response:
        return Response(style, mimetype="text/css", headers={"Cache-Control": KEPT})

    return blueprint


def _rule_pages(blueprint: Blueprint, catalogue: Catalogue) -> None:
    notes = notes_of(catalogue.content)
    by_code = {rule.code: rule for rule in catalogue.rules.values()}

    @blueprint.get("/rules")
    def rules() -> Response:
        if _wants_json():
            return _json(listed(catalogue))
        return _page("The rules", index(catalogue, _below_rules, "rules/coverage"), "")

    @blueprint.get("/rules.json")
    def rules_as_json() -> Response:
        return _json(listed(catalogue))

    @blueprint.get("/rules/coverage")
    def covered() -> Response:
        return _page("Coverage of the source article", coverage(catalogue, _beside), "../")

    @blueprint.get("/rules/<name>")
    def rule(name: str) -> Response:
        found = _rule(by_code, name.removesuffix(".json"))
        if name.endswith(".json") or _wants_json():
            return _json(as_json(catalogue, found, notes))
        return _page(f"{found.id.upper()}: {found.title}", page(catalogue, found, notes, _beside), "../")


def _reason_pages(blueprint: Blueprint, catalogue: Catalogue) -> None:
    @blueprint.get("/override-reasons")
    def override_reasons() -> Response:
        if _wants_json():
            return _json([{"code": code, "display": text} for code, text in catalogue.all_reasons.items()])
        return _page("Why a card was set aside", _reasons(catalogue), "")

    @blueprint.get("/override-reasons/<code>")
    def override_reason(code: str) -> AnyResponse:
        if code not in catalogue.all_reasons:
            raise UnknownService(f"no override reason `{code[:40]}`")
        return redirect("../override-reasons")


def _rule(by_code: dict[str, Rule], name: str) -> Rule:
    """By id or code, however it is written: dvt-02, DVT-02, DVT02. Raises UnknownService."""
    found = by_code.get(name.replace("-", "").upper())
    if found is None:
        raise UnknownService(f"no rule `{name[:40]}`")
    return found


def _below_rules(rule_id: str) -> str:
    return f"rules/{rule_id}"


def _beside(rule_id: str) -> str:
    return rule_id


def _reasons(catalogue: Catalogue) -> list[Block]:
    rows = [(code, text, _used_by(catalogue, code)) for code, text in catalogue.all_reasons.items()]
    return [
        Heading(1, "Why a card was set aside"),
        Paragraph("The reasons a card offers when it is not followed. The code is what is sent back and counted."),
        *grid(("Code", "Reason", "Offered by"), rows),
    ]


def _used_by(catalogue: Catalogue, code: str) -> str:
    if code in dict(catalogue.override_reasons):
        return "every card"
    rules = [rule for rule in catalogue.rules.values() if code in dict(rule.override)]
    return ", ".join(link(rule.id.upper(), f"rules/{rule.id}") for rule in rules)


def _wants_json() -> bool:
    """HTML unless JSON is what was asked for."""
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json"


def _page(title: str, blocks: Sequence[Block], root: str) -> Response:
    """root: the way from this page to the service's base, so that pages work below any path."""
    body = Markup(html(blocks))  # noqa: S704  `html` escapes every text it is given
    text = render_template("page.html", title=title, body=body, root=root)
    return Response(text, mimetype="text/html", headers={"Cache-Control": KEPT, "Vary": "Accept"})


def _json(value: Any) -> Response:
    headers = {"Cache-Control": KEPT, "Vary": "Accept"}
    return Response(orjson.dumps(value, option=orjson.OPT_INDENT_2), mimetype="application/json", headers=headers)
