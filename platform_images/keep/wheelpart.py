"""The metadata of a wheel, read through ranges of it where an index has no metadata files."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable

TAIL = 1 << 16
_BLOCK = 1 << 15
Part = Callable[[int, int], bytes]


class _Ranges(io.RawIOBase):
    """A file of which parts are fetched when they are read."""

    def __init__(self, tail: bytes, size: int, part: Part) -> None:
        super().__init__()
        self._blocks = {size - len(tail): tail}
        self._size, self._part, self._at = size, part, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # what callers give
        count = min(len(buffer), self._size - self._at)
        if count <= 0:
            return 0
        data = self._have(self._at, count)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _have(self, start: int, count: int) -> bytes:
        """Return bytes from what was fetched, or fetch a block first; perhaps fewer than asked for."""
        for begin, data in self._blocks.items():
            if begin <= start < begin + len(data):
                return data[start - begin : start - begin + count]
        end = min(start + max(count, _BLOCK), *(begin for begin in (*self._blocks, self._size) if begin > start))
        data = self._part(start, end)
        self._blocks[start] = data
        return data[:count]


def metadata(tail: bytes, size: int, part: Part) -> bytes | None:
    """Return the METADATA of a wheel; None where it cannot be read.

    Args:
        tail: Its last bytes.
        size: Its whole size.
        part: Gives the bytes from one place to another, the latter not included.
    """
    try:
        with zipfile.ZipFile(io.BufferedReader(_Ranges(tail, size, part), _BLOCK)) as archive:
            names = [
                name for name in archive.namelist() if name.endswith(".dist-info/METADATA") and name.count("/") == 1
            ]
            return archive.read(names[0]) if len(names) == 1 else None
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, NotImplementedError):
        return None
