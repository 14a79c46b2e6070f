"""The pip part of an environment with some packages moved: all else is held, to the last hash."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from platform_images.errors import ToolError, UsageError
from platform_images.files import json_text
from platform_images.locks.store import ROOT_UNIT, LockStore
from platform_images.locks.values import BUILD_REQUIREMENTS, CONDA_LOCK, PACKAGES, REQUIREMENTS, Lock, Unit
from platform_images.model import Environment, Mission, Platform
from platform_images.solve.patch import held, parse_request, patch_environment
from platform_images.solve.solution import Solution

Project = tuple[Platform, Mission, Environment]
MakeProject = Callable[..., Project]
SKY = Unit(scope="survey", part="sky")
ROOT_SYSTEM = {
    "provider": "debootstrap",
    "source": "trixie",
    "digest": "sha256:00",
    "epoch": 1,
    "glibc": "2.41",
    "packages": [],
}
PYTHON = f"""\
version: 1
package:
- name: python
  version: 3.11.2
  manager: conda
  platform: linux-64
  dependencies: {{}}
  url: embedded/linux-64/python-3.11.2-0.conda
  hash: {{md5: {"a" * 32}, sha256: {"a" * 64}}}
"""


@pytest.mark.parametrize(
    ("text", "name", "versions"),
    [
        ("requests", "requests", ""),
        ("requests >= 2.33", "requests", ">=2.33"),
        ("requests>=2.33,<3", "requests", "<3,>=2.33"),
        ("Foo_Bar==1.0rc1", "Foo_Bar", "==1.0rc1"),
    ],
)
def test_a_request_is_a_name_with_or_without_versions(text: str, name: str, versions: str) -> None:
    found = parse_request(text)
    assert (found.name, str(found.specifier)) == (name, versions)


@pytest.mark.parametrize("text", ["", "two words", ">=1", "requests>>1", "-r file", "./wheel.whl"])
def test_what_is_no_request_is_refused_in_one_line_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_request(text)
    assert repr(text) in caught.value.what
    assert caught.value.why is not None
    assert "\n" not in caught.value.why
    assert "'requests>=2.33'" in str(caught.value.fix)


def pin(name: str, version: str, *digits: str, via: str = "x") -> str:
    hashes = " \\\n".join(f"    --hash=sha256:{digit * 64}" for digit in digits)
    return f"{name}=={version} \\\n{hashes}\n    # via {via}\n"


def test_a_package_that_has_kept_its_version_keeps_its_hashes() -> None:
    """An index may have got a wheel for another Python since; that is no change of this environment."""
    old = pin("alpha", "1.0", "1") + pin("beta", "1.0", "2", "3")
    new = "# head\n" + pin("alpha", "1.0", "0", "1") + pin("beta", "1.1", "4", "5")
    assert held(new, old) == "# head\n" + pin("alpha", "1.0", "1") + pin("beta", "1.1", "4", "5")


def test_a_package_that_moves_or_is_new_has_the_new_hashes() -> None:
    new = pin("alpha", "2.0", "2") + pin("gamma", "1.0", "3")
    assert held(new, pin("alpha", "1.0", "1")) == new


def test_names_are_compared_in_any_spelling() -> None:
    assert held(pin("foo-bar", "1.0", "1", "2"), pin("Foo_Bar", "1.0", "1")) == pin("Foo_Bar", "1.0", "1")


def test_where_hashes_are_alike_the_new_remarks_stay() -> None:
    new = pin("alpha", "1.0", "1", via="y")
    assert held(new, pin("alpha", "1.0", "1")) == new


def locked(project: Project, requirements: str, **more: str) -> LockStore:
    """A store with the root's lock and one of the kernel."""
    store = LockStore(project[0].locks)
    store.write(ROOT_UNIT, files={PACKAGES: json_text(ROOT_SYSTEM)}, inputs={}, solvers={})
    files = {CONDA_LOCK: PYTHON, REQUIREMENTS: requirements, **more}
    store.write(SKY, files=files, inputs={}, solvers={"conda-lock": "4", "uv": "0"})
    return store


def patched(project: Project, store: LockStore, *asked: str) -> Solution:
    platform, mission, environment = project
    old: Lock = store.require(SKY)
    return patch_environment(platform, mission, environment, asked, old=old, store=store, say=lambda _: None)


def versions(solution: Solution) -> list[str]:
    lines = solution.files[REQUIREMENTS].splitlines()
    return [line.split(" ")[0] for line in lines if "==" in line]


def test_what_is_asked_for_moves_and_all_else_is_held(make_project: MakeProject, wheels: Path) -> None:
    project = make_project()
    store = locked(project, pin("alpha", "1.0", "1") + pin("beta", "1.0", "2"))
    newest = patched(project, store, "beta")
    assert versions(newest) == ["alpha==1.0", "beta==1.1"]
    assert f"--hash=sha256:{'1' * 64}" in newest.files[REQUIREMENTS]
    assert f"--hash=sha256:{'2' * 64}" not in newest.files[REQUIREMENTS]
    assert versions(patched(project, store, "alpha<1.5")) == ["alpha==1.0", "beta==1.0"]
    assert versions(patched(project, store, "alpha", "beta")) == ["alpha==1.5", "beta==1.1"]


def test_the_conda_part_stays_to_the_last_byte_and_the_solver_is_noted(make_project: MakeProject, wheels: Path) -> None:
    project = make_project()
    backends = "setuptools==80.0\n"
    store = locked(project, pin("alpha", "1.0", "1") + pin("beta", "1.0", "2"), **{BUILD_REQUIREMENTS: backends})
    found = patched(project, store, "beta")
    assert (found.files[CONDA_LOCK], found.files[BUILD_REQUIREMENTS]) == (PYTHON, backends)
    assert found.solvers["conda-lock"] == "4"
    assert found.solvers["uv"] != "0"


def test_a_version_that_goes_against_the_requests_has_no_solution(make_project: MakeProject, wheels: Path) -> None:
    """beta wants alpha below 2."""
    project = make_project()
    store = locked(project, pin("alpha", "1.0", "1") + pin("beta", "1.0", "2"))
    with pytest.raises(ToolError, match="pip part of survey/sky cannot be solved"):
        patched(project, store, "alpha>=2")
