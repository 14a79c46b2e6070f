"""What there is to test: read from a kernel's ``tests/`` folder, or named on the command line.

``tests/imports.txt``: a module a line. ``tests/notebooks/``: notebooks, all of them in parallel unless
``tests/notebooks.txt`` says otherwise: a path below ``tests/notebooks/`` a line, ``!`` before it where the notebook
must run alone, ``#`` where it is skipped (the rest of the line is the reason). ``tests/test``: a program, run in the
activated environment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from platform_images.errors import UsageError
from platform_images.home import user_path
from platform_images.model import Environment, Mission
from platform_images.model.spelling import nearest
from platform_images.run.results import Kind

TESTS, IMPORTS, NOTEBOOKS, NOTEBOOK_LIST, SCRIPT = "tests", "imports.txt", "notebooks", "notebooks.txt", "test"
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_LINE = re.compile(r"(?P<mark>[!#]?)\s*(?P<name>.+?\.ipynb):?(?:\s+(?P<rest>.*))?")
_IGNORED = frozenset({".ipynb_checkpoints", "__pycache__", ".git"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to try.

    Attributes:
        kind: What it is.
        name: As results name it.
        timeout: Seconds.
        serial: Whether nothing else may run meanwhile.
        skipped: Why it is not run; None where it is.
        source: The folder on this machine that is copied for it; None for an import.
        file: The notebook or script in that folder.
    """

    kind: Kind
    name: str
    timeout: int
    serial: bool = False
    skipped: str | None = None
    source: Path | None = None
    file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelPlan:
    """Everything to try with one kernel, in the order of the report."""

    kernel: str
    items: tuple[Item, ...]


def kernel_plan(kernel: Environment) -> KernelPlan:
    """Return what the kernel's ``tests/`` folder asks for; no items where it asks for nothing.

    Raises:
        UsageError: A list names what is not there, or leaves out what is, or holds a line that is no module.
    """
    folder = kernel.folder / TESTS
    limits = kernel.settings.test
    imports = tuple(
        Item(kind=Kind.IMPORT, name=name, timeout=limits.import_timeout) for name in _imports(folder / IMPORTS)
    )
    return KernelPlan(
        kernel=kernel.name,
        items=(*imports, *_notebooks(folder, limits.timeout), *_script(folder, limits.timeout)),
    )


def given_plans(mission: Mission, kernels: Sequence[Environment], paths: Sequence[Path]) -> tuple[KernelPlan, ...]:
    """Return plans for notebooks named on the command line; a folder stands for the notebooks in it.

    Each runs with every kernel of ``kernels``; where that is all of several, with the kernel that the notebook names.

    Raises:
        UsageError: A path is no notebook, or nothing says which kernel it is for.
    """
    files = tuple(file for path in paths for file in _given_files(path))
    wanted = {file: _kernels_for(file, mission, kernels) for file in files}
    names = _short_names(files)
    plans = []
    for kernel in kernels:
        items = tuple(
            Item(
                kind=Kind.NOTEBOOK,
                name=names[file],
                timeout=kernel.settings.test.timeout,
                source=file.parent,
                file=file.name,
            )
            for file in files
            if kernel.name in wanted[file]
        )
        if items:
            plans.append(KernelPlan(kernel=kernel.name, items=items))
    return tuple(plans)


def _imports(file: Path) -> tuple[str, ...]:
    if not file.is_file():
        return ()
    names = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        name = line.split("#", 1)[0].strip()
        if name and not _MODULE.fullmatch(name):
            raise UsageError(
                f"{_shown(file)}, line {number}: {name!r} is not the name of a module.",
                fix="write one module a line, as after 'import': astropy.io.fits",
            )
        if name:
            names.append(name)
    return tuple(dict.fromkeys(names))


def _notebooks(tests: Path, timeout: int) -> tuple[Item, ...]:
    folder = tests / NOTEBOOKS
    present = found_notebooks(folder)
    items = {name: _notebook(folder, name, timeout) for name in present}
    if (tests / NOTEBOOK_LIST).is_file():
        items = _listed(tests / NOTEBOOK_LIST, items)
    return tuple(items.values())


