"""Workflows cannot be run here: what of them can be wrong unseen is looked at. The lint session has their schema."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

Git = Callable[..., str]
Invoke = Callable[..., subprocess.CompletedProcess[str]]
PROJECT = Path(__file__).parents[2]
WORKFLOWS = tuple(sorted((PROJECT / ".github" / "workflows").glob("*.yml")))
ACTIONS = re.compile(r"actions/(checkout|setup-python)@v\d+")
COMMAND = re.compile(r"\b(invoke [a-z]\S*|nox -s)( [^|)>\n]*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step with its place."""

    place: str
    node: dict[str, Any]


@cache
def workflow(path: Path) -> dict[str, Any]:
    """Return a workflow; YAML takes the key ``on`` for a truth."""
    node: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {"on" if key is True else str(key): value for key, value in node.items()}


def jobs() -> tuple[tuple[str, dict[str, Any]], ...]:
    return tuple((f"{path.stem}: {name}", job) for path in WORKFLOWS for name, job in workflow(path)["jobs"].items())


STEPS = tuple(
    Step(place=f"{place}, step {number}", node=node)
    for place, job in jobs()
    for number, node in enumerate(job["steps"], start=1)
)
SCRIPTS = tuple(step for step in STEPS if "run" in step.node)
COMMANDS = tuple(dict.fromkeys(found[0].strip() for step in SCRIPTS for found in COMMAND.finditer(step.node["run"])))
each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
each_script = pytest.mark.parametrize("step", SCRIPTS, ids=lambda step: step.place)


def test_the_three_workflows_are_there() -> None:
    assert [path.stem for path in WORKFLOWS] == ["pull-request", "release", "weekly"]


@each_workflow
def test_a_workflow_may_only_read_by_default_and_does_not_run_twice(path: Path) -> None:
    node = workflow(path)
    assert node["permissions"] == {"contents": "read"}
    assert node["concurrency"]["group"]
    assert node["defaults"] == {"run": {"shell": "bash"}}


@pytest.mark.parametrize(("place", "job"), jobs())
def test_a_job_has_an_end_and_writes_only_where_it_opens_a_pull_request(place: str, job: dict[str, Any]) -> None:
    assert 0 < job["timeout-minutes"] <= 360
    wanted = {"contents": "write", "pull-requests": "write"} if place == "weekly: solve" else None
    assert job.get("permissions") == wanted


@pytest.mark.parametrize("step", [step for step in STEPS if "uses" in step.node], ids=lambda step: step.place)
def test_only_the_makers_own_actions_are_used_and_no_token_is_left(step: Step) -> None:
    assert ACTIONS.fullmatch(step.node["uses"])
    if "checkout" in step.node["uses"]:
        assert step.node["with"]["persist-credentials"] is False


