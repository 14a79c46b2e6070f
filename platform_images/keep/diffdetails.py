"""What locks do not know of pip packages, licence and size of the wheel, from the site's package index.

uv says which wheel of a release fits an environment and where it is, as it does for mirrors; beside the wheel lies its
metadata (PEP 658), which is read alone. Nothing is built or fetched whole, and what cannot be found stays unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from packaging.metadata import parse_email
from packaging.utils import canonicalize_name

from platform_images import console
from platform_images.errors import PlatformError
from platform_images.fetch import Item, downloader
from platform_images.keep import together
from platform_images.keep.diffsides import Side
from platform_images.keep.diffvalues import Change, Diff, Kind, Package, UnitDiff
from platform_images.locks.conda import conda_packages
from platform_images.locks.pip import pins
from platform_images.locks.store import ROOT_UNIT, root
from platform_images.locks.values import REQUIREMENTS, Lock, Unit
from platform_images.mirror.index import wheels
from platform_images.model import Platform
from platform_images.site import site_settings
from platform_images.solve.hostenv import ca_bundle, host_environment
from platform_images.solve.progress import progress
from platform_images.solve.uv import platform_tag

AT_ONCE = 8
_SAY_EVERY = 25
_LONGEST = 60  # a licence in more characters is its whole text, not its name
_NO_BUILDS = "--only-binary :all:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A release in an environment.

    Attributes:
        name: The package.
        text: Its lines of the lock.
        python: Version of the environment's Python.
        tag: uv's name of the platform.
    """

    name: str
    text: str
    python: str
    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was found of it; None where nothing was."""

    licence: str | None = None
    size: int | None = None


Find = Callable[[Question], Sequence[Item]]
Read = Callable[[str], bytes]
Asked = Mapping[tuple[str, str], Question]  # by name and version


def with_details(diff: Diff, platform: Platform, old: Side, new: Side) -> Diff:
    """Return what changed with licences and sizes, as far as the index knows them.

    Raises:
        UsageError: A certificate file that somebody has named does not exist.
    """
    asked = {unit.name: tuple(_questions(unit, side, platform) for side in (old, new)) for unit in diff.units}
    every = {question for sides in asked.values() for side in sides for question in side.values()}
    site = site_settings(ca_bundle=ca_bundle(platform))
    find = partial(_found, env=host_environment(platform))
    with downloader(site) as downloads:
        answers = ask_all(sorted(every, key=lambda each: (each.name, each.text)), find, downloads.read)
    unknown = sum(answer.licence is None and answer.size is None for answer in answers.values())
    if unknown:
        console.say(f"Of {unknown} of {len(answers)} releases the package index does not say more.", style="yellow")
    units = tuple(_filled(unit, asked[unit.name], answers) for unit in diff.units)
    return replace(diff, units=units, detailed=True)


def ask_all(questions: Sequence[Question], find: Find, read: Read) -> dict[Question, Answer]:
    """Return what is found of each release, some at a time."""
    if not questions:
        return {}
    found: dict[Question, Answer] = {}
    with progress(f"asking the package index about {len(questions)} releases") as say:
        for question, answer in together.answers(questions, lambda each: ask(each, find, read), at_once=AT_ONCE):
            found[question] = answer
            if not len(found) % _SAY_EVERY:
                say(f"{len(found)} of {len(questions)}")
    return found


def ask(question: Question, find: Find, read: Read) -> Answer:
    """Return what is found of one release; whatever keeps it from being found, it is not known."""
    try:
        item = best(find(question), question.python)
    except PlatformError:
        return Answer()
    if item is None:
        return Answer()
    try:
        found = licence(read(f"{item.addresses[0]}.metadata"))
    except PlatformError:  # no index has to have it
        found = None
    return Answer(licence=found, size=item.size)


def best(items: Iterable[Item], python: str) -> Item | None:
    """Return, of wheels that fit, one for this very Python before one for several, and that before one for all."""
    tag = "cp" + "".join(python.split(".")[:2])

    def rank(item: Item) -> tuple[bool, bool, str]:
        interpreter, abi, platform = item.path.removesuffix(".whl").rsplit("-", 3)[1:]
        return tag not in (interpreter, abi), platform == "any", item.path

    return min((item for item in items if item.path.endswith(".whl")), key=rank, default=None)


def licence(metadata: bytes) -> str | None:
    """Return the licence that a wheel's metadata names: as expression, in words, or by its classifiers."""
    raw, _ = parse_email(metadata)
    words = " ".join(raw.get("license", "").split())
    classifiers = [each.rpartition(" :: ")[2] for each in raw.get("classifiers", ()) if each.startswith("License ::")]
    named = [each for each in classifiers if each != "OSI Approved"]
    if raw.get("license_expression"):
        return raw["license_expression"]
    if words and words != "UNKNOWN" and len(words) <= _LONGEST:
        return words
    return ", ".join(sorted(named)) or None


def _found(question: Question, *, env: Mapping[str, str]) -> Sequence[Item]:
    """Ask uv where the wheels of a release are; an sdist is not looked into, for that may run what is in it."""
    text = f"{_NO_BUILDS}\n{question.text}\n"
    return wheels(text, python=question.python, platform_tag=question.tag, env=env, shown=question.name)


def _questions(unit: UnitDiff, side: Side, platform: Platform) -> dict[tuple[str, str], Question]:
    """Return what there is to ask about one side of a unit."""
    names = {change.name for change in unit.changes if change.kind is Kind.PIP}
    scope, _, part = unit.name.partition("/")
    lock = side.lock(Unit(scope=scope, part=part)) if names else None
    system = side.lock(ROOT_UNIT)
    python = _python(lock)
    if lock is None or system is None or python is None:
        return {}
    tag = platform_tag(platform.architecture, root(system).glibc)
    return {
        (name, pin.version): Question(name=name, text=pin.text, python=python, tag=tag)
        for pin in pins(lock.files.get(REQUIREMENTS, ""))
        if (name := str(canonicalize_name(pin.name))) in names
    }


def _python(lock: Lock | None) -> str | None:
    """Return the version of an environment's Python."""
    packages = conda_packages(lock) if lock is not None else ()
    return next((package.version for package in packages if package.name == "python"), None)


def _filled(unit: UnitDiff, sides: Sequence[Asked], answers: Mapping[Question, Answer]) -> UnitDiff:
    """Return a unit's changes with what was found."""
    return replace(unit, changes=tuple(_changes(unit.changes, sides, answers)))


def _changes(changes: Iterable[Change], sides: Sequence[Asked], answers: Mapping[Question, Answer]) -> Iterator[Change]:
    old, new = sides
    for change in changes:
        if change.kind is Kind.PIP:
            yield replace(
                change,
                old=_package(change.name, change.old, old, answers),
                new=_package(change.name, change.new, new, answers),
            )
        else:
            yield change


def _package(name: str, package: Package | None, asked: Asked, answers: Mapping[Question, Answer]) -> Package | None:
    """Return one side of a change with what was found of it."""
    question = asked.get((name, package.version)) if package is not None else None
    if package is None or question is None:
        return package
    return replace(package, licence=answers[question].licence, size=answers[question].size)
