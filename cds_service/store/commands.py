"""What the command line and the start of the service ask of the store, in one line each.

Must not print or parse: `cli` does. Everything heavy is imported at use.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

from cds_service.store.database import Database, read_url
from cds_service.store.keyed import Keyed, kept_at
from cds_service.store.ledger import SqlLedger
from cds_service.store.memory import MemoryRules, explained, remembered

log = logging.getLogger("cds_service.store")


def ledger_file(url: str) -> Path:
    """What stands beside the ledger is named after this file: the spool (`.spool`, a folder) and, where no CDS_SECRET
    is set, the secret (`.secret`). For PostgreSQL it is `cds-ledger` in the folder the service runs in.

    Raises SettingsError.
    """
    address = read_url(url)
    if address.drivername.startswith("sqlite") and address.database:
        return Path(address.database)
    return Path("cds-ledger")


def spool_of(url: str) -> Path:
    """The folder of what waits for the database. Raises SettingsError."""
    return ledger_file(url).with_suffix(".spool")


def secret_of(url: str, secret: str) -> bytes:
    """CDS_SECRET, or the one kept beside the ledger, made there at the first start. Raises SettingsError."""
    if secret:
        return secret.encode()
    if not read_url(url).drivername.startswith("sqlite"):
        log.warning("CDS_SECRET is not set: the one kept in this folder is not that of other machines")
    return kept_at(ledger_file(url).with_suffix(".secret"))


def open_ledger(
    url: str,
    secret: bytes,
    spool: Path,
    *,
    memory: MemoryRules | None = None,
    fixed_clock: bool = False,
    background: bool = True,
) -> SqlLedger:
    """The ledger of the settings. Opens nothing yet. Raises SettingsError for a bad address or a short secret.

    background: for a server. Whatever is slow to import is imported now, before workers are forked, and not in the
    first hook call.
    """
    if background:
        Database(url).load()
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
    """In words: what is held back from this user for this patient, why, and until when. Raises Unavailable."""
    rules, database = ledger.memory, ledger.database
    if rules is None:
        return []
    database.prepare()
    patient = ledger.keyed.patient(client, tenant, patient_id)
    who = ledger.keyed.user(client, tenant, user_id)
    return explained(remembered(database, ledger.keyed, rules, patient, who, now))