@each_script
def test_a_script_is_one(step: Step, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(step.node["run"], encoding="utf-8")
    done = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@each_script
def test_nothing_is_pasted_into_a_script(step: Step) -> None:
    assert "${{" not in step.node["run"]  # values come by variables of the environment, which a shell does not run


@each_script
def test_a_script_names_no_registry(step: Step) -> None:
    text = step.node["run"].replace("@users.noreply.github.com", "")  # who commits
    assert not re.search(r"\b[\w-]+\.(io|com|org|net)\b", text)


@pytest.fixture(scope="module")
def sessions() -> str:
    """What nox lists."""
    argv = [sys.executable, "-m", "nox", "--list"]
    return subprocess.run(argv, cwd=PROJECT, capture_output=True, text=True, check=True).stdout


def test_there_are_commands_to_look_at() -> None:
    assert {" ".join(command.split()[:2]) for command in COMMANDS} >= {
        "invoke build",
        "invoke diff",
        "invoke matrix",
        "invoke push",
        "invoke test",
        "invoke verify",
        "nox -s",
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one_that_there_is_with_its_flags(command: str, sessions: str, run_invoke: Invoke) -> None:
    program, *words = shlex.split(command)
    if program == "nox":
        (names, _, _) = command.removeprefix("nox -s ").partition(" -- ")
        assert all(re.search(rf"^[*-] {name}\b", sessions, re.MULTILINE) for name in names.split()), sessions
        return
    done = run_invoke(PROJECT, "--help", words[0])
    assert done.returncode == 0, done.stderr
    for flag in (word for word in words[1:] if word.startswith("--")):
        assert re.search(rf"(?<!\S){flag}\b", done.stdout), f"{command}: {flag}"


def test_words_after_the_dashes_of_nox_are_options_of_lock() -> None:
    from platform_images.solve.session import lock_options

    (words,) = [command.partition(" -- ")[2].split() for command in COMMANDS if command.startswith("nox -s lock -- ")]
    assert lock_options(words).upgrade


# --- scripts that are run, with what they call replaced ---


def script(name: str) -> str:
    (found,) = [step.node["run"] for step in SCRIPTS if step.node.get("name") == name]
    return str(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """A place where a step runs: a checkout, and programs that note how they were called."""

    checkout: Path
    home: Path

    def run(self, text: str, **values: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{self.home}/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "GITHUB_OUTPUT": str(self.home / "output"),
            "GITHUB_STEP_SUMMARY": str(self.home / "summary"),
            "RUNNER_TEMP": str(self.home),
            **values,
        }
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", text],
            cwd=self.checkout,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def said(self, name: str) -> str:
        path = self.home / name
        return path.read_text(encoding="utf-8") if path.is_file() else ""


@pytest.fixture
def runner(checkout: Path, tmp_path: Path) -> Runner:
    """``sudo`` runs what follows, ``bootstrap`` prints its words, ``gh`` and ``docker`` note theirs."""
    programs = {
        "home/bin/sudo": 'while [ "$1" = -H ]; do shift; done\nexec "$@"\n',
        "home/bin/gh": f'echo "gh $*" >> {tmp_path}/home/called\n[ "$2" != list ] || cat {tmp_path}/home/open\n',
        "home/bin/docker": f'echo "docker $*" >> {tmp_path}/home/called\n[ "$1" != login ] || cat > /dev/null\n',
        "project/bootstrap": 'echo "$*"\nexit "${FAILS:-0}"\n',
    }
    for name, text in programs.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "home" / "open").write_text("")
    return Runner(checkout=checkout, home=tmp_path / "home")


def test_a_matrix_is_asked_for_and_handed_on(runner: Runner) -> None:
    done = runner.run(script("Missions that are touched"))
    assert done.returncode == 0, done.stderr
    assert runner.said("output") == "matrix=--no-engine invoke matrix --since HEAD^1\n"


def test_a_matrix_that_fails_fails_the_step(runner: Runner) -> None:
    for name in ("Missions that are touched", "Missions that differ from the tag before"):
        assert runner.run(script(name), FAILS="2").returncode == 2
    assert runner.said("output") == ""


@pytest.mark.parametrize("tags", [(), ("v1",), ("v1", "v2"), ("other",)])
def test_a_release_is_what_differs_from_the_tag_before(runner: Runner, git: Git, tags: tuple[str, ...]) -> None:
    for tag in (*tags, "v9"):
        git(runner.checkout, "commit", "--quiet", "--allow-empty", "--message", "Work")
        git(runner.checkout, "tag", tag)
    assert runner.run(script("Missions that differ from the tag before")).returncode == 0
    before = next((tag for tag in reversed(tags) if tag.startswith("v")), "")
    assert runner.said("output") == f"matrix=--no-engine invoke matrix --since {before}\n"


def test_no_pull_request_where_no_lock_changed(runner: Runner) -> None:
    (runner.checkout / "new file").write_text("not of locks\n")
    assert runner.run(script("What changed")).returncode == 0
    assert runner.said("output") == ""
    assert "the newest that the requests allow" in runner.said("summary")


@pytest.mark.parametrize("size", [10, 70_000])
@pytest.mark.parametrize("number", ["", "12"])
def test_changed_locks_are_pushed_and_a_pull_request_says_what_changed(
    runner: Runner, git: Git, tmp_path: Path, size: int, number: str
) -> None:
    (runner.checkout / "locks/small/new/lock.json").write_text("{}\n")
    (runner.checkout / "left over").write_text("not of locks\n")
    changed = runner.run(script("What changed"))
    assert changed.returncode == 0, changed.stderr
    assert runner.said("output") == "locks=changed\n"
    assert runner.said("difference.md") == "--no-engine invoke diff --all --markdown --since origin/main\n"
    assert runner.said("summary") == runner.said("difference.md")

    git(tmp_path, "init", "--quiet", "--bare", "origin.git")
    git(runner.checkout, "remote", "add", "origin", str(tmp_path / "origin.git"))
    (runner.home / "difference.md").write_text("ä" * (size // 2))
    (runner.home / "open").write_text(number)
    values = {"BRANCH": "keep-current/locks", "GITHUB_SERVER_URL": "https://example.org"}
    values |= {"GITHUB_REPOSITORY": "sky/images", "GITHUB_RUN_ID": "7"}
    done = runner.run(script("Open the pull request, or renew it"), **values)
    assert done.returncode == 0, done.stderr
    files = git(tmp_path / "origin.git", "show", "--format=", "--name-only", "keep-current/locks")
    assert files.split() == ["locks/small/new/lock.json"]
    last = runner.said("called").splitlines()[-1]
    assert last.startswith(f"gh pr edit {number} " if number else "gh pr create --head keep-current/locks --base main")
    body = runner.said("body.md")
    assert len(body) < 65_536
    assert ("https://example.org/sky/images/actions/runs/7" in body) == (size > 60_000)


def test_a_push_logs_in_at_the_registry_s_host_and_out_again(runner: Runner) -> None:
    values = {"REGISTRY": "localhost:5000/sky", "REGISTRY_USER": "ada", "REGISTRY_PASSWORD": "secret"}
    done = runner.run(script("Push"), MISSION="tike", **values)
    assert done.returncode == 0, done.stderr
    assert runner.said("summary") == "invoke push --mission tike --registry localhost:5000/sky\n"
    assert runner.said("called").splitlines() == [
        "docker login localhost:5000 --username ada --password-stdin",
        "docker logout localhost:5000",
    ]
    assert "secret" not in done.stdout + done.stderr + runner.said("called")


def test_a_push_that_fails_fails_the_step_and_logs_out(runner: Runner) -> None:
    values = {"REGISTRY": "localhost:5000", "REGISTRY_USER": "ada", "REGISTRY_PASSWORD": "secret"}
    assert runner.run(script("Push"), MISSION="tike", FAILS="5", **values).returncode == 5
    assert runner.said("called").splitlines()[-1] == "docker logout localhost:5000"
