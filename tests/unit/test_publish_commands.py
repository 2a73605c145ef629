"""`cds docs` and `cds lock` as a person runs them: what they write, what they refuse, what they say."""

import argparse
import shutil

import pytest
from content import HOOKS

from cds_service.commands import publishing
from cds_service.knowledge.catalogue import load
from cds_service.knowledge.content import Content
from cds_service.publish import library, lock


@pytest.fixture
def hooks(tmp_path):
    folder = tmp_path / "hooks"
    shutil.copytree(HOOKS, folder, ignore=shutil.ignore_patterns("handbook", "schemas", lock.FILE))
    return folder


def run(*arguments):
    parser = argparse.ArgumentParser()
    publishing.add(parser.add_subparsers())
    given = parser.parse_args(list(arguments))
    return given.run(given)


def change(folder, name, old, new):
    file = folder / name
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_docs_writes_the_handbook_and_says_how_much(hooks, capsys):
    assert run("docs", "--content", str(hooks), "--check") == 1
    assert "handbook/fe-01.md is not as the content says: run `cds docs`" in capsys.readouterr().out
    assert run("docs", "--content", str(hooks)) == 0
    assert capsys.readouterr().out.strip().endswith(" rules")
    assert library.stale(load(Content.at(hooks)), hooks / "handbook") == []
    assert run("docs", "--content", str(hooks), "--check") == 0
    change(hooks, "rules/fe-01/rule.yaml", "Look for the cause.", "Look for a cause.")
    capsys.readouterr()
    assert run("docs", "--content", str(hooks), "--check") == 1
    assert capsys.readouterr().out == "handbook/fe-01.md is not as the content says: run `cds docs`\n"


def test_lock_writes_once_and_then_refuses_a_change_nobody_explained(hooks, capsys):
    assert run("lock", "--content", str(hooks), "--check") == 1
    assert run("lock", "--content", str(hooks)) == 0
    written = (hooks / lock.FILE).read_text(encoding="utf-8")
    assert run("lock", "--content", str(hooks), "--check") == 0
    change(hooks, "rules/fe-01/rule.yaml", "Look for the cause.", "Look for a cause.")
    capsys.readouterr()
    for arguments in (["--check"], []):
        assert run("lock", "--content", str(hooks), *arguments) == 1
        assert "FE-01 no longer means what version 1.0.0 meant" in capsys.readouterr().err
        assert (hooks / lock.FILE).read_text(encoding="utf-8") == written
    change(hooks, "rules/fe-01/rule.yaml", "version: 1.0.0", "version: 1.0.1")
    change(hooks, "CHANGELOG.md", "## Sources to be", "- fe-01 1.0.1 (2027-01-31): a word\n\n## Sources to be")
    assert run("lock", "--content", str(hooks), "--check") == 1
    assert "hooks/hooks.lock does not hold FE-01 as it stands: run `cds lock`" in capsys.readouterr().err
    assert run("lock", "--content", str(hooks)) == 0
    assert capsys.readouterr().out.strip() == f"{len(load(Content.at(hooks)).rules)} rules locked, 1 of them anew"
    assert run("lock", "--content", str(hooks), "--check") == 0


def test_a_revision_dates_the_rule_on_its_page(hooks):
    change(hooks, "rules/fe-01/rule.yaml", "version: 1.0.0", "version: 1.0.1")
    change(hooks, "CHANGELOG.md", "## Sources to be", "- fe-01 1.0.1 (2027-01-31): a word\n\n## Sources to be")
    pages = library.pages(load(Content.at(hooks)))
    assert (
        "| Release and revision dates | Version 1.0.1, not released: draft; revised: version 1.0.1 of 2027-01-31 |"
        in pages["fe-01.md"]
    )
    assert "| Release and revision dates | Version 1.0.0, not released: draft; not revised yet |" in pages["fe-02.md"]
