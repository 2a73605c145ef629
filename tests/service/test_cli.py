"""The command line as a person uses it: what is printed, what the exit code says, and that an error is one line."""

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cds_service.cli import COMMANDS, main

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "fixtures"
NOW = "2026-03-02T10:00:00Z"


@pytest.fixture
def content(tmp_path):
    """A copy of the content that may be written."""
    shutil.copytree(ROOT / "hooks", tmp_path / "hooks", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "hooks"


def run(capsys, *argv):
    """(exit code, standard output, standard error)"""
    try:
        code = main([str(item) for item in argv])
    except SystemExit as stop:
        code = stop.code
    told = capsys.readouterr()
    return code, told.out, told.err


# ------------------------------------------------------------------ the command itself


def test_help_names_every_command_and_is_quick():
    begun = time.perf_counter()
    told = subprocess.run([sys.executable, "-m", "cds_service.cli", "--help"], capture_output=True, text=True)
    assert time.perf_counter() - begun < 2
    assert told.returncode == 0
    assert all(re.search(rf"^  {name} ", told.stdout, re.M) for name in COMMANDS)
    heavy = (
        "import sys, cds_service.cli; print([name for name in ('flask', 'sqlalchemy', 'yaml') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_of_its_own(capsys, name):
    code, out, _ = run(capsys, name, "--help")
    assert code == 0
    assert f"cds {name}" in out


def test_a_misspelt_command_names_the_nearest(capsys):
    assert run(capsys, "chek") == (2, "", "cds: there is no command chek; did you mean check?\n")


def test_without_a_command_it_tells_them_all(capsys):
    code, out, _ = run(capsys)
    assert code == 2
    assert "usage: cds COMMAND" in out


def test_a_misspelt_setting_stops_every_command(capsys, monkeypatch):
    monkeypatch.setenv("CDS_SIET", "x")
    code, out, err = run(capsys, "rules")
    assert (code, out) == (2, "")
    assert err == "cds rules: there is no setting CDS_SIET: did you mean CDS_SITE?\n"


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_port_in_use_is_one_line_before_anything_is_promised(capsys, command):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, out, err = run(capsys, command, "--port", port)
    assert (code, out) == (2, "")
    assert (
        err
        == f"cds {command}: cannot listen on 127.0.0.1, port {port}: Address already in use; choose another with --port\n"
    )


@pytest.mark.parametrize(
    "argv", [("explain", "nowhere.json"), ("validate", "nowhere.json"), ("rules", "--site", "nowhere")]
)
def test_a_file_that_is_not_there_is_one_line(capsys, argv):
    code, _, err = run(capsys, *argv)
    assert code == 2
    assert err.count("\n") == 1
    assert "nowhere" in err


def test_output_may_be_cut_short():
    script = f"{sys.executable} -m cds_service.cli rules | head -1"
    told = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert told.stderr == ""


# ------------------------------------------------------------------ content


def test_check_finds_what_is_wrong_with_file_line_and_remedy(capsys, content):
    rule = content / "rules" / "fe-01" / "rule.yaml"
    rule.write_text(rule.read_text().replace("iron-deficient\n", "iron-deficent\n"))
    code, out, _ = run(capsys, "check", "--content", content)
    assert code == 1
    assert re.search(r"hooks/rules/fe-01/rule.yaml:\d+: nothing is called `iron-deficent`", out)
    assert "iron-deficient" in out


def test_check_holds_every_order_template_to_fhir(capsys, content):
    [file] = [path for path in (content / "orders").glob("*.yaml") if '"2276-4"' in path.read_text()]
    file.write_text(file.read_text().replace('"2276-4"', '"2276-4 "', 1))
    code, out, _ = run(capsys, "check", "--content", content)
    assert code == 1
    assert re.search(r"hooks/orders/\w+.yaml:\d+: the order `ferritin` is not valid R4: .*code", out)


def test_replay_names_a_hook_that_no_service_answers(capsys, tmp_path):
    (tmp_path / "charts.ndjson").write_text('{"resourceType": "Bundle", "type": "collection"}\n')
    code, _, told = run(capsys, "replay", "--hook", "patient-veiw", tmp_path / "charts.ndjson")
    assert code == 2
    assert "no service answers `patient-veiw`" in told


def test_the_cases_of_one_rule(capsys):
    code, out, _ = run(capsys, "test", "fe-01")
    assert code == 0
    assert re.search(r"\d+ cases, 0 failed", out)


def test_a_case_that_fails_is_named_with_its_line(capsys, content):
    rule = content / "definitions" / "blood.yaml"
    rule.write_text(
        rule.read_text().replace(
            "{value: 45, unit: ug/L, range: [30, 50], source: aga-2020",
            "{value: 44, unit: ug/L, range: [30, 50], source: aga-2020",
        )
    )
    code, out, _ = run(capsys, "test", "fe-01", "--content", content)
    assert code == 1
    assert re.search(r"cases.yaml:\d+: fe-01, ferritin 44 with anaemia: expected deficient, got silent", out)


def test_what_a_site_switches_off_or_silent_fails_no_case_of_it(capsys, tmp_path):
    site = tmp_path / "site.yaml"
    site.write_text("site: a hospital\nrules: {life-02: off, wk-01: silent, fe-01: silent}\n")
    code, out, _ = run(capsys, "test", "life-02", "wk-01", "fe-01", "--site", site)
    assert code == 0
    assert out.startswith("life-02 is off here: its cases are not run\n")
    assert re.search(r"^[1-9]\d* cases, 0 failed$", out, re.M)


def test_the_cases_prove_a_sites_thresholds(capsys, tmp_path):
    site = tmp_path / "site.yaml"
    site.write_text(
        "site: a hospital\n"
        "parameters: {blood: {fer-anaemic: {value: 40, unit: ug/L, because: our assay, by: A. Head, on: 2026-01-01}}}\n"
    )
    code, out, _ = run(capsys, "test", "fe-01", "--site", site)
    assert code == 1
    assert "ferritin 44 with anaemia" in out


def test_rules_are_listed_for_a_hook(capsys):
    code, out, _ = run(capsys, "rules", "--hook", "order-sign")
    assert code == 0
    assert "med-05" in out
    assert "dvt-02" not in out
    code, _, err = run(capsys, "rules", "--hook", "order-sing")
    assert code == 2
    assert err.startswith("cds rules: no service answers `order-sing`")
    assert "order-sign" in err


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("iron-deficient", "definition iron-deficient (hooks/definitions/blood.yaml:"),
        ("fer-anaemic", "may be set from 30 to 50 ug/L"),
        ("ferritin", "analyte ferritin"),
        ("VS-PAD", "value set VS-PAD"),
        ("abpi", "order abpi"),
        ("DVT02", "# DVT-02"),
        ("dvt-02", "# DVT-02"),
    ],
)
def test_a_name_is_told_in_words(capsys, name, words):
    code, out, _ = run(capsys, "show", name)
    assert code == 0
    assert words in out


