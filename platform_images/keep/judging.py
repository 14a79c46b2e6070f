"""The newest release of packages and what holds them back: what `invoke why` and `invoke outdated` ask the index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from platform_images.keep import releases
from platform_images.keep.bounds import PYTHON, Holder, holders, indirect, unmet, with_bounds, with_pythons
from platform_images.keep.index import Index
from platform_images.keep.lockgraph import target_of
from platform_images.keep.packages import LockGraph
from platform_images.keep.releases import File, Newest
from platform_images.keep.target import Target
from platform_images.model import Environment, Platform

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_WITNESSES = 8
NO_WHEEL = Holder(by="the release itself", bound="it has no wheel for this platform")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the index says of one locked package.

    Attributes:
        version: What is locked.
        newest: The newest release, where there is one for the environment's Python. Where a pre-release is locked,
            pre-releases count.
        final: The newest final release, where there is one for the environment's Python.
        held: What keeps it out, as far as it is known.
    """

    version: str
    newest: Newest | None
    final: Newest | None = None
    held: tuple[Holder, ...] = ()

    @property
    def behind(self) -> bool:
        """Whether there is something newer than what is locked."""
        return self.newest is not None and releases.newer(self.newest.version, self.version)

    @property
    def ahead(self) -> bool:
        """Whether what is locked is newer than every final release, and there is nothing newer."""
        if self.newest is None or self.behind:
            return False
        return self.final is None or releases.newer(self.version, self.final.version)

    def ahead_text(self, python: str) -> str:
        """Return what is said where that is so."""
        final = f"the newest of those is {self.final.version}" if self.final else f"there is none for Python {python}"
        return f"{self.version} is newer than every final release; {final}"


@dataclass(kw_only=True)
class Judge:
    """Judges packages of one environment, and asks for no more than that needs.

    Attributes:
        lock: What the lock says.
        target: Where it runs.
        sdists: Packages that are built from source.
        index: The site's.
        pages: What the index has of each project that was asked for; judges may share them.
        known: What locked releases require.
        graph: The lock with all bounds that are known by now.
    """

    lock: LockGraph
    target: Target
    sdists: frozenset[str]
    index: Index
    pages: dict[str, tuple[File, ...]] = field(default_factory=dict)
    known: dict[str, tuple[Requirement, ...]] = field(default_factory=dict)
    tried: set[str] = field(default_factory=set)
    graph: LockGraph = field(init=False)

    def __post_init__(self) -> None:
        self.graph = self.lock

    @classmethod
    def of(
        cls,
        platform: Platform,
        environment: Environment,
        lock: LockGraph,
        index: Index,
        pages: dict[str, tuple[File, ...]],
    ) -> Judge:
        """Return the judge of an environment."""
        sdists = frozenset(environment.settings.sdist)
        return cls(lock=lock, target=target_of(platform, lock), sdists=sdists, index=index, pages=pages)

    def judge(self, names: Iterable[str]) -> dict[str, Judgement]:
        """Return what the index says of each of these packages of the pip part.

        Raises:
            MismatchError: Metadata have not the hash that the index gives.
            ToolError: The index did not answer.
        """
        wanted = [name for name in names if not self.lock.packages[name].conda]
        self._ask_pages(wanted)
        found = {name: self._newest(name) for name in wanted}
        behind = {name: each.newest for name, each in found.items() if each.newest and each.behind}
        new = self.index.requirements(
            {name: releases.file_of(self.pages[name], each.version, self.target) for name, each in behind.items()}
        )
        lacking = {name: unmet(self.lock, name, new.get(name, ()), self.target) for name in behind}
        self.learn({*behind, *(child for asked in lacking.values() for child in self._children(asked))})
        return {**found, **{name: self._held(found[name], name, lacking[name]) for name in behind}}

    def learn(self, names: Iterable[str]) -> None:
        """Ask for the bounds of all that requires some packages, directly or not, and for those packages' pages."""
        names = set(names)
        above = self.lock.reached(frozenset(names), reverse=True)
        pip = {name: self.lock.packages[name] for name in above if not self.lock.packages[name].conda}
        self._ask_pages(pip)
        new = {name: each for name, each in pip.items() if name not in self.tried}
        self.tried |= set(new)
        files = {name: releases.locked_file(self.pages[name], each.hashes, self.target) for name, each in new.items()}
        self.known.update(self.index.requirements(files))
        self.graph = with_bounds(self.lock, self.known, self.target)

    def learn_conda(self, name: str) -> None:
        """Ask which pip packages require a package of the conda part, which the lock does not say.

        Raises:
            MismatchError: Metadata have not the hash that the index gives.
            ToolError: The index did not answer.
        """
        pip = [package for package in self.lock.packages.values() if not package.conda]
        self.learn(package.name for package in pip)
        if name == PYTHON:
            files = {each.name: releases.locked_file(self.pages[each.name], each.hashes, self.target) for each in pip}
            pythons = {each: None if file is None else file.requires_python for each, file in files.items()}
            self.graph = with_pythons(self.graph, pythons)

    def _ask_pages(self, names: Iterable[str]) -> None:
        """Ask for the pages that have not been asked for yet.

        A package may be gone from the index. Where all are, some others of the lock are asked for: an index that has
        none of those either is not the one that they are from.

        Raises:
            ToolError: The index did not answer, or has nothing of what is locked.
        """
        self.pages.update(self.index.pages(set(names) - set(self.pages)))
        if not self.pages or any(self.pages.values()):
            return
        others = sorted(
            each.name for each in self.lock.packages.values() if not each.conda and each.name not in self.pages
        )
        self.pages.update(self.index.pages(others[:_WITNESSES]))
        if not any(self.pages.values()):
            raise self.index.nothing_known(self.pages)

    def _newest(self, name: str) -> Judgement:
        """Return the newest release of a package."""
        version, sdist = self.lock.packages[name].version, name in self.sdists
        final = found = releases.newest(self.pages[name], self.target, sdist=sdist)
        if releases.is_early(version):
            found = releases.newest(self.pages[name], self.target, sdist=sdist, early=True)
        return Judgement(version=version, newest=found, final=final)

    def _held(self, found: Judgement, name: str, lacking: tuple[Requirement, ...]) -> Judgement:
        """Return a judgement with what keeps the newest release out."""
        if found.newest is None:
            return found
        releases_of: Mapping[str, tuple[str, ...]] = {
            each: releases.versions(self.pages.get(each, ()), early=releases.is_early(self.lock.packages[each].version))
            for each in self._children(lacking)
        }
        held = (
            *holders(self.graph, name, found.newest.version),
            *indirect(self.graph, name, lacking, releases_of),
            *(() if found.newest.fits else (NO_WHEEL,)),
        )
        return replace(found, held=tuple(dict.fromkeys(held)))

    def _children(self, asked: Iterable[Requirement]) -> set[str]:
        """Return the locked packages that requirements are for."""
        from packaging.utils import canonicalize_name

        found = {self.lock.provider(canonicalize_name(each.name)) for each in asked}
        return {name for name in found if name is not None}
