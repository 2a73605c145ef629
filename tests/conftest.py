"""In CI nothing may be skipped: a test that did not run proves nothing."""

from __future__ import annotations

import os

import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fails a CI run in which a test was skipped. Workers report to the controller, which decides."""
    if os.environ.get("CI") != "true" or hasattr(session.config, "workerinput"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if skipped and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line(f"{len(skipped)} tests were skipped, which CI takes for a failure", red=True)


def pytest_make_parametrize_id(config, val, argname):
    """Long texts are no names for a test, and keys made anew in each worker would give each its own."""
    return argname if isinstance(val, str | bytes) and len(val) > 60 else None
