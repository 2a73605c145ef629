"""`cds new rule NAME`: a rule and its cases with everything required, to be filled in. Words and wiring only."""

from __future__ import annotations

import argparse
import re
from typing import Any

from cds_service.commands.options import add_common, catalogue_for, content_folder
from cds_service.errors import SettingsError
from cds_service.knowledge.rules import KINDS

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
_RULE = """\
# yaml-language-server: $schema=../../schemas/rule.json
id: {id}
version: 0.1.0
status: draft
reviewed: {{by: ~, on: ~, next: ~}}
pack: {pack}
kind: {kind}
title: FILL IN what the rule says, in a few words
short: FILL IN its name in a list of lines
why: FILL IN why a clinician should care, in one sentence.
references: [practice]                 # keys of references.yaml; a new source goes there first
parameters: {{}}                         # name: {{value: 30, unit: ug/L, range: [15, 45], source: KEY, means: "…"}}
facts: {{}}                              # names of this rule alone; shared ones stand in definitions/
when: {{all: [{example}]}}               # FILL IN the criterion; `cds show {example}` tells what a name means
outcomes:
  found:
    indicator: info                    # or {{critical: CRITERION, otherwise: info}}
    summary: "FILL IN one sentence of at most 139 characters."
evidence: [{example}]                    # what the card shows, in this order
consider: "FILL IN what to consider; no dose."
limits:
  - FILL IN what this rule cannot see.
"""
_CASES = """\
# yaml-language-server: $schema=../../schemas/cases.json
people:
  base: {{patient: "female, 40 years", {example}: {said}}}
cases:
  - {{name: FILL IN a patient it speaks of, given: {{like: base}}, expect: found}}
  - {{name: nobody it concerns, given: {{like: base, {example}: ~}}, expect: silent}}
  - {{name: no record, given: {{patient: "female, 40 years"}}, unavailable: [Condition], expect: undecided}}
"""
_EXAMPLES = {"deficiency": "sore-heavy", "vascular": "heavy"}


def add(commands: Any) -> None:
    new = commands.add_parser("new", help="a new rule with all it needs")
    things = new.add_subparsers(dest="what", required=True, metavar="THING")
    rule = things.add_parser("rule", help="rules/NAME/rule.yaml and cases.yaml, to be filled in")
    rule.add_argument("name", help="lower case words joined by dashes: the rule's id and its folder")
    rule.add_argument("--pack", choices=tuple(_EXAMPLES), default="deficiency", help="whose conventions hold")
    rule.add_argument("--kind", choices=[kind for kind in KINDS if kind != "collected"], default="finding")
    add_common(rule)
    rule.set_defaults(run=run_new_rule)


def run_new_rule(args: argparse.Namespace) -> int:
    from cds_service.publish.jsonschema import FOLDER, write_schemas

    catalogue = catalogue_for(args)
    folder = content_folder(catalogue) / "rules" / args.name
    if not _ID.match(args.name):
        raise SettingsError("a rule's name is lower case words joined by dashes, such as fe-06")
    codes = {rule.code for rule in catalogue.rules.values()}
    if folder.exists() or args.name.replace("-", "").upper() in codes:
        raise SettingsError(f"there is a rule {args.name} already, or one with the same code")
    example = _EXAMPLES[args.pack]
    words = {
        "id": args.name,
        "pack": args.pack,
        "kind": args.kind,
        "example": example,
        "said": '"present, 20 days ago"',
    }
    folder.mkdir(parents=True)
    for file, text in (("rule.yaml", _RULE), ("cases.yaml", _CASES)):
        (folder / file).write_text(text.format(**words), encoding="utf-8")
    write_schemas(catalogue_for(args), folder.parents[1] / FOLDER)
    print(_next_steps(args.name))
    return 0


def _next_steps(name: str) -> str:
    return "\n".join(
        [
            f"rules/{name}/rule.yaml and cases.yaml are there. Next:",
            "  1. Fill in what says FILL IN; hooks/README.md is the language on one page.",
            f"  2. Add {name} to a file in services/, where its card should stand.",
            "  3. Put it beside a sentence of the article in article.yaml, if it answers one.",
            "     Your editor completes names from schemas/; `cds docs` teaches it those you add.",
            f"  4. `cds check`, `cds test {name}`, `cds explain FILE --rule {name}`.",
            "  5. `cds docs` and `cds lock`; write a line in CHANGELOG.md; then have it reviewed and signed.",
        ]
    )
