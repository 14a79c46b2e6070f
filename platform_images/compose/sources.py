"""Reading what a composition is made from; the only part of this room that touches files."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from platform_images.compose.channels import CHANNEL_FILES, channel_place
from platform_images.compose.dockerfile import copied, lines_of
from platform_images.compose.mission_stage import checked, shown
from platform_images.compose.values import ContextFile, Sources
from platform_images.errors import UsageError
from platform_images.model.load import HOOKS
from platform_images.model.mission import Mission
from platform_images.model.platform import Platform
from platform_images.model.spelling import nearest

PROGRAMS = Path(__file__).resolve().parent.parent / "inside"
_TEMPLATE = ".Dockerfile.j2"
_LEFT_OUT = frozenset({"__pycache__", ".DS_Store", ".ipynb_checkpoints", ".gitkeep"})


def read_sources(platform: Platform, mission: Mission | None, *, ca_bundle: Path | None) -> Sources:
    """Return templates, programs and trees of files.

    Args:
        platform: The platform.
        mission: The mission whose default home is read, where there is one.
        ca_bundle: The site's certificates; they are read only where ``[tls] install`` asks for them in the image.

    Raises:
        UsageError: Certificates are to be installed and there are none.
    """
    return Sources(
        templates=_templates(platform.common / "stages"),
        runtime=tree(platform.common / "runtime", below="runtime"),
        home=tree(mission.folder / "home", below="home") if mission is not None else (),
        hooks=_hooks(mission) if mission is not None else (),
        programs=tuple(
            ContextFile(path=f"inside/{path.name}", source=path)
            for path in sorted(PROGRAMS.iterdir())
            if path.suffix in (".py", ".sh") and path.name != "__init__.py"
        ),
        certificates=_certificates(ca_bundle) if platform.settings.tls.install else None,
        channels=_channels(platform),
    )


def check_dockerfile(mission: Mission) -> None:
    """Check a mission's own ``Dockerfile``, and that its folder holds what is copied from there.

    Raises:
        UsageError: There is a mistake; names the line.
    """
    if mission.dockerfile is None:
        return
    file = shown(mission.name)
    for instruction in checked(lines_of(mission.dockerfile), shown=file):
        for path in copied(instruction):
            if not os.path.lexists(mission.folder / path):  # a link may point to what is only in the image
                raise UsageError(
                    f"{file}, line {instruction.first + 1}: there is no {path!r} in deployments/{mission.name}"
                    f"{nearest(path, _paths(mission.folder))}.",
                    why=instruction.words,
                    fix="correct the path, which begins in the mission's folder, or put the file there",
                )


def _paths(folder: Path) -> tuple[str, ...]:
    """Return the path of all that is below a folder."""
    return tuple(path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")))


def tree(folder: Path, *, below: str) -> tuple[ContextFile, ...]:
    """Return every file below a folder, sorted. Permissions are 0755 or 0644, whatever the checkout's umask was."""
    if not folder.is_dir():
        return ()
    return tuple(
        ContextFile(
            path=f"{below}/{path.relative_to(folder).as_posix()}",
            source=path,
            mode=0o755 if path.stat().st_mode & 0o100 else 0o644,
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _LEFT_OUT & set(path.relative_to(folder).parts)
    )


def _hooks(mission: Mission) -> tuple[ContextFile, ...]:
    """Return the mission's hooks, which run whatever their permissions in the checkout are."""
    found = tree(mission.folder / HOOKS, below="hooks")
    return tuple(replace(file, mode=0o755) for file in found if not file.path.endswith(".md"))


def _channels(platform: Platform) -> tuple[ContextFile, ...]:
    """Return indexes and packages of the repository's own channels: users of an image install from them as well."""
    folders = [
        (platform.folder / channel.path / subdir, f"runtime{channel_place(channel.name)}/{subdir}")
        for channel in platform.settings.channels
        if channel.path is not None
        for subdir in ("noarch", platform.subdir)
    ]
    files = (file for folder, place in folders for file in tree(folder, below=place))
    return tuple(file for file in files if file.path.endswith(CHANNEL_FILES))


def _templates(folder: Path) -> dict[str, str]:
    """Return the fragments by file name."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob(f"*{_TEMPLATE}"))}


def _certificates(bundle: Path | None) -> str:
    """Return the text of the site's bundle."""
    if bundle is None:
        raise UsageError(
            "platform.toml: key 'tls.install' is true, and no certificates were found on this machine.",
            fix="name a PEM file with the key 'tls.ca_bundle'",
        )
    return bundle.read_text(encoding="utf-8", errors="replace")
