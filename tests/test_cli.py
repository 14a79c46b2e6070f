from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from platform_images import cli

Invoke = Callable[..., subprocess.CompletedProcess[str]]
VERBS = (
    *("build", "channel", "clean", "diff", "doctor", "exec", "graph", "hub", "lab", "list", "matrix", "new"),
    *("outdated", "push", "schemas", "shell", "test", "verify", "why"),
)


@pytest.fixture(scope="session")
def checkout(small_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout that a test may spoil: put back what you change."""
    folder = tmp_path_factory.mktemp("spoilt") / "project"
    shutil.copytree(small_project, folder)
    return folder


def test_every_verb_is_listed_with_its_one_line(project: Path, run_invoke: Invoke) -> None:
    listed = run_invoke(project, "--list").stdout
    assert all(f"  {verb} " in listed for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_with_examples(project: Path, run_invoke: Invoke, verb: str) -> None:
    done = run_invoke(project, "--help", verb)
    assert done.returncode == 0
    assert f"invoke {verb}" in done.stdout


def test_a_typo_in_a_mission_file_is_named_with_its_cure(checkout: Path, run_invoke: Invoke) -> None:
    path = checkout / "deployments/small/mission.toml"
    before = path.read_text(encoding="utf-8")
    try:
        path.write_text(before.replace("title =", "titel ="), encoding="utf-8")
        done = run_invoke(checkout, "list")
    finally:
        path.write_text(before, encoding="utf-8")
    assert done.returncode == 2
    assert "deployments/small/mission.toml: key 'titel' is not known (did you mean 'title'?)" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_an_unknown_mission_is_a_mistake_of_use(project: Path, run_invoke: Invoke) -> None:
    done = run_invoke(project, "build", "--mission", "tik")
    assert done.returncode == 2
    assert "did you mean 'tike'?" in done.stderr


@pytest.mark.parametrize("verb", ["build", "exec", "hub", "lab", "push", "shell", "test"])
def test_a_verb_without_its_mission_names_the_missions(project: Path, run_invoke: Invoke, verb: str) -> None:
    done = run_invoke(project, verb)
    assert done.returncode == 2
    assert "jwebbinar, jwst, roman, tike" in done.stderr


def test_an_unknown_kernel_names_the_mission_s_kernels(project: Path, run_invoke: Invoke) -> None:
    done = run_invoke(project, "build", "--mission", "tike", "--kernel", "tes", "--print")
    assert done.returncode == 2
    assert "did you mean 'tess'?" in done.stderr


def test_frozen_and_floating_exclude_each_other(project: Path, run_invoke: Invoke) -> None:
    done = run_invoke(project, "build", "--mission", "tike", "--frozen", "--floating")
    assert done.returncode == 2
    assert "--frozen and --floating exclude each other" in done.stderr


def test_a_dockerfile_is_not_printed_as_json(project: Path, run_invoke: Invoke) -> None:
    done = run_invoke(project, "build", "--mission", "tike", "--print", "--json")
    assert done.returncode == 2
    assert "--print and --json exclude each other" in done.stderr


@pytest.mark.parametrize("verb", ["build", "test", "lab"])
def test_without_an_engine_the_cure_is_named(
    project: Path, run_invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verb: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine.sock")
    done = run_invoke(project, verb, "--mission", "tike")
    assert done.returncode == 6, done.stderr
    assert "DOCKER_HOST" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_error_to_speak_of(project: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "invoke", "list", "--json"],
            cwd=project,
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


@pytest.fixture
def umlauts(checkout: Path) -> Iterator[Path]:
    """A checkout in which a display name is not all ASCII."""
    kernel = checkout / "deployments/small/kernels/new/kernel.toml"
    before = kernel.read_text(encoding="utf-8")
    kernel.write_text(re.sub("(?m)^display_name = .*", 'display_name = "Ünï 🔭"', before), encoding="utf-8")
    yield checkout
    kernel.write_text(before, encoding="utf-8")


def test_what_the_terminal_cannot_show_is_escaped(
    umlauts: Path, run_invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = run_invoke(umlauts, "list")
    assert "Traceback" not in done.stderr
    assert "\\xdcn\\xef \\U0001f52d" in done.stdout


def test_json_is_json_in_any_encoding(umlauts: Path, run_invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = json.loads(run_invoke(umlauts, "list", "--json").stdout)
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = run_invoke(umlauts, "list", "--json")
    assert done.stdout.isascii()
    assert json.loads(done.stdout) == shown
    assert "Ünï 🔭" in str(shown)


def test_a_full_disk_below_standard_output_is_said(project: Path) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "invoke", "list", "--json"],
            cwd=project,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode != 0
    assert "No space is left" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_written_is_named(checkout: Path, run_invoke: Invoke) -> None:
    (checkout / "docs").write_text("in the way")
    done = run_invoke(checkout, "schemas")
    assert done.returncode == 1
    assert f"Error: {checkout}/docs" in done.stderr
    assert "Traceback" not in done.stderr


def test_colour_is_for_terminals_only(project: Path, run_invoke: Invoke) -> None:
    done = run_invoke(project, "list")
    assert "\x1b[" not in done.stdout + done.stderr


@pytest.mark.parametrize(("verb", "flag"), [("test", "--jobs"), ("lab", "--port")])
def test_a_number_that_is_none_is_a_mistake_of_use(project: Path, run_invoke: Invoke, verb: str, flag: str) -> None:
    done = run_invoke(project, verb, "--mission", "tike", flag, "many")
    assert done.returncode == 2
    assert f"{flag} 'many' is not a number" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("graph", "--mission", "tike", "--out", "~nosuchuser/x.svg"),
        ("build", "--mission", "tike", "--print", "--mirror", "~nosuchuser/x"),
        ("mirror", "--check", "--out", "~nosuchuser/x"),
        ("push", "--mission", "tike", "--out", "~nosuchuser/x"),
        ("lab", "--mission", "tike", "--home", "~nosuchuser/x"),
    ],
    ids=lambda words: words[0],
)
def test_the_home_of_nobody_is_a_mistake_of_use(project: Path, run_invoke: Invoke, words: tuple[str, ...]) -> None:
    done = run_invoke(project, *words)
    assert done.returncode == 2, done.stderr
    assert f"{words[-2]}: '{words[-1]}' begins in a home that is not known" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--kernel", ""), "--kernel is given nothing"),
        (("--root", "Bad Image"), "--root: 'Bad Image' is not the name of an image"),
        (("--mirror", "/nowhere"), "/nowhere is not a mirror"),
    ],
)
def test_what_no_build_takes_is_not_printed_either(
    project: Path, run_invoke: Invoke, words: tuple[str, str], said: str
) -> None:
    done = run_invoke(project, "build", "--mission", "tike", "--print", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_flag_that_may_be_given_again_may_have_a_list() -> None:
    assert cli.words("--kernel", None) == ()
    assert cli.words("--kernel", ["a,b", "c"]) == ("a", "b", "c")


def test_a_closed_standard_output_is_no_traceback(project: Path) -> None:
    script = f"exec {sys.executable} -m invoke list >&-"
    done = subprocess.run(["sh", "-c", script], cwd=project, stderr=subprocess.PIPE, text=True)
    assert "Traceback" not in done.stderr
    assert done.returncode == 0


@pytest.mark.engine
@pytest.mark.parametrize("words", [("build", "--root"), ("test", "--image"), ("lab", "--image")])
def test_a_name_that_no_image_can_have_is_a_mistake_of_use(
    project: Path, run_invoke: Invoke, words: tuple[str, str]
) -> None:
    verb, flag = words
    done = run_invoke(project, verb, "--mission", "tike", flag, "Bad Image!")
    assert done.returncode == 2, done.stderr
    assert "'Bad Image!' is not the name of an image" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_docker_host_is_named_with_its_cure(
    project: Path, run_invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    done = run_invoke(project, "test", "--mission", "tike")
    assert done.returncode == 6
    assert "correct or unset DOCKER_HOST; it is 'tcp://127.0.0.1:9'" in done.stderr
