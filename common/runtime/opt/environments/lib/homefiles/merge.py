"""The three-way update: what was put there last, what is new, and what the user has made of it.

- What is new and not there is put there, what the user has not changed is updated.
- What the user has changed stays; a new version of it is laid beside, once.
- What the user has deleted stays away, and with a folder all that would come into it.
"""

import errno
import os
from collections.abc import Callable, Mapping

from homefiles.record import Record
from homefiles.trees import BEYOND, FOLDER, LINK, Item, Tree, parents, seen

FULL = (errno.ENOSPC, errno.EDQUOT)
_HOPELESS = (*FULL, errno.EROFS)


class Outcome:
    """What a merge did.

    Attributes:
        put: Paths that were put or updated.
        removed: Paths that are gone.
        beside: Paths of new versions that lie beside a user's own.
        failed: Path to error.
        stopped: The error that makes everything else hopeless, such as a full disk.
    """

    def __init__(self) -> None:
        self.put: list[str] = []
        self.removed: list[str] = []
        self.beside: list[str] = []
        self.failed: dict[str, OSError] = {}
        self.stopped: OSError | None = None

    @property
    def complete(self) -> bool:
        """Whether everything is as it should be."""
        return not self.failed and self.stopped is None


def merge(
    source: "Mapping[str, Item]",
    tree: Tree,
    record: Record,
    *,
    name_beside: "Callable[[str], str] | None",
    remove_gone: bool,
    keep_strangers: bool,
) -> Outcome:
    """Update a tree from a source, and its record with it. The record is not saved.

    Args:
        source: What is new, parents first.
        tree: Where it goes.
        record: What was put there.
        name_beside: The name under which a new version is laid beside a changed file; none is without it.
        remove_gone: Take away what the source has no more, where the user has not changed it.
        keep_strangers: Lay nothing beside a file that no record knows.
    """
    outcome = Outcome()
    merger = _Merger(tree, record, outcome, name_beside, keep_strangers=keep_strangers)
    for path, item in source.items():
        if not _attempted(outcome, path, lambda path=path, item=item: merger.update(path, item)):
            return outcome
    if remove_gone:
        for path in sorted(set(record.entries) - set(source), reverse=True):
            if not _attempted(outcome, path, lambda path=path: merger.retire(path)):
                return outcome
    return outcome


def _attempted(outcome: Outcome, path: str, action: "Callable[[], None]") -> bool:
    """Do one thing; False where nothing further can succeed."""
    try:
        action()
    except OSError as error:
        outcome.failed[path] = error
        if error.errno in _HOPELESS:
            outcome.stopped = error
            return False
    return True


class _Merger:
    """One merge."""

    def __init__(
        self,
        tree: Tree,
        record: Record,
        outcome: Outcome,
        name_beside: "Callable[[str], str] | None",
        *,
        keep_strangers: bool,
    ) -> None:
        self.tree, self.record, self.outcome = tree, record, outcome
        self.name_beside, self.keep_strangers = name_beside, keep_strangers

    def update(self, path: str, item: Item) -> None:
        """Bring one path up to date."""
        entry = self.record.entries.get(path)
        present = self.tree.look(path, known=known(entry))
        if present == BEYOND:
            return
        if present is None:
            if entry is None and not self._folder_deleted(path) and self.tree.put(path, item):
                self.outcome.put.append(path)
                self._note(path, item.identity, here=True)
            else:
                self._note(path, item.identity)
        elif present == item.identity:
            self._note(path, item.identity, here=True)
        elif entry is not None and present == entry["default"] and FOLDER not in (present, item.identity):
            self.tree.replace(path, item)
            self.outcome.put.append(path)
            self._note(path, item.identity, here=True)
        else:
            self._offer(path, item, entry)
            self._note(path, item.identity)

    def retire(self, path: str) -> None:
        """Take away what the source has no more and the user has not changed."""
        entry = self.record.entries[path]
        present = self.tree.look(path, known=known(entry))
        if present is not None and present == entry["default"]:
            self.tree.remove(path)
            if self.tree.look(path) is None:
                self.outcome.removed.append(path)
                del self.record.entries[path]

    def _folder_deleted(self, path: str) -> bool:
        """Whether the user has deleted a folder above a path that we had put there."""
        return any(above in self.record.entries and self.tree.look(above) is None for above in parents(path))

    def _offer(self, path: str, item: Item, entry: "Mapping[str, object] | None") -> None:
        """Lay a new version beside what the user has made, unless that very version was offered before."""
        if self.name_beside is None or item.identity == FOLDER or item.identity.startswith(LINK):
            return
        if (entry is None and self.keep_strangers) or item.identity in _offered(entry):
            return
        name = self._lay(self.name_beside(path), item, entry)
        self.outcome.beside.append(name)
        self.record.entries.setdefault(path, {"default": item.identity})["beside"] = [name, item.identity]

    def _lay(self, wanted: str, item: Item, entry: "Mapping[str, object] | None") -> str:
        """Put a new version under a name; only one that we laid there, unchanged, is written over."""
        laid = list(entry.get("beside", ())) if entry else []  # type: ignore[call-overload]
        stem, dot, extension = os.path.basename(wanted).rpartition(".")
        for number in range(1, 1000):
            name = wanted
            if number > 1:
                last = f"{stem}-{number}{dot}{extension}" if stem else f"{wanted}-{number}"
                name = os.path.join(os.path.dirname(wanted), last)
            present = self.tree.look(name)
            if present == item.identity or (present is None and self.tree.put(name, item)):
                return name
            if present is not None and [name, present] == laid:
                self.tree.replace(name, item)
                return name
        raise OSError(errno.EEXIST, "there are too many files of this name", wanted)

    def _note(self, path: str, identity: str, *, here: bool = False) -> None:
        """Record what was offered for a path, and whether it is what lies there."""
        entry = self.record.entries.setdefault(path, {"default": identity})
        offered = _offered(entry)
        entry["default"] = identity
        entry["offered"] = [*offered, identity] if identity not in offered else offered
        entry.pop("seen", None)
        if here and identity != FOLDER and not identity.startswith(LINK):
            entry["seen"] = seen(self.tree.place(path))


def known(entry: "Mapping[str, object] | None") -> "tuple[str, list[int] | None]":
    """Return what a record says of a file: its identity, and how it looked then."""
    return (str(entry["default"]), entry.get("seen")) if entry else ("", None)  # type: ignore[return-value]


def _offered(entry: "Mapping[str, object] | None") -> "list[str]":
    """Return every version that was ever offered for a path."""
    return list(entry.get("offered", ())) if entry else []  # type: ignore[call-overload]
