from __future__ import annotations

import io
import lzma
import tarfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

MakeDeb = Callable[..., bytes]


def ar(members: dict[str, bytes]) -> bytes:
    """An ar archive, as in a .deb file."""
    out = b"!<arch>\n"
    for name, data in members.items():
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode() + data
        out += b"\n" * (len(data) % 2)
    return out


def deb_bytes(
    files: dict[str, str], *, links: dict[str, str] | None = None, executable: tuple[str, ...] = (), mtime: int = 1
) -> bytes:
    """A small .deb file, folders and all, packed as Debian packs them."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        folder = tarfile.TarInfo("./")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, text in files.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size, entry.mtime, entry.mode = len(text), mtime, 0o755 if name in executable else 0o644
            archive.addfile(entry, io.BytesIO(text.encode()))
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.type, entry.linkname, entry.mtime = tarfile.SYMTYPE, target, mtime
            archive.addfile(entry)
    data = lzma.compress(stream.getvalue(), preset=0)
    return ar({"debian-binary": b"2.0\n", "control.tar.xz": b"odd", "data.tar.xz": data})


@pytest.fixture(scope="session")
def make_deb() -> MakeDeb:
    """``make_deb({"usr/bin/x": "text"}, links=..., executable=...)``: the bytes of a .deb file."""
    return deb_bytes


class Quiet(SimpleHTTPRequestHandler):
    """Files of a folder, without a word."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A Debian archive of our own: its folder and its address."""
    folder = tmp_path / "archive"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
