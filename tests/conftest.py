from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from platform_images.site import site_settings

PROJECT = Path(__file__).resolve().parent.parent
ROOM = 26_000_000_000
BROWSER = "platform-images-test-browser"
_STRIPPED = ("CONDA_", "MAMBA_", "SOURCE_DATE_EPOCH", "NO_COLOR", "FORCE_COLOR", "COLUMNS")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two lanes, begun first: tests that share an engine run one after the other, whoever else runs beside them."""
    for item in items:
        if "another_engine" in item.path.parts:
            item.add_marker(pytest.mark.xdist_group("another engine"))
        elif item.get_closest_marker("engine"):
            item.add_marker(pytest.mark.xdist_group("engine"))
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse lanes that are none: xdist reads a group from a test's id, where some versions no longer write it."""
    if not getattr(session.config.option, "loadgroup", False) or not hasattr(session.config, "workerinput"):
        return
    if any(item.get_closest_marker("xdist_group") and "@" not in item.nodeid for item in session.items):
        raise pytest.UsageError("this pytest-xdist does not see the groups of this pytest; run it without -n")


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


@pytest.fixture(autouse=True)
def old_steps_go(request: pytest.FixtureRequest) -> None:
    """Steps of earlier builds go where they leave little room: tests build the same image in very many ways."""
    if request.node.get_closest_marker("slow") and request.node.get_closest_marker("engine"):
        words = ["docker", "info", "--format", "{{.DockerRootDir}}"]
        folder = subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
        if folder and Path(folder).is_dir() and shutil.disk_usage(folder).free < ROOM:
            subprocess.run(
                ["docker", "builder", "prune", "--all", "--force", "--filter", "until=10m"],
                capture_output=True,
                check=True,
            )


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
def together(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the lanes of one run share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if hasattr(request.config, "workerinput") else base) / "together"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def small_image(small_project: Path, together: Path, worker_id: str) -> Iterator[str]:
    """The small mission's image, built from its locks; every image of that name is removed by the last that used it.

    Its locks stand on the common ones of this checkout: where those have moved on, it is solved again first.
    """
    user = together / f"small-{worker_id}"
    user.touch()
    solved = nox(small_project, "lock(small, os)", "lock(small, new)", "lock(small, old)")
    assert solved.returncode == 0, solved.stderr + solved.stdout
    done = invoke(small_project, "build", "--mission", "small")
    assert done.returncode == 0, done.stderr
    yield "small:latest"
    user.unlink()
    if not list(together.glob("small-*")):
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
    made = {image for name in names for image in image_names(name)} - before
    remove_images({image for image in made if not image.endswith(":here")})  # another lane's


@pytest.fixture(scope="session")
def alone_with_tike(together: Path) -> Callable[[], AbstractContextManager[None]]:
    """``with alone_with_tike(): ...``: no other lane gives the name ``tike:latest`` to another image meanwhile."""

    @contextmanager
    def alone() -> Iterator[None]:
        with (together / "tike").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    return alone


@pytest.fixture(scope="session")
def tike_image(project: Path, alone_with_tike: Callable[[], AbstractContextManager[None]]) -> str:
    """The tike image, built from its locks."""
    with alone_with_tike():
        done = invoke(project, "build", "--mission", "tike")
    assert done.returncode == 0, done.stderr
    return "tike:latest"


@pytest.fixture(scope="session")
def browser_image(small_image: str, tmp_path_factory: pytest.TempPathFactory, project: Path) -> Iterator[str]:
    """An image with a headless browser, built on the root that the small image is built on."""
    del small_image  # it is what makes the root
    listed = ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", "platform-images/root"]
    root = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    site = site_settings()
    secret = tmp_path_factory.mktemp("secret") / "site"
    secret.write_text(site.secret_text(), encoding="utf-8")
    words = ["docker", "buildx", "build", "--quiet", "--load", "--tag", BROWSER, "--build-arg", f"ROOT={root}"]
    words += ["--secret", f"id=site,src={secret}"]
    if site.ca_bundle is not None:
        words += ["--secret", f"id=ca,src={site.ca_bundle}"]
    built = subprocess.run([*words, str(project / "tests" / "browser")], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    yield BROWSER
    remove_images({BROWSER})
