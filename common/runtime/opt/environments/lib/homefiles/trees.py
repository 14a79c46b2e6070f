"""Trees of files: what is to be put somewhere, and a folder below a home in which it is put.

What lies at a path is told by its *identity*: the SHA-256 of a file's content, ``link:TARGET``, or ``folder``. Nothing
is ever written or read through a link below the top of a tree.
"""

import errno
import hashlib
import os
import shutil
import stat
from contextlib import suppress

FOLDER, LINK, OTHER, BEYOND = "folder", "link:", "other", "beyond"
"""Identities that are no hash. ``BEYOND``: a folder above is a link or no folder, so that nothing is looked at."""
_CHUNK = 1 << 20
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL)
_TEMPORARY = ".platform-images-"


class Item:
    """What is to lie at a path: its identity, permissions, and for a file where its content is."""

    __slots__ = ("identity", "mode", "place")

    def __init__(self, identity: str, *, mode: int = 0o644, place: str = "") -> None:
        self.identity, self.mode, self.place = identity, mode, place


def items(top: str) -> "dict[str, Item]":
    """Return everything below a folder by its path there, parents first.

    Raises:
        OSError: Something cannot be read.
    """
    found: dict[str, Item] = {}
    pending = [""]
    while pending:
        below = pending.pop()
        for entry in os.scandir(os.path.join(top, below)):
            path = f"{below}/{entry.name}" if below else entry.name
            found[path] = Item(identity(entry.path), mode=stat.S_IMODE(os.lstat(entry.path).st_mode), place=entry.path)
            if found[path].identity == FOLDER:
                pending.append(path)
    return dict(sorted(found.items()))


def identity(place: str) -> str:
    """Return the identity of what lies at a place.

    Raises:
        OSError: There is nothing, or it cannot be read.
    """
    mode = os.lstat(place).st_mode
    if stat.S_ISLNK(mode):
        return LINK + os.readlink(place)
    if stat.S_ISDIR(mode):
        return FOLDER
    if not stat.S_ISREG(mode):
        return OTHER
    digest = hashlib.sha256()
    with open(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def seen(place: str) -> "list[int]":
    """Return what tells that a file was not touched since: size, times of its content and of its attributes."""
    found = os.lstat(place)
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns]


class Tree:
    """A folder below a home that is filled and updated."""

    def __init__(self, top: str) -> None:
        self.top = top

    def place(self, path: str) -> str:
        """Return where a path is."""
        return os.path.join(self.top, path)

    def look(self, path: str, *, known: "tuple[str, list[int] | None]" = ("", None)) -> "str | None":
        """Return the identity of what lies at a path; None where there is nothing.

        Args:
            path: The path.
            known: An identity, and what ``seen`` said of it: a file that was not touched since has it still.

        Raises:
            OSError: It cannot be read.
        """
        for parent in parents(path):
            try:
                if not stat.S_ISDIR(os.lstat(self.place(parent)).st_mode):
                    return BEYOND
            except FileNotFoundError:
                return None
        try:
            place = self.place(path)
            if known[1] and known[1] == seen(place):
                return known[0]
            return identity(place)
        except FileNotFoundError:
            return None

    def put(self, path: str, item: Item) -> bool:
        """Put something where there is nothing; False where somebody else was faster.

        Raises:
            OSError: It cannot be written; nothing half-written is left.
        """
        place = self.place(path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if item.identity == FOLDER:
            return _made(lambda: _make_folder(place, item.mode))
        if item.identity.startswith(LINK):
            return _made(lambda: os.symlink(item.identity[len(LINK) :], place))
        temporary = _written(place, item)
        try:
            return _made(lambda: os.link(temporary, place, follow_symlinks=False))
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if os.path.lexists(place):  # a file system without hard links: the moment between is not to be helped
                return False
            os.rename(temporary, place)
            return True
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary)

    def replace(self, path: str, item: Item) -> None:
        """Put a file or link in the place of another, in one step.

        Raises:
            OSError: It cannot be written; what was there is there still.
        """
        place = self.place(path)
        temporary = _written(place, item)
        try:
            os.replace(temporary, place)
        except OSError:
            with suppress(OSError):
                os.unlink(temporary)
            raise

    def remove(self, path: str) -> None:
        """Take a file or link away; a folder only where it is empty.

        Raises:
            OSError: It cannot be removed.
        """
        place = self.place(path)
        if not stat.S_ISDIR(os.lstat(place).st_mode):
            os.unlink(place)
            return
        try:
            os.rmdir(place)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise


def parents(path: str) -> "list[str]":
    """Return the folders above a path, outermost first."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: number + 1]) for number in range(len(parts))]


def _made(make: object) -> bool:
    """Whether something could be made where there was nothing."""
    try:
        make()  # type: ignore[operator]
    except FileExistsError:
        return False
    return True


def _make_folder(place: str, mode: int) -> None:
    """Make a folder with just these permissions, whatever the umask is."""
    os.mkdir(place)
    os.chmod(place, mode)


def _written(place: str, item: Item) -> str:
    """Write an item beside its place under a name of its own, and return that.

    Raises:
        OSError: It cannot be written; nothing is left.
    """
    folder, name = os.path.split(place)
    temporary = os.path.join(folder, f"{_TEMPORARY}{os.getpid()}-{name}"[:250])
    with suppress(FileNotFoundError):
        os.unlink(temporary)
    if item.identity.startswith(LINK):
        os.symlink(item.identity[len(LINK) :], temporary)
        return temporary
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with open(item.place, "rb") as source, open(handle, "wb") as stream:
            shutil.copyfileobj(source, stream, _CHUNK)
            stream.flush()
            os.fchmod(stream.fileno(), item.mode)
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    return temporary
