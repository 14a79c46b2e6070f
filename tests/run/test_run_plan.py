from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from platform_images.errors import UsageError
from platform_images.model import Mission
from platform_images.run.plan import Item, given_plans, kernel_plan
from platform_images.run.results import Kind

WriteNotebook = Callable[..., Path]


def notebooks(mission: Mission) -> tuple[Item, ...]:
    return tuple(item for item in kernel_plan(mission.kernel("new")).items if item.kind is Kind.NOTEBOOK)


@pytest.fixture
def tests_folder(mission: Mission) -> Path:
    return mission.kernel("new").folder / "tests"


def test_a_kernel_is_tested_by_its_imports_then_its_notebooks_then_its_script(mission: Mission) -> None:
    items = kernel_plan(mission.kernel("old")).items
    assert [item.kind for item in items] == [Kind.IMPORT] * (len(items) - 2) + [Kind.NOTEBOOK, Kind.SCRIPT]
    assert items[-2].name == "activated.ipynb"
    assert items[-2].timeout == 120
    assert items[0].timeout == 180


def test_import_lists_may_hold_comments_and_empty_lines(mission: Mission, tests_folder: Path) -> None:
    (tests_folder / "imports.txt").write_text("# ours\n\nastropy.io.fits  # slow\nnumpy\nnumpy\n")
    names = [item.name for item in kernel_plan(mission.kernel("new")).items if item.kind is Kind.IMPORT]
    assert names == ["astropy.io.fits", "numpy"]


def test_a_line_that_is_no_module_is_named(mission: Mission, tests_folder: Path) -> None:
    (tests_folder / "imports.txt").write_text("numpy\nimport scipy\n")
    with pytest.raises(UsageError, match=r"^deployments/small/kernels/new/tests/imports.txt, line 2: 'import scipy'"):
        kernel_plan(mission.kernel("new"))


def test_without_a_list_all_notebooks_run_in_parallel_in_sorted_order(
    mission: Mission, tests_folder: Path, write_notebook: WriteNotebook
) -> None:
    write_notebook(tests_folder / "notebooks" / "z" / "deep.ipynb")
    write_notebook(tests_folder / "notebooks" / "a.ipynb")
    write_notebook(tests_folder / "notebooks" / ".ipynb_checkpoints" / "a-checkpoint.ipynb")
    found = notebooks(mission)
    assert [item.name for item in found] == ["a.ipynb", "activated.ipynb", "z/deep.ipynb"]
    assert not any(item.serial or item.skipped for item in found)
    assert found[2].source == tests_folder / "notebooks" / "z"
    assert found[2].file == "deep.ipynb"


def test_a_list_orders_marks_and_skips(mission: Mission, tests_folder: Path, write_notebook: WriteNotebook) -> None:
    for name in ("a b.ipynb", "c.ipynb"):
        write_notebook(tests_folder / "notebooks" / name)
    (tests_folder / "notebooks.txt").write_text(
        "# how the kernel is tested; gone.ipynb was removed\n! activated.ipynb\n# c.ipynb: needs a network\na b.ipynb\n"
    )
    found = {item.name: (item.serial, item.skipped) for item in notebooks(mission)}
    assert found == {
        "activated.ipynb": (True, None),
        "c.ipynb": (False, "needs a network"),
        "a b.ipynb": (False, None),
    }
    assert list(found) == ["activated.ipynb", "c.ipynb", "a b.ipynb"]


def test_a_list_with_a_notebook_that_is_not_there_is_refused(mission: Mission, tests_folder: Path) -> None:
    (tests_folder / "notebooks.txt").write_text("actvated.ipynb\n")
    with pytest.raises(UsageError, match=r"notebooks.txt, line 1: there is no notebook 'actvated.ipynb'") as caught:
        notebooks(mission)
    assert "did you mean 'activated.ipynb'?" in str(caught.value)


def test_a_list_that_forgets_a_notebook_is_refused(mission: Mission, tests_folder: Path) -> None:
    (tests_folder / "notebooks.txt").write_text("# nothing yet\n")
    with pytest.raises(UsageError, match=r"does not name the notebook .activated\.ipynb."):
        notebooks(mission)


def test_a_script_that_cannot_be_executed_is_refused(mission: Mission) -> None:
    (mission.kernel("old").folder / "tests" / "test").chmod(0o644)
    with pytest.raises(UsageError, match="cannot be executed") as caught:
        kernel_plan(mission.kernel("old"))
    assert caught.value.fix == "chmod +x deployments/small/kernels/old/tests/test"


def test_given_notebooks_run_with_the_named_kernel(
    mission: Mission, tmp_path: Path, write_notebook: WriteNotebook
) -> None:
    file = write_notebook(tmp_path / "work" / "mine.ipynb")
    (plan,) = given_plans(mission, mission.select(("old",)), (file,))
    assert plan.kernel == "old"
    assert [(item.kind, item.name, item.source) for item in plan.items] == [
        (Kind.NOTEBOOK, "mine.ipynb", tmp_path / "work")
    ]


def test_given_notebooks_run_with_the_kernel_that_they_name(
    mission: Mission, tmp_path: Path, write_notebook: WriteNotebook
) -> None:
    write_notebook(tmp_path / "work" / "a" / "same.ipynb", kernel="new")
    write_notebook(tmp_path / "work" / "b" / "same.ipynb", kernel="old")
    plans = given_plans(mission, mission.kernels, (tmp_path / "work",))
    assert {plan.kernel: [item.name for item in plan.items] for plan in plans} == {
        "new": ["a/same.ipynb"],
        "old": ["b/same.ipynb"],
    }


def test_a_given_notebook_that_names_no_kernel_of_the_mission_needs_one(
    mission: Mission, tmp_path: Path, write_notebook: WriteNotebook
) -> None:
    file = write_notebook(tmp_path / "mine.ipynb", kernel="python3")
    with pytest.raises(UsageError, match=r"Which kernel is 'mine.ipynb' for\?") as caught:
        given_plans(mission, mission.kernels, (file,))
    assert caught.value.fix == "add --kernel new"


@pytest.mark.parametrize("name", ["nowhere.ipynb", "text.txt", "empty"])
def test_a_path_that_is_no_notebook_is_refused(mission: Mission, tmp_path: Path, name: str) -> None:
    (tmp_path / "text.txt").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="neither a notebook nor a folder"):
        given_plans(mission, mission.kernels, (tmp_path / name,))
