from __future__ import annotations

from dataclasses import replace

from packaging.requirements import Requirement

from platform_images.keep.bounds import holders, indirect, requires, unmet, with_bounds, with_pythons
from platform_images.keep.packages import Edge, LockGraph, Package
from platform_images.keep.target import Target
from platform_images.locks.lines import Request

HERE = Target(python="3.13.5")


def line(text: str, number: int, *, constraint: bool = False) -> Request:
    asked = Requirement(text)
    return Request(
        file="requirements.in",
        line=number,
        text=text,
        name=asked.name,
        specifier=str(asked.specifier),
        extras=tuple(sorted(asked.extras)),
        constraint=constraint,
    )


def graph(*requests: str, edges: tuple[tuple[str, str], ...], **versions: str) -> LockGraph:
    return LockGraph(
        label="survey/sky",
        python="3.13.5",
        packages={name: Package(name=name, version=version) for name, version in sorted(versions.items())},
        edges=tuple(sorted(Edge(parent=parent, child=child) for parent, child in edges)),
        requests=tuple(line(text, number) for number, text in enumerate(requests, start=1)),
    )


def known(**texts: list[str]) -> dict[str, tuple[Requirement, ...]]:
    return {name: tuple(map(Requirement, each)) for name, each in texts.items()}


def bounds(found: LockGraph) -> dict[tuple[str, str], str | None]:
    return {(edge.parent, edge.child): edge.bound for edge in found.edges}


def test_markers_are_those_of_the_image() -> None:
    here = graph("a", edges=(("a", "b"),), a="1", b="1")
    asked = ['b>=1; python_version >= "3.13"', 'b<9; sys_platform == "linux"', 'b<2; platform_machine == "arm64"']
    assert bounds(with_bounds(here, known(a=asked), HERE)) == {("a", "b"): ">=1,<9"}


def test_extras_count_that_somebody_asks_for() -> None:
    here = graph("a[x]", edges=(("a", "b"), ("a", "c"), ("b", "c")), a="1", b="1", c="1")
    asked = known(
        a=['a[y]; extra == "x"', 'b[deep]; extra == "y"', "c>=1", 'c<2; extra == "no"'],
        b=['c<5; extra == "deep"', 'c<3; extra == "shallow"'],
        c=[],
    )
    assert bounds(with_bounds(here, asked, HERE)) == {("a", "b"): "", ("a", "c"): ">=1", ("b", "c"): "<5"}


def test_what_nobody_tells_stays_unknown() -> None:
    here = graph("a", edges=(("a", "b"),), a="1", b="1")
    assert bounds(with_bounds(here, {}, HERE)) == {("a", "b"): None}


def test_every_line_and_requirement_that_excludes_a_version_holds_it() -> None:
    here = graph("a", "c<2,>=1", "c", edges=(("a", "c"), ("b", "c"), ("d", "c")), a="1", b="3", c="1.5", d="1")
    here = with_bounds(here, known(a=["c<2.5"], b=["c==1.*"]), HERE)
    assert [str(each) for each in holders(here, "c", "2.1")] == ["requirements.in:2: c<2,>=1", "b 3: c==1.*"]
    assert holders(here, "c", "1.6") == ()


def test_what_a_release_requires_may_be_excluded_by_others() -> None:
    here = graph("a", "b", edges=(("a", "c"), ("b", "c")), a="1", b="1", c="1.0")
    here = with_bounds(here, known(a=["c<1.5"], b=["c<1.8"]), HERE)
    lacking = unmet(here, "a", map(Requirement, ["c>=1.6", "b>=1", 'c>=9; extra == "x"', "unheard-of>=1"]), HERE)
    assert [str(each) for each in lacking] == ["c>=1.6"]
    assert indirect(here, "a", lacking, {"c": ("1.0", "1.7", "2.0")}) == ()
    (found,) = indirect(here, "a", lacking, {"c": ("1.0", "2.0")})
    assert str(found) == "b 1: c<1.8, and the release requires c>=1.6"


def conda_part(here: LockGraph, **provided: str) -> LockGraph:
    """The same, these packages being of the conda part under other names than the distributions have."""
    packages = {
        name: replace(each, conda=name in provided.values() or name == "python") for name, each in here.packages.items()
    }
    return replace(here, packages=packages, provided=provided)


def test_a_pip_package_may_require_what_the_conda_part_provides() -> None:
    here = conda_part(graph("a", edges=(), a="1", charts_base="3.1", charts="1"), plots="charts_base", other="charts")
    found = with_bounds(here, known(a=["plots[deep]>=3", "charts>=1", "Other<2"]), HERE)
    assert bounds(found) == {("a", "charts_base"): ">=3", ("a", "charts"): "<2"}


def test_what_the_conda_part_provides_holds_a_release_back() -> None:
    here = conda_part(graph("a", "charts>=1", edges=(), a="1", charts_base="3.1"), plots="charts_base")
    here = with_bounds(here, known(a=["plots>=3"]), HERE)
    lacking = unmet(here, "a", map(Requirement, ["plots>=4", "charts>=9"]), HERE)
    assert [str(each) for each in lacking] == ["plots>=4"]
    (found,) = indirect(here, "a", lacking, {})
    assert str(found) == "charts_base 3.1 of the conda part: the release requires plots>=4"


def test_pip_packages_require_a_python() -> None:
    here = conda_part(graph("a", edges=(("a", "b"),), a="1", b="1", python="3.13.5"))
    assert bounds(with_pythons(here, {"a": ">=3.9", "b": None})) == {
        ("a", "b"): None,
        ("a", "python"): ">=3.9",
        ("b", "python"): None,
    }


def test_metadata_are_read_as_far_as_they_can_be() -> None:
    text = b"Metadata-Version: 2.1\nName: a\nVersion: 1\nRequires-Dist: b (>=1)\nRequires-Dist: ?\nRequires-Dist: c\n\n"
    assert [str(each) for each in requires(text)] == ["b>=1", "c"]
    assert requires(b"") == ()
