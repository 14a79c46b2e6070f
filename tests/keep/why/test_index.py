from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from platform_images.errors import MismatchError, ToolError
from platform_images.fetch import Downloader
from platform_images.files import sha256_bytes
from platform_images.keep import index as room
from platform_images.keep import wheelpart
from platform_images.keep.releases import File, locked_file
from platform_images.keep.target import Target
from tests.keep.why.server import Index, wheel

HERE = Target(python="3.13.5")


def asked(*indexes: Index) -> room.Index:
    return room.Index(addresses=tuple(f"{each.address}/simple" for each in indexes), downloads=Downloader())


def required(found: room.Index, name: str) -> list[str] | None:
    files = found.pages([name])[name]
    known = found.requirements({name: files[-1] if files else None})
    return [str(each) for each in known[name]] if name in known else None


@pytest.mark.parametrize("html", [False, True])
def test_metadata_files_are_read_and_no_wheel(index: Index, html: bool) -> None:
    index.html = html
    index.add("a", "1.0", ("b>=2",), python=">=3.9")
    assert required(asked(index), "a") == ["b>=2"]
    assert index.asked == ["/simple/a/", "/files/a-1.0-py3-none-any.whl.metadata"]


def test_metadata_must_have_the_hash_that_the_index_gives(index: Index) -> None:
    index.add("a", "1.0", ("b>=2",))
    found = asked(index)
    files = found.pages(["a"])["a"]
    index.metadata["a-1.0-py3-none-any.whl"] += b"x"
    with pytest.raises(MismatchError, match=r"a-1\.0-py3-none-any\.whl\.metadata has not the content") as caught:
        found.requirements({"a": files[0]})
    assert sha256_bytes(index.metadata["a-1.0-py3-none-any.whl"]) in str(caught.value)


@pytest.mark.parametrize("filling", [0, 60_000, 3_000_000])
def test_without_metadata_files_a_part_of_the_wheel_is_read(index: Index, filling: int) -> None:
    index.has_metadata = False
    index.add("a", "1.0", ("b>=2",), filling=filling)
    assert required(asked(index), "a") == ["b>=2"]


def test_a_wheel_that_came_whole_must_have_its_hash(index: Index) -> None:
    index.has_metadata = False
    index.add("a", "1.0", ())
    found = asked(index)
    files = found.pages(["a"])["a"]
    index.wheels["a-1.0-py3-none-any.whl"] = wheel("a", "1.0", ("evil",))
    with pytest.raises(MismatchError, match=r"a-1\.0-py3-none-any\.whl has not the content"):
        found.requirements({"a": files[0]})


def test_an_index_with_neither_leaves_it_unknown(index: Index) -> None:
    index.has_metadata = index.has_ranges = False
    index.add("a", "1.0", ("b>=2",), filling=3_000_000)
    assert required(asked(index), "a") is None
    assert required(asked(index), "b") is None


def test_a_release_that_is_no_wheel_is_unknown(index: Index) -> None:
    index.has_metadata = False
    index.add("a", "1.0", (), file="a-1.0.tar.gz")
    assert required(asked(index), "a") is None
    assert index.asked == ["/simple/a/"]


def test_an_index_that_is_busy_is_asked_again(index: Index) -> None:
    index.add("a", "1.0", ("b",))
    index.failures = 2
    assert required(asked(index), "a") == ["b"]


def test_an_index_that_does_not_answer_ends_it(index: Index) -> None:
    index.add("a", "1.0")
    index.failures = 99
    with pytest.raises(ToolError, match="The package index does not answer") as caught:
        asked(index).pages(["a", "b", "c"])
    assert "503" in str(caught.value) and "--offline" in str(caught.value)


def test_what_is_no_page_is_told(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    index.add("a", "1.0")
    monkeypatch.setattr(Index, "page", lambda *_: b"please log in")
    with pytest.raises(ToolError, match="does not answer as an index does, about a"):
        asked(index).pages(["a"])


def test_all_indexes_are_asked(index: Index, second_index: Index) -> None:
    index.add("a", "1.0")
    digest = second_index.add("a", "1.0", ("b",))
    second_index.add("c", "1.0")
    found = asked(index, second_index)
    pages = found.pages(["a", "c", "d"])
    assert (len(pages["a"]), len(pages["c"]), len(pages["d"])) == (2, 1, 0)
    chosen = locked_file(pages["a"], frozenset({digest}), HERE)
    assert chosen is not None and chosen.address.startswith(second_index.address)


def test_an_index_of_this_machine_is_read(tmp_path: Path) -> None:
    data = wheel("a", "1.0", ("b>=2",))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "a-1.0-py3-none-any.whl").write_bytes(data)
    link = f'<a href="a-1.0-py3-none-any.whl#sha256={hashlib.sha256(data).hexdigest()}">x</a>'
    (tmp_path / "a" / "index.html").write_text(link)
    assert required(room.Index(addresses=(tmp_path.as_uri(),), downloads=Downloader()), "a") == ["b>=2"]


def test_the_indexes_are_those_that_uv_would_ask(index: Index) -> None:
    assert room.index_addresses({"UV_DEFAULT_INDEX": "https://u:p@one.example.org/simple"}) == (
        "https://u:p@one.example.org/simple",
    )
    two = {"UV_DEFAULT_INDEX": "https://one.example.org/simple", "UV_INDEX": "https://two.example.org/simple"}
    assert set(room.index_addresses(two)) == {"https://one.example.org/simple", "https://two.example.org/simple"}
    assert len(room.index_addresses({})) == 1


def test_the_best_wheel_of_a_locked_release_is_taken() -> None:
    names = ("a-1-cp313-cp313-macosx_11_0_arm64.whl", "a-1-py3-none-any.whl", "a-1.tar.gz")
    files = [File(filename=name, address="x", sha256=name[-6:]) for name in names]
    chosen = locked_file(files, frozenset(each.sha256 for each in files), HERE)
    assert chosen is not None and chosen.filename == "a-1-py3-none-any.whl"
    assert locked_file(files, frozenset(), HERE) is None


@pytest.mark.parametrize("data", [b"", b"x" * 100, wheel("a", "1", ())[:-30]])
def test_what_is_no_wheel_has_no_metadata(data: bytes) -> None:
    assert wheelpart.metadata(data, len(data), lambda begin, end: data[begin:end]) is None
