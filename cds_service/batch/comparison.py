"""The same charts answered by two houses: in which chart which rule says something else. Codes and states alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files

import orjson

from cds_service.batch.replay import Replayed, charts, replay
from cds_service.consult import House
from cds_service.fhir.demo_people import DemoPeople

SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Changed:
    """One rule's answer to one chart, before and after: `fired (deficient, warning)`, `held: cap`, `silent`."""

    chart: str
    hook: str
    rule: str
    before: str
    after: str


def compare(old: House, new: House, lines: Iterable[bytes], hooks: Iterable[str]) -> Iterator[Changed]:
    """Every answer that differs. Both houses should share one clock. Charts are read once per hook."""
    held = [line for line in lines if line.strip()]
    for hook in hooks:
        for before, after in zip(_replayed(old, held, hook), _replayed(new, held, hook), strict=True):
            was, now = _answers(before), _answers(after)
            for code in sorted({*was, *now}):
                if was.get(code, SILENT) != now.get(code, SILENT):
                    yield Changed(after.chart, hook, code, was.get(code, SILENT), now.get(code, SILENT))


def _replayed(house: House, lines: list[bytes], hook: str) -> Iterator[Replayed]:
    """As `replay`; a content without a service for the hook answers nothing."""
    if any(service.hook == hook for service in house.catalogue.services.values()):
        return replay(house, lines, hook)
    return (Replayed(name, None, "no service") for name, _ in charts(lines))


def _answers(item: Replayed) -> dict[str, str]:
    if item.consultation is None:
        return {"(whole chart)": item.error}
    outcomes = {verdict.rule.code: verdict for verdict in item.consultation.verdicts}
    found = {}
    for entry in item.consultation.reply.verdicts:
        verdict = outcomes[entry["code"]]
        told = f" ({verdict.outcome.name}, {verdict.indicator})" if verdict.outcome is not None else ""
        because = f": {entry['because']}" if entry.get("because") else ""
        found[entry["code"]] = f"{entry['outcome']}{told}{because}"
    return found


def demo_charts(people: DemoPeople, house: House) -> list[bytes]:
    """The synthetic people as of this house's clock, one Bundle a line, named by their stories."""
    bundles = people.bundles(house.clock.rules())
    return [orjson.dumps({"uid": story, "request": bundle}) for story, bundle in bundles.items()]


def demo_orders(people: DemoPeople, house: House) -> dict[str, list[bytes]]:
    """By hook, those of them for whom an order is being written there, as hook requests."""
    drafts = orjson.loads(files("cds_service.fixtures").joinpath("drafts.json").read_bytes())
    bundles = people.bundles(house.clock.rules())
    found: dict[str, list[bytes]] = {}
    for name, draft in drafts.items():
        story, _, hook = name.partition(".")
        orders = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": draft}]}
        request = {"hook": hook, "context": {"draftOrders": orders}, "prefetch": {"chart": bundles[story]}}
        found.setdefault(hook, []).append(orjson.dumps({"uid": story, "request": request}))
    return found
