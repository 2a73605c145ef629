"""A rule's cases as FHIR JSON: `ferritin: "29 ug/L, 5 days ago"` becomes an Observation, and so on.

The words of a case are the rule's own facts, so a clinician can read them; the patients they make are read by the real
path. Must not evaluate anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cds_service.errors import ContentError
from cds_service.knowledge.catalogue import Catalogue
from cds_service.knowledge.content import Content
from cds_service.knowledge.making import Making, draft_for, resource_for
from cds_service.knowledge.reader import Rows, Table
from cds_service.knowledge.shapes import as_names, as_table, as_text, nearest, need, only
from cds_service.model.criteria import Fact, Node, children
from cds_service.model.rule import Rule

CASE_KEYS = (
    "name",
    "given",
    "expect",
    "hook",
    "orders",
    "indicator",
    "held",
    "site",
    "resources",
    "drafts",
    "unavailable",
    "says",
    "unsaid",
    "now",
    "note",
    "unknown",
    "wells",
    "missing",
)
FILE_KEYS = ("rule", "now", "people", "never_with", "cases")
DEFAULT_NOW = datetime.fromisoformat("2026-06-15T10:00:00+00:00")
PATIENT_ID = "case-patient"
_AGO = re.compile(r"(-?\d+) (days?|hours?) (ago|ahead)\Z")
_SPAN = re.compile(r"from (\d+) to (\d+) days ago\Z")
_MODIFIER = re.compile(r"([a-z_]+)=(.+)\Z")


@dataclass(frozen=True)
class Case:
    rule: str
    name: str
    hook: str
    now: datetime
    resources: tuple[Mapping[str, Any], ...]
    drafts: tuple[Mapping[str, Any], ...]
    unavailable: frozenset[str]
    expect: str
    orders: tuple[str, ...] | None
    indicator: str
    held: str
    says: tuple[str, ...]
    site: Table | None
    where: str
    given: Mapping[str, Any] = field(default_factory=dict)
    unsaid: tuple[str, ...] = ()


def load_cases(content: Content, catalogue: Catalogue, rule: Rule) -> list[Case]:
    """The cases of one rule. Raises ContentError with file and line."""
    table = content.table("rules", rule.id, "cases.yaml", required=False)
    only(table, FILE_KEYS, "a cases file")
    now = moment(table.get("now"), table) or DEFAULT_NOW
    people = as_table(table.get("people") or Table(table.file, table.own_line), table.where("people"), "people")
    return [
        _case(catalogue, rule, as_table(row, table.where("cases"), "a case"), now, people)
        for row in table.get("cases") or ()
    ]


def never_with(content: Content, rule: str) -> dict[str, str]:
    """Rules that hide this one and never speak of the same patient, each with why: they need no case of the hiding."""
    table = content.table("rules", rule, "cases.yaml", required=False)
    body = as_table(
        table.get("never_with") or Table(table.file, table.own_line), table.where("never_with"), "never_with"
    )
    return {name: as_text(body[name], body.where(name), name) for name in body}


def moment(value: object, table: Table) -> datetime | None:
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        raise ContentError("`now` is a moment such as 2026-06-15T10:00:00Z", table.where("now")) from None
    if found.tzinfo is None:
        raise ContentError("`now` needs a zone (Z)", table.where("now"))
    return found


def given_of(table: Table, people: Table) -> Table:
    """What is given, with what the person it is `like` was given; `~` takes a fact away again."""
    if table.get("like") is None:
        return table
    named = as_text(table["like"], table.where("like"), "like")
    if named not in people:
        raise ContentError(f"nobody is called `{named}`{nearest(named, people)}", table.where("like"))
    base = given_of(as_table(people[named], people.where(named), named), people)
    merged = Table(table.file, table.own_line)
    merged.lines = {**base.lines, **table.lines}
    merged.update(base)
    merged.update({name: value for name, value in table.items() if name != "like"})
    for name in [name for name, value in merged.items() if value is None]:
        del merged[name]
    return merged


def _case(catalogue: Catalogue, rule: Rule, table: Table, now: datetime, people: Table) -> Case:
    only(table, CASE_KEYS, "a case")
    now = moment(table.get("now"), table) or now
    making = Making(catalogue.vocabulary, PATIENT_ID, now)
    given = given_of(
        as_table(table.get("given") or Table(table.file, table.own_line), table.where("given"), "given"), people
    )
    resources: list[Mapping[str, Any]] = []
    drafts: list[Mapping[str, Any]] = []
    for name, value in given.items():
        for said in value if isinstance(value, Rows) else [value]:
            _give(catalogue, rule, making, name, str(said), given.where(name), resources, drafts)
    if not any(resource["resourceType"] == "Patient" for resource in resources):
        resources.append(making.patient("female, 40 years", table.where()))
    if form := making.form():
        resources.append(form)
    resources += [_plain(row) for row in table.get("resources") or ()]
    drafts += [_plain(row) for row in table.get("drafts") or ()]
    orders = as_names(table["orders"], table.where("orders"), "orders") if table.get("orders") is not None else None
    return Case(
        rule.id,
        as_text(need(table, "name", "a case"), table.where("name"), "name"),
        str(table.get("hook") or default_hook(catalogue, rule)),
        now,
        tuple(resources),
        tuple(drafts),
        frozenset(as_names(table.get("unavailable") or [], table.where(), "unavailable")),
        str(need(table, "expect", "a case")),
        orders,
        str(table.get("indicator") or ""),
        str(table.get("held") or ""),
        as_names(table.get("says") or [], table.where("says"), "says"),
        table.get("site"),
        table.where(),
        dict(given),
        as_names(table.get("unsaid") or [], table.where("unsaid"), "unsaid"),
    )


def _plain(value: Any) -> Any:
    """YAML tables as the JSON they stand for."""
    from decimal import Decimal

    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value


def default_hook(catalogue: Catalogue, rule: Rule) -> str:
    """The first service that returns the rule (or evaluates it)."""
    for wanted in ("leg-symptoms", *catalogue.services):
        service = catalogue.services.get(wanted)
        if service and rule.id in service.returns:
            return service.hook
    for service in catalogue.services.values():
        if any(item.id == rule.id for item in service.rules):
            return service.hook
    return "patient-view"


def _give(
    catalogue: Catalogue,
    rule: Rule,
    making: Making,
    name: str,
    said: str,
    where: str,
    resources: list[Mapping[str, Any]],
    drafts: list[Mapping[str, Any]],
) -> None:
    if name == "patient":
        resources.append(making.patient(said, where))
        return
    phrase = read_phrase(said, making.now, where)
    if name.startswith("form."):
        making.say(name[5:], phrase)
        return
    kind, sets, option = _source(catalogue, rule, name, where)
    if kind == "draft":
        drafts.append(draft_for(making, sets, phrase, len(drafts)))
        return
    if kind == "answer" or (kind in ("symptom", "sign") and not sets):
        making.say(sets[0] if kind == "answer" else option, phrase)
        return
    resources.append(resource_for(making, kind, sets, phrase, where))


def _source(catalogue: Catalogue, rule: Rule, name: str, where: str) -> tuple[str, tuple[str, ...], str]:
    """What a name in a case stands for: (kind, sets, form item)."""
    node: Node | None = rule.facts.get(name) or catalogue.definitions.get(name)
    if node is not None:
        fact = first_fact(node)
        if fact is None:
            raise ContentError(f"`{name}` is made of no fact; give its parts", where)
        return fact.kind, fact.sets, str(fact.option("answer") or "")
    if name in catalogue.vocabulary.analytes:
        return "result", (name,), ""
    if name in catalogue.vocabulary.sets:
        return "condition", (name,), ""
    if name in catalogue.orders:
        return "requested", (f"order:{name}",), ""
    known = {*rule.facts, *catalogue.definitions, *catalogue.vocabulary.analytes, *catalogue.vocabulary.sets}
    raise ContentError(f"nothing is called `{name}`{nearest(name, known)}", where)


def first_fact(node: Node) -> Fact | None:
    """The first fact of a definition: what giving the definition means."""
    waiting: list[Node] = [node]
    while waiting:
        current = waiting.pop(0)
        if isinstance(current, Fact) and current.kind not in ("hook", "patient", "side"):
            return current
        below: Iterable[Node] = children(current) if not isinstance(current, Fact) else current.inner
        waiting = [*below, *waiting]
    return None


@dataclass(frozen=True)
class Phrase:
    """ "12 ng/mL, 5 days ago, left": what is said, when, where, and the rest."""

    said: str
    when: datetime | None
    until: datetime | None
    side: str
    more: Mapping[str, str]


def read_phrase(text: str, now: datetime, where: str) -> Phrase:
    parts = [part.strip() for part in re.split(r",\s+(?=(?:[^\"]*\"[^\"]*\")*[^\"]*\Z)", text)]
    when: datetime | None = now
    until = None
    side = ""
    more: dict[str, str] = {}
    for part in parts[1:]:
        if match := _AGO.match(part):
            length = timedelta(days=int(match[1])) if match[2].startswith("day") else timedelta(hours=int(match[1]))
            when = now - length if match[3] == "ago" else now + length
        elif match := _SPAN.match(part):
            when, until = now - timedelta(days=int(match[1])), now - timedelta(days=int(match[2]))
        elif part == "undated":
            when = None
        elif part in ("left", "right", "both"):
            side = part
        elif match := _MODIFIER.match(part):
            more[match[1]] = match[2].strip('"')
        elif part == "preliminary":
            more["status"] = "preliminary"
        else:
            raise ContentError(f"a case cannot say `{part}`", where)
    return Phrase(parts[0].strip('"') if parts[0].startswith('"') else parts[0], when, until, side, more)
