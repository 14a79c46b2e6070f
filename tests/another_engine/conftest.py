"""What the tests on another engine share: the engine, and commands that use it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from platform_images.engine.second import SecondEngine, second_engine

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def checkout(small_project: Path, tmp_path: Path) -> Path:
    """A copy of the small project that a test may damage; with one more request in a kernel, so its lock is stale."""
    folder = shutil.copytree(small_project, tmp_path / "checkout", symlinks=True)
    with (folder / "deployments/small/kernels/new/requirements.in").open("a", encoding="utf-8") as requests:
        requests.write("tabulate>=0.9\n")
    return folder


@pytest.fixture(scope="session")
def command() -> Run:
    """``command(folder, "nox", "-s", ..., env=...)``: as a person runs it, with its output and exit code."""

    def run(folder: Path, *words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *words],
            cwd=folder,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def files() -> Callable[[Path], dict[str, bytes]]:
    """``files(folder)``: the content of every file below it."""
    return lambda folder: {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="session")
def kill_after() -> Callable[..., str]:
    """``kill_after("pip:", folder, "nox", ...)``: kill -9 the whole process group when it says that."""

    def run(word: str, folder: Path, *words: str, env: Mapping[str, str] | None = None) -> str:
        with subprocess.Popen(
            [sys.executable, "-u", "-m", *words],
            cwd=folder,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as child:
            assert child.stderr is not None
            said = ""
            for line in child.stderr:
                said += line
                if word in line:
                    os.killpg(child.pid, signal.SIGKILL)
                    return said
        pytest.fail(f"it ended before it said {word!r}:\n{said}")

    return run


@pytest.fixture(scope="package")
def empty_engine() -> Iterator[SecondEngine]:
    """A second Docker Engine that has nothing at first, and of which nothing is left after the tests of this folder."""
    with second_engine(say=lambda _: None) as engine:
        yield engine


@pytest.fixture(scope="package")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for one mirror of all the missions."""
    folder = tmp_path_factory.mktemp("mirror")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="package")
def build(mirror: Path) -> tuple[str, ...]:
    """The words that build the small mission, with the steps that were made before from the same mirror."""
    return ("invoke", "build", "--mission", "small", "--mirror", str(mirror), "--offline")


@pytest.fixture(scope="package")
def engine_env(empty_engine: SecondEngine) -> dict[str, str]:
    """What makes a command use the second engine."""
    return {"DOCKER_HOST": empty_engine.host}


@pytest.fixture(scope="package")
def image_id(engine_env: dict[str, str]) -> Callable[[], str]:
    """The id of ``small:latest`` on the second engine."""

    def ask() -> str:
        words = ["docker", "image", "inspect", "small:latest", "--format", "{{.Id}}"]
        env = {**os.environ, **engine_env}
        return subprocess.run(words, env=env, capture_output=True, text=True, check=True).stdout.strip()

    return ask


@pytest.fixture(scope="package")
def undisturbed(
    small_image: str,
    small_project: Path,
    command: Run,
    engine_env: dict[str, str],
    image_id: Callable[[], str],
    mirror: Path,
    build: tuple[str, ...],
) -> str:
    """The id of the small image, from a build that nothing disturbs."""
    del small_image  # it is what solves the mission's locks for this checkout
    for done in (
        command(small_project, "invoke", "mirror", "--mission", "small", "--out", str(mirror)),
        command(small_project, *build, env=engine_env),
    ):
        assert done.returncode == 0, done.stdout + done.stderr
    return image_id()


@pytest.fixture(scope="package")
def next_build_gives_it_again(
    small_project: Path,
    command: Run,
    engine_env: dict[str, str],
    image_id: Callable[[], str],
    build: tuple[str, ...],
    undisturbed: str,
) -> Callable[..., None]:
    """Check after a failed build that the image is as it was, and that the next build, in ``env``, gives it again."""

    def check(env: Mapping[str, str] | None = None) -> None:
        assert image_id() == undisturbed, "the image that was there stays"
        again = command(small_project, *build, env={**engine_env, **(env or {})})
        assert again.returncode == 0, again.stderr
        assert image_id() == undisturbed

    return check


@pytest.fixture(scope="session")
def told() -> Callable[..., None]:
    """Check that a failure was told to a person: what happened, the cure, and no traceback."""

    def check(done: subprocess.CompletedProcess[str], *words: str, code: int) -> None:
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert "Error: " in done.stderr
        assert "To cure it: " in done.stderr
        for word in words:
            assert word in done.stderr, done.stderr

    return check
