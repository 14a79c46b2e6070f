"""A mirror: filled once, gone on with, checked, and every changed byte of it refused before anything is installed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.network, pytest.mark.slow]
PATTERNS = ("pypi/*.whl", "conda/*/*/*.conda", "debian/**/*.deb", "npm/**/*.tgz", "root/*.tar")
Invoke = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def mirror(small_image: str, small_project: Path, run_invoke: Invoke, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mirror of the small mission, filled by a run that was killed and one that went on with it."""
    del small_image  # its locks are solved for this checkout
    folder = tmp_path_factory.mktemp("mirror")
    words = ["mirror", "--mission", "small", "--out", str(folder)]
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "invoke", *words],
        cwd=small_project,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as child:
        assert child.stderr is not None
        for line in child.stderr:
            if "mirroring common/base" in line:
                os.killpg(child.pid, signal.SIGKILL)
                break
    assert list(folder.rglob("*.deb")), "what it had fetched is there"
    done = run_invoke(small_project, *words)
    assert done.returncode == 0, done.stderr
    assert "mirroring common/root" not in done.stderr, "what was whole is not fetched again"
    return folder


def check(run_invoke: Invoke, folder: Path, mirror: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run_invoke(folder, "mirror", "--check", "--out", str(mirror), *words)


def test_a_whole_mirror_holds_all_that_the_locks_name(mirror: Path, small_project: Path, run_invoke: Invoke) -> None:
    done = check(run_invoke, small_project, mirror, "--mission", "small")
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("whole: ")
    assert not [path for path in mirror.rglob("*") if path.name.endswith(".part")]
    assert {path.name for path in mirror.iterdir()} == {"conda", "debian", "manifest.json", "npm", "pypi", "root"}
    assert (mirror / "conda/embedded/linux-64/repodata.json").is_file()
    written = (mirror / "manifest.json").read_text(encoding="utf-8")
    assert "://" not in written, "a manifest says what there is, not where it came from"


def test_filling_a_whole_mirror_fetches_nothing(mirror: Path, small_project: Path, run_invoke: Invoke) -> None:
    before = (mirror / "manifest.json").stat().st_mtime_ns
    done = run_invoke(small_project, "mirror", "--mission", "small", "--out", str(mirror))
    assert "; 0 were fetched now" in done.stderr
    assert done.stdout.strip() == str(mirror)
    assert (mirror / "manifest.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "pattern", ["pypi/*.whl", "conda/*/*/*.conda", "debian/**/*.deb", "npm/**/*.tgz", "root/*.tar"]
)
def test_a_changed_byte_is_refused_found_and_cured(
    pattern: str, mirror: Path, small_project: Path, run_invoke: Invoke
) -> None:
    path = sorted(mirror.glob(pattern))[0]
    used = {
        name for unit in json.loads((mirror / "manifest.json").read_text())["units"].values() for name in unit["files"]
    }
    shown = path.relative_to(mirror).as_posix()
    assert shown in used
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

    words = ("build", "--mission", "small", "--mirror", str(mirror), "--offline")
    refused = run_invoke(small_project, *words)
    assert refused.returncode == 4, refused.stderr
    assert (path.name if pattern[:3] != "npm" else "is-number") in refused.stderr
    assert "expected sha" in refused.stderr
    assert "found sha" in refused.stderr
    assert "Debian packages of" not in refused.stderr, "no step was begun"

    found = check(run_invoke, small_project, mirror, "--json")
    assert found.returncode == 4
    assert [(each["path"], each["state"]) for each in json.loads(found.stdout)["findings"]] == [(shown, "damaged")]

    cured = run_invoke(small_project, "mirror", "--mission", "small", "--out", str(mirror))
    assert cured.returncode == 0, cured.stderr
    assert "; 1 were fetched now" in cured.stderr
    assert check(run_invoke, small_project, mirror).returncode == 0


def test_a_missing_file_ends_an_offline_build_with_its_name(
    mirror: Path, small_project: Path, run_invoke: Invoke
) -> None:
    path = sorted(mirror.glob("debian/**/*.deb"))[0]
    kept = path.rename(path.with_name("kept"))
    done = run_invoke(small_project, "build", "--mission", "small", "--mirror", str(mirror), "--offline")
    assert done.returncode == 1
    assert path.name in done.stderr
    assert "invoke mirror" in done.stderr
    assert check(run_invoke, small_project, mirror).returncode == 4
    kept.rename(path)


def test_offline_needs_a_mirror_that_is_one(small_project: Path, run_invoke: Invoke, tmp_path: Path) -> None:
    alone = run_invoke(small_project, "build", "--mission", "small", "--offline")
    assert (alone.returncode, "--mirror DIR" in alone.stderr) == (2, True)
    empty = run_invoke(small_project, "build", "--mission", "small", "--mirror", str(tmp_path), "--offline")
    assert (empty.returncode, "is not a mirror" in empty.stderr) == (2, True)
