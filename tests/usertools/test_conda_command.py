"""``conda`` with a channel of its own on this machine: rattler solves and links; no Python is in the packages."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from usertools import condaparser

ENVIRONMENT = "name: stars\nchannels: [embedded]\ndependencies:\n  - tool=1.0\n  - lonely\nvariables: {STAR: Vega}\n"


def test_an_environment_is_made_used_changed_and_removed(room: Any) -> None:
    made = room.conda("create", "-y", "-n", "stars", "tool=1.0")
    assert made.returncode == 0, made.stderr
    assert "  + tool 1.0 0 (embedded)" in made.stderr
    assert made.stderr.endswith("Done. To use it: conda activate stars\n")
    assert room.packages("stars") == {"library": "2.0", "tool": "1.0"}
    prefix = room.home / ".conda" / "envs" / "stars"
    assert (prefix / "share" / "tool.txt").read_text() == "1.0\n"

    assert room.conda("run", "-n", "stars", "echo", "-n").stdout == f"{prefix} echo -n\n"
    assert room.conda("install", "-y", "-n", "stars", "lonely").returncode == 0
    assert room.packages("stars") == {"library": "2.0", "lonely": "1.0", "tool": "1.0"}
    assert room.conda("update", "-y", "-n", "stars", "tool=2").returncode == 0
    assert room.packages("stars")["tool"] == "2.0"
    assert room.conda("remove", "-y", "-n", "stars", "tool").returncode == 0
    assert room.packages("stars") == {"lonely": "1.0"}

    assert room.conda("env", "remove", "-y", "-n", "stars").returncode == 0
    assert room.files() == set()


def test_an_update_of_all_moves_what_was_asked_for_without_a_version(room: Any) -> None:
    room.conda("create", "-y", "-n", "stars", "tool=1.0", "library=1.0")
    room.conda("create", "-y", "-n", "moons", "tool")
    done = room.conda("update", "-y", "-n", "stars", "--all")
    assert done.returncode == 0, done.stderr
    assert room.packages("stars") == {"library": "1.0", "tool": "1.0"}
    assert room.packages("moons") == {"library": "2.0", "tool": "2.0"}


def test_nothing_is_changed_by_a_dry_run_or_without_a_yes(room: Any) -> None:
    dry = room.conda("create", "--dry-run", "--json", "-n", "stars", "tool")
    assert dry.returncode == 0
    answer = json.loads(dry.stdout)
    assert answer["dry_run"] is True
    assert [each["name"] for each in answer["actions"]["LINK"]] == ["library", "tool"]
    asked = room.conda("create", "-n", "stars", "tool")
    assert asked.returncode == 2
    assert asked.stderr.endswith("Nobody can answer here.\nWhat to do: add -y to say yes\n")
    assert room.files() == set()


def test_an_environment_yml_makes_the_environment_with_its_variables_and_is_exported_again(room: Any) -> None:
    (room.home / "environment.yml").write_text(ENVIRONMENT)
    made = room.conda("env", "create")
    assert made.returncode == 0, made.stderr
    exported = room.conda("env", "export", "-n", "stars").stdout
    assert exported == (
        "name: stars\nchannels:\n- embedded\ndependencies:\n- library=2.0=0\n- lonely=1.0=0\n- tool=1.0=0\n"
        "variables:\n  STAR: Vega\n"
    )
    asked = room.conda("env", "export", "-n", "stars", "--from-history", "-f", "asked.yml")
    assert asked.stderr == "Written: asked.yml\n"
    assert "dependencies:\n- tool=1.0\n- lonely\n" in (room.home / "asked.yml").read_text()
    again = room.conda("env", "create")
    assert again.returncode == 2
    assert again.stderr == (
        "The environment stars is there already.\nWhat to do: conda env update, or conda env remove\n"
    )


def test_an_environment_follows_its_file(room: Any) -> None:
    (room.home / "environment.yml").write_text(ENVIRONMENT)
    assert room.conda("env", "update").returncode == 0, "a missing one is made"
    (room.home / "environment.yml").write_text(ENVIRONMENT.replace("tool=1.0", "tool=2.0").replace("  - lonely\n", ""))
    assert room.conda("env", "update").returncode == 0
    assert room.packages("stars") == {"library": "2.0", "lonely": "1.0", "tool": "2.0"}
    assert room.conda("env", "update", "--prune").returncode == 0
    assert room.packages("stars") == {"library": "2.0", "tool": "2.0"}
    assert "lonely" not in room.conda("env", "export", "-n", "stars", "--from-history").stdout


def test_create_takes_words_and_files_together(room: Any) -> None:
    (room.home / "list.txt").write_text("# mine\ntool=1.0  # old\n\n")
    (room.home / "more.yml").write_text("name: stars\ndependencies: [lonely]\n")
    done = room.conda("create", "-q", "-y", "--file", "list.txt", "--file", "more.yml", "library=1.0")
    assert done.returncode == 0, done.stderr
    assert " + " not in done.stderr, "-q lists no packages"
    assert room.packages("stars") == {"library": "1.0", "lonely": "1.0", "tool": "1.0"}


def test_an_environment_elsewhere_is_listed_and_forgotten(room: Any) -> None:
    assert room.conda("create", "-y", "-p", "project/env", "lonely").returncode == 0
    prefix = str(room.home / "project" / "env")
    conda = room.root / "conda"
    listed = json.loads(room.conda("env", "list", "--json").stdout)["envs"]
    assert listed == [str(conda), str(conda / "envs" / "tess"), prefix]
    room.conda("env", "remove", "-y", "-p", "project/env")
    assert prefix not in room.conda("env", "list").stdout


def test_a_replaced_environment_comes_back_where_the_new_one_fails(room: Any) -> None:
    room.conda("create", "-y", "-n", "stars", "lonely")
    done = room.conda("create", "-y", "-n", "stars", "tool", "damaged")
    assert done.returncode == 1
    assert "The packages cannot be installed." in done.stderr
    assert room.packages("stars") == {"lonely": "1.0"}
    assert room.conda("create", "-y", "-n", "stars", "tool=1.0").returncode == 0
    assert room.packages("stars") == {"library": "2.0", "tool": "1.0"}
    assert {path.name for path in (room.home / ".conda" / "envs").iterdir()} == {"stars"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_creation_leaves_nothing(room: Any, number: signal.Signals, tmp_path: Path) -> None:
    words = [sys.executable, "-c", _INTERRUPTING, str(room.home / ".conda" / "envs" / "stars"), str(int(number))]
    done = room.run("conda", "main", "create", "-y", "-n", "stars", "large")
    assert done.returncode == 0, "what is interrupted next has its package in the cache"
    room.conda("env", "remove", "-y", "-n", "stars")
    command = [*words, *done.args]
    ended = subprocess.run(
        command, env={"HOME": str(room.home), "PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=60
    )
    assert ended.stdout == ("130\n" if number is signal.SIGINT else f"{128 + number}\n"), ended.stderr
    assert "Traceback" not in ended.stderr
    assert {path.name for path in (room.home / ".conda" / "envs").iterdir()} == set()


_INTERRUPTING = """
import os, subprocess, sys, time
folder, number = sys.argv[1], int(sys.argv[2])
program = subprocess.Popen(sys.argv[3:])
while not os.path.isdir(folder + "/share/large"):
    assert program.poll() is None, "it has ended too soon"
    time.sleep(0.002)
