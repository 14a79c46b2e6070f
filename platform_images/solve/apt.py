"""Solving OS packages: apt in a container of the root says what it would install."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from platform_images.engine.client import Finished, run_in
from platform_images.engine.root import ensure_root
from platform_images.errors import LockError, PlatformError, ToolError, UsageError
from platform_images.files import json_text
from platform_images.locks.store import os_packages
from platform_images.locks.values import PACKAGES, DebPackage, Lock, OsPackages, RootSystem
from platform_images.model.mission import Mission
from platform_images.model.platform import Platform
from platform_images.model.spelling import nearest
from platform_images.process import LAST_LINES, redacted
from platform_images.solve import aptscript
from platform_images.solve.deb import Difference, differences, is_newer, parse_uris, sorted_packages, versions
from platform_images.solve.solution import Say, Solution

_UNKNOWN = (
    re.compile(r"^E: Unable to locate package (?P<name>\S+)", re.MULTILINE),
    re.compile(r"^E: Package '?(?P<name>[^' ]+)'? has no installation candidate", re.MULTILINE),
    re.compile(r"^E: Couldn't find any package by (?:regex|glob) '(?P<name>[^']+)'", re.MULTILINE),
)
_REQUEST = re.compile(r"^[a-z0-9][a-z0-9+.-]+(?::[a-z0-9-]+)?(?:=[A-Za-z0-9.+:~-]+|/[a-z0-9-]+)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class OsRequest:
    """What apt is asked.

    Attributes:
        file: The list that people edit, for messages.
        requests: Its lines.
        below: Names of packages that are installed already, beyond the root.
        preferred: Name to the version to take where the archive still has it.
    """

    file: str
    requests: tuple[str, ...]
    below: tuple[str, ...]
    preferred: dict[str, str]


def solve_os(
    platform: Platform,
    mission: Mission | None,
    *,
    root: RootSystem,
    below: tuple[OsPackages, ...],
    old: Lock | None,
    upgrade: bool = False,
    upgrade_packages: tuple[str, ...] = (),
    say: Say,
) -> Solution:
    """Return every Debian package that a list adds to the root and to the lists below it.

    Args:
        platform: The platform.
        mission: Whose ``apt.txt`` is meant; ``common/apt.txt`` without one.
        root: The locked root.
        below: The locked lists below this one.
        old: The present lock; its versions are kept where the archive still has them.
        upgrade: Keep none of them.
        upgrade_packages: Do not keep these.
        say: Told what is under way.

    Raises:
        UsageError: The list asks for a package that there is not, or for some that do not go together.
        PrerequisiteError: No engine answers.
        ToolError: A mirror did not answer.
    """
    asked = os_request(
        mission, platform, root=root, below=below, old=old, keep=not upgrade, upgrade_packages=upgrade_packages
    )
    if not asked.requests:
        return _solution((), {})
    image = ensure_root(platform, root, say=say)
    if image.drift:
        say('the archive has moved on from the locked root: nox -s "lock(common, root)" -- --upgrade')
    say(f"apt solves {asked.file}")
    files = aptscript.files(asked.requests, asked.below, asked.preferred, platform, image=image.reference)
    done = run_in(
        image.reference,
        ["sh", aptscript.SCRIPT],
        role="os",
        files_in=files,
        files_out=aptscript.RESULTS,
        network=platform.settings.build.network.replace("default", "bridge"),
        env=aptscript.environment(platform),
    )
    if done.exit_code != 0:
        raise _explained(done, asked)
    texts = {path: data.decode("utf-8") for path, data in done.files.items()}
    found = added(parse_uris(texts[aptscript.URIS]), below)
    _check_complete(texts[aptscript.URIS], parse_uris(texts[aptscript.URIS]))
    return _solution(found, {"apt": texts[aptscript.VERSION].split()[1]})


def os_request(
    mission: Mission | None,
    platform: Platform,
    *,
    root: RootSystem,
    below: Sequence[OsPackages],
    old: Lock | None,
    keep: bool,
    upgrade_packages: Iterable[str],
) -> OsRequest:
    """Return what apt is asked: the list, and what the present lock has newer than the root has it.

    A patch has put that there: nothing else asks for it, and without it the root's own version would be back.

    Raises:
        UsageError: A line of the list is not a package's name.
    """
    file = f"deployments/{mission.name}/apt.txt" if mission else "common/apt.txt"
    requests = mission.os_packages if mission else platform.os_packages
    for line in requests:
        if not _REQUEST.match(line):
            raise UsageError(
                f"{file}: {line!r} is not the name of a Debian package.",
                why="One package a line: name, or name=version.",
                fix=f"correct that line of {file}",
            )
    locked = _locked_versions(old)
    in_root = {each.name: each.version for each in root.packages if each.name in locked}
    newer = {name for name, version in in_root.items() if is_newer(locked[name], version)}
    kept = {name: version for name, version in locked.items() if name not in in_root or name in newer}
    preferred = kept if keep else {}
    for name in upgrade_packages:
        preferred.pop(name, None)
    for lower in below:
        preferred.update(versions(lower.packages))
    names = sorted({package.name for lower in below for package in lower.packages})
    asked = {re.split("[=/]", line)[0] for line in requests}
    more = tuple(sorted(newer - asked - set(names)))
    return OsRequest(file=file, requests=(*requests, *more), below=tuple(names), preferred=preferred)


def added(found: Iterable[DebPackage], below: Iterable[OsPackages]) -> tuple[DebPackage, ...]:
    """Return the packages that are not below, sorted."""
    lower = {(package.name, package.architecture) for each in below for package in each.packages}
    return sorted_packages(package for package in found if (package.name, package.architecture) not in lower)


def drift(locked: Iterable[DebPackage], candidates: Mapping[str, str]) -> tuple[Difference, ...]:
    """Return how what apt would install differs from what is locked.

    Args:
        locked: What is locked.
        candidates: Name to the version that apt would install; more names than are locked do no harm.
    """
    wanted = versions(locked)
    return differences(wanted, {name: version for name, version in candidates.items() if name in wanted})


def _locked_versions(old: Lock | None) -> dict[str, str]:
    """Return name to version of the present lock; nothing where it cannot be read."""
    if old is None:
        return {}
    try:
        return versions(os_packages(old).packages)
    except LockError:
        return {}


def _check_complete(text: str, packages: Sequence[DebPackage]) -> None:
    """Refuse an answer of which a line was not understood: a package without a SHA-256, for example."""
    lines = [line for line in text.splitlines() if line.startswith("'")]
    strange = [redacted(line) for line in lines if "SHA256:" not in line]
    if len(lines) != len(packages):
        raise ToolError(
            "apt names packages without a SHA-256, which a lock needs.",
            why="\n".join(strange[:LAST_LINES]) or None,
            fix="use a mirror whose Release file has SHA256 sums",
        )


def _explained(done: Finished, asked: OsRequest) -> PlatformError:
    """Return the error for a solve that failed."""
    if (failure := aptscript.failure(done, of="the root")) is not None:
        return failure
    names = done.files.get(aptscript.NAMES, b"").decode("utf-8").split()
    unknown = dict.fromkeys(found["name"] for pattern in _UNKNOWN for found in pattern.finditer(done.output))
    if unknown:
        lines = [f"{name}{nearest(name, names)}" for name in unknown]
        return UsageError(
            f"{asked.file} asks for a package that this Debian does not have.",
            why="\n".join(lines),
            fix=f"correct that line of {asked.file}",
        )
    return UsageError(
        f"The packages of {asked.file} cannot be installed together.",
        why=aptscript.last_lines(done),
        fix=f"correct {asked.file}",
    )


def _solution(packages: tuple[DebPackage, ...], solvers: dict[str, str]) -> Solution:
    value = OsPackages(packages=packages)
    return Solution(files={PACKAGES: json_text(value.model_dump(mode="json"))}, solvers=solvers)
