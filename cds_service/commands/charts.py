"""`cds explain`, `validate`, `replay`: one chart explained or checked, many answered. Words and wiring only."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

from cds_service.commands.options import add_common, house_for, settings_of
from cds_service.errors import BadRequest
from cds_service.settings import wants_no_color

MOST = 64_000_000  # bytes of one chart


def add(commands: Any) -> None:
    explain = commands.add_parser("explain", help="every rule's whole tree for one patient, and the cards in short")
    explain.add_argument("chart", help="a hook request or a Bundle of one patient (file, or - for standard input), "
                         "or the address of a Patient on a FHIR server")  # fmt: skip
    explain.add_argument("--hook", default="", help="the hook whose service explains (the request's, or patient-view)")
    explain.add_argument("--rule", action="append", default=[], metavar="RULE", help="this rule alone; repeatable")
    explain.add_argument("--all", action="store_true", help="the trees of rules that are false, too")
    explain.add_argument("--json", action="store_true", help="for machines")
    explain.add_argument("--no-color", action="store_true", help="without colours (NO_COLOR)")
    add_common(explain, now=True)
    explain.set_defaults(run=run_explain)

    validate = commands.add_parser("validate", help="what in a hook request, Bundle or resource is not valid R4")
    validate.add_argument("file", help="JSON file, or - for standard input")
    validate.set_defaults(run=run_validate)

    replay = commands.add_parser("replay", help="what the rules would have said of a population (NDJSON)")
    replay.add_argument("files", nargs="+", metavar="FILE", help="hook requests or Bundles, one a line")
    replay.add_argument("--hook", default="patient-view", help="the hook that is asked (patient-view)")
    replay.add_argument("--json", action="store_true", help="for machines")
    add_common(replay, now=True)
    replay.set_defaults(run=run_replay)


# ------------------------------------------------------------------ explain


def run_explain(args: argparse.Namespace) -> int:
    from cds_service.batch.chart import explain_chart, fetched
    from cds_service.commands.trees import as_json, as_text

    house = house_for(args)
    if args.chart.startswith(("http://", "https://")):
        call = fetched(args.chart, args.hook or "patient-view", house, settings_of(args).fetch_deadline)
    else:
        call = _call(_read(args.chart), args.hook, house)
    told = explain_chart(call, house, [_rule_id(house, name) for name in args.rule])
    if args.json:
        print(json.dumps(as_json(told), ensure_ascii=False, indent=1))
        return 0
    colour = sys.stdout.isatty() and not args.no_color and not wants_no_color()
    print(as_text(told, everything=args.all or bool(args.rule), colour=colour))
    return 0


def _rule_id(house: Any, name: str) -> str:
    from cds_service.commands.content import known_rule

    return known_rule(house.catalogue, name)


def _call(body: Mapping[str, Any], hook: str, house: Any) -> Any:
    """The hook call a request is, or the call a client would make of a Bundle."""
    from cds_service.batch.replay import call_for, service_of
    from cds_service.ports import Caller
    from cds_service.web.schemas import read_call

    hook = hook or str(body.get("hook") or "patient-view")
    service = service_of(house.catalogue, hook)
    if "hook" in body:
        return read_call({**body, "hook": hook}, service.id, service.hook, Caller())
    return call_for(body, house.catalogue.queries[service.id], service.id, hook)


def _read(name: str) -> dict[str, Any]:
    """The JSON object in a file. Raises BadRequest, OSError."""
    from cds_service.web.body import parse_object

    with ExitStack() as stack:
        source = sys.stdin.buffer if name == "-" else stack.enter_context(open(name, "rb"))
        raw = source.read(MOST + 1)
    if len(raw) > MOST:
        raise BadRequest(f"the file is larger than {MOST // 1_000_000} MB")
    return parse_object(raw)


# ------------------------------------------------------------------ validate


def run_validate(args: argparse.Namespace) -> int:
    from cds_service.fhir.validate import mistakes

    body = _read(args.file)
    found = [*_call_mistakes(body), *(f"{item.where}: {item.what}" for item in mistakes(body))]
    for line in found:
        print(line)
    print(f"{len(found)} mistakes" if found else "valid")
    return 1 if found else 0


def _call_mistakes(body: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the hook request itself, by what the service takes."""
    from cds_service.ports import Caller
    from cds_service.web.schemas import read_call

    if "resourceType" in body:
        return
    try:
        read_call(body, "any", str(body.get("hook")), Caller())
    except BadRequest as error:
        yield from str(error).split("; ")


# ------------------------------------------------------------------ replay


def run_replay(args: argparse.Namespace) -> int:
    from cds_service.batch.replay import Report, replay

    house = house_for(args)
    report = Report()
    for name in args.files:
        with open(name, "rb") as lines:
            for item in replay(house, lines, args.hook):
                report.add(item)
                if item.error:
                    print(f"{name}: {item.chart}: {item.error}", file=sys.stderr)
    if args.json:
        print(json.dumps(_report_json(report), indent=1))
    else:
        print(_report_text(report))
    return 1 if report.errors else 0


def _report_json(report: Any) -> dict[str, Any]:
    return {
        "charts": report.charts,
        "errors": dict(report.errors),
        "cards": {"median": report.quantile(0.5), "p95": report.quantile(0.95), "most": max(report.cards, default=0)},
        "rules": dict(report.table()),
    }


def _report_text(report: Any) -> str:
    columns = ("fired", "shown", "asked", "undecided", "false", "closed", "error")
    lines = ["rule    " + "".join(f"{name:>11}" for name in columns)]
    lines += [f"{code:<8}" + "".join(f"{row.get(name, 0):>11}" for name in columns) for code, row in report.table()]
    empty = sum(count == 0 for count in report.cards)
    lines += [
        "",
        f"{report.charts} charts, {sum(report.errors.values())} that could not be answered",
        f"cards per chart: median {report.quantile(0.5)}, 95th percentile {report.quantile(0.95)}, "
        f"most {max(report.cards, default=0)}; {empty} charts without a card",
    ]
    return "\n".join(lines)
