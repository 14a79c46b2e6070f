"""Places that are full or cannot be written: which one, and what to do, is said; what was there stays whole."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from platform_images.engine.second import SecondEngine

pytestmark = [
    pytest.mark.engine,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),
]
ROOM = 200_000_000  # bytes; a build needs more
Files = Callable[[Path], dict[str, bytes]]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """``mounted("name", "size=1m")``: a file system of its own, which ends with the test."""
    made: list[Path] = []

    def mount(name: str, options: str) -> Path:
        place = tmp_path / name
        place.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=True)
        made.append(place)
        return place

    yield mount
    for place in made:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def remount(place: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)


def fill(place: Path) -> None:
    """Leave no room."""
    with (place / "ballast").open("wb", buffering=0) as stream, pytest.raises(OSError, match="No space"):
        while True:
            stream.write(bytes(4096))


@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME"])  # Python itself takes another folder for a full TMPDIR
def test_a_full_disk_is_told_and_more_room_is_the_cure(
    variable: str,
    small_project: Path,
    mounted: Callable[..., Path],
    command: Run,
    told: Callable[..., None],
    engine_env: dict[str, str],
    build: tuple[str, ...],
    next_build_gives_it_again: Callable[..., None],
) -> None:
    place = mounted("full", "size=256k")
    fill(place)
    done = command(small_project, *build, env={**engine_env, variable: str(place)})
    told(done, "o space", str(place), code=5)
    remount(place, "size=2g")
    next_build_gives_it_again({variable: str(place)})


def test_a_full_disk_of_the_engine_is_told_and_more_room_is_the_cure(
    small_project: Path,
    empty_engine: SecondEngine,
    command: Run,
    told: Callable[..., None],
    engine_env: dict[str, str],
    build: tuple[str, ...],
    next_build_gives_it_again: Callable[..., None],
) -> None:
    ballast = empty_engine.data / "ballast"
    room = shutil.disk_usage(empty_engine.data).free - ROOM
    subprocess.run(["fallocate", "--length", str(room), str(ballast)], check=True)
    try:
        done = command(small_project, *build, "--no-cache", env=engine_env)
    finally:
        ballast.unlink()
    told(done, "o space left on device", "docker builder prune", code=5)
    next_build_gives_it_again()


def test_a_lock_stays_whole_where_its_disk_is_full(
    checkout: Path,
    files: Files,
    mounted: Callable[..., Path],
    command: Run,
    told: Callable[..., None],
    undisturbed: str,
) -> None:
    place = mounted("locks", "size=2m")
    before = files(checkout / "locks")
    subprocess.run(["cp", "-a", f"{checkout}/locks/.", str(place)], check=True)
    subprocess.run(["mount", "--bind", str(place), str(checkout / "locks")], check=True)
    try:
        fill(place)
        done = command(checkout, "nox", "-s", "lock(small, new)")
        told(done, "o space", "locks", code=1)
        (place / "ballast").unlink()
        assert files(checkout / "locks") == before
        again = command(checkout, "nox", "-s", "lock(small, new)")
        assert again.returncode == 0, again.stdout + again.stderr
    finally:
        subprocess.run(["umount", "--lazy", str(checkout / "locks")], check=True)


@pytest.mark.parametrize("variable", ["TMPDIR", "XDG_CACHE_HOME", "XDG_STATE_HOME"])
def test_a_place_that_cannot_be_written_is_named_with_the_variable_that_moves_it(
    variable: str,
    small_project: Path,
    mounted: Callable[..., Path],
    command: Run,
    engine_env: dict[str, str],
    build: tuple[str, ...],
    undisturbed: str,
) -> None:
    place = mounted("readonly", "ro")
    done = command(small_project, *build, env={**engine_env, variable: str(place)})
    assert "Traceback" not in done.stderr
    if done.returncode:  # Python takes another temporary folder where TMPDIR cannot be written
        assert variable != "TMPDIR"
        assert str(place) in done.stderr
        assert f"To cure it: set {variable}" in done.stderr


def test_a_home_that_cannot_be_written_is_named_with_what_moves_it(
    small_project: Path,
    mounted: Callable[..., Path],
    command: Run,
    told: Callable[..., None],
    engine_env: dict[str, str],
    build: tuple[str, ...],
    next_build_gives_it_again: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    home = mounted("home", "ro")
    done = command(small_project, *build, env={**engine_env, "HOME": str(home)})
    told(done, str(home), "set XDG_CACHE_HOME to a folder elsewhere", code=1)
    elsewhere = {"XDG_CACHE_HOME": str(mounted("cache", "size=1g")), "XDG_STATE_HOME": str(mounted("state", "size=1m"))}
    env = {**engine_env, "HOME": str(home), **elsewhere}
    done = command(small_project, *build, env=env)
    told(done, str(home), "set DOCKER_CONFIG", code=5)
    next_build_gives_it_again({**env, "DOCKER_CONFIG": elsewhere["XDG_STATE_HOME"]})
