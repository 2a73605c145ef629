"""What `cds check` finds: each kind of mistake planted in a copy of the content, found with file, line and remedy."""

import re
import shutil

import pytest
from content import HOOKS

from cds_service.knowledge.content import Content
from cds_service.knowledge.lint import check


@pytest.fixture
def hooks(tmp_path):
    folder = tmp_path / "hooks"
    shutil.copytree(HOOKS, folder, ignore=shutil.ignore_patterns("handbook", "schemas", "__pycache__"))
    return folder


def change(hooks, name, old, new="", *, every=False):
    file = hooks / name
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{name} no longer says {old!r}"
    file.write_text(text.replace(old, new, -1 if every else 1), encoding="utf-8")


def found(hooks):
    return [str(finding) for finding in check(Content.at(hooks))]


def line_of(hooks, name, words):
    lines = (hooks / name).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if words in line)


def test_the_content_is_in_order():
    assert found(HOOKS) == []


def test_what_a_new_rule_leaves_to_its_author(hooks):
    change(hooks, "rules/fe-02/rule.yaml", "title: ", "title: FILL IN ")
    change(hooks, "rules/fe-02/cases.yaml", "name: ", "name: FILL IN ")
    assert found(hooks) == [
        f"hooks/rules/fe-02/{name}:{line_of(hooks, f'rules/fe-02/{name}', 'FILL IN')}: still says FILL IN. "
        "Say it, or remove the line."
        for name in ("cases.yaml", "rule.yaml")
    ]


# ------------------------------------------------------------------------------------------------ cases


def test_a_rule_without_cases(hooks):
    (hooks / "rules" / "fe-02" / "cases.yaml").unlink()
    assert found(hooks) == ["hooks/rules/fe-02/cases.yaml:1: fe-02 has no cases. Write patients it must get right."]


def test_an_outcome_without_a_case(hooks):
    change(hooks, "rules/dvt-03/cases.yaml", "expect: cancer", "expect: unlikely", every=True)
    assert found(hooks) == ["hooks/rules/dvt-03/cases.yaml:1: no case expects the outcome cancer. Add one."]


def test_no_case_that_cannot_be_told(hooks):
    change(hooks, "rules/fe-02/cases.yaml", "expect: undecided", "expect: silent", every=True)
    assert found(hooks) == [
        "hooks/rules/fe-02/cases.yaml:1: no case is undecided. Add a patient for whom the answer cannot be told."
    ]


def test_no_case_that_does_not_concern_the_rule(hooks):
    change(hooks, "rules/fe-02/cases.yaml", "expect: silent", "expect: undecided", every=True)
    assert found(hooks) == [
        "hooks/rules/fe-02/cases.yaml:1: no case is silent. Add a patient who does not concern the rule."
    ]


def test_a_rule_that_may_ask_and_no_case_that_is_asked(hooks):
    change(hooks, "rules/dvt-01/cases.yaml", "expect: asked", "expect: undecided", every=True)
    assert found(hooks) == [
        "hooks/rules/dvt-01/cases.yaml:1: dvt-01 may ask, and no case expects it. "
        "Add a patient for whom it asks (`expect: asked`)."
    ]


def test_a_collected_card_that_no_case_shows(hooks):
    change(hooks, "rules/wk-01/cases.yaml", "expect: fired", "expect: silent", every=True)
    assert found(hooks) == [
        "hooks/rules/wk-01/cases.yaml:1: no case shows the card. Add a patient for whom it is shown (`expect: fired`)."
    ]


def test_a_case_that_expects_no_outcome_of_the_rule(hooks):
    change(hooks, "rules/fe-02/cases.yaml", "expect: low", "expect: lo")
    (told,) = found(hooks)
    assert re.match(r"hooks/rules/fe-02/cases\.yaml:\d+: `lo` is no outcome of fe-02\. It is one of ", told)


def test_a_hiding_that_no_case_shows(hooks):
    change(hooks, "rules/fe-03/cases.yaml", 'held: "superseded:FE01"', "held: superseded:FE02", every=True)
    assert found(hooks) == [
        "hooks/rules/fe-03/cases.yaml:1: no case shows that fe-01 hides fe-03. "
        'Add a patient for whom both hold (`held: "superseded:FE01"`), or say in `never_with` why there is none.'
    ]


