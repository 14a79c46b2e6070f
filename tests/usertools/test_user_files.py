"""What the tools read and write: environment files, settings, history, caches; folders are whole or not there."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from usertools import caches, channels, condarc, environmentfile, errors, files, history, installed, pippart, shell
from usertools.errors import ToolError

BROKEN = {
    "a: [": "e.yml is not readable YAML.",
    "name: x": "e.yml has no list 'dependencies'.",
    "[python]": "e.yml has no list 'dependencies'.",
    "dependencies: python": "e.yml: 'dependencies' is not a list.",
    "dependencies: [{pip: six}]": "e.yml: 'pip' is not a list of names.",
    "dependencies: [3.13]": "e.yml: 3.13 is no dependency.",
    "dependencies: []\nchanels: [x]": "e.yml: the key 'chanels' is unknown (do you mean 'channels'?).",
    "dependencies: []\nvariables: [A]": "e.yml: 'variables' is not a list of names and values.",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_mistake_in_an_environment_yml_is_named(text: str) -> None:
    with pytest.raises(ToolError) as caught:
        environmentfile.parse(text, shown="e.yml")
    assert caught.value.what == BROKEN[text]
    assert caught.value.fix
    assert caught.value.code == errors.USAGE


def test_an_environment_yml_that_was_written_is_read_as_the_same() -> None:
    found = environmentfile.EnvironmentFile("stars", ("a", "b"), ("python=3.13", "pip"), ("six==1.0",), (("A", "b c"),))
    assert environmentfile.parse(found.text()) == found


def test_the_history_knows_what_is_asked_for_still(tmp_path: Path) -> None:
    (tmp_path / "conda-meta").mkdir()
    assert history.requested(tmp_path) == ()
    options: Any = {"command": ["conda", "install"], "version": "1"}
    history.add(tmp_path, **options, specs=["python=3.11", "conda-forge::Numpy>=2", "scipy[version='>=1']"])
    history.add(tmp_path, **options, specs=["python=3.13"], removed=["scipy"])
    assert history.requested(tmp_path) == ("python=3.13", "conda-forge::Numpy>=2")


def test_conda_s_own_history_is_read_in_both_of_its_spellings(tmp_path: Path) -> None:
    (tmp_path / "conda-meta").mkdir()
    text = "==> 2020-01-01 <==\n# install specs: numpy, scipy >=1\n# update specs: ['astropy']\n"
    text += "# remove specs: ['numpy']\n"
    (tmp_path / "conda-meta" / "history").write_text(text)
    assert history.requested(tmp_path) == ("scipy >=1", "astropy")


@pytest.mark.parametrize("text", ["channels: main", "channels: [1]", "channels: [", "- a", "channel_priority: loose"])
def test_a_mistake_in_the_condarc_is_named_and_never_overwritten(here: Any, text: str) -> None:
    condarc.own().write_text(text)
    with pytest.raises(ToolError):
        condarc.settings()
    if "priority" not in text:
        with pytest.raises(ToolError):
            condarc.change("channels", "other", how="add")
    assert condarc.own().read_text() == text


def test_channels_have_an_order_and_names() -> None:
    found = channels.Channels({"embedded": "file:///opt/c"}, condarc.Settings(("mine", "defaults")))
    assert found.chosen() == ("mine", "embedded")
    assert found.chosen(("first", "mine")) == ("first", "mine", "embedded")
    assert found.chosen(("first",), only=True) == ("first",)
    assert found.chosen(("first", "nodefaults")) == ("first",)
    assert found.url("embedded") == "file:///opt/c"
    assert found.url("mine") == f"{condarc.ALIAS}/mine"
    assert [found.name(url) for url in ("file:///opt/c/", f"{condarc.ALIAS}/mine")] == ["embedded", "mine"]


def test_uv_is_told_what_pip_is_configured_for() -> None:
    said = (
        "global.index-url='https://a/simple'\n:env:.extra-index-url='https://b https://c'\nglobal.no-index='true'\nx\n"
    )
    found = pippart.parse_pip_settings(said)
    assert found == {"index_url": "https://a/simple", "extra_index_url": "https://b https://c", "no_index": "true"}
    assert pippart.uv_environment({"REQUESTS_CA_BUNDLE": "/ca"}, found) == {
        "REQUESTS_CA_BUNDLE": "/ca",
        "SSL_CERT_FILE": "/ca",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_DEFAULT_INDEX": "https://a/simple",
        "UV_INDEX": "https://b https://c",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_what_uv_is_told_itself_counts_more() -> None:
    own = {"UV_DEFAULT_INDEX": "https://own", "UV_INDEX": "https://two", "SSL_CERT_FILE": "/own"}
    found = pippart.uv_environment(own, {"index_url": "https://a", "extra_index_url": "https://b", "cert": "/ca"})
    assert found == {**own, "UV_PYTHON_DOWNLOADS": "never"}


def test_what_pip_installed_from_elsewhere_is_asked_for_from_there(tmp_path: Path) -> None:
    origins = {
        "plain": None,
        "edited": '{"url": "file:///home/x/edited", "dir_info": {"editable": true}}',
        "cloned": '{"url": "https://h/r", "vcs_info": {"vcs": "git", "commit_id": "ab"}, "subdirectory": "s"}',
    }
    for name, origin in origins.items():
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        if origin:
            (folder / "direct_url.json").write_text(origin)
    assert [each.requirement for each in installed.distributions([tmp_path])] == [
        "cloned @ git+https://h/r@ab#subdirectory=s",
        "-e file:///home/x/edited",
        "plain==1.0",
    ]


def test_code_for_any_shell_quotes_values_and_unsets_what_is_gone() -> None:
    code = shell.difference({"A": "1", "GONE": "x", "SAME": "s"}, {"A": "it's two", "SAME": "s", "BASH_FUNC_f%%": "x"})
    assert code.splitlines() == ["export A='it'\"'\"'s two'", "unset GONE", "hash -r"]


def test_a_file_with_two_names_counts_once_and_is_freed_only_with_both(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "a").write_bytes(b"x" * 8192)
    os.link(cache / "a", cache / "b")
    (cache / "shared").write_bytes(b"x" * 8192)
    os.link(cache / "shared", tmp_path / "environment")
    assert caches.measure(cache) == caches.Size(held=16384, freed=8192)
    assert caches.measure(tmp_path / "none") == caches.Size()


def test_caches_are_emptied_and_a_link_to_a_larger_disk_stays(room: Any, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    (disk / "wheels").mkdir(parents=True)
    (disk / "wheels" / "x").write_bytes(b"x" * 8192)
    (disk / "wheels").chmod(0o555)
    (room.home / ".cache").mkdir()
    (room.home / ".cache" / "uv").symlink_to(disk)
    (room.home / ".local" / "share" / "Trash").mkdir(parents=True)
    assert room.run("cachecommands", "clear").returncode == 2
    dry = room.run("cachecommands", "clear", "--dry-run")
    assert dry.stderr.startswith("uv: ")
    assert "Would free " in dry.stderr
    assert (disk / "wheels" / "x").exists()
    done = room.run("cachecommands", "clear", "-y")
    assert done.returncode == 0
    assert done.stderr.splitlines()[-1].startswith("Freed ")
    assert (room.home / ".cache" / "uv").is_symlink()
    assert list(disk.iterdir()) == []
    assert (room.home / ".local" / "share" / "Trash").is_dir()
    wrong = room.run("cachecommands", "clear", "-y", "condo")
    assert wrong.stderr.startswith("There is no cache 'condo' (do you mean 'conda'?).\n")


def test_the_size_of_caches_is_told(room: Any) -> None:
    done = room.run("cachecommands", "size")
    names = ["CACHE", "conda", "uv", "pip", "npm", "astropy", "trash"]
    assert [line.split()[0] for line in done.stdout.splitlines()] == names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "env"
    found.mkdir()
    (found / "old").touch()
    return found


def make(folder: Path) -> None:
    folder.mkdir()
    (folder / "new").touch()
    (folder / "new").parent.chmod(0o500)


def test_a_folder_is_replaced_whole(folder: Path) -> None:
    with files.new_folder(folder, replace=True):
        make(folder)
    assert {path.name for path in folder.iterdir()} == {"new"}
    assert {path.name for path in folder.parent.iterdir()} == {"env"}


def test_a_folder_comes_back_where_its_replacement_fails(folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt), files.new_folder(folder, replace=True):
        make(folder)
        raise KeyboardInterrupt
    assert {path.name for path in folder.iterdir()} == {"old"}
    assert {path.name for path in folder.parent.iterdir()} == {"env"}


def test_a_folder_comes_back_where_the_program_that_replaced_it_was_killed(folder: Path) -> None:
    folder.rename(folder.with_name(".env.before"))
    make(folder)
    files.recover(folder)
    assert {path.name for path in folder.iterdir()} == {"old"}
    folder.rename(folder.with_name(".env.done"))
    make(folder)
    files.recover(folder)
    assert {path.name for path in folder.iterdir()} == {"new"}
    assert {path.name for path in folder.parent.iterdir()} == {"env"}


def test_a_folder_is_made_by_one_program_at_a_time(folder: Path) -> None:
    with files.new_folder(folder, replace=True):
        make(folder)
        with pytest.raises(ToolError, match="Another program is making"), files.new_folder(folder, replace=True):
            pass
        with pytest.raises(ToolError, match="Another program is making"):
            files.recover(folder)
    assert {path.name for path in folder.iterdir()} == {"new"}


def test_a_folder_that_has_come_meanwhile_is_not_replaced(folder: Path) -> None:
    with pytest.raises(ToolError, match="is there already"), files.new_folder(folder):
        make(folder)
    assert {path.name for path in folder.iterdir()} == {"old"}
    assert {path.name for path in folder.parent.iterdir()} == {"env"}


def test_a_second_ctrl_c_does_not_stop_the_tidying() -> None:
    before = signal.getsignal(signal.SIGINT)
    with errors.undisturbed():
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_home_that_is_not_there_is_told(room: Any) -> None:
    room.home.rmdir()
    room.home = room.root
    done = room.conda("env", "list", HOME="/no/home")
    assert (done.returncode, done.stderr) == (
        1,
        "The home folder /no/home is not there.\nWhat to do: set HOME to a folder of yours\n",
    )
