"""`cds feedback`, `cds ledger` and GET /analytics: the same counts by command and over HTTP, and who may see them."""

import csv
import io
import json
import multiprocessing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cds_service import cli
from cds_service.bootstrap import running
from cds_service.errors import ContentError, NotAuthenticated, SettingsError
from cds_service.ports import Caller
from cds_service.store.commands import ledger_file, open_ledger, secret_of, spool_of
from cds_service.store.keyed import Keyed
from cds_service.web.app import create_app
from tests.service.conftest import settings_in
from tests.store.calls import accepted, call, card, overridden, reply

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)  # a Monday
SECRET = "a secret of tests only"
DAY = timedelta(days=1)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder whose ledger the commands find by their settings; the clock stands at NOW."""
    monkeypatch.setenv("CDS_DATABASE_URL", f"sqlite:///{tmp_path}/ledger.db")
    monkeypatch.setenv("CDS_SECRET", SECRET)
    monkeypatch.setenv("CDS_NOW", NOW.isoformat())
    return tmp_path


def _open(place):
    url = f"sqlite:///{place}/ledger.db"
    return open_ledger(url, SECRET.encode(), spool_of(url), background=False)


@pytest.fixture
def filled(place):
    """12 cards of DVT02 (one accepted, 11 overridden) and one of FE02, three weeks ago and unanswered."""
    ledger = _open(place)
    items = [card("DVT02", orders=["1-1"], title="Scan now") for _ in range(12)]
    ledger.shown(call(patient="p1"), reply(*items), NOW)
    ledger.shown(call(patient="p2", client="north"), reply(card("FE02")), NOW - 21 * DAY)
    answers = [accepted(items[0], 0, at=NOW), *(overridden(item, "declined", at=NOW) for item in items[1:])]
    ledger.feedback("leg-symptoms", answers, NOW)
    ledger.feedback("leg-symptoms", [overridden(items[1], "elsewhere", "a free word", at=NOW)], NOW)
    ledger.drainer.drain()
    ledger.close()
    return place


@pytest.fixture
def cds(capsys):
    """Runs a command: (exit code, standard output)."""

    def run(*given):
        code = cli.main(list(given))
        return code, capsys.readouterr().out

    return run


def test_the_report_as_a_table_withholds_small_counts(filled, cds):
    code, out = cds("feedback", "report")
    assert code == 0
    assert out.splitlines() == [
        "rule   shown  accepted  overridden  unanswered  reasons",
        "DVT02  12     <10       withheld    0           declined: 10; elsewhere: <10",
        "FE02   <10    0         0           <10",
    ]
    assert cds("feedback", "report", "--small-counts")[1].splitlines()[1:] == [
        "DVT02  12     1         11          0           declined: 10; elsewhere: 1",
        "FE02   1      0         0           1",
    ]


def test_the_report_by_week_client_rule_and_period(filled, cds):
    def lines(*options):
        found = json.loads(cds("feedback", "report", "--json", "--small-counts", *options)[1])["lines"]
        return [(line["rule"], line["week"], line["client"], line["shown"]) for line in found]

    assert lines("--by", "week", "--by", "client") == [("DVT02", "2026-W10", "", 12), ("FE02", "2026-W07", "north", 1)]
    assert lines("--weeks", "3") == [("DVT02", "", "", 12)]
    assert lines("--weeks", "4") == lines() == [("DVT02", "", "", 12), ("FE02", "", "", 1)]
    assert lines("--from", "2026-02-09", "--to", "2026-02-09") == [("FE02", "", "", 1)]
    assert lines("--rule", "dvt-02") == [("DVT02", "", "", 12)]
    assert lines("--client", "north") == [("FE02", "", "", 1)]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--weeks", "2", "--to", "2026-03-01"), "leave out --to"),
        (("--from", "2026-03-02", "--to", "2026-03-01"), "before"),
    ],
)
def test_a_period_that_makes_no_sense_says_so(filled, options, says, capsys):
    assert cli.main(["feedback", "report", *options]) == 2
    assert says in capsys.readouterr().err


def test_the_export_is_a_file_of_its_owner_and_never_overwrites(filled, cds, capsys):
    target = filled / "answers.csv"
    assert cds("feedback", "export", "-o", str(target)) == (0, "")
    rows = list(csv.DictReader(io.StringIO(target.read_text(encoding="utf-8"))))
    assert len(rows) == 13 and target.stat().st_mode & 0o777 == 0o600
    assert list(rows[0])[:6] == ["intervention", "action", "feedback", "user", "date", "location"]
    assert {row["intervention"] for row in rows} == {"DVT02 1.0.0 Scan now"}
    assert {row["user"] for row in rows} == {Keyed(SECRET.encode()).user("", "", "Practitioner/u1")}
    assert "a free word" not in target.read_text(encoding="utf-8")
    assert cli.main(["feedback", "export", "-o", str(target)]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_the_export_as_lines_of_json_with_comments_on_request(filled, cds):
    lines = [json.loads(line) for line in cds("feedback", "export", "--format", "ndjson", "--comments")[1].splitlines()]
    assert len(lines) == 13 and lines[-1]["feedback"] == "elsewhere Elsewhere; a free word"
    assert cds("feedback", "export", "--format", "ndjson", "--to", "2026-03-01") == (0, "")


def test_status_tells_what_is_there_and_what_waits_and_makes_nothing(place, cds):
    code, out = cds("ledger", "status")
    assert code == 1 and "reached" in out and not (place / "ledger.db").exists()
    ledger = _open(place)
    ledger.shown(call(), reply(card()), NOW)
    ledger.spool.close()
    assert cds("ledger", "migrate") == (0, "The ledger's tables are of version 0002.\n")
    told = dict(line.split(maxsplit=1) for line in cds("ledger", "status")[1].replace(", waiting", "").splitlines())
    assert told["reached"] == "yes" and told["shown"] == f"{ledger.spool.size()} bytes" != "0 bytes"
    ledger.spool.append(b"torn")
    ledger.drainer.drain()
    ledger.close()
    code, out = cds("ledger", "status")
    lines = {" ".join(line.split()) for line in out.splitlines()}
    assert code == 0 and {"rows: card 1", "rows: feedback 0", "calls dropped 1 (torn)", "version 0002"} <= lines


def test_status_of_a_database_that_is_down(place, cds, monkeypatch):
    monkeypatch.setenv("CDS_DATABASE_URL", "postgresql://someone:hush@127.0.0.1:9/ledger?connect_timeout=1")
    code, out = cds("ledger", "status")
    assert code == 1 and "hush" not in out
    assert "reached           no" in out


def test_what_is_held_back_is_explained(place, cds):
    ledger = _open(place)
    item = card("DVT02", "critical")
    ledger.shown(call(patient="p1", user="Practitioner/u1"), reply(item), NOW)
    ledger.feedback("leg-symptoms", [overridden(item, "elsewhere", at=NOW)], NOW)
    ledger.close()
    code, out = cds("ledger", "memory", "--patient", "p1", "--user", "Practitioner/u1")
    assert code == 0 and out.startswith("DVT02 was dismissed on 2026-03-02 10:00 UTC (elsewhere); it stays away until ")
    assert "2026-03-03 10:00 UTC" in out
    assert cds("ledger", "memory", "--patient", "p1", "--user", "Practitioner/u2")[1] == "Nothing is held back.\n"


def test_a_site_may_switch_remembering_off(place, cds, monkeypatch, tmp_path):
    site = tmp_path / "site.yaml"
    site.write_text("settings: {remember: false}\n")
    asked = ("ledger", "memory", "--patient", "p1", "--user", "u")
    assert cds(*asked)[1] == "Nothing is held back.\n"
    monkeypatch.setenv("CDS_SITE", str(site))
    assert cds(*asked) == (0, "Remembering is switched off: every card is shown again.\n")
    made = running(settings_in(place, site=site), "http://localhost:8000")
    assert made.ledger.memory is None
    made.ledger.close()
    assert running(settings_in(place), "http://localhost:8000").ledger.memory is not None
    site.write_text("settings: {remember: maybe}\n")
    with pytest.raises(ContentError, match="true or false"):
        running(settings_in(place, site=site), "http://localhost:8000")


def test_memory_says_when_the_ledger_cannot_be_read(place, capsys, monkeypatch):
    (place / "no-folder").write_text("")
    monkeypatch.setenv("CDS_DATABASE_URL", f"sqlite:///{place}/no-folder/ledger.db")
    assert cli.main(["ledger", "memory", "--patient", "p1", "--user", "u"]) == 2
    assert "Nothing" not in capsys.readouterr().out, "not read is not the same as nothing"


def test_retain_and_forget_say_what_they_do_and_do_it(filled, cds):
    assert cds("ledger", "retain", "--days", "14", "--dry-run")[1] == "Would remove 1 cards, 0 answers, 0 free texts.\n"
    assert cds("ledger", "retain", "--days", "14")[1] == "Removed 1 cards, 0 answers, 0 free texts.\n"
    assert cds("ledger", "retain", "--days", "14")[1] == "Removed 0 cards, 0 answers, 0 free texts.\n"
    assert cds("ledger", "forget", "--patient", "p1", "--client", "north")[1].startswith("Removed 0 cards")
    assert cds("ledger", "forget", "--patient", "p1", "--dry-run")[1].startswith("Would remove 12 cards, 13 answers, 1")
    assert cds("ledger", "forget", "--patient", "p1")[1] == "Removed 12 cards, 13 answers, 1 free texts.\n"
    assert cds("feedback", "report")[1] == "No card was shown.\n"


# ------------------------------------------------------------------------------------------- beside the ledger


def test_what_stands_beside_the_ledger_is_named_after_it():
    assert spool_of("sqlite:////var/lib/cds/legs.db") == Path("/var/lib/cds/legs.spool")
    assert ledger_file("sqlite:///cds-ledger.db") == Path("cds-ledger.db")
    assert spool_of("postgresql://cds@db/ledger") == Path("cds-ledger.spool")
    with pytest.raises(SettingsError):
        ledger_file("mysql://x/y")


def test_the_secret_set_wins_over_the_one_kept(tmp_path, caplog, monkeypatch):
    url = f"sqlite:///{tmp_path}/ledger.db"
    assert secret_of(url, "from the settings, long") == b"from the settings, long" and not list(tmp_path.iterdir())
    monkeypatch.chdir(tmp_path)
    secret_of("postgresql://cds@db/ledger", "")
    assert "not that of other machines" in caplog.text


def test_a_secret_others_can_read_is_told(tmp_path, caplog):
    url = f"sqlite:///{tmp_path}/ledger.db"
    kept = secret_of(url, "")
    file = tmp_path / "ledger.secret"
    assert file.read_bytes() == kept and len(kept) == 64 and file.stat().st_mode & 0o777 == 0o600
    assert caplog.text == ""
    file.chmod(0o644)
    assert secret_of(url, "") == kept and "read by others" in caplog.text


def test_a_secret_that_cannot_be_kept_stops_the_start(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="no CDS_SECRET"):
        secret_of(f"sqlite:///{tmp_path}/file/ledger.db", "")


def _secret(url, start, results):
    start.wait(20)
    results.put(secret_of(url, ""))


def test_of_many_workers_starting_at_once_all_get_one_secret(tmp_path):
    url = f"sqlite:///{tmp_path}/ledger.db"
    context = multiprocessing.get_context("fork")
    start, results = context.Event(), context.Queue()
    workers = [context.Process(target=_secret, args=(url, start, results)) for _ in range(8)]
    for worker in workers:
        worker.start()
    start.set()
    found = {results.get(timeout=20) for _ in workers}
    for worker in workers:
        worker.join(20)
    assert found == {(tmp_path / "ledger.secret").read_bytes()}
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.secret"]


def test_postgresql_without_its_driver_says_what_to_install(monkeypatch):
    monkeypatch.setattr("cds_service.store.database.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"psycopg\[binary\]"):
        open_ledger("postgresql://cds@db/ledger", SECRET.encode(), Path("unused"), background=False)


# ------------------------------------------------------------------------------------------------- over HTTP


class _Guard:
    """Knows one client by its header, in place of tokens."""

    def authenticate(self, headers, path):
        if headers.get("Authorization") not in ("Bearer north", "Bearer south"):
            raise NotAuthenticated("not known")
        return Caller(headers["Authorization"].removeprefix("Bearer "))


@pytest.fixture
def open_service(filled):
    made = running(settings_in(filled), "http://localhost:8000")
    yield made
    made.ledger.close()


@pytest.fixture
def web(open_service):
    return create_app(open_service).test_client()


@pytest.fixture
def registered(open_service):
    return create_app(replace(open_service, guard=_Guard(), registered=True)).test_client()


def _get(client, query="", token=None, path="/analytics/feedback", **further):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return client.get(f"{path}{query}", headers=headers | further.pop("headers", {}), **further)


def test_over_http_the_counts_are_those_of_the_command(web, cds):
    answer = _get(web)
    assert answer.status_code == 200 and answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json == json.loads(cds("feedback", "report", "--json")[1])
    by = _get(web, "?by=week,client&weeks=4").json["lines"]
    assert [(line["rule"], line["week"], line["shown"]) for line in by] == [
        ("DVT02", "2026-W10", 12),
        ("FE02", "2026-W07", "<10"),
    ]
    assert [line["rule"] for line in _get(web, "?rule=fe-02").json["lines"]] == ["FE02"]


def test_csv_and_ndjson_by_format(web):
    text = _get(web, "?format=csv")
    assert text.mimetype == "text/csv" and text.text.splitlines()[1].startswith("DVT02,,,12,<10,withheld,0,")
    lines = _get(web, "?format=ndjson")
    assert lines.mimetype == "application/x-ndjson"
    assert [json.loads(line)["rule"] for line in lines.text.splitlines()] == ["DVT02", "FE02"]


@pytest.mark.parametrize(
    "query",
    [
        "?small_counts=true",
        "?small-counts=1",
        "?smallest=0",
        "?client=north",
        "?weeks=0",
        "?weeks=x",
        "?weeks=99999999999999999999",
        "?weeks=1&from=2026-03-02",
        "?from=yesterday",
        "?from=0001-01-01",
        "?to=9999-12-31",
        "?from=2026-03-02&to=2026-03-01",
        "?by=patient",
        "?format=xml",
    ],
)
def test_other_parameters_are_refused(web, query):
    answer = _get(web, query)
    assert answer.status_code == 400 and answer.json["resourceType"] == "OperationOutcome"


def test_a_period_is_widened_to_whole_weeks(web):
    assert _get(web, "?from=2026-03-04&to=2026-03-04").json == _get(web, "?from=2026-03-02&to=2026-03-08").json
    told = _get(web, "?from=2026-03-04&to=2026-03-04").json
    assert (told["from"], told["until"]) == ("2026-03-02T00:00:00+00:00", "2026-03-09T00:00:00+00:00")


@pytest.mark.parametrize(
    "further",
    [
        {"environ_overrides": {"REMOTE_ADDR": "192.0.2.7"}},
        {"headers": {"X-Forwarded-For": "192.0.2.7"}},
        {"headers": {"Forwarded": "for=192.0.2.7"}},
        {"headers": {"Host": "rebound.example.org"}},
    ],
)
def test_without_registered_clients_only_this_machine_is_answered(web, further):
    assert _get(web).status_code == 200
    answer = _get(web, **further)
    assert answer.status_code == 401 and answer.json == _get(web, path="/analytics/answers").json


def test_a_registered_client_sees_its_own_and_nobody_else_anything(registered):
    assert _get(registered).status_code == _get(registered, path="/analytics/answers").status_code == 401
    assert [line["rule"] for line in _get(registered, token="north").json["lines"]] == ["FE02"]
    assert _get(registered, token="south").json["lines"] == []
    elsewhere = _get(registered, token="north", environ_overrides={"REMOTE_ADDR": "192.0.2.7"})
    assert elsewhere.status_code == 200, "registered clients call from anywhere"


def test_a_registered_client_exports_its_own_answers(registered, open_service):
    ledger = open_service.ledger
    ledger.feedback("leg-symptoms", [overridden(card(), "declined", "a word")], NOW, client="north")
    path = "/analytics/answers"
    (line,) = [json.loads(line) for line in _get(registered, token="north", path=path).text.splitlines()]
    assert (line["action"], line["feedback"], line["location"]) == ("overridden", "declined Declined", "north")
    rows = list(csv.DictReader(io.StringIO(_get(registered, "?format=csv", token="north", path=path).text)))
    assert len(rows) == 1 and rows[0]["location"] == "north"
    assert _get(registered, token="south", path=path).text == ""
    assert _get(registered, "?format=json", token="north", path=path).status_code == 400


def test_a_ledger_that_is_down_is_told(registered, web, open_service):
    open_service.ledger.close()
    open_service.ledger.database.up = False
    assert _get(web).status_code == 503
    assert _get(registered, token="north", path="/analytics/answers").status_code == 503
