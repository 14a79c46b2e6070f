"""A package index on the loopback."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def wheel_name(name: str, version: str) -> str:
    return f"{name.replace('-', '_')}-{version}-py3-none-any.whl"


def metadata(name: str, version: str, requires: tuple[str, ...]) -> bytes:
    lines = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}"]
    return "\n".join([*lines, *(f"Requires-Dist: {each}" for each in requires), "", "About it.\n"]).encode()


def wheel(name: str, version: str, requires: tuple[str, ...], *, filling: int = 0) -> bytes:
    """A wheel; ``filling`` bytes that do not compress stand before its metadata."""
    stream = io.BytesIO()
    stem = f"{name.replace('-', '_')}-{version}"
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        if filling:
            archive.writestr(
                zipfile.ZipInfo("code/data.bin"),
                b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(filling // 32)),
            )
        archive.writestr(zipfile.ZipInfo(f"{stem}.dist-info/METADATA"), metadata(name, version, requires))
        archive.writestr(zipfile.ZipInfo(f"{stem}.dist-info/RECORD"), "")
    return stream.getvalue()


@dataclass
class Index:
    """A package index on the loopback, as PEP 691 says.

    Attributes:
        has_metadata: It has metadata files, too (PEP 658).
        has_ranges: It gives parts of files.
        html: Its pages are HTML (PEP 503).
        failures: So many times it answers 503 first.
    """

    address: str = ""
    has_metadata: bool = True
    has_ranges: bool = True
    html: bool = False
    failures: int = 0
    wheels: dict[str, bytes] = field(default_factory=dict)
    metadata: dict[str, bytes] = field(default_factory=dict)
    entries: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def add(
        self,
        name: str,
        version: str,
        requires: tuple[str, ...] = (),
        *,
        python: str = "",
        yanked: bool = False,
        filling: int = 0,
        file: str = "",
    ) -> str:
        """Have a release; its wheel's SHA-256."""
        data, file = wheel(name, version, requires, filling=filling), file or wheel_name(name, version)
        self.wheels[file], self.metadata[file] = data, metadata(name, version, requires)
        digest = hashlib.sha256(data).hexdigest()
        self.entries.setdefault(name, []).append(
            {"filename": file, "hashes": {"sha256": digest}, "requires-python": python or None, "yanked": yanked}
        )
        return digest

    def page(self, name: str) -> bytes:
        """A project's page."""
        found = []
        for entry in self.entries[name]:
            core = {"sha256": hashlib.sha256(metadata_of(self, entry)).hexdigest()} if self.has_metadata else False
            found.append({**entry, "url": f"../../files/{entry['filename']}", "core-metadata": core})
        if not self.html:
            return json.dumps({"meta": {"api-version": "1.1"}, "name": name, "files": found}).encode()
        links = [
            f'<a href="{each["url"]}#sha256={each["hashes"]["sha256"]}"'
            + (
                f' data-requires-python="{each["requires-python"].replace(">", "&gt;")}"'
                if each["requires-python"]
                else ""
            )
            + (' data-yanked=""' if each["yanked"] else "")
            + (f' data-core-metadata="sha256={each["core-metadata"]["sha256"]}"' if each["core-metadata"] else "")
            + f">{each['filename']}</a>"
            for each in found
        ]
        return ("<!DOCTYPE html><html><body>" + "\n".join(links) + "</body></html>").encode()


def metadata_of(index: Index, entry: dict[str, Any]) -> bytes:
    return index.metadata[entry["filename"]]


class Handler(BaseHTTPRequestHandler):
    """Answers as the index of its server is."""

    protocol_version = "HTTP/1.1"

    @property
    def index(self) -> Index:
        assert isinstance(self.server, Server)
        return self.server.index

    def do_GET(self) -> None:
        index = self.index
        index.asked.append(self.path)
        kind, _, rest = self.path.strip("/").partition("/")
        if index.failures:
            index.failures -= 1
            self._answer(503, b"")
        elif kind == "simple" and rest in index.entries:
            self._answer(200, index.page(rest))
        elif rest.endswith(".metadata") and index.has_metadata:
            self._answer(200, index.metadata[rest.removesuffix(".metadata")])
        elif kind == "files" and rest in index.wheels:
            self._file(index.wheels[rest])
        else:
            self._answer(404, b"")

    def _file(self, data: bytes) -> None:
        span = self.headers.get("Range", "").removeprefix("bytes=")
        if not span or not self.index.has_ranges:
            self._answer(200, data)
            return
        first, _, last = span.partition("-")
        begin = int(first) if first else max(0, len(data) - int(last))
        end = min(int(last) + 1 if first else len(data), len(data))
        self._answer(206, data[begin:end], f"bytes {begin}-{end - 1}/{len(data)}")

    def _answer(self, code: int, data: bytes, span: str = "") -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        if span:
            self.send_header("Content-Range", span)
        with suppress(BrokenPipeError, ConnectionResetError):  # whoever wanted a part may go before the whole has come
            self.end_headers()
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Serves one index."""

    def __init__(self, index: Index) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.index = index
        index.address = f"http://127.0.0.1:{self.server_port}"


@contextmanager
def served(index: Index) -> Iterator[Index]:
    """Serve an index for as long as this is open."""
    with Server(index) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield index
        server.shutdown()
        thread.join()