def test_a_hiding_that_can_never_be_needs_no_case_and_is_named(hooks):
    change(hooks, "rules/dvt-03/cases.yaml", "  dvt-02: here", "  dvt-09: here")
    told = found(hooks)
    assert "hooks/rules/dvt-03/cases.yaml:1: dvt-09 does not hide dvt-03. Take it out of `never_with`." in told
    assert any("no case shows that dvt-02 hides dvt-03" in item for item in told)


@pytest.mark.parametrize(
    ("rule", "held", "told"),
    [
        ("cvi-01", "critical-card", "no case shows that cvi-01 yields to critical of vascular"),
        ("pers-01", "superseded:", "no case shows that pers-01 yields to any of vascular"),
    ],
)
def test_a_yielding_that_no_case_shows(hooks, rule, held, told):
    file = hooks / "rules" / rule / "cases.yaml"
    text = file.read_text(encoding="utf-8")
    assert held in text
    file.write_text(re.sub(rf', held: "?{held}[A-Z0-9]*"?', "", text), encoding="utf-8")
    assert any(item.startswith(f"hooks/rules/{rule}/cases.yaml:1: {told}. ") for item in found(hooks))


# ------------------------------------------------------------------------------------------------ names and sources


def test_a_parameter_nobody_uses(hooks):
    change(
        hooks,
        "definitions/windows.yaml",
        "parameters:\n",
        "parameters:\n  idle: {value: 1, unit: days, range: [1, 2], source: local, means: nothing}\n",
    )
    line = line_of(hooks, "definitions/windows.yaml", "idle:")
    assert found(hooks) == [f"hooks/definitions/windows.yaml:{line}: nothing uses `idle`. Use it or remove it."]


def test_a_definition_and_a_fact_nobody_uses(hooks):
    change(hooks, "definitions/dvt.yaml", "definitions:\n", "definitions:\n  idle: {condition: VS-PE}\n")
    change(hooks, "rules/dvt-01/rule.yaml", "facts:\n", "facts:\n  unasked: {condition: VS-PE}\n")
    shared, own = (
        line_of(hooks, *item) for item in (("definitions/dvt.yaml", "idle:"), ("rules/dvt-01/rule.yaml", "unasked:"))
    )
    assert found(hooks) == [
        f"hooks/definitions/dvt.yaml:{shared}: nothing uses `idle`. Use it or remove it.",
        f"hooks/rules/dvt-01/rule.yaml:{own}: nothing uses `unasked`. Use it or remove it.",
    ]


def test_a_code_without_a_source(hooks):
    change(hooks, "codes/clots.yaml", ", seen_in: CMS 2.16.840.1.113883.3.117.1.7.1.279}", "}")
    change(hooks, "analytes/blood.yaml", ", seen_in: FHIR test data au-testdata}", "}")
    told = found(hooks)
    assert len(told) == 2
    assert re.match(r"hooks/analytes/blood\.yaml:\d+: the code 718-7 of hb has no source\. Say in `seen_in`", told[0])
    assert re.match(r"hooks/codes/clots\.yaml:\d+: the code 404223003 of VS-DVT-LEG has no source\. ", told[1])


def test_a_reference_nobody_cites(hooks):
    change(hooks, "references.yaml", "qs201:", 'idle-2020: {label: "Idle", tag: M}\nqs201:')
    line = line_of(hooks, "references.yaml", "idle-2020")
    assert found(hooks) == [f"hooks/references.yaml:{line}: nobody cites `idle-2020`. Cite it in a rule or remove it."]


def test_a_parameter_whose_source_is_unknown(hooks):
    change(hooks, "rules/dvt-01/rule.yaml", "source: local", "source: locl")
    (told,) = found(hooks)
    assert re.match(
        r"hooks/rules/dvt-01/rule\.yaml:\d+: the source `locl` of severe-from is unknown\. Name a key", told
    )


