"""What was shown and what was answered is kept, on both databases, without a clinical value."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select, text

from cds_service.errors import Unavailable
from cds_service.model.hook import Reply
from cds_service.model.memory import Note
from cds_service.store import migrations
from cds_service.store.database import Database
from cds_service.store.tables import accepted as accepted_table
from cds_service.store.tables import card as card_table
from cds_service.store.tables import card_rule, feedback, metadata, suggestion
from tests.store.calls import NOW, accepted, call, card, overridden, reply


def rows(ledger, table):
    with ledger.database.read() as connection:
        return [dict(row._mapping) for row in connection.execute(select(table).order_by(*table.primary_key))]


def test_a_shown_card_is_kept_with_rule_version_client_and_time(ledger):
    item = card(orders=["2276-4", "718-7"], priority="stat", planned="2026-06-22T10:00:00+00:00")
    newest = datetime(2026, 6, 1, 8, 0, tzinfo=timezone(timedelta(hours=2)))
    notes = {"FE02": Note(newest, "site.yaml", "furosemide")}
    ledger.shown(call(client="north", tenant="t1"), reply(item, version="1.2.0"), NOW, notes)
    assert ledger.drainer.drain() == 1
    (kept,) = rows(ledger, card_table)
    assert kept["card"] == item["uuid"]
    assert (kept["client"], kept["tenant"]) == ("north", "t1")
    assert (kept["service"], kept["hook"]) == ("leg-symptoms", "patient-view")
    assert kept["at"] == NOW and kept["week"] == "2026-W25" and kept["indicator"] == "info" and kept["one_of"] is False
    (rule,) = rows(ledger, card_rule)
    assert (rule["code"], rule["version"], rule["role"], rule["origin"]) == ("FE02", "1.2.0", "card", "site.yaml")
    assert rule["newest_evidence"] == newest and rule["newest_evidence"].tzinfo is UTC
    assert {(row["orders"], row["priority"]) for row in rows(ledger, suggestion)} == {
        ("http://loinc.org|2276-4", "stat"),
        ("http://loinc.org|718-7", "stat"),
    }
    assert all(row["planned"] == datetime(2026, 6, 22, 10, tzinfo=UTC) for row in rows(ledger, suggestion))


def test_lines_and_questions_are_kept_as_what_they_are(ledger):
    merged, asking = card("WK01", orders=["2276-4"]), card("ASK")
    verdicts = [*reply(merged, lines=["GAPFE"]).verdicts, *reply(asking, asked=["DVT02"]).verdicts]
    newest = NOW - timedelta(days=3)
    ledger.shown(call(), Reply([merged, asking], verdicts), NOW, {"GAPFE": Note(newest)})
    ledger.drainer.drain()
    found = {row["code"]: row for row in rows(ledger, card_rule)}
    assert {code: row["role"] for code, row in found.items()} == {
        "WK01": "card",
        "GAPFE": "line",
        "ASK": "card",
        "ASK:DVT02": "question",
    }
    assert found["WK01"]["newest_evidence"] == newest, "a collected card rests on what its lines rest on"


def test_no_patient_user_or_clinical_text_is_kept(ledger, url):
    item = card(orders=["2276-4"])
    about = {"FE02": Note(about="DRUG-X")}
    ledger.shown(call(patient="PATIENT-4711", user="Practitioner/USER-0815"), reply(item), NOW, about)
    spooled = b"".join(path.read_bytes() for path in ledger.spool.folder.iterdir())
    ledger.drainer.drain()
    stored = "".join(str(rows(ledger, table)) for table in metadata.sorted_tables)
    assert item["uuid"] in stored and item["uuid"].encode() in spooled
    for word in ("4711", "0815", "DRUG-X", "MARKER", "Ferritin", "12 ng"):
        assert word not in stored and word.encode() not in spooled
    assert not list(ledger.spool.folder.glob("*.spool"))


def test_a_patient_is_known_again_and_only_within_one_client_tenant_and_secret(make):
    first, other = make(), make(secret=b"another secret, which is long enough")
    same = first.keyed.patient("a", "t", "p1")
    assert same == first.keyed.patient("a", "t", "Patient/p1") and len(same) == 64
    different = {
        same,
        first.keyed.patient("b", "t", "p1"),
        first.keyed.patient("a", "u", "p1"),
        first.keyed.patient("at", "", "p1"),
        first.keyed.user("a", "t", "p1"),
        other.keyed.patient("a", "t", "p1"),
    }
    assert len(different) == 6


def test_nothing_shown_writes_nothing(ledger):
    ledger.shown(call(), Reply(), NOW)
    assert not ledger.spool.folder.exists()


def test_feedback_is_kept_whole_and_repeats_too(ledger):
    item = card(orders=["2276-4", "718-7"])
    ledger.shown(call(), reply(item), NOW)
    ledger.drainer.drain()
    told = NOW - timedelta(minutes=5)
    body = [overridden(item, "declined", "she\0 said no \ud800", at=told), accepted(item, 0, 1)]
    assert ledger.feedback("leg-symptoms", body, NOW) == 2
    assert ledger.feedback("leg-symptoms", body[:1], NOW) == 1
    first, second, third = rows(ledger, feedback)
    assert (first["reason"], first["reason_system"], first["reason_display"]) == (
        "declined",
        "http://x/override-reasons",
        "Declined",
    )
    assert first["commented"] is True and first["comment"] == "she said no ?"
    assert first["told_at"] == told and first["received"] == NOW and first["counts_from"] == told
    assert second["outcome"] == "accepted" and second["commented"] is False and second["comment"] is None
    assert third["outcome"] == "overridden"
    assert {row["suggestion"] for row in rows(ledger, accepted_table)} == {part["uuid"] for part in item["suggestions"]}


def test_an_unknown_card_and_a_reason_without_system_are_stored(ledger):
    entry = {
        "card": "no-such-card",
        "outcome": "overridden",
        "outcomeTimestamp": "2026-06-15T09:00:00.123Z",
        "overrideReason": {"reason": {"code": "x"}},
    }
    assert ledger.feedback("leg-symptoms", [entry], NOW, client="north") == 1
    (kept,) = rows(ledger, feedback)
    assert (kept["card"], kept["reason"], kept["reason_system"], kept["client"]) == ("no-such-card", "x", "", "north")


def test_one_bad_entry_of_a_body_keeps_the_others_out_too(ledger):
    with pytest.raises(KeyError):
        ledger.feedback("leg-symptoms", [overridden(card()), {"outcome": "overridden"}], NOW)
    ledger.database.prepare()
    assert rows(ledger, feedback) == []


def test_an_answer_to_a_card_still_in_any_workers_spool_counts_at_once(make):
    showing, told = make(), make()
    item, other = card(), card("FE01")
    showing.shown(call(), reply(item), NOW)
    showing.shown(call(), reply(other), NOW)
    told.feedback("leg-symptoms", [overridden(item)], NOW)
    assert set(told.held(call(), NOW)) == {"FE02"}
    assert {row["card"] for row in rows(told, card_table)} == {item["uuid"]}, "the rest goes its usual way"
    showing.drainer.drain()
    assert {row["card"] for row in rows(told, card_table)} == {item["uuid"], other["uuid"]}
    assert len(rows(told, feedback)) == 1


def test_a_client_that_wants_no_uuid_is_counted_all_the_same(ledger):
    one, two = card(), card("WK01")
    told = reply(one, two, lines=["GAPFE"])
    for item in (one, two):
        del item["uuid"], item["source"]["topic"]
    ledger.shown(call(), told, NOW)
    ledger.drainer.drain()
    kept = {row["topic"]: row["card"] for row in rows(ledger, card_table)}
    assert kept == {verdict["code"]: verdict["card"] for verdict in told.verdicts[:2]}
    assert {row["code"]: row["role"] for row in rows(ledger, card_rule)} == {
        "FE02": "card",
        "GAPFE": "line",
        "WK01": "card",
    }


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "yesterday", None, 5])
def test_a_timestamp_nobody_can_read_is_our_clock(ledger, moment):
    ledger.feedback("leg-symptoms", [{**overridden(card()), "outcomeTimestamp": moment}], NOW)
    assert rows(ledger, feedback)[0]["told_at"] == NOW


def test_moving_twice_keeps_one(ledger):
    item = card(orders=["2276-4"])
    ledger.shown(call(), reply(item), NOW)
    (path,) = ledger.spool.folder.glob("*.spool")
    content = path.read_bytes()
    ledger.drainer.drain()
    path.write_bytes(content)
    assert ledger.drainer.drain() == 1
    assert len(rows(ledger, card_table)) == len(rows(ledger, card_rule)) == len(rows(ledger, suggestion)) == 1


def test_one_entry_that_cannot_be_kept_is_counted_and_keeps_no_other_out(ledger):
    good = [card(), card("FE01")]
    ledger.shown(call(), reply(good[0]), NOW)
    ledger.spool.append(b'{"at":"2026-06-15T10:00:00+00:00","cards":[{"card":"half"}]}')
    ledger.spool.append(b'{"at":"2026-06-15T1')
    ledger.shown(call(), reply(good[1]), NOW)
    ledger.drainer.drain()
    assert {row["card"] for row in rows(ledger, card_table)} == {item["uuid"] for item in good}
    assert sorted(row["why"] for row in rows(ledger, metadata.tables["lost"])) == ["refused", "torn"]


def test_the_tables_are_those_the_migrations_make(ledger):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    ledger.database.prepare()
    assert ScriptDirectory.from_config(migrations.configuration()).get_current_head() == migrations.HEAD
    with ledger.database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_downgrade_leaves_nothing(url):
    from alembic import command

    database = Database(url)
    database.migrate()
    with database._engine("durable").begin() as connection:
        config = migrations.configuration()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert migrations.current(database._engine("durable")) is None
    assert database.migrate() == migrations.HEAD
    database.close()


def test_tables_of_a_later_version_are_not_touched(ledger):
    ledger.database.prepare()
    with ledger.database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    ledger.database._prepared = False
    assert ledger.feedback("leg-symptoms", [overridden(card())], NOW) == 1, "it waits in the spool"
    with pytest.raises(Unavailable):
        ledger.drainer.drain()
    with pytest.raises(Unavailable, match="newer"):
        ledger.database.migrate()
    assert rows(ledger, feedback) == [] and ledger.answers.size() > 0


def test_missing_tables_are_complained_of_once_with_what_to_do(postgres, caplog):
    url_of, execute = postgres
    execute("DROP DATABASE IF EXISTS cds_without_tables")
    execute("CREATE DATABASE cds_without_tables")
    database = Database(url_of("cds_without_tables"))
    assert [database.probe() for _ in range(3)] == [False, False, False]
    assert [record.message for record in caplog.records if "cds ledger migrate" in record.message] == [
        f"the ledger is of version none, not {migrations.HEAD}: run `cds ledger migrate`"
    ]
    database.migrate()
    assert database.probe()
    database.close()
    execute("DROP DATABASE cds_without_tables WITH (FORCE)")


def test_tables_of_the_version_before_are_brought_up_with_what_they_hold(url):
    database = Database(url)
    database.migrate()
    engine = database._engine("durable")
    from alembic import command

    with engine.begin() as connection:
        config = migrations.configuration()
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
        connection.execute(
            text(
                "INSERT INTO feedback (card, service, client, tenant, outcome, reason, reason_system, reason_display, "
                "commented, told_at, received, counts_from) VALUES ('c', 's', '', '', 'overridden', '', '', '', "
                "false, '2026-06-15 10:00:00', '2026-06-15 10:00:00', '2026-06-15 10:00:00')"
            )
        )
    assert migrations.current(engine) == "0001"
    assert database.migrate() == migrations.HEAD
    with database.read() as connection:
        assert [row.card for row in connection.execute(select(feedback))] == ["c"]
    database.close()


def test_postgresql_without_tables_asks_for_the_command(postgres, caplog):
    url_of, execute = postgres
    execute("CREATE DATABASE cds_empty")
    try:
        database = Database(url_of("cds_empty"))
        assert not database.probe()
        with pytest.raises(Unavailable, match="cds ledger migrate"):
            database.prepare()
        database.migrate()
        assert database.probe()
        database.close()
    finally:
        execute("DROP DATABASE cds_empty WITH (FORCE)")
