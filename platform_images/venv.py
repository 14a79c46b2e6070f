"""Makes `.venv` from the project's own lock. Runs before anything is installed: standard library only."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from platform_images import process
from platform_images.errors import ExitCode, PlatformError, PrerequisiteError, ToolError

LOCK = Path("locks/project/requirements.txt")
STAMP = "platform-images.json"
IMPORTABLE = "platform_images.pth"
_TAG = "import platform,sys;print(*sys.version_info[:2],sys.implementation.name,sys.platform,platform.machine())"
_DIVERTING = ("PIP_CONSTRAINT", "PIP_PREFIX", "PIP_PYTHON", "PIP_REQUIREMENT", "PIP_ROOT", "PIP_TARGET")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What a finished `.venv` was made from: it is remade when any of it differs.

    Attributes:
        lock: SHA-256 of the lock.
        python: Version, kind and machine of its Python.
        location: The folder, because the programs in it name it.
    """

    lock: str
    python: str
    location: str


def folder(project: Path) -> Path:
    """Return where the environment is."""
    return project / ".venv"


def python_of(project: Path) -> Path:
    """Return the environment's Python."""
    return folder(project) / "bin" / "python"


def stamp_for(project: Path, python: str) -> Stamp:
    """Return the stamp of an environment made now with a Python of that description.

    Raises:
        PrerequisiteError: The checkout has no lock.
    """
    try:
        lock = (project / LOCK).read_bytes()
    except FileNotFoundError as error:
        raise PrerequisiteError(
            f"{LOCK} is missing.", fix="take it from the repository: git checkout -- locks"
        ) from error
    return Stamp(lock=hashlib.sha256(lock).hexdigest(), python=python, location=str(folder(project)))


