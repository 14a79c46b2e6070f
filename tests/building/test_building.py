from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from platform_images import build as room
from platform_images import console
from platform_images.build import BuildRequest, build_mission
from platform_images.building.context import write_context
from platform_images.building.drift import parse_drift
from platform_images.building.result import Phases, Size
from platform_images.building.revision import UNKNOWN, git_revision
from platform_images.compose.values import ContextFile, Drift
from platform_images.engine.buildlog import StepEnd, StepSeen, Watch
from platform_images.engine.root import RootImage
from platform_images.errors import LockError, MismatchError, UsageError
from platform_images.locks.values import Unit
from platform_images.model import Platform, load_mission, load_platform
from platform_images.solve.deb import Difference

EPOCH = 1700000000


@pytest.fixture(scope="module")
def platform(small_project: Path) -> Platform:
    return load_platform(small_project)


def silent(_: str) -> None:
    """Nobody listens."""


def test_context_files_have_the_same_mode_and_time_on_every_machine(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("x")
    source.chmod(0o600)
    folder = tmp_path / "context"
    files = (ContextFile(path="a/run", text="#!/bin/sh\n", mode=0o755), ContextFile(path="b/copy", source=source))
    write_context(folder, files, epoch=EPOCH)
    assert stat.S_IMODE((folder / "a/run").stat().st_mode) == 0o755
    assert stat.S_IMODE((folder / "b/copy").stat().st_mode) == 0o644
    assert stat.S_IMODE((folder / "a").stat().st_mode) == 0o755
    assert {int(path.stat().st_mtime) for path in folder.rglob("*")} == {EPOCH}


def test_the_time_of_a_context_file_tells_its_content_apart_within_a_second(tmp_path: Path) -> None:
    def time(text: str, folder: Path) -> int:
        write_context(folder, (ContextFile(path="pip/requirements.txt", text=text),), epoch=EPOCH)
        return (folder / "pip/requirements.txt").stat().st_mtime_ns

    one, other, again = (time(f"idna=={text}\n", tmp_path / str(n)) for n, text in enumerate(("3.19", "3.20", "3.19")))
    assert one == again != other
    assert one // 10**9 == other // 10**9 == EPOCH


def test_recorded_drift_is_read_line_by_line() -> None:
    unit = Unit(scope="common", part="os")
    assert parse_drift("curl 1 2\nnew - 3\n", unit) == (
        Drift(unit=unit, name="curl", locked="1", installed="2"),
        Drift(unit=unit, name="new", locked="-", installed="3"),
    )
    assert parse_drift("", unit) == ()


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_revision_is_the_commit_and_says_when_the_image_s_files_are_not_as_committed(tmp_path: Path) -> None:
    assert git_revision(tmp_path, mission="m") == UNKNOWN
    git(tmp_path, "init", "--quiet")
    for name in ("deployments/m", "deployments/other"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "apt.txt").write_text("a\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "deployments/other/apt.txt").write_text("b\n")
    assert git_revision(tmp_path, mission="m") == commit
    assert git_revision(tmp_path, mission="other") == f"{commit}-dirty"


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (BuildRequest(target_platform="linux/arm64"), "The locks are for linux/amd64"),
        (BuildRequest(save=True), "--save keeps"),
        (BuildRequest(tag="No:Tag"), "is not a tag"),
        (BuildRequest(tag="a b"), "is not a tag"),
        (BuildRequest(tag="x//y:z"), "is not a tag"),
        (BuildRequest(tag="a:b:c"), "is not a tag"),
        (BuildRequest(tag="a..b:c"), "is not a tag"),
        (BuildRequest(kernels=("nwe",)), "has no kernel 'nwe'"),
    ],
)
def test_a_request_that_does_not_fit_is_refused_before_anything_is_built(
    platform: Platform, request_: BuildRequest, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        build_mission(platform, load_mission(platform, "small"), request_, say=silent)


@pytest.mark.parametrize("tag", ["trial", "other:trial", "registry.example.org:5000/team/name:1.0", "v1_2-x"])
def test_a_tag_may_carry_a_name(platform: Platform, tag: str) -> None:
    with pytest.raises(UsageError, match="The locks are for"):
        build_mission(
            platform,
            load_mission(platform, "small"),
            BuildRequest(tag=tag, target_platform="linux/arm64"),
            say=silent,
        )


def test_a_frozen_build_without_locks_stops_with_the_cure(platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    for name in ("platform.toml", "common", "deployments"):
        (tmp_path / name).symlink_to(platform.folder / name)
    bare = load_platform(tmp_path)
    with pytest.raises(LockError) as caught:
        build_mission(bare, load_mission(bare, "small"), BuildRequest(), say=silent)
    assert caught.value.fix == "nox -s lock"


def test_a_strict_build_on_a_root_that_is_not_the_locked_one_ends_before_any_step(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    difference = Difference(name="apt", locked="1", found="2")
    drifted = RootImage(reference="nowhere", digest="sha256:" + "0" * 64, drift=(difference,))
    monkeypatch.setattr("platform_images.engine.root.ensure_root", lambda *_, **__: drifted)
    with pytest.raises(MismatchError) as caught:
        build_mission(platform, load_mission(platform, "small"), BuildRequest(strict=True), say=silent)
    assert caught.value.why == "common/root: apt: locked 1, found 2"


STEP = StepEnd(number="1", title="os: Debian packages", state="done", seconds=30.0)
EXPORT = StepEnd(number="2", title="exporting to image", state="done", seconds=4.0, kind="export")


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Nothing is asked of an engine; the names of the logs of what would be built."""
    logs: list[str] = []

    def built(*_: object, name: str, say: Callable[[str], None], watch: Watch | None, **__: object) -> str:
        logs.append(name)
        if watch is None:
            say("nobody watches")
        else:
            watch(StepSeen(number="1", title=STEP.title))
            watch(STEP)
            watch(EXPORT)
        return f"sha256:{len(logs)}"

    plain = RootImage(reference="root", digest="sha256:" + "0" * 64)
    monkeypatch.setattr("platform_images.engine.root.ensure_root", lambda *_, **__: plain)
    monkeypatch.setattr("platform_images.building.context.build_composition", built)
    monkeypatch.setattr("platform_images.building.drift.recorded_drift", lambda *_: ())
    monkeypatch.setattr("platform_images.building.names.name_image", lambda *_: None)
    monkeypatch.setattr("platform_images.building.names.discard", lambda *_: None)
    monkeypatch.setattr("platform_images.building.sizes.image_size", lambda *_, **__: Size(total=5))
    return logs


def ticking() -> Callable[[], float]:
    times: Iterator[float] = iter((100.0, 101.0, 103.0, 153.0, 154.0))
    return lambda: next(times)


def test_a_build_says_which_steps_ran_and_where_the_time_went(platform: Platform, no_engine: list[str]) -> None:
    said: list[str] = []
    result = build_mission(platform, load_mission(platform, "small"), BuildRequest(), say=said.append, clock=ticking())
    assert said == ["os: Debian packages (30.0 s)", "exporting to image (4.0 s)"]
    assert result.steps.ended == (STEP, EXPORT)
    assert result.phases == Phases(solving=1.0, root=2.0, build=46.0, export=4.0)
    assert (result.seconds, result.size, no_engine) == (54.0, Size(total=5), ["small"])
    assert result.log is not None and result.log.name == "small.log"


def test_the_label_of_drift_is_a_second_build_that_nobody_sees_with_a_log_of_its_own(
    platform: Platform, no_engine: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drift = Drift(unit=Unit(scope="common", part="os"), name="curl", locked="1", installed="2")
    monkeypatch.setattr("platform_images.building.drift.recorded_drift", lambda *_: (drift,))
    seen: list[object] = []
    result = build_mission(
        platform, load_mission(platform, "small"), BuildRequest(), say=silent, watch=seen.append, clock=ticking()
    )
    assert no_engine == ["small", "small-labelled"]
    assert (result.image_id, result.drift) == ("sha256:2", (drift,))
    assert seen == [StepSeen(number="1", title=STEP.title), STEP, EXPORT]


@pytest.mark.parametrize("as_json", [False, True])
def test_standard_output_is_the_names_or_all_facts_as_json_and_the_summary_goes_to_standard_error(
    as_json: bool,
    small_project: Path,
    no_engine: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    console.stderr.cache_clear()
    try:
        assert room.run(small_project, "small", BuildRequest(), print_only=False, json=as_json) == 0
    finally:
        console.stderr.cache_clear()
    out, err = capsys.readouterr()
    if as_json:
        value = json.loads(out)
        assert (value["image"], value["ran"], value["cached"]) == ("sha256:1", 1, 0)
        assert value["tags"][1] == "small:latest"
    else:
        assert out.splitlines()[1] == "small:latest"
        assert len(out.splitlines()) == 2
    lines = err.splitlines()
    assert lines[:2] == ["  os: Debian packages (30.0 s)", "  exporting to image (4.0 s)"]
    assert lines[2].startswith("+ small (")
    assert lines[-1] == f"  log      {tmp_path}/platform-images/builds/small.log"
    assert (tmp_path / "platform-images/builds/small.json").is_file()
