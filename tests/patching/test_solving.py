"""Which environments a patch solves, and what becomes of the locks; solvers are made up."""

from __future__ import annotations

import pytest

from platform_images.errors import UsageError
from platform_images.locks.freshness import check
from platform_images.locks.store import COMMON_OS, os_packages
from platform_images.locks.values import CONDA_LOCK, REQUIREMENTS, DebPackage, Unit
from platform_images.model import load_mission
from platform_images.patching.moves import line
from platform_images.patching.request import PatchRequest
from platform_images.patching.solving import Solved, solve_patch
from tests.patching.survey import IMAGE, Solvers, Survey, debian

OWN = Unit(scope="survey", part="os")


def silent(_: str) -> None:
    """Nobody listens."""


def solve(survey: Survey, request: PatchRequest, *, kernels: tuple[str, ...] = ()) -> Solved:
    chosen = survey.mission.select(kernels)
    locks = survey.store.read_mission(survey.platform, survey.mission, chosen)
    return solve_patch(survey.platform, survey.mission, chosen, locks, request, image=IMAGE, say=silent)


def refused(survey: Survey, request: PatchRequest) -> UsageError:
    with pytest.raises(UsageError) as caught:
        solve(survey, request)
    return caught.value


def units(solved: Solved) -> list[str]:
    return [str(lock.unit) for lock in solved.changed]


def saved(survey: Survey, solved: Solved) -> None:
    for lock in solved.changed:
        survey.store.write(lock.unit, files=lock.files, inputs=lock.header.inputs, solvers=lock.header.solvers)


def test_a_kernel_that_the_image_does_not_have_is_named_with_those_that_it_has(
    survey: Survey, solvers: Solvers
) -> None:
    error = refused(survey, PatchRequest(packages=("requests",), environments=("skyy",)))
    assert error.what == "The image has no kernel 'skyy' (did you mean 'sky'?)."
    assert error.fix == "give --kernel with one of base, sea, sky"
    assert solvers.asked == []


def test_a_package_that_no_environment_has_is_named_with_the_nearest_that_one_has(
    survey: Survey, solvers: Solvers
) -> None:
    error = refused(survey, PatchRequest(packages=("requets>=2",)))
    assert error.what == "No environment of the image has the package 'requets' (did you mean 'requests'?)."
    assert "requirements.in" in str(error.fix)
    assert solvers.asked == []


def test_a_package_of_another_kernel_than_the_chosen_one_is_not_there(survey: Survey, solvers: Solvers) -> None:
    error = refused(survey, PatchRequest(packages=("xarray",), environments=("sky", "base")))
    assert error.what == "No environment of the image has the package 'xarray'."


@pytest.mark.parametrize(
    ("asked", "name"), [("typing-extensions>=4.16", "typing_extensions"), ("libgdal", "libgdal"), ("python", "python")]
)
def test_a_conda_package_is_refused_with_the_command_that_changes_it(
    asked: str, name: str, survey: Survey, solvers: Solvers
) -> None:
    """The command wants conda's own name, whatever spelling was asked for."""
    error = refused(survey, PatchRequest(packages=(asked,), environments=("sky",)))
    assert error.what.startswith(f"{asked.partition('>')[0]} is a conda package of survey/sky:")
    assert error.fix == f'change it with nox -s "lock(survey, sky)" -- --upgrade-package {name}, and build the image'
    assert solvers.asked == []


def test_every_environment_that_has_a_package_is_solved_for_it(survey: Survey, solvers: Solvers) -> None:
    new: dict[str, str | None] = {"requests": "2.33.0"}
    solvers.pip = {"common/base": new, "survey/sky": new, "survey/sea": new}
    solved = solve(survey, PatchRequest(packages=("Requests>=2.33", "astro_py")))
    assert solvers.asked == [
        ("common/base", ("Requests>=2.33",)),
        ("survey/sky", ("astro_py", "Requests>=2.33")),
        ("survey/sea", ("Requests>=2.33",)),
    ]
    assert units(solved) == ["common/base", "survey/sky", "survey/sea"]
    assert [line(each) for each in solved.packages] == [
        "common/base: requests 2.32.5 -> 2.33.0",
        "survey/sea: requests 2.32.5 -> 2.33.0",
        "survey/sky: requests 2.32.5 -> 2.33.0",
    ]


def test_a_kernel_may_be_chosen_and_the_base_is_one(survey: Survey, solvers: Solvers) -> None:
    solve(survey, PatchRequest(packages=("requests",), environments=("sea", "base")))
    assert [unit for unit, _ in solvers.asked] == ["common/base", "survey/sea"]


