"""A fork waits for background work to end, and no longer than its patience; the child may work at once."""

import os
import threading
import time

from cds_service.store import forks


def _fork_and_work():
    """Forks; the child takes its turn and ends with 0. Gives the seconds the fork took and the child's exit code."""
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        with forks.unforked():
            os._exit(0)
    spent = time.monotonic() - started
    return spent, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _at_work(seconds):
    """A thread that is at work for so long, begun."""
    begun = threading.Event()

    def work():
        with forks.unforked():
            begun.set()
            time.sleep(seconds)

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait(5)
    return thread


def test_a_fork_waits_for_work_to_end_and_the_parent_goes_on():
    thread = _at_work(0.3)
    spent, code = _fork_and_work()
    assert 0.2 < spent < 1.5 and code == 0
    thread.join(5)
    with forks.unforked():
        pass


def test_a_fork_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr(forks, "PATIENCE", 0.1)
    thread = _at_work(0.6)
    spent, code = _fork_and_work()
    assert spent < 0.5 and code == 0, "the child has a lock of its own"
    thread.join(5)
    with forks.unforked():
        pass
