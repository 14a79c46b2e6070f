"""One folder of notebooks from a git repository: at the commit that the mission locks, or where its ref is now."""

import os
from urllib.parse import quote

from homefiles.merge import Outcome, merge
from homefiles.mirror import give_back, intact, mirror
from homefiles.record import Record, load, state_place
from homefiles.repository import GitError, Repository
from homefiles.trees import Tree, items, parents

SYNC, REFERENCE = "sync", "reference"
SHORT = 7


class Request:
    """One ``[[notebooks]]`` of the mission, as the image holds it."""

    def __init__(self, values: "dict[str, object]") -> None:
        """Take the values.

        Raises:
            KeyError: One is missing.
        """
        self.url, self.ref, self.commit = str(values["url"]), str(values["ref"]), str(values["commit"])
        self.folder, self.subfolder = str(values["folder"]), str(values.get("subfolder") or "")
        self.mode, self.follow = str(values.get("mode") or SYNC), bool(values.get("follow"))

    def source(self, commit: str) -> "dict[str, object]":
        """Return what the record says of where the files are from."""
        return {"url": self.url, "commit": commit, "subfolder": self.subfolder, "mode": self.mode}


class NotebooksError(Exception):
    """A folder of notebooks is not as it should be; says why in one line."""


def update(home: str, request: Request) -> "list[str]":
    """Bring one folder up to date and return lines that say what was done.

    Raises:
        NotebooksError: It could not be done, or not all of it; nothing of the user's is lost.
    """
    tree = Tree(os.path.join(home, request.folder))
    for path in (*parents(request.folder), request.folder):
        place = os.path.join(home, path)
        if os.path.islink(place) or (os.path.lexists(place) and not os.path.isdir(place)):
            raise NotebooksError(f"{place} is a link or a file, so that no notebooks are put there")
    record = load(state_place(home, f"notebooks/{quote(request.folder, safe='')}.json"))
    if not os.path.isdir(tree.top):
        record.entries, record.source = {}, {}  # whoever deletes the whole folder gets a fresh one
    repository = Repository(home, request.url)
    try:
        commit, remark = _commit(request, record, repository)
        if record.source == request.source(commit) and (request.mode == SYNC or intact(tree, record)):
            return [f"{request.folder} is at {commit[:SHORT]}{remark}"]
        repository.prepare()
        repository.ensure(commit, request.ref)
        return [f"{request.folder} is at {commit[:SHORT]}{remark}", *_changed(home, request, commit, tree, record)]
    except GitError as error:
        state = "stays as it is" if os.path.isdir(tree.top) else "is not there yet"
        raise NotebooksError(f"{request.folder} {state}: {error}") from error
    except OSError as error:
        raise NotebooksError(f"{request.folder} is not complete: {error}") from error


def _commit(request: Request, record: Record, repository: Repository) -> "tuple[str, str]":
    """Return the commit that is wanted, and a remark where that is not what was asked for."""
    if not request.follow:
        return request.commit, ""
    try:
        repository.prepare()
        return repository.newest(request.ref), ""
    except GitError as error:
        present = str(record.source.get("commit") or "")
        if record.source.get("url") == request.url and present:
            return present, f", its newest is not known: {error}"
        return request.commit, f", its newest is not known: {error}"


def _changed(home: str, request: Request, commit: str, tree: Tree, record: Record) -> "list[str]":
    """Lay a commit's files into the folder, save the record, and return what to tell of it."""
    with Repository(home, request.url).laid_out(commit, request.subfolder) as (folder, left_out):
        lines = [f"left out, for it is no file of the repository: {path}" for path in left_out]
        if request.mode == REFERENCE:
            aside = f"{tree.top}-edits"
            outcome, moved = mirror(items(folder), tree, record, aside=aside)
            lines += [f"what you had put or changed there is now {name}" for name in moved]
        else:
            if record.source.get("mode") == REFERENCE:
                give_back(tree.top)
            outcome = merge(
                items(folder),
                tree,
                record,
                name_beside=lambda path: named(path, commit),
                remove_gone=True,
                keep_strangers=False,
            )
            lines += [f"new beside your own: {path}" for path in outcome.beside]
    record.source = request.source(commit if outcome.complete else "")
    record.save()
    _complain(request, outcome)
    return [*lines, f"{len(outcome.put)} put or updated, {len(outcome.removed)} removed"]


def named(path: str, commit: str) -> str:
    """Return the name of a new version beside a changed file: ``name.<short commit>.ipynb``."""
    stem, extension = os.path.splitext(path)
    return f"{stem}.{commit[:SHORT]}{extension}"


def _complain(request: Request, outcome: Outcome) -> None:
    """Say what could not be put.

    Raises:
        NotebooksError: There is something.
    """
    for path, error in outcome.failed.items():
        more = f" (and {len(outcome.failed) - 1} more)" if len(outcome.failed) > 1 else ""
        raise NotebooksError(f"{request.folder} is not complete: {path}: {error.strerror}{more}")
