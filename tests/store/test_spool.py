"""The spool: nothing is lost below its bound, the oldest goes first above it, and every loss is counted."""

import multiprocessing
import os
import signal
import time

import pytest

from cds_service.store.spool import Spool
from cds_service.store.tables import lost
from tests.store.calls import NOW, call, card, reply
from tests.store.test_ledger import rows


def lines(spool):
    found = []
    for segment in spool.take():
        found += segment.lines
        segment.finish()
    return found


def test_what_is_appended_comes_out_in_order_and_once(tmp_path):
    spool = Spool(tmp_path / "spool", segment=100)
    written = [f"entry {number}".encode() for number in range(50)]
    for line in written:
        spool.append(line)
    assert len(list(spool.folder.glob("*.spool"))) > 1
    assert lines(spool) == written and lines(spool) == [] and spool.size() == 0


def test_a_released_segment_is_taken_again(tmp_path):
    spool = Spool(tmp_path / "spool")
    spool.append(b"kept")
    for segment in spool.take():
        segment.release()
    assert lines(spool) == [b"kept"]


def test_a_segment_in_use_is_left_alone(tmp_path):
    writer, other = Spool(tmp_path / "spool"), Spool(tmp_path / "spool")
    writer.append(b"still writing")
    assert lines(other) == []
    writer.append(b"and on")
    taken = next(iter(writer.take()))
    assert lines(other) == [], "locked by whoever moves it"
    taken.release()
    assert lines(other) == [b"still writing", b"and on"]


def test_the_files_are_the_owners_alone(tmp_path):
    spool = Spool(tmp_path / "spool")
    spool.append(b"x")
    assert spool.folder.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in spool.folder.iterdir())


def _write_and_die(folder):
    spool = Spool(folder)
    for number in range(200):
        spool.append(b"entry %d" % number)
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_process_wrote_is_there(tmp_path):
    process = multiprocessing.get_context("fork").Process(target=_write_and_die, args=(tmp_path / "spool",))
    process.start()
    process.join(20)
    assert process.exitcode == -signal.SIGKILL
    assert lines(Spool(tmp_path / "spool")) == [b"entry %d" % number for number in range(200)]


def _append_in_child(spool):
    spool.append(b"child")
    os._exit(0)


def test_a_forked_child_writes_a_segment_of_its_own(tmp_path):
    spool = Spool(tmp_path / "spool")
    spool.append(b"parent")
    process = multiprocessing.get_context("fork").Process(target=_append_in_child, args=(spool,))
    process.start()
    process.join(20)
    spool.append(b"parent again")
    assert len(list(spool.folder.glob("*.spool"))) == 2
    assert sorted(lines(spool)) == [b"child", b"parent", b"parent again"]


def test_below_the_bound_nothing_goes_and_above_it_the_oldest(tmp_path):
    dropped = []
    spool = Spool(tmp_path / "spool", bound=4000, segment=400, lost=dropped.extend)
    for number in range(300):  # each 10 bytes: 3000 in all
        spool.append(b"%09d" % number)
    assert dropped == []
    for number in range(300, 1000):
        spool.append(b"%09d" % number)
    kept = lines(spool)
    assert dropped and dropped + kept == [b"%09d" % number for number in range(1000)]
    assert len(kept) * 10 <= 4000 < len(kept) * 10 + 800, "and no more than it must"


def test_a_full_spool_is_counted_logged_and_remembered(make, caplog):
    ledger = make(bound=20_000, segment=2_000)
    items = [card() for _ in range(100)]
    for item in items:
        ledger.shown(call(), reply(item), NOW)
    assert ledger.lost > 0 and "the spool is full" in caplog.text
    assert ledger.spool.size() <= 20_000
    ledger.drainer.drain()
    kept = {row["card"] for row in rows(ledger, card_table())}
    assert kept == {item["uuid"] for item in items[-len(kept) :]}, "the newest are those that are left"
    assert sum(row["entries"] for row in rows(ledger, lost)) == ledger.lost == 100 - len(kept)
    assert ledger.condition().lost == ledger.lost


def card_table():
    from cds_service.store.tables import card as table

    return table


def test_a_disk_that_takes_nothing_costs_the_entry_and_not_the_call(make, monkeypatch, caplog):
    ledger = make()

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", refuse)
    ledger.shown(call(), reply(card()), NOW)
    assert ledger.lost == 1 and "could not be kept" in caplog.text


def test_a_half_written_entry_is_no_other_entrys_end(tmp_path, monkeypatch):
    spool = Spool(tmp_path / "spool")
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, data[:5]))
    with pytest.raises(OSError, match="no space"):
        spool.append(b"too long for the disk")
    monkeypatch.setattr(os, "write", real)
    spool.append(b"next")
    assert lines(spool) == [b"too l", b"next"]


def test_a_fork_while_a_segment_is_read_keeps_it_from_nobody(tmp_path):
    spool = Spool(tmp_path)
    spool.append(b"{}")
    segment = next(spool.take())
    child = os.fork()
    if not child:
        time.sleep(20)
        os._exit(0)
    try:
        time.sleep(0.2)
        assert list(Spool(tmp_path).take()) == [], "read by the parent"
        segment.release()
        assert len(list(Spool(tmp_path).take())) == 1, "the child holds nothing"
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
