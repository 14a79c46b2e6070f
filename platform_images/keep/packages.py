"""What an environment's lock says about who requires whom: packages, edges, and the lines that ask. A model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from platform_images.locks.lines import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One locked package.

    Attributes:
        name: In normal form.
        conda: Whether it is of the conda part.
        hashes: SHA-256 of each file that the release may be installed from.
    """

    name: str
    version: str
    conda: bool = False
    hashes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Edge:
    """One package requires another.

    Attributes:
        parent: Who requires.
        child: What is required.
        bound: The versions that it allows, empty for all; None where nobody knows.
    """

    parent: str
    child: str
    bound: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockGraph:
    """One environment's lock.

    Attributes:
        label: ``<scope>/<name>``.
        python: Full version of its Python.
        packages: By name, sorted.
        edges: Sorted.
        requests: In the order of the files.
        provided: Each Python distribution of the conda part, to the name of the package that provides it.
    """

    label: str
    python: str
    packages: Mapping[str, Package]
    edges: tuple[Edge, ...]
    requests: tuple[Request, ...]
    provided: Mapping[str, str] = field(default_factory=dict)

    def provider(self, distribution: str) -> str | None:
        """Return the package that is a distribution or provides it; nothing where none does."""
        package = self.packages.get(distribution)
        if package is not None and not package.conda:
            return distribution
        return name if (name := self.provided.get(distribution)) in self.packages else None

    def open_to_pip(self, name: str) -> bool:
        """Whether a pip package can require a package of the conda part: the Python, or what is a distribution."""
        return self.packages[name].conda and (name == "python" or name in self.provided.values())

    def asking(self, name: str) -> tuple[Request, ...]:
        """Return the lines that name a package."""
        return tuple(each for each in self.requests if each.name == name)

    @property
    def direct(self) -> frozenset[str]:
        """The packages that a line asks for."""
        return frozenset(each.name for each in self.requests if not each.constraint)

    def reached(self, names: frozenset[str], *, reverse: bool) -> frozenset[str]:
        """Return these packages and all that they require, or all that requires them."""
        step: dict[str, list[str]] = {}
        for edge in self.edges:
            one, other = (edge.child, edge.parent) if reverse else (edge.parent, edge.child)
            step.setdefault(one, []).append(other)
        found, todo = set(names), list(names)
        while todo:
            for each in step.get(todo.pop(), ()):
                if each not in found:
                    found.add(each)
                    todo.append(each)
        return frozenset(found)

    def only(self, names: frozenset[str]) -> LockGraph:
        """Return the part with these packages."""
        return LockGraph(
            label=self.label,
            python=self.python,
            packages={name: package for name, package in self.packages.items() if name in names},
            edges=tuple(edge for edge in self.edges if edge.parent in names and edge.child in names),
            requests=tuple(each for each in self.requests if each.name in names),
            provided={distribution: name for distribution, name in self.provided.items() if name in names},
        )
