"""The ledger's tables, version by version (Alembic). Run by `cds ledger migrate`, and at start for SQLite.

A version, once released, is never changed. `HEAD` is written down here so that a start need not import Alembic; a test
compares both.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Engine

HEAD = "0002"
EARLIER: tuple[str, ...] = ("0001",)


def current(engine: Engine) -> str | None:
    """The version a database is at, None for one without our tables."""
    from sqlalchemy import inspect, text

    with engine.connect().execution_options(reading=True) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(engine: Engine, to: str = "head") -> str:
    """Brings the tables to a version, in one transaction; gives the version reached."""
    from alembic import command

    with engine.begin() as connection:
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, to)
    return current(engine) or ""


def configuration() -> Any:
    """Alembic's configuration, without a file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
