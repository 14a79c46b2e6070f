from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import pytest

ROLE = "platform-images.role=test"
HEALTHY_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a container's command has said, and its exit code."""

    code: int
    out: str
    err: str

    def messages(self, *levels: str) -> list[str]:
        """Return the log lines of these levels without level and time."""
        return [
            line.partition("] ")[2] for line in self.err.splitlines() if line.startswith(tuple(f"{n}[" for n in levels))
        ]

    @property
    def warnings(self) -> list[str]:
        return self.messages("WARNING", "ERROR")


def docker(*words: str, check: bool = True) -> Done:
    """Run the docker program."""
    done = subprocess.run(["docker", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    assert not check or done.returncode == 0, done.stderr
    return Done(code=done.returncode, out=done.stdout, err=done.stderr)


Run = Callable[..., Done]
Serve = Callable[..., AbstractContextManager["Lab"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A container that serves a lab.

    Attributes:
        name: Its name.
        seconds: From its start until it was healthy.
    """

    name: str
    seconds: float

    def sh(self, script: str, *, user: str = "") -> str:
        """Run a script in it and return what it printed."""
        who = ("--user", user) if user else ()
        return docker("exec", *who, self.name, "bash", "-c", script).out

    def state(self, template: str) -> str:
        return docker("inspect", "--format", f"{{{{{template}}}}}", self.name).out.strip()

    def log(self) -> str:
        done = docker("logs", self.name)
        return done.out + done.err

    def port(self, inner: int) -> int:
        return int(docker("port", self.name, f"{inner}/tcp").out.splitlines()[0].rsplit(":", 1)[1])

    def wait_healthy(self) -> None:
        """Return when its own health check has said so."""
        deadline = time.monotonic() + HEALTHY_SECONDS
        while (state := self.state(".State.Status}} {{.State.Health.Status")) != "running healthy":
            assert state.startswith("running"), self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)


@pytest.fixture(scope="session")
def start_image(small_image: str) -> str:
    """The image whose start-up is tested."""
    return small_image


@pytest.fixture(scope="session")
def run(start_image: str) -> Run:
    """``run("--user", "0", command=("id",))``: a container to its end."""

    def finish(*options: str, command: tuple[str, ...] = ("true",), network: str = "none") -> Done:
        words = ("run", "--rm", "--network", network, "--label", ROLE, *options, start_image, *command)
        return docker(*words, check=False)

    return finish


@pytest.fixture(scope="session")
def serve(start_image: str) -> Serve:
    """``with serve("--user", "0") as lab``: a lab that has become healthy; removed afterwards with its volumes."""

    @contextlib.contextmanager
    def serving(*options: str, command: tuple[str, ...] = ()) -> Iterator[Lab]:
        started = time.monotonic()
        name = docker("run", "--detach", "--label", ROLE, *options, start_image, *command).out.strip()
        try:
            Lab(name=name, seconds=0).wait_healthy()
            yield Lab(name=name, seconds=time.monotonic() - started)
        finally:
            docker("rm", "--force", "--volumes", name)

    return serving


def script(*lines: str) -> tuple[str, ...]:
    """Return the command that runs these lines in a shell."""
    return ("bash", "-c", "\n".join(lines))


@pytest.fixture(scope="session")
def lines() -> Callable[..., tuple[str, ...]]:
    return script
