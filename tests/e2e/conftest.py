from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

TOKEN = "test-token"


def docker(*words: str) -> str:
    """Run the docker client and return what it printed."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="session")
def docker_cli() -> Callable[..., str]:
    return docker


@pytest.fixture(scope="session")
def config() -> Callable[[str], dict[str, object]]:
    """``config(image)``: what the image sets for its containers."""

    def found(image: str) -> dict[str, object]:
        values: dict[str, object] = json.loads(docker("image", "inspect", image, "--format", "{{json .Config}}"))
        return values

    return found


@pytest.fixture(scope="session")
def inside() -> Callable[[str, str], str]:
    """``inside(image, script)``: what a shell in the image prints."""

    def said(image: str, script: str) -> str:
        words = ("--rm", "--network", "none", "--label", "platform-images.role=test", image, "sh", "-c", script)
        return docker("run", *words)

    return said


@contextlib.contextmanager
def serving(image: str) -> Iterator[tuple[str, int]]:
    """Give (container, port) of ``docker run --rm IMAGE``, as a person starts it; ended afterwards."""
    name = f"platform-images-test-{image.split(':')[0]}"
    docker(
        *("run", "--detach", "--rm", "--name", name, "--label", "platform-images.role=test"),
        *("--env", f"JUPYTER_TOKEN={TOKEN}", "--publish", "127.0.0.1::8888", image),
    )
    try:
        yield name, int(docker("port", name, "8888/tcp").rsplit(":", 1)[1])
    finally:
        docker("rm", "--force", name)


@pytest.fixture(scope="session")
def serve() -> Callable[[str], AbstractContextManager[tuple[str, int]]]:
    return serving