program.send_signal(number)
program.send_signal(number)
print(program.wait())
"""


def test_an_interrupted_change_is_completed_by_the_same_command(room: Any) -> None:
    room.conda("create", "-y", "-n", "stars", "lonely")
    folder = room.home / ".conda" / "envs" / "stars"
    done = room.run("conda", "main", "create", "-y", "-n", "other", "large")
    command = [*done.args[:-4], "-n", "stars", "large"]
    command[command.index("create")] = "install"
    environment = {"HOME": str(room.home), "PATH": os.environ["PATH"]}
    words = [sys.executable, "-c", _INTERRUPTING, str(folder), str(int(signal.SIGINT)), *command, "-y"]
    ended = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.stdout == "130\n", ended.stderr
    assert "the same command again completes it" in ended.stderr
    time.sleep(0.5)
    assert room.conda("install", "-y", "-n", "stars", "large").returncode == 0
    assert len([place for place in (folder / "share" / "large").rglob("*") if place.is_file()]) == 1500
    assert room.packages("stars") == {"large": "1.0", "lonely": "1.0"}


MISTAKES = {
    ("create", "-y", "-n", "tess", "tool"): "tess is an environment of the image.",
    ("create", "-y", "-n", "a b", "tool"): "'a b' is no name for an environment.",
    ("create", "-y", "tool"): "The new environment has no name.",
    ("create", "-y", "-n", "x", "nosuch"): "No set of packages fulfils what was asked.",
    ("create", "-y", "-n", "x", "tool=3"): "No set of packages fulfils what was asked.",
    ("create", "-y", "-n", "x", ""): "A package was not asked for as conda writes it.",
    ("create", "-y", "-n", "x", "tool>>"): "A package was not asked for as conda writes it.",
    ("create", "-y", "-n", "x", "./tool-1.0-0.conda"): "./tool-1.0-0.conda is a file, and packages are taken from",
    ("create", "-y", "-n", "x", "tool", "-c", "/nowhere"): "A channel cannot be read.",
    ("create", "-y", "-n", "x", "tool", "-c", "ht!tp://x"): "A channel is neither a name nor a URL.",
    ("create", "-y", "-n", "x", "tool", "--override-channels"): "No channel is left to take packages from.",
    ("create", "-y", "-n", "x", "tool", "ipykernel"): "A pip part needs a Python.",
    ("create", "-y", "-n", "x", "--file", "no.txt"): "no.txt cannot be read: No such file or directory.",
    ("create", "-y", "-n", "x", "--file", "binary.txt"): "binary.txt cannot be read: it is no text.",
    ("create", "-y", "-p", ".", "tool"): "{home} is there already, and is no conda environment.",
    ("env", "create"): "environment.yml cannot be read: No such file or directory.",
    ("install", "-n", "sta", "tool"): "There is no environment 'sta'.",
    ("install", "-p", "nowhere", "tool"): "There is no conda environment at {home}/nowhere.",
    ("install", "-n", "tess"): "No packages are named.",
    ("remove", "-n", "tess", "tool"): "tool is not among the conda packages of tess.",
    ("update", "-n", "tess", "tool"): "tool is not among the conda packages of tess.",
    ("update", "-n", "tess"): "Name packages, or all of them with --all.",
    ("env", "remove", "-y", "-n", "tess"): "tess is an environment of the image, and stays.",
    ("list", "-n", "tess", "nu["): "'nu[' is no regular expression:",
    ("search", "nosuch"): "No channel carries nosuch.",
    ("search", "tool[version="): "A package was not asked for as conda writes it.",
    ("run", "-n", "tess"): "There is no command to run.",
    ("activate", "tess"): "conda activate works in a terminal, or in a shell that knows conda.",
    ("shell.fish", "hook"): "conda shell.fish hook is not known.",
    ("config",): "Nothing was asked.",
    ("config", "--add", "colour", "red"): "The key 'colour' cannot be changed here.",
    ("config", "--remove", "channels", "stars"): "stars is not among the channels of {home}/.condarc.",
    ("config", "--show", "nothing"): "There is no key 'nothing'.",
}


@pytest.mark.parametrize("words", MISTAKES, ids=" ".join)
def test_a_mistake_is_told_in_words_and_leaves_nothing(room: Any, words: tuple[str, ...]) -> None:
    (room.home / "binary.txt").write_bytes(b"\xff\xfe")
    done = room.conda(*words)
    assert done.returncode in (1, 2)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("Solving")]
    assert lines[0].startswith(MISTAKES[words].format(home=room.home)), done.stderr
    assert room.files() == {"binary.txt"}
    assert done.stdout == ""


def test_an_error_is_json_where_that_was_asked_for(room: Any) -> None:
    done = room.conda("list", "-n", "nosuch", "--json")
    assert json.loads(done.stdout) == {
        "success": False,
        "error": "There is no environment 'nosuch'.",
        "message": "there are: base, tess",
    }


def test_channels_of_the_condarc_come_before_the_image_s(room: Any, channel: Path) -> None:
    assert room.conda("config", "--add", "channels", str(channel)).returncode == 0
    assert (room.home / ".condarc").read_text() == f"channels:\n- {channel}\n- defaults\n"
    shown = json.loads(room.conda("config", "--show", "channels", "--json").stdout)
    assert shown == {"channels": [str(channel), "embedded"]}
    room.conda("config", "--remove", "channels", str(channel))
    assert (room.home / ".condarc").read_text() == ""


def test_a_search_lists_versions_and_patterns(room: Any) -> None:
    assert room.conda("search", "tool").stdout == (
        "# Name  Version  Build  Channel\ntool    1.0      0      embedded\ntool    2.0      0      embedded\n"
    )
    assert set(json.loads(room.conda("search", "l*", "--json").stdout)) == {"large", "library", "lonely"}


def test_info_says_what_this_conda_is(room: Any) -> None:
    found = json.loads(room.conda("info", "--json").stdout)
    assert found["image"] == "sky 2026.1"
    assert found["envs_dirs"][0] == str(room.home / ".conda" / "envs")
    assert room.conda("info", "--base").stdout == f"{room.root / 'conda'}\n"


def test_clean_empties_the_cache_and_environments_keep_their_files(room: Any) -> None:
    room.conda("create", "-y", "-n", "stars", "tool")
    assert room.conda("clean", "-y", "--all").returncode == 0
    assert {path.name for path in (room.home / ".cache" / "conda-packages").iterdir()} == set()
    assert room.packages("stars")["tool"] == "2.0"


def test_a_damaged_environment_is_named(room: Any) -> None:
    room.conda("create", "-y", "-n", "stars", "lonely")
    record = room.home / ".conda" / "envs" / "stars" / "conda-meta" / "lonely-1.0-0.json"
    record.write_text('{"name": "lon')
    done = room.conda("list", "-n", "stars")
    assert done.returncode == 1
    assert done.stderr.startswith(f"The environment at {record.parent.parent} is damaged.\n")


def test_a_result_that_cannot_be_written_is_a_failure(room: Any) -> None:
    words = room.conda("info", "--base").args
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            words, env={"HOME": str(room.home)}, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr.startswith("A file cannot be used: No space left on device.\n")


def test_a_command_that_is_run_ends_at_a_closed_pipe_as_it_would_without_conda(room: Any) -> None:
    (room.root / "activated").write_text("#!/bin/sh\nyes | head -1\n")
    done = room.conda("run", "-n", "tess", "yes")
    assert (done.returncode, done.stdout, done.stderr) == (0, "y\n", "")


def test_an_environment_of_an_older_image_is_changed_with_what_the_newer_one_carries(
    room: Any, make_channel: Callable[..., Path]
) -> None:
    room.conda("create", "-y", "-n", "stars", "tool=1.0", "lonely")
    newer = make_channel("tool-3.0", "library-3.0", "fresh-1.0")
    (room.root / "channels.json").write_text(json.dumps({"channels": [{"name": "embedded", "url": newer.as_uri()}]}))
    done = room.conda("install", "-y", "-n", "stars", "fresh")
    assert done.returncode == 0, done.stderr
    assert room.packages("stars") == {"fresh": "1.0", "library": "2.0", "lonely": "1.0", "tool": "1.0"}
    done = room.conda("install", "-y", "-n", "stars", "tool=3")
    assert done.returncode == 0, done.stderr
    assert room.packages("stars")["tool"] == "3.0"
    done = room.conda("remove", "-y", "-n", "stars", "lonely")
    assert done.returncode == 0, done.stderr
    gone = room.conda("install", "-y", "-n", "stars", "lonely")
    assert gone.returncode == 1
    assert room.packages("stars") == {"fresh": "1.0", "library": "2.0", "tool": "3.0"}


def test_every_command_of_the_documentation_is_one(project: Path) -> None:
    text = (project / "docs" / "usertools.md").read_text()
    blocks = text.split("```sh\n")[1:]
    lines = [line.partition(" #")[0] for block in blocks for line in block.split("```")[0].splitlines()]
    commands = [
        shlex.split(command.partition(" > ")[0]) for line in lines for command in line.split("&&") if line.strip()
    ]
    assert len([words for words in commands if words[:1] == ["conda"]]) > 10
    programs = {path.name for path in (project / "common" / "runtime" / "usr" / "local" / "bin").iterdir()}
    for words in commands:
        if words[0] == "conda":
            condaparser.parser("conda").parse_args(words[1:])
        else:
            assert words[0] in programs | {"pip", "source", "eval"}
