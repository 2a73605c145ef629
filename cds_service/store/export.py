"""The report and the answers as text: a table for people, CSV and NDJSON for machines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cds_service.store.analytics import Line, Report

_COLUMNS = ("rule", "week", "client", "shown", "accepted", "overridden", "unanswered")
REPORT = (*_COLUMNS, "reasons", "title")
ANSWERS = (
    *("intervention", "action", "feedback", "user", "date", "location"),  # what 45 CFR 170.315(b)(11)(ii)(C) names
    *("rule", "version", "parameters", "card", "service", "commented"),
)
_RISKY = ("=", "+", "-", "@", "\t", "\r")


def lines_of(report: Report) -> list[dict[str, Any]]:
    """The report's lines as flat mappings; reasons as `reason code: count` in one member."""
    return [_flat(line) for line in report.lines]


def _flat(line: Line) -> dict[str, Any]:
    reasons = "; ".join(f"{reason}: {count}" for reason, count in line.reasons.items())
    return {**{name: getattr(line, name) for name in _COLUMNS}, "reasons": reasons, "title": line.title}


def as_mapping(report: Report) -> dict[str, Any]:
    """The report for JSON. Counts are numbers, or texts where they are withheld; moments are ISO texts or None; week
    and client are "" where not divided by.
    """
    since, until = report.period.since, report.period.until
    return {
        "from": since.isoformat() if since else None,
        "until": until.isoformat() if until else None,
        "withheld_below": report.smallest,
        "lines": [_nested(line) for line in report.lines],
        "unknown": report.unknown,
        "lost": report.lost,
    }


def _nested(line: Line) -> dict[str, Any]:
    return {**{name: getattr(line, name) for name in _COLUMNS}, "title": line.title, "reasons": dict(line.reasons)}


def as_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Iterator[str]:
    """CSV (RFC 4180), header first, a row a piece; columns: `REPORT` or `ANSWERS`. Text a spreadsheet would run as a
    formula gets an apostrophe.
    """
    yield _csv_line(columns)
    for row in rows:
        yield _csv_line(_harmless(row[name]) for name in columns)


def as_ndjson(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """One JSON object a line."""
    for row in rows:
        yield json.dumps(row, ensure_ascii=False, default=str) + "\n"


def as_table(report: Report) -> str:
    """For a terminal: columns that say nothing are left out; below, what could not be counted."""
    rows = [{name: str(value) for name, value in row.items()} for row in lines_of(report)]
    used = [name for name in (*_COLUMNS, "reasons") if any(row[name] for row in rows)]
    widths = {name: max([len(name), *(len(row[name]) for row in rows)]) for name in used}
    text = ["  ".join(name.ljust(widths[name]) for name in used).rstrip()] if rows else ["No card was shown."]
    text += ["  ".join(row[name].ljust(widths[name]) for name in used).rstrip() for row in rows]
    if report.unknown:
        text.append(f"{report.unknown} answers to cards the ledger does not know.")
    if report.lost:
        text.append(f"{report.lost} calls with cards are missing from these counts (lost by the spool).")
    return "\n".join(text) + "\n"


def _csv_line(values: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(list(values))
    return line.getvalue()


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_RISKY) else value
