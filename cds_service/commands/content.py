"""`cds check`, `test`, `rules`: the content looked through, proved by its own cases, listed. Words and wiring only."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from cds_service.commands.options import add_common, catalogue_for, house_for, settings_of
from cds_service.consult import House
from cds_service.errors import ContentError, SettingsError
from cds_service.knowledge.catalogue import Catalogue
from cds_service.knowledge.content import Content
from cds_service.knowledge.shapes import nearest


def add(commands: Any) -> None:
    check = commands.add_parser("check", help="looks through the content: file, line, what is wrong, how to mend it")
    check.add_argument("--list-known", action="store_true", help="also lists every `known` and `unless`")
    add_common(check)
    check.set_defaults(run=run_check)

    test = commands.add_parser("test", help="runs the rules' own cases; under a site's thresholds with --site")
    test.add_argument("rules", nargs="*", metavar="RULE", help="these rules alone")
    test.add_argument(
        "--doubt",
        action="store_true",
        help="also moves each number by one step and leaves out each criterion: a case must then fail",
    )
    test.add_argument("-v", "--verbose", action="store_true", help="names every case")
    add_common(test)
    test.set_defaults(run=run_test)

    rules = commands.add_parser("rules", help="the rules, their versions and where they speak")
    rules.add_argument("--hook", help="those this hook evaluates")
    add_common(rules)
    rules.set_defaults(run=run_rules)


def run_check(args: argparse.Namespace) -> int:
    from cds_service.batch.templates import order_mistakes
    from cds_service.knowledge.lint import check

    settings = settings_of(args)
    content = Content.at(settings.content)
    found: list[object] = [*check(content, settings.site)]
    with suppress(ContentError):  # what does not load is among the findings
        found += order_mistakes(house_for(args))
    if args.list_known:
        from cds_service.batch.places import doors

        for where, said in doors(content):
            print(f"{where}: {said}")
    for finding in found:
        print(finding)
    print(f"{len(found)} finding{'s' if len(found) > 1 else ''}" if found else "nothing found")
    return 1 if found else 0


def run_test(args: argparse.Namespace) -> int:
    from cds_service.batch.casework import run_rule

    house = house_for(args)
    total = failed = 0
    for identity in args.rules or house.catalogue.rules:
        rule = house.catalogue.rules[known_rule(house.catalogue, identity)]
        if rule.showing == "off":
            print(f"{rule.id} is off here: its cases are not run")
            continue
        for result in run_rule(house, rule.id):
            total += 1
            failed += not result.passed
            if not result.passed:
                print(f"{result.case.where}: {identity}, {result.case.name}: {'; '.join(result.problems)}")
            elif args.verbose:
                print(f"{identity}, {result.case.name}: {result.case.expect}")
    if not total:
        print("no cases")
        return 1
    print(f"{total} cases, {failed} failed")
    doubted = _doubt(house, args.rules) if args.doubt else 0
    return 1 if failed or doubted else 0


def _doubt(house: House, rules: Sequence[str]) -> int:
    """Prints each change of the content that no case notices, as it is found; gives how many."""
    from cds_service.batch.doubts import doubts

    count = 0
    for doubt in doubts(house, [known_rule(house.catalogue, name) for name in rules]):
        print(doubt, flush=True)
        count += 1
    print(f"changes that no case notices: {count}" if count else "every number and every criterion has its cases")
    return count


def known_rule(catalogue: Catalogue, name: str) -> str:
    """The rule's id, given as id or code. Raises SettingsError."""
    found = next((rule.id for rule in catalogue.rules.values() if name in (rule.id, rule.code)), None)
    if found is None:
        raise SettingsError(f"no rule is called `{name}`{nearest(name, catalogue.rules)}")
    return found


def run_rules(args: argparse.Namespace) -> int:
    catalogue = catalogue_for(args)
    hooks = {
        rule.id: [service.hook for service in catalogue.services.values() if rule.id in service.returns]
        for rule in catalogue.rules.values()
    }
    known = {service.hook for service in catalogue.services.values()}
    if args.hook and args.hook not in known:
        raise SettingsError(f"no service answers `{args.hook}`{nearest(args.hook, known)}")
    rows = [
        (rule.id, rule.code, rule.version, rule.status, rule.showing, rule.title, ", ".join(hooks[rule.id]))
        for rule in catalogue.rules.values()
        if not args.hook or args.hook in hooks[rule.id]
    ]
    header = ("rule", "code", "version", "status", "here", "title", "hooks")
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    for row in (header, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0
