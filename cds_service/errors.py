"""Every error this service raises on purpose; `web.problems` turns each into a status and an OperationOutcome.

Must not hold patient data in its message: messages reach callers and logs.
"""

from __future__ import annotations


class CdsError(Exception):
    """Something went wrong that has a name. `code` is the FHIR issue type of the OperationOutcome."""

    code = "exception"


class BadRequest(CdsError):
    """The body is not a hook call we can answer (400)."""

    code = "invalid"


class WrongPatient(BadRequest):
    """The prefetched Patient is not the patient of the context (400)."""

    code = "conflict"


class NotAuthenticated(CdsError):
    """No token, or one that is not to be trusted (401). The caller learns nothing more; `reason` is for the log."""

    code = "login"

    def __init__(self, reason: str):
        super().__init__("authentication is required")
        self.reason = reason


class UnknownService(CdsError):
    """No service of this id (404)."""

    code = "not-found"


class NeedsData(CdsError):
    """Required data was neither given nor to be had (412)."""

    code = "required"


class TooLarge(CdsError):
    """The body is larger than `CDS_MAX_BODY` (413)."""

    code = "too-long"


class WrongMediaType(CdsError):
    """The body is not sent as JSON (415)."""

    code = "not-supported"


class TooMany(CdsError):
    """This client calls more often than it may (429)."""

    code = "throttled"


class EveryRuleFailed(CdsError):
    """No rule could be evaluated; an empty answer would look like an all-clear (500)."""

    code = "exception"


class Unavailable(CdsError):
    """What must be kept cannot be kept right now (503)."""

    code = "transient"


class ContentError(Exception):
    """`hooks/` or a site file is wrong. `str()` gives file, line, what is wrong and how to mend it."""

    def __init__(self, message: str, where: str = ""):
        super().__init__(f"{where}: {message}" if where else message)
        self.message = message
        self.where = where


class SettingsError(Exception):
    """A setting or command-line option is not understood; the service does not start."""
