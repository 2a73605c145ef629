"""Who a card was about and for, as keyed hashes: the ledger can recognise a patient again, and cannot name one.

HMAC-SHA256 with the site's secret. Without the secret nobody can try out patient numbers; with another secret nothing
is recognised any more, so it must be kept. An id is only an id within one client's tenant, so both go into the hash.
"""

from __future__ import annotations

import hmac
import logging
import os
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from cds_service.errors import SettingsError

log = logging.getLogger("cds_service.store")

SHORTEST = 16  # bytes


@dataclass(frozen=True, slots=True)
class Keyed:
    """Keyed hashes, 64 hexadecimal digits each. Raises SettingsError for a secret shorter than 16 bytes."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) < SHORTEST:
            raise SettingsError(f"CDS_SECRET must be at least {SHORTEST} bytes long, better 32 random ones")

    def patient(self, client: str, tenant: str, patient_id: str) -> str:
        return self._of("patient", client, tenant, patient_id.removeprefix("Patient/"))

    def user(self, client: str, tenant: str, user_id: str) -> str:
        return self._of("user", client, tenant, user_id)

    def drafts(self, text: str) -> str:
        """Of the drafts a card speaks of; "" stays ""."""
        return self._of("drafts", text) if text else ""

    def _of(self, *parts: str) -> str:
        # each part carries its length, so that no two lists of parts look alike
        said = b"".join(len(raw := part.encode("utf-8", "replace")).to_bytes(8, "big") + raw for part in parts)
        return hmac.new(self.secret, said, sha256).hexdigest()


def kept_at(file: Path) -> bytes:
    """The secret in a file, made there (32 random bytes, readable by its owner alone) when there is none.

    For a demo or a single server without CDS_SECRET. Safe when several processes start at once. Raises SettingsError
    when it can be neither read nor written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
        if not file.exists():
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as out:
                out.write(secrets.token_hex(32).encode())
                out.flush()
                os.fsync(out.fileno())
            try:
                os.link(fresh, file)  # only the first of several wins, and it is never seen half written
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        if file.stat().st_mode & 0o077:
            log.warning("the secret can be read by others than its owner", extra={"file": str(file)})
        return file.read_bytes().strip()
    except OSError as error:
        raise SettingsError(f"no CDS_SECRET, and {file} cannot be used: {error.strerror}") from None
