"""`invoke mirror --check`: whether a mirror holds, whole and unchanged, what its manifest and the locks name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from platform_images import cli, console
from platform_images.building.locks import frozen_locks
from platform_images.errors import ExitCode
from platform_images.files import sha256_file
from platform_images.locks.values import MissionLocks
from platform_images.mirror.manifest import Manifest, require_manifest
from platform_images.mirror.needs import needs
from platform_images.mirror.tools import tool_needs
from platform_images.model import load_mission, load_platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it should be.

    Attributes:
        path: A file of the mirror, or a unit.
        state: ``missing``, ``damaged`` or ``not mirrored``.
        expected: The recorded SHA-256, for a file.
        found: The file's own.
    """

    path: str
    state: str
    expected: str = ""
    found: str = ""


def run(folder: Path, mission: str | None, *, out: Path, json: bool) -> int:
    """Check a mirror and print what is wrong; what `invoke mirror --check` does.

    Returns:
        0, or the exit code of a mismatch.

    Raises:
        UsageError: There is no mirror.
        LockError: A lock is stale, missing or damaged.
    """
    manifest = require_manifest(out)
    found = check_files(out, manifest)
    if mission is not None:
        platform = load_platform(folder)
        loaded = load_mission(platform, mission)
        found += check_units(manifest, frozen_locks(platform, loaded, loaded.kernels))
    if json:
        cli.print_json({"files": len(manifest.files), "findings": [_plain(each) for each in found]})
    else:
        _show(found, manifest, out)
    return int(ExitCode.MISMATCH if found else ExitCode.OK)


def check_files(folder: Path, manifest: Manifest) -> tuple[Finding, ...]:
    """Return the files of a manifest that are missing or have another content, by path."""
    found = []
    for path, file in sorted(manifest.files.items()):
        place = folder / path
        if not place.is_file():
            found.append(Finding(path=path, state="missing", expected=file.sha256))
        elif (digest := sha256_file(place)) != file.sha256:
            found.append(Finding(path=path, state="damaged", expected=file.sha256, found=digest))
    return tuple(found)


def check_units(manifest: Manifest, locks: MissionLocks) -> tuple[Finding, ...]:
    """Return the units of an image of which the mirror does not hold the present solution."""
    return tuple(
        Finding(path=each.name, state="not mirrored")
        for each in (*needs(locks), *tool_needs(locks))
        if manifest.of(each.name, each.digest) is None
    )


def _plain(finding: Finding) -> dict[str, str]:
    """Return a finding for JSON."""
    return {
        "path": finding.path,
        "state": finding.state,
        "expected": finding.expected,
        "found": finding.found,
    }


def _show(found: tuple[Finding, ...], manifest: Manifest, folder: Path) -> None:
    """Print findings as a table, or that there are none."""
    if not found:
        console.stdout().print(f"whole: {len(manifest.files)} files")
        return
    from rich.table import Table

    table = Table(title="Not as it should be", title_justify="left")
    for heading in ("Path", "State", "Expected", "Found"):
        table.add_column(heading, overflow="fold")
    for each in found:
        table.add_row(each.path, each.state, each.expected, each.found)
    console.stdout().print(table)
    console.say(f"To cure it: invoke mirror --mission MISSION --out {folder}", style="bold")