def test_a_misspelt_name_names_the_nearest(capsys):
    code, _, err = run(capsys, "show", "iron-deficent")
    assert code == 2
    assert "iron-deficient" in err


def test_every_place_of_a_name(capsys):
    code, out, _ = run(capsys, "where", "fer-anaemic")
    assert code == 0
    lines = out.splitlines()
    assert any(line.startswith("hooks/definitions/blood.yaml:") and "value: 45" in line for line in lines)
    assert any(line.startswith("hooks/rules/fe-01/rule.yaml:") and "{fer-anaemic}" in line for line in lines)


def test_a_definition_is_renamed_everywhere_and_nothing_else_changes(capsys, content):
    before = {path: path.read_text() for path in content.rglob("*.yaml")}
    main(["rename", "iron-deficient", "lacks-iron", "--content", str(content)])
    after = {path: path.read_text() for path in content.rglob("*.yaml")}
    changed = {path for path in before if before[path] != after[path]}
    assert len(changed) > 1
    for path in changed:
        assert before[path].count("\n") == after[path].count("\n")
        assert re.sub(r"(?<![\w-])lacks-iron(?![\w-])", "iron-deficient", after[path]) == before[path]
    capsys.readouterr()
    assert run(capsys, "test", "fe-01", "--content", content)[0] == 0
    assert run(capsys, "rename", "anaemic", "lacks-iron", "--content", content)[0] == 2
    assert run(capsys, "rename", "nobody", "somebody", "--content", content)[0] == 2


