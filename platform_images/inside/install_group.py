"""install_group.py GID GROUP PLANS LAYER [NAME=VALUE ...]: lay out the packages of one layer below LAYER.

GROUP is a folder with requirements.txt, all with hashes, and environments.json: the layer's name and rank, and name and
prefix of each environment that gets the packages. PLANS/<environment>/ is what plan_pip.py has written for this layer.
What the environments have alike is there once, under the names of all. Everything belongs to the group GID, which may
write to it: whoever runs in the image is in that group.
"""

from __future__ import annotations

import filecmp
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import manifest  # type: ignore[import-not-found,unused-ignore]  # these lie beside this file in a build step
import turns  # type: ignore[import-not-found,unused-ignore]
import twin  # type: ignore[import-not-found,unused-ignore]
from pip_part import (  # type: ignore[import-not-found,unused-ignore]
    CACHE,
    LEFT_OUT,
    LOCK,
    SETTLED,
    environment_of,
    install_command,
    python,
    requirements,
    run_from_cache,
    scrub,
)

BYTECODE = "/mnt/bytecode.py", "/var/cache/platform-images-bytecode"
TOP = "opt/conda"
Digests = dict[tuple[int, int], str]


def main(gid: int, group: Path, plans: Path, layer: Path, variables: list[str]) -> None:
    """Install for each environment what it has for itself, share, own, list."""
    listed = json.loads((group / "environments.json").read_text(encoding="utf-8"))
    with turns.turn(CACHE / "turns", listed["rank"]):
        places = laid_out(listed["environments"], group, plans, layer, variables)
        own(layer / TOP, gid)
        known: Digests = {}
        for place in places:
            out = place / "conda-meta" / f"platform-images.{listed['name']}.jsonl"
            make_folders(out.parent, gid)
            write_list(place, out, layer, gid, known)


def laid_out(
    environments: Sequence[dict[str, str]], group: Path, plans: Path, layer: Path, variables: list[str]
) -> list[Path]:
    """Lay out the packages for each environment; return where."""
    made: dict[str, tuple[str, Path]] = {}
    places: list[Path] = []
    for each in environments:
        prefix, plan = Path(each["prefix"]), plans / each["name"]
        place = layer / prefix.relative_to("/")
        place.mkdir(parents=True)
        decided = "".join((plan / name).read_text(encoding="utf-8") for name in (LEFT_OUT, SETTLED))
        if decided in made:
            other, first = made[decided]
            twin.lay_out(first, place, prefix=other, other=str(prefix))
        else:
            install(prefix, place, group, plan, variables)
            share(place, places)
            made[decided] = str(prefix), place
        places.append(place)
    return places


def install(prefix: Path, place: Path, group: Path, plan: Path, variables: list[str]) -> None:
    """Lay out the packages for one environment, with their bytecode."""
    environment = environment_of(prefix, group, variables)
    command = install_command(prefix, place, group, group / LOCK)
    run_from_cache([*command, "--link-mode", "copy"], environment)
    for name, paths in json.loads((plan / SETTLED).read_text(encoding="utf-8")).items():
        settle(prefix, place, group, name, paths, environment)
    (place / ".lock").unlink(missing_ok=True)  # uv's own
    for site in sorted(place.glob("lib/python3.*/site-packages")):
        scrub(site)
    for path in (plan / LEFT_OUT).read_text(encoding="utf-8").splitlines():
        (place / path).unlink(missing_ok=True)
        without_empty(place / path, place)
    subprocess.run([python(prefix), "-I", "-B", BYTECODE[0], str(place), BYTECODE[1]], check=True)


def settle(
    prefix: Path, place: Path, group: Path, name: str, paths: Sequence[str], environment: dict[str, str]
) -> None:
    """Take files from one distribution: which of several of the same name uv has written last is chance."""
    with tempfile.TemporaryDirectory(prefix="settle-", dir=CACHE) as folder:
        listed = Path(folder, LOCK)
        lock = (group / LOCK).read_text(encoding="utf-8")
        listed.write_text(requirements(lock, {name}), encoding="utf-8")
        beside = Path(folder, "prefix")
        command = install_command(prefix, beside, group, listed)
        run_from_cache([*command, "--link-mode", "hardlink"], environment)
        for path in paths:
            (place / path).unlink()
            shutil.copy(beside / path, place / path)  # without its time, which is that of the cache


def without_empty(path: Path, place: Path) -> None:
    """Remove the folders above a file that is gone, where nothing else is in them."""
    for folder in path.parents:
        if folder == place or any(folder.iterdir()):
            return
        folder.rmdir()


def share(place: Path, others: Sequence[Path]) -> None:
    """Give files that another environment has alike its names; empty ones are left as they are."""
    for folder, _, names in os.walk(place):
        for name in names:
            path = Path(folder, name)
            if path.is_symlink() or not path.stat().st_size:
                continue
            for other in others:
                twin = other / path.relative_to(place)
                if twin.is_file() and not twin.is_symlink() and alike(path, twin):
                    path.unlink()
                    path.hardlink_to(twin)
                    break


def alike(one: Path, other: Path) -> bool:
    """Whether two files have the same content and permissions."""
    return one.stat().st_mode == other.stat().st_mode and filecmp.cmp(one, other, shallow=False)


def own(top: Path, gid: int) -> None:
    """Give everything to a group that may write to it."""
    for folder, folders, names in os.walk(top):
        for path in (folder, *(f"{folder}/{name}" for name in (*folders, *names))):
            found = os.lstat(path)
            if found.st_gid != gid:
                os.lchown(path, 0, gid)
            if not stat.S_ISLNK(found.st_mode) and not found.st_mode & 0o020:
                os.chmod(path, (found.st_mode & 0o7777) | 0o020)  # noqa: PTH101 - very many


def make_folders(folder: Path, gid: int) -> None:
    """Make a folder that the group may write to."""
    if not folder.is_dir():
        folder.mkdir()
        own(folder, gid)


def write_list(place: Path, out: Path, layer: Path, gid: int, known: Digests) -> None:
    """Write what this layer has of an environment; the content of a file with several names is read once."""
    start = len(str(layer)) + 1
    found = (entry.path for entry in manifest.below(str(place), frozenset()))
    listed = [manifest.line(path, path[start:], known) for path in (str(place), *found)]
    manifest.write(out, listed)
    own(out.parent, gid)


if __name__ == "__main__":
    os.umask(0o022)
    main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]), sys.argv[5:])
