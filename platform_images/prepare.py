"""What `bootstrap` does once `.venv` is there: a Docker Engine that builds, and mmdebstrap."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from platform_images import console, process
from platform_images.engine import install
from platform_images.errors import ExitCode, PlatformError, PrerequisiteError, ToolError
from platform_images.machine import Machine, look, one_at_a_time

_ROUNDS = 3


def ensure() -> Machine:
    """Do what is missing so that images can be built here, and return what the machine then has.

    Raises:
        PrerequisiteError: Something is missing that only its owner can install, or the engine does not start.
        ToolError: apt or systemd failed.
    """
    machine = look()
    steps = install.plan(machine)
    if not steps:
        return machine
    with one_at_a_time(Path(tempfile.gettempdir())):
        for _ in range(_ROUNDS):
            machine = look()
            steps = install.plan(machine)
            if not _do(steps, machine):
                return machine
    raise PrerequisiteError(
        "Everything was installed, yet something is still missing.",
        why="; ".join(step.title for step in steps),
        fix="./bootstrap invoke doctor shows what",
    )


def _do(steps: tuple[install.Step, ...], machine: Machine) -> bool:
    """Carry out a plan; return whether the machine is worth another look."""
    worked = False
    for step in steps:
        try:
            with console.step(step.title):
                install.carry_out(step, machine, console.say)
            worked = True
        except ToolError as error:
            if not step.optional:
                raise
            console.show_error(error)
            console.say("Going on without: it is needed only to make a Debian root.", style="yellow")
    return worked


def main() -> int:
    """Prepare this machine; return an exit code."""
    process.interrupt_when_told_to_end()
    try:
        ensure()
    except PlatformError as error:
        console.show_error(error)
        return int(error.exit_code)
    except KeyboardInterrupt:
        console.say("Interrupted.", style="yellow")
        return int(ExitCode.INTERRUPTED)
    return int(ExitCode.OK)


if __name__ == "__main__":
    sys.exit(main())
