"""Plans and does what is missing before images can be built: a Docker Engine, buildx, mmdebstrap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from platform_images import aptget
from platform_images.engine import advice, start
from platform_images.errors import PrerequisiteError
from platform_images.machine import Machine

NEWER = "trixie"
NEEDS_NEWER = 12
BORROWED = ("docker.io", "docker-cli", "docker-buildx", "containerd")
_DEBIAN_ENGINE = ("containerd", "docker-buildx", "docker-cli", "docker.io", "iptables")
_UBUNTU_ENGINE = ("docker-buildx", "docker.io", "iptables")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallPackages:
    """Install Debian packages.

    Attributes:
        packages: Their names, sorted.
        newer: Whether those of Docker come from the next Debian release of the same mirror.
        optional: Whether the machine is of use without them.
    """

    packages: tuple[str, ...]
    newer: bool = False
    optional: bool = False

    @property
    def title(self) -> str:
        """What a person reads while it runs."""
        return f"installing {', '.join(self.packages)}" + (f" (Docker from Debian {NEWER})" if self.newer else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class StartEngine:
    """Start the installed engine: by systemd, or as a process of its own.

    Attributes:
        systemd: Whether systemd does it.
        optional: Never; every step says.
    """

    systemd: bool
    optional: bool = False

    @property
    def title(self) -> str:
        """What a person reads while it runs."""
        return "starting the Docker Engine" + (" (systemd)" if self.systemd else "")


Step = InstallPackages | StartEngine


def plan(machine: Machine) -> tuple[Step, ...]:
    """Return what to do so that images can be built here; empty where nothing is missing.

    An engine that answers, or that somebody has chosen, is never replaced.

    Raises:
        PrerequisiteError: Something is missing that only its owner can install; says what.
    """
    steps: list[Step] = []
    if machine.engine is not None:
        _check_engine(machine)
        if machine.buildx is None:
            steps.append(_packages(machine, ("docker-buildx",), what="docker has no plugin buildx."))
    elif machine.client is None and (machine.chosen or machine.listening):
        steps.append(_packages(machine, _client(machine), what="There is no docker program."))
    elif machine.chosen:
        raise advice.chosen_is_silent(machine)
    else:
        steps.extend(_new_engine(machine))
    if not machine.mmdebstrap and machine.apt:
        packages = ("mmdebstrap",) if machine.debian_keys else ("debian-archive-keyring", "mmdebstrap")
        steps.insert(0, InstallPackages(packages=packages, optional=True))
    return tuple(steps)


def carry_out(step: Step, machine: Machine, say: Callable[[str], None]) -> None:
    """Do one step; ``say`` gets lines of progress.

    Raises:
        PrerequisiteError: The engine does not start, or the machine's keys are too old.
        ToolError: apt or systemd failed.
    """
    if isinstance(step, StartEngine):
        start.start_engine(systemd=step.systemd, say=say)
    elif step.newer:
        aptget.install_borrowed(step.packages, borrowed=BORROWED, codename=machine.os.codename, newer=NEWER)
    else:
        aptget.install(step.packages)


def _new_engine(machine: Machine) -> list[Step]:
    """Return the steps where no engine answers."""
    if not machine.apt:
        raise advice.no_engine(machine)
    if machine.os.debian and machine.os.major is not None and machine.os.major < NEEDS_NEWER:
        raise advice.system_too_old(machine)
    steps: list[Step] = []
    if not _installed(machine):
        engine = _DEBIAN_ENGINE if machine.os.debian else _UBUNTU_ENGINE
        steps.append(InstallPackages(packages=engine, newer=_borrows(machine)))
    return [*steps, StartEngine(systemd=machine.systemd)]


def _installed(machine: Machine) -> bool:
    """Whether daemon, client and buildx are all there, and recent enough."""
    daemon = machine.daemon or ""
    major = daemon.split(".", 1)[0]
    recent = daemon == "unknown" or (major.isdigit() and int(major) >= 23)
    return recent and machine.client is not None and machine.buildx is not None


def _borrows(machine: Machine) -> bool:
    """Whether this release's own Docker is too old."""
    return machine.os.debian and machine.os.major == NEEDS_NEWER


def _client(machine: Machine) -> tuple[str, ...]:
    """Return the packages of the client alone; Ubuntu has none without the engine."""
    return ("docker-buildx", "docker-cli") if machine.os.debian else ()


def _packages(machine: Machine, packages: tuple[str, ...], *, what: str) -> InstallPackages:
    """Return the step that installs packages beside an engine that is there.

    Raises:
        PrerequisiteError: This process cannot.
    """
    if not machine.apt or not packages:
        raise advice.no_client(machine, what)
    return InstallPackages(packages=packages, newer=_borrows(machine))


def _check_engine(machine: Machine) -> None:
    """Refuse an engine that cannot build.

    Raises:
        PrerequisiteError: It is not for Linux images, or has no BuildKit or an old one.
    """
    engine = machine.engine
    if engine is None or (engine.builds and engine.system == "linux"):
        return
    raise PrerequisiteError(
        f"{engine.name} {engine.version} ({engine.system}) answers, but cannot build these images.",
        why="needed: a Docker Engine 23 or later for Linux containers, which has BuildKit built in",
        fix=advice.engine_cure(machine),
    )
