"""Making, making anew and deleting a user's kernels: whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from usertools import (
    channels,
    environments,
    files,
    image,
    installed,
    interpreters,
    kernelrecord,
    kernelspecs,
    names,
    pippart,
    places,
    transaction,
)
from usertools.console import say
from usertools.environments import Place
from usertools.errors import ToolError, usage
from usertools.interpreters import Interpreter
from usertools.kernelrecord import CONDA, VENV, Record
from usertools.kernelspecs import Kernel
from usertools.transaction import Plan, Wish

_NEEDED = ("python", "ipykernel", "pip")


def make_conda(name: str, source: str, display_name: str, *, asked: tuple[str, ...] = ()) -> None:
    """Make a conda environment from a version of Python or an ``environment.yml``, and its kernel.

    Raises:
        ToolError: A name is taken, or something cannot be installed; nothing is left then.
    """
    place = Place(name, places.environment_folders()[0] / name)
    check_free(name, place.prefix)
    known = channels.known()
    wish = _wish(source, known, asked)
    plan = _solved(wish, known)
    transaction.show(plan, known)
    with _new_kernel(name, place.prefix):
        transaction.carry_out(place, plan, known)
        python = next(str(r.version) for r in plan.records if r.name.normalized == "python")
        record = Record(name=name, kind=CONDA, display_name=display_name or name, python=_minor(python))
        _register(place.prefix, record)


def _solved(wish: Wish, known: channels.Channels) -> Plan:
    """Return the plan; where there is none, say which Pythons there are."""
    try:
        return transaction.plan_new(wish, known)
    except ToolError as error:
        from usertools import solver

        if "python" not in error.why:
            raise
        found = solver.search("python", wish.channels, known)
        versions = ", ".join(str(each.version) for each in found) or "no Python"
        error.fix = f"ask for what the channels ({', '.join(wish.channels)}) carry: {versions}"
        raise


def _wish(source: str, known: channels.Channels, asked: tuple[str, ...]) -> Wish:
    """Return what is asked for, with what every kernel needs."""
    if not source or names.is_python(source):
        wish = Wish(specs=(f"python={source}" if source else "python",), channels=known.chosen(asked))
    elif source.endswith((".yml", ".yaml")) or Path(source).is_file():
        from usertools.condachanges import wish_of

        _, wish = wish_of(Path(source), known, asked=list(asked), only=False)
    else:
        raise usage(f"{source!r} is neither a version of Python nor a file.", fix="kernel-create NAME 3.13")
    from usertools.history import name_of

    there = {name_of(spec) for spec in wish.specs}
    pip = {name_of(line) for line in wish.pip}
    extra = tuple(name for name in _NEEDED if name not in there | pip)
    return replace(wish, specs=(*wish.specs, *extra))


def make_venv(name: str, word: str, display_name: str, *, system_site_packages: bool) -> None:
    """Make a virtual environment on the Python of another environment, and its kernel.

    Raises:
        ToolError: A name is taken, or something cannot be installed; nothing is left then.
    """
    prefix = places.venvs() / name
    check_free(name, prefix)
    on = interpreters.chosen(word)
    record = Record(
        name=name,
        kind=VENV,
        display_name=display_name or name,
        python=on.python,
        interpreter=on.word,
        system_site_packages=system_site_packages,
    )
    with _new_kernel(name, prefix):
        _fill_venv(prefix, on, record, ())


def rebuild(name: str, word: str) -> None:
    """Make a virtual environment anew from what is installed in it; where that fails, the old one stays.

    Raises:
        ToolError: It is none of these tools' virtual environments, or cannot be made.
    """
    files.recover(places.venvs() / name)
    kernel = kernelspecs.named(name)
    record = kernelrecord.read(kernel.prefix)
    if record is None or record.kind != VENV:
        fix = f"kernel-export {name} {name}.yml, kernel-delete {name}, kernel-create {name} {name}.yml"
        raise usage(f"{name} was not made by kernel-create-venv.", fix=fix)
    on = interpreters.chosen(word) if word else interpreters.again(record)
    if on is None:
        raise ToolError(
            f"This image has no {record.interpreter} and no Python {record.python}, which {name} was made on.",
            fix=f"take another one: {interpreters.rebuild_command(record)}",
        )
    wanted = kernelrecord.requirements(kernel.prefix) or record.requirements
    say(f"Making {name} anew on Python {on.python} of {on.word}, with {len(wanted)} packages")
    record = replace(record, python=on.python, interpreter=on.word)
    try:
        with files.new_folder(kernel.prefix, replace=True):
            _fill_venv(kernel.prefix, on, record, wanted)
    except ToolError as error:
        error.fix = f"kernel-export {name} {name}.yml, loosen what does not fit, and kernel-create another from it"
        raise


def _fill_venv(prefix: Path, on: Interpreter, record: Record, requirements: tuple[str, ...]) -> None:
    """Make the virtual environment, with pip, ipykernel and requirements in it."""
    pippart.make_venv(
        prefix, on.prefix / "bin" / f"python{on.python}", system_site_packages=record.system_site_packages
    )
    pippart.seed_pip(prefix)
    python = prefix / "bin" / "python"
    needed = list(requirements)
    if not any(line.lower().startswith("ipykernel==") for line in needed) and not pippart.can_find(python, "ipykernel"):
        needed.append("ipykernel")
    if needed:
        pippart.install(prefix, needed, folder=prefix)
    _register(prefix, record)


def _register(prefix: Path, record: Record) -> None:
    """Write the record and the specification: the last step of making a kernel."""
    if not pippart.can_import(prefix / "bin" / "python", "ipykernel.kernelapp", "ipykernel.ipkernel"):
        raise ToolError(
            "The environment's ipykernel cannot be imported, and no kernel starts without it.",
            fix="ask for an ipykernel that fits, such as ipykernel>=7",
        )
    record = replace(record, image=kernelrecord.this_image(), requirements=kernelrecord.requirements(prefix))
    kernelrecord.write(prefix, record)
    kernelspecs.write(record.name, prefix, record.display_name)


def check_free(name: str, prefix: Path) -> None:
    """Check that a kernel's name can be given.

    Raises:
        ToolError: It is no name, or it is taken.
    """
    names.check_kernel(name, taken=[each.name for each in image.environments()])
    if os.path.lexists(kernelspecs.folder(name)):
        raise usage(f"You have a kernel {name} already.", fix=f"choose another name, or first: kernel-delete {name}")
    if environments.is_environment(prefix) or environments.is_venv(prefix):
        fix = f"make a kernel of it: {prefix}/bin/python -m pip install ipykernel && "
        fix += f"{prefix}/bin/python -m ipykernel install --user --name {name}"
        raise usage(f"{prefix} is an environment of yours already.", fix=fix)
    if os.path.lexists(prefix):
        raise usage(f"{prefix} is there already.", fix="choose another name, or remove it")


@contextlib.contextmanager
def _new_kernel(name: str, prefix: Path) -> Iterator[None]:
    """Make a kernel within it; where that fails, environment and specification are gone again."""
    with files.new_folder(prefix):
        try:
            yield
        except BaseException:
            files.remove(kernelspecs.folder(name))
            raise


def to_delete(kernel: Kernel) -> list[Path]:
    """Return the folders that belong to a kernel: an environment that these tools did not make stays."""
    found = [kernelspecs.folder(kernel.name)]
    record = kernelrecord.read(kernel.prefix)
    if kernel.own and record is not None and record.name == kernel.name:
        found.append(kernel.prefix)
    return found


def exported(kernel: Kernel) -> str:
    """Return the ``environment.yml`` that makes a kernel again, with pinned packages."""
    record = kernelrecord.read(kernel.prefix)
    if record is None:
        raise usage(f"{kernel.name} was not made by these tools.", fix="conda env export, or pip freeze in it")
    if record.kind == CONDA:
        from usertools.condaquestions import exported as conda_exported

        place = environments.named(prefix=str(kernel.prefix))
        return conda_exported(place, from_history=False, builds=False).text()
    return _venv_exported(kernel, record)


def _venv_exported(kernel: Kernel, record: Record) -> str:
    """Return the file of a virtual environment; with the packages of the environment that it extends."""
    from usertools.environmentfile import EnvironmentFile

    folders = list(installed.site_folders(kernel.prefix))
    if record.system_site_packages:
        owner = interpreters.again(record)
        if owner is None or owner.word != record.interpreter:
            say(f"{record.interpreter} is not in this image: its packages are not in the file.")
        else:
            folders += installed.site_folders(owner.prefix)
    found = installed.distributions(folders)
    lines = tuple(each.requirement for each in found if each.name != "pip") or record.requirements
    return EnvironmentFile(
        name=kernel.name, channels=channels.known().chosen(), conda=(f"python={record.python}", "pip"), pip=lines
    ).text()


def _minor(version: str) -> str:
    """Return ``3.11`` of ``3.11.2``."""
    return ".".join(version.split(".")[:2])