def test_a_rule_without_a_source(hooks):
    change(
        hooks,
        "rules/dvt-02/rule.yaml",
        "references: [ng158, qs201, ash-2018, chest-2012, esvs-2021, wells-2003]",
        "references: []",
    )
    told = found(hooks)
    assert "hooks/rules/dvt-02/rule.yaml:1: dvt-02 names no source. " in " ".join(told)


def test_a_question_the_form_does_not_have(hooks):
    change(hooks, "rules/dvt-01/rule.yaml", "for: [side, pain_site]", "for: [side, pain_sight]")
    assert found(hooks) == [
        "hooks/rules/dvt-01/rule.yaml:1: the leg form has no item `pain_sight` (did you mean `pain_site`?). "
        "Name one of forms/leg.yaml."
    ]


# ------------------------------------------------------------------------------------------------ texts, life, place


@pytest.mark.parametrize(
    ("added", "longest"),
    [
        ("x" * 60, True),
        ("[" + "x" * 60 + "]", False),  # an optional part is the first to go
        ("{state}" * 8, True),  # the longest word of the table counts
    ],
)
def test_a_summary_that_can_get_too_long(hooks, added, longest):
    file = hooks / "rules" / "dvt-09" / "rule.yaml"
    text = file.read_text(encoding="utf-8")
    outcome = re.search(r'summary: "(.*)"', text)[1]
    assert len(outcome) > 80
    file.write_text(text.replace(outcome, outcome + added, 1), encoding="utf-8")
    told = [item for item in found(hooks) if "can reach" in item]
    assert bool(told) is longest
    assert all(
        re.match(r"hooks/rules/dvt-09/rule\.yaml:1: the summary of \w+ can reach \d\d\d ", item) for item in told
    )


def test_a_list_in_a_summary_counts_with_all_its_rows(hooks):
    change(hooks, "rules/dvt-02/rule.yaml", "Wells {wells}: DVT likely.", "Wells {wells} ({scored}): DVT likely.")
    (told,) = found(hooks)
    assert int(re.search(r"the summary of likely can reach (\d+) characters", told)[1]) > 300


def test_the_summary_of_a_collected_card_is_measured_too(hooks):
    change(hooks, "rules/wk-01/rule.yaml", "One sample can cover them.", "One sample can cover them. " + "y" * 60)
    (told,) = found(hooks)
    assert told.startswith("hooks/rules/wk-01/rule.yaml:1: the summary of the card can reach ")


def test_an_active_rule_nobody_signed(hooks):
    change(hooks, "rules/fe-02/rule.yaml", "status: draft", "status: active")
    assert found(hooks) == [
        "hooks/rules/fe-02/rule.yaml:1: fe-02 is active and nobody signed it. "
        "Fill `reviewed: {by, on, next}` or make it a draft."
    ]


def test_a_rule_that_no_service_evaluates(hooks):
    for service in (hooks / "services").iterdir():
        service.write_text(service.read_text(encoding="utf-8").replace("  - cvi-02\n", ""), encoding="utf-8")
    told = found(hooks)
    assert "hooks/rules/cvi-02/rule.yaml:1: no service evaluates cvi-02. Add it to a file in hooks/services." in told


# ------------------------------------------------------------------------------------------------ what stops the load


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("definitions/dvt.yaml", "certainty: suspected", "certainty: suspect", "did you mean `suspected`?"),
        ("definitions/dvt.yaml", "answer: wells.cancer", "answer: wells.cancr", "did you mean `wells.cancer`?"),
        (
            "definitions/dvt.yaml",
            "also_procedure: true",
            '"also_procedure": "yes"',
            "`also_procedure` is true or false",
        ),
        ("definitions/gates.yaml", "{patient: deceased}", "{patient: dead}", "a patient has age, sex, deceased"),
        ("definitions/dvt.yaml", "within: suspected-window", "within: suspect-window", "is no span of time"),
        ("rules/dvt-02/rule.yaml", "clear,", "cleer,", "did you mean `clear`?"),
    ],
)
def test_what_cannot_be_read_is_the_one_finding(hooks, name, old, new, told):
    change(hooks, name, old, new)
    (finding,) = found(hooks)
    assert re.match(rf"hooks/{re.escape(name)}:\d+: ", finding)
    assert told in finding
