"""What the entry point says and hands on, whoever runs it."""

from __future__ import annotations

import os
import pty
import re
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.slow]
OVERHEAD_SECONDS = 0.5


def test_a_start_says_what_it_does_on_standard_error_and_nothing_else(run: Any) -> None:
    done = run(command=("bash", "-c", "echo mine; exit 7"))
    assert (done.code, done.out) == (7, "mine\n")
    lines = done.err.splitlines()
    assert all(re.match(r"INFO\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] ", line) for line in lines), done.err
    assert done.messages("INFO") == [
        "Entered start.sh with args: bash -c echo mine; exit 7",
        "Running hooks in: /usr/local/bin/start-notebook.d as uid: 1000 gid: 100",
        "Done running hooks in: /usr/local/bin/start-notebook.d",
        "Running hooks in: /usr/local/bin/before-notebook.d as uid: 1000 gid: 100",
        "Sourcing shell script: /usr/local/bin/before-notebook.d/10activate-conda-env.sh",
        "Sourcing shell script: /usr/local/bin/before-notebook.d/20-post-start.sh",
        "Done running hooks in: /usr/local/bin/before-notebook.d",
        "Executing the command: bash -c echo mine; exit 7",
    ]


def test_quiet_leaves_warnings_alone(run: Any) -> None:
    done = run("--env", "JUPYTER_DOCKER_STACKS_QUIET=1", "--env", "GRANT_SUDO=yes")
    assert len(done.err.splitlines()) == 1
    assert done.warnings == ["container must be started as root to grant sudo permissions!"]


@pytest.mark.parametrize(("variable", "coloured"), [("OTHER=1", True), ("NO_COLOR=1", False)])
def test_a_terminal_gets_warnings_in_colour(start_image: str, variable: str, coloured: bool) -> None:
    ours, theirs = pty.openpty()
    words = ["docker", "run", "--rm", "--tty", "--network", "none", "--env", variable, start_image, "start.sh", "true"]
    done = subprocess.run(words, stdin=theirs, capture_output=True, text=True, timeout=60)
    os.close(ours)
    os.close(theirs)
    assert ("\033[0;33mWARNING[" in done.stdout) == coloured
    assert "start.sh is the default ENTRYPOINT" in done.stdout


def test_start_sh_in_the_command_is_told_and_works(run: Any) -> None:
    done = run(command=("start.sh", "bash", "-c", "echo mine"))
    assert (done.code, done.out) == (0, "mine\n")
    assert done.warnings == ["start.sh is the default ENTRYPOINT, do not include it in CMD"]
    assert done.err.count("Running hooks in") == 2


def test_without_a_command_it_is_bash(start_image: str) -> None:
    words = ["docker", "run", "--rm", "--interactive", "--network", "none", "--entrypoint", "start.sh", start_image]
    done = subprocess.run(words, input="echo $0", capture_output=True, text=True, timeout=60)
    assert done.stdout == "bash\n"


@pytest.mark.parametrize("user", ["1000", "0"])
def test_a_command_that_is_not_there_is_named(run: Any, user: str) -> None:
    done = run("--user", user, command=("no-such-command",))
    assert done.code == 127
    assert done.warnings[0].startswith("There is no command 'no-such-command' (PATH is /opt/conda/bin:")


def test_the_command_has_an_active_base_the_mission_s_variables_and_the_user_s_name(run: Any) -> None:
    found = dict(line.split("=", 1) for line in run(command=("env",)).out.splitlines())
    assert found["CONDA_PREFIX"] == "/opt/conda"
    assert found["PATH"].startswith("/opt/conda/bin:")
    assert found["SMALL_DATA"] == "/home/jovyan/small data"
    assert (found["HOME"], found["USER"], found["LOGNAME"]) == ("/home/jovyan", "jovyan", "jovyan")


