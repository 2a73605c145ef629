"""What the command line and the start of the service ask of the store, in one line each.

Must not print or parse: `cli` does. Everything heavy is imported at use.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from cds_service.model.hook import HookCall
from cds_service.store.database import Database
from cds_service.store.keyed import Keyed
from cds_service.store.ledger import SqlLedger
from cds_service.store.memory import MemoryRules, explained


def open_ledger(
    url: str,
    secret: bytes,
    spool: Path,
    *,
    memory: MemoryRules | None = None,
    fixed_clock: bool = False,
    background: bool = True,
) -> SqlLedger:
    """The ledger of the settings. Opens nothing yet. Raises SettingsError for a bad address or a short secret."""
    return SqlLedger(Database(url), Keyed(secret), spool, memory=memory, fixed_clock=fixed_clock, background=background)


def migrate(url: str) -> str:
    """Brings a database's tables up to date; gives the version reached. Raises SettingsError, Unavailable."""
    database = Database(url)
    try:
        return database.migrate()
    finally:
        database.close()


def memory_of(
    ledger: SqlLedger, patient_id: str, user_id: str, now: datetime, *, client: str = "", tenant: str = ""
) -> list[str]:
    """In words: what is held back from this user for this patient, why, and until when."""
    call = HookCall("", "", "", user_id, patient_id, client=client, tenant=tenant)
    return explained(ledger.held(call, now))
