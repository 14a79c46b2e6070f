from __future__ import annotations

from pathlib import Path

import pytest

from platform_images.channel.archive import fetch_deb, mirrors
from platform_images.channel.recipe import Deb
from platform_images.errors import MismatchError, PrerequisiteError, ToolError
from platform_images.fetch import GoneError
from platform_images.files import sha256_bytes

DATA = b"the bytes of a package"
DEB = Deb(path="pool/main/p/python3.13/python3.13_3.13.5-2_amd64.deb", sha256=sha256_bytes(DATA))


@pytest.fixture
def served(archive: tuple[Path, str]) -> tuple[Path, str]:
    """The archive, with the package in it: its file and the archive's address."""
    folder, address = archive
    file = folder / DEB.path
    file.parent.mkdir(parents=True)
    file.write_bytes(DATA)
    return file, address


def test_a_deb_is_fetched_once(served: tuple[Path, str], tmp_path: Path) -> None:
    file, address = served
    cache = tmp_path / "cache"
    assert fetch_deb(DEB, cache=cache, bases=(address,)) == DATA
    file.unlink()
    assert fetch_deb(DEB, cache=cache, bases=(address,)) == DATA
    assert [path.name for path in cache.iterdir()] == [DEB.sha256]


def test_the_next_archive_is_asked_where_one_has_it_not(served: tuple[Path, str], tmp_path: Path) -> None:
    _, address = served
    assert fetch_deb(DEB, cache=tmp_path / "cache", bases=(f"{address}/elsewhere", address)) == DATA


def test_a_superseded_deb_is_named_with_what_to_do(served: tuple[Path, str], tmp_path: Path) -> None:
    file, address = served
    file.unlink()
    with pytest.raises(GoneError) as caught:
        fetch_deb(DEB, cache=tmp_path / "cache", bases=(address,))
    assert DEB.filename in caught.value.what
    assert "superseded" in caught.value.what
    assert "invoke channel --update" in (caught.value.fix or "")
    assert str(tmp_path / "cache" / DEB.sha256) in (caught.value.fix or "")


def test_an_archive_that_is_down_is_not_taken_for_one_without_the_file(tmp_path: Path) -> None:
    with pytest.raises(ToolError) as caught:
        fetch_deb(DEB, cache=tmp_path, bases=("http://127.0.0.1:9",))
    assert not isinstance(caught.value, GoneError)
    assert "cannot be fetched" in caught.value.what


def test_other_bytes_are_refused_and_not_kept(served: tuple[Path, str], tmp_path: Path) -> None:
    file, address = served
    file.write_bytes(b"something else")
    cache = tmp_path / "cache"
    with pytest.raises(MismatchError) as caught:
        fetch_deb(DEB, cache=cache, bases=(address,))
    assert DEB.sha256 in (caught.value.why or "")
    assert list(cache.iterdir()) == []


def test_damaged_bytes_in_the_cache_are_fetched_again(served: tuple[Path, str], tmp_path: Path) -> None:
    _, address = served
    (tmp_path / DEB.sha256).write_bytes(b"half of it")
    assert fetch_deb(DEB, cache=tmp_path, bases=(address,)) == DATA
    assert (tmp_path / DEB.sha256).read_bytes() == DATA


def test_without_an_archive_the_cache_is_enough(tmp_path: Path) -> None:
    (tmp_path / DEB.sha256).write_bytes(DATA)
    assert fetch_deb(DEB, cache=tmp_path, bases=()) == DATA


def test_without_an_archive_and_without_the_file_the_prerequisite_is_named(tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError, match="No Debian archive is configured"):
        fetch_deb(DEB, cache=tmp_path, bases=())


def test_only_archives_of_the_release_are_asked(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text(
        "deb http://one.example/debian trixie main\n"
        "deb http://one.example/debian trixie-updates main\n"
        "deb http://two.example/security/ trixie-security main contrib\n"
        "deb http://vendor.example/apt vendor-tool main\n"
        "deb-src http://source.example/debian trixie main\n"
        "deb cdrom:[Debian]/ trixie main\n",
        encoding="utf-8",
    )
    assert mirrors(["trixie"], apt=tmp_path) == ("http://one.example/debian", "http://two.example/security")
