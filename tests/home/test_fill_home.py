"""``fill-home`` on folders: what an empty home gets, what later images bring, and what of a user's is never touched."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

STATE = ".local/state/platform-images"
WARNING = re.compile(r"WARNING\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] fill-home: ")


def contents(home: Path) -> dict[str, str]:
    """Text of every file, and "/" for folders, without our own state."""
    places = sorted(place for place in home.rglob("*") if ".local" not in place.relative_to(home).parts)
    return {place.relative_to(home).as_posix(): "/" if place.is_dir() else place.read_text() for place in places}


def test_an_empty_home_gets_everything_without_a_word(image: Any, home: Path) -> None:
    (image.defaults / "tool.sh").write_text("#!/bin/sh\n")
    (image.defaults / "tool.sh").chmod(0o755)
    (image.defaults / "latest").symlink_to("WELCOME.md")
    assert image.fill(home) == ""
    assert contents(home) == {
        ".bashrc": "alias ll='ls -l'\n",
        "WELCOME.md": "Welcome.\n",
        "latest": "Welcome.\n",
        "tool.sh": "#!/bin/sh\n",
        "work": "/",
    }
    assert (home / "tool.sh").stat().st_mode & 0o777 == 0o755
    assert (home / "latest").is_symlink()


def test_the_record_says_which_image_put_what(image: Any, home: Path) -> None:
    (image.environments / "record").mkdir()
    said = {"mission": "tike", "version": "2026.2", "lock_digest": "sha256:ab"}
    (image.environments / "record" / "image.json").write_text(json.dumps(said))
    image.fill(home)
    record = json.loads((home / STATE / "home.json").read_text())
    assert record["source"] == {"image": "tike:2026.2 sha256:ab"}
    assert set(record["entries"]) == {".bashrc", "WELCOME.md", "work"}


def test_a_later_image_updates_what_the_user_has_not_changed_and_adds_what_is_new(image: Any, home: Path) -> None:
    image.fill(home)
    image.default("WELCOME.md", "Welcome back.\n")
    image.default("guides/first.md", "First.\n")
    assert image.fill(home) == ""
    assert contents(home)["WELCOME.md"] == "Welcome back.\n"
    assert contents(home)["guides/first.md"] == "First.\n"


def test_an_edit_stays_and_the_new_default_lies_beside_once(image: Any, home: Path) -> None:
    image.fill(home)
    (home / ".bashrc").write_text("mine\n")
    assert image.fill(home) == ""
    assert ".bashrc.new" not in contents(home)
    image.default(".bashrc", "second\n")
    assert ".bashrc.new" in image.fill(home)
    assert contents(home)[".bashrc"] == "mine\n"
    assert contents(home)[".bashrc.new"] == "second\n"
    (home / ".bashrc.new").unlink()
    image.default("WELCOME.md", "another change\n")
    image.fill(home)
    assert ".bashrc.new" not in contents(home)


def test_an_edit_of_the_file_beside_stays_too(image: Any, home: Path) -> None:
    image.fill(home)
    (home / ".bashrc").write_text("mine\n")
    image.default(".bashrc", "second\n")
    image.fill(home)
    image.default(".bashrc", "third\n")
    image.fill(home)
    assert contents(home)[".bashrc.new"] == "third\n"  # nobody had touched it
    (home / ".bashrc.new").write_text("mine as well\n")
    image.default(".bashrc", "fourth\n")
    image.fill(home)
    assert contents(home)[".bashrc.new"] == "mine as well\n"
    assert contents(home)[".bashrc-2.new"] == "fourth\n"


def test_what_the_user_has_deleted_stays_away_and_with_a_folder_what_comes_into_it(image: Any, home: Path) -> None:
    image.default("guides/first.md", "First.\n")
    image.fill(home)
    for name in ("WELCOME.md", "guides/first.md"):
        (home / name).unlink()
    for name in ("guides", "work"):
        (home / name).rmdir()
    image.default("WELCOME.md", "Welcome back.\n")
    image.default("guides/second.md", "Second.\n")
    image.default("new.md", "new\n")
    image.fill(home)
    assert contents(home) == {".bashrc": "alias ll='ls -l'\n", "new.md": "new\n"}


def test_a_default_that_an_image_no_longer_has_stays_and_may_come_back(image: Any, home: Path) -> None:
    image.fill(home)
    image.default("WELCOME.md", None)
    image.fill(home)
    assert contents(home)["WELCOME.md"] == "Welcome.\n"
    image.default("WELCOME.md", "Welcome again.\n")
    image.fill(home)
    assert contents(home)["WELCOME.md"] == "Welcome again.\n"


def test_one_home_for_images_of_two_missions(image: Any, home: Path) -> None:
    image.fill(home)
    (home / ".bashrc").write_text("mine\n")
    for text in ("Roman.\n", "TESS.\n", "Roman.\n"):
        image.default("WELCOME.md", text)
        image.default(".bashrc", text)
        image.fill(home)
        assert contents(home)["WELCOME.md"] == text
        assert contents(home)[".bashrc"] == "mine\n"
    assert [name for name in contents(home) if name.startswith(".bashrc")] == [".bashrc", ".bashrc.new"]


def test_a_home_of_an_image_without_a_record(image: Any, home: Path) -> None:
    (home / "WELCOME.md").write_text("Welcome.\n")
    (home / ".bashrc").write_text("mine from before\n")
    (home / "data.fits").write_text("pixels")
    assert image.fill(home) == ""
    assert contents(home) == {
        ".bashrc": "mine from before\n",
        "WELCOME.md": "Welcome.\n",
        "data.fits": "pixels",
        "work": "/",
    }
    image.default("WELCOME.md", "Welcome back.\n")
    image.default(".bashrc", "second\n")
    image.fill(home)
    assert contents(home)["WELCOME.md"] == "Welcome back.\n"  # the same as a default: it was adopted
    assert contents(home)[".bashrc"] == "mine from before\n"


def test_a_damaged_record_loses_nothing(image: Any, home: Path) -> None:
    image.fill(home)
    (home / ".bashrc").write_text("mine\n")
    for damage in ("", "{", '{"version": 1, "source": {}, "entries": {"a": 3}}', '{"version": 9}'):
        (home / STATE / "home.json").write_text(damage)
        (home / STATE / "home.stamp").unlink()
        image.fill(home)
        assert contents(home)[".bashrc"] == "mine\n"
        assert (home / STATE / "home.json").read_text().startswith('{\n "entries": {\n  ".bashrc"')


def test_links_of_the_user_are_not_followed(image: Any, home: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious\n")
    image.default("guides/first.md", "First.\n")
    image.default("work/note.md", "note\n")
    (home / "guides").symlink_to(outside)
    (home / "work").symlink_to(tmp_path / "nowhere")
    (home / "WELCOME.md").symlink_to(outside / "precious")
    assert image.fill(home) == ""
    image.default("WELCOME.md", "Welcome back.\n")
    image.fill(home)
    assert contents(outside) == {"precious": "precious\n"}
    assert not (tmp_path / "nowhere").exists()


def test_a_file_where_a_folder_is_to_be_stays(image: Any, home: Path) -> None:
    image.default("work/note.md", "note\n")
    (home / "work").write_text("mine\n")
    assert image.fill(home) == ""
    assert contents(home)["work"] == "mine\n"


def test_nothing_to_do_is_told_fast_and_without_python(image: Any, home: Path, tmp_path: Path) -> None:
    image.fill(home)
    (tmp_path / "bin" / "python3").unlink()
    (tmp_path / "bin" / "python3").symlink_to("/bin/false")
    image.default("WELCOME.md", "Welcome.\n")  # written again: looked at, though nothing is to be done
    assert not (home / "more").exists()
    took = []
    for _ in range(5):
        begun = time.monotonic()
        assert image.fill(home) == ""
        took.append(time.monotonic() - begun)
    assert min(took) < 0.05


def test_many_starts_at_once(image: Any, home: Path) -> None:
    for number in range(50):
        image.default(f"guides/{number}.md", f"{number}\n" * 2000)
    program = str(image.environments / "bin" / "fill-home")
    running = [
        subprocess.Popen([program, str(home)], env=image.variables, stderr=subprocess.PIPE, text=True) for _ in range(6)
    ]
    assert [(each.communicate(timeout=60)[1], each.returncode) for each in running] == [("", 0)] * 6
    assert contents(home) == contents(image.defaults)
    assert not list(home.rglob(".platform-images-*"))


def test_a_start_that_was_killed_half_way_is_made_up_for(image: Any, home: Path) -> None:
    (home / ".bashrc").write_text("alias ll='ls -l'\n")  # put, and not yet recorded
    image.fill(home)
    image.default(".bashrc", "second\n")
    image.fill(home)
    assert contents(home)[".bashrc"] == "second\n"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB; mounting needs root."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    assert mounted.returncode == 0, mounted.stderr
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_said_in_one_line_and_made_up_for(image: Any, small_disk: Path) -> None:
    image.default("a-large.txt", "x" * 200_000)
    said = image.fill(small_disk)
    assert len(said.splitlines()) == 1, said
    assert WARNING.match(said)
    assert os.strerror(errno.ENOSPC) in said
    assert "free some space" in said
    assert not list(small_disk.rglob(".platform-images-*"))
    image.default("a-large.txt", "small\n")
    assert image.fill(small_disk) == ""
    assert contents(small_disk) == contents(image.defaults)


def test_a_home_that_is_read_only_is_said_in_one_line(image: Any, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    said = image.fill(small_disk)
    assert len(said.splitlines()) == 1, said
    assert WARNING.match(said)
    assert os.strerror(errno.EROFS) in said


def test_a_home_that_is_read_only_and_lacks_nothing_is_no_fault(image: Any, small_disk: Path) -> None:
    image.fill(small_disk)
    (small_disk / STATE / "home.stamp").unlink()
    (small_disk / STATE / "home.json").unlink()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert image.fill(small_disk) == ""


def test_root_fills_a_home_as_its_user(image: Any, tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    home = tmp_path / "volume"
    home.mkdir()
    (home / "lost+found").mkdir()
    assert image.fill(home, "4321:100") == ""
    owners = {(place.stat().st_uid, place.stat().st_gid) for place in home.rglob("*") if place.name != "lost+found"}
    assert owners == {(4321, 100)}
    assert home.stat().st_uid == 4321


def test_root_gives_nobody_a_home_with_somebody_s_files(image: Any, tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    home = tmp_path / "volume"
    home.mkdir(mode=0o755)
    (home / "data.fits").write_text("pixels")
    said = image.fill(home, "4321:100")
    assert len(said.splitlines()) == 1
    assert os.strerror(errno.EACCES) in said
    assert home.stat().st_uid == 0
    assert contents(home) == {"data.fits": "pixels"}


@pytest.mark.parametrize("words", [["/"], ["/nowhere/at/all"], ["HOME", "me:users"]])
def test_what_cannot_be_filled_stops_no_start(image: Any, home: Path, words: list[str]) -> None:
    done = image.run("bin/fill-home", *[str(home) if word == "HOME" else word for word in words])
    assert done.returncode == 0
    assert WARNING.match(done.stderr)
    assert "Traceback" not in done.stderr


def test_a_call_without_a_home_says_how_to_call_it(image: Any) -> None:
    done = image.run("bin/fill-home")
    assert done.returncode == 2
    assert done.stderr.startswith("usage: fill-home HOME_FOLDER")
