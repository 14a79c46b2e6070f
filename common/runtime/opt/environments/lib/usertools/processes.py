"""Starting other programs."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from usertools.errors import ToolError


def run(
    argv: Sequence[str],
    *,
    failed: str,
    fix: str = "",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    given: str = "",
) -> None:
    """Run a program whose output is for the user: all of it goes to standard error.

    Raises:
        ToolError: It did not end well; ``failed`` says what that means.
    """
    try:
        done = subprocess.run(argv, env=env, cwd=cwd, input=given, text=True, stdout=2, check=False)
    except OSError as error:
        raise ToolError(failed, why=f"{argv[0]} cannot be started: {error.strerror}") from error
    if done.returncode:
        why = f"{shlex.join(argv)}\nended with exit code {done.returncode}; its words are above"
        raise ToolError(failed, why=why, fix=fix)


def output(argv: Sequence[str], *, env: Mapping[str, str] | None = None, timeout: float = 60) -> str | None:
    """Return what a program prints, or None where it does not end well."""
    try:
        done = subprocess.run(
            argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def plain_environment() -> dict[str, str]:
    """Return this process's variables without those of an active Python environment."""
    left_out = ("VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__")
    return {name: value for name, value in os.environ.items() if name not in left_out}
