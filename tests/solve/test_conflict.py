from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from platform_images.errors import ToolError
from platform_images.locks.lines import Request
from platform_images.model import Environment, Mission, Platform
from platform_images.process import Completed
from platform_images.solve import conflict as room
from platform_images.solve.conflict import Change, GivenUpError, conflict, least
from platform_images.solve.environment import solve_environment

Project = tuple[Platform, Mission, Environment]
MakeProject = Callable[..., Project]
KERNEL = "deployments/survey/kernels/sky"


class Unused:
    """uv needs no environment to run in."""

    def run(self, words: Sequence[str], *, conda_lock: str, folder: Path) -> Completed:
        raise AssertionError("uv runs on this machine")


def failure(project: Project) -> ToolError:
    platform, _, environment = project
    with pytest.raises(ToolError) as caught:
        solve_environment(
            platform,
            environment,
            glibc="2.41",
            old=None,
            upgrade=False,
            upgrade_packages=(),
            say=lambda _: None,
            runner=Unused(),
        )
    return caught.value


def lines(*texts: str) -> list[Request]:
    names = [text.split("<")[0].split(">")[0].split("=")[0] for text in texts]
    return [
        Request(file="requirements.in", line=number, text=text, name=name)
        for number, (text, name) in enumerate(zip(texts, names, strict=True), start=1)
    ]


def excluding(*texts: str) -> Callable[[Sequence[Request]], bool]:
    """Nobody can have all of these together."""
    return lambda given: not set(texts) <= {line.text for line in given}


@pytest.mark.parametrize("wrong", [("a",), ("a", "h"), ("b", "c", "g"), tuple("abcdefgh")])
def test_the_smallest_set_is_found(wrong: tuple[str, ...]) -> None:
    found, sure = least(lines(*"abcdefgh"), excluding(*wrong))
    assert tuple(line.text for line in found) == wrong and sure


def test_without_a_conflict_there_is_nothing_to_find() -> None:
    assert conflict(lines("a", "b"), lambda _: True) is None


def test_lines_that_the_solver_names_are_looked_at_first() -> None:
    asked: list[int] = []

    def solves(given: Sequence[Request]) -> bool:
        asked.append(len(given))
        return excluding("p07<2", "p55>2")(given)

    texts = [f"p{number:02}" for number in range(60)]
    texts[7], texts[55] = "p07<2", "p55>2"
    found = conflict(lines(*texts), solves, named="Because p07<2 and p55>2 exclude each other, ...")
    assert found is not None and [line.text for line in found.lines] == ["p07<2", "p55>2"]
    assert asked[:2] == [60, 2] and len(asked) < 10
    assert str(found.change) == "requirements.in:8: change 'p07<2' to 'p07'"


def test_the_smallest_change_that_solves_everything_is_found() -> None:
    def only(*allowed: set[str]) -> Callable[[Sequence[Request]], bool]:
        return lambda given: {line.text for line in given} in ({"a==1.*"}, {"b>2"}, *allowed)

    both = lines("a==1.*", "b>2")
    found = conflict(both, only({"a==1.*", "b"}))
    assert found is not None and found.change == Change(line=both[1], new="b")
    found = conflict(both, only({"a>=1", "b>2"}, {"a", "b>2"}))
    assert found is not None and found.smallest and found.change == Change(line=both[0], new="a>=1")
    found = conflict(lines("a", "b"), excluding("a", "b"))
    assert found is not None and str(found.change) == "requirements.in:1: remove 'a'"


def test_what_was_found_by_the_end_of_the_time_is_told() -> None:
    left = [3]

    def solves(given: Sequence[Request]) -> bool:
        left[0] -= 1
        if left[0] < 0:
            raise GivenUpError
        return excluding("a", "h")(given)

    found = conflict(lines(*"abcdefgh"), solves)
    assert found is not None and not found.smallest and found.change is None
    assert {"a", "h"} <= {line.text for line in found.lines}
    assert conflict(lines("a"), solves) is None


def test_a_failed_solve_names_the_lines_and_the_change_that_ends_it(make_project: MakeProject, wheels: Path) -> None:
    requests = "# light curves\nbeta>=1\nonly-for-show>=0 ; python_version < '3'\n"
    project = make_project({f"{KERNEL}/requirements.in": requests, "common/kernel/requirements.in": "alpha>=2,<3\n"})
    error = failure(project)
    assert error.what == "The pip part of survey/sky cannot be solved."
    assert error.why is not None
    assert error.why.splitlines()[-3:] == [
        "These lines cannot be satisfied together:",
        "  common/kernel/requirements.in:1: alpha>=2,<3",
        f"  {KERNEL}/requirements.in:2: beta>=1",
    ]
    assert error.fix == (
        "common/kernel/requirements.in:1: change 'alpha>=2,<3' to 'alpha'; with that, all can be solved"
    )


def test_a_constraint_may_be_what_is_in_the_way(make_project: MakeProject, wheels: Path) -> None:
    error = failure(make_project({f"{KERNEL}/requirements.in": "beta>1\n", f"{KERNEL}/constraints.txt": "beta<1.1\n"}))
    assert error.fix == f"{KERNEL}/requirements.in:1: change 'beta>1' to 'beta'; with that, all can be solved" or (
        f"{KERNEL}/constraints.txt:1: change 'beta<1.1' to 'beta'" in str(error.fix)
    )


def test_the_conda_part_may_be_what_is_in_the_way(make_project: MakeProject, wheels: Path) -> None:
    environment = "dependencies: [python=3.11, gdal]\n"
    error = failure(
        make_project({f"{KERNEL}/environment.yml": environment, f"{KERNEL}/requirements.in": "needs-old-gdal\n"})
    )
    assert str(error.why).splitlines()[-2:] == [
        "This line cannot be satisfied:",
        f"  {KERNEL}/requirements.in:1: needs-old-gdal",
    ]
    assert f"{KERNEL}/requirements.in:1: remove 'needs-old-gdal'" in str(error.fix)


def test_no_part_is_solved_after_the_time(
    make_project: MakeProject, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "SECONDS", 0.0)
    error = failure(make_project({"common/kernel/requirements.in": "alpha>=2\n"}))
    assert "cannot be satisfied together" not in str(error.why)
    assert "loosen one of the requests" in str(error.fix)


def test_what_is_no_conflict_is_not_looked_into(
    make_project: MakeProject, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "conflict", lambda *_, **__: pytest.fail("there is none"))
    error = failure(make_project({f"{KERNEL}/requirements.in": "never-heard-of\n"}))
    assert "which the package index does not have" in error.what
