"""What holds for every mission's folder: requests with floors, constraints with reasons, tests worth running."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from platform_images.model.environment import Environment
from platform_images.model.load import load_missions, load_platform
from platform_images.model.mission import Mission

PROJECT = Path(__file__).parents[2]
PLATFORM = load_platform(PROJECT)
MISSIONS = load_missions(PLATFORM)
KERNELS = tuple(kernel for mission in MISSIONS for kernel in mission.kernels)
NOTEBOOKS = tuple(
    path for kernel in KERNELS for path in sorted((kernel.folder / "tests" / "notebooks").glob("*.ipynb"))
)
TEXT_CELL = frozenset({"cell_type", "id", "metadata", "source"})
CODE_CELL = TEXT_CELL | {"execution_count", "outputs"}
FLOORS = frozenset({">=", "==", "~=", ">"})
SDISTS_OF_DEPENDENCIES = frozenset({"fbpca"})  # not asked for; lightkurve needs it


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a request file."""

    place: str
    text: str

    @property
    def request(self) -> Requirement:
        """The line without its comment."""
        return Requirement(self.text.partition("#")[0].strip())


def lines(path: Path) -> tuple[Line, ...]:
    """Return a file's lines that ask for something."""
    rows = path.read_text(encoding="utf-8").splitlines()
    return tuple(
        Line(place=f"{path.relative_to(PROJECT)}:{number}", text=row)
        for number, row in enumerate(rows, start=1)
        if row.strip() and not row.lstrip().startswith("#")
    )


def requests(*environments: Environment) -> tuple[Line, ...]:
    """Return all requests of environments, those that every kernel gets only once."""
    paths = dict.fromkeys(path for environment in environments for path in environment.request_files)
    return tuple(line for path in paths for line in lines(path))


def constraints() -> tuple[Line, ...]:
    """Return the lines of every constraints.txt."""
    return tuple(line for kernel in KERNELS for path in kernel.constraint_files for line in lines(path))


def notebook(path: Path) -> dict[str, Any]:
    """Return a notebook as its file has it."""
    node: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return node


def kernel_of(path: Path) -> str:
    """Return the name of the kernel that a notebook tests."""
    return path.parents[2].name


def code(path: Path) -> str:
    """Return a notebook's code."""
    return "\n".join("".join(cell["source"]) for cell in notebook(path)["cells"] if cell["cell_type"] == "code")


each_mission = pytest.mark.parametrize("mission", MISSIONS, ids=lambda mission: mission.name)
each_kernel = pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: f"{kernel.scope}-{kernel.name}")
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{kernel_of(path)}-{path.stem}")


def test_the_four_missions_are_there() -> None:
    assert {mission.name for mission in MISSIONS} >= {"jwebbinar", "jwst", "roman", "tike"}


@each_mission
def test_a_mission_says_what_it_is_for(mission: Mission) -> None:
    assert mission.settings.description.endswith(".")


@pytest.mark.parametrize("line", requests(PLATFORM.base, *KERNELS), ids=lambda line: line.place)
def test_a_request_has_a_floor_or_a_pin(line: Line) -> None:
    operators = {specifier.operator for specifier in line.request.specifier}
    assert operators & FLOORS, f"{line.place}: without a floor a solver may go back years: {line.text}"


@each_kernel
def test_nothing_is_asked_for_twice_in_one_file(kernel: Environment) -> None:
    for path in kernel.request_files:
        names = [canonicalize_name(line.request.name) for line in lines(path)]
        assert sorted(names) == sorted(set(names))


def test_a_constraint_has_its_reason() -> None:
    assert [line.place for line in constraints() if not line.text.partition("#")[2].strip()] == []


@each_kernel
def test_a_source_build_is_of_a_package_that_is_asked_for_or_known(kernel: Environment) -> None:
    asked = {canonicalize_name(line.request.name) for line in requests(kernel)}
    assert set(kernel.settings.sdist) <= asked | SDISTS_OF_DEPENDENCIES


@each_kernel
def test_what_a_source_build_needs_has_floors(kernel: Environment) -> None:
    for sdist in kernel.settings.sdist.values():
        for text in sdist.build_requires:
            assert {specifier.operator for specifier in Requirement(text).specifier} & FLOORS, text


@each_kernel
def test_a_kernel_names_modules_to_import(kernel: Environment) -> None:
    modules = [line.text.strip() for line in lines(kernel.folder / "tests" / "imports.txt")]
    assert modules
    assert all(part.isidentifier() for module in modules for part in module.split("."))
    assert len(modules) == len(set(modules))


@each_kernel
def test_a_kernel_has_a_notebook(kernel: Environment) -> None:
    assert any(kernel_of(path) == kernel.name for path in NOTEBOOKS)


@each_notebook
def test_a_notebook_is_of_format_4_5(path: Path) -> None:
    node = notebook(path)
    assert set(node) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    assert (node["nbformat"], node["nbformat_minor"]) == (4, 5)
    assert {frozenset(cell) for cell in node["cells"]} <= {CODE_CELL, TEXT_CELL}
    assert all((cell["cell_type"] == "code") == ("outputs" in cell) for cell in node["cells"])


@each_notebook
def test_each_cell_has_an_id_of_its_own(path: Path) -> None:
    ids = [cell["id"] for cell in notebook(path)["cells"]]
    assert len(ids) == len(set(ids))
    assert [name for name in ids if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name)] == []


@each_notebook
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    cells = [cell for cell in notebook(path)["cells"] if cell["cell_type"] == "code"]
    assert [cell["id"] for cell in cells if cell["outputs"] or cell["execution_count"] is not None] == []


@each_notebook
def test_a_notebook_belongs_to_its_kernel(path: Path) -> None:
    assert notebook(path)["metadata"]["kernelspec"]["name"] == kernel_of(path)


@each_notebook
def test_a_notebook_explains_plots_and_asserts(path: Path) -> None:
    first = notebook(path)["cells"][0]
    assert first["cell_type"] == "markdown"
    assert "".join(first["source"]).startswith("# ")
    assert "plt.show()" in code(path)
    assert any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(code(path))))


@each_notebook
def test_a_notebook_draws_the_same_numbers_in_every_run(path: Path) -> None:
    calls = [node for node in ast.walk(ast.parse(code(path))) if isinstance(node, ast.Call)]
    generators = [call for call in calls if ast.unparse(call.func).endswith("default_rng")]
    assert all(call.args or call.keywords for call in generators), "a generator without a seed"
    assert not any(ast.unparse(call.func).startswith("np.random.") and call not in generators for call in calls)
