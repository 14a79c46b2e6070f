from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from platform_images.errors import ExitCode, UsageError
from platform_images.model import Mission
from platform_images.run.image import Image
from platform_images.run.shell import docker_argv, run_exec, run_shell


@pytest.fixture
def verbs(checkout: Path, project: Path) -> Path:
    """A checkout in which the everyday verbs work."""
    (checkout / "tasks.py").write_text((project / "tasks.py").read_text())
    return checkout


def invoke(folder: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "invoke", *words], cwd=folder, input=stdin, capture_output=True, text=True, timeout=300
    )


def test_a_command_runs_in_the_kernel_s_environment(mission: Mission) -> None:
    image = Image(name="small:latest", digest="sha256:1", kernels=("new",), command=("tini",))
    argv = docker_argv(image, mission, ("python", "-c", "1 + 1"), name="pi-1", kernel="new", terminal=True)
    assert argv[:5] == ("docker", "run", "--rm", "--interactive", "--tty")
    assert argv[argv.index("--name") + 1] == "pi-1"
    assert argv[argv.index("--label") + 1] == "platform-images.role=exec"
    assert argv[-6:] == ("sha256:1", "/opt/environments/bin/activated", "new", "python", "-c", "1 + 1")


def test_a_command_is_needed(checkout: Path) -> None:
    with pytest.raises(UsageError, match="There is no command to run"):
        run_exec(checkout, "small", (), kernel=None, image=None)


def test_a_shell_needs_a_terminal(checkout: Path) -> None:
    with pytest.raises(UsageError, match="A shell needs a terminal"):
        run_shell(checkout, "small", kernel=None, image=None)


@pytest.mark.engine
@pytest.mark.slow
def test_exit_code_input_and_output_are_the_command_s_own(verbs: Path, built_image: str) -> None:
    code = "import os, sys; print(os.environ['SMALL_KERNEL'], sys.prefix, sys.stdin.read()); sys.exit(7)"
    words = ("exec", "--mission", "small", "--image", built_image, "--kernel", "new", "--", "python", "-c", code)
    done = invoke(verbs, *words, stdin="read this")
    assert (done.returncode, done.stdout) == (7, "new /opt/conda/envs/new read this\n")


@pytest.mark.engine
@pytest.mark.slow
def test_without_a_kernel_the_base_environment_is_active(verbs: Path, built_image: str) -> None:
    done = invoke(verbs, "exec", "--mission", "small", "--image", built_image, "--", "sh", "-c", "command -v jupyter")
    assert done.stdout == "/opt/conda/bin/jupyter\n"


@pytest.mark.engine
def test_a_kernel_that_the_mission_has_not_is_refused(verbs: Path, built_image: str) -> None:
    done = invoke(verbs, "exec", "--mission", "small", "--image", built_image, "--kernel", "nwe", "--", "true")
    assert done.returncode == ExitCode.USAGE
    assert "did you mean 'new'?" in done.stderr


@pytest.mark.engine
@pytest.mark.slow
def test_a_shell_in_a_terminal_is_bash_with_the_kernel_active(verbs: Path, built_image: str) -> None:
    ours, theirs = pty.openpty()
    words = ["shell", "--mission", "small", "--image", built_image, "--kernel", "old"]
    with subprocess.Popen(
        [sys.executable, "-m", "invoke", *words], cwd=verbs, stdin=theirs, stdout=theirs, stderr=theirs
    ) as child:
        os.close(theirs)
        os.write(ours, b'echo "[$(command -v python)]" "[$BASH_VERSION]" && exit 5\n')
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            shown += part
        assert child.wait(timeout=60) == 5
    os.close(ours)
    assert b"[/opt/conda/envs/old/bin/python] [5." in shown


def containers() -> set[str]:
    """Return the names of all containers that commands run in."""
    words = ["docker", "ps", "--all", "--format", "{{.Names}}", "--filter", "label=platform-images.role=exec"]
    return set(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.engine
@pytest.mark.slow
def test_no_container_stays_where_the_reader_goes_away(verbs: Path, built_image: str) -> None:
    before = containers()
    words = ["exec", "--mission", "small", "--image", built_image, "--", "yes"]
    with subprocess.Popen([sys.executable, "-m", "invoke", *words], cwd=verbs, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"y\n"
        (mine,) = containers() - before
        assert mine.startswith("platform-images-exec-")
        child.stdout.close()
        assert child.wait(timeout=60) != 0
    assert mine not in containers()


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(("script", "code"), [("sleep 1000", 0), ("trap '' INT TERM HUP; sleep 1000", 130)])
def test_no_container_stays_where_this_program_is_told_to_end(
    verbs: Path, built_image: str, number: signal.Signals, script: str, code: int
) -> None:
    before = containers()
    words = ["exec", "--mission", "small", "--image", built_image, "--", "sh", "-c", f"echo begun; {script}"]
    argv = [sys.executable, "-m", "invoke", *words]
    with subprocess.Popen(
        argv, cwd=verbs, text=True, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == "begun\n"
        (mine,) = containers() - before
        # a terminal tells every process of the group; a supervisor this one alone
        os.killpg(child.pid, number) if number is signal.SIGINT else os.kill(child.pid, number)
        assert child.wait(timeout=60) == (code or 128 + number)
        assert "Traceback" not in child.stderr.read()
    assert mine not in containers()


@pytest.mark.engine
@pytest.mark.slow
def test_a_command_may_end_its_own_way_when_told_to(verbs: Path, built_image: str) -> None:
    script = "trap 'exit 9' INT; echo begun; sleep 1000 & wait"
    words = ["exec", "--mission", "small", "--image", built_image, "--", "bash", "-c", script]
    argv = [sys.executable, "-m", "invoke", *words]
    with subprocess.Popen(argv, cwd=verbs, stdout=subprocess.PIPE, start_new_session=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"begun\n"
        os.killpg(child.pid, signal.SIGINT)
        assert child.wait(timeout=60) == 9
