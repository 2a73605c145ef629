"""The way to the database: engines, transactions, and knowing whether it is up.

Every failure leaves here as `errors.Unavailable`; no SQL stands here. A hook call must not wait for a database that is
down or hangs: `briefly` gives up after a short time, and once something failed it does not even try until `probe` (the
drainer's task) has found the database up again. Addresses are shown without their password.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cds_service.errors import SettingsError, Unavailable
from cds_service.store.forks import in_child

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine import URL

log = logging.getLogger("cds_service.store")
T = TypeVar("T")

BRIEF = 0.15  # seconds a hook call may wait for the ledger
PATIENT = 4.0  # seconds feedback may wait
_of_the_parent: list[object] = []
SQLITE_WAIT = {"durable": 3000, "light": 250}  # milliseconds for another writer


def read_url(text: str) -> URL:
    """An SQLAlchemy URL from CDS_DATABASE_URL: `sqlite:////var/lib/cds/ledger.db` or `postgresql://…` (15 or later).

    Raises SettingsError for anything else; its message never holds the password.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise SettingsError("CDS_DATABASE_URL is no address such as sqlite:////var/lib/cds/ledger.db") from None
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise SettingsError(f"CDS_DATABASE_URL: `{url.drivername}` is not kept here; use sqlite or postgresql")
    if not url.database or url.database == ":memory:":
        raise SettingsError("CDS_DATABASE_URL: the ledger needs a file, so that every worker sees it")
    return url


