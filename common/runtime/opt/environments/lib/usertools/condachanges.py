"""conda's commands that change environments."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from usertools import (
    caches,
    channels,
    environmentfile,
    environments,
    files,
    history,
    installed,
    places,
    transaction,
)
from usertools.channels import Channels
from usertools.console import confirm, human_size, put_json, say
from usertools.environmentfile import EnvironmentFile
from usertools.environments import Place
from usertools.errors import usage
from usertools.transaction import Plan, Wish


def create(arguments: argparse.Namespace) -> int:
    """Make an environment from words and files."""
    known = channels.known()
    name, wish = _asked(arguments, known)
    return _make(arguments, environments.new(arguments.name or name, arguments.prefix), wish, known)


def env_create(arguments: argparse.Namespace) -> int:
    """Make an environment from a file."""
    known = channels.known()
    name, wish = _of_file(arguments, known)
    arguments.yes = True  # conda asks nothing here, and an existing environment stays
    place = environments.new(arguments.name or name, arguments.prefix)
    files.recover(place.prefix)
    if environments.is_environment(place.prefix):
        raise usage(f"The environment {place.shown} is there already.", fix="conda env update, or conda env remove")
    return _make(arguments, place, wish, known)


def _make(arguments: argparse.Namespace, place: Place, wish: Wish, known: Channels) -> int:
    """Make an environment; one that is there is replaced where the user says so."""
    files.recover(place.prefix)
    there = environments.is_environment(place.prefix)
    if place.of_the_image:
        raise usage(f"{place.shown} is an environment of the image.", fix="choose another name")
    if not there and place.prefix.exists() and (not place.prefix.is_dir() or any(place.prefix.iterdir())):
        raise usage(f"{place.prefix} is there already, and is no conda environment.", fix="choose another place")
    plan = transaction.plan_new(wish, known)
    _show(arguments, plan, known)
    if arguments.dry_run:
        return _done(arguments, place, plan, known)
    confirm(f"Replace the environment at {place.prefix}?" if there else f"Make {place.prefix}?", yes=arguments.yes)
    with files.new_folder(place.prefix, replace=True):
        transaction.carry_out(place, plan, known)
    environments.remember(place.prefix)
    say(f"Done. To use it: conda activate {place.shown}")
    return _done(arguments, place, plan, known)


def install(arguments: argparse.Namespace) -> int:
    """Install packages into an environment."""
    known = channels.known()
    _, wish = _asked(arguments, known)
    if not wish.specs and not wish.pip:
        raise usage("No packages are named.", fix="conda install PACKAGE...")
    return _change(arguments, environments.existing(arguments.name, arguments.prefix), wish, known)


def update(arguments: argparse.Namespace) -> int:
    """Move packages of an environment on."""
    known = channels.known()
    if bool(arguments.specs) == arguments.all:
        raise usage("Name packages, or all of them with --all.")
    place = environments.existing(arguments.name, arguments.prefix)
    records = [str(record["name"]) for record in installed.conda_records(place.prefix)]
    for spec in arguments.specs:
        if history.name_of(spec) not in records:
            raise usage(f"{spec} is not among the conda packages of {place.shown}.", fix=f"conda install {spec}")
    names = known.chosen(arguments.channel, only=arguments.override_channels)
    wish = Wish(specs=tuple(arguments.specs), channels=names)
    return _change(arguments, place, wish, known, free=records if arguments.all else arguments.specs)


def env_update(arguments: argparse.Namespace) -> int:
    """Bring an environment to what a file asks for; a missing one is made."""
    known = channels.known()
    name, wish = _of_file(arguments, known)
    arguments.yes = True
    if not arguments.prefix:
        arguments.name = arguments.name or name
    if arguments.name or arguments.prefix:
        target = environments.new(arguments.name, arguments.prefix)
        if not environments.is_environment(target.prefix):
            return _make(arguments, target, wish, known)
    place = environments.existing(arguments.name, arguments.prefix)
    if not arguments.prune:
        return _change(arguments, place, wish, known)
    return _prune(arguments, place, wish, known)


def _prune(arguments: argparse.Namespace, place: Place, wish: Wish, known: Channels) -> int:
    """Leave only the conda packages that a file asks for."""
    environments.check_writable(place)
    plan = transaction.plan_change(place, wish, known)
    fresh = transaction.plan_new(wish, known)
    wanted = {history.name_of(spec) for spec in wish.specs}
    dropped = tuple(spec for spec in history.requested(place.prefix) if history.name_of(spec) not in wanted)
    return _carry_out(arguments, place, replace(plan, records=fresh.records, removed=dropped), known)


def remove(arguments: argparse.Namespace) -> int:
    """Remove packages, or all of an environment."""
    if arguments.all:
        return env_remove(arguments)
    if not arguments.specs:
        raise usage("No packages are named.", fix="conda remove PACKAGE..., or --all for the whole environment")
    known = channels.known()
    place = environments.existing(arguments.name, arguments.prefix)
    environments.check_writable(place)
    plan = transaction.plan_removal(place, arguments.specs, known)
    return _carry_out(arguments, place, plan, known)


def env_remove(arguments: argparse.Namespace) -> int:
    """Remove an environment."""
    if not arguments.name and not arguments.prefix:
        raise usage("Name the environment that is to be removed: -n NAME or -p PREFIX.")
    place = environments.existing(arguments.name, arguments.prefix)
    if place.of_the_image:
        raise usage(f"{place.shown} is an environment of the image, and stays.")
    say(f"Removing {place.prefix}")
    if not arguments.dry_run:
        confirm("Remove it and all that is in it?", yes=arguments.yes)
        files.remove(place.prefix)
        environments.forget(place.prefix)
    for spec in sorted(places.kernels().glob("*/kernel.json")):
        if str(place.prefix) in spec.read_text(encoding="utf-8", errors="replace").split('"'):
            say(f"The kernel {spec.parent.name} used it: kernel-delete {spec.parent.name}")
    if arguments.json:
        put_json({"success": True, "prefix": str(place.prefix), "dry_run": arguments.dry_run})
    return 0


def clean(arguments: argparse.Namespace) -> int:
    """Empty the cache of packages, and that of channel indexes."""
    only_index = arguments.index_cache and not (arguments.all or arguments.packages or arguments.tarballs)
    folder = places.conda_cache() / "repodata" if only_index else places.conda_cache()
    size = caches.measure(folder)
    say(f"{folder}: {human_size(size.freed)} to be freed")
    if not arguments.dry_run and folder.exists():
        confirm("Empty it?", yes=arguments.yes)
        files.empty(folder)
    if arguments.json:
        put_json({"success": True, "freed": size.freed, "dry_run": arguments.dry_run})
    return 0


def _change(
    arguments: argparse.Namespace, place: Place, wish: Wish, known: Channels, *, free: list[str] | None = None
) -> int:
    """Work out a change of an environment and carry it out."""
    environments.check_writable(place)
    names = [history.name_of(spec) for spec in free or ()]
    return _carry_out(arguments, place, transaction.plan_change(place, wish, known, free=names), known)


def _carry_out(arguments: argparse.Namespace, place: Place, plan: Plan, known: Channels) -> int:
    """Show a plan, ask, and carry it out."""
    if place.of_the_image:
        transaction.check_same_python(place, plan)
    _show(arguments, plan, known)
    if plan.empty:
        say("All of it is installed already.")
    elif place.of_the_image:
        say(f"{place.shown} is an environment of the image: what is changed in it is gone with this container.")
    if arguments.dry_run or (plan.empty and not plan.wish.specs):
        return _done(arguments, place, plan, known)
    if not plan.empty:
        confirm(f"Change {place.prefix}?", yes=arguments.yes)
    try:
        transaction.carry_out(place, plan, known)
    except BaseException:
        say(f"The change of {place.shown} did not come to its end: the same command again completes it.")
        raise
    return _done(arguments, place, plan, known)


def _show(arguments: argparse.Namespace, plan: Plan, known: Channels) -> None:
    """Say what will change, unless nobody wants to read it."""
    if not arguments.quiet:
        transaction.show(plan, known)


def _done(arguments: argparse.Namespace, place: Place, plan: Plan, known: Channels) -> int:
    """Tell a program what was done."""
    if arguments.json:
        actions = plan.actions(known)
        dry = {"dry_run": True} if arguments.dry_run else {}
        put_json({"success": True, "prefix": str(place.prefix), "actions": actions, **dry})
    return 0


def _asked(arguments: argparse.Namespace, known: Channels) -> tuple[str, Wish]:
    """Return what words and files ask for, and the name that a file gives."""
    specs = list(arguments.specs)
    found = EnvironmentFile()
    folder = Path()
    for path in map(Path, arguments.file):
        if path.suffix in (".yml", ".yaml"):
            if found.conda or found.pip:
                raise usage("There can be one environment.yml only.", fix="join the files")
            found, folder = environmentfile.read(path), path.absolute().parent
        else:
            specs += _lines(path)
    wish = _wish(found, known, folder=folder, asked=arguments.channel, only=arguments.override_channels)
    return found.name, replace(wish, specs=(*specs, *wish.specs))


def _lines(path: Path) -> list[str]:
    """Return the packages of a file with one a line."""
    found = [line.split("#")[0].strip() for line in files.read_text(path).splitlines()]
    if "@EXPLICIT" in found:
        raise usage(f"{path} is a list of URLs.", fix="use an environment.yml: conda env export")
    return [line for line in found if line]


def _of_file(arguments: argparse.Namespace, known: Channels) -> tuple[str, Wish]:
    """Return an environment.yml's name and what it asks for."""
    path = Path(arguments.file)
    return wish_of(path, known, asked=arguments.channel, only=arguments.override_channels)


def wish_of(path: Path, known: Channels, *, asked: list[str], only: bool) -> tuple[str, Wish]:
    """Return an environment.yml's name and what it asks for."""
    found = environmentfile.read(path)
    return found.name, _wish(found, known, folder=path.absolute().parent, asked=asked, only=only)


def _wish(found: EnvironmentFile, known: Channels, *, folder: Path, asked: list[str], only: bool) -> Wish:
    """Return what a file asks for, from the channels of the command line, its own, and the usual ones."""
    names = known.chosen((*asked, *(() if only else found.channels)), only=only)
    return Wish(found.conda, names, found.pip, folder, found.variables)
