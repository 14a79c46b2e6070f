"""Whether a kernel's environment can still be used: an upgrade of the image may have taken what it was built on."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from usertools import interpreters, kernelrecord
from usertools.kernelrecord import VENV, Record

_PROBE = "import importlib.util as u, sys; print('%d.%d' % sys.version_info[:2], u.find_spec('ipykernel') is not None)"


@dataclass(frozen=True)
class Problem:
    """What is wrong, and the command that cures it."""

    what: str
    cure: str

    def text(self, name: str) -> str:
        """Return the problem as a notebook shows it."""
        return (
            f"The kernel {name} cannot be started: {self.what}.\n"
            f"To mend it, run in a terminal:  {self.cure}\nThen restart the kernel."
        )


def problem(name: str, prefix: Path) -> Problem | None:
    """Return why the kernel of this name cannot be started from this environment, or None where it can."""
    if not prefix.is_dir():
        return Problem(f"its environment {prefix} is gone", f"kernel-delete {name}")
    record = kernelrecord.read(prefix)
    python = prefix / "bin" / "python"
    if not python.exists():
        gone = os.path.realpath(python)
        if record is None or record.kind != VENV:
            return Problem(f"{gone} is gone", cure(name, record))
        what = f"{gone}, the Python {record.python} of {record.interpreter}, is not in this image"
        return Problem(what, cure(name, record))
    return _started(name, record, python)


def _started(name: str, record: Record | None, python: Path) -> Problem | None:
    """Return the problem that shows when the environment's Python is started."""
    try:
        done = subprocess.run(
            [str(python), "-I", "-c", _PROBE], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        why = getattr(error, "strerror", None) or error
        return Problem(f"{python} cannot be started ({why})", cure(name, record))
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no words"])[-1]
        return Problem(f"{python} does not work in this image ({last})", cure(name, record))
    version, _, has_kernel = done.stdout.strip().partition(" ")
    if record is not None and record.kind == VENV and version != record.python:
        what = f"it was made on Python {record.python}, and {record.interpreter} has Python {version} in this image"
        return Problem(what, cure(name, record))
    if has_kernel != "True":
        return Problem(f"{python} has no ipykernel", f"{python} -m pip install ipykernel")
    return None


def cure(name: str, record: Record | None) -> str:
    """Return the command that makes an environment anew, or takes away what nobody can make anew."""
    if record is None:
        return f"kernel-delete {name}"
    if record.kind == VENV:
        return interpreters.rebuild_command(record)
    shown = "" if record.display_name == name else f" {shlex.quote(record.display_name)}"
    return f"kernel-export {name} {name}.yml && kernel-delete -y {name} && kernel-create {name} {name}.yml{shown}"