def test_only_names_are_renamed_not_what_is_spelt_alike(capsys, content):
    """`ferritin` is a definition and an analyte, `swelling` a definition and a word on cards."""
    assert run(capsys, "rename", "ferritin", "iron-store", "--content", content)[0] == 0
    definitions = (content / "definitions" / "blood.yaml").read_text()
    assert re.search(r"iron-store: +\{result: ferritin, within: lab-window\}", definitions)
    rule = (content / "rules" / "fe-02" / "rule.yaml").read_text()
    assert "ferritin {iron-store} on {iron-store.date}" in rule
    assert run(capsys, "rename", "swelling", "leg-swells", "--content", content)[0] == 0
    assert "{when: leg-swells, then: swelling}" in (content / "rules" / "dvt-01" / "rule.yaml").read_text()
    assert run(capsys, "test", "fe-02", "dvt-01", "--content", content)[0] == 0


def test_a_name_is_renamed_in_a_line_with_a_comment(capsys, content):
    assert run(capsys, "rename", "rls", "restless", "--content", content)[0] == 0
    rule = (content / "rules" / "fe-02" / "rule.yaml").read_text()
    assert re.search(r"- \{not: restless\} +# RLS-02 speaks instead", rule)


def test_nothing_is_renamed_when_the_content_would_not_hold(capsys, content, monkeypatch):
    monkeypatch.setattr("cds_service.commands.renaming._in_texts", lambda node, text, old: iter(()))
    before = {path: path.read_text() for path in content.rglob("*.yaml")}
    code, out, _ = run(capsys, "rename", "ferritin", "iron-store", "--content", content)
    assert code == 1
    assert "nothing is called `ferritin`" in out
    assert "nothing was renamed" in out
    assert {path: path.read_text() for path in content.rglob("*.yaml")} == before


def test_the_doors_out_of_three_values_are_listed(capsys):
    code, out, _ = run(capsys, "check", "--list-known")
    assert code == 0
    assert re.search(r"^hooks/rules/fe-02/rule\.yaml:\d+: unless: anaemic$", out, re.M)
    assert re.search(r"^hooks/definitions/dvt\.yaml:\d+: known: confirmed-scan$", out, re.M)
    assert out.endswith("nothing found\n")
    assert "known" not in run(capsys, "check")[1]


def test_cases_that_show_too_little_are_doubted(capsys, content):
    cases = content / "rules" / "fe-02" / "cases.yaml"
    lines = cases.read_text().splitlines(keepends=True)
    cases.write_text("".join(line for line in lines if "iron overload" not in line))
    code, out, _ = run(capsys, "test", "fe-02", "--doubt", "--content", content)
    assert code == 1
    assert "`{not: iron-overload}` of `all` in when may be left out, and no case of fe-02 fails" in out
    assert out.endswith("changes that no case notices: 1\n")


