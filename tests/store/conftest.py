"""The ledger is tested on SQLite and on PostgreSQL alike. In CI a missing PostgreSQL is a failure, not a skip."""

import itertools
import os
from datetime import timedelta

import pytest

from cds_service.store.database import Database
from cds_service.store.keyed import Keyed
from cds_service.store.ledger import SqlLedger
from cds_service.store.memory import MemoryRules
from tests.store.calls import SECRET
from tests.store.postgres import Missing, Postgres

_numbers = itertools.count(1)
RULES = MemoryRules(
    {"critical": timedelta(hours=24), "warning": timedelta(days=7), "info": timedelta(days=30)},
    {
        "stat": timedelta(hours=24),
        "asap": timedelta(days=3),
        "urgent": timedelta(days=7),
        "routine": timedelta(days=14),
    },
    {"declined": {"info": timedelta(days=60)}},
)


def unavailable(why):
    """No PostgreSQL: a skip at a desk, a failure in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must test PostgreSQL: {why}")
    pytest.skip(str(why))


@pytest.fixture(scope="session")
def postgres():
    """The server for the ordinary tests: (address with a place for the database's name, run a statement)."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield _given(url)
        return
    try:
        server = Postgres()
    except Missing as error:
        unavailable(error)
    server.start()
    try:
        server.execute("CREATE DATABASE template_cds")
        _migrate(server.url("template_cds"))
        yield server.url, server.execute
    finally:
        server.remove()


def _given(url):
    from sqlalchemy import create_engine, text

    from cds_service.store.database import read_url

    address = read_url(url)

    def execute(statement):
        engine = create_engine(address, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def url_of(name):
        return address.set(database=name).render_as_string(hide_password=False)

    execute("DROP DATABASE IF EXISTS template_cds")
    execute("CREATE DATABASE template_cds")
    _migrate(url_of("template_cds"))
    return url_of, execute


def _migrate(url):
    from cds_service.store.commands import migrate

    migrate(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """The address of an empty, migrated database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/data/ledger.db"
        return
    url_of, execute = request.getfixturevalue("postgres")
    name = f"cds_{os.getpid()}_{next(_numbers)}"
    execute(f"CREATE DATABASE {name} TEMPLATE template_cds")
    yield url_of(name)
    execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def make(url, tmp_path):
    """Makes ledgers over the same database and spool, as several workers would; `background=True` for the thread."""
    made = []

    def ledger(*, memory=RULES, secret=SECRET, background=False, **options):
        database = Database(url, brief=2.0)
        made.append(
            SqlLedger(database, Keyed(secret), tmp_path / "spool", memory=memory, background=background, **options)
        )
        return made[-1]

    yield ledger
    for item in made:
        item.spool.close()
        item.database.close()


@pytest.fixture
def ledger(make):
    return make()
