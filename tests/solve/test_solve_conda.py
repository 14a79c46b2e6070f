from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from platform_images.errors import ToolError, UsageError
from platform_images.locks.conda import parse_conda_lock
from platform_images.locks.store import LockStore
from platform_images.locks.values import CONDA_LOCK, Lock, Unit
from platform_images.model import Environment, Mission, Platform
from platform_images.process import Completed
from platform_images.solve import conda
from platform_images.solve.conda import provided_distributions, solve_conda

Project = tuple[Platform, Mission, Environment]
MakeProject = Callable[..., Project]
SKY = Unit(scope="survey", part="sky")
ENVIRONMENT = "deployments/survey/kernels/sky/environment.yml"


def solve(
    project: Project,
    *,
    glibc: str = "2.41",
    old: Lock | None = None,
    upgrade: bool = False,
    upgrade_packages: tuple[str, ...] = (),
) -> str:
    platform, _, environment = project
    text, _ = solve_conda(
        platform,
        environment,
        glibc=glibc,
        old=old,
        upgrade=upgrade,
        upgrade_packages=upgrade_packages,
        say=lambda _: None,
    )
    return text


def versions(text: str) -> dict[str, str]:
    return {package.name: package.version for package in parse_conda_lock(text, unit=SKY)}


def saved(folder: Path, text: str) -> Lock:
    store = LockStore(folder)
    store.write(SKY, files={CONDA_LOCK: text}, inputs={}, solvers={})
    return store.require(SKY)


def test_the_lock_names_channels_and_holds_nothing_of_this_machine(make_project: MakeProject) -> None:
    text = solve(make_project({ENVIRONMENT: "dependencies: [python=3.11, gdal]\n"}))
    assert "url: embedded/linux-64/python-3.11.2-0.conda" in text
    assert "file:" not in text
    assert os.sep + "tmp" not in text
    assert versions(text) == {"python": "3.11.2", "gdal": "3.9.1", "libgdal": "3.9.1"}


def test_another_place_gives_the_same_bytes(make_project: MakeProject) -> None:
    assert solve(make_project(place="here")) == solve(make_project(place="there/below"))


def test_the_roots_glibc_decides_and_not_this_machines(make_project: MakeProject) -> None:
    project = make_project()
    assert versions(solve(project, glibc="2.35")) == {"python": "3.11.1"}
    assert versions(solve(project, glibc="2.99")) == {"python": "3.11.9"}


def test_locked_packages_are_kept_until_they_are_freed(make_project: MakeProject, tmp_path: Path) -> None:
    project = make_project()
    old = saved(tmp_path / "locks", solve(project, glibc="2.35"))
    assert versions(solve(project, old=old)) == {"python": "3.11.1"}
    assert versions(solve(project, old=old, upgrade_packages=("gdal",))) == {"python": "3.11.1"}
    assert versions(solve(project, old=old, upgrade_packages=("python",))) == {"python": "3.11.2"}
    assert versions(solve(project, old=old, upgrade=True)) == {"python": "3.11.2"}


def test_a_locked_package_that_no_longer_satisfies_or_exists_gives_way(
    make_project: MakeProject, tmp_path: Path
) -> None:
    old = saved(tmp_path / "locks", solve(make_project()))
    newer = make_project({ENVIRONMENT: "dependencies: [python=3.13]\n"})
    assert versions(solve(newer, old=old)) == {"python": "3.13.5"}
    without = make_project({ENVIRONMENT: "dependencies: [python=3.11]\n"}, conda=[("linux-64", "python", "3.11.1", [])])
    assert versions(solve(without, old=old)) == {"python": "3.11.1"}


def test_a_channel_can_be_named_in_a_request(make_project: MakeProject) -> None:
    text = solve(make_project({ENVIRONMENT: 'dependencies: [python=3.11, "embedded::gdal"]\n'}))
    assert versions(text)["gdal"] == "3.9.1"


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("[python=3.12]", "No candidates were found for python 3.12.*"),
        ("[python=3.11, nosuch]", "No candidates were found for nosuch"),
        ("[python=3.11, future]", "future"),
    ],
)
def test_the_solvers_own_explanation_is_shown(make_project: MakeProject, asked: str, says: str) -> None:
    with pytest.raises(ToolError, match="conda part of survey/sky cannot be solved") as caught:
        solve(make_project({ENVIRONMENT: f"dependencies: {asked}\n"}))
    assert says in str(caught.value.why)
    assert "Traceback" not in str(caught.value)


def test_a_channel_that_does_not_answer_is_named(make_project: MakeProject) -> None:
    toml = 'title = "T"\n[[channels]]\nname = "far"\nurl = "http://127.0.0.1:9/far"\n'
    with pytest.raises(ToolError) as caught:
        solve(make_project({"platform.toml": toml}))
    assert "127.0.0.1:9/far" in str(caught.value.why)
    assert caught.value.what == "A conda channel did not answer while survey/sky was solved."


def test_a_channel_that_is_elsewhere_is_not_taken_for_requests(
    make_project: MakeProject, tmp_path: Path, serve_folder: Callable[[Path], str]
) -> None:
    there = f'url = "{serve_folder(tmp_path)}/far"'
    for place in ('path = "common/chanel"', there):
        toml = f'title = "T"\n[[channels]]\nname = "embedded"\n{place}\n'
        with pytest.raises(ToolError, match=r"A conda channel is not where platform\.toml says") as caught:
            solve(make_project({"platform.toml": toml}))
        assert f"embedded ({place.split(chr(34))[1]})" in str(caught.value.fix)
        assert "environment.yml" not in str(caught.value.fix)


def test_a_solver_that_cannot_work_is_not_taken_for_requests(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "No space left on device (os error 28)"
    failed = Completed(argv=("conda-lock",), returncode=1, stdout="", stderr=said)
    monkeypatch.setattr(conda, "run", lambda *_, **__: failed)
    with pytest.raises(ToolError, match="solver of the conda part of survey/sky could not do its work") as caught:
        solve(make_project())
    assert caught.value.why == said
    assert "TMPDIR" in str(caught.value.fix) and "environment.yml" not in str(caught.value.fix)


def test_an_installed_solver_can_be_chosen(
    make_project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same front under another's name: it gets real URLs and answers with real URLs, as micromamba does."""
    expected = solve(make_project(place="own"))
    toml = 'title = "T"\n[conda]\nsolver = "micromamba"\n[[channels]]\nname = "embedded"\npath = "common/channel"\n'
    project = make_project({"platform.toml": toml}, place="chosen")
    url = project[0].channel_base("embedded")
    settings, program, seen = tmp_path / "front.json", tmp_path / "bin" / "micromamba", tmp_path / "seen"
    settings.write_text(f'{{"channels": {{"{url}": "{url}"}}}}')
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {seen}\n[ "$1" = --version ] && echo 2.3.0 && exit\n'
        f'PLATFORM_IMAGES_CONDA_FRONT={settings} exec {sys.executable} -m platform_images.solve.conda_front "$@"\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(UsageError, match="'micromamba', which is not on PATH"):
        solve(project)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    assert solve(project) == expected
    assert f"--channel {url}" in seen.read_text()


def test_distributions_of_the_conda_part_are_those_that_need_python(make_project: MakeProject) -> None:
    text = solve(make_project({ENVIRONMENT: "dependencies: [python=3.11, gdal]\n"}))
    packages = parse_conda_lock(text, unit=SKY)
    assert provided_distributions(packages, {}) == (("gdal", "3.9.1"),)
    assert provided_distributions(packages, {"gdal": "GDAL_Bindings"}) == (("gdal-bindings", "3.9.1"),)
