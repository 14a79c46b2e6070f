"""`kill -9` in the middle, and two at once: the next run does as if nothing had been."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.engine,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),
]
Files = Callable[[Path], dict[str, bytes]]
Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_killed_solve_leaves_the_lock_as_it_was(
    checkout: Path, files: Files, command: Run, kill_after: Callable[..., str], undisturbed: str
) -> None:
    before = files(checkout / "locks")
    kill_after("pip: uv", checkout, "nox", "-s", "lock(small, new)")
    assert files(checkout / "locks") == before
    again = command(checkout, "nox", "-s", "lock(small, new)")
    assert again.returncode == 0, again.stdout + again.stderr
    assert b"tabulate==" in files(checkout / "locks")["small/new/requirements.txt"]
    assert {name.partition("/")[0] for name in files(checkout / "locks")} == {"common", "small"}
    assert not [name for name in files(checkout / "locks") if "/." in name], "no half-written file or folder stays"


def test_after_a_killed_build_the_next_gives_the_same_image(
    small_project: Path,
    kill_after: Callable[..., str],
    engine_env: dict[str, str],
    build: tuple[str, ...],
    next_build_gives_it_again: Callable[..., None],
) -> None:
    kill_after("conda part", small_project, *build, "--no-cache", env=engine_env)
    next_build_gives_it_again()


def test_two_builds_at_once_give_one_image(
    small_project: Path,
    command: Run,
    engine_env: dict[str, str],
    image_id: Callable[[], str],
    build: tuple[str, ...],
    undisturbed: str,
) -> None:
    with ThreadPoolExecutor(2) as both:
        running = [both.submit(command, small_project, *build, env=engine_env) for _ in range(2)]
        done = [each.result() for each in running]
    assert [each.returncode for each in done] == [0, 0], "\n".join(each.stderr for each in done)
    assert done[0].stdout == done[1].stdout
    assert image_id() == undisturbed
