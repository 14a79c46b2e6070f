"""`invoke build --all`: what each mission's build is told, what becomes of one that fails, and what is refused."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from platform_images.building import missions
from platform_images.building.request import BuildRequest, check_request
from platform_images.errors import UsageError
from platform_images.model import load_platform

Invoke = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def unlocked(small_project: Path, tmp_path: Path) -> Path:
    """A project of two missions, neither of which has locks of its own."""
    folder = tmp_path / "project"
    shutil.copytree(small_project, folder, symlinks=True, ignore=shutil.ignore_patterns("locks"))
    shutil.copytree(folder / "deployments/small", folder / "deployments/other")
    return folder


def test_each_build_is_told_what_the_whole_was_asked_for() -> None:
    request = BuildRequest(
        floating=True, tag="x", builder="farm", cache_from=("r.example/a", "type=local,src=b"), mirror=Path("/mirror")
    )
    assert missions.words("tike", request, json=True) == (
        *("build", "--mission", "tike", "--tag=x", "--mirror=/mirror", "--builder=farm"),
        *("--cache-from=r.example/a", "--cache-from=type=local,src=b", "--floating", "--json"),
    )


@pytest.mark.parametrize("words", [(), ("--jobs", "2"), ("--json",)])
def test_every_mission_is_tried_and_the_first_failure_is_the_exit_code(
    unlocked: Path, run_invoke: Invoke, words: tuple[str, ...]
) -> None:
    done = run_invoke(unlocked, "build", "--all", *words)
    assert done.returncode == 3, done.stderr
    assert done.stdout == ("[]\n" if "--json" in words else "")
    assert "x 2 of 2 missions could not be built: other, small" in done.stderr
    for name in ("other", "small"):
        assert "nox -s lock" in done.stderr
        assert f"- {name} ..." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--all", "--mission", "small"), "--all and --mission exclude each other"),
        (("--all", "--kernel", "new"), "--all and --kernel exclude each other"),
        (("--all", "--jobs", "0"), "--jobs 0 builds nothing"),
        (("--all", "--jobs", "many"), "'many' is not a number"),
        (("--mission", "small", "--jobs", "2"), "--jobs is of use with --all alone"),
        (("--all", "--tag", "name:tag"), "would be one name for several images"),
    ],
)
def test_what_cannot_be_said_of_all_is_refused(
    small_project: Path, run_invoke: Invoke, words: tuple[str, ...], said: str
) -> None:
    done = run_invoke(small_project, "build", *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_repository_is_the_registry_s_form_of_a_cache_and_all_else_is_as_buildx_reads_it() -> None:
    request = BuildRequest(cache_from=("r.example:5000/c:t",), cache_to=("r.example/c", "type=local,dest=d"))
    assert request.cache_sources == ("type=registry,ref=r.example:5000/c:t",)
    assert request.cache_targets == (
        "type=registry,mode=max,image-manifest=true,oci-mediatypes=true,ref=r.example/c",
        "type=local,dest=d",
    )


@pytest.mark.parametrize("place", ["two words", "Upper/Case", "", "host/name:tag:tag"])
def test_what_is_no_place_for_steps_is_refused(project: Path, place: str) -> None:
    with pytest.raises(UsageError, match="is not a place for build steps"):
        check_request(load_platform(project), BuildRequest(cache_to=(place,)))


@pytest.mark.parametrize("image", ["Bad Image", "-x", "a:b:c", "a//b", "a@sha256:1", "a:", "/a", "host:port/a"])
def test_a_root_is_the_name_of_an_image(project: Path, image: str) -> None:
    with pytest.raises(UsageError, match=r"^--root: .* is not the name of an image"):
        check_request(load_platform(project), BuildRequest(root_image=image))


@pytest.mark.parametrize(
    "image",
    [
        *(
            "debian",
            "debian:trixie-slim",
            "library/debian",
            "localhost:5000/a/b_c:1.0",
            "R.example.org/a",
            "[::1]:5000/a",
        ),
        *("debian@sha256:" + "0" * 64, "a:b@sha256:" + "0" * 64, "sha256:" + "0" * 64, "0123456789ab"),
    ],
)
def test_every_name_of_an_image_may_be_that_of_a_root(project: Path, image: str) -> None:
    check_request(load_platform(project), BuildRequest(root_image=image))
