"""A frozen build gives the same image id on an engine that has nothing yet, for a person with other settings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from platform_images.engine.second import SecondEngine
from platform_images.site import site_settings

pytestmark = [
    pytest.mark.engine,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),
]
Docker = Callable[..., str]
MISSIONS = ("small", "tike", "jwebbinar")


@dataclass(frozen=True)
class Case:
    """A mission, its checkout, and its image on the engine in use."""

    mission: str
    folder: Path
    image: str


@pytest.fixture(params=MISSIONS)
def case(request: pytest.FixtureRequest, project: Path) -> Case:
    mission = str(request.param)
    if mission == "small":
        image = request.getfixturevalue("small_image")
        return Case(mission, request.getfixturevalue("small_project"), image)
    run_invoke = request.getfixturevalue("run_invoke")
    done = run_invoke(project, "build", "--mission", mission)
    assert done.returncode == 0, done.stderr
    return Case(mission, project, f"{mission}:latest")


@pytest.fixture
def elsewhere(empty_engine: SecondEngine, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of another person on another engine; the images and build steps are removed afterwards."""
    folders = {name: tmp_path / name.lower() for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_STATE_HOME")}
    for folder in folders.values():
        folder.mkdir()
    places = {name: str(folder) for name, folder in folders.items()}
    site = site_settings().host_env()  # of the home that is left; a machine that needs them would not build without
    other = {"TZ": "Pacific/Kiritimati", "LANG": "C", "LC_ALL": "POSIX"}
    yield {**empty_engine.environment(), **site, **places, **other}
    with empty_engine.in_use():
        subprocess.run(["docker", "system", "prune", "--all", "--force"], capture_output=True, check=True)


def test_the_image_has_the_same_id_on_an_engine_that_has_nothing(
    case: Case, elsewhere: dict[str, str], docker_cli: Docker
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "invoke", "build", "--mission", case.mission, "--no-cache"],
        cwd=case.folder,
        env=elsewhere,
        umask=0o077,
        capture_output=True,
        text=True,
        timeout=7200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    asked = ["docker", "image", "inspect", f"{case.mission}:latest", "--format", "{{.Id}}"]
    there = subprocess.run(asked, env=elsewhere, capture_output=True, text=True, check=True).stdout.strip()
    here = docker_cli("image", "inspect", case.image, "--format", "{{.Id}}")
    assert there == here, f'nox -s "exact({case.mission})" says what differs; {os.fspath(case.folder)}'
