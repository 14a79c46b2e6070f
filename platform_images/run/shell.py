"""``invoke shell`` and ``invoke exec``: a shell, or one command, in a container of the image."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from platform_images import process
from platform_images.engine.naming import container_name, docker_options
from platform_images.errors import UsageError
from platform_images.model import Mission, load_mission, load_platform
from platform_images.run.image import Image, find, require_kernels

ACTIVATED = "/opt/environments/bin/activated"
BASE = "base"
ROLE = "exec"
REMOVAL_SECONDS = 60.0


def run_shell(project: Path, mission_name: str, *, kernel: str | None, image: str | None) -> int:
    """Run an interactive bash in a container of the image, with a kernel's environment or the base activated.

    Raises:
        PlatformError: No engine, no image, no such kernel, or no terminal.
    """
    load_mission(load_platform(project), mission_name)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "A shell needs a terminal.", fix=f"invoke exec --mission {mission_name} -- COMMAND runs one without"
        )
    return run_exec(project, mission_name, ("bash",), kernel=kernel, image=image)


def run_exec(project: Path, mission_name: str, command: Sequence[str], *, kernel: str | None, image: str | None) -> int:
    """Run a command in a container of the image and return its exit code; the container is gone afterwards.

    Standard input is passed on; a terminal is given where this program has one.

    Raises:
        PlatformError: No command, no engine, no image, or no such kernel.
    """
    mission = load_mission(load_platform(project), mission_name)
    if not command:
        raise UsageError("There is no command to run.", fix=f"invoke exec --mission {mission_name} -- python --version")
    found = _checked(mission, kernel=kernel, image=image)
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    name = container_name(ROLE)
    argv = docker_argv(found, mission, command, name=name, kernel=kernel, terminal=terminal)
    return process.attend(argv, undo=lambda: _remove(name))


def _remove(name: str) -> None:
    """Remove the container, which outlives a client that ends before it, as for a reader that has gone away."""
    process.run(["docker", "rm", "--force", "--volumes", name], ok=range(256), timeout=REMOVAL_SECONDS)


def _checked(mission: Mission, *, kernel: str | None, image: str | None) -> Image:
    """Return the image after looking whether it is there and holds the kernel."""
    names = tuple(chosen.name for chosen in mission.select((kernel,))) if kernel is not None else ()
    found = find(mission, image)
    require_kernels(found, mission, names)
    return found


def docker_argv(
    image: Image, mission: Mission, command: Sequence[str], *, name: str, kernel: str | None, terminal: bool
) -> tuple[str, ...]:
    """Return the command line that runs a command in a container of its own."""
    return (
        *("docker", "run", "--rm", "--interactive"),
        *(("--tty",) if terminal else ()),
        *("--hostname", mission.name, *docker_options(ROLE, name), "--no-healthcheck"),
        *("--env", "JUPYTER_DOCKER_STACKS_QUIET=yes"),
        *(image.digest, ACTIVATED, kernel or BASE, *command),
    )
