"""What ``activated`` does to an environment, in plain bash on this machine: prefixes are folders of the test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def launcher(project: Path) -> Path:
    return project / "common" / "runtime" / "opt" / "environments" / "bin" / "activated"


@pytest.fixture
def activated(launcher: Path) -> Run:
    """``activated(prefix, command, ..., NAME="value")``: run it with only these variables."""

    def run(*words: object, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(launcher), *map(str, words)],
            env={"PATH": SYSTEM_PATH, **variables},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def variables(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    assert done.returncode == 0, done.stderr
    return dict(pair.split("=", 1) for pair in done.stdout.split("\0") if pair)


@pytest.fixture
def make_prefix(tmp_path: Path) -> Callable[..., Path]:
    """``make_prefix(name, **{"activate.d/x.sh": text})``: a prefix below ``envs`` with these files in ``etc/conda``."""

    def make(name: str, files: dict[str, str] | None = None) -> Path:
        prefix = tmp_path / "envs" / name
        (prefix / "bin").mkdir(parents=True)
        (prefix / "bin" / "python").symlink_to(sys.executable)
        for place, text in (files or {}).items():
            file = prefix / "etc" / "conda" / place
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return prefix

    return make


MakePrefix = Callable[..., Path]


def test_the_prefix_comes_first_and_conda_s_variables_are_set(activated: Run, make_prefix: MakePrefix) -> None:
    prefix = make_prefix("tess")
    found = variables(activated(prefix, "env", "-0"))
    assert found["PATH"] == f"{prefix}/bin:{SYSTEM_PATH}"
    assert found["CONDA_PREFIX"] == str(prefix)
    assert found["CONDA_DEFAULT_ENV"] == "tess"
    assert found["CONDA_SHLVL"] == "1"
    assert found["CONDA_PROMPT_MODIFIER"] == "(tess) "


def test_another_active_environment_is_replaced(activated: Run, make_prefix: MakePrefix) -> None:
    old = make_prefix("old", {"deactivate.d/x.sh": "unset OLD_DATA\n", "env_vars.d/x.json": '{"OLD_LEVEL": "1"}'})
    new = make_prefix("new")
    found = variables(
        activated(
            new,
            *("env", "-0"),
            PATH=f"/first:{old}/bin:{SYSTEM_PATH}:{old}/bin",
            CONDA_PREFIX=str(old),
            CONDA_SHLVL="1",
            OLD_DATA="there",
            OLD_LEVEL="1",
        )
    )
    assert found["PATH"] == f"{new}/bin:/first:{SYSTEM_PATH}"
    assert (found["CONDA_SHLVL"], found["CONDA_PREFIX_1"]) == ("2", str(old))
    assert "OLD_DATA" not in found
    assert "OLD_LEVEL" not in found


def test_activating_twice_is_activating_once(activated: Run, make_prefix: MakePrefix, launcher: Path) -> None:
    prefix = make_prefix("tess")
    once = variables(activated(prefix, "env", "-0"))
    assert variables(activated(prefix, launcher, prefix, "env", "-0")) == once


def test_variables_come_from_packages_then_from_the_environment_s_own_state(
    activated: Run, make_prefix: MakePrefix
) -> None:
    prefix = make_prefix("tess", {"env_vars.d/a.json": json.dumps({"A": "package", "B": "two\nlines $HOME"})})
    (prefix / "conda-meta").mkdir()
    (prefix / "conda-meta" / "state").write_text(json.dumps({"env_vars": {"A": "state", "C": "***unset***"}}))
    found = variables(activated(prefix, "env", "-0"))
    assert found["A"] == "state"
    assert found["B"] == "two\nlines $HOME"
    assert "C" not in found


def test_scripts_are_sourced_in_order_and_cannot_break_the_start(activated: Run, make_prefix: MakePrefix) -> None:
    scripts = {
        "activate.d/10-unset.sh": 'export SEEN="$NO_SUCH_VARIABLE|10"\n',
        "activate.d/20-strict.sh": 'set -eu\nfalse\nexport SEEN="$SEEN|20"\n',
        "activate.d/30-returns.sh": 'export SEEN="$SEEN|30"\nreturn 4\n',
        "activate.d/40-reads.sh": 'read -r line; export SEEN="$SEEN|40$line"\n',
        "activate.d/50-prefix.sh": 'export GDAL_DATA="$CONDA_PREFIX/share/gdal"\n',
        "activate.d/60-other.fish": "exit 1\n",
    }
    prefix = make_prefix("tess", scripts)
    done = activated(prefix, "sh", "-c", 'cat; printf "%s %s" "$SEEN" "$GDAL_DATA"', stdin="for the command ")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"for the command |10|20|30|40 {prefix}/share/gdal"


def test_a_prefix_that_is_not_there_is_named(activated: Run, tmp_path: Path) -> None:
    done = activated(tmp_path / "nowhere", "true")
    assert done.returncode == 1
    assert f"There is no environment {tmp_path}/nowhere in this image." in done.stderr


def test_a_command_that_is_not_there_is_named(activated: Run, make_prefix: MakePrefix) -> None:
    done = activated(make_prefix("tess"), "no-such-command")
    assert done.returncode == 127
    assert "there is no command no-such-command in the environment" in done.stderr


def test_the_command_s_words_and_exit_code_are_its_own(activated: Run, make_prefix: MakePrefix) -> None:
    done = activated(make_prefix("a b"), "sh", "-c", 'printf "%s|" "$@"; exit 9', "sh", "x y", "", "*")
    assert (done.returncode, done.stdout) == (9, "x y||*|")


def test_the_launcher_becomes_the_command(launcher: Path, make_prefix: MakePrefix) -> None:
    with subprocess.Popen(
        [str(launcher), str(make_prefix("tess")), "sh", "-c", "echo $$"], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.communicate(timeout=60)[0].strip() == str(child.pid)


def test_activation_without_scripts_is_quick(activated: Run, make_prefix: MakePrefix) -> None:
    prefix = make_prefix("tess")
    taken = []
    for _ in range(10):
        start = time.perf_counter()
        activated(prefix, "true")
        taken.append(time.perf_counter() - start)
    assert min(taken) < 0.05


def test_a_running_shell_can_be_activated(launcher: Path, make_prefix: MakePrefix) -> None:
    prefix = make_prefix("tess")
    script = f'set -eu\nsource {launcher.with_name("activate")} {prefix}\nprintf "%s %s" "$CONDA_PREFIX" "$-"'
    done = subprocess.run(["bash", "-c", script], env={"PATH": SYSTEM_PATH}, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == [str(prefix), "ehuBc"], done.stderr


def test_the_file_for_sourcing_says_so_when_it_is_run(launcher: Path) -> None:
    done = subprocess.run(["bash", str(launcher.with_name("activate"))], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "source" in done.stderr


def test_what_a_person_runs_can_be_executed(project: Path) -> None:
    runtime = project / "common" / "runtime"
    for name in (
        "opt/environments/bin/activated",
        "usr/local/bin/start-notebook.py",
        "etc/jupyter/docker_healthcheck.py",
    ):
        assert os.access(runtime / name, os.X_OK), name
