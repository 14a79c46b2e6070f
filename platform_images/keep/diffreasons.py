"""Why a package is there: what people asked for, who needs whom, and the shortest way from the one to the other. Pure.

Locks know it for conda and npm, by their dependencies, and for pip, by the remarks ``# via``. Of Debian packages they
know nothing, so that only those have a reason that ``apt.txt`` itself asks for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from packaging.utils import canonicalize_name

from platform_images.keep.diffparts import npm_entries, npm_name
from platform_images.keep.diffvalues import Chain, Kind, Reasons
from platform_images.locks.conda import conda_packages
from platform_images.locks.pip import Pin, pins
from platform_images.locks.requests import name_lines
from platform_images.locks.store import commits
from platform_images.locks.values import BASE, COMMON, CONDA_LOCK, NOTEBOOKS, NPM, OS, REQUIREMENTS, ROOT, Lock, Unit

Texts = Callable[[str], str | None]
Place = tuple[str, int | None]
_VIA = re.compile(r"^\s+# via(?P<rest>(?: [^\n]*)?(?:\n\s+#   [^\n]+)*)", re.MULTILINE)
_FILE = re.compile(r"(?:-r|--requirements?)[ =](?P<path>\S+)")
_TOP_LEVEL = re.compile(r"^(?P<key>[A-Za-z_]\w*)\s*:")
_MATCH_SPEC = re.compile(r"(?:^\s*-\s*|[\[,]\s*)[\"']?(?:[\w.-]+::)?(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)")


def chain(name: str, reasons: Reasons) -> Chain | None:
    """Return the shortest way to a package from a line that asks for something, of several the first by name."""
    below: dict[str, str | None] = {name: None}
    row = [name]
    while row:
        for each in sorted(row):
            if each in reasons.asked:
                file, line = reasons.asked[each]
                return Chain(file=file, line=line, packages=tuple(_down(each, below)))
        following: dict[str, None] = {}
        for each in sorted(row):
            for parent in reasons.parents.get(each, ()):
                if parent not in below:
                    below[parent] = each
                    following[parent] = None
        row = list(following)
    return None


def _down(name: str, below: Mapping[str, str | None]) -> Iterator[str]:
    """Yield a package and those on the way down from it."""
    here: str | None = name
    while here is not None:
        yield here
        here = below[here]


def lock_reasons(lock: Lock, text: Texts) -> dict[Kind, Reasons]:
    """Return who asks for what in a lock.

    Args:
        lock: The lock.
        text: Gives a file of requests by its path in the project, as it was for this lock; None where there is none.
    """
    unit = lock.unit
    match unit.part:
        case part if part == ROOT:
            return {}
        case part if part == OS:
            return {Kind.DEB: Reasons(asked=_listed(_folder(unit, "apt.txt"), text))}
        case part if part == NPM:
            return {Kind.NPM: _npm(lock, _folder(unit, "npm.txt"), text)}
        case part if part == NOTEBOOKS:
            return {Kind.NOTEBOOKS: _notebooks(lock, _folder(unit, "mission.toml"), text)}
    return {Kind.CONDA: _conda(lock, text), Kind.PIP: pip_reasons(lock.files.get(REQUIREMENTS, ""), text)}


def environment_folder(unit: Unit) -> str:
    """Return where the requests of an environment are."""
    return f"{COMMON}/{BASE}" if unit.scope == COMMON else f"deployments/{unit.scope}/kernels/{unit.part}"


def pip_reasons(locked: str, text: Texts) -> Reasons:
    """Return who asks for what in a lock in pip's format."""
    asked: dict[str, Place] = {}
    parents: dict[str, tuple[str, ...]] = {}
    for pin in pins(locked):
        name, via = str(canonicalize_name(pin.name)), tuple(_via(pin))
        files = [found["path"] for each in via if (found := _FILE.match(each))]
        # of a mission's own request and one that holds for every mission, its own says more
        for file in sorted(files, key=lambda path: (path.startswith(f"{COMMON}/"), path))[:1]:
            asked[name] = (file, _line(text(file), name))
        parents[name] = tuple(sorted(str(canonicalize_name(each)) for each in via if not each.startswith("-")))
    return Reasons(asked=asked, parents=parents)


