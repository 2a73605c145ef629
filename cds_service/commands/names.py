"""`cds show`, `where`, `rename`: a name of the content explained, found, changed everywhere. Words and wiring only."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from typing import Any

from cds_service.commands.options import add_common, catalogue_for, content_folder
from cds_service.errors import SettingsError
from cds_service.knowledge.catalogue import Catalogue
from cds_service.knowledge.shapes import nearest

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")


def add(commands: Any) -> None:
    show = commands.add_parser("show", help="a definition, fact, parameter, value set, analyte, order or rule in words")
    show.add_argument("name")
    add_common(show)
    show.set_defaults(run=run_show)

    where = commands.add_parser("where", help="every place of the content that names it: file and line")
    where.add_argument("name")
    add_common(where)
    where.set_defaults(run=run_where)

    rename = commands.add_parser("rename", help="renames a definition or a shared parameter everywhere, then checks")
    rename.add_argument("old")
    rename.add_argument("new")
    add_common(rename)
    rename.set_defaults(run=run_rename)


# ------------------------------------------------------------------ show


def run_show(args: argparse.Namespace) -> int:
    from cds_service.publish.entries import entry

    catalogue = catalogue_for(args)
    found = entry(catalogue, args.name)
    if not found:
        raise SettingsError(f"nothing is called `{args.name}`{nearest(args.name, _all_names(catalogue))}")
    print("\n\n".join(found))
    return 0


def _all_names(catalogue: Catalogue) -> set[str]:
    names = {*catalogue.rules, *catalogue.definitions, *catalogue.parameters, *catalogue.orders}
    names |= {*catalogue.vocabulary.sets, *catalogue.vocabulary.analytes}
    for rule in catalogue.rules.values():
        names |= {*rule.facts, *rule.parameters}
    return names


# ------------------------------------------------------------------ where


def run_where(args: argparse.Namespace) -> int:
    catalogue = catalogue_for(args)
    found = list(_mentions(catalogue, args.name))
    if not found and args.name not in _all_names(catalogue):
        raise SettingsError(f"nothing is called `{args.name}`{nearest(args.name, _all_names(catalogue))}")
    for file, line, text in found:
        print(f"hooks/{file}:{line}: {text.strip()}")
    return 0


def _mentions(catalogue: Catalogue, name: str) -> Iterator[tuple[str, int, str]]:
    """(file, line, text) of every line of the content that holds the name as a word of its own, outside comments."""
    pattern = _word(name)
    for file, text in _files(catalogue):
        for number, line in enumerate(text.splitlines(), 1):
            if any(_is_name(line, match) for match in pattern.finditer(_without_comment(line))):
                yield file, number, line


def _files(catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """Every YAML file of the content: its path below the folder, and its text."""
    waiting = [("", catalogue.content.root)]
    while waiting:
        path, entry = waiting.pop()
        if entry.is_dir():
            inner = sorted(entry.iterdir(), key=lambda item: item.name, reverse=True)
            waiting += [(f"{path}/{item.name}".lstrip("/"), item) for item in inner]
        elif path.endswith(".yaml"):
            yield path, entry.read_text(encoding="utf-8")


def _word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-])")


def _without_comment(line: str) -> str:
    quote = ""
    for index, sign in enumerate(line):
        before = line[index - 1] if index else " "
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'" and before in " [{,:":
            quote = sign
        elif sign == "#" and before.isspace():
            return line[:index]
    return line


def _is_name(line: str, match: re.Match[str]) -> bool:
    """Inside a text only `{name}` and `{name.attribute}` are names; elsewhere every word of its own is."""
    before = line[: match.start()]
    quoted = before.count('"') % 2 == 1
    return not quoted or before.endswith("{")


# ------------------------------------------------------------------ rename


def run_rename(args: argparse.Namespace) -> int:
    from cds_service.commands.renaming import rename
    from cds_service.knowledge.content import Content
    from cds_service.knowledge.lint import check

    catalogue = catalogue_for(args)
    folder = content_folder(catalogue)
    _check_rename(catalogue, args.old, args.new)
    earlier = check(Content.at(folder))
    before = rename(folder, args.old, args.new)
    findings = [finding for finding in check(Content.at(folder)) if finding not in earlier]
    for finding in findings:
        print(finding)
    if findings:
        for file, text in before.items():
            file.write_text(text, encoding="utf-8")
        print("nothing was renamed")
        return 1
    print(f"{args.old} is {args.new} now, in {len(before)} files")
    return 0


def _check_rename(catalogue: Catalogue, old: str, new: str) -> None:
    shared = {*catalogue.definitions, *catalogue.parameters}
    if old not in shared:
        raise SettingsError(f"no definition or shared parameter is called `{old}`{nearest(old, shared)}")
    if not _NAME.match(new):
        raise SettingsError("a name is lower case words joined by dashes")
    if new in _all_names(catalogue):
        raise SettingsError(f"the name `{new}` is taken")
