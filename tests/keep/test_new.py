from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from platform_images.errors import UsageError
from platform_images.keep import new
from platform_images.model import Platform, load_mission, load_platform

Invoke = Callable[..., subprocess.CompletedProcess[str]]
Git = Callable[..., str]


@pytest.fixture
def platform(checkout: Path) -> Platform:
    return load_platform(checkout)


def make(platform: Platform, mission: str, kernel: str | None = None, title: str | None = None) -> new.Addition:
    addition = new.planned(platform, mission=mission, kernel=kernel, title=title)
    new.write(platform.folder, addition)
    return addition


def status(git: Git, folder: Path) -> list[str]:
    return git(folder, "status", "--porcelain", "--untracked-files=all").splitlines()


def test_a_new_mission_loads(platform: Platform, checkout: Path, git: Git) -> None:
    addition = make(platform, "survey")
    mission = load_mission(platform, "survey")
    assert mission.settings.title == "Survey"
    assert [kernel.name for kernel in mission.kernels] == ["survey"]
    assert mission.kernels[0].settings.display_name == "Survey"
    assert mission.kernels[0].conda.python == platform.base.conda.python
    assert status(git, checkout) == [f"?? {name}" for name in addition.names]


def test_title_and_kernel_of_a_new_mission(platform: Platform) -> None:
    make(platform, "survey", "bright-stars", 'The "deep" survey')
    mission = load_mission(platform, "survey")
    assert mission.settings.title == 'The "deep" survey'
    assert mission.kernel("bright-stars").settings.display_name == "Bright Stars"
    make(platform, "other-survey", title="Others")
    assert load_mission(platform, "other-survey").kernels[0].settings.display_name == "Others"


def test_a_new_kernel_of_a_mission_that_there_is(platform: Platform, checkout: Path, git: Git) -> None:
    addition = make(platform, "small", "stars", "Stars & dust")
    mission = load_mission(platform, "small")
    assert [kernel.name for kernel in mission.kernels] == ["new", "old", "stars"]
    assert mission.kernel("stars").settings.display_name == "Stars & dust"
    assert git(checkout, "diff", "--numstat").split() == ["1", "1", "deployments/small/mission.toml"]
    assert {line[3:] for line in status(git, checkout)} == set(addition.names)


def test_a_mission_file_keeps_its_line_ends(platform: Platform, checkout: Path) -> None:
    path = checkout / "deployments/small/mission.toml"
    before = b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n")
    path.write_bytes(before)
    make(platform, "small", "stars")
    assert path.read_bytes() == before.replace(b'"old"]', b'"old", "stars"]') != before


def test_the_first_mission_of_a_project(platform: Platform) -> None:
    shutil.rmtree(platform.deployments)
    make(platform, "survey")
    assert load_mission(platform, "survey")


def test_what_is_made_passes_the_tests_of_every_mission(project: Path, tmp_path: Path) -> None:
    """A project of nothing but a new mission and a second kernel, and the four names that those tests look for."""
    for name in ("common", "tests/missions"):
        shutil.copytree(project / name, tmp_path / name, ignore=shutil.ignore_patterns("channel", "__pycache__"))
    shutil.copy2(project / "platform.toml", tmp_path)
    shutil.copy2(project / "pyproject.toml", tmp_path)
    platform = load_platform(tmp_path)
    for mission in ("jwebbinar", "jwst", "roman", "tike", "survey"):
        make(platform, mission)
    make(platform, "survey", "stars", "Stars")
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/missions"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


# --- refused: nothing is overwritten, nothing is half written ---


@pytest.mark.parametrize(
    ("mission", "kernel", "told"),
    [
        ("", None, "No mission is named"),
        ("small", None, "There is a mission 'small' already"),
        ("small", "old", "deployments/small/kernels/old is there already"),
        ("small", "Old", "A kernel cannot be named 'Old'"),
        ("Survey", None, "A mission cannot be named 'Survey'"),
        ("../survey", None, "A mission cannot be named"),
        ("survey", "../../etc", "A kernel cannot be named"),
        ("os", None, "A kernel cannot be named 'os'"),
    ],
)
def test_names_that_are_taken_or_wrong(
    platform: Platform, checkout: Path, git: Git, mission: str, kernel: str | None, told: str
) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        make(platform, mission, kernel)
    assert caught.value.fix
    assert status(git, checkout) == []


@pytest.mark.parametrize(("mission", "kernel"), [("survey", None), ("small", "stars")])
def test_a_title_of_two_lines(platform: Platform, checkout: Path, git: Git, mission: str, kernel: str | None) -> None:
    with pytest.raises(UsageError, match="--title 'a\\\\nb' cannot be used"):
        make(platform, mission, kernel, "a\nb")
    assert status(git, checkout) == []


def test_a_folder_without_a_mission_file_is_let_alone(platform: Platform, checkout: Path) -> None:
    notes = checkout / "deployments/survey/notes.txt"
    notes.parent.mkdir()
    notes.write_text("mine\n")
    with pytest.raises(UsageError, match="deployments/survey is there already"):
        make(platform, "survey")
    assert [path.name for path in notes.parent.iterdir()] == ["notes.txt"]