def _via(pin: Pin) -> Iterator[str]:
    """Yield what the remark below a pin names: packages without extras, and options with a file."""
    found = _VIA.search(pin.text)
    for line in found["rest"].splitlines() if found else ():
        word = line.strip().removeprefix("#").strip()
        if word:
            yield word if word.startswith("-") else re.split(r"[\[ (]", word, maxsplit=1)[0]


def _line(text: str | None, name: str) -> int | None:
    """Return the number of the first line that asks for a package by this name."""
    return next((number for number, _ in name_lines(text or "", name)), None)


def _conda(lock: Lock, text: Texts) -> Reasons:
    """Return who asks for what in a conda part."""
    if CONDA_LOCK not in lock.files:
        return Reasons()
    file = f"{environment_folder(lock.unit)}/environment.yml"
    parents: dict[str, list[str]] = {}
    for package in conda_packages(lock):
        for needed, _ in package.dependencies:
            parents.setdefault(needed, []).append(package.name)
    asked: dict[str, Place] = {name: (file, line) for name, line in match_specs(text(file) or "").items()}
    return Reasons(asked=asked, parents={name: tuple(sorted(each)) for name, each in parents.items()})


def match_specs(text: str) -> dict[str, int]:
    """Return the packages that an ``environment.yml`` asks for, with the number of the line."""
    found: dict[str, int] = {}
    key = ""
    for number, line in enumerate(text.splitlines(), start=1):
        top = _TOP_LEVEL.match(line)
        key = top["key"] if top else key
        if key == "dependencies":
            for spec in _MATCH_SPEC.finditer(line.split("#", 1)[0]):
                found.setdefault(spec["name"].lower(), number)
    return found


def _npm(lock: Lock, file: str, text: Texts) -> Reasons:
    """Return who asks for what in npm's lock: a package takes what it needs from the nearest folder that has it."""
    entries = npm_entries(lock)
    parents: dict[str, list[str]] = {}
    for place, entry in entries.items():
        for needed in sorted({**entry.get("dependencies", {}), **entry.get("optionalDependencies", {})}):
            at = next((each for each in _lookup(place, needed) if each in entries), None)
            if place and at is not None:
                parents.setdefault(npm_name(at), []).append(npm_name(place))
    lines = {npm_request(line): at for line, (_, at) in _listed(file, text).items()}
    asked = {name: (file, lines.get(name)) for name in entries.get("", {}).get("dependencies", {})}
    return Reasons(asked=asked, parents={name: tuple(sorted(each)) for name, each in parents.items()})


def _lookup(place: str, needed: str) -> Iterator[str]:
    """Yield where a package is looked for: below the one that needs it, then in each folder above."""
    parts = place.split("/node_modules/") if place else []
    for depth in range(len(parts), 0, -1):
        yield "/node_modules/".join([*parts[:depth], needed])
    yield f"node_modules/{needed}"


def npm_request(line: str) -> str:
    """Return the name in a line ``name`` or ``name@range``; a name may begin with ``@``."""
    head, _, _ = line[1:].partition("@")
    return line[:1] + head


def _notebooks(lock: Lock, file: str, text: Texts) -> Reasons:
    """Return where each folder of notebooks is asked for."""
    asked: dict[str, Place] = {}
    for each in commits(lock).notebooks:
        pattern = re.compile(rf"\s*folder\s*=\s*[\"']{re.escape(each.folder)}[\"']")
        lines = (text(file) or "").splitlines()
        asked[each.folder] = (file, next((n for n, line in enumerate(lines, start=1) if pattern.match(line)), None))
    return Reasons(asked=asked)


def _listed(file: str, text: Texts) -> dict[str, Place]:
    """Return the entries of a list file, each with its line."""
    entries: dict[str, Place] = {}
    for number, line in enumerate((text(file) or "").splitlines(), start=1):
        entry = line.split("#", 1)[0].strip()
        if entry:
            entries.setdefault(entry, (file, number))
    return entries


def _folder(unit: Unit, name: str) -> str:
    """Return where a file of a mission is, or of what all have in common."""
    return f"{COMMON}/{name}" if unit.scope == COMMON else f"deployments/{unit.scope}/{name}"
