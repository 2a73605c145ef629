"""What changed between two contents, in words; and whose answers change."""

import argparse
import shutil
import subprocess

import orjson
import pytest
from content import CONTENT, HOOKS, ROOT

from cds_service.batch.comparison import demo_charts, demo_orders
from cds_service.bootstrap import house_of
from cds_service.commands import publishing
from cds_service.errors import ContentError, SettingsError
from cds_service.fhir.demo_people import DemoPeople
from cds_service.knowledge.catalogue import load
from cds_service.knowledge.content import Content
from cds_service.publish.differences import differences
from cds_service.publish.lock import digests
from cds_service.publish.wording import compared, words
from cds_service.settings import read_settings

OLD = load(CONTENT)


@pytest.fixture
def hooks(tmp_path):
    folder = tmp_path / "hooks"
    shutil.copytree(HOOKS, folder, ignore=shutil.ignore_patterns("handbook", "schemas"))
    return folder


def change(folder, name, old, new):
    file = folder / name
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{old!r} does not stand in {name}"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def told(folder):
    new = load(Content.at(folder))
    parts = {part.title: list(part.lines) for part in differences(OLD, new)}
    was, now = digests(OLD), digests(new)
    meant = parts.pop("Rules whose meaning changed", [])
    assert [line.split(":")[0].lower() for line in meant] == [
        name for name in now if name in was and was[name].digest != now[name].digest
    ]
    return meant, parts


def run(*arguments):
    parser = argparse.ArgumentParser()
    publishing.add(parser.add_subparsers())
    given = parser.parse_args(list(arguments))
    return given.run(given)


def test_the_same_content_has_no_differences():
    assert differences(OLD, load(CONTENT)) == []


def test_a_parameter_says_its_old_and_new_value_and_who_uses_it(hooks):
    change(hooks, "rules/hyd-01/rule.yaml", "value: 20, unit", "value: 22, unit")
    assert told(hooks) == (
        ["HYD-01: version 1.0.0, not raised"],
        {
            "Rule HYD-01: Dehydration pattern": [
                "parameter bun-ratio: 20 → 22 (BUN to creatinine, both in mg/dL, above)",
                "name ratio-high: fluid-ratio above [20 → 22] (bun-ratio)",
            ]
        },
    )


def test_a_shared_number_is_told_once_with_the_rules_it_reaches(hooks):
    change(hooks, "definitions/dvt.yaml", "wells-likely:", "wells-likely: ")
    text = (hooks / "definitions/dvt.yaml").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.strip().startswith("wells-likely:"))
    change(hooks, "definitions/dvt.yaml", line, line.replace("value: 2,", "value: 3,"))
    meant, parts = told(hooks)
    [title] = [title for title in parts if title.startswith("Parameter wells-likely (used by ")]
    assert "DVT-02" in title
    assert "2 points → 3 points (score from which DVT is likely)" in parts[title]
    assert "DVT-02: version 1.0.0, not raised" in meant
    [name] = [title for title in parts if title.startswith("Definition wells-is-likely")]
    assert parts[name] == ["wells at least [2 → 3] points (wells-likely)"]


def test_texts_levels_orders_and_relations_of_a_rule_are_told_word_by_word(hooks):
    rule = "rules/fe-01/rule.yaml"
    change(hooks, rule, "Look for the cause.", "Find the cause.")
    change(hooks, rule, "otherwise: warning", "otherwise: info")
    change(hooks, rule, "      - {order: iga, when: coeliac-untested}\n", "")
    change(hooks, rule, "version: 1.0.0", "version: 1.1.0")
    meant, parts = told(hooks)
    assert meant == ["FE-01: version 1.0.0 → 1.1.0"]
    lines = parts["Rule FE-01: Iron-deficiency anaemia without treatment"]
    assert "version: 1.0.0 → 1.1.0" in lines
    assert any("[Look for → Find] the cause." in line for line in lines)
    assert "What it says: Level: [warning → info] otherwise" in lines
    assert any(line.startswith("What it says: gone: Order total IgA") for line in lines)


def test_criteria_are_told_as_sentences(hooks):
    change(hooks, "rules/fe-01/rule.yaml", "    - {not: iron-overload}\n", "")
    change(
        hooks,
        "definitions/blood.yaml",
        "any:\n      - {value: ferritin, below: fer-floor}",
        "any:\n      - {value: ferritin, at_most: fer-floor}",
    )
    _, parts = told(hooks)
    lines = parts["Rule FE-01: Iron-deficiency anaemia without treatment"]
    assert "When it speaks: gone: not iron-overload" in lines
    [title] = [title for title in parts if title.startswith("Definition iron-deficient (used by")]
    assert parts[title] == ["ferritin [below → at most] 15 ug/L (fer-floor)"]