def test_a_new_rule_loads_and_its_cases_pass(capsys, content):
    assert run(capsys, "new", "rule", "fe-99", "--content", content)[0] == 0
    service = content / "services" / "leg-symptoms.yaml"
    service.write_text(service.read_text().replace("  - wk-01\n", "  - fe-99\n  - wk-01\n"))
    assert run(capsys, "test", "fe-99", "--content", content)[:2] == (0, "3 cases, 0 failed\n")
    assert run(capsys, "new", "rule", "fe-99", "--content", content)[0] == 2
    assert run(capsys, "new", "rule", "Fe 99", "--content", content)[0] == 2


# ------------------------------------------------------------------ charts


def test_a_chart_is_explained_with_evidence_and_reasons(capsys):
    request = FIXTURES / "requests" / "dvt-undecided.patient-view.json"
    code, out, _ = run(capsys, "explain", request, "--now", NOW, "--rule", "dvt-01")
    assert code == 0
    assert "DVT01 One-sided leg signs" in out
    assert "Condition/demo-dvt-undecided-swelling" in out
    assert "because not recorded" in out
    assert "WARNING  One-sided leg swelling: possible DVT." in out
    assert "\x1b[" not in out


def test_an_explanation_for_machines(capsys):
    request = FIXTURES / "requests" / "iron.patient-view.json"
    code, out, _ = run(capsys, "explain", request, "--now", NOW, "--json")
    told = json.loads(out)
    assert code == 0
    assert {"FE01"} == {rule["code"] for rule in told["rules"] if rule["state"] == "fired"}
    assert told["reply"]["cards"][0]["indicator"] == "warning"


def test_a_sites_threshold_says_where_it_comes_from(capsys, tmp_path):
    site = tmp_path / "site.yaml"
    site.write_text(
        "site: a hospital\n"
        "parameters: {blood: {fer-anaemic: {value: 40, unit: ug/L, because: our assay, by: A. Head, on: 2026-01-01}}}\n"
    )
    request = FIXTURES / "requests" / "iron.patient-view.json"
    _, out, _ = run(capsys, "explain", request, "--now", NOW, "--rule", "fe-01", "--site", site)
    assert "40 ug/L (fer-anaemic, a hospital: our assay (A. Head, 2026-01-01))" in out


def test_a_request_that_is_valid_and_one_that_is_not(capsys, tmp_path):
    good = FIXTURES / "requests" / "iron.patient-view.json"
    assert run(capsys, "validate", good) == (0, "valid\n", "")
    body = json.loads(good.read_text())
    body["prefetch"]["patient"]["gender"] = "Female"
    body["prefetch"]["observations"]["entry"][0]["resource"].pop("status")
    del body["hookInstance"]
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps(body))
    code, out, _ = run(capsys, "validate", bad)
    assert code == 1
    assert "hookInstance: Missing data for required field." in out
    assert re.search(r"prefetch.observations: entry\[0\] Observation/\S+ status", out)


def test_a_population_is_counted(capsys, tmp_path):
    lines = [
        json.dumps(json.loads(path.read_text())) for path in sorted((FIXTURES / "requests").glob("*.patient-view.json"))
    ]
    people = tmp_path / "people.ndjson"
    people.write_text("\n".join(lines) + "\n")
    code, out, _ = run(capsys, "replay", people, "--now", NOW, "--json")
    told = json.loads(out)
    assert code == 0
    assert told["charts"] == len(lines)
    assert told["rules"]["DVT02"]["fired"] == 1
    assert told["rules"]["FE01"]["fired"] == 1


def test_a_line_that_is_no_chart_costs_that_line(capsys, tmp_path):
    good = json.dumps(json.loads((FIXTURES / "requests" / "iron.patient-view.json").read_text()))
    people = tmp_path / "people.ndjson"
    people.write_text(f"{{broken\n{good}\n[]\n")
    code, out, err = run(capsys, "replay", people, "--now", NOW, "--json")
    told = json.loads(out)
    assert code == 1
    assert told["charts"] == 3
    assert told["rules"]["FE01"]["fired"] == 1
    assert sum(told["errors"].values()) == 2
    assert err.count("\n") == 2