def staleness(project: Path) -> str | None:
    """Return why the environment must be made again, or None where it is as it should be."""
    target = folder(project)
    if not target.is_dir():
        return "there is none yet"
    try:
        found = Stamp(**json.loads((target / STAMP).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return "it was not finished"
    return difference(found, stamp_for(project, describe_python(python_of(project))))


def difference(found: Stamp, wanted: Stamp) -> str | None:
    """Return in words what differs between two stamps, or None."""
    if found.location != wanted.location:
        return "the checkout was moved or copied"
    if found.python != wanted.python:
        return "its Python has changed"
    if found.lock != wanted.lock:
        return f"{LOCK} has changed"
    return None


def describe_python(program: Path) -> str:
    """Return version, kind and machine of a Python, empty where it does not run."""
    if Path(sys.executable) == program:
        version = sys.version_info
        words = (version[0], version[1], sys.implementation.name, sys.platform, platform.machine())
        return " ".join(str(word) for word in words)
    try:
        return process.run([str(program), "-I", "-c", _TAG], timeout=60).stdout.strip()
    except (OSError, PlatformError):
        return ""


def ensure(project: Path) -> None:
    """Make the environment where it is missing or stale; one process at a time.

    The former one comes back where that fails or is interrupted.

    Raises:
        PrerequisiteError: Python here cannot make environments and the package for it cannot be installed.
        ToolError: pip could not install the lock.
    """
    if staleness(project) is None:
        return
    from platform_images.machine import one_at_a_time

    with one_at_a_time(project):
        reason = staleness(project)
        if reason is None:
            return
        base = Path(getattr(sys, "_base_executable", "") or sys.executable)
        _say(f"- making .venv with Python {platform.python_version()} ({reason}) ...")
        start = time.monotonic()
        _ensure_venv_module(base)
        _replace(project, base)
        _say(f"+ .venv is ready ({time.monotonic() - start:.0f} s)")


def _replace(project: Path, base: Path) -> None:
    """Make the environment anew, with the former one kept aside until the new one is whole."""
    target = folder(project)
    aside = target.with_name(".venv.old")
    _remove(aside)
    if (target / STAMP).is_file():
        target.rename(aside)
    else:
        _remove(target)
    try:
        _make(project, target, base)
    except BaseException:
        _remove(target)
        if aside.exists():
            aside.rename(target)
        raise
    _remove(aside)


def _make(project: Path, target: Path, base: Path) -> None:
    """Make the environment, install the lock, and mark it as whole."""
    process.run([str(base), "-I", "-m", "venv", str(target)])
    (target / ".gitignore").write_text("*\n", encoding="utf-8")
    python = target / "bin" / "python"
    lock = project / LOCK
    count = sum(1 for line in lock.read_text(encoding="utf-8").splitlines() if line[:1].isalnum())
    _say(f"- installing {count} packages of {LOCK} (a minute or two) ...")
    command = [str(python), "-I", "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--require-hashes", "--no-deps", "--only-binary=:all:", "--requirement", str(lock)]
    try:
        process.run(command, env=pip_environment(dict(os.environ)), cwd=project)
    except ToolError as error:
        raise ToolError(
            "The project's own Python packages could not be installed.",
            why=error.why,
            fix="check that the package index answers (pip config list shows which one is set), then ./bootstrap again",
        ) from error
    packages = next((target / "lib").glob("python3*/site-packages"))
    (packages / IMPORTABLE).write_text(f"{project}\n", encoding="utf-8")
    _write_stamp(target, stamp_for(project, describe_python(python)))


def pip_environment(env: dict[str, str]) -> dict[str, str]:
    """Return the environment for pip: the machine's own settings and certificates, nothing that installs elsewhere."""
    from platform_images.site import site_settings

    bundle = site_settings(environment=env).ca_bundle
    kept = {name: value for name, value in env.items() if name not in _DIVERTING}
    kept["PIP_USER"] = "0"
    if bundle is not None:
        kept["PIP_CERT"] = str(bundle)
    return kept


def _write_stamp(target: Path, stamp: Stamp) -> None:
    """Mark an environment as whole, in one step."""
    part = target / f"{STAMP}.part"
    part.write_text(json.dumps(asdict(stamp), indent=2, sort_keys=True) + "\n", encoding="utf-8")
    part.replace(target / STAMP)


def _ensure_venv_module(base: Path) -> None:
    """Have Python able to make environments with pip in them: Debian puts that into a package of its own.

    Raises:
        PrerequisiteError: It cannot, and this process may not install the package.
    """
    if _can_make(base):
        return
    from platform_images import aptget
    from platform_images.machine import Machine, read_os_release

    version = describe_python(base).split()
    package = f"python{'.'.join(version[:2])}-venv"
    machine = Machine(os=read_os_release(), root=os.geteuid() == 0)
    if machine.apt:
        _say(f"- installing {package} ...")
        aptget.install([package])
    if not _can_make(base):
        debian = machine.os.debian or machine.os.ubuntu
        raise PrerequisiteError(
            f"{base} cannot make virtual environments: its modules venv and ensurepip are not installed.",
            fix=f"as root: apt-get install {package}" if debian else "install them, or another Python 3.11 or later",
        )


def _can_make(base: Path) -> bool:
    """Whether that Python has the modules to make an environment with pip."""
    return process.run([str(base), "-I", "-c", "import ensurepip, venv"], ok=(0, 1)).returncode == 0


def _remove(path: Path) -> None:
    """Remove a folder or link, where there is one."""
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def _say(text: str) -> None:
    """Print one line of progress (rich is not there yet)."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def main() -> int:
    """Make the environment of the checkout that this file is in; return an exit code."""
    process.interrupt_when_told_to_end()
    try:
        ensure(Path(__file__).resolve().parent.parent)
    except PlatformError as error:
        _say(f"Error: {error}")
        return int(error.exit_code)
    except KeyboardInterrupt:
        _say("Interrupted; .venv is as it was before.")
        return int(ExitCode.INTERRUPTED)
    except subprocess.SubprocessError as error:
        _say(f"Error: {error}")
        return int(ExitCode.FAILED)
    return int(ExitCode.OK)
