"""Nothing acknowledged is lost: the database, a worker and the whole server are killed under load (a few seconds,
loopback only), and no hook call fails or waits because the database is gone.
"""

import http.client
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import pytest
from sqlalchemy import select

from cds_service.store.commands import migrate
from cds_service.store.database import SQLITE_WAIT, Database
from cds_service.store.tables import card as card_table
from cds_service.store.tables import feedback
from tests.store.conftest import unavailable
from tests.store.postgres import Missing, Postgres

ROOT = Path(__file__).parents[2]


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=5)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        self.sock.connect(str(self.path))


class Server:
    def __init__(self, url, folder):
        self.socket = folder / "s"
        self.command = [sys.executable, "-m", "tests.store.small_server", url, str(folder / "spool"), str(self.socket)]
        self.start()

    def start(self):
        self.socket.unlink(missing_ok=True)
        self.process = subprocess.Popen(self.command, cwd=ROOT, start_new_session=True)
        for _ in range(200):
            if self.ask("shown", str(uuid.uuid4())):
                return
            assert self.process.poll() is None, "the server did not start"
            time.sleep(0.05)
        raise AssertionError("the server does not answer")

    def ask(self, what, number):
        """(status, body), or None when nobody answered."""
        connection = Connection(self.socket)
        try:
            connection.request("POST", f"/{what}/{number}")
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def kill_worker(self):
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True, check=True
        ).stdout.split()
        assert children
        os.kill(int(children[0]), signal.SIGKILL)

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def remove(self):
        if self.process.poll() is None:
            self.kill()


class Load:
    """Three users who look at cards and dismiss every third; remembers what was acknowledged."""

    def __init__(self, server):
        self.server = server
        self.shown, self.told, self.refused, self.broken, self.times = [], [], [], [], []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(number,)) for number in range(3)]
        for thread in self.threads:
            thread.start()

    def _run(self, number):
        chance = random.Random(number)
        while not self.stop.is_set():
            name = str(uuid.uuid4())
            started = time.monotonic()
            answer = self.server.ask("shown", name)
            if answer is None:
                time.sleep(0.05)
                continue
            self.times.append((started, time.monotonic() - started))
            (self.shown if answer[0] == 200 else self.broken).append(name)
            if chance.random() < 0.33 and (answer := self.server.ask("feedback", name)):
                {200: self.told, 503: self.refused}.get(answer[0], self.broken).append(name)
            time.sleep(0.004)

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(10)

    def slowest(self, since, until):
        """The 95th percentile of the hook calls begun in this time, seconds."""
        times = sorted(spent for started, spent in self.times if since <= started < until)
        assert len(times) > 20, "hardly any call was answered"
        return times[int(len(times) * 0.95)]


def kept(url, table):
    database = Database(url)
    try:
        with database.read() as connection:
            return set(connection.execute(select(table.c.card)).scalars())
    finally:
        database.close()


def everything_arrives(server, load, url, folder):
    """After the last start: the spool runs empty, and all that was acknowledged is in the database."""
    server.ask("shown", str(uuid.uuid4()))
    wanted = ((card_table, set(load.shown)), (feedback, set(load.told)))
    for _ in range(150):
        missing = {table.name: names - kept(url, table) for table, names in wanted}
        if not any(missing.values()):
            break
        time.sleep(0.1)
    assert missing == {"card": set(), "feedback": set()}, "acknowledged and lost"
    assert load.broken == [], "a call failed"
    assert len(load.shown) > 100 and len(load.told) > 20


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="cds-", dir="/tmp") as path:  # short: it holds a socket
        yield Path(path)


@pytest.fixture
def own_postgres():
    if os.environ.get("TEST_DATABASE_URL") and not Path("/usr/lib/postgresql").exists():
        pytest.skip("a PostgreSQL given by address cannot be killed; there are no binaries to start one")
    try:
        server = Postgres()
    except Missing as error:
        unavailable(error)
    server.start()
    server.execute("CREATE DATABASE ledger")
    migrate(server.url("ledger"))
    yield server
    server.remove()


def test_postgresql_the_worker_and_the_server_are_killed_under_load(own_postgres, folder):
    url = own_postgres.url("ledger")
    server = Server(url, folder)
    try:
        load = Load(server)
        time.sleep(0.8)
        assert load.told, "feedback is kept while all is well"
        own_postgres.kill()
        down, before = time.monotonic(), len(load.told)
        time.sleep(0.8)
        assert load.refused == [] and len(load.told) > before, "feedback waits on disk, and is not refused"
        server.kill_worker()
        time.sleep(0.8)
        back = time.monotonic()
        own_postgres.start()
        assert load.slowest(down, back) < 0.5
        time.sleep(1.2)
        told = len(load.told)
        own_postgres.pause()
        hung = time.monotonic()
        time.sleep(0.8)
        own_postgres.resume()
        assert load.slowest(hung, hung + 0.8) < 0.5
        time.sleep(1.0)
        assert len(load.told) > told, "it found the database again"
        own_postgres.kill()
        time.sleep(0.3)
        server.kill()
        load.end()
        own_postgres.start()
        server.start()
        everything_arrives(server, load, url, folder)
    finally:
        server.remove()


def test_sqlite_the_worker_and_the_server_are_killed_under_load(folder):
    url = f"sqlite:///{folder}/ledger.db"
    server = Server(url, folder)
    try:
        load = Load(server)
        time.sleep(0.8)
        server.kill_worker()
        time.sleep(0.8)
        server.kill_worker()
        time.sleep(0.3)
        server.kill()
        load.end()
        server.start()
        everything_arrives(server, load, url, folder)
        assert load.refused == []
    finally:
        server.remove()


def test_a_locked_sqlite_file_slows_no_call_and_loses_nothing(folder):
    """Another program holds the file for longer than feedback waits; a worker is killed meanwhile."""
    url = f"sqlite:///{folder}/ledger.db"
    server = Server(url, folder)
    try:
        load = Load(server)
        time.sleep(0.6)
        holder = sqlite3.connect(folder / "ledger.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        locked, before = time.monotonic(), len(load.told)
        time.sleep(SQLITE_WAIT["durable"] / 1000 + 1.0)
        server.kill_worker()
        end = time.monotonic() + 15
        while len(load.told) <= before + 10 and time.monotonic() < end:
            time.sleep(0.1)
        assert len(load.told) > before + 10, "after the first wait, feedback goes to the spool"
        assert load.slowest(locked, time.monotonic()) < 0.5
        holder.rollback()
        holder.close()
        time.sleep(0.5)
        load.end()
        everything_arrives(server, load, url, folder)
        assert load.refused == []
    finally:
        server.remove()


def test_several_workers_may_make_the_tables_at_once(tmp_path):
    url = f"sqlite:///{tmp_path}/new/ledger.db"
    database = [Database(url) for _ in range(4)]
    threads = [threading.Thread(target=item.prepare) for item in database]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert all(item._prepared for item in database)
    assert (tmp_path / "new" / "ledger.db").stat().st_mode & 0o777 == 0o600
    for item in database:
        item.close()


def test_importing_the_store_loads_neither_sqlalchemy_nor_alembic():
    code = "import sys; import cds_service.store.ledger, cds_service.store.commands; print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in ("sqlalchemy", "alembic", "psycopg"):
        assert f"'{name}'" not in loaded
