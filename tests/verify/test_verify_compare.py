"""Two images of the engine side by side, and what a second build leaves: with images of a few bytes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from platform_images.build import BuildRequest, BuildResult
from platform_images.engine.client import image_id
from platform_images.errors import ExitCode, ToolError, UsageError
from platform_images.model import Mission, Platform, load_mission, load_platform
from platform_images.verify import images
from platform_images.verify.causes import Kind
from platform_images.verify.values import Check

pytestmark = pytest.mark.engine
Build = Callable[..., str]
NAME = "platform-images-test-verify"


def quiet(_: str) -> None:
    """Progress is not what is tested."""


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Build]:
    """``tiny("one", text, mode=..., time=..., more=...)``: an image of one file; gone afterwards."""
    made: list[str] = []

    def build(tag: str, text: str = "text", *, mode: int = 0o644, time: int = 5, more: str = "") -> str:
        folder = tmp_path / tag
        folder.mkdir()
        (folder / "x").write_text(text, encoding="utf-8")
        (folder / "x").chmod(mode)
        os.utime(folder / "x", (time, time))
        (folder / "Dockerfile").write_text(f"FROM scratch\nCOPY x /\n{more}", encoding="utf-8")
        made.append(f"{NAME}:{tag}")
        subprocess.run(["docker", "build", "--quiet", "--no-cache", "--tag", made[-1], str(folder)], check=True)
        return made[-1]

    yield build
    if made:
        subprocess.run(["docker", "rmi", "--force", *made], check=True, capture_output=True)


@pytest.fixture
def small_mission(small_project: Path) -> tuple[Platform, Mission]:
    platform = load_platform(small_project)
    return platform, load_mission(platform, "small")


def test_the_same_image_is_not_read_at_all(tiny: Build) -> None:
    said: list[str] = []
    one = tiny("one")
    comparison = images.compare_images(Check.PUBLISHED, one, one, say=said.append)
    assert comparison.equal
    assert comparison.same_id
    assert said == []


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ({"text": "other"}, (Kind.CONTENT, Kind.SIZE)),
        ({"mode": 0o755}, (Kind.MODE,)),
        ({"time": 9}, (Kind.TIME,)),
    ],
)
def test_what_differs_is_read_from_the_layers(tiny: Build, change: dict[str, object], kinds: tuple[Kind, ...]) -> None:
    comparison = images.compare_images(Check.PUBLISHED, tiny("one"), tiny("two", **change), say=quiet)
    assert comparison.exit_code is ExitCode.PUBLISHED_DIFFERS
    found = {each.name: each.kinds for each in comparison.differences if each.layer}
    assert found == {"/x": kinds}


def test_the_configuration_is_compared_where_layers_are_equal(tiny: Build) -> None:
    comparison = images.compare_images(Check.PUBLISHED, tiny("one"), tiny("two", more="ENV A=b\n"), say=quiet)
    assert all(row.equal for row in comparison.rows)
    assert "variable A" in [each.name for each in comparison.differences]


def test_layers_are_known_of_an_image_that_is_here(tiny: Build) -> None:
    one = tiny("one")
    assert images.image_layers(one) == images.image_facts(one).layers
    assert images.image_layers(f"sha256:{'0' * 64}") is None


def test_an_image_that_is_nowhere_is_told() -> None:
    with pytest.raises(UsageError, match="localhost:9/nowhere"):
        images.published("localhost:9/nowhere:1", "any", say=quiet)


def test_a_second_build_is_asked_for_apart_and_gone_afterwards(
    tiny: Build, small_mission: tuple[Platform, Mission], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[BuildRequest] = []
    one, second = tiny("one"), tiny("two", "other")

    def build(_: Platform, __: Mission, request: BuildRequest, *, say: object) -> BuildResult:
        asked.append(request)
        subprocess.run(["docker", "tag", second, str(request.only_tag)], check=True)
        return BuildResult(image_id="", tags=(), lock_digest="")

    monkeypatch.setattr(images, "build_mission", build)
    comparison = images.rebuilt(*small_mission, ("new",), one, say=quiet)
    assert comparison.exit_code is ExitCode.REBUILD_DIFFERS
    assert asked == [BuildRequest(kernels=("new",), no_cache=True, only_tag="small:verify-rebuild")]
    assert image_id("small:verify-rebuild") is None
    assert image_id(second) is not None


def test_a_second_build_that_fails_leaves_nothing(
    tiny: Build, small_mission: tuple[Platform, Mission], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> BuildResult:
        raise ToolError("a step failed")

    monkeypatch.setattr(images, "build_mission", fail)
    with pytest.raises(ToolError, match="a step failed"):
        images.rebuilt(*small_mission, (), tiny("one"), say=quiet)
    assert image_id("small:verify-rebuild") is None
