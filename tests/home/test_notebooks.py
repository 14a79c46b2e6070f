"""``sync-notebooks`` with real repositories: a user's work is never lost, and a network that is away breaks nothing."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Sync = Callable[..., subprocess.CompletedProcess[str]]
FOLDER = "notebooks/tess"


@pytest.fixture
def sync(image: Any, home: Path, repository: Any) -> Sync:
    """``sync(commit, mode="reference")``: one start of an image that locks this commit."""

    def start(commit: str, url: str = "", **values: object) -> subprocess.CompletedProcess[str]:
        request = {"url": url or repository.url, "ref": "main", "folder": FOLDER, "commit": commit, **values}
        (image.environments / "etc").mkdir(exist_ok=True)
        (image.environments / "etc" / "post-start.json").write_text(json.dumps({"notebooks": [request]}))
        return image.run("bin/sync-notebooks", home, HOME=str(home))  # type: ignore[no-any-return]

    return start


def contents(home: Path, folder: str = FOLDER) -> dict[str, str]:
    top = home / folder
    return {place.relative_to(top).as_posix(): place.read_text() for place in top.rglob("*") if place.is_file()}


def ok(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_locked_commit_is_laid_out_though_the_branch_has_moved_on(sync: Sync, home: Path, repository: Any) -> None:
    repository.commit({"start.ipynb": "start 2"})
    ok(sync(repository.first))
    assert contents(home) == {"start.ipynb": "start 1", "more/deep.ipynb": "deep 1"}
    assert not (home / FOLDER / ".git").exists()


def test_following_takes_what_the_branch_has_now(sync: Sync, home: Path, repository: Any) -> None:
    repository.commit({"start.ipynb": "start 2"})
    ok(sync(repository.first, follow=True))
    assert contents(home)["start.ipynb"] == "start 2"


def test_edits_stay_with_the_new_version_beside_and_what_was_deleted_stays_away(
    sync: Sync, home: Path, repository: Any
) -> None:
    ok(sync(repository.first))
    (home / FOLDER / "start.ipynb").write_text("mine")
    (home / FOLDER / "more" / "deep.ipynb").unlink()
    (home / FOLDER / "own.ipynb").write_text("own")
    second = repository.commit({"start.ipynb": "start 2", "more/deep.ipynb": "deep 2", "new.ipynb": "new"})
    said = ok(sync(second))
    beside = f"start.{second[:7]}.ipynb"
    assert beside in said
    assert contents(home) == {"start.ipynb": "mine", beside: "start 2", "own.ipynb": "own", "new.ipynb": "new"}
    ok(sync(second))
    assert len(contents(home)) == 4


def test_what_the_repository_deletes_goes_where_the_user_has_not_changed_it(
    sync: Sync, home: Path, repository: Any
) -> None:
    ok(sync(repository.first))
    (home / FOLDER / "start.ipynb").write_text("mine")
    second = repository.commit({"start.ipynb": None, "more/deep.ipynb": None, "new.ipynb": "new"})
    ok(sync(second))
    assert contents(home) == {"start.ipynb": "mine", "new.ipynb": "new"}
    assert not (home / FOLDER / "more").exists()


def test_a_file_of_the_user_s_where_a_new_one_comes_stays(sync: Sync, home: Path, repository: Any) -> None:
    ok(sync(repository.first))
    (home / FOLDER / "new.ipynb").write_text("mine")
    second = repository.commit({"new.ipynb": "new"})
    ok(sync(second))
    assert contents(home)["new.ipynb"] == "mine"
    assert contents(home)[f"new.{second[:7]}.ipynb"] == "new"


def test_whoever_deletes_the_whole_folder_gets_a_fresh_one(sync: Sync, home: Path, repository: Any) -> None:
    ok(sync(repository.first))
    (home / FOLDER / "start.ipynb").unlink()
    subprocess.run(["rm", "-r", str(home / FOLDER)], check=True)
    ok(sync(repository.first))
    assert contents(home) == {"start.ipynb": "start 1", "more/deep.ipynb": "deep 1"}


def test_one_folder_of_a_repository(sync: Sync, home: Path, repository: Any) -> None:
    ok(sync(repository.first, subfolder="more"))
    assert contents(home) == {"deep.ipynb": "deep 1"}
    done = sync(repository.first, subfolder="none", folder="other")
    assert done.returncode == 1
    assert "none" in done.stderr
    assert not (home / "other").exists()


def test_a_reference_folder_is_read_only_and_exactly_the_commit(sync: Sync, home: Path, repository: Any) -> None:
    ok(sync(repository.first, mode="reference"))
    assert contents(home) == {"start.ipynb": "start 1", "more/deep.ipynb": "deep 1"}
    places = [home / FOLDER, *(home / FOLDER).rglob("*")]
    assert [place for place in places if place.stat().st_mode & 0o222] == []
    second = repository.commit({"start.ipynb": "start 2", "more/deep.ipynb": None, "new.ipynb": "new"})
    ok(sync(second, mode="reference"))
    assert contents(home) == {"start.ipynb": "start 2", "new.ipynb": "new"}
    assert not (home / f"{FOLDER}-edits").exists()


def test_edits_in_a_reference_folder_are_moved_aside_each_time(sync: Sync, home: Path, repository: Any) -> None:
    ok(sync(repository.first, mode="reference"))
    for text in ("mine", "mine again"):
        top = home / FOLDER
        for place in (top, top / "more", top / "start.ipynb"):
            place.chmod(0o755)
        (top / "start.ipynb").write_text(text)
        (top / "more" / "own.ipynb").write_text(text)
        (top / "more" / "deep.ipynb").unlink()
        ok(sync(repository.first, mode="reference"))
        assert contents(home) == {"start.ipynb": "start 1", "more/deep.ipynb": "deep 1"}
    assert contents(home, f"{FOLDER}-edits") == {
        "start.ipynb": "mine",
        "start-2.ipynb": "mine again",
        "more/own.ipynb": "mine",
        "more/own-2.ipynb": "mine again",
    }


def test_a_mission_may_turn_a_folder_from_one_kind_to_the_other(sync: Sync, home: Path, repository: Any) -> None:
    ok(sync(repository.first))
    (home / FOLDER / "start.ipynb").write_text("mine")
    ok(sync(repository.first, mode="reference"))
    assert contents(home)["start.ipynb"] == "start 1"
    assert contents(home, f"{FOLDER}-edits") == {"start.ipynb": "mine"}
    second = repository.commit({"start.ipynb": "start 2", "more/new.ipynb": "new"})
    ok(sync(second))
    assert contents(home) == {"start.ipynb": "start 2", "more/deep.ipynb": "deep 1", "more/new.ipynb": "new"}
    places = [home / FOLDER, *(home / FOLDER).rglob("*")]
    assert [place for place in places if not place.stat().st_mode & 0o200] == []


def test_without_the_repository_all_stays_as_it_is(sync: Sync, home: Path, repository: Any) -> None:
    ok(sync(repository.first))
    second = repository.commit({"start.ipynb": "start 2"})
    repository.folder.rename(repository.folder.with_name("away"))
    done = sync(second)
    assert done.returncode == 1
    assert done.stderr.startswith("WARNING[")
    assert f"{FOLDER} stays as it is: " in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert contents(home)["start.ipynb"] == "start 1"
    assert "newest is not known" in ok(sync(repository.first, follow=True))
    ok(sync(repository.first))  # it is in the home's cache


def test_a_server_that_does_not_answer_is_no_long_wait(sync: Sync, home: Path, repository: Any) -> None:
    begun = time.monotonic()
    done = sync(repository.first, url="https://127.0.0.1:9/a.git")
    assert done.returncode == 1
    assert f"{FOLDER} is not there yet: " in done.stderr
    assert time.monotonic() - begun < 20
    assert not (home / FOLDER).exists()


def test_no_password_gets_into_what_is_said(sync: Sync, home: Path, repository: Any) -> None:
    (home / ".gitconfig").write_text('[url "https://me:secret@127.0.0.1:9/"]\n\tinsteadOf = https://private/\n')
    done = sync(repository.first, url="https://private/a.git")
    assert done.returncode == 1
    assert "secret" not in done.stderr + done.stdout


def test_a_commit_that_history_has_lost_is_said(sync: Sync, home: Path, repository: Any) -> None:
    done = sync("a" * 40)
    assert done.returncode == 1
    assert "aaaaaaaaaaaa" in done.stderr
    assert not (home / FOLDER).exists()


def test_one_repository_that_fails_keeps_no_other_away(image: Any, home: Path, repository: Any) -> None:
    rows = [
        {"url": "file:///nowhere", "ref": "main", "folder": "a", "commit": "a" * 40},
        {"url": repository.url, "ref": "main", "folder": "b", "commit": repository.first},
    ]
    (image.environments / "etc").mkdir()
    (image.environments / "etc" / "post-start.json").write_text(json.dumps({"notebooks": rows}))
    done = image.run("bin/sync-notebooks", home)
    assert done.returncode == 1
    assert contents(home, "b")["start.ipynb"] == "start 1"


def test_nothing_is_put_through_a_link(sync: Sync, home: Path, repository: Any, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (home / "notebooks").symlink_to(tmp_path / "outside")
    done = sync(repository.first)
    assert done.returncode == 1
    assert "is a link" in done.stderr
    assert list((tmp_path / "outside").iterdir()) == []


def test_links_that_lead_out_of_a_repository_are_left_out(sync: Sync, home: Path, repository: Any) -> None:
    (repository.folder / "inside").symlink_to("start.ipynb")
    (repository.folder / "passwords").symlink_to("/etc/passwd")
    (repository.folder / "above").symlink_to("../../above")
    commit = repository.commit({"tool.sh": "#!/bin/sh\n"})
    assert "passwords" in ok(sync(commit))
    assert sorted(path.name for path in (home / FOLDER).iterdir()) == ["inside", "more", "start.ipynb", "tool.sh"]
    assert (home / FOLDER / "inside").read_text() == "start 1"


@pytest.fixture
def http_server(serve_folder: Callable[[Path], str], repository: Any) -> str:
    """The repository on a plain web server, which knows nothing of git and gives whole histories only."""
    repository.git("update-server-info")
    return f"{serve_folder(repository.folder)}/.git"


def test_a_server_that_gives_no_single_commits(sync: Sync, home: Path, repository: Any, http_server: str) -> None:
    repository.commit({"start.ipynb": "start 2"})
    repository.git("update-server-info")
    ok(sync(repository.first, url=http_server))
    assert contents(home)["start.ipynb"] == "start 1"


@pytest.fixture
def git_daemon(repository: Any, tmp_path: Path) -> Iterator[str]:
    """The repository behind git's own server."""
    port = 20000 + os.getpid() % 20000
    words = ["git", "daemon", "--export-all", "--listen=127.0.0.1", f"--port={port}", f"--base-path={tmp_path}"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) as child:
        yield f"git://127.0.0.1:{port}/repository"
        os.killpg(child.pid, 15)


def test_git_s_own_server(sync: Sync, home: Path, repository: Any, git_daemon: str) -> None:
    repository.commit({"start.ipynb": "start 2"})
    for _ in range(50):
        done = sync(repository.first, url=git_daemon)
        if "refused" not in done.stderr:
            break
        time.sleep(0.1)
    ok(done)
    assert contents(home)["start.ipynb"] == "start 1"
    cache = next((home / ".cache" / "platform-images" / "git").glob("*.git"))
    assert (cache / "shallow").read_text().strip() == repository.first  # that one commit and not its history