def test_codes_added_and_removed_are_named(hooks):
    row = '    - {system: snomed, code: "84229001", display: Fatigue (finding), seen_in: NER-NBME-ClinicalTerms SnomedOMS}\n'
    new = '    - {system: snomed, code: "248268002", display: Other tiredness, seen_in: nowhere}\n'
    change(hooks, "codes/symptoms.yaml", row, new)
    meant, parts = told(hooks)
    [title] = [title for title in parts if title.startswith("Value set fatigue (used by ")]
    assert parts[title] == [
        "code added: snomed 248268002 Other tiredness",
        "code removed: snomed 84229001 Fatigue (finding)",
    ]
    assert "FE-01: version 1.0.0, not raised" in meant


def test_a_signature_is_told(hooks):
    signed = 'status: active\nreviewed: {by: A. Clinician, on: "2027-01-01", next: "2028-01-01"}'
    change(hooks, "rules/fe-01/rule.yaml", "status: draft\nreviewed: {by: ~, on: ~, next: ~}", signed)
    _, parts = told(hooks)
    lines = parts["Rule FE-01: Iron-deficiency anaemia without treatment"]
    assert "reviewed by: none → A. Clinician" in lines
    assert "reviewed next: none → 2028-01-01" in lines


def test_a_rule_that_comes_goes_or_retires_is_told(hooks):
    for hook in ("select", "sign"):
        change(hooks, f"services/leg-symptoms-order-{hook}.yaml", "  - med-05\n", "")
    (hooks / "rules" / "med-05").rename(hooks / "rules" / "med-09")
    change(hooks, "rules/med-09/rule.yaml", "id: med-05", "id: med-09")
    change(hooks, "rules/fe-01/rule.yaml", "status: draft", "status: retired")
    _, parts = told(hooks)
    assert parts["New rule MED-09: Quinine for cramps or restless legs"] == ["version 1.0.0, draft"]
    assert parts["Rule gone: MED-05: Quinine for cramps or restless legs"] == ["last version 1.0.0"]
    assert "status: draft → retired" in parts["Rule FE-01: Iron-deficiency anaemia without treatment"]
    assert "no longer evaluates FE-01" in parts["Service leg-symptoms"]
    assert "no longer returns MED-05" in parts["Service leg-symptoms-order-sign"]


def test_a_source_that_was_read_since_is_told(hooks):
    text = (hooks / "references.yaml").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("wells-2003:"))
    change(hooks, "references.yaml", line, line.replace("tag: M", "tag: V"))
    meant, parts = told(hooks)
    assert meant == []
    assert parts["Source wells-2003 (used by DVT-01, DVT-02)"] == ["was to be verified, is verified"]


def test_what_cards_call_a_name_is_told(hooks):
    change(hooks, "words.yaml", "ck-14: CK\n", "ck-14: creatine kinase\n")
    assert told(hooks) == ([], {"What cards call a name": ["ck-14: CK → creatine kinase"]})


def test_an_order_with_another_code_is_told(hooks):
    change(hooks, "orders/orders.yaml", 'code: "2276-4"', 'code: "20567-4"')
    _, parts = told(hooks)
    [title] = [title for title in parts if title.startswith("Order ferritin (used by ")]
    assert [title for title in parts if title.startswith(("Definition ferritin", "Result ferritin"))] == []
    assert parts[title] == ["[2276-4 → 20567-4] Ferritin [Mass/volume] in Serum or Plasma"]


# ------------------------------------------------------------------ the command


def test_the_command_tells_whose_answers_change_among_the_fixtures(hooks, capsys):
    change(hooks, "rules/fe-01/rule.yaml", "status: draft", "status: retired")
    assert run("diff", str(HOOKS), str(hooks)) == 0
    told = capsys.readouterr().out
    assert "Rule FE-01: Iron-deficiency anaemia without treatment\n  - status: draft → retired" in told
    assert "  - fixture iron, patient-view: FE01 fired (deficient, warning) → silent" in told
    assert "fixture nothing" not in told


def test_an_order_story_is_answered_with_its_order(hooks, capsys):
    change(hooks, "rules/med-05/rule.yaml", "indicator: warning", "indicator: info")
    assert run("diff", str(HOOKS), str(hooks)) == 0
    told = capsys.readouterr().out.partition("Whose answers change\n")[2].splitlines()
    [name] = load(CONTENT).rules["med-05"].outcomes
    assert told == [
        f"  - fixture cramps, order-{hook}: MED05 fired ({name.name}, warning) → fired ({name.name}, info)"
        for hook in ("select", "sign")
    ]


def test_a_hook_request_among_the_charts_is_answered_on_its_own_hook(hooks, tmp_path, capsys):
    settings = read_settings({}, {"now": "2026-03-02T10:00:00Z"})
    lines = demo_orders(DemoPeople(), house_of(settings, OLD))["order-sign"]
    [line] = [line for line in lines if b'"uid":"cramps"' in line]
    (tmp_path / "charts.ndjson").write_bytes(line)
    change(hooks, "rules/med-05/rule.yaml", "status: draft", "status: retired")
    assert run("diff", str(HOOKS), str(hooks), "--over", str(tmp_path / "charts.ndjson")) == 0
    told = [item for item in capsys.readouterr().out.splitlines() if item.startswith("  - chart ")]
    assert len(told) == 1
    assert told[0].startswith("  - chart cramps, order-sign: MED05 fired (")
    assert told[0].endswith(" → silent")


