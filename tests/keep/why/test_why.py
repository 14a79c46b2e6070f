from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from platform_images.errors import ToolError, UsageError
from platform_images.keep import why
from platform_images.locks.store import BASE_UNIT, LockStore
from platform_images.process import Completed
from tests.keep.why.conftest import CONDA
from tests.keep.why.server import Index

HERE = "deployments/survey/kernels/sky"


def ask(folder: Path, package: str, *, offline: bool = False, json: bool = False, kernel: str | None = None) -> int:
    return why.run(folder, "survey", kernel=kernel, package=package, offline=offline, json=json)


def test_the_tree_goes_from_the_lines_down_to_the_package(sky: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(sky, "Numbers") == 0
    assert capsys.readouterr().out.splitlines() == [
        "numbers 2.0 in survey/sky",
        f"  {HERE}/requirements.in:2  stars[plots]>=2",
        "    stars 2.1",
        "      requires numbers>=1.2",
        "      requires plotting>=0.9: plotting 1.0",
        "        requires numbers<2.5",
        f"  {HERE}/requirements.in:3  numbers>=1,<3",
        "the newest release for Python 3.13.5 is 3.1",
        f"  held back by {HERE}/requirements.in:3: numbers>=1,<3",
        "  held back by plotting 1.0: numbers<2.5",
    ]


def test_offline_asks_nobody_and_shows_names(sky: Path, index: Index, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(sky, "numbers", offline=True) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[1:6] == [
        f"  {HERE}/requirements.in:2  stars[plots]>=2",
        "    stars 2.1",
        "      requires numbers",
        "      requires plotting: plotting 1.0",
        "        requires numbers",
    ]
    assert "newest" not in said.out and "names only" in said.err
    assert index.asked == []


def test_a_constraint_holds_and_what_a_release_requires(sky: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(sky, "colours") == 0
    said = capsys.readouterr().out
    assert f"held back by {HERE}/bounds.txt:1: colours<9" in said and "viewer 1.0" in said
    assert "held back by viewer" not in said  # it allows 9.1
    assert ask(sky, "viewer") == 0
    said = capsys.readouterr().out
    assert f"held back by {HERE}/bounds.txt:1: colours<9, and the release requires colours>=9" in said


def test_what_nothing_holds_has_the_command_that_asks_for_it(sky: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(sky, "kernel-part") == 0
    said = capsys.readouterr().out
    assert "is 1.5.1" in said  # neither for another Python, nor withdrawn, nor a pre-release
    assert 'nox -s "lock(survey, sky)" -- --upgrade-package kernel-part' in said


def test_json_has_every_edge(sky: Path, json_of: Callable[[], Any]) -> None:
    assert ask(sky, "numbers", json=True) == 0
    found = json_of()
    assert (found["version"], found["newest"], found["outdated"]) == ("2.0", "3.1", True)
    assert found["held_by"] == [
        {"by": f"{HERE}/requirements.in:3", "bound": "numbers>=1,<3"},
        {"by": "plotting 1.0", "bound": "numbers<2.5"},
    ]
    assert found["required_by"] == [
        {"name": "plotting", "version": "1.0", "bound": "<2.5"},
        {"name": "stars", "version": "2.1", "bound": ">=1.2"},
    ]
    assert {(edge["from"], edge["to"], edge["bound"]) for edge in found["edges"]} == {
        ("plotting", "numbers", "<2.5"),
        ("stars", "numbers", ">=1.2"),
        ("stars", "plotting", ">=0.9"),
    }
    assert found["bounds_unknown"] == []


def test_a_conda_package_is_answered_from_the_lock(
    sky: Path, index: Index, json_of: Callable[[], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(sky, "libgdal") == 0
    assert capsys.readouterr().out.splitlines() == [
        "libgdal 3.9.1 in survey/sky, a conda package",
        f"  {HERE}/environment.yml:3  gdal >=3.9",
        "    gdal 3.9.1",
        "      requires libgdal 3.9.*",
    ]
    assert ask(sky, "libgdal", json=True) == 0
    assert json_of()["required_by"] == [{"name": "gdal", "version": "3.9.1", "bound": "3.9.*"}]
    assert index.asked == []


def test_pip_packages_that_require_what_the_conda_part_provides(sky: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(sky, "gdal") == 0
    assert capsys.readouterr().out.splitlines() == [
        "gdal 3.9.1 in survey/sky, a conda package",
        f"  {HERE}/environment.yml:3  gdal >=3.9",
        f"  {HERE}/requirements.in:2  stars[plots]>=2",
        "    stars 2.1",
        "      requires gdal>=3",
    ]


def test_pip_packages_that_may_require_it_are_named_where_nobody_tells(
    sky: Path, index: Index, json_of: Callable[[], Any]
) -> None:
    index.has_metadata = index.has_ranges = False
    assert ask(sky, "gdal", json=True) == 0
    found = json_of()
    assert found["required_by"] == []
    assert found["bounds_unknown"] == ["colours", "kernel-part", "numbers", "plotting", "stars", "viewer"]


def test_pip_packages_say_on_which_python_they_run(sky: Path, index: Index, json_of: Callable[[], Any]) -> None:
    index.entries["stars"][0]["requires-python"] = ">=3.11"
    index.entries["viewer"].clear()
    index.add("viewer", "9.0")
    assert ask(sky, "python", json=True) == 0
    found = json_of()
    assert {each["name"]: each["bound"] for each in found["required_by"]} == {
        "colours": "",
        "gdal": ">=3.13,<3.14.0a0",
        "kernel-part": "",
        "numbers": "",
        "plotting": "",
        "stars": ">=3.11",
        "viewer": None,
    }
    assert found["bounds_unknown"] == ["viewer"]
    assert (found["part"], found["newest"], found["outdated"]) == ("conda", None, None)


@pytest.mark.parametrize(("package", "said"), [("gdal", True), ("python", True), ("libgdal", False)])
def test_offline_a_conda_package_is_said_to_have_others_perhaps(
    sky: Path, index: Index, capsys: pytest.CaptureFixture[str], package: str, said: bool
) -> None:
    assert ask(sky, package, offline=True) == 0
    told = capsys.readouterr()
    assert ("does not say which pip packages require it" in told.err) is said
    assert index.asked == [] and "stars" not in told.out


def test_a_distribution_is_found_by_its_own_name(sky: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (sky / "platform.toml").open("a") as file:
        file.write('[conda]\npypi_names = { gdal = "Gdal_Bindings" }\n')
    assert ask(sky, "gdal-bindings", offline=True) == 0
    assert capsys.readouterr().out.startswith("gdal 3.9.1 in survey/sky, a conda package\n")


def test_bounds_that_nobody_tells_are_named(sky: Path, index: Index, capsys: pytest.CaptureFixture[str]) -> None:
    index.has_metadata = index.has_ranges = False
    assert ask(sky, "colours") == 0
    said = capsys.readouterr().out
    assert "      requires colours" in said.splitlines()
    assert "nobody tells the bounds of: viewer" in said
    assert f"held back by {HERE}/bounds.txt:1: colours<9" in said


@pytest.mark.parametrize(
    ("locked", "others", "final", "said"),
    [
        ("4.0rc1", ("3.9", "4.0rc2"), "3.9", "the newest release for Python 3.13.5 is 4.0rc2"),
        ("4.0rc1", ("3.9", "4.0"), "4.0", "the newest release for Python 3.13.5 is 4.0"),
        ("4.0rc1", ("3.9",), "3.9", "4.0rc1 is newer than every final release; the newest of those is 3.9"),
        ("4.0rc1", (), None, "4.0rc1 is newer than every final release; there is none for Python 3.13.5"),
        ("4.0", ("4.1rc1",), "4.0", "4.0 is the newest release for Python 3.13.5"),
    ],
)
def test_a_locked_early_release(
    sky: Path,
    index: Index,
    json_of: Callable[[], Any],
    capsys: pytest.CaptureFixture[str],
    locked: str,
    others: tuple[str, ...],
    final: str | None,
    said: str,
) -> None:
    index.entries["lab"].clear()
    digest = index.add("lab", locked)
    for each in others:
        index.add("lab", each)
    lock(sky, f"lab=={locked} \\\n    --hash=sha256:{digest}\n    # via -r common/base/requirements.in\n")
    assert ask(sky, "lab", kernel="base") == 0
    assert capsys.readouterr().out.splitlines()[2] == said
    assert ask(sky, "lab", kernel="base", json=True) == 0
    found = json_of()
    assert found["outdated"] is said.startswith("the newest")
    assert found["final"] == final


def test_a_locked_release_that_was_withdrawn_is_not_offered(
    sky: Path, index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    index.entries["lab"][0]["yanked"] = True
    index.add("lab", "4.4")
    assert ask(sky, "lab", kernel="base") == 0
    assert capsys.readouterr().out.splitlines()[2] == (
        "4.5 is newer than every final release; the newest of those is 4.4"
    )


def lock(folder: Path, text: str) -> None:
    """Lock the pip part of the base environment so."""
    files = {"conda-lock.yml": CONDA, "requirements.txt": text}
    LockStore(folder / "locks").write(BASE_UNIT, files=files, inputs={}, solvers={})


def test_the_base_environment(sky: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(sky, "lab", kernel="base") == 0
    assert capsys.readouterr().out.splitlines() == [
        "lab 4.5 in common/base",
        "  common/base/requirements.in:1  lab>=4",
        "4.5 is the newest release for Python 3.13.5",
    ]


def test_a_package_that_is_not_there(sky: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'numbers'") as caught:
        ask(sky, "nunbers")
    assert caught.value.exit_code == 2
    with pytest.raises(UsageError, match="No package is named"):
        ask(sky, "")


@pytest.mark.parametrize("verb", ["why", "outdated", "graph"])
def test_the_verbs_are_wired(project: Path, run_invoke: Callable[..., Completed], verb: str) -> None:
    done = run_invoke(project, "--help", verb)
    assert done.returncode == 0 and f"invoke {verb}" in done.stdout
    done = run_invoke(project, verb, "--mission", "tik")
    assert done.returncode == 2 and "Traceback" not in done.stderr


def test_a_lock_of_the_project_offline(project: Path, run_invoke: Callable[..., Completed]) -> None:
    words = ("--mission", "tike", "--kernel", "tess", "--package", "numpy", "--offline")
    done = run_invoke(project, "why", *words)
    assert done.returncode == 0, done.stderr
    assert "deployments/tike/kernels/tess/requirements.in:25  numpy>=" in done.stdout


@pytest.mark.network
@pytest.mark.slow
def test_a_lock_of_the_project_with_the_index(project: Path, json_of: Callable[[], Any]) -> None:
    assert why.run(project, "tike", kernel="tess", package="numpy", offline=False, json=True) == 0
    found = json_of()
    assert found["newest"] and len(found["required_by"]) > 10
    told = [each for each in found["required_by"] if each["bound"]]
    assert len(told) > len(found["required_by"]) / 2


def test_an_index_that_has_nothing_of_what_is_locked_is_none(
    sky: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"{index.address}/simpel")
    for package in ("kernel-part", "numbers", "gdal", "python"):
        with pytest.raises(ToolError, match="does not answer as an index does: it has none of the locked packages"):
            ask(sky, package)


def test_a_package_that_the_index_has_dropped_is_told(
    sky: Path, index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    del index.entries["kernel-part"]
    assert ask(sky, "kernel-part") == 0
    assert "the index has no final release of kernel-part" in capsys.readouterr().out
