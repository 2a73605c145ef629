"""A marker patient: nothing of the chart, and no plain id of patient or user, reaches the ledger's files or the log."""

import io
import json
import logging

import pytest

from cds_service.store import retention
from cds_service.store.commands import memory_of, open_ledger
from cds_service.store.memory import read_rules
from cds_service.web.logs import JsonLines
from tests.store.calls import SECRET
from tests.store.consultations import Ward, content, request, topics

PATIENT, USER, NAME = "MARKERID", "Practitioner/MARKERUSER", "MARKERNAME"
FERRITIN = 9.87654  # low, and written nowhere else
STORIES = ("iron.patient-view", "cramps.order-select", "compression.order-sign", "weight.patient-view")
MARKS = ("MARKER", "9.87654", "1987-06-05", "325 MG", "demo-")


def _marked(story):
    """The story's request, about the marker patient: another id, name, birth date, user, value, and marked texts."""
    _, body = request(story)
    old = body["context"]["patientId"]
    text = json.dumps(body).replace(old, PATIENT)
    body = json.loads(text)
    body["context"]["userId"] = USER
    patient = body["prefetch"].get("patient") or {}
    patient |= {"name": [{"family": NAME, "given": [NAME]}], "birthDate": "1987-06-05"}
    for bundle in body["prefetch"].values():
        for entry in (bundle or {}).get("entry", ()):
            _mark(entry["resource"])
    return body


def _mark(resource):
    resource["text"] = {"status": "generated", "div": f"<div>{NAME}</div>"}
    resource["note"] = [{"text": f"MARKERNOTE of {NAME}"}]
    if "ferritin" in resource["id"]:
        resource["valueQuantity"]["value"] = FERRITIN


@pytest.fixture
def lines():
    """Every log line of the test as a server writes it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def _bytes(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def _clean(found):
    return [mark for mark in MARKS if mark.encode() in found]


def test_the_marker_patient_leaves_no_trace_in_files_and_log(tmp_path, lines):
    folder = tmp_path / "kept"
    rules = read_rules(content()[0].content.table("memory.yaml"))
    ledger = open_ledger(
        f"sqlite:///{folder}/ledger.db", SECRET, folder / "ledger.spool", memory=rules, background=False
    )
    ward = Ward(ledger)
    cards = []
    for story in STORIES:
        reply = ward.ask(story, body=_marked(story))
        assert topics(reply), "a story that shows nothing proves nothing"
        cards += reply.cards
    told = json.dumps(cards)
    assert "9.87654" in told and "MARKER" in told, "the markers did reach the cards"
    spooled = _bytes(folder / "ledger.spool")
    assert len(spooled) > 1000 and _clean(spooled) == []
    ledger.database.up = False  # the answers wait in the spool
    ward.dismiss(*cards[:2])
    assert _clean(_bytes(folder / "ledger.spool")) == []
    ledger.database.up = True
    ward.dismiss(*cards[2:])
    ledger.drainer.drain()
    assert memory_of(ledger, PATIENT, USER, ward.clock.at) != [], "known again by its keyed hash"
    ledger.close()
    stored = _bytes(folder)
    assert cards[0]["uuid"].encode() in stored and _clean(stored) == []
    assert _clean(lines.getvalue().encode()) == []


def test_what_fails_in_the_ledger_is_logged_without_what_it_was_about(tmp_path, lines, monkeypatch):
    """The database, the disk and an entry that cannot be written each fail once, with the marker patient in hand."""
    ledger = open_ledger(f"sqlite:///{tmp_path}/file/l.db", SECRET, tmp_path / "spool", memory=None, background=False)
    (tmp_path / "file").write_text("")
    ward = Ward(ledger)
    reply = ward.ask("iron.patient-view", body=_marked("iron.patient-view"))
    ward.answer({"card": reply.cards[0]["uuid"], "outcome": "overridden", "overrideReason": {"userComment": NAME}})
    ledger.drainer._round()

    def refuse(*_):
        raise ValueError(f"cannot take {NAME} {PATIENT} 9.87654")

    monkeypatch.setattr(ledger.spool, "append", refuse)
    ward.ask("iron.patient-view", body=_marked("iron.patient-view"))
    assert "could not be kept" in lines.getvalue()
    assert _clean(lines.getvalue().encode()) == []


def test_a_comment_is_gone_from_the_file_once_the_patient_is_forgotten(tmp_path):
    """Free text may name people: it is kept as told, never logged, and leaves the file with the patient."""
    folder = tmp_path / "kept"
    ledger = open_ledger(f"sqlite:///{folder}/ledger.db", SECRET, folder / "ledger.spool", background=False)
    ward = Ward(ledger)
    card = ward.ask("iron.patient-view", body=_marked("iron.patient-view")).cards[0]
    ward.answer({"card": card["uuid"], "outcome": "overridden", "overrideReason": {"userComment": NAME}})
    assert NAME.encode() in _bytes(folder)
    assert retention.forget(ledger, PATIENT) == retention.Removed(1, 1, 1)
    assert NAME.encode() not in _bytes(folder), "while the service still runs"
    ledger.close()
    assert card["uuid"].encode() not in _bytes(folder)
