"""Loading: folders of files to ``Platform``, ``Mission`` and ``Environment`` values."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from platform_images.errors import UsageError
from platform_images.model.condafile import load_conda_file
from platform_images.model.document import is_there, package_lines, parse_toml, read_text, unreadable
from platform_images.model.environment import BASE_NAME, Environment
from platform_images.model.files import LONGEST_NAME, KernelFile, MissionFile, PlatformFile
from platform_images.model.mission import Mission
from platform_images.model.platform import Platform
from platform_images.model.spelling import nearest

PLATFORM_FILE = "platform.toml"
MISSION_FILE = "mission.toml"
KERNEL_FILE = "kernel.toml"
_FOLDER = re.compile(r"[a-z][a-z0-9]*([-.][a-z0-9]+)*")
HOOKS = "hooks"
_HOOK = re.compile(r"[0-9]{2}-[A-Za-z0-9][A-Za-z0-9._-]*")
_NO_HOOKS = frozenset({".gitkeep", ".DS_Store", "README.md"})
_PNG = b"\x89PNG\r\n"
_SCOPES = frozenset({"common", "project"})
_KERNEL_REQUESTS = Path("common") / "kernel" / "requirements.in"


def load_platform(folder: Path) -> Platform:
    """Read ``platform.toml`` and ``common/``.

    Args:
        folder: The project's top folder.

    Raises:
        UsageError: A file is missing or has a mistake; names file, key, found and allowed values.
    """
    settings = parse_toml(read_text(folder / PLATFORM_FILE, shown=PLATFORM_FILE), PlatformFile, shown=PLATFORM_FILE)
    base = _environment(folder, Path("common") / BASE_NAME, scope="common", settings=settings)
    return Platform(
        folder=folder,
        settings=settings,
        base=base,
        os_packages=_list_file(folder, Path("common") / "apt.txt"),
    )


def mission_names(platform: Platform) -> tuple[str, ...]:
    """Return the names of all missions: folders under ``deployments/`` that hold a ``mission.toml``, sorted.

    Raises:
        UsageError: A folder cannot be read, so that nobody knows what it holds.
    """
    return _folders_with(MISSION_FILE, platform.folder, Path("deployments"))


def _folders_with(file: str, folder: Path, place: Path) -> tuple[str, ...]:
    """Return the folders of a place that hold this file; hidden ones are being made."""
    return tuple(
        name for name in _names(folder, place) if not name.startswith(".") and _holds(folder, place / name, file)
    )


def _names(folder: Path, place: Path) -> tuple[str, ...]:
    """Return the names of all that a folder of the project holds, sorted; none where there is no such folder."""
    try:
        return tuple(sorted(path.name for path in (folder / place).iterdir())) if is_there(folder / place) else ()
    except OSError as error:
        raise unreadable(str(place), error) from error


def _holds(folder: Path, place: Path, file: str) -> bool:
    """Whether something of the project is a folder that holds this file."""
    try:
        return stat.S_ISDIR((folder / place).stat().st_mode) and is_there(folder / place / file)
    except OSError as error:
        raise unreadable(str(place), error) from error


def check_mission_name(name: str, *, fix: str) -> None:
    """Refuse what a mission cannot be named.

    Raises:
        UsageError: Says what is allowed, and has ``fix`` as its cure.
    """
    if not _FOLDER.fullmatch(name) or len(name) > LONGEST_NAME or name in _SCOPES:
        raise UsageError(
            f"A mission cannot be named {name!r}: it is the image's name too.",
            why="allowed: lower-case letters, digits, '-' and '.', beginning with a letter, "
            f"{LONGEST_NAME} of them at most; not {', '.join(sorted(_SCOPES))}, which name other folders of locks/",
            fix=fix,
        )


def load_missions(platform: Platform) -> tuple[Mission, ...]:
    """Return every mission, sorted by name."""
    return tuple(load_mission(platform, name) for name in mission_names(platform))


def load_mission(platform: Platform, name: str) -> Mission:
    """Read ``deployments/<name>/``.

    Raises:
        UsageError: There is no such mission, or a file has a mistake.
    """
    names = mission_names(platform)
    if not name:
        raise UsageError(
            "No mission is named.",
            why=f"Missions: {', '.join(names) or 'none'}",
            fix=f"give one, for example --mission {names[0] if names else 'tike'}",
        )
    if name in names:
        check_mission_name(name, fix=f"rename the folder deployments/{name}")
    if name not in names:
        raise UsageError(
            f"There is no mission {name!r}.",
            why=f"Missions: {', '.join(names) or 'none'}{nearest(name, names)}",
            fix=f"invoke list, or make deployments/{name}/{MISSION_FILE}",
        )
    place = Path("deployments") / name
    shown = str(place / MISSION_FILE)
    settings = parse_toml(read_text(platform.folder / shown, shown=shown), MissionFile, shown=shown)
    _check_kernel_folders(platform.folder, place, settings)
    _check_files(platform.folder, place, settings)
    _check_hooks(platform.folder, place)
    return Mission(
        name=name,
        folder=platform.folder / place,
        settings=settings,
        kernels=tuple(
            _environment(platform.folder, place / "kernels" / kernel, scope=name, settings=platform.settings)
            for kernel in settings.kernels
        ),
        os_packages=_list_file(platform.folder, place / "apt.txt"),
        npm_packages=_list_file(platform.folder, place / "npm.txt"),
        dockerfile=_optional_text(platform.folder, place / "Dockerfile"),
    )


def _environment(folder: Path, place: Path, *, scope: str, settings: PlatformFile) -> Environment:
    """Read one folder of requests."""
    shown = str(place / KERNEL_FILE)
    kernel_file = parse_toml(read_text(folder / shown, shown=shown), KernelFile, shown=shown)
    _check_sdists(kernel_file, shown=shown)
    _check_logo(folder, place, kernel_file)
    requests = [folder / place / "requirements.in"]
    if scope != "common":
        requests.insert(0, folder / _KERNEL_REQUESTS)
    for path in requests:
        read_text(path, shown=str(path.relative_to(folder)))
    constraints = place / "constraints.txt"
    has_constraints = _optional_text(folder, constraints) is not None
    return Environment(
        scope=scope,
        name=place.name,
        folder=folder / place,
        settings=kernel_file,
        conda=load_conda_file(
            folder / place / "environment.yml",
            shown=str(place / "environment.yml"),
            known_channels=tuple(channel.name for channel in settings.channels),
        ),
        request_files=tuple(requests),
        constraint_files=(folder / constraints,) if has_constraints else (),
    )


def _check_sdists(kernel: KernelFile, *, shown: str) -> None:
    """Refuse a package name in ``[sdist.NAME]`` that is not in normal form: it would never match."""
    from packaging.utils import canonicalize_name

    for name in kernel.sdist:
        if canonicalize_name(name) != name:
            raise UsageError(
                f"{shown}: key 'sdist.{name}' is not a normalised package name.",
                fix=f"write [sdist.{canonicalize_name(name)}] in {shown}",
            )


def _check_logo(folder: Path, place: Path, kernel: KernelFile) -> None:
    """Refuse a logo that is missing, or is another kind of file than its name says."""
    if kernel.logo is None:
        return
    path = folder / place / kernel.logo
    head = path.read_bytes()[:4096] if path.is_file() else None
    if head is None or not (head.startswith(_PNG) if path.suffix == ".png" else b"<svg" in head):
        found = "is missing" if head is None else f"is no {path.suffix[1:].upper()} file"
        raise UsageError(
            f"{place / KERNEL_FILE}: key 'logo' names {kernel.logo!r}, which {found}.",
            fix=f"put a picture, PNG or SVG, to {place / kernel.logo}, or correct the key",
        )


def _check_hooks(folder: Path, place: Path) -> None:
    """Refuse a hook that would not run: its name decides when, its first line with what."""
    for name in _names(folder, place / HOOKS):
        path = folder / place / HOOKS / name
        if name in _NO_HOOKS:
            continue
        if not _HOOK.fullmatch(path.name) or not path.is_file():
            raise UsageError(
                f"{place / HOOKS / path.name} is not named as hooks are.",
                why="allowed: two digits that give the order, '-', and a name, such as 20-quota; with .on-hub or "
                ".off-hub at the end it runs only there",
                fix="rename it; what hooks need besides goes into [[files]]",
            )
        if not path.read_bytes().startswith((b"#!", b"\x7fELF")):
            raise UsageError(
                f"{place / HOOKS / path.name} does not say with what it runs.",
                fix="begin it with a line such as #!/bin/bash",
            )


def _check_kernel_folders(folder: Path, place: Path, settings: MissionFile) -> None:
    """Refuse a kernel without a folder, and a folder that no one lists."""
    present = _folders_with(KERNEL_FILE, folder, place / "kernels")
    for name in settings.kernels:
        if name not in present:
            raise UsageError(
                f"{place / MISSION_FILE}: key 'kernels' names {name!r}, which has no folder with a {KERNEL_FILE}.",
                why=f"Folders under {place / 'kernels'}: {', '.join(present) or 'none'}{nearest(name, present)}",
                fix=f"make {place / 'kernels' / name / KERNEL_FILE}, or correct the name",
            )
    for name in present:
        if name not in settings.kernels:
            raise UsageError(
                f"{place / 'kernels' / name} is not listed in the mission's kernels.",
                why=f"{place / MISSION_FILE}: key 'kernels' has {', '.join(settings.kernels)}",
                fix=f"add {name!r} to 'kernels' in {place / MISSION_FILE}, or delete the folder",
            )


def _check_files(folder: Path, place: Path, settings: MissionFile) -> None:
    """Refuse an extra file that is missing or lies outside the mission's folder."""
    home = (folder / place).resolve()
    for entry in settings.files:
        if not _is_file_below(home, entry.source):
            raise UsageError(
                f"{place / MISSION_FILE}: key 'files' names {entry.source!r}, which is not a file of the mission.",
                fix=f"put the file below {place}, or correct 'source'",
            )


def _is_file_below(folder: Path, name: str) -> bool:
    """Whether a name is that of a file below the folder; names that no file can have are not."""
    try:
        place = (folder / name).resolve()
        return place.is_relative_to(folder) and place.is_file()
    except (OSError, ValueError):
        return False


def _list_file(folder: Path, place: Path) -> tuple[str, ...]:
    """Return the entries of an optional list file."""
    text = _optional_text(folder, place)
    return package_lines(text) if text is not None else ()


def _optional_text(folder: Path, place: Path) -> str | None:
    """Return an optional file's text."""
    path = folder / place
    return read_text(path, shown=str(place)) if is_there(path) else None
