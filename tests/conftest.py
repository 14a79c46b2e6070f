from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
_STRIPPED = ("CONDA_", "MAMBA_", "SOURCE_DATE_EPOCH", "NO_COLOR", "FORCE_COLOR", "COLUMNS")


@pytest.fixture(scope="session")
def project() -> Path:
    """The checkout under test."""
    return PROJECT


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings of the person who runs the tests must not change what is tested."""
    for name in list(os.environ):
        if name.startswith(_STRIPPED):
            monkeypatch.delenv(name)
    yield


@pytest.fixture(scope="session")
def small_project(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Path:
    """A checkout of its own with the real common parts and one small mission of two kernels."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("platform.toml", "tasks.py", "noxfile.py"):
        shutil.copy2(project / name, folder / name)
    for name in ("common", "locks/common"):
        shutil.copytree(project / name, folder / name)
    shutil.copytree(project / "tests" / "small", folder, dirs_exist_ok=True)
    return folder


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder's files and logs nothing."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that it has there
        """Say nothing."""


@pytest.fixture
def serve_folder() -> Iterator[Callable[[Path], str]]:
    """``serve_folder(path)``: the address, on this machine's loopback, of a server of that folder's files."""
    with ExitStack() as stack:

        def serve(folder: Path) -> str:
            server = stack.enter_context(
                ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
            )
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}"

        yield serve


def run_module(module: str, folder: Path, *words: str, timeout: float = 1800) -> subprocess.CompletedProcess[str]:
    """Run a command of this environment in a checkout, as a person would."""
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def invoke(folder: Path, *words: str, timeout: float = 1800) -> subprocess.CompletedProcess[str]:
    """Run an everyday verb."""
    return run_module("invoke", folder, *words, timeout=timeout)


def nox(folder: Path, *sessions: str, timeout: float = 1800) -> subprocess.CompletedProcess[str]:
    """Run nox sessions."""
    return run_module("nox", folder, "-s", *sessions, timeout=timeout)


@pytest.fixture(scope="session")
def run_invoke() -> Callable[..., subprocess.CompletedProcess[str]]:
    """``run_invoke(folder, "list", "--json")``: one everyday verb, with its output and exit code."""
    return invoke


@pytest.fixture(scope="session")
def run_nox() -> Callable[..., subprocess.CompletedProcess[str]]:
    """``run_nox(folder, "lock_check")``: nox sessions, with their output and exit code."""
    return nox


@pytest.fixture(scope="session")
def small_image(small_project: Path) -> Iterator[str]:
    """The small mission's image, built from its locks; every image of that name is removed at the end.

    Its locks stand on the common ones of this checkout: where those have moved on, it is solved again first.
    """
    solved = nox(small_project, "lock(small, os)", "lock(small, new)", "lock(small, old)")
    assert solved.returncode == 0, solved.stderr + solved.stdout
    done = invoke(small_project, "build", "--mission", "small")
    assert done.returncode == 0, done.stderr
    yield "small:latest"
    remove_images(image_names("small"))


def image_names(repository: str = "") -> set[str]:
    """Return the names of the images that the engine has, all or those of one repository."""
    words = ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", *([repository] if repository else [])]
    listed = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    return {name for name in listed if "<none>" not in name}


def remove_images(names: set[str]) -> None:
    """Take these names from the engine, with the images that have no other."""
    if names:
        subprocess.run(["docker", "rmi", "--force", *sorted(names)], capture_output=True, check=True)


@pytest.fixture(scope="module")
def no_image_stays() -> Iterator[None]:
    """Of the images that a newcomer builds with the README's commands, none is left that was not there before."""
    names = ("survey", "tike")
    before = {image for name in names for image in image_names(name)}
    yield
    remove_images({image for name in names for image in image_names(name)} - before)


@pytest.fixture(scope="session")
def tike_image(project: Path) -> str:
    """The tike image, built from its locks."""
    done = invoke(project, "build", "--mission", "tike")
    assert done.returncode == 0, done.stderr
    return "tike:latest"