def test_and_among_the_charts_given(hooks, tmp_path, capsys):
    settings = read_settings({}, {"now": "2026-03-02T10:00:00Z"})
    lines = demo_charts(DemoPeople(), house_of(settings, OLD))
    (tmp_path / "charts.ndjson").write_bytes(b"\n".join(line for line in lines if b'"uid":"iron"' in line) + b"\n\n")
    change(hooks, "rules/fe-01/rule.yaml", "otherwise: warning", "otherwise: info")
    assert run("diff", str(HOOKS), str(hooks), "--over", str(tmp_path / "charts.ndjson")) == 0
    told = capsys.readouterr().out
    assert "  - chart iron, patient-view: FE01 fired (deficient, warning) → fired (deficient, info)" in told


def test_nothing_changed_is_said_in_two_words(capsys):
    assert run("diff", str(HOOKS), str(HOOKS)) == 0
    assert capsys.readouterr().out == "Nothing changed.\n"


def test_a_change_that_alters_no_answer_is_told_so(hooks, capsys):
    change(hooks, "rules/hyd-01/rule.yaml", "title: Dehydration pattern", "title: Loss of fluid")
    assert run("diff", str(HOOKS), str(hooks)) == 0
    assert "Whose answers change\n  - nobody's, among the charts compared" in capsys.readouterr().out


def test_a_folder_or_revision_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(ContentError, match="no such content folder"):
        run("diff", str(tmp_path / "nowhere"), str(HOOKS))
    with pytest.raises(SettingsError, match="git:no-such-revision: "):
        run("diff", "git:no-such-revision", str(HOOKS))
    with pytest.raises(SettingsError, match=r"--over: .* cannot be read"):
        run("diff", str(HOOKS), str(HOOKS), "--over", str(tmp_path / "nothing.ndjson"))


def test_a_line_that_is_no_chart_costs_that_line(hooks, tmp_path, capsys):
    settings = read_settings({}, {"now": "2026-03-02T10:00:00Z"})
    [iron] = [line for line in demo_charts(DemoPeople(), house_of(settings, OLD)) if b'"uid":"iron"' in line]
    (tmp_path / "odd.ndjson").write_bytes(b"[1]\n\n{not json\n" + orjson.dumps(orjson.loads(iron)["request"]) + b"\n")
    change(hooks, "rules/fe-01/rule.yaml", "status: draft", "status: retired")
    assert run("diff", str(HOOKS), str(hooks), "--over", str(tmp_path / "odd.ndjson")) == 0
    told = capsys.readouterr()
    assert [line.rpartition(": ")[2] for line in told.err.splitlines()] == [
        "line 1 is no chart and is left out",
        "line 3 is no chart and is left out",
    ]
    assert "  - chart line 4, patient-view: FE01 fired (deficient, warning) → silent" in told.out


def test_a_content_that_cannot_be_read_is_named(hooks):
    change(hooks, "rules/fe-01/rule.yaml", "    - anaemic\n", "    - anaemick\n")
    with pytest.raises(ContentError) as refused:
        run("diff", str(HOOKS), str(hooks))
    assert str(refused.value).startswith("hooks/rules/fe-01/rule.yaml:")
    assert str(refused.value).endswith(f"(did you mean `anaemic`?) (in {hooks})")


def test_a_revision_of_this_repository_is_a_content_too(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    done = subprocess.run(["git", "rev-parse", "HEAD:hooks"], capture_output=True)
    if done.returncode:
        assert not (ROOT / ".git").exists(), "a checkout knows its own revisions"
        return
    assert run("diff", "git:HEAD", "git:HEAD") == 0
    assert capsys.readouterr().out == "Nothing changed.\n"


# ------------------------------------------------------------------ words


def test_a_changed_line_shows_what_changed_in_it():
    assert words("ferritin below 30 ug/L", "ferritin below 45 ug/L") == "ferritin below [30 → 45] ug/L"
    assert words("a b c", "a c") == "a [gone: b] c"
    assert words("a c", "a b c") == "a [new: b] c"


def test_lines_are_paired_with_their_likes_wherever_they_stand():
    assert compared(["one two three", "x y z"], ["x y z", "one two four"]) in (
        ["one two [three → four]"],
        ["gone: one two three", "new: one two four"],
    )
    assert compared(["a b c d"], ["w x y z"]) == ["gone: a b c d", "new: w x y z"]
    assert compared(["a b c d"], ["q r s t", "a b c e"]) == ["a b c [d → e]", "new: q r s t"]
    assert compared(["a"], ["a"]) == []
