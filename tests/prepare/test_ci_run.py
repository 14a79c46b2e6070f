from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def checkout(tmp_path: Path, project: Path) -> Path:
    """A checkout in which ``bootstrap`` only writes down how it was called, and fails where told to."""
    (tmp_path / ".ci").mkdir()
    shutil.copy2(project / ".ci/run", tmp_path / ".ci/run")
    script = '#!/bin/sh\necho "$PWD: $*" >>called\ntest "$*" != "$(cat fails 2>/dev/null)"\n'
    (tmp_path / "bootstrap").write_text(script)
    (tmp_path / "bootstrap").chmod(0o755)
    return tmp_path


def run(checkout: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([checkout / ".ci/run"], cwd="/", capture_output=True, text=True, timeout=60)


def test_lint_and_tests_are_run_in_the_checkout_from_any_folder(checkout: Path) -> None:
    done = run(checkout)
    called = (checkout / "called").read_text().splitlines()
    assert called == [f"{checkout}: {words}" for words in (".ci/room", "nox -s lint", "nox -s tests")]
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "CI: passed"


def test_a_failure_ends_it_with_its_code_and_its_name(checkout: Path) -> None:
    (checkout / "fails").write_text("nox -s lint")
    done = run(checkout)
    assert (checkout / "called").read_text() == f"{checkout}: .ci/room\n{checkout}: nox -s lint\n"
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "CI: FAILED in lint (exit code 1)"
