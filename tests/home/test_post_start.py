"""``post-start-hook``: every step has its turn, its limit and its log, and none of them stops a login."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LOGS = ".local/state/platform-images/post-start"
Hook = Callable[..., None]
Start = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def hook(image: Any, tmp_path: Path) -> Hook:
    """``hook("10-greet", "echo hello")``: give the mission a hook of bash."""
    prefix = tmp_path / "conda"
    (prefix / "bin").mkdir(parents=True)
    activation = image.environments / "lib" / "activation.sh"
    activation.write_text(activation.read_text().replace("=/opt/conda\n", f"={prefix}\n"))

    def add(name: str, body: str, mode: int = 0o755) -> None:
        place = image.environments / "hooks" / name
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"#!/bin/bash\n{body}\n")
        place.chmod(mode)

    return add


@pytest.fixture
def start(image: Any, home: Path) -> Start:
    """``start("--on-hub", NAME="value")``: what a hub runs."""

    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        found: subprocess.CompletedProcess[str] = image.run("post-start-hook", *words, HOME=str(home), **variables)
        return found

    return run


def log(home: Path, name: str) -> str:
    return (home / LOGS / f"{name}.log").read_text()


def told(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What was told of each step: its name and how it went, without times."""
    found = re.findall(r"(INFO|WARNING)\[[^]]*\] post-start: (\S+): (.*?) (?:in|after) \d", done.stderr)
    return [" ".join(each) for each in found]


def test_home_notebooks_data_and_hooks_have_their_turn(
    image: Any, hook: Hook, start: Start, home: Path, repository: Any, tmp_path: Path
) -> None:
    rows = [{"url": repository.url, "ref": "main", "folder": "nb", "commit": repository.first}]
    data = [{"path": str(tmp_path), "link": "data/stars"}]
    (image.environments / "etc").mkdir()
    (image.environments / "etc" / "post-start.json").write_text(json.dumps({"notebooks": rows, "data": data}))
    hook("20-second", 'echo "$PWD $HOME"; cat nb/start.ipynb')
    hook("10-first", 'echo "$PLATFORM_ON_HUB $CONDA_DEFAULT_ENV"')
    done = start()
    assert done.returncode == 0
    assert told(done) == [f"INFO {name} done" for name in ("home", "notebooks", "data", "10-first", "20-second")]
    assert (home / "WELCOME.md").exists()
    assert (home / "data" / "stars").readlink() == tmp_path
    assert log(home, "10-first") == "no base\n"
    assert log(home, "20-second") == f"{home} {home}\nstart 1"
    assert log(home, "summary").count("\n") == 5


@pytest.mark.parametrize(
    ("words", "variables", "ran"),
    [
        ([], {}, ["30-off", "30-both"]),
        ([], {"JUPYTERHUB_API_TOKEN": "x"}, ["30-on", "30-both"]),
        (["--on-hub"], {}, ["30-on", "30-both"]),
        (["--off-hub"], {"JUPYTERHUB_API_TOKEN": "x"}, ["30-off", "30-both"]),
    ],
)
def test_a_hook_s_name_may_say_where_it_runs(
    hook: Hook, start: Start, home: Path, words: list[str], variables: dict[str, str], ran: list[str]
) -> None:
    for name in ("30-on.on-hub", "30-off.off-hub", "30-both"):
        hook(name, f"echo {name.partition('.')[0]} >> $HOME/ran")
    assert start(*words, **variables).returncode == 0
    assert sorted((home / "ran").read_text().split()) == sorted(ran)


def test_a_hook_that_fails_is_said_and_the_next_has_its_turn(hook: Hook, start: Start, home: Path) -> None:
    hook("10-bad", "echo 'https://me:secret@host is away' >&2; exit 3")
    hook("20-good", "touch $HOME/good")
    done = start()
    assert done.returncode == 0
    assert (home / "good").exists()
    warnings = [line for line in done.stderr.splitlines() if line.startswith("WARNING")]
    assert len(warnings) == 1
    assert "10-bad: exit code 3" in warnings[0]
    assert "host is away" in warnings[0]
    assert "secret" not in warnings[0]
    assert start("--strict").returncode == 1


