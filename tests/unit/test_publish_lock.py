"""The lock: a meaning cannot change under an unchanged version, and a new version cannot come unexplained."""

import shutil

import pytest
from content import CONTENT, HOOKS

from cds_service.errors import ContentError
from cds_service.knowledge.catalogue import load
from cds_service.knowledge.content import Content
from cds_service.publish import lock


@pytest.fixture
def hooks(tmp_path):
    """A copy of the content, locked as it stands."""
    folder = tmp_path / "hooks"
    shutil.copytree(HOOKS, folder, ignore=shutil.ignore_patterns("handbook", "schemas"))
    (folder / lock.FILE).write_text(lock.text_of(lock.digests(load(Content.at(folder)))), encoding="utf-8")
    return folder


def change(folder, name, old, new):
    file = folder / name
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{old!r} does not stand in {name}"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def refusals(folder):
    return lock.refusals(load(Content.at(folder)))


def touched(folder):
    return lock.differences(load(Content.at(folder)))


def test_the_committed_lock_holds_every_rule_as_it_stands():
    catalogue = load(CONTENT)
    assert lock.refusals(catalogue) == []
    assert lock.differences(catalogue) == [], "run `cds lock`"


def test_what_was_locked_is_not_refused_and_reads_back(hooks):
    assert refusals(hooks) == []
    assert touched(hooks) == []
    assert lock.read(Content.at(hooks)) == lock.digests(load(Content.at(hooks)))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("rules/fe-01/rule.yaml", "version: 1.0.0", "# a remark\n\nversion:   1.0.0"),
        ("rules/fe-01/rule.yaml", "status: draft", "status: active"),
        (
            "rules/fe-01/rule.yaml",
            "reviewed: {by: ~, on: ~, next: ~}",
            "reviewed: {by: A, on: 2027-01-01, next: 2028-01-01}",
        ),
        ("rules/fe-01/rule.yaml", "hides: [fe-03]", "hides:\n  - fe-03"),
        ("rules/fe-01/cases.yaml", "cases:", "cases:\n  - {name: another, given: {}, expect: silent}"),
        ("definitions/blood.yaml", "definitions:", "# a remark\ndefinitions:"),
        ("references.yaml", "aga-2020: {label:", "aga-2020: {note: looked at again, label:"),
    ],
)
def test_layout_remarks_cases_and_signatures_are_no_meaning(hooks, file, old, new):
    change(hooks, file, old, new)
    assert touched(hooks) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "rules"),
    [
        ("rules/fe-01/rule.yaml", "anaemic\n", "anaemic\n    - fatigue\n", {"fe-01"}),
        ("rules/fe-01/rule.yaml", "Look for the cause.", "Look for a cause.", {"fe-01"}),
        ("rules/fe-01/rule.yaml", "hides: [fe-03] ", "hides: [fe-02] ", {"fe-01"}),
        ("rules/fe-01/rule.yaml", "otherwise: warning", "otherwise: info", {"fe-01"}),
        ("rules/hyd-01/rule.yaml", "value: 20,", "value: 21,", {"hyd-01"}),
        ("definitions/blood.yaml", "fer-floor:", "fer-floor: ", set()),
        ("orders/orders.yaml", "label: Order echocardiogram", "label: Order an echocardiogram", {"oed-02"}),
        ("forms/leg.yaml", '"Dark urine?"', '"Urine dark as cola?"', {"myo-02"}),
    ],
)
def test_a_changed_meaning_under_the_same_version_is_refused_by_name(hooks, file, old, new, rules):
    change(hooks, file, old, new)
    assert set(touched(hooks)) == rules
    told = refusals(hooks)
    assert len(told) == len(rules)
    for name in rules:
        [sentence] = [sentence for sentence in told if name.upper() in sentence]
        assert sentence.startswith(f"hooks/rules/{name}/rule.yaml: ")
        assert "Raise `version`" in sentence
        assert f"`- {name} 1.1.0 (YYYY-MM-DD): …`" in sentence


def test_whatever_a_rule_rests_on_is_part_of_its_meaning(hooks):
    change(hooks, "definitions/windows.yaml", "lab-window:", "lab-window: ")
    assert touched(hooks) == []
    text = (hooks / "definitions/windows.yaml").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.strip().startswith("lab-window:"))
    change(hooks, "definitions/windows.yaml", line, line.replace("value: 365", "value: 364"))
    found = set(touched(hooks))
    assert {"fe-01", "gap-cbc", "ckd-01"} <= found
    assert "dvt-02" not in found


