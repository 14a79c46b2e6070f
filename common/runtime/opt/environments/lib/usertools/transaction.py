"""Changing a conda environment: what would change is worked out first, shown, and then carried out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from usertools import VERSION, history, installed, pippart, solver
from usertools.channels import Channels
from usertools.console import say
from usertools.environments import Place
from usertools.errors import usage
from usertools.files import write_text

_SEEDED = "pip"


@dataclass(frozen=True)
class Wish:
    """What is asked of an environment.

    Attributes:
        specs: Conda packages.
        channels: Names of channels, the first one first.
        pip: Lines of requirements.
        folder: Where relative paths in them begin.
        variables: Environment variables that activation sets.
    """

    specs: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    folder: Path = Path()
    variables: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Plan:
    """What will be done.

    Attributes:
        wish: What was asked.
        records: The conda packages that the environment will have.
        present: Those that it has.
        removed: Specs that are no longer asked for.
    """

    wish: Wish
    records: tuple[Any, ...] = ()
    present: tuple[Any, ...] = ()
    removed: tuple[str, ...] = ()

    def changes(self) -> tuple[list[Any], list[Any]]:
        """Return the packages that come and those that go."""
        there, wanted = _by_identity(self.present), _by_identity(self.records)
        return (
            [record for key, record in wanted.items() if key not in there],
            [record for key, record in there.items() if key not in wanted],
        )

    @property
    def empty(self) -> bool:
        """Whether nothing will change."""
        return not any(self.changes()) and not self.wish.pip and not self.wish.variables

    def actions(self, channels: Channels) -> dict[str, list[dict[str, str]]]:
        """Return the changes as conda's JSON has them."""
        coming, going = self.changes()
        return {"LINK": [_entry(r, channels) for r in coming], "UNLINK": [_entry(r, channels) for r in going]}


def _by_identity(records: Iterable[Any]) -> dict[tuple[str, str, str], Any]:
    """Return records by name, version and build."""
    return {(record.name.normalized, str(record.version), str(record.build)): record for record in records}


def _entry(record: Any, channels: Channels) -> dict[str, str]:
    """Return one package."""
    return {
        "name": record.name.normalized,
        "version": str(record.version),
        "build_string": str(record.build),
        "channel": channels.name(record.channel or ""),
        "url": record.url,
    }


def _described(record: Any, channels: Channels) -> str:
    """Return one package as conda's history has it."""
    dist = f"{record.name.normalized}-{record.version}-{record.build}"
    return f"{channels.name(record.channel or '')}/{record.subdir}::{dist}"


def plan_new(wish: Wish, channels: Channels) -> Plan:
    """Return what makes a new environment."""
    return _plan(wish, solver.Request(specs=wish.specs, channels=wish.channels), channels, present=())


def plan_change(place: Place, wish: Wish, channels: Channels, *, free: Iterable[str] = ()) -> Plan:
    """Return what installs the packages asked for and keeps the others, except where their names are free to move on.

    The minor version of Python stays unless another one is asked for: what pip installed would be lost with it.
    """
    present = solver.prefix_records(place.prefix, channels)
    names = {history.name_of(spec) for spec in wish.specs}
    free = set(free)
    asked = [spec for spec in history.requested(place.prefix) if history.name_of(spec) not in names]
    there = {record.name.normalized: record for record in present}
    asked = [spec for spec in asked if history.name_of(spec) in there]
    asked_names = {history.name_of(spec) for spec in asked} | names
    python = there.get("python")
    pinned: tuple[str, ...] = ()
    if python is not None and "python" not in names:
        pinned = (f"python={'.'.join(str(python.version).split('.')[:2])}.*",)
    request = solver.Request(
        specs=(*wish.specs, *asked, *(name for name in there if name not in asked_names)),
        channels=wish.channels,
        kept=tuple(record for name, record in there.items() if name not in free),
        constraints=pinned,
    )
    return _plan(wish, request, channels, present=present)


def _plan(wish: Wish, request: solver.Request, channels: Channels, *, present: tuple[Any, ...]) -> Plan:
    """Return the plan of a solution; what only the package index has goes to the pip part."""
    if request.specs:
        say(f"Solving with {', '.join(request.channels) or 'no channel'} ...")
    solution = solver.solve(request, channels)
    extra = tuple(_requirement(spec) for spec in solution.from_index if history.name_of(spec) != _SEEDED)
    if wish.pip or extra:
        if not any(record.name.normalized == "python" for record in solution.records):
            raise usage("A pip part needs a Python.", fix="ask for one as well, such as python=3.13")
        wish = replace(wish, pip=(*wish.pip, *extra))
    return Plan(wish=wish, records=solution.records, present=present)


