"""What a pip solver is given: a scratch folder of request files under the names that they have in the repository."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from platform_images.files import write_text
from platform_images.locks.requests import refuse_unlockable, request_closure, request_text
from platform_images.model.environment import Environment
from platform_images.model.platform import Platform
from platform_images.solve.hostenv import host_environment

CONDA_PART = "conda-part.txt"
STUBS = "conda-part"


@dataclass(frozen=True, slots=True, kw_only=True)
class PipLayout:
    """A scratch folder and what lies in it, by names relative to it.

    Attributes:
        folder: The scratch folder.
        label: The environment, for messages: ``<scope>/<name>``.
        requests: Request files, in order.
        constraints: Constraint files; the conda part's own is the last.
        provided: Names of Python distributions that the conda part provides; they are not part of the result.
        sdists: Packages that are built from source.
        python: Full version of the environment's Python.
        glibc: Version of the root's C library.
        architecture: Debian's name of the architecture.
        env: The environment of a solver on this machine.
    """

    folder: Path
    label: str
    requests: tuple[str, ...]
    constraints: tuple[str, ...]
    provided: tuple[str, ...]
    sdists: tuple[str, ...]
    python: str
    glibc: str
    architecture: str
    env: Mapping[str, str] = field(repr=False)


def lay_out(
    platform: Platform,
    environment: Environment,
    folder: Path,
    *,
    python: str,
    glibc: str,
    provided: tuple[tuple[str, str], ...],
) -> PipLayout:
    """Copy the request files into ``folder`` and say there what the conda part provides.

    Each distribution of the conda part is a constraint, and a wheel without content, so that one which no index has
    can still be required.

    Raises:
        UsageError: A request is not for a release of an index.
    """
    asked = (*environment.request_files, *environment.constraint_files)
    refuse_unlockable(asked, folder=platform.folder)
    for path in request_closure(asked, folder=platform.folder):
        write_text(folder / path.relative_to(platform.folder), request_text(path, folder=platform.folder))
    lines = "".join(f"{name}=={version}\n" for name, version in provided)
    write_text(folder / CONDA_PART, lines)
    (folder / STUBS).mkdir()
    for name, version in provided:
        _write_stub(folder / STUBS, name, version)
    return PipLayout(
        folder=folder,
        label=f"{environment.scope}/{environment.name}",
        requests=tuple(path.relative_to(platform.folder).as_posix() for path in environment.request_files),
        constraints=(
            *(path.relative_to(platform.folder).as_posix() for path in environment.constraint_files),
            *((CONDA_PART,) if provided else ()),
        ),
        provided=tuple(name for name, _ in provided),
        sdists=tuple(sorted(environment.settings.sdist)),
        python=python,
        glibc=glibc,
        architecture=platform.architecture,
        env={**host_environment(platform), **_build_variables(environment)},
    )


def _build_variables(environment: Environment) -> dict[str, str]:
    """Return the variables that building the sdists needs: a solver builds them to learn what they depend on."""
    sdists = environment.settings.sdist
    return {name: value for key in sorted(sdists) for name, value in sdists[key].environment.items()}


def _write_stub(folder: Path, name: str, version: str) -> None:
    """Write a wheel that holds nothing but its name and version."""
    stem = f"{name.replace('-', '_')}-{version}"
    content = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
        for file, text in content.items():
            archive.writestr(zipfile.ZipInfo(f"{stem}.dist-info/{file}"), text)