def test_another_environment_can_be_the_active_one_and_jupyter_is_found(run: Any) -> None:
    options = ("--env", "DOCKER_STACKS_CONDA_ENV=old")
    done = run(*options, command=("sh", "-c", "command -v python; command -v jupyterhub; echo $CONDA_DEFAULT_ENV"))
    assert done.out.split() == ["/opt/conda/envs/old/bin/python", "/opt/conda/bin/jupyterhub", "old"]
    missing = run("--env", "DOCKER_STACKS_CONDA_ENV=none")
    assert missing.code == 0
    assert missing.warnings == [
        "/usr/local/bin/before-notebook.d/10activate-conda-env.sh has failed, continuing execution"
    ]
    assert "There is no environment none in this image. Its environments: base, new, old" in missing.err


@pytest.mark.parametrize("user", ["1000", "0"])
def test_variables_are_unset_for_the_command_alone(run: Any, user: str, tmp_path: Path) -> None:
    hook = tmp_path / "see.sh"
    hook.write_text('echo "hook has $SECRET_ONE"\n')
    hook.chmod(0o755)
    options = (
        "--env",
        "SECRET_ONE=1",
        "--env",
        "SECRET_TWO=2",
        "--env",
        "LD_LIBRARY_PATH=/a",
        "--env",
        "PYTHONPATH=/b",
    )
    unset = ("--env", "JUPYTER_ENV_VARS_TO_UNSET=SECRET_ONE,SECRET_TWO,not-a-name")
    mount = ("--volume", f"{hook}:/usr/local/bin/before-notebook.d/99see.sh:ro")
    done = run("--user", user, *options, *unset, *mount, command=("env",))
    assert done.out.startswith("hook has 1\n")
    assert not re.search("^(SECRET_|JUPYTER_ENV)", done.out, re.MULTILINE)
    assert {"LD_LIBRARY_PATH=/a", "PYTHONPATH=/b"} <= set(done.out.splitlines())
    assert "Unset SECRET_TWO due to JUPYTER_ENV_VARS_TO_UNSET" in done.err


def test_the_start_takes_less_than_half_a_second_more_than_none(start_image: str, run: Any) -> None:
    def seconds(*options: str, command: tuple[str, ...]) -> float:
        start = time.perf_counter()
        assert run(*options, command=command).code == 0
        return time.perf_counter() - start

    bare, ours = [], []
    for _ in range(5):
        bare.append(seconds("--entrypoint", "/bin/true", command=()))
        ours.append(seconds(command=("true",)))
    assert statistics.median(ours) - statistics.median(bare) < OVERHEAD_SECONDS


@pytest.fixture(scope="module")
def rights(run: Any, lines: Callable[..., tuple[str, ...]]) -> list[str]:
    wanted = "find / -xdev -type f -perm /6000 2>/dev/null | while read -r f; do dpkg -S $f >/dev/null || echo $f; done"
    said: str = run(command=lines(wanted, "id -Gn", "sudo -n true 2>/dev/null || echo no sudo")).out
    return said.splitlines()


def test_only_debian_s_programs_have_rights_of_their_own_and_sudo_is_closed(rights: list[str]) -> None:
    assert rights == ["users", "no sudo"]


@pytest.mark.parametrize(
    ("what", "code", "output"),
    [
        ("source /usr/local/bin/run-hooks.sh; echo $?", 0, "1\n"),
        ("source /usr/local/bin/run-hooks.sh /no/folder; echo $?", 0, "1\n"),
        (
            "mkdir /tmp/h; echo 'A=1; set -e' >/tmp/h/a.sh; source /usr/local/bin/run-hooks.sh /tmp/h; false; echo $A",
            0,
            "1\n",
        ),
        ("source /usr/local/bin/_docker_stacks_log.sh; _log plain; _log_error bad; _log DEBUG more", 0, ""),
        ("fix-permissions", 2, ""),
        ("fix-permissions /no/folder", 1, ""),
        ("mkdir -p -m 700 /tmp/f/g; fix-permissions /tmp/f; stat -c %a:%g /tmp/f/g", 0, "2770:100\n"),
    ],
)
def test_users_can_use_the_parts(run: Any, what: str, code: int, output: str) -> None:
    done = run(command=("bash", "-c", what))
    assert (done.code, done.out) == (code, output), done.err