def test_a_code_in_a_value_set_is_part_of_the_meaning(hooks):
    row = '    - {system: snomed, code: "84229001", display: Fatigue (finding), seen_in: NER-NBME-ClinicalTerms SnomedOMS}\n'
    change(hooks, "codes/symptoms.yaml", row, "")
    found = set(touched(hooks))
    assert "fe-01" in found
    assert "dvt-02" not in found


def test_how_a_pack_reads_a_record_is_part_of_the_meaning_of_its_rules(hooks):
    change(hooks, "conventions.yaml", "symptom: {answers_within: 72", "symptom: {answers_within: 71")
    found = set(touched(hooks))
    assert {"dvt-02", "fev-01"} <= found
    assert "mg-01" not in found


def test_the_order_in_which_outcomes_are_tried_is_part_of_the_meaning(hooks):
    file = hooks / "rules" / "dvt-07" / "rule.yaml"
    text = file.read_text(encoding="utf-8")
    start, middle, end = (text.index(word) for word in ("  repeat:\n", "  needed:\n", "evidence:"))
    file.write_text(text[:start] + text[middle:end] + text[start:middle] + text[end:], encoding="utf-8")
    assert touched(hooks) == ["dvt-07"]


def test_where_a_code_was_seen_is_not(hooks):
    change(hooks, "codes/symptoms.yaml", "seen_in: NER-NBME-ClinicalTerms SnomedOMS", "seen_in: two lists")
    assert touched(hooks) == []


def test_a_new_version_must_be_explained(hooks):
    change(hooks, "rules/fe-01/rule.yaml", "version: 1.0.0", "version: 1.1.0")
    change(hooks, "rules/fe-01/rule.yaml", "Look for the cause.", "Look for a cause.")
    [sentence] = refusals(hooks)
    assert sentence.startswith("hooks/CHANGELOG.md: says nothing of FE-01 1.1.0.")
    change(
        hooks, "CHANGELOG.md", "## Sources to be", "- fe-01 1.1.0 (2027-01-31): a word, for clarity\n\n## Sources to be"
    )
    assert refusals(hooks) == []
    assert touched(hooks) == ["fe-01"]


def test_a_version_of_another_rule_or_an_example_explains_nothing(hooks):
    change(hooks, "rules/fe-01/rule.yaml", "version: 1.0.0", "version: 1.1.0")
    change(
        hooks,
        "CHANGELOG.md",
        "## Sources to be",
        "- fe-02 1.1.0 (2027-01-31): x\n`- fe-01 1.1.0 (2027-01-31): x`\n\n## Sources to be",
    )
    assert len(refusals(hooks)) == 1


@pytest.mark.parametrize(
    ("version", "words"), [("0.9.0", "went back"), ("1.1", "three numbers"), ("next", "three numbers")]
)
def test_a_version_only_rises_and_is_three_numbers(hooks, version, words):
    change(hooks, "rules/fe-01/rule.yaml", "version: 1.0.0", f'version: "{version}"')
    [sentence] = refusals(hooks)
    assert words in sentence


def test_a_rule_that_is_gone_is_asked_after(hooks):
    shutil.rmtree(hooks / "rules" / "med-05")
    for hook in ("select", "sign"):
        change(hooks, f"services/leg-symptoms-order-{hook}.yaml", "  - med-05\n", "")
    [sentence] = refusals(hooks)
    assert sentence.startswith("hooks/rules/med-05: the rule is gone.")
    change(hooks, "CHANGELOG.md", "## Sources to be", "- med-05 removed (2027-01-31): why\n\n## Sources to be")
    assert refusals(hooks) == []


def test_a_new_rule_needs_no_explanation(hooks):
    file = hooks / lock.FILE
    kept = [line for line in file.read_text(encoding="utf-8").splitlines(True) if not line.startswith("fe-01 ")]
    file.write_text("".join(kept), encoding="utf-8")
    assert refusals(hooks) == []
    assert touched(hooks) == ["fe-01"]


def test_a_lock_somebody_edited_is_told_with_its_line(hooks):
    with (hooks / lock.FILE).open("a", encoding="utf-8") as file:
        file.write("fe-01 1.0.0 nonsense\n")
    with pytest.raises(ContentError, match=r"hooks/hooks\.lock:\d+: not a line of the lock"):
        refusals(hooks)


def test_a_content_without_a_lock_is_not_refused(hooks):
    (hooks / lock.FILE).unlink()
    assert refusals(hooks) == []
    assert len(touched(hooks)) == len(load(Content.at(hooks)).rules)
