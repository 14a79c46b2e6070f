"""What this machine is and has, as values that a plan can be made from."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platform_images import process
from platform_images.errors import PrerequisiteError, ToolError

QUERY_SECONDS = 20.0
ENGINE_SOCKET = Path("/var/run/docker.sock")
_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class OsRelease:
    """The parts of ``/etc/os-release`` that decide how something is installed."""

    id: str = ""
    like: tuple[str, ...] = ()
    version: str = ""
    codename: str = ""
    title: str = "an unknown system"

    @property
    def debian(self) -> bool:
        """Whether this is Debian itself."""
        return self.id == "debian"

    @property
    def ubuntu(self) -> bool:
        """Whether this is Ubuntu or made from it."""
        return self.id == "ubuntu" or "ubuntu" in self.like

    @property
    def major(self) -> int | None:
        """The first number of the version; Debian's testing has none."""
        found = _NUMBER.match(self.version)
        return int(found[0]) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A Docker Engine that answers.

    Attributes:
        name: What it calls itself: ``Engine``, ``Podman Engine``.
        version: Its version, as it says it.
        system: ``linux`` or ``windows``.
    """

    name: str
    version: str
    system: str = "linux"

    @property
    def major(self) -> int:
        """The first number of the version, 0 where there is none."""
        found = _NUMBER.match(self.version)
        return int(found[0]) if found else 0

    @property
    def builds(self) -> bool:
        """Whether its built-in BuildKit knows what the composed Dockerfiles use (Docker Engine 23 and later)."""
        return "podman" not in self.name.lower() and self.major >= 23


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Everything that decides what is missing here.

    Attributes:
        os: The operating system.
        root: Whether this process may install packages.
        client: The version of the ``docker`` program on PATH, or None.
        buildx: What ``docker buildx version`` says, or None.
        engine: The engine that answers, or None.
        silence: Why no engine answers: the client's own words.
        chosen: ``DOCKER_HOST`` or a context that somebody has chosen, or None.
        daemon: The version of the ``dockerd`` program, running or not, or None.
        systemd: Whether systemd manages services here.
        mmdebstrap: Whether mmdebstrap is installed.
        debian_keys: Whether Debian's archive keys are installed.
        listening: Whether something listens at the engine's usual place; asked only where there is no client.
    """

    os: OsRelease = OsRelease()
    root: bool = False
    client: str | None = None
    buildx: str | None = None
    engine: Engine | None = None
    silence: str = ""
    chosen: str | None = None
    daemon: str | None = None
    systemd: bool = False
    mmdebstrap: bool = False
    debian_keys: bool = False
    listening: bool = False

    @property
    def apt(self) -> bool:
        """Whether packages can be installed here without asking anybody."""
        return self.root and (self.os.debian or self.os.ubuntu)


def parse_os_release(text: str) -> OsRelease:
    """Return what an ``os-release`` file says."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, separator, value = line.strip().partition("=")
        if separator and not name.startswith("#"):
            values[name] = value.strip().strip("\"'")
    return OsRelease(
        id=values.get("ID", ""),
        like=tuple(values.get("ID_LIKE", "").split()),
        version=values.get("VERSION_ID", ""),
        codename=values.get("VERSION_CODENAME", ""),
        title=values.get("PRETTY_NAME") or values.get("NAME") or "an unknown system",
    )


def read_os_release(root: Path = Path("/")) -> OsRelease:
    """Return what the system under ``root`` is; with no id where it does not say."""
    for name in ("etc/os-release", "usr/lib/os-release"):
        if (root / name).is_file():
            return parse_os_release((root / name).read_text(encoding="utf-8", errors="replace"))
    return OsRelease(id="macos", title="macOS") if platform.system() == "Darwin" else OsRelease()


def parse_version_answer(text: str) -> tuple[str | None, Engine | None, str | None]:
    """Return client version, engine and context from ``docker version --format '{{json .}}'``."""
    try:
        answer: dict[str, Any] = json.loads(text)
    except ValueError:
        return None, None, None
    client = answer.get("Client") or {}
    server = answer.get("Server")
    engine = None
    if server and server.get("Version"):
        components = server.get("Components") or [{}]
        engine = Engine(
            name=str(components[0].get("Name") or "Engine"),
            version=str(server["Version"]),
            system=str(server.get("Os") or "linux"),
        )
    return client.get("Version"), engine, client.get("Context")


def ask_engine() -> tuple[str | None, Engine | None, str | None, str]:
    """Ask the ``docker`` program for its version and the engine's.

    Returns:
        The client's version, the engine where one answers, the context in use, and why no engine answers.
    """
    try:
        done = process.run(
            ["docker", "version", "--format", "{{json .}}"],
            ok=(0, 1, 125),
            env=child_environment(),
            timeout=QUERY_SECONDS,
        )
    except PrerequisiteError:
        return None, None, None, "there is no docker program"
    except ToolError as error:
        return None, None, None, error.why or error.what
    client, engine, context = parse_version_answer(done.stdout)
    silence = "" if engine else (process.redacted(done.stderr).strip() or "no engine answered")
    return client or "unknown", engine, context, silence


def ask_buildx() -> str | None:
    """Return the version of buildx, or None where docker has no such plugin."""
    try:
        done = process.run(["docker", "buildx", "version"], env=child_environment(), timeout=QUERY_SECONDS)
    except (PrerequisiteError, ToolError):
        return None
    words = done.stdout.split()
    return words[1] if len(words) > 1 else None


def look() -> Machine:
    """Return what this machine is and has."""
    client, engine, context, silence = ask_engine()
    host = os.environ.get("DOCKER_HOST")
    return Machine(
        os=read_os_release(),
        root=os.geteuid() == 0,
        client=client,
        buildx=ask_buildx() if client else None,
        engine=engine,
        silence=silence,
        chosen=host or (context if context not in (None, "", "default") else None),
        daemon=_daemon_version() if engine is None else None,
        systemd=Path("/run/systemd/system").is_dir(),
        mmdebstrap=which("mmdebstrap") is not None,
        debian_keys=Path("/usr/share/keyrings/debian-archive-keyring.gpg").is_file(),
        listening=client is None and _listens(ENGINE_SOCKET),
    )


def child_environment() -> dict[str, str]:
    """Return this process's environment with the system's own program folders on PATH (``su`` leaves them out)."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    missing = [folder for folder in _SYSTEM_FOLDERS if folder not in folders]
    return {**os.environ, "PATH": os.pathsep.join([*folders, *missing])}


def which(program: str) -> str | None:
    """Return where a program is, also in the system folders that are not on everybody's PATH."""
    return shutil.which(program, path=child_environment()["PATH"])


@contextmanager
def one_at_a_time(place: Path) -> Iterator[None]:
    """Wait until no other process is in a block for the same file or folder; freed when the process ends."""
    import fcntl

    handle = os.open(place, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _listens(place: Path) -> bool:
    """Whether something accepts connections at a Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(5)
        try:
            probe.connect(str(place))
        except OSError:
            return False
    return True


def _daemon_version() -> str | None:
    """Return the version of the dockerd program, or None."""
    program = which("dockerd")
    if program is None:
        return None
    try:
        said = process.run([program, "--version"], timeout=QUERY_SECONDS).stdout
    except ToolError:
        return None
    found = re.search(r"version (\S+?),", said)
    return found[1] if found else "unknown"
