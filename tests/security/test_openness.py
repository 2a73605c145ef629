"""Without registered clients the service keeps to this machine, unless somebody says otherwise; and then it says so loudly."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from cds_service.cli import main
from cds_service.commands import serving as serve_command
from tests.security.test_over_http import clients_file
from tests.support.servers import serving

HERE = ["127.0.0.1", "127.8.0.1", "::1", "localhost"]
BEYOND = ["0.0.0.0", "::", "10.0.0.5", "192.168.1.7", "cds.example.org", "localhost.example.org", "0", ""]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The hosts a server was started on; nothing is bound."""
    hosts: list[str] = []
    monkeypatch.setattr(serve_command, "_serve", lambda settings, args, demo=False: hosts.append(args.host) or 0)
    for name in ("CDS_OPEN", "CDS_CLIENTS", "CDS_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return hosts


@pytest.mark.parametrize("command", ["serve", "demo"])
@pytest.mark.parametrize("host", HERE)
def test_on_this_machine_it_starts_without_a_word(
    command: str, host: str, started: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert main([command, "--host", host]) == 0
    assert started == [host] and "open:" not in caplog.text


@pytest.mark.parametrize("command", ["serve", "demo"])
@pytest.mark.parametrize("host", BEYOND)
def test_beyond_it_does_not_start_and_says_what_to_do(
    command: str, host: str, started: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--host", host]) != 0
    said = capsys.readouterr().err
    assert not started and "CDS_CLIENTS" in said and "--open" in said


@pytest.mark.parametrize("host", BEYOND)
def test_with_open_it_starts_and_warns(
    host: str, started: list[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["serve", "--host", host, "--open"]) == 0
    monkeypatch.setenv("CDS_OPEN", "true")
    assert main(["serve", "--host", host]) == 0
    loud = [
        record for record in caplog.records if record.levelno >= logging.WARNING and "anybody" in record.getMessage()
    ]
    assert started == [host, host] and len(loud) == 2


def test_with_clients_it_may_listen_anywhere(
    started: list[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CDS_CLIENTS", str(clients_file(tmp_path)))
    assert main(["serve", "--host", "0.0.0.0"]) == 0
    assert started == ["0.0.0.0"] and "anybody" not in caplog.text


@pytest.mark.slow
def test_a_file_of_clients_that_is_not_there_does_not_mean_open(tmp_path: Path) -> None:
    started = serving(tmp_path, clients=str(tmp_path / "missing.yaml"))
    with pytest.raises(AssertionError, match=r"CDS_CLIENTS: .*missing\.yaml cannot be read"), started:
        pass
