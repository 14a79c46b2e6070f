"""Writing and hashing files: atomic, sorted, with the same bytes for the same values."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from platform_images.errors import PlatformError, ToolError
from platform_images.usage import moved_by

_CHUNK = 1 << 20


def sha256_bytes(data: bytes) -> str:
    """Return the SHA-256 of ``data`` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def json_text(value: Any, *, ascii_only: bool = False) -> str:
    """Return JSON with sorted keys, two spaces of indent and a final newline: the one form written to disk."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=ascii_only) + "\n"


def refused(error: OSError) -> PlatformError:
    """Return the error for a file or folder that the system does not let this program read or write."""
    variable = moved_by(Path(str(error.filename)))
    moves = f"set {variable} to a folder elsewhere, or " if variable else ""
    if error.errno == errno.ENOSPC:
        return ToolError(
            f"No space is left to write to {error.filename}.",
            fix=f"{moves}free some space; invoke doctor shows how much each place has",
        )
    return PlatformError(
        f"{error.filename} cannot be used: {error.strerror}.",
        fix=f"{moves}see that it is where it should be, and that this user may read and write it",
    )


def write_text(path: Path, text: str, *, mode: int = 0o644) -> bool:
    """Write UTF-8 text with the line ends that it has, by way of a temporary file in the same folder and a rename.

    A reader sees the old file or the new one, never a part. Nothing is touched where the content is the same.

    Returns:
        Whether the content changed.
    """
    data = text.encode("utf-8")
    if path.is_file() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error  # it would name the temporary file
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error  # a write does not say of which file
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return True


def replace_folder(folder: Path, files: Mapping[str, str]) -> bool:
    """Make ``folder`` hold exactly ``files`` (relative name to text), in one step for each rename.

    The new folder is written beside the old one first, so that a failure half way leaves the old one whole.

    Returns:
        Whether anything changed.
    """
    if folder.is_dir() and _content(folder) == {name: text.encode("utf-8") for name, text in files.items()}:
        return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        staged = Path(tempfile.mkdtemp(dir=folder.parent, prefix=staged_prefix(folder)))
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder)) from error  # it would name the temporary folder
    try:
        _fill(staged, files, shown=folder)
        _swap(staged, folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return True


def staged_prefix(folder: Path) -> str:
    """Return what the name of a folder begins with that is to take the place of this one."""
    return f".{folder.name}.new-"


def _fill(staged: Path, files: Mapping[str, str], *, shown: Path) -> None:
    """Write files into a new folder, which is soon gone where that fails: errors name their places in ``shown``."""
    try:
        for name, text in sorted(files.items()):
            write_text(staged / name, text)
        staged.chmod(0o755)
    except OSError as error:
        name = os.path.relpath(error.filename or staged, staged)
        raise OSError(error.errno, error.strerror, str(shown / name)) from error


def _content(folder: Path) -> dict[str, bytes]:
    """Return every file below ``folder`` by its relative name."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def _swap(staged: Path, folder: Path) -> None:
    """Put ``staged`` in the place of ``folder``; what was there comes back where the second rename fails."""
    if not os.path.lexists(folder):
        staged.rename(folder)
        return
    old = folder.with_name(f".{folder.name}.old")
    remove(old)
    folder.rename(old)
    try:
        staged.rename(folder)
    except BaseException:
        old.rename(folder)
        raise
    with suppress(OSError):  # the new one is in its place; the next replacement says what is in the way
        remove(old)


def remove(place: Path) -> None:
    """Remove a folder with all that it holds, a file, or a link and not what it leads to; nothing is as well."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
