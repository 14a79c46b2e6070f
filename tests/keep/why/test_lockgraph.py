from __future__ import annotations

from pathlib import Path

import pytest

from platform_images.errors import LockError, UsageError
from platform_images.keep.lockgraph import environment_of, locked, read_graph, requirers, target_of
from platform_images.keep.packages import LockGraph
from platform_images.locks.store import LockStore
from platform_images.model import load_mission, load_platform
from tests.keep.why.conftest import CONDA, GDAL, SKY


def graph_of(folder: Path, kernel: str | None = None) -> LockGraph:
    platform = load_platform(folder)
    environment = environment_of(platform, load_mission(platform, "survey"), kernel)
    return read_graph(platform, environment, locked(platform, environment))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a==1 \\\n    --hash=sha256:00\n    # via b", ("b",)),
        ("a==1\n    # via\n    #   -r x/requirements.in\n    #   b\n    #   c", ("-r x/requirements.in", "b", "c")),
        ("a==1\n    # via -r requirements.in", ("-r requirements.in",)),
        ("a==1 \\\n    --hash=sha256:00", ()),
        ("via==1\n    # via via", ("via",)),
        ("viable==1\n    # via\n    #   viable-thing", ("viable-thing",)),
    ],
)
def test_the_remarks_of_a_solver_name_who_requires(text: str, found: tuple[str, ...]) -> None:
    assert requirers(text) == found


def test_packages_and_edges_of_both_parts(sky: Path) -> None:
    graph = graph_of(sky)
    assert graph.label == "survey/sky" and graph.python == "3.13.5"
    assert list(graph.packages) == sorted(graph.packages)
    assert {name for name, each in graph.packages.items() if each.conda} == {"python", "gdal", "libgdal"}
    edges = {(edge.parent, edge.child): edge.bound for edge in graph.edges}
    assert edges[("gdal", "libgdal")] == "3.9.*"
    assert edges[("stars", "numbers")] is None
    assert ("plotting", "numbers") in edges and ("stars", "gdal") not in edges


def test_requests_have_their_file_and_line(sky: Path) -> None:
    graph = graph_of(sky)
    found = {(each.file.removeprefix("deployments/survey/kernels/sky/"), each.line): each for each in graph.requests}
    assert set(found) == {
        ("environment.yml", 2),
        ("environment.yml", 3),
        ("common/kernel/requirements.in", 2),
        ("requirements.in", 2),
        ("requirements.in", 3),
        ("more.in", 3),
        ("bounds.txt", 1),
    }
    stars = found["requirements.in", 2]
    assert (stars.name, stars.specifier, stars.extras, stars.text) == ("stars", ">=2", ("plots",), "stars[plots]>=2")
    assert found["bounds.txt", 1].constraint and not found["more.in", 3].constraint
    assert found["environment.yml", 3].specifier == ">=3.9"
    assert graph.direct == {"python", "gdal", "kernel-part", "stars", "numbers", "viewer"}


def test_a_distribution_of_the_conda_part_is_that_package(sky: Path) -> None:
    assert graph_of(sky).provided == {"gdal": "gdal"}
    with (sky / "platform.toml").open("a") as file:
        file.write('[conda]\npypi_names = { gdal = "Gdal_Bindings" }\n')
    with (sky / "deployments/survey/kernels/sky/requirements.in").open("a") as file:
        file.write("GDAL-bindings>=3\n")
    lock = sky / "locks/survey/sky/requirements.txt"
    text = lock.read_text().replace("    #   plotting\n", "    #   gdal-bindings\n    #   plotting\n")
    LockStore(sky / "locks").write(
        SKY, files={"conda-lock.yml": CONDA + GDAL, "requirements.txt": text}, inputs={}, solvers={}
    )
    graph = graph_of(sky)
    assert graph.provided == {"gdal-bindings": "gdal"}
    assert [each.text for each in graph.asking("gdal")] == ["gdal >=3.9", "GDAL-bindings>=3"]
    assert {edge.parent for edge in graph.edges if edge.child == "numbers"} == {"gdal", "plotting", "stars"}
    assert [graph.provider(each) for each in ("stars", "gdal-bindings", "gdal", "libgdal", "python", "nothing")] == [
        "stars",
        "gdal",
        None,
        None,
        None,
        None,
    ]


def test_lines_for_another_python_or_platform_ask_for_nothing(sky: Path) -> None:
    path = sky / "deployments/survey/kernels/sky/requirements.in"
    other = 'viewer<1; python_version < "3.9"\nstars<2; sys_platform == "win32"\n'
    path.write_text(path.read_text() + other + 'colours; python_version >= "3.9"\n')
    requests = graph_of(sky).requests
    assert [(each.name, each.line) for each in requests if "python_version" in each.text] == [("colours", 7)]
    assert [each.specifier for each in requests if each.name in ("stars", "viewer")] == [">=2", ""]


@pytest.mark.parametrize(
    "text",
    [
        "# python=3.13 is the base's\ndependencies:\n  - python=3.13\n  - gdal\n",
        "dependencies:\n  - gdal\n  - 'python=3.13'  # python=3.13\n",
        "dependencies:\n  - libgdal\n  - python=3.13\n  - gdal\n",
    ],
)
def test_a_conda_package_has_its_own_line_and_not_one_that_names_it_too(sky: Path, text: str) -> None:
    (sky / "deployments/survey/kernels/sky/environment.yml").write_text(text)
    lines = text.splitlines()
    for each in graph_of(sky).requests:
        if each.file.endswith("environment.yml"):
            assert lines[each.line - 1].split("#")[0].strip(" -'") == each.text


def test_parts_of_a_graph(sky: Path) -> None:
    graph = graph_of(sky)
    assert graph.reached(frozenset({"numbers"}), reverse=True) == {"numbers", "plotting", "stars"}
    assert graph.reached(frozenset({"viewer"}), reverse=False) == {"viewer", "colours"}
    part = graph.only(frozenset({"viewer", "colours"}))
    assert [(edge.parent, edge.child) for edge in part.edges] == [("viewer", "colours")]
    assert {each.name for each in part.requests} == {"viewer", "colours"}


def test_the_base_is_an_environment_too(sky: Path) -> None:
    assert graph_of(sky, "base").label == "common/base"
    assert target_of(load_platform(sky), graph_of(sky, "base")).glibc == "2.41"


def test_a_kernel_must_be_named_where_there_are_several(project: Path) -> None:
    platform = load_platform(project)
    with pytest.raises(UsageError, match="No kernel is named") as caught:
        environment_of(platform, load_mission(platform, "jwebbinar"), None)
    assert "--kernel jwebbinar-49" in str(caught.value)
    with pytest.raises(UsageError, match="did you mean"):
        environment_of(platform, load_mission(platform, "jwebbinar"), "jwebbinar-48")


def test_a_kernel_without_a_lock_is_told_with_its_cure(sky: Path) -> None:
    (sky / "locks/survey/sky/lock.json").unlink()
    with pytest.raises(LockError, match="has no lock"):
        graph_of(sky)


@pytest.mark.parametrize("mission", ["tike", "roman", "jwst", "jwebbinar"])
def test_every_lock_of_the_project_is_read(project: Path, mission: str) -> None:
    platform = load_platform(project)
    loaded = load_mission(platform, mission)
    for environment in (platform.base, *loaded.kernels):
        graph = read_graph(platform, environment, locked(platform, environment))
        required = {edge.child for edge in graph.edges}
        assert {name for name, each in graph.packages.items() if not each.conda} <= required | graph.direct
        assert graph.direct <= set(graph.packages)
