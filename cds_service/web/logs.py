"""Log lines as JSON on standard error: ids, counts and times. Of an error its class and where, never its message.

An exception's message can quote what it choked on, which may come from a chart; so it is left out everywhere.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from logging.config import dictConfig
from typing import Any

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
MOST_FRAMES = 12


class JsonLines(logging.Formatter):
    """One object a line: time, level, logger, event, and what the call gave as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"time": moment, "level": record.levelname.lower(), "logger": record.name}
        line["event"] = record.getMessage()
        line |= {name: value for name, value in vars(record).items() if name not in _OWN}
        if record.exc_info and record.exc_info[1] is not None:
            line |= {"error": type(record.exc_info[1]).__name__, "where": _where(record.exc_info[1])}
        return json.dumps(line, default=str, ensure_ascii=False)


def _where(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]
    return [f"{frame.filename.rpartition('cds_service/')[2]}:{frame.lineno} {frame.name}" for frame in frames]


def logging_config(level: str = "INFO") -> dict[str, Any]:
    """For `logging.config.dictConfig`: every logger's lines to standard error in this form."""
    through = {"level": level, "handlers": [], "propagate": True}
    silent = {"level": "CRITICAL", "handlers": [], "propagate": False}  # its lines hold paths, which may name a patient
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": JsonLines}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines", "stream": sys.stderr}},
        "root": {"level": level, "handlers": ["stderr"]},
        "loggers": {"gunicorn.error": through, "gunicorn.access": silent, "alembic": {"level": "WARNING"}},
    }


def start_logging() -> None:
    dictConfig(logging_config())
