"""What two images of the engine hold, by the records of their package managers; nothing in them is run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from packaging.utils import canonicalize_name

from platform_images.keep.diffplan import unit_diff
from platform_images.keep.diffvalues import Diff, Held, Kind, Package
from platform_images.solve.deb import parse_installed
from platform_images.solve.progress import progress
from platform_images.verify.images import image_texts

STATUS = "var/lib/dpkg/status"
BASE, SYSTEM, NPM = "base", "system", "npm"
_PREFIX = r"opt/conda/(?:envs/(?P<env>[^/]+)/)?"
_CONDA = re.compile(rf"{_PREFIX}conda-meta/(?P<name>.+)-(?P<version>[^-/]+)-(?P<build>[^-/]+)[.]json")
_PIP = re.compile(
    rf"{_PREFIX}lib/python[^/]+/site-packages/(?P<name>[^/]+?)-(?P<version>[^/]+)[.]dist-info/(?P<file>METADATA)"
)
_NPM = re.compile(r"opt/npm/node_modules/(?P<name>(?:.+/node_modules/)?(?:@[^/]+/)?[^@/]+)/package[.]json")
RECORDS = re.compile("|".join(re.sub(r"\?P<\w+>", "?:", each.pattern) for each in (_CONDA, _PIP, _NPM)) + f"|{STATUS}")
_LICENCE = re.compile(r"^License-Expression: (?P<name>\S.*)$", re.MULTILINE)


def compare_images(old: str, new: str) -> Diff:
    """Return what differs between the packages of two images.

    Raises:
        UsageError: The engine does not have an image.
        PrerequisiteError: No engine answers.
        ToolError: The engine refuses, or ends before an image does.
    """
    before, after = (_read(image) for image in (old, new))
    names = sorted({*before, *after}, key=_order)
    parts = (unit_diff(name, before.get(name, Held()), after.get(name, Held())) for name in names)
    return Diff(old=old, new=new, units=tuple(part for part in parts if part.changes))


def _read(image: str) -> dict[str, Held]:
    with progress(f"reading what {image} has of packages") as say:
        return image_packages(image_texts(image, RECORDS, say=say))


def image_packages(texts: Mapping[str, bytes]) -> dict[str, Held]:
    """Return what an image holds, by part: the system, each environment by its name, npm's packages.

    Args:
        texts: The records by their path, without the slash in front.
    """
    found: dict[str, dict[Kind, dict[str, Package]]] = {}
    status = texts.get(STATUS, b"").decode("utf-8", errors="replace")
    deb = {name: Package(version=version) for name, version in parse_installed(status).items()}
    if deb:
        found[SYSTEM] = {Kind.DEB: deb}
    by_conda = _owned_by_conda(texts)
    for path in sorted(texts):
        if conda := _CONDA.fullmatch(path):
            package = Package(version=conda["version"], build=conda["build"])
            part = found.setdefault(conda["env"] or BASE, {})
            part.setdefault(Kind.CONDA, {})[conda["name"]] = package
        elif (pip := _PIP.fullmatch(path)) and path not in by_conda:
            package = Package(version=pip["version"], licence=_licence(texts[path]))
            part = found.setdefault(pip["env"] or BASE, {})
            part.setdefault(Kind.PIP, {})[str(canonicalize_name(pip["name"]))] = package
        elif npm := _NPM.fullmatch(path):
            part = found.setdefault(NPM, {})
            part.setdefault(Kind.NPM, {})[npm["name"]] = _npm(texts[path])
    return {name: Held(packages=packages) for name, packages in found.items()}


def _owned_by_conda(texts: Mapping[str, bytes]) -> frozenset[str]:
    """Return the files that a conda package brought: its Python packages are not pip's."""
    owned: set[str] = set()
    for path, text in texts.items():
        found = _CONDA.fullmatch(path)
        if found:
            prefix = path.partition("conda-meta/")[0]
            owned.update(f"{prefix}{name}" for name in _files(text))
    return frozenset(owned)


def _files(text: bytes) -> Iterable[str]:
    """Return the files that a record of conda lists; none where it is not a record."""
    try:
        record = json.loads(text)
        paths = (record.get("paths_data") or {}).get("paths") or ()
        return [str(row["_path"]) for row in paths]
    except (ValueError, AttributeError, KeyError, TypeError):
        return ()


def _npm(text: bytes) -> Package:
    """Return a package of npm."""
    try:
        document = json.loads(text)
        licence = document.get("license")
        return Package(version=str(document["version"]), licence=licence if isinstance(licence, str) else None)
    except (ValueError, AttributeError, KeyError, TypeError):
        return Package(version="unreadable")


def _licence(text: bytes) -> str | None:
    """Return the licence expression of a distribution, where it has one."""
    found = _LICENCE.search(text.decode("utf-8", errors="replace").partition("\n\n")[0])
    return found["name"].strip() if found else None


def _order(name: str) -> tuple[int, str]:
    """Return what orders the parts: the system, the base, the kernels, npm."""
    return {SYSTEM: 0, BASE: 1, NPM: 3}.get(name, 2), name
