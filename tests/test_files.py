from __future__ import annotations

import errno
import os
import re
import tempfile
from pathlib import Path

import pytest

from platform_images.files import refused, replace_folder
from platform_images.usage import cache_folder, logs_folder

NEW = {"a.txt": "new\n"}


@pytest.mark.parametrize("kind", ["nothing", "a folder", "a file", "a link to a folder", "a link to nowhere"])
def test_a_folder_takes_the_place_of_whatever_is_there(tmp_path: Path, kind: str) -> None:
    real, place = tmp_path / "real", tmp_path / "place"
    real.mkdir()
    (real / "b.txt").write_text("old\n")
    put(kind, place, real)
    assert replace_folder(place, NEW)
    assert not place.is_symlink()
    assert [(path.name, path.read_text()) for path in place.iterdir()] == [("a.txt", "new\n")]
    assert (real / "b.txt").read_text() == "old\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["place", "real"]
    assert not replace_folder(place, NEW)


def put(kind: str, place: Path, real: Path) -> None:
    match kind:
        case "a folder":
            (place / "below").mkdir(parents=True)
        case "a file":
            place.write_text("in the way\n")
        case "a link to a folder":
            place.symlink_to(real)
        case "a link to nowhere":
            place.symlink_to("nowhere")


@pytest.mark.parametrize("kind", ["a folder", "a file", "a link to a folder", "a link to nowhere"])
def test_what_an_earlier_replacement_has_left_is_not_in_the_way(tmp_path: Path, kind: str) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "place").mkdir()
    put(kind, tmp_path / ".place.old", tmp_path / "real")
    assert replace_folder(tmp_path / "place", NEW)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["place", "real"]


def test_without_room_the_place_is_named_that_people_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        replace_folder(tmp_path / "place", NEW)
    assert caught.value.filename == str(tmp_path / "place" / "a.txt")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named_as_it_would_be(tmp_path: Path) -> None:
    place = tmp_path / ("a" * 250)  # room for no temporary name
    with pytest.raises(OSError, match="too long") as caught:
        replace_folder(place, NEW)
    assert caught.value.filename == str(place)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home, which holds the clone as well; temporary files are below it too."""
    monkeypatch.setenv("HOME", str(tmp_path / "ho"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "ho"))
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "ho"


def cure(path: Path, number: int = errno.EACCES) -> str:
    return str(refused(OSError(number, os.strerror(number), str(path))).fix)


def test_what_can_be_moved_is_said_of_this_programs_own_folders(home: Path) -> None:
    assert cure(cache_folder() / "tools" / "x").startswith("set XDG_CACHE_HOME to a folder elsewhere, or ")
    assert cure(home, errno.ENOSPC).startswith("set XDG_CACHE_HOME to a folder elsewhere, or free some space")
    assert cure(logs_folder() / "x.log").startswith("set XDG_STATE_HOME to a folder elsewhere, or ")
    assert cure(home / "platform-images-solve-x" / "y").startswith("set TMPDIR to a folder elsewhere, or ")


@pytest.mark.parametrize("name", ["clone/platform.toml", "clone/locks", ".cache/other", "x.svg"])
def test_of_other_files_nothing_is_said_of_the_home(home: Path, name: str) -> None:
    assert re.match("see that it is where it should be", cure(home / name))


def test_a_folder_whose_name_only_begins_alike_is_not_in_the_home(home: Path) -> None:
    assert "set " not in cure(home.with_name("home") / "clone")