def _notebook(folder: Path, name: str, timeout: int) -> Item:
    place = PurePosixPath(name)
    source = folder / place.parent
    return Item(kind=Kind.NOTEBOOK, name=name, timeout=timeout, source=source, file=place.name)


def _listed(file: Path, present: dict[str, Item]) -> dict[str, Item]:
    """Return the items in the order and with the marks of the list."""
    listed: dict[str, Item] = {}
    for number, raw in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        line = raw.strip()
        found = _LINE.fullmatch(line)
        if not line or (line.startswith("#") and not found):
            continue
        name = found["name"] if found else line
        if found and found["mark"] == "#" and name not in present:
            continue  # a comment that happens to speak of a notebook
        if name not in present:
            raise UsageError(
                f"{_shown(file)}, line {number}: there is no notebook {name!r}.",
                why=f"In {NOTEBOOKS}/: {', '.join(present) or 'none'}{nearest(name, tuple(present))}",
                fix="correct the line, or mark a comment with '#'",
            )
        mark, rest = (found["mark"], found["rest"]) if found else ("", None)
        skipped = (rest or "marked '#'") if mark == "#" else None
        listed[name] = replace(present[name], serial=mark == "!", skipped=skipped)
    missing = [name for name in present if name not in listed]
    if missing:
        raise UsageError(
            f"{_shown(file)} does not name the notebook {missing[0]!r}.",
            fix=f"add the line {missing[0]!r}, or '# {missing[0]} the reason' where it is not to be run",
        )
    return listed


def _script(tests: Path, timeout: int) -> tuple[Item, ...]:
    file = tests / SCRIPT
    if not file.is_file():
        return ()
    if not file.stat().st_mode & 0o111:
        raise UsageError(f"{_shown(file)} cannot be executed.", fix=f"chmod +x {_shown(file)}")
    return (Item(kind=Kind.SCRIPT, name=SCRIPT, timeout=timeout, serial=True, source=tests, file=SCRIPT),)


def found_notebooks(folder: Path) -> tuple[str, ...]:
    """Return every notebook below a folder by its path in it, sorted."""
    if not folder.is_dir():
        return ()
    places = (path.relative_to(folder) for path in folder.rglob("*.ipynb") if path.is_file())
    return tuple(sorted(place.as_posix() for place in places if not _IGNORED.intersection(place.parts)))


def _given_files(path: Path) -> tuple[Path, ...]:
    full = user_path(str(path), named="--notebooks").absolute()
    if full.is_dir():
        found = found_notebooks(full)
        if found:
            return tuple(full / name for name in found)
    elif full.is_file() and full.suffix == ".ipynb":
        return (full,)
    raise UsageError(
        f"{str(path)!r} is neither a notebook nor a folder that holds one.", fix="give paths of .ipynb files"
    )


def _kernels_for(file: Path, mission: Mission, kernels: Sequence[Environment]) -> tuple[str, ...]:
    names = tuple(kernel.name for kernel in kernels)
    if len(names) == 1 or len(names) < len(mission.kernels):
        return names
    named = _kernel_name(file)
    if named in names:
        return (named,)
    raise UsageError(
        f"Which kernel is {file.name!r} for?",
        why=f"It names {named!r}; the mission {mission.name!r} has {', '.join(names)}.",
        fix=f"add --kernel {names[0]}",
    )


def _kernel_name(file: Path) -> str:
    """Return the kernel that a notebook names, or nothing."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return str(content["metadata"]["kernelspec"]["name"])
    except (ValueError, KeyError, TypeError):
        return ""


def _short_names(files: Sequence[Path]) -> dict[Path, str]:
    """Return each file's name, with as many of its folders as make it unlike the others."""
    names = {}
    for file in files:
        length = 1
        while sum(other.parts[-length:] == file.parts[-length:] for other in set(files)) > 1:
            length += 1
        names[file] = "/".join(file.parts[-length:])
    return names


def _shown(file: Path) -> str:
    """Return a file's path from ``deployments`` on, or whole where it lies elsewhere."""
    parts = file.parts
    return "/".join(parts[parts.index("deployments") :]) if "deployments" in parts else str(file)
