"""The page on how to write a rule names every key there is, and none there is not."""

import re

import pytest
from content import CONTENT, HOOKS

from cds_service.knowledge import cases, facts, rules, services, site
from cds_service.knowledge.catalogue import load

README = (HOOKS / "README.md").read_text(encoding="utf-8")
NAMED = set(
    re.findall(r"[a-z]+(?:_[a-z]+)*", " ".join(re.findall(r"`[^`]+`|^ *[a-z_]+:|```.*?```", README, re.M | re.S)))
)
OF_EVERY_FACT = {"within", "between", "since", "side", "at", "unit", "choices", "answer"}


def row(kind):
    return next(line for line in README.splitlines() if line.startswith(f"| `{kind}"))


@pytest.mark.parametrize("kind", facts.KINDS)
def test_every_kind_of_fact_and_each_of_its_keys_is_explained(kind):
    assert row(kind)
    assert {name for group in facts.KINDS[kind].values() for name in group} - NAMED == set()


@pytest.mark.parametrize("kind", facts.KINDS)
def test_no_key_is_explained_that_the_reader_would_refuse(kind):
    known = {name for group in facts.KINDS[kind].values() for name in group} | OF_EVERY_FACT
    own = row(kind).split("|")[-2]
    said = set(re.findall(r"`([a-z_]+): ", own))
    assert said - known == set()


@pytest.mark.parametrize(
    "keys", [rules.RULE_KEYS, rules.OUTCOME_KEYS, services.SERVICE_KEYS, site.SHOWINGS, ("signed_rules_only",)]
)
def test_every_key_of_a_file_is_explained(keys):
    assert set(keys) - NAMED - {"usage"} == set()


def test_every_key_of_a_case_that_cases_use_is_explained():
    used = {
        key
        for name in CONTENT.rule_folders()
        for case in CONTENT.table("rules", name, "cases.yaml", required=False).get("cases") or ()
        for key in case
    }
    assert used <= set(cases.CASE_KEYS)
    assert used - NAMED == set()


def test_every_criterion_of_the_page_is_one_the_reader_knows(tmp_path):
    """The example rule of the page, as it stands, is taken."""
    example = re.search(r"```yaml\n(id: fe-02 .*?)```", README, re.S)[1]
    folder = tmp_path / "hooks"
    folder.mkdir()
    for entry in HOOKS.iterdir():
        if entry.name not in ("rules", "handbook", "schemas"):
            (folder / entry.name).symlink_to(entry)
    (folder / "rules").mkdir()
    for entry in (HOOKS / "rules").iterdir():
        if entry.name != "fe-02":
            (folder / "rules" / entry.name).symlink_to(entry)
    (folder / "rules" / "fe-02").mkdir()
    (folder / "rules" / "fe-02" / "rule.yaml").write_text(example, encoding="utf-8")
    rule = load(type(CONTENT).at(folder)).rules["fe-02"]
    assert [outcome.name for outcome in rule.outcomes] == ["low"]