def test_a_mission_with_a_mistake_gets_no_kernel(platform: Platform, checkout: Path) -> None:
    path = checkout / "deployments/small/mission.toml"
    path.write_text(path.read_text().replace("title", "titel"))
    with pytest.raises(UsageError, match=r"deployments/small/mission\.toml has"):
        make(platform, "small", "stars")
    assert not (checkout / "deployments/small/kernels/stars").exists()


def test_where_the_mission_file_cannot_be_written_there_is_no_kernel_either(
    platform: Platform, checkout: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    addition = new.planned(platform, mission="small", kernel="stars", title=None)

    def full(*_: object, **__: object) -> bool:
        raise OSError(28, "No space left on device", "mission.toml")

    monkeypatch.setattr(new, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        new.write(checkout, addition)
    assert status(git, checkout) == []
    assert not (checkout / "deployments/small/kernels/stars").exists()


def test_where_a_file_cannot_be_written_there_is_no_mission(platform: Platform, checkout: Path, git: Git) -> None:
    addition = new.planned(platform, mission="survey", kernel=None, title=None)
    addition.files["home/WELCOME.md/below-a-file"] = "cannot be"
    with pytest.raises(OSError, match=r"WELCOME\.md"):
        new.write(checkout, addition)
    assert status(git, checkout) == []
    assert sorted(path.name for path in (checkout / "deployments").iterdir()) == ["other", "small"]


def test_what_is_being_made_is_neither_mission_nor_kernel(platform: Platform, checkout: Path) -> None:
    shutil.copytree(checkout / "deployments/small", checkout / "deployments/.survey.new-x1")
    shutil.copytree(checkout / "deployments/small/kernels/old", checkout / "deployments/small/kernels/.stars.new-x1")
    assert [kernel.name for kernel in load_mission(platform, "small").kernels] == ["new", "old"]
    with pytest.raises(UsageError, match="There is no mission"):
        load_mission(platform, ".survey.new-x1")


# --- the command ---


def test_the_command_prints_the_files_and_what_comes_next(checkout: Path, run_invoke: Invoke) -> None:
    done = run_invoke(checkout, "new", "--mission", "survey", "--kernel", "stars")
    assert done.returncode == 0, done.stderr
    assert all((checkout / name).is_file() for name in done.stdout.splitlines())
    assert "deployments/survey/mission.toml" in done.stdout.splitlines()
    steps = re.findall(r"^  (.*)$", done.stderr, re.MULTILINE)
    assert steps == [
        'nox -s "lock(survey, stars)"',
        "invoke build --mission survey",
        "invoke test --mission survey",
    ]
    listed = run_invoke(checkout, "list", "--mission", "survey", "--json")
    row = next(row for row in json.loads(listed.stdout) if row["kernel"] == "stars")
    assert (row["lock"], row["cure"]) == ("missing", steps[0])


def test_a_dry_run_writes_nothing(checkout: Path, run_invoke: Invoke, git: Git) -> None:
    words = ("new", "--mission", "small", "--kernel", "stars")
    dry = run_invoke(checkout, *words, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert status(git, checkout) == []
    assert "Next" not in dry.stderr
    done = run_invoke(checkout, *words)
    assert done.stdout == dry.stdout
    assert {line[3:] for line in status(git, checkout)} == set(done.stdout.splitlines())


def test_a_mission_like_one_that_there_is_is_told(checkout: Path, run_invoke: Invoke) -> None:
    done = run_invoke(checkout, "new", "--mission", "smal", "--kernel", "stars", "--dry-run")
    assert "would make the new mission smal with the kernel stars (did you mean 'small'?)" in done.stderr


def test_a_wrong_name_is_a_mistake_of_use(checkout: Path, run_invoke: Invoke) -> None:
    done = run_invoke(checkout, "new", "--mission", "Big_Survey")
    assert (done.returncode, done.stdout) == (2, "")
    assert "To cure it: give another name, such as --mission big-survey" in done.stderr


def test_of_kernels_that_are_made_at_once_none_is_lost(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, names = new.write, ["one", "three", "two"]

    def slowly(project: Path, addition: new.Addition) -> None:
        time.sleep(0.2)  # time for the others to read the list as it was
        write(project, addition)

    monkeypatch.setattr(new, "write", slowly)
    with ThreadPoolExecutor() as pool:
        made = pool.map(lambda name: new.run(checkout, mission="small", kernel=name, title=None, dry_run=False), names)
        assert list(made) == [0, 0, 0]
    assert {kernel.name for kernel in load_mission(load_platform(checkout), "small").kernels} == {"new", "old", *names}


@pytest.mark.parametrize("title", [" ", "\t", "a\x1b[31mb", "a\x7f", "a\rb", "a\u2028b", "\u200b"])
def test_a_title_that_nobody_can_read_is_refused(platform: Platform, title: str) -> None:
    with pytest.raises(UsageError, match=r"^--title .* cannot be used"):
        new.planned(platform, mission="survey", kernel=None, title=title)
    with pytest.raises(UsageError, match=r"^--title .* cannot be used"):
        new.planned(platform, mission="small", kernel="stars", title=title)
