"""plan_pip.py PREFIX LOCK GROUPS OUT [NAME=VALUE ...]: get the pip part of an environment, and find who brings what.

LOCK is a folder with requirements.txt and, where packages are built from source, build-requirements.txt, both with
hashes; GROUPS is JSON, the name of each distribution's layer. Everything is fetched, checked and built into the cache
that the steps of the layers take it from. Of distributions that bring a file of the same name the last by name wins:
OUT/<layer>/left-out.txt has the files that a layer must not bring, since another one does, and settled.json whose file
it is that several of a layer's own distributions bring.
"""

from __future__ import annotations

import csv
import json
import os
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import known  # type: ignore[import-not-found,unused-ignore]  # these lie beside this file in a build step
from pip_part import (  # type: ignore[import-not-found,unused-ignore]
    CACHE,
    LEFT_OUT,
    LOCK,
    SETTLED,
    built,
    environment_of,
    infos,
    install_command,
    normalised,
    note,
    releases,
    requirements,
    run,
)

PLAIN = re.compile(r"(?!\.)(?:[^/]+/(?!\.))*[^/]+")
"""A path that can be put behind another one as it is: none of its names begins with a dot, none is empty."""
Claims = Mapping[str, Mapping[str, str]]
"""Path below the prefix to the hash that each distribution has for it, as their RECORDs say."""


def main(prefix: Path, lock: Path, groups: Path, out: Path, variables: list[str]) -> None:
    """Install everything beside, look, and write."""
    layers: dict[str, str] = json.loads(groups.read_text(encoding="utf-8"))
    found = fetched(prefix, lock, variables)
    # Nearly all files are of one distribution alone.
    several = {path: owners for path, owners in found.items() if len(owners) > 1}
    for layer in sorted(set(layers.values())):
        write(out / layer, several, layers, layer)


def fetched(prefix: Path, lock: Path, variables: list[str], *, whole: bool = True) -> Claims:
    """Get the packages of a lock into the cache; return what they list.

    Those whose lists are known are not asked for: where the cache has them no more, the layer's step gets them.

    Args:
        prefix: The environment.
        lock: The folder with the lock.
        variables: For building from source.
        whole: Whether these are all packages of the pip part, so that one can tell what does not fit together.
    """
    environment = environment_of(prefix, lock, variables)
    text = (lock / LOCK).read_text(encoding="utf-8")
    wheels = {name: lines for name, lines in releases(text).items() if name not in built(text)}
    CACHE.mkdir(parents=True, exist_ok=True)
    shelf = known.shelf(prefix)
    # Beside the cache, so that no file is copied.
    with tempfile.TemporaryDirectory(prefix="plan-", dir=CACHE) as name:
        place, listed = Path(name, "prefix"), Path(name, LOCK)
        new = set(releases(text)) - known.take(shelf, place, wheels)
        if new:
            listed.write_text(requirements(text, new), encoding="utf-8")
            run([*install_command(prefix, place, lock, listed), "--link-mode", "hardlink"], environment)
            known.keep(shelf, place, wheels, new & set(wheels))
        if whole:
            note(prefix, place, environment)
        return claims(place)


def claims(prefix: Path, *, installer: str | None = None) -> Claims:
    """Return what all distributions list, or those that one program has installed."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for info in infos(prefix):
        if installer is not None and installer_of(info) != installer:
            continue
        name = normalised(info.name.split("-", 1)[0])
        site = os.path.relpath(info.parent, prefix)
        for path, digest, _ in csv.reader((info / "RECORD").read_text(encoding="utf-8").splitlines()):
            plain = PLAIN.fullmatch(path) is not None
            found[f"{site}/{path}" if plain else os.path.relpath(info.parent / path, prefix)][name] = digest
    return found


def installer_of(info: Path) -> str:
    """Return the program that has installed a distribution, as it says itself; nothing where it does not."""
    path = info / "INSTALLER"
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


def write(folder: Path, found: Claims, layers: Mapping[str, str], layer: str) -> None:
    """Write the plan of one layer."""
    folder.mkdir(parents=True)
    lines = "".join(f"{path}\n" for path in sorted(left_out(found, layers, layer)))
    (folder / LEFT_OUT).write_text(lines, encoding="utf-8")
    (folder / SETTLED).write_text(json.dumps(settled(found, layers, layer), sort_keys=True), encoding="utf-8")


def left_out(found: Claims, layers: Mapping[str, str], layer: str) -> set[str]:
    """Return the files of a layer's distributions that one of another layer has the last word about."""
    return {
        path
        for path, owners in found.items()
        if len(owners) > 1 and layers[max(owners)] != layer and layer in {layers[name] for name in owners}
    }


def settled(found: Claims, layers: Mapping[str, str], layer: str) -> dict[str, list[str]]:
    """Return the files that distributions of one layer bring with other content, by the distribution that wins."""
    files: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(found):
        here = {name: digest for name, digest in found[path].items() if layers[name] == layer}
        if len(set(here.values())) > 1:
            files[max(here)].append(path)
    return files


if __name__ == "__main__":
    os.umask(0o022)
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]), sys.argv[5:])