def _requirement(spec: str) -> str:
    """Return a conda spec without a build as a line of requirements."""
    name = history.name_of(spec)
    version = spec.removeprefix(name).strip()
    if not version or version.startswith("=="):
        return f"{name}{version}"
    if version.startswith("="):
        return f"{name}=={version[1:].rstrip('.*')}.*"
    return f"{name}{version.replace(' ', '')}" if version[0] in "<>!~" else f"{name}=={version}"


def plan_removal(place: Place, names: Sequence[str], channels: Channels) -> Plan:
    """Return what removes packages, those that need them, and those that were there for them only.

    Raises:
        ToolError: A package is not installed.
    """
    present = solver.prefix_records(place.prefix, channels)
    there = {record.name.normalized: record for record in present}
    by_pip = {each.name.lower() for each in installed.pip_distributions(place.prefix)}
    for name in names:
        if name not in there:
            fix = f"pip uninstall {name}" if name.lower() in by_pip else "conda list shows what is installed"
            raise usage(f"{name} is not among the conda packages of {place.shown}.", fix=fix)
    gone = _needing(set(names), there)
    wanted = {history.name_of(spec) for spec in history.requested(place.prefix)} - gone
    left = {name: record for name, record in there.items() if name not in gone}
    if wanted:  # an environment without a history has no package that was there for another one only
        orphans = _needed(set(there) - set(left), there) - _needed(wanted, left)
        left = {name: record for name, record in left.items() if name not in orphans}
    return Plan(Wish(), tuple(left.values()), present, tuple(names))


def _needing(names: set[str], there: dict[str, Any]) -> set[str]:
    """Return the packages of these names and all that need them."""
    found = set(names)
    while True:
        more = {
            name
            for name, record in there.items()
            if name not in found and any(history.name_of(need) in found for need in record.depends)
        }
        if not more:
            return found
        found |= more


def _needed(names: set[str], there: dict[str, Any]) -> set[str]:
    """Return the packages of these names and all that they need."""
    found: set[str] = set()
    new = names & set(there)
    while new:
        found |= new
        new = {history.name_of(need) for name in new for need in there[name].depends} & set(there) - found
    return found


def show(plan: Plan, channels: Channels) -> None:
    """Say what will change."""
    coming, going = plan.changes()
    for sign, records in (("-", going), ("+", coming)):
        for record in records:
            name, version, build = record.name.normalized, record.version, record.build
            say(f"  {sign} {name} {version} {build} ({channels.name(record.channel or '')})")
    for line in plan.wish.pip:
        say(f"  + {line} (pip)")


def carry_out(place: Place, plan: Plan, channels: Channels) -> None:
    """Make an environment what the plan says.

    Raises:
        ToolError: That fails. A new environment is for the caller to remove.
    """
    meta = place.prefix / "conda-meta"
    meta.mkdir(parents=True, exist_ok=True)
    coming, going = plan.changes()
    if coming or going:
        solver.install(place.prefix, plan.records, present=plan.present)
    (place.prefix / "CACHEDIR.TAG").unlink(missing_ok=True)  # an environment is no cache: backups must not skip it
    (meta / "history").touch()
    if plan.wish.variables:
        _set_variables(meta / "state", plan.wish.variables)
    if any(record.name.normalized == "python" for record in plan.records) and not pippart.has_pip(place.prefix):
        _give_pip(place)
    history.add(
        place.prefix,
        command=sys.argv,
        version=VERSION,
        added=[_described(record, channels) for record in coming],
        gone=[_described(record, channels) for record in going],
        specs=plan.wish.specs,
        removed=plan.removed,
    )
    if plan.wish.pip:
        pippart.install(place.prefix, plan.wish.pip, folder=plan.wish.folder)


def _give_pip(place: Place) -> None:
    """Give a Python its pip, as every conda environment has one."""
    if not pippart.seed_pip(place.prefix):
        say("The image's pip needs a newer Python: an older pip comes from the package index.")
        pippart.install(place.prefix, (_SEEDED,), folder=place.prefix)


def _set_variables(path: Path, variables: Iterable[tuple[str, str]]) -> None:
    """Add to the variables that activation sets."""
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    content.setdefault("env_vars", {}).update(dict(variables))
    write_text(path, json.dumps(content, indent=2) + "\n")


def check_same_python(place: Place, plan: Plan) -> None:
    """Check that an environment of the image keeps its Python, on which all that pip installed there depends.

    Raises:
        ToolError: It would get another one, or none.
    """
    versions = [
        next((str(r.version).split(".")[:2] for r in records if r.name.normalized == "python"), None)
        for records in (plan.present, plan.records)
    ]
    if versions[0] != versions[1]:
        raise usage(
            f"{place.shown} is an environment of the image: another Python would break it.",
            fix="make an environment of your own: conda create -n NAME python=VERSION",
        )
