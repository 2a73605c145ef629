"""The wheel, with the source tree out of sight; and the image as far as it can be read without an engine."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.support.golden import plain
from tests.support.servers import free_port, waited

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    [made] = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder that holds the wheel's packages and nothing else of ours."""
    target = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(wheel)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return target


def python(installed, *argv, **more):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
    environment |= {"PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    script = [sys.executable, *argv]
    return subprocess.run(script, env=environment, cwd=installed.parent, capture_output=True, text=True, **more)


def test_the_wheel_holds_program_content_and_people_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "cds_service/hooks/rules/dvt-02/rule.yaml" in names
    assert "cds_service/hooks/rules/dvt-02/cases.yaml" in names
    assert "cds_service/hooks/forms/leg.yaml" in names
    assert "cds_service/fixtures/people/iron.json" in names
    assert any(name.endswith("licenses/NOTICE") for name in names)
    folders = {"cds_service", next(name for name in names if ".dist-info" in name).partition("/")[0]}
    assert {name.partition("/")[0] for name in names} == folders
    assert not [name for name in names if re.search(r"tests?/|\.ledger|\.db|__pycache__|requests/|replies/", name)]


def test_every_content_file_is_in_the_wheel(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    content = {f"cds_service/hooks/{path.relative_to(ROOT / 'hooks')}" for path in (ROOT / "hooks").rglob("*.yaml")}
    assert content - names == set()


def test_it_checks_its_own_content_out_of_the_sources_sight(installed):
    told = python(
        installed,
        "-c",
        "import cds_service, cds_service.hooks as hooks; print(cds_service.__file__, hooks.__path__[0])",
    )
    assert told.stdout.count(str(installed)) == 2, told.stdout + told.stderr
    told = python(installed, "-m", "cds_service.cli", "check")
    assert (told.returncode, told.stdout) == (0, "nothing found\n"), told.stdout + told.stderr


def test_it_proves_its_rules_under_a_site_file(installed, tmp_path):
    site = tmp_path / "site.yaml"
    site.write_text("site: a hospital\nsettings: {altitude: 0}\n")
    told = python(installed, "-m", "cds_service.cli", "test", "fe-01", "--site", str(site))
    assert told.returncode == 0, told.stdout + told.stderr


def test_the_packaged_content_is_not_to_be_written(installed):
    told = python(installed, "-m", "cds_service.cli", "new", "rule", "fe-99")
    assert told.returncode == 2
    assert "packaged content" in told.stderr


def test_it_serves_the_demo(installed, tmp_path):
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
    environment |= {"PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1", "CDS_NOW": "2026-03-02T10:00:00Z"}
    script = [sys.executable, "-m", "cds_service.cli", "demo", "--port", str(port), "--workers", "1"]
    with waited(script, environment, tmp_path, port) as served:
        for path in ("/cds-services", "/fhir/Patient/demo-iron", "/rules/fe-01", "/rules", "/forms/leg", "/metrics"):
            assert httpx.get(served.base + path).status_code == 200, path
        body = {
            "hook": "patient-view",
            "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
            "fhirServer": f"{served.base}/fhir",
            "context": {"userId": "Practitioner/1", "patientId": "demo-iron"},
        }
        reply = httpx.post(f"{served.base}/cds-services/leg-symptoms", json=body, timeout=30).json()
        assert plain(reply)["cards"][0]["source"]["topic"]["code"] == "FE01"


# ------------------------------------------------------------------ the image


def test_the_image_has_two_stages_and_runs_as_nobody_special():
    stages = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.M)[1:]
    assert len(stages) == 2
    last = stages[1]
    assert re.search(r"^USER 10001", last, re.M)
    assert "HEALTHCHECK" in last
    assert "COPY --from=build" in last
    assert not re.search(r"gcc|build-essential|apt-get|pip install", last)
    assert last.splitlines()[0].startswith("python:3.13-slim")


def test_the_image_is_given_what_the_wheel_is_made_of():
    first = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.M)[1]
    copied = {word for line in first.splitlines() if line.startswith("COPY") for word in line.split()[1:-1]}
    assert copied == {"pyproject.toml", "README.md", "LICENSE", "NOTICE", "cds_service", "hooks", "fixtures"}
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert not copied & set(ignored)


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the linter is published for x86_64 alone")
def test_the_linter_has_nothing_to_say():
    linter = Path(sys.executable).with_name("hadolint")
    told = subprocess.run([linter, str(ROOT / "Dockerfile")], capture_output=True, text=True)
    assert (told.returncode, told.stdout) == (0, "")
