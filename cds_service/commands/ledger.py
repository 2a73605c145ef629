"""`cds feedback` and `cds ledger`: what became of the cards, and the care of what is kept. Reads arguments and prints.

Counts under 10 are withheld unless `--small-counts` is given: whoever runs these commands holds the database anyway.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cds_service.errors import SettingsError
from cds_service.settings import Settings, read_settings

if TYPE_CHECKING:
    from cds_service.store.analytics import Choice
    from cds_service.store.inspection import Status
    from cds_service.store.ledger import SqlLedger
    from cds_service.store.memory import MemoryRules
    from cds_service.store.periods import Period
    from cds_service.store.retention import Removed

LONGEST = 5_200  # weeks, a century


def add(commands: Any) -> None:
    feedback = commands.add_parser("feedback", help="what became of the cards: counts, and every answer for export")
    _add_feedback(feedback.add_subparsers(dest="what", required=True, metavar="COMMAND"))
    ledger = commands.add_parser("ledger", help="the database of what was shown and answered: care and deletion")
    _add_ledger(ledger.add_subparsers(dest="what", required=True, metavar="COMMAND"))


def _add_feedback(commands: Any) -> None:
    report = commands.add_parser("report", help="per rule: shown, accepted, overridden and why, unanswered")
    period = report.add_mutually_exclusive_group()
    period.add_argument(
        "--weeks", type=_count, metavar="N", help="the last N weeks, Monday to Sunday, this one included"
    )
    period.add_argument("--from", dest="first", type=_day, metavar="DAY", help="shown on this day or later")
    report.add_argument("--to", dest="last", type=_day, metavar="DAY", help="shown on this day or earlier")
    report.add_argument(
        "--by", action="append", choices=("week", "client"), default=[], help="divide further; repeatable"
    )
    report.add_argument("--json", action="store_true", help="as JSON instead of a table")
    report.add_argument("--small-counts", action="store_true", help="show counts under 10 too")
    report.set_defaults(run=run_report)
    export = commands.add_parser("export", help="every answer: intervention, action, feedback, user, date, location")
    export.add_argument("--format", choices=("csv", "ndjson"), default="csv", help="csv (as it is) or ndjson")
    export.add_argument("--from", dest="first", type=_day, metavar="DAY", help="answered on this day or later")
    export.add_argument("--to", dest="last", type=_day, metavar="DAY", help="answered on this day or earlier")
    export.add_argument("--comments", action="store_true", help="with the free texts, which may name people")
    export.add_argument("-o", "--output", metavar="FILE", help="a new file, for its owner alone; else standard output")
    export.set_defaults(run=run_export, weeks=None)
    for parser in (report, export):
        parser.add_argument("--rule", type=_rule, help="one rule only, such as DVT02")
        parser.add_argument("--client", help="one client only, by its name in the clients' file")


def _add_ledger(commands: Any) -> None:
    commands.add_parser("migrate", help="bring the tables up to date").set_defaults(run=run_migrate)
    commands.add_parser("status", help="is it reached, what is in it, what waits").set_defaults(run=run_status)
    retain = commands.add_parser("retain", help="remove what is older than so many days")
    retain.add_argument("--days", type=_count, required=True, metavar="N", help="keep this many days")
    retain.add_argument("--comments-only", action="store_true", help="remove free texts alone, keep the rest")
    retain.set_defaults(run=run_retain)
    forget = commands.add_parser("forget", help="remove everything about one patient")
    forget.add_argument("--patient", required=True, metavar="ID", help="the id as the client sends it")
    forget.set_defaults(run=run_forget)
    for parser in (retain, forget):
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")
    memory = commands.add_parser("memory", help="what is held back from one user for one patient, and until when")
    memory.add_argument("--patient", required=True, metavar="ID", help="the id as the client sends it")
    memory.add_argument("--user", required=True, metavar="ID", help="as the client sends it, such as Practitioner/1")
    memory.set_defaults(run=run_memory)
    for parser, default, which in ((forget, None, "all"), (memory, "", "calls without one")):
        parser.add_argument("--client", default=default, help=f"as registered ({which})")
        parser.add_argument("--tenant", default=default, help=f"as registered ({which})")


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= LONGEST * 7:
        raise argparse.ArgumentTypeError("write a whole number, at least 1")
    return int(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("write a day such as 2026-03-02") from None


def _rule(text: str) -> str:
    from cds_service.store.periods import rule_code

    return rule_code(text)


def run_report(args: argparse.Namespace) -> int:
    from cds_service.store import export
    from cds_service.store.analytics import SMALLEST, report
    from cds_service.store.database import Database

    settings = read_settings()
    with closing(Database(settings.database_url)) as database:
        smallest = 0 if args.small_counts else SMALLEST
        found = report(database, _choice(args, settings), by=args.by, smallest=smallest)
    if args.json:
        print(json.dumps(export.as_mapping(found), ensure_ascii=False, indent=2))
    else:
        print(export.as_table(found), end="")
    return 0


def run_export(args: argparse.Namespace) -> int:
    from cds_service.store import export
    from cds_service.store.analytics import answers
    from cds_service.store.database import Database

    settings = read_settings()
    with closing(Database(settings.database_url)) as database:
        rows = answers(database, _choice(args, settings), comments=args.comments)
        pieces = export.as_csv(rows, export.ANSWERS) if args.format == "csv" else export.as_ndjson(rows)
        return _write(pieces, args.output)


def _write(pieces: Iterable[str], file: str | None) -> int:
    """To a new file that only its owner reads, or to standard output."""
    if file is None:
        sys.stdout.writelines(pieces)
        return 0
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror}") from None
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
        out.writelines(pieces)
    return 0


def _choice(args: argparse.Namespace, settings: Settings) -> Choice:
    from cds_service.store.analytics import Choice

    return Choice(_period(args, settings), args.rule, args.client)


def _period(args: argparse.Namespace, settings: Settings) -> Period:
    """The days are those of CDS_TIMEZONE."""
    from cds_service.store import periods

    if args.weeks is not None:
        if args.last is not None:
            raise SettingsError("--weeks ends with this week: leave out --to, or give --from and --to")
        return periods.last_weeks(min(args.weeks, LONGEST), _now(settings))
    try:
        return periods.days(args.first, args.last, settings.timezone)
    except ValueError as error:
        raise SettingsError(f"--to: {error}") from None


def _now(settings: Settings) -> datetime:
    return settings.now or datetime.now(UTC)


def run_migrate(args: argparse.Namespace) -> int:
    from cds_service.store.commands import migrate

    print(f"The ledger's tables are of version {migrate(read_settings().database_url)}.")
    return 0


def run_status(args: argparse.Namespace) -> int:
    from cds_service.store.commands import spool_of
    from cds_service.store.inspection import status_of

    url = read_settings().database_url
    status = status_of(url, spool_of(url))
    print("\n".join(_status_lines(status)))
    return 0 if status.reachable and status.version == status.needed else 1


def _status_lines(status: Status) -> list[str]:
    made = "yes" if status.reachable else "no"
    version = status.version or "none"
    if status.reachable and status.version != status.needed:
        version += f" (this program needs {status.needed}: run `cds ledger migrate`)"
    dropped = ", ".join(f"{count} ({why})" for why, count in sorted(status.dropped.items())) or "0"
    lines = [("database", status.address), ("reached", made), ("version", version)]
    lines += [(f"rows: {name}", str(count)) for name, count in sorted(status.rows.items())]
    lines += [
        ("spool", str(status.spool)),
        ("shown, waiting", f"{status.spooled} bytes"),
        ("answers, waiting", f"{status.answers_spooled} bytes"),
    ]
    if status.rows:
        lines.append(("calls dropped", dropped))
    width = max(len(name) for name, _ in lines)
    return [f"{name.ljust(width)}  {text}" for name, text in lines]


def run_retain(args: argparse.Namespace) -> int:
    from cds_service.store.retention import purge

    settings = read_settings()
    with closing(_ledger(settings)) as ledger:
        span = timedelta(days=args.days)
        removed = purge(ledger, span, _now(settings), comments_only=args.comments_only, dry_run=args.dry_run)
    print(_removed(removed, args.dry_run))
    return 0


def run_forget(args: argparse.Namespace) -> int:
    from cds_service.store.retention import forget

    with closing(_ledger(read_settings())) as ledger:
        removed = forget(ledger, args.patient, client=args.client, tenant=args.tenant, dry_run=args.dry_run)
    print(_removed(removed, args.dry_run))
    return 0


def _removed(removed: Removed, dry_run: bool) -> str:
    verb = "Would remove" if dry_run else "Removed"
    return f"{verb} {removed.cards} cards, {removed.answers} answers, {removed.comments} free texts."


def run_memory(args: argparse.Namespace) -> int:
    from cds_service.store.commands import memory_of

    settings = read_settings()
    with closing(_ledger(settings, remember=True)) as ledger:
        if ledger.memory is None:
            print("Remembering is switched off: every card is shown again.")
            return 0
        held = memory_of(ledger, args.patient, args.user, _now(settings), client=args.client, tenant=args.tenant)
    print("\n".join(held or ["Nothing is held back."]))
    return 0


def _ledger(settings: Settings, *, remember: bool = False) -> SqlLedger:
    """The ledger as the service opens it, with no thread; its rules of remembering only where asked for."""
    from cds_service.store.commands import open_ledger, secret_of, spool_of

    url = settings.database_url
    memory = _memory_rules(settings) if remember else None
    return open_ledger(url, secret_of(url, settings.secret), spool_of(url), memory=memory, background=False)


def _memory_rules(settings: Settings) -> MemoryRules | None:
    from cds_service.knowledge.content import Content
    from cds_service.knowledge.site import load_site
    from cds_service.store.memory import read_rules

    if not load_site(settings.site).remember:
        return None
    return read_rules(Content.at(settings.content).table("memory.yaml"))
