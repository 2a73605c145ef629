"""How the ledger stands, for whoever runs it: is it reached, which version, what is in it, what waits, what went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cds_service.errors import Unavailable
from cds_service.store.database import Database
from cds_service.store.spool import ANSWERS, Spool


@dataclass(frozen=True, slots=True)
class Status:
    """version: of its tables, "" when there are none yet. rows: by table. spooled, answers_spooled: bytes that wait.

    dropped: calls whose cards never reached it, by why.
    """

    address: str
    reachable: bool
    version: str
    needed: str
    spool: Path
    spooled: int
    answers_spooled: int
    rows: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)


def status_of(url: str, spool: Path) -> Status:
    """Looks and changes nothing; no database is made. Raises SettingsError for a bad address."""
    from cds_service.store import migrations

    database = Database(url)
    reachable, version = False, ""
    rows: Mapping[str, int] = {}
    dropped: Mapping[str, int] = {}
    try:
        if not database.is_sqlite or Path(database.url.database or "").exists():
            version = database.version()
            reachable = True
            if version == migrations.HEAD:
                rows, dropped = _counts(database)
    except Unavailable:
        reachable = False
    finally:
        database.close()
    waiting, answers = Spool(spool).size(), Spool(spool, ending=ANSWERS).size()
    return Status(str(database), reachable, version, migrations.HEAD, spool, waiting, answers, rows, dropped)


def _counts(database: Database) -> tuple[dict[str, int], dict[str, int]]:
    from sqlalchemy import func, select

    from cds_service.store.tables import lost, metadata

    with database.read() as connection:
        rows = {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar() or 0
            for table in metadata.sorted_tables
        }
        sums = select(lost.c.why, func.sum(lost.c.entries)).group_by(lost.c.why)
        return rows, {why: int(entries) for why, entries in connection.execute(sums)}
