"""The demo's hook requests and the answers to them, as files: `python -m tests.support.golden` writes them anew.

Run it when a card is meant to change (`make golden`), then read the difference as a clinician would. The tests compare
and never write. The clock stands at 2026-03-02T10:00:00Z; uuids are replaced by what they name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cds_service.fhir.demo_people import Charts, DemoPeople
from cds_service.knowledge.catalogue import Catalogue, load
from cds_service.knowledge.content import Content
from cds_service.model.reading import Query

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "fixtures"
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
FURTHER = (("iron", "encounter-start"), ("dvt-undecided", "encounter-discharge"), ("magnesium", "encounter-discharge"))
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def requests() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every request: its name (`iron.patient-view`), the service it goes to, its body."""
    people = DemoPeople(FIXTURES)
    charts = people.at(NOW)
    catalogue = load(Content.at(ROOT / "hooks"))
    drafts = json.loads((FIXTURES / "drafts.json").read_text())
    names = [f"{story}.patient-view" for story in people.stories] + [f"{story}.{hook}" for story, hook in FURTHER]
    for name in sorted([*names, *drafts]):
        story, hook = name.split(".")
        service = _service(catalogue, hook)
        yield name, service, _body(name, hook, f"demo-{story}", charts, catalogue.queries[service], drafts.get(name))


def _service(catalogue: Catalogue, hook: str) -> str:
    return next(service.id for service in catalogue.services.values() if service.hook == hook)


def _body(
    name: str, hook: str, patient: str, charts: Charts, queries: tuple[Query, ...], draft: Mapping[str, Any] | None
) -> dict[str, Any]:
    context: dict[str, Any] = {"userId": "Practitioner/COREPRACTITIONER1", "patientId": patient}
    if hook.startswith("encounter-"):
        context["encounterId"] = f"{patient}-visit"
    if draft is not None:
        context["draftOrders"] = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": draft}]}
    if draft is not None and hook == "order-select":
        context["selections"] = [f"{draft['resourceType']}/{draft['id']}"]
    return {
        "hook": hook,
        "hookInstance": str(uuid5(NAMESPACE_URL, name)),
        "context": context,
        "prefetch": {query.key: _prefetched(query, patient, charts) for query in queries},
    }


def _prefetched(query: Query, patient: str, charts: Charts) -> Mapping[str, Any] | None:
    if query.type == "Patient":
        return charts.one("Patient", patient)
    theirs = [
        item for item in charts.of(query.type) if item.get("subject", {}).get("reference") == f"Patient/{patient}"
    ]
    if "_sort=-date" in query.template:
        theirs.sort(key=lambda item: str(item.get("effectiveDateTime", "")), reverse=True)
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": len(theirs)}
    return {**bundle, "entry": [{"resource": item} for item in theirs]} if theirs else bundle


def plain(reply: Mapping[str, Any]) -> Any:
    """The reply with every uuid of a card or suggestion replaced by which one it is."""
    names: dict[str, str] = {}
    for card_number, card in enumerate(reply["cards"], 1):
        names[card["uuid"]] = f"card-{card_number}"
        for number, suggestion in enumerate(card.get("suggestions", ()), 1):
            names[suggestion["uuid"]] = f"card-{card_number}-suggestion-{number}"
    return json.loads(_UUID.sub(lambda found: names.get(found[0], found[0]), json.dumps(reply)))


def lines(value: Any, depth: int = 3) -> str:
    """JSON that reads and diffs well: indented down to `depth`, one line per thing below it."""
    return _lines(value, depth, 0) + "\n"


def _lines(value: Any, depth: int, level: int) -> str:
    if level >= depth or not value or not isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    pad, end = "  " * (level + 1), "  " * level
    if isinstance(value, dict):
        inner = [f"{pad}{json.dumps(name)}: {_lines(item, depth, level + 1)}" for name, item in value.items()]
        return "{\n" + ",\n".join(inner) + f"\n{end}}}"
    return "[\n" + ",\n".join(pad + _lines(item, depth, level + 1) for item in value) + f"\n{end}]"


def reply_of(client: Any, service: str, body: Mapping[str, Any]) -> Any:
    """The application's answer to a request, uuids made plain."""
    answer = client.post(f"/cds-services/{service}", json=body)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return plain(answer.get_json())


def application(folder: Path) -> Any:
    """A client of the application whose ledger stands in this folder."""
    from cds_service.bootstrap import running
    from cds_service.settings import Settings
    from cds_service.web.app import create_app

    settings = Settings(now=NOW, database_url=f"sqlite:///{folder}/ledger.db", secret="a secret of tests only")
    return create_app(running(settings, "http://localhost:8000")).test_client()


def files(client: Any) -> Iterator[tuple[Path, str]]:
    """Every golden file and what should stand in it: requests, replies, and what discovery says."""
    yield FIXTURES / "discovery.json", lines(client.get("/cds-services").get_json(), 5)
    for name, service, body in requests():
        yield FIXTURES / "requests" / f"{name}.json", lines(body, 4)
        yield FIXTURES / "replies" / f"{name}.json", lines(reply_of(client, service, body), 6)


def main() -> None:
    with TemporaryDirectory() as folder:
        for path, text in files(application(Path(folder))):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
