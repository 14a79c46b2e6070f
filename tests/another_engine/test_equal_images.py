"""An offline build from a mirror, on an engine that has nothing yet and for another person, gives the same image."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
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


def docker(*words: str, env: Mapping[str, str] | None = None) -> list[str]:
    done = subprocess.run(
        ["docker", *words], env={**os.environ, **(env or {})}, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.fixture
def nothing_stays(mission: str, empty_engine: SecondEngine) -> Iterator[None]:
    """A large mission leaves nothing on the other engine, and one that no other test needs no image on the first."""
    other = empty_engine.environment()
    here = mission == "jwebbinar" and not docker("images", "--quiet", mission)
    yield
    if mission == "small":
        return
    for env in (other, {}) if here else (other,):
        names = docker("images", mission, "--format", "{{.Repository}}:{{.Tag}}", env=env)
        if names:
            docker("rmi", "--force", *names, env=env)
    docker("builder", "prune", "--all", "--force", env=other)


@pytest.fixture(params=["tike", "jwebbinar", "small"])
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
def image_here(
    mission: str, checkout: Path, nothing_stays: None, request: pytest.FixtureRequest, run_invoke: Invoke
) -> Iterator[str]:
    """The id of the mission's image on the engine in use, under a name that no other test gives to another image."""
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