class Database:
    """One database, shared by all workers. Opens nothing before it is needed; safe to build before a fork."""

    def __init__(self, url: str, *, brief: float = BRIEF, patient: float = PATIENT):
        self.url = read_url(url)
        self.brief = brief
        self.patient = patient
        self.is_sqlite = self.url.drivername.startswith("sqlite")
        if not self.is_sqlite and find_spec("psycopg") is None:
            raise SettingsError("CDS_DATABASE_URL: PostgreSQL needs a driver: pip install 'psycopg[binary]'")
        self._fresh()
        in_child(self._forked)

    def _forked(self) -> None:
        """What a parent process opened is left to it: kept, so that it is not closed here, and never used."""
        _of_the_parent.append(self._engines)
        self._fresh()

    def _fresh(self) -> None:
        """Nothing opened yet."""
        self._lock = threading.Lock()
        self._engines: dict[str, Engine] = {}
        self._threads: ThreadPoolExecutor | None = None
        self._prepared = False
        self._found = ""  # the version of the tables last complained of
        self.up = True

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def begin(self, kind: str = "durable") -> Iterator[Connection]:
        """A writing transaction: on leaving, what was written is on disk (kind `light`: survives the process, not a
        power cut). Raises Unavailable.
        """
        with _told(), self._engine(kind).begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A reading transaction, rolled back at the end. Raises Unavailable."""
        with _told(), self._engine("light").connect().execution_options(reading=True) as connection:
            yield connection

    def briefly(self, task: Callable[[], T]) -> T:
        """The task, within the time a hook call may wait. Raises Unavailable: at once while the database is down."""
        return self._within(task, self.brief)

    def patiently(self, task: Callable[[], T]) -> T:
        """The task, within the time feedback may wait. Raises Unavailable: at once while the database is down."""
        return self._within(task, self.patient)

    def probe(self) -> bool:
        """Is it up, and are its tables as we know them? Called in the background; never raises."""

        def look() -> None:
            self.prepare()
            with self.read() as connection:
                connection.exec_driver_sql("SELECT 1")

        try:
            self._run(look, self.patient)
        except (Unavailable, Late):
            self.up = False
        else:
            self.up = True
        return self.up

    def load(self) -> None:
        """Imports what the first use would import."""
        from cds_service.store import answers, feedback, migrations, tables  # noqa: F401

        self.url.get_dialect().import_dbapi()
        if self.is_sqlite:  # a new file's tables are made in the first call
            import alembic.command  # noqa: F401

    def prepare(self) -> None:
        """Makes sure once that the tables are there: SQLite's are made, PostgreSQL's must be. Raises Unavailable."""
        from cds_service.store import migrations

        if self._prepared:
            return
        if self.is_sqlite:
            self.migrate()
        else:
            with _told():
                found = migrations.current(self._engine("durable")) or "none"
            if found != migrations.HEAD:
                if self._found != found:  # once, not at every look
                    self._found = found
                    log.error("the ledger is of version %s, not %s: run `cds ledger migrate`", found, migrations.HEAD)
                raise Unavailable("the ledger's tables are of another version: run `cds ledger migrate`")
        self._prepared = True

    def version(self) -> str:
        """Of its tables; "" when there are none. Raises Unavailable."""
        from cds_service.store import migrations

        with _told():
            return migrations.current(self._engine("light")) or ""

    def shrink(self) -> None:
        """What was deleted leaves SQLite's log of changes too. Raises Unavailable."""
        if self.is_sqlite:
            with _told(), self._engine("durable").connect() as connection:
                connection.rollback()
                connection.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # outside any transaction

    def migrate(self) -> str:
        """Brings the tables up to date; gives their version. Raises Unavailable, also for tables newer than we know."""
        from cds_service.store import migrations

        with self._lock_for_tables(), _told():
            engine = self._engine("durable")
            found = migrations.current(engine)
            if found == migrations.HEAD:
                return found
            if found not in (None, *migrations.EARLIER):
                raise Unavailable(f"the ledger's tables are of version {found}, newer than this program knows")
            return migrations.upgrade(engine)

    def close(self) -> None:
        with self._lock:
            engines, self._engines = self._engines, {}
            if self._threads is not None:
                self._threads.shutdown(wait=False, cancel_futures=True)
                self._threads = None
        for engine in engines.values():
            engine.dispose()

    def _within(self, task: Callable[[], T], seconds: float) -> T:
        if not self.up:
            raise Unavailable("the ledger cannot be reached")
        try:
            return self._run(task, seconds)
        except (Unavailable, Late) as error:
            if self.up:
                told = {"error": str(error) or "too slow", "database": str(self)}
                log.warning("ledger cannot be reached", extra=told)
            self.up = False
            raise Unavailable("the ledger cannot be reached") from None

    def _run(self, task: Callable[[], T], seconds: float) -> T:
        """SQLite answers or fails by itself; a server may hang, so another thread waits for it."""

        def work() -> T:
            self.prepare()
            return task()

        if self.is_sqlite:
            return work()
        try:
            future: Future[T] = self._executor().submit(work)
        except RuntimeError:  # the interpreter is on its way out
            raise Unavailable("the ledger is closed") from None
        return future.result(timeout=seconds)

    def _executor(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(4, "ledger")
            return self._threads

    def _engine(self, kind: str) -> Engine:
        with self._lock:
            if kind not in self._engines:
                self._engines[kind] = _sqlite(self.url, kind) if self.is_sqlite else _postgresql(self.url, kind)
            return self._engines[kind]

    @contextmanager
    def _lock_for_tables(self) -> Iterator[None]:
        """One process at a time makes an SQLite file's tables. PostgreSQL's are not made here."""
        if not self.is_sqlite:
            yield
            return
        import fcntl

        file = Path(self.url.database or "")
        with _told():
            file.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(file.with_name(file.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if not file.exists():
                os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))  # its owner's alone
            yield
        finally:
            os.close(handle)


@contextmanager
def _told() -> Iterator[None]:
    """The driver's failures as Unavailable; a value it cannot take stays the error it is."""
    from sqlalchemy import exc

    try:
        yield
    except (exc.DataError, exc.IntegrityError):
        raise
    except (exc.DBAPIError, exc.TimeoutError, exc.InvalidRequestError, OSError) as error:
        cause = getattr(error, "orig", None) or error
        raise Unavailable(f"the ledger cannot be reached ({type(cause).__name__})") from error


def _sqlite(url: URL, kind: str) -> Engine:
    from sqlalchemy import create_engine, event

    engine = create_engine(url, connect_args={"timeout": SQLITE_WAIT[kind] / 1000}, pool_size=4, max_overflow=16)

    @event.listens_for(engine, "connect")
    def _set(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        for setting in (
            "journal_mode=WAL",
            f"synchronous={'FULL' if kind == 'durable' else 'NORMAL'}",
            "secure_delete=ON",
        ):
            cursor.execute(f"PRAGMA {setting}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # a writer takes its place at once; one that read first could not become a writer later
        connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("reading") else "BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL, kind: str) -> Engine:
    from sqlalchemy import create_engine

    options = "-c statement_timeout=8000 -c lock_timeout=3000"
    options += f" -c synchronous_commit={'off' if kind == 'light' else 'on'}"
    asked = {"connect_timeout": 3, "options": options, "tcp_user_timeout": 8000, "application_name": "cds-service"}
    return create_engine(
        url,
        connect_args={name: value for name, value in asked.items() if name not in url.query},
        pool_pre_ping=True,
        pool_size=4,
        max_overflow=4,
        pool_timeout=1,
    )
