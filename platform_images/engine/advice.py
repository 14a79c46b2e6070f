"""Says what to install where this program cannot do it itself."""

from __future__ import annotations

from platform_images.errors import PrerequisiteError
from platform_images.machine import Machine

_OTHER = "a Docker Engine 23 or later with its plugin buildx (docs.docker.com/engine/install), and start it"
_MAC = "Docker Desktop, Colima or Rancher Desktop, and start it"


def engine_cure(machine: Machine) -> str:
    """Return what to install on this system for an engine that builds."""
    system = machine.os
    if system.id == "macos":
        return f"install {_MAC}; then ./bootstrap again"
    if system.ubuntu:
        return f"{_as_root(machine)}apt-get install docker.io docker-buildx iptables; then ./bootstrap again"
    if system.debian and system.major == 12:
        return (
            f"{_as_root(machine)}./bootstrap, which takes Docker from Debian 13 (Debian 12's own is too old); "
            f"or install {_OTHER}"
        )
    if system.debian and (system.major is None or system.major > 12):
        return f"{_as_root(machine)}apt-get install docker.io docker-cli docker-buildx iptables; then ./bootstrap again"
    return f"install {_OTHER}; then ./bootstrap again"


def no_engine(machine: Machine) -> PrerequisiteError:
    """Return the error for a machine without an engine where nothing may be installed."""
    if "permission denied" in machine.silence.lower():
        return PrerequisiteError(
            "A Docker Engine runs here, but this user may not use it.",
            why=machine.silence,
            fix="sudo usermod -aG docker $USER, then log in again; or run ./bootstrap as root",
        )
    who = "" if machine.root else ", and this user is not root and so cannot install one"
    if machine.daemon and not machine.root:
        fix = "start it as root: systemctl enable --now docker"
    else:
        fix = engine_cure(machine)
    return PrerequisiteError(
        f"No Docker Engine answers on this machine ({machine.os.title}){who}.", why=machine.silence, fix=fix
    )


def chosen_is_silent(machine: Machine) -> PrerequisiteError:
    """Return the error for an engine that somebody has chosen and that does not answer."""
    return PrerequisiteError(
        f"The Docker Engine that is chosen here, {machine.chosen}, does not answer.",
        why=machine.silence,
        fix="start it; or unset DOCKER_HOST and DOCKER_CONTEXT, or docker context use default, for this machine's own",
    )


def system_too_old(machine: Machine) -> PrerequisiteError:
    """Return the error for a Debian whose Docker is too old and which cannot run a newer one."""
    return PrerequisiteError(
        f"{machine.os.title} has no Docker that builds these images.",
        why="Debian 12 and later are prepared by bootstrap itself",
        fix=f"install {_OTHER}; then ./bootstrap again",
    )


def no_client(machine: Machine, what: str) -> PrerequisiteError:
    """Return the error for an engine that lacks the program or the plugin to use it with."""
    plain = machine.os.ubuntu or (machine.os.debian and machine.os.major != 12)
    packages = "docker.io docker-buildx" if machine.os.ubuntu else "docker-cli docker-buildx"
    return PrerequisiteError(
        what,
        why="docker and its plugin buildx are needed on this machine; the engine itself answers or is chosen",
        fix=f"{_as_root(machine)}apt-get install {packages}"
        if plain
        else "install docker's command line and docker-buildx-plugin (docs.docker.com/engine/install)",
    )


def _as_root(machine: Machine) -> str:
    """Return what goes before a command that needs root."""
    return "" if machine.root else "as root (sudo): "
