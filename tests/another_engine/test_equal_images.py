"""An offline build from a mirror, on an engine that has nothing yet and for another person, gives the same image."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from platform_images.engine.second import SecondEngine

pytestmark = [
    pytest.mark.engine,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),
]
Invoke = Callable[..., subprocess.CompletedProcess[str]]
NOBODY = "http://127.0.0.1:9"
ID = re.compile(r"^ID:\s+(\S+)", re.MULTILINE)


def docker(*words: str) -> list[str]:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout.split()


def steps(mission: str) -> set[str]:
    """The build steps of a mission's own that the engine in use keeps."""
    listed = subprocess.run(["docker", "buildx", "du", "--verbose"], capture_output=True, text=True, check=True).stdout
    return {ID.findall(step)[0] for step in listed.split("\n\n") if mission in step}


@pytest.fixture
def no_step_stays() -> Iterator[None]:
    """A mission that no other test needs leaves nothing in the engine in use."""
    before = steps("jwebbinar")
    there = docker("images", "--quiet", "jwebbinar")
    yield
    names = [] if there else docker("images", "jwebbinar", "--format", "{{.Repository}}:{{.Tag}}")
    if names:
        docker("rmi", "--force", *names)
    for step in sorted(steps("jwebbinar") - before):
        docker("builder", "prune", "--all", "--force", "--filter", f"id={step}")


@pytest.fixture(params=["small", "tike", "jwebbinar"])
def mission(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def checkout(mission: str, request: pytest.FixtureRequest) -> Path:
    """The checkout that has the mission; the small one's locks are solved."""
    if mission == "small":
        request.getfixturevalue("small_image")
    folder: Path = request.getfixturevalue("small_project" if mission == "small" else "project")
    return folder


@pytest.fixture
def image_here(mission: str, checkout: Path, request: pytest.FixtureRequest, run_invoke: Invoke) -> Iterator[str]:
    """The id of the mission's image on the engine in use, under a name that no other test gives to another image."""
    if mission == "jwebbinar":
        request.getfixturevalue("no_step_stays")
    with request.getfixturevalue("alone_with_tike")() if mission == "tike" else nullcontext():
        done = run_invoke(checkout, "build", "--mission", mission, "--tag", "here")
    assert done.returncode == 0, done.stderr
    (found,) = docker("image", "inspect", f"{mission}:here", "--format", "{{.Id}}")
    yield found
    docker("rmi", f"{mission}:here")


@pytest.fixture
def elsewhere(empty_engine: SecondEngine, tmp_path: Path) -> dict[str, str]:
    """The environment of another person, on the other engine, where no network answers."""
    places = {}
    for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        (tmp_path / name.lower()).mkdir()
        places[name] = str(tmp_path / name.lower())
    other = {"TZ": "Pacific/Kiritimati", "LANG": "C", "LC_ALL": "POSIX"}
    nobody = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), NOBODY)
    return {**empty_engine.environment(), **places, **other, **nobody}


def test_the_image_is_the_same_without_a_network_on_an_engine_that_has_nothing(
    mission: str, checkout: Path, image_here: str, mirror: Path, elsewhere: dict[str, str], run_invoke: Invoke
) -> None:
    filled = run_invoke(checkout, "mirror", "--mission", mission, "--out", str(mirror))
    assert filled.returncode == 0, filled.stderr
    done = subprocess.run(
        [sys.executable, "-m", "invoke", "build", "--mission", mission, "--mirror", str(mirror), "--offline"],
        cwd=checkout,
        env=elsewhere,
        umask=0o077,
        capture_output=True,
        text=True,
        timeout=7200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    asked = ["docker", "image", "inspect", f"{mission}:latest", "--format", "{{.Id}}"]
    there = subprocess.run(asked, env=elsewhere, capture_output=True, text=True, check=True).stdout.strip()
    assert there == image_here, f'nox -s "exact({mission})" says what differs'
