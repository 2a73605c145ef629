"""What the README says is so: its commands run, its tables are the program's own, its links lead somewhere."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from cds_service.cli import COMMANDS
from cds_service.knowledge.catalogue import load
from cds_service.knowledge.reader import read
from cds_service.knowledge.site import site_of
from cds_service.settings import SETTINGS, Settings
from cds_service.web.body import DEEPEST
from cds_service.web.schemas import LONGEST_COMMENT, MOST_FEEDBACK
from tests.support.servers import free_port, waited

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMAND_LINES = [
    line.partition("  #")[0].strip()
    for block in re.findall(r"^```sh\n(.*?)^```", README, re.M | re.S)
    for line in block.splitlines()
]
PAGES = [ROOT / name for name in ("README.md", "cds_service/README.md", "hooks/README.md", "fixtures/README.md")]


def rows(heading):
    """The cells of every row of the first table below a heading."""
    below = README.split(heading, 1)[1]
    table = re.search(r"^\|.*?(?=\n\n)", below, re.M | re.S)[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_the_settings_are_those_the_program_reads():
    told = [(name.strip("`"), kind, default, meaning) for name, kind, default, meaning in rows("### Settings")]
    assert told == [(item.name, item.type, item.default, item.meaning) for item in SETTINGS]


def test_the_commands_are_those_the_program_has():
    assert [row[0].strip("`").removeprefix("cds ") for row in rows("## On the command line")] == list(COMMANDS)


def test_the_bounds_are_those_in_force():
    told = {row[0]: row[1] for row in rows("### Bounds")}
    assert told["levels of nesting"] == f"{DEEPEST}"
    assert told["entries of one feedback body"] == f"{MOST_FEEDBACK:,}"
    assert told["a comment in feedback"] == f"{LONGEST_COMMENT:,} signs"
    assert told["body of a request"].startswith(f"{Settings().max_body // 1_000_000} MB")
    assert told["reading from a FHIR server"].startswith(f"{Settings().fetch_deadline:.0f} s in all")


def test_the_site_file_of_the_readme_is_one():
    [text] = re.findall(r"^```yaml\n(.*?)^```", README, re.M | re.S)
    catalogue = load(site=site_of(read(text, "site.yaml")))
    assert catalogue.parameters["fer-anaemic"].origin.startswith("Example Hospital: our assay")
    assert catalogue.rules["pers-01"].showing == "silent"


def test_the_number_of_rules_and_of_people_is_right():
    assert f"evaluates {len(list((ROOT / 'hooks' / 'rules').glob('*/rule.yaml')))} rules" in README
    assert f"with {len(list((ROOT / 'fixtures' / 'people').glob('*.json')))} synthetic patients" in README


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_within_the_project_leads_somewhere(page):
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_commands_of_the_readme_are_these():
    assert {line.split()[0] for line in COMMAND_LINES} == {"make", "curl", ".venv/bin/cds"}
    assert [line for line in COMMAND_LINES if line.startswith("make")] == ["make run", "make test"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """`make run` with another port."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CDS_", "MAKE"))}
    script = ["make", "--no-print-directory", "-C", str(ROOT), "run", f"PORT={port}"]
    with waited(script, environment, tmp_path_factory.mktemp("demo"), port) as served:
        yield served


@pytest.mark.slow
@pytest.mark.xdist_group("readme")
@pytest.mark.skipif(not (ROOT / ".venv" / "bin" / "cds").exists(), reason="`make` has made no environment here")
class TestCommands:
    def test_make_run_prints_what_to_open(self, demo):
        told = demo.log.read_text()
        assert f"{demo.base}/cds-services" in told
        assert "https://sandbox.cds-hooks.org/?serviceDiscoveryURL=http%3A%2F%2F127.0.0.1%3A" in told
        assert "http://localhost:8080/?serviceDiscoveryURL=" in told

    def test_the_demo_answers(self, demo):
        assert httpx.get(f"{demo.base}/fhir/Patient/demo-iron").json()["id"] == "demo-iron"

    @pytest.mark.parametrize("line", [line for line in COMMAND_LINES if not line.startswith("make")])
    def test_a_command_runs(self, demo, line):
        argv = shlex.split(line.replace("http://127.0.0.1:8000", demo.base))
        if argv[0] == "curl":
            argv.insert(1, "--fail")
        told = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert told.returncode == 0, told.stdout[-2000:] + told.stderr[-2000:]
        assert told.stdout


def test_make_help_lists_every_target_a_person_runs():
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True).stdout
    assert all(f"make {target}" in told for target in ("run", "test", "check", "bench", "golden", "docs", "clean"))


def test_a_fresh_machine_is_told_what_it_lacks():
    """Without a python3.11 `make` says so in one line."""
    told = subprocess.run(
        ["make", "VENV=/nonexistent/venv", "PYTHON=", "/nonexistent/venv/.made"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert told.returncode != 0
    assert "no python3.11 or later found" in told.stderr
    assert sys.version_info >= (3, 11)
