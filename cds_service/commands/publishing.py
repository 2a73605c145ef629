"""`cds docs`, `cds lock`, `cds diff`: the content as a whole, printed, held still, compared. Words and wiring only."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson

from cds_service.batch.comparison import compare, demo_charts, demo_orders
from cds_service.batch.replay import charts
from cds_service.bootstrap import house_of
from cds_service.errors import ContentError, SettingsError
from cds_service.fhir.demo_people import DemoPeople
from cds_service.knowledge.catalogue import Catalogue, load
from cds_service.knowledge.content import Content
from cds_service.publish import jsonschema, library, lock
from cds_service.publish.differences import differences
from cds_service.settings import read_settings

NOW = "2026-03-02T10:00:00Z"  # the moment of the fixtures, for answers that stay comparable
HOOKS = ("patient-view", "encounter-discharge")  # those that need no orders of the moment
GIT = "git:"


def add(commands: Any) -> None:
    docs = commands.add_parser("docs", help="writes the handbook and the JSON schemas of the content anew")
    docs.add_argument("--content", help="another content folder")
    docs.add_argument(
        "--check", action="store_true", help="writes nothing; fails when a page is not as the content says"
    )
    docs.set_defaults(run=run_docs)

    locking = commands.add_parser("lock", help="holds the meaning of every rule to its version")
    locking.add_argument("--content", help="another content folder")
    locking.add_argument(
        "--check", action="store_true", help="writes nothing; fails when the lock would be refused or differ"
    )
    locking.set_defaults(run=run_lock)

    diff = commands.add_parser("diff", help="what changed between two contents, in words, and whose answers change")
    diff.add_argument("old", help="content folder, or git:REVISION of this repository")
    diff.add_argument("new", help="content folder, or git:REVISION of this repository")
    diff.add_argument("--over", help="NDJSON of charts to answer with both")
    diff.add_argument("--now", default=NOW, help=f"the rules' clock for the answers ({NOW})")
    diff.set_defaults(run=run_diff)


def run_docs(args: argparse.Namespace) -> int:
    folder = _folder(args.content)
    catalogue = load(Content.at(folder))
    handbook, schemas = folder / library.FOLDER, folder / jsonschema.FOLDER
    if args.check:
        stale = [f"{handbook.name}/{name}" for name in library.stale(catalogue, handbook)]
        stale += [f"{schemas.name}/{name}" for name in jsonschema.stale_schemas(catalogue, schemas)]
        for name in stale:
            print(f"{name} is not as the content says: run `cds docs`")
        return 1 if stale else 0
    touched = [*library.write(catalogue, handbook), *jsonschema.write_schemas(catalogue, schemas)]
    print(f"{len(touched)} files written, {len(catalogue.rules)} rules")
    return 0


def run_lock(args: argparse.Namespace) -> int:
    folder = _folder(args.content)
    catalogue = load(Content.at(folder))
    refused = lock.refusals(catalogue)
    for sentence in refused:
        print(sentence, file=sys.stderr)
    if refused:
        return 1
    changed = lock.differences(catalogue)
    if args.check:
        for name in changed:
            print(f"hooks/hooks.lock does not hold {name.upper()} as it stands: run `cds lock`", file=sys.stderr)
        return 1 if changed else 0
    (folder / lock.FILE).write_text(lock.text_of(lock.digests(catalogue)), encoding="utf-8")
    print(f"{len(catalogue.rules)} rules locked, {len(changed)} of them anew")
    return 0


def _folder(given: str | None) -> Path:
    """Where the content may be written. Raises SettingsError when it lies in a package that is not a folder."""
    settings = read_settings(overrides={"content": given} if given else None)
    root = Content.at(settings.content).root
    folder = Path(str(root))
    if not folder.is_dir():
        raise SettingsError(f"{root} is no folder that can be written; name one with --content")
    return folder


# ------------------------------------------------------------------------------------------------ what changed


def run_diff(args: argparse.Namespace) -> int:
    with ExitStack() as stack:
        old, new = (_loaded(text, stack) for text in (args.old, args.new))
        parts = differences(old, new)
        for part in parts:
            print(f"\n{part.title}")
            for line in part.lines:
                print(f"  - {line}")
        changed = list(_answers(old, new, args))
        if not parts and not changed:
            print("Nothing changed.")
            return 0
        print("\nWhose answers change")
        for line in changed or ["nobody's, among the charts compared"]:
            print(f"  - {line}")
    return 0


def _loaded(text: str, stack: ExitStack) -> Catalogue:
    try:
        return load(Content.at(_content(text, stack)))
    except ContentError as error:
        raise ContentError(f"{error.message} (in {text})", error.where) from None


def _answers(old: Catalogue, new: Catalogue, args: argparse.Namespace) -> Iterator[str]:
    """The fixtures, those for whom an order is being written, then the charts of `--over`."""
    settings = read_settings(overrides={"now": args.now})
    before, after = house_of(settings, old), house_of(settings, new)
    people = DemoPeople()
    groups: list[tuple[str, list[bytes], tuple[str, ...]]] = [("fixture", demo_charts(people, after), HOOKS)]
    groups += [("fixture", lines, (hook,)) for hook, lines in demo_orders(people, after).items()]
    groups += [("chart", lines, (hook,)) for hook, lines in _given(args.over).items()] if args.over else []
    for place, lines, hooks in groups:
        for item in compare(before, after, lines, hooks):
            yield f"{place} {item.chart}, {item.hook}: {item.rule} {item.before} → {item.after}"


def _given(file: str) -> dict[str, list[bytes]]:
    """The charts of `--over` by hook: a hook request by its own, any other chart by each that needs no order.

    A line that is no chart is told on standard error and left out.
    """
    try:
        lines = Path(file).read_bytes().splitlines()
    except OSError as error:
        raise SettingsError(f"--over: {file} cannot be read: {error.strerror}") from None
    found: dict[str, list[bytes]] = {}
    for name, body in charts(lines):
        if body is None:
            print(f"--over: {file}: {name} is no chart and is left out", file=sys.stderr)
            continue
        for hook in [str(body["hook"])] if body.get("hook") else HOOKS:
            found.setdefault(hook, []).append(orjson.dumps({"uid": name, "request": body}))
    return found


def _content(text: str, stack: ExitStack) -> Path:
    """The folder named, or `hooks/` as it was at a revision. Raises SettingsError when git does not know it."""
    if not text.startswith(GIT):
        return Path(text)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    command = ["git", "archive", "--format=tar", text.removeprefix(GIT), "hooks"]
    try:
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  no shell; git resolves the name
    except OSError:
        raise SettingsError(f"{text}: git is not installed here") from None
    if done.returncode:
        raise SettingsError(f"{text}: {done.stderr.decode(errors='replace').strip()}")
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder / "hooks"