def test_a_hook_that_hangs_is_stopped_with_all_that_it_has_started(hook: Hook, start: Start, home: Path) -> None:
    hook("10-hang", "trap '' TERM; sleep 60 & echo $! > $HOME/pid; wait; sleep 60")
    hook("20-good", "touch $HOME/good")
    done = start("--strict", PLATFORM_POST_START_LIMIT="1", PLATFORM_POST_START_WAIT="40")
    assert done.returncode == 1
    assert "10-hang: was stopped at its limit of time" in done.stderr
    assert (home / "good").exists()
    assert ended((home / "pid").read_text().strip())


def test_what_takes_long_goes_on_behind(hook: Hook, start: Start, home: Path) -> None:
    hook("10-slow", "sleep 3; touch $HOME/slow")
    begun = time.monotonic()
    done = start(PLATFORM_POST_START_WAIT="1")
    assert time.monotonic() - begun < 2.5
    assert done.returncode == 0
    assert "goes on behind" in done.stderr
    assert "another one is at it" in start().stderr
    eventually(lambda: (home / "slow").exists() and "10-slow: done" in log(home, "summary"))


def test_in_the_background_nothing_is_said_and_nobody_waits(hook: Hook, start: Start, home: Path) -> None:
    hook("10-slow", "sleep 1; echo said; touch $HOME/slow; exit 1")
    begun = time.monotonic()
    done = start("--background")
    assert time.monotonic() - begun < 1
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    eventually(lambda: (home / "slow").exists() and "exit code 1" in log(home, "summary"))


def ended(pid: str) -> bool:
    """Whether a process is gone, or only waits for somebody to take note of its end."""
    place = Path("/proc", pid, "stat")
    return not place.exists() or place.read_text().rpartition(")")[2].split()[0] == "Z"


def eventually(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_quiet_means_warnings_only(hook: Hook, start: Start) -> None:
    hook("10-good", "true")
    hook("20-bad", "false")
    done = start(JUPYTER_DOCKER_STACKS_QUIET="1")
    assert [line.split("[")[0] for line in done.stderr.splitlines()] == ["WARNING"]


def test_what_is_no_hook_is_left_out(hook: Hook, start: Start, home: Path) -> None:
    hook("10-not-executable", "touch $HOME/ran", mode=0o644)
    hook("20-copy~", "touch $HOME/ran")
    done = start()
    assert done.returncode == 0
    assert "10-not-executable is not executable" in done.stderr
    assert not (home / "ran").exists()


def test_a_home_that_cannot_be_written_to_stops_no_hook(hook: Hook, start: Start, home: Path) -> None:
    hook("10-good", "echo hello")
    (home / ".local").write_text("in the way")
    done = start()
    assert done.returncode == 0
    assert "10-good: done" in done.stderr


@pytest.mark.parametrize("words", [["--on-hub", "--off-hub"], ["--loud"]])
def test_unknown_options_are_refused(start: Start, words: list[str]) -> None:
    done = start(*words)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: post-start-hook")


def test_a_limit_that_is_no_number_is_said(start: Start) -> None:
    done = start(PLATFORM_POST_START_LIMIT="soon")
    assert done.returncode == 0
    assert "PLATFORM_POST_START_LIMIT is 'soon'" in done.stderr


def test_links_follow_what_the_site_mounts(image: Any, home: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (image.environments / "etc").mkdir()

    def link(path: Path, name: str = "refdata/stars") -> None:
        rows = {"data": [{"path": str(path), "link": name}]}
        (image.environments / "etc" / "post-start.json").write_text(json.dumps(rows))
        done = image.run("bin/link-data", home)
        assert done.returncode == 0, done.stderr

    place = home / "refdata" / "stars"
    link(data)
    assert not place.is_symlink()
    data.mkdir()
    link(data)
    assert place.readlink() == data
    (tmp_path / "elsewhere").mkdir()
    link(tmp_path / "elsewhere")
    assert place.readlink() == tmp_path / "elsewhere"
    link(tmp_path / "gone")
    assert not place.is_symlink()
    place.mkdir(parents=True, exist_ok=True)
    (place / "mine").write_text("mine")
    link(data)
    assert (place / "mine").read_text() == "mine"
