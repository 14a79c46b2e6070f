"""Which versions packages allow each other, by the metadata of the locked releases. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from platform_images.keep.packages import Edge, LockGraph
from platform_images.keep.target import Target

if TYPE_CHECKING:
    from packaging.requirements import Requirement

PYTHON = "python"  # conda's package
Requirements = Mapping[str, "tuple[Requirement, ...]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """What excludes a newer version.

    Attributes:
        by: A line as ``file:line``, or a package and its version.
        bound: What it says.
    """

    by: str
    bound: str

    def __str__(self) -> str:
        return f"{self.by}: {self.bound}"


def requires(metadata: bytes) -> tuple[Requirement, ...]:
    """Return the requirements of a release's metadata; those that cannot be read are left out."""
    from packaging.metadata import parse_email
    from packaging.requirements import InvalidRequirement, Requirement

    found = []
    for text in parse_email(metadata)[0].get("requires_dist", ()):
        try:
            found.append(Requirement(text))
        except InvalidRequirement:
            continue
    return tuple(found)


def with_bounds(graph: LockGraph, known: Requirements, target: Target) -> LockGraph:
    """Return a graph whose edges have bounds, and with those edges of which the lock does not tell.

    Those are from pip packages to the conda part, which no pip solver writes into its remarks.

    Args:
        graph: What the lock says.
        known: Name of a package to what its locked release requires.
        target: Where it runs.
    """
    active = _active(graph, known, target)
    edges = {edge: edge for edge in graph.edges}
    for parent, asked in active.items():
        specifiers: dict[str, list[str]] = {}
        for child, each in asked:
            specifiers.setdefault(child, []).append(str(each.specifier))
        for child, texts in specifiers.items():
            edge = Edge(parent=parent, child=child, bound=",".join(dict.fromkeys(filter(None, texts))))
            if edge in edges or graph.packages[child].conda:
                edges[edge] = edge
    return replace(graph, edges=tuple(edges[edge] for edge in sorted(edges)))


def with_pythons(graph: LockGraph, known: Mapping[str, str | None]) -> LockGraph:
    """Return a graph in which pip packages require the environment's Python.

    Args:
        graph: With all else.
        known: Name of a package to the Pythons that its locked release runs on; None where nobody knows.
    """
    edges = [Edge(parent=name, child=PYTHON, bound=bound) for name, bound in known.items()]
    return replace(graph, edges=tuple(sorted({*graph.edges, *edges})))


def _active(graph: LockGraph, known: Requirements, target: Target) -> dict[str, list[tuple[str, Requirement]]]:
    """Return which requirements of each package apply, with the package that each is for.

    Extras that somebody asks for are included.
    """
    extras: dict[str, set[str]] = {name: set() for name in graph.packages}
    for request in graph.requests:
        extras.setdefault(request.name, set()).update(request.extras)
    todo, active = sorted(known), {}
    while todo:
        parent = todo.pop()
        asked = [
            (child, each)
            for each in known.get(parent, ())
            if (child := _provider(graph, each)) and target.holds(each, extras[parent])
        ]
        active[parent] = [(child, each) for child, each in asked if child != parent]
        for child, each in asked:
            if not each.extras <= extras[child]:
                extras[child] |= each.extras
                todo.append(child)
    return active


def holders(graph: LockGraph, name: str, version: str) -> tuple[Holder, ...]:
    """Return every line and every requirement that excludes a version of a package."""
    return tuple(holder for holder, bound in _bounds_on(graph, name, but=name) if not allows(bound, version))


def unmet(graph: LockGraph, name: str, asked: Iterable[Requirement], target: Target) -> tuple[Requirement, ...]:
    """Return what another release of a package would require, and the locked versions do not give."""
    extras = {extra for request in graph.asking(name) for extra in request.extras}
    return tuple(
        each
        for each in asked
        if target.holds(each, extras)
        and (child := _provider(graph, each))
        and not allows(str(each.specifier), graph.packages[child].version)
    )


def indirect(
    graph: LockGraph, name: str, asked: Iterable[Requirement], versions: Mapping[str, Iterable[str]]
) -> tuple[Holder, ...]:
    """Return what keeps a release out by way of what it requires: bounds that no version can satisfy together.

    Args:
        graph: With bounds.
        name: The package.
        asked: What the release requires and the locked versions do not give.
        versions: The releases that there are of each pip package that is required.
    """
    found = []
    for need in asked:
        child = _provider(graph, need) or ""
        if child in graph.packages and graph.packages[child].conda:  # given to the pip part as it is
            by = f"{child} {graph.packages[child].version} of the conda part"
            found.append(Holder(by=by, bound=f"the release requires {need.name}{need.specifier}"))
            continue
        fitting = [each for each in versions.get(child, ()) if allows(str(need.specifier), each)]
        for holder, bound in _bounds_on(graph, child, but=name):
            if not any(allows(bound, each) for each in fitting):
                found.append(
                    Holder(by=holder.by, bound=f"{holder.bound}, and the release requires {child}{need.specifier}")
                )
    return tuple(found)


def _bounds_on(graph: LockGraph, name: str, *, but: str) -> Iterable[tuple[Holder, str]]:
    """Yield every bound on a package, but those of one other."""
    for request in graph.asking(name):
        yield Holder(by=request.where, bound=request.text), request.specifier
    for edge in graph.edges:
        if edge.child == name and edge.parent != but and edge.bound is not None:
            yield (
                Holder(by=f"{edge.parent} {graph.packages[edge.parent].version}", bound=f"{name}{edge.bound}"),
                edge.bound,
            )


def allows(specifier: str, version: str) -> bool:
    """Whether bounds allow a version; what is no set of bounds as pip writes them allows all."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(specifier).contains(version, prereleases=True)
    except InvalidSpecifier:
        return True


def _provider(graph: LockGraph, requirement: Requirement) -> str | None:
    """Return the package of the lock that a requirement is for; nothing where there is none."""
    from packaging.utils import canonicalize_name

    return graph.provider(canonicalize_name(requirement.name))
