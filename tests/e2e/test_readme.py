"""Every command of the README is run, in its order, in a clone of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from platform_images.model.document import parse_toml
from platform_images.model.files import PlatformFile

README = Path(__file__).resolve().parents[2] / "README.md"
Docker = Callable[..., str]
FENCE = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`((?:invoke|nox) [^`]+)`")
SERVES = {  # until Ctrl-C: what each says once it does
    "invoke lab --mission tike": re.compile(r"http://127\.0\.0\.1:\d+/lab\?token=\S+\n"),
    "invoke hub --mission tike": re.compile(r"http://127\.0\.0\.1:\d+/\npassword: \S+\n"),
}
THE_TEST_COMMAND = "./bootstrap nox -s tests"  # what runs this very test


def blocks(language: str) -> tuple[str, ...]:
    return tuple(
        found["text"] for found in FENCE.finditer(README.read_text(encoding="utf-8")) if found["language"] == language
    )


def commands() -> tuple[str, ...]:
    return tuple(line for block in blocks("sh") for line in block.splitlines())


def table_commands() -> tuple[str, ...]:
    """Commands named in the text and in the tables that no block runs."""
    text = FENCE.sub("", README.read_text(encoding="utf-8"))
    known = set(commands())
    return tuple(dict.fromkeys(command for command in CODE.findall(text) if command not in known))


@pytest.fixture(scope="module")
def clone(
    tike_image: str,
    project: Path,
    tmp_path_factory: pytest.TempPathFactory,
    docker_cli: Docker,
    no_image_stays: None,
    alone_with_tike: Callable[[], AbstractContextManager[None]],
) -> Iterator[Path]:
    """What git has of this checkout, as a newcomer would have it; tike:latest is put back afterwards."""
    folder = tmp_path_factory.mktemp("newcomer") / "clone"
    subprocess.run(["git", "clone", "--quiet", str(project), str(folder)], check=True)
    for name in subprocess.run(
        ["git", "ls-files", "--modified", "--others", "--exclude-standard"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines():
        if (project / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(project / name, folder / name)
    with alone_with_tike():
        docker_cli("tag", tike_image, "tike:kept")
        yield folder
        docker_cli("tag", "tike:kept", tike_image)
        docker_cli("rmi", "tike:kept")


@pytest.fixture(scope="module")
def other_roots(tike_image: str, docker_cli: Docker) -> Iterator[None]:
    """Two public images; stand-ins made here take their place where no registry can be reached."""
    root = docker_cli("images", "--format", "{{.Repository}}:{{.Tag}}", "platform-images/root").splitlines()[0]
    made = []
    for name, steps in (
        ("debian:trixie-slim", ""),
        (
            "quay.io/jupyter/minimal-notebook:latest",
            "RUN useradd -u 1000 -g 100 -m jovyan && mkdir -p /opt/conda/bin && touch /opt/conda/bin/left-over\n"
            "ENV PATH=/opt/conda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
            "ENV NB_USER=jovyan\nUSER 1000\n",
        ),
    ):
        if not docker_cli("images", "--quiet", name):
            subprocess.run(
                ["docker", "buildx", "build", "--quiet", "--load", "--tag", name, "-"],
                input=f"FROM {root}\n{steps}",
                check=True,
                capture_output=True,
                text=True,
            )
            made.append(name)
    yield
    for name in made:
        docker_cli("rmi", "--force", name)


def run(command: str, *, clone: Path, cwd: Path) -> Path:
    """Run one line of the README as a shell would, and return the folder that it leaves the shell in."""
    script = f"set -euo pipefail\n{command}\npwd > {clone.parent}/cwd\n"
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, f"$ {command}\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
    return Path((clone.parent / "cwd").read_text(encoding="utf-8").strip())


def serve_and_interrupt(command: str, clone: Path) -> None:
    """Start a lab or a hub, wait for its URL, and end it as a person does."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"}
    child = subprocess.Popen(
        command.split(),
        cwd=clone,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said = ""
    assert child.stdout is not None
    too_late = threading.Timer(120, child.kill)  # a line that never comes would be waited for without end
    too_late.start()
    while not SERVES[command].search(said):
        line = child.stdout.readline()
        said += line
        assert line, said
    too_late.cancel()
    os.killpg(child.pid, signal.SIGINT)
    rest, _ = child.communicate(timeout=60)
    assert child.returncode == 0, said + rest
    assert "Traceback" not in said + rest


@pytest.mark.engine
@pytest.mark.network
@pytest.mark.slow
def test_every_command_of_the_readme_works_in_its_order(clone: Path, other_roots: None) -> None:
    cwd = clone
    for command in commands():
        if command == THE_TEST_COMMAND:
            assert command in (clone / ".ci" / "run").read_text(encoding="utf-8")
        elif command in SERVES:
            serve_and_interrupt(command, clone)
        else:
            cwd = run(command, clone=clone, cwd=cwd)
    assert cwd == clone


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.parametrize("command", table_commands())
def test_every_command_of_the_tables_works(clone: Path, command: str) -> None:
    if command in SERVES:
        serve_and_interrupt(command, clone)
        return
    words = command.replace("-- CMD", "-- true")
    if command.startswith("invoke shell"):  # it wants a terminal, and someone who types
        words = f"echo exit | script --quiet --return --command '{command}' /dev/null"
    run(words, clone=clone, cwd=clone)


@pytest.mark.parametrize("text", blocks("toml"))
def test_every_piece_of_toml_fits_platform_toml(project: Path, text: str) -> None:
    here = tomllib.loads((project / "platform.toml").read_text(encoding="utf-8"))
    merged = {**here, **tomllib.loads(text)}
    PlatformFile.model_validate(merged)
    assert parse_toml('title = "x"\n[[channels]]\nname = "c"\npath = "p"\n' + text, PlatformFile, shown="README.md")


def test_the_readme_names_every_task_and_exit_code(project: Path) -> None:
    text = README.read_text(encoding="utf-8")
    verbs = (
        "build channel clean diff doctor exec graph hub lab list matrix new outdated patch push schemas shell test "
        "verify why"
    )
    for verb in (*verbs.split(), "verify", "why"):
        assert f"invoke {verb}" in text
    for link in re.findall(r"\]\(([^)h][^)]*)\)", text):
        assert (project / link).exists(), link
