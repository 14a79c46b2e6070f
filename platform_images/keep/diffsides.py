"""The two sides of a comparison, each a folder: the project as it lies here, and locks and requests of a revision."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from platform_images import temporary
from platform_images.errors import LockError
from platform_images.keep.revisions import commit_of, git
from platform_images.locks.store import LockStore
from platform_images.locks.values import BASE, COMMON, NOTEBOOKS, NPM, OS, PROJECT_SCOPE, ROOT, Lock, Unit

_ORDER = (ROOT, OS, BASE, NPM, NOTEBOOKS)
_REQUESTS = frozenset({".in", ".txt", ".yml", ".toml"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side.

    Attributes:
        name: What it is called in a sentence.
        folder: The top of a project: locks below ``locks/``, requests in their places.
        commit: The commit that it is; None for the files that lie here.
    """

    name: str
    folder: Path
    commit: str | None = None

    @property
    def _store(self) -> LockStore:
        return LockStore(self.folder / "locks")

    def scopes(self) -> tuple[str, ...]:
        """Return the missions that have locks, sorted; neither what is common nor the project's own programs."""
        names = {unit.scope for unit in self._store.units()}
        return tuple(sorted(names - {COMMON, PROJECT_SCOPE}))

    def units(self, scope: str) -> tuple[Unit, ...]:
        """Return the units of a mission, or the common ones, that have a lock, in build order."""
        found = [unit for unit in self._store.units() if unit.scope == scope]
        return tuple(sorted(found, key=lambda unit: build_order(unit.part)))

    def lock(self, unit: Unit) -> Lock | None:
        """Return a unit's lock, or nothing where there is none.

        Raises:
            LockError: It is damaged.
        """
        try:
            return self._store.read(unit)
        except LockError as error:
            if self.commit is None:
                raise
            raise self.unreadable(error) from error

    def unreadable(self, error: LockError) -> LockError:
        """Return the error for a lock that cannot be read; of one that was committed, another revision is the cure."""
        if self.commit is None:
            return error
        fix = "compare with another revision: --since REF; git log -- locks shows which there are"
        return LockError(f"At {self.name}: {error.what}", why=error.why, fix=fix)

    def text(self, path: str) -> str | None:
        """Return a file of requests, or nothing where there is none."""
        try:
            return (self.folder / path).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            return None


def build_order(part: str) -> tuple[int, str]:
    """Return what orders the parts of a mission: kernels last."""
    return (_ORDER.index(part) if part in _ORDER else len(_ORDER)), part


@contextmanager
def revision(project: Path, ref: str, scopes: Sequence[str] | None) -> Iterator[Side]:
    """Give the locks of a revision, and the requests that they were solved from.

    Args:
        project: The project's folder.
        ref: Anything that git knows as a commit.
        scopes: Only these missions, besides what is common; all without it.

    Raises:
        UsageError: There is no such revision, or the project is not in a git repository.
        PrerequisiteError: There is no git.
        ToolError: git failed.
    """
    commit = commit_of(project, ref)
    listed = git(project, "ls-tree", "-r", "-z", "--name-only", commit, "--", *_places(scopes))
    paths = wanted(listed.split("\0"))
    with temporary.folder(temporary.Role.LOCKS) as folder:
        if paths:
            archive = folder / "revision.tar"
            git(project, "--literal-pathspecs", "archive", f"--output={archive}", commit, "--", *paths)
            with tarfile.open(archive) as tar:
                tar.extractall(folder, filter="data")
        yield Side(name=ref, folder=folder, commit=commit)


def wanted(paths: Iterable[str]) -> tuple[str, ...]:
    """Return, of the files of a revision, the locks and the requests: a notebook of megabytes is neither."""
    return tuple(path for path in paths if path and (path.startswith("locks/") or _is_request(PurePosixPath(path))))


def _is_request(path: PurePosixPath) -> bool:
    return path.suffix in _REQUESTS and not {"tests", "home", "channel", "runtime"} & {*path.parts[:-1]}


def _places(scopes: Sequence[str] | None) -> list[str]:
    """Return the folders in which locks and requests are."""
    if scopes is None:
        return ["locks", COMMON, "deployments"]
    return [f"locks/{COMMON}", COMMON, *(f"{top}/{scope}" for scope in scopes for top in ("locks", "deployments"))]
