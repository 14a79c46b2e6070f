from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from platform_images.errors import MismatchError, ToolError
from platform_images.fetch import Downloader, GoneError, Item, addresses
from platform_images.files import sha256_bytes

DATA = bytes(range(256)) * 4000
NAME = "pool/a/file.deb"


class Place(BaseHTTPRequestHandler):
    """Answers by the path's first part: ``good``, ``gone``, ``failing``, ``short`` (breaks off once), ``other``."""

    asked: ClassVar[list[tuple[str, str | None]]] = []
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        kind = self.path.split("/")[1]
        begin = self.headers.get("Range")
        first = not any(path == self.path for path, _ in self.asked)
        self.asked.append((self.path, begin))
        if kind in ("gone", "failing"):
            self.send_error(404 if kind == "gone" else 500)
            return
        body = DATA if kind != "other" else DATA[::-1]
        start = int(begin.removeprefix("bytes=").rstrip("-")) if begin else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        if kind == "short" and first:
            self.wfile.write(body[:300_000])
            self.close_connection = True
            return
        self.wfile.write(body[start:])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def place() -> Iterator[str]:
    Place.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Place) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def downloads() -> Iterator[Downloader]:
    with Downloader() as made:
        yield made


def item(place: str, *kinds: str) -> Item:
    bases = [f"{place}/{kind}" for kind in kinds]
    return Item(path=NAME, sha256=sha256_bytes(DATA), addresses=addresses(bases, NAME))


def test_a_file_comes_whole_and_its_bytes_are_counted(place: str, downloads: Downloader, tmp_path: Path) -> None:
    counted: list[int] = []
    downloads.file(item(place, "good"), tmp_path, count=counted.append)
    assert (tmp_path / NAME).read_bytes() == DATA
    assert sum(counted) == len(DATA)
    assert [path.name for path in (tmp_path / NAME).parent.iterdir()] == ["file.deb"]


def test_the_next_place_is_asked_where_one_does_not_have_it(place: str, downloads: Downloader, tmp_path: Path) -> None:
    downloads.file(item(place, "gone", "good"), tmp_path)
    assert (tmp_path / NAME).read_bytes() == DATA


def test_an_answer_that_breaks_off_is_gone_on_with(place: str, downloads: Downloader, tmp_path: Path) -> None:
    downloads.file(item(place, "short"), tmp_path)
    assert (tmp_path / NAME).read_bytes() == DATA
    first, second = [begin for _, begin in Place.asked]
    assert first is None
    assert int((second or "bytes=0-").removeprefix("bytes=").rstrip("-")) > 0


def test_what_an_earlier_run_has_left_is_gone_on_with(place: str, downloads: Downloader, tmp_path: Path) -> None:
    partial = tmp_path / "pool/a/.file.deb.part"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(DATA[:1000])
    downloads.file(item(place, "good"), tmp_path)
    assert (tmp_path / NAME).read_bytes() == DATA
    assert Place.asked[0][1] == "bytes=1000-"


def test_a_wrong_beginning_is_thrown_away(place: str, downloads: Downloader, tmp_path: Path) -> None:
    partial = tmp_path / "pool/a/.file.deb.part"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b"not it")
    downloads.file(item(place, "good"), tmp_path)
    assert (tmp_path / NAME).read_bytes() == DATA


def test_other_bytes_are_refused_and_not_kept(place: str, downloads: Downloader, tmp_path: Path) -> None:
    with pytest.raises(MismatchError, match=r"file\.deb") as caught:
        downloads.file(item(place, "other"), tmp_path)
    assert sha256_bytes(DATA) in (caught.value.why or "")
    assert sha256_bytes(DATA[::-1]) in (caught.value.why or "")
    assert list((tmp_path / NAME).parent.iterdir()) == []


def test_gone_and_not_reached_are_told_apart(place: str, downloads: Downloader, tmp_path: Path) -> None:
    with pytest.raises(GoneError, match="gone"):
        downloads.file(item(place, "gone"), tmp_path)
    with pytest.raises(ToolError, match="cannot be fetched") as caught:
        downloads.file(item(place, "failing", "gone"), tmp_path)
    assert not isinstance(caught.value, GoneError)
    assert "500" in (caught.value.why or "")


def test_a_file_of_this_machine_is_copied(downloads: Downloader, tmp_path: Path) -> None:
    source = tmp_path / "a folder" / "file.deb"
    source.parent.mkdir()
    source.write_bytes(DATA)
    wanted = Item(path=NAME, sha256=sha256_bytes(DATA), addresses=(source.as_uri(),))
    downloads.file(wanted, tmp_path / "to")
    assert (tmp_path / "to" / NAME).read_bytes() == DATA


def test_a_password_in_an_address_is_not_shown(place: str, downloads: Downloader, tmp_path: Path) -> None:
    secret = place.replace("//", "//somebody:secret@")
    with pytest.raises(ToolError) as caught:
        downloads.file(item(secret, "failing"), tmp_path)
    assert "secret" not in str(caught.value)
