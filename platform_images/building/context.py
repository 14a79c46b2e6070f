"""From a composition to an image: build contexts laid out as folders, secrets as files, one call of BuildKit."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from platform_images.building.place import HERE, BuildPlace
from platform_images.compose.values import COMPOSED, MIRROR, NODE, TOOLS, Composition, ContextFile, channel_context
from platform_images.engine.buildlog import Watch
from platform_images.engine.buildx import BuildRun, build, contexts
from platform_images.engine.tools import node_context, tools_context
from platform_images.files import sha256_file
from platform_images.mirror.reading import MirrorSource
from platform_images.model.mission import Mission
from platform_images.model.platform import Platform
from platform_images.site import SiteSettings, site_settings
from platform_images.solve.hostenv import ca_bundle
from platform_images.solve.mirror import own_mirrors
from platform_images.solve.solution import Say
from platform_images.usage import Kind, using

_SECOND = 10**9  # in nanoseconds
_HALF_SECOND = _SECOND // 2  # no float rounds what is below it up to the next second
_LEFT_OUT = shutil.ignore_patterns(".git", "__pycache__", ".ipynb_checkpoints")


def build_composition(
    platform: Platform,
    mission: Mission | None,
    composition: Composition,
    *,
    name: str,
    target: str | None = None,
    no_cache: bool = False,
    strict: bool = False,
    mirror: MirrorSource | None = None,
    offline: bool = False,
    place: BuildPlace = HERE,
    export: Path | None = None,
    say: Say,
    watch: Watch | None = None,
) -> str:
    """Build a composition and return the image's id; nothing but the image is left.

    With ``export``, that folder gets the files of the last stage, and there is no image.

    With ``strict``, a step that would take another OS package than the locked one fails. What comes from a mirror, the
    composition says; with ``offline``, no step has a network. ``watch`` is told of each step in the place of ``say``.

    Raises:
        PrerequisiteError: There is no docker client with buildx.
        ToolError: A step failed; carries its last lines.
        UsageError: A certificate file that somebody has named does not exist.
    """
    site = site_settings(ca_bundle=ca_bundle(platform))
    wheels = mirror.wheels if mirror is not None else None
    with using(Kind.TOOLS), contexts("main", COMPOSED, "secrets") as (main, composed, secrets):
        write_context(composed, composition.files, epoch=composition.epoch)
        if mission is not None and mission.dockerfile is not None:
            _copy_mission(mission, main, epoch=composition.epoch)
        folders = {COMPOSED: composed, TOOLS: tools_context(platform, wheels=wheels, say=say)}
        if composition.needs_node:
            folders[NODE] = node_context(platform, wheels=wheels, say=say)
        if mirror is not None:
            folders[MIRROR] = mirror.context
        for channel in composition.channels:
            folders[channel_context(channel)] = platform.folder / str(platform.channel(channel).path)
        run = BuildRun(
            name=name,
            dockerfile=composition.dockerfile,
            context=main,
            contexts=folders,
            secrets=_secrets(
                site,
                secrets,
                apt_edits=_apt_edits(platform),
                snapshots=platform.settings.root.snapshots,
                strict=strict,
            ),
            platform=platform.settings.platform,
            epoch=composition.epoch,
            network="none" if offline else platform.settings.build.network,
            target=target,
            no_cache=no_cache,
            builder=place.builder,
            images=place.images,
            cache_from=place.cache_from,
            cache_to=place.cache_to,
            export=export,
        )
        return build(run, say=say, watch=watch)


def write_context(folder: Path, files: Sequence[ContextFile], *, epoch: int) -> None:
    """Lay out context files; their permissions and times are the same on every machine."""
    for file in files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if file.text is not None:
            path.write_text(file.text, encoding="utf-8")
        elif file.source is not None:
            shutil.copyfile(file.source, path)
        path.chmod(file.mode)
    for name in ("final", "locks"):
        (folder / name).mkdir(exist_ok=True)
    _settle(folder, epoch)


def _copy_mission(mission: Mission, folder: Path, *, epoch: int) -> None:
    """Copy the mission's folder, for the COPY instructions of its own Dockerfile."""
    shutil.copytree(mission.folder, folder, dirs_exist_ok=True, symlinks=True, ignore=_LEFT_OUT)
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
    _settle(folder, epoch)


def _settle(folder: Path, epoch: int) -> None:
    """Give every folder the same time and permissions, and every file a time within the epoch's second by its content.

    An engine keeps what was sent to it, and is sent a file again only where its size, permissions or time are others:
    with one time for all, ``idna==3.19`` would stay where ``idna==3.20`` is asked for. Images have whole seconds.
    """
    for top, _, names in os.walk(folder, topdown=False):
        for path in (Path(top, name) for name in names):
            within = 0 if path.is_symlink() else int(sha256_file(path)[:16], 16) % _HALF_SECOND
            time = epoch * _SECOND + within
            os.utime(path, ns=(time, time), follow_symlinks=False)
        Path(top).chmod(0o755)
        os.utime(top, (epoch, epoch))


def _apt_edits(platform: Platform) -> str:
    """Return how a build step puts this machine's Debian mirrors in the place of the public ones."""
    root = platform.settings.root
    return own_mirrors(root.suite).sed_script() if root.provider == "debootstrap" else ""


def _secrets(
    site: SiteSettings, folder: Path, *, apt_edits: str = "", snapshots: Sequence[str] = (), strict: bool = False
) -> dict[str, Path]:
    """Write what steps are told, but no layer shows, where only this user can read it; return each secret's file."""
    path = folder / "site"
    path.touch(mode=0o600)
    edits = f"export PLATFORM_IMAGES_APT_EDITS={shlex.quote(apt_edits)}\n" if apt_edits else ""
    edits += f"export PLATFORM_IMAGES_SNAPSHOTS={shlex.quote(' '.join(snapshots))}\n" if snapshots else ""
    edits += "export PLATFORM_IMAGES_STRICT=1\n" if strict else ""
    path.write_text(site.secret_text() + edits, encoding="utf-8")
    return {"site": path, **({"ca": site.ca_bundle} if site.ca_bundle is not None else {})}