def test_a_kernel_that_is_not_in_the_image_is_not_solved(survey: Survey, solvers: Solvers) -> None:
    solve(survey, PatchRequest(packages=("requests",)), kernels=("sea",))
    assert [unit for unit, _ in solvers.asked] == ["common/base", "survey/sea"]


def test_an_environment_keeps_its_conda_part_and_its_inputs(survey: Survey, solvers: Solvers) -> None:
    solvers.pip = {"survey/sky": {"requests": "2.33.0", "urllib3": "2.6.0"}}
    solved = solve(survey, PatchRequest(packages=("requests",), environments=("sky",)))
    (new,), old = solved.changed, survey.store.require(Unit(scope="survey", part="sky"))
    assert new.files[CONDA_LOCK] == old.files[CONDA_LOCK]
    assert new.header.inputs == old.header.inputs
    assert "requests==2.33.0" in new.files[REQUIREMENTS]
    assert [each.name for each in solved.packages] == ["requests", "urllib3"]


def test_a_package_that_is_as_asked_already_changes_nothing(survey: Survey, solvers: Solvers) -> None:
    solved = solve(survey, PatchRequest(systems=("git",), packages=("xarray",)))
    assert [unit for unit, _ in solvers.asked] == ["survey/sea", "os"]
    assert solved.packages == ()


def test_nothing_is_written_where_the_locks_are_kept(survey: Survey, solvers: Solvers) -> None:
    before = survey.files()
    solvers.debs, solvers.pip = (debian("git", "1:2.50-1"),), {"survey/sky": {"requests": "2.33.0"}}
    assert units(solve(survey, PatchRequest(systems=("git",), packages=("requests",))))
    assert survey.files() == before


def test_debian_packages_are_asked_for_once_for_all_units(survey: Survey, solvers: Solvers) -> None:
    solvers.debs = (debian("figlet", "2.2.6-1"), debian("libssl3t64", "3.5.2-1"))
    solved = solve(survey, PatchRequest(systems=("libssl3t64", "figlet=2.2.6-1")))
    assert solvers.asked == [("os", ("libssl3t64", "figlet=2.2.6-1"))]
    assert [line(each) for each in solved.packages] == [
        "common/os: libssl3t64 3.5.1-1 -> 3.5.2-1",
        "survey/os: figlet 2.2.5-3 -> 2.2.6-1",
    ]


@pytest.mark.parametrize(
    ("package", "changed"),
    [
        (debian("git", "1:2.50-1"), ["common/os", "survey/os"]),
        (debian("libssl3t64", "3.5.2-1"), ["common/os", "survey/os"]),
        (debian("figlet", "2.2.6-1"), ["survey/os"]),
    ],
)
def test_the_locks_are_fresh_afterwards(
    package: DebPackage, changed: list[str], survey: Survey, solvers: Solvers
) -> None:
    """What the mission has is solved above the common packages, so these are an input of it."""
    solvers.debs = (package,)
    solvers.pip = {"survey/sky": {"requests": "2.33.0"}}
    solved = solve(survey, PatchRequest(systems=("git",), packages=("requests",), environments=("sky",)))
    assert units(solved)[:-1] == changed
    saved(survey, solved)
    check(survey.platform, survey.mission)
    assert survey.locks == solved.locks


def test_a_list_that_is_not_changed_keeps_its_packages_and_the_apt_that_solved_it(
    survey: Survey, solvers: Solvers
) -> None:
    solvers.debs = (debian("git", "1:2.50-1"),)
    solved = {lock.unit: lock for lock in solve(survey, PatchRequest(systems=("git",))).locks.locks}
    common, own = solved[COMMON_OS], solved[OWN]
    assert (common.header.solvers, own.header.solvers) == ({"apt": "3.1"}, {"apt": "3.0"})
    assert os_packages(own) == os_packages(survey.store.require(OWN))


def test_a_mission_without_packages_of_its_own_is_patched_too(survey: Survey, solvers: Solvers) -> None:
    mission = load_mission(survey.platform, "other")
    solvers.debs = (debian("libssl3t64", "3.5.2-1"),)
    locks = survey.store.read_mission(survey.platform, mission)
    request = PatchRequest(systems=("libssl3t64",))
    solved = solve_patch(survey.platform, mission, mission.kernels, locks, request, image=IMAGE, say=silent)
    assert units(solved) == ["common/os"]
