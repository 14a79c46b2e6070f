"""The start-up files as they work in an image: terminals, and the server for any user."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.slow]
RUN = ("run", "--network", "none", "--label", "platform-images.role=test", "--env", "JUPYTER_DOCKER_STACKS_QUIET=yes")


def docker(*words: str, check: bool = True) -> str:
    done = subprocess.run(
        ["docker", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False
    )
    assert not check or done.returncode == 0, done.stdout
    return done.stdout


@contextmanager
def serving(image: str, *options: str) -> Iterator[str]:
    """Give a container in which the server has become healthy."""
    container = docker(*RUN, "--detach", *options, image).strip()
    try:
        deadline = time.monotonic() + 90
        while subprocess.run(
            ["docker", "exec", container, "/etc/jupyter/docker_healthcheck.py"], check=False
        ).returncode:
            assert time.monotonic() < deadline, docker("logs", container)
            time.sleep(0.5)
        yield container
    finally:
        docker("rm", "--force", "--volumes", container)


@pytest.mark.parametrize("options", [(), ("--user", "0"), ("--user", "12345:100"), ("--user", "12345:12345")])
def test_the_server_starts_for_any_user_without_a_warning(built_image: str, options: tuple[str, ...]) -> None:
    with serving(built_image, *options) as container:
        log = docker("logs", container)
    assert "/lab?token=" in log
    assert [line for line in log.splitlines() if line.startswith(("[W", "[E"))] == []


@pytest.mark.parametrize("shell", ["-lc", "-ic"])
def test_a_terminal_has_the_base_environment_and_can_take_a_kernel_s(built_image: str, shell: str) -> None:
    script = "command -v python; kernel-activate old; command -v python; echo $SMALL_KERNEL $SMALL_DATA"
    lines = docker(*RUN, "--rm", built_image, "bash", shell, script).splitlines()
    shown = [line for line in lines if not line.startswith("bash: ")]  # without a terminal it has no job control
    assert shown == ["/opt/conda/bin/python", "/opt/conda/envs/old/bin/python", "old /home/jovyan/small data"]


def test_a_terminal_in_an_activated_environment_keeps_it(built_image: str) -> None:
    words = ("/opt/environments/bin/activated", "old", "bash", "-lc", "command -v python; echo $CONDA_SHLVL")
    assert docker(*RUN, "--rm", built_image, *words).split() == ["/opt/conda/envs/old/bin/python", "2"]  # above base


def test_an_unknown_environment_names_those_that_there_are(built_image: str) -> None:
    shown = docker(*RUN, "--rm", built_image, "/opt/environments/bin/activated", "nwe", "true", check=False)
    assert shown == "There is no environment nwe in this image. Its environments: base, new, old\n"
