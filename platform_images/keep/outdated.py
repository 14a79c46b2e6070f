"""`invoke outdated`: packages of which the index has something newer, who asks for them, and what holds them back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from platform_images import cli, console
from platform_images.errors import ExitCode
from platform_images.keep import releases
from platform_images.keep.bounds import Holder
from platform_images.keep.index import site_index
from platform_images.keep.judging import Judge, Judgement
from platform_images.keep.lockgraph import environment_of, locked, read_graph
from platform_images.locks.lines import Request
from platform_images.model import Environment, Mission, Platform, load_mission, load_platform

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS = ("package", "locked", "newest", "step", "asked for by", "held back by")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One package of one environment of which there is something newer.

    Attributes:
        environment: ``<scope>/<name>``.
        step: ``major``, ``minor`` or ``patch``.
        requests: The lines that ask for it.
        held: What excludes the newest release.
        unknown: Packages that require it and of which nobody knows the bounds.
    """

    environment: str
    package: str
    version: str
    newest: str
    step: str
    requests: tuple[Request, ...]
    held: tuple[Holder, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """One package of one environment that is newer than every final release.

    Attributes:
        environment: ``<scope>/<name>``.
        text: What is said of it.
        direct: Whether a line asks for it.
    """

    environment: str
    text: str
    direct: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What there is to say of some environments, by environment and name."""

    rows: tuple[Row, ...] = ()
    ahead: tuple[Ahead, ...] = ()

    def of_requests(self) -> Findings:
        """Return what is about packages that a line asks for."""
        return Findings(
            rows=tuple(row for row in self.rows if row.requests),
            ahead=tuple(each for each in self.ahead if each.direct),
        )


def run(folder: Path, mission: str, *, kernel: str | None, direct: bool, exit_code: bool, json: bool) -> int:
    """Print what is outdated; what `invoke outdated` does.

    Returns:
        0, or with ``exit_code`` 1 where something is outdated.

    Raises:
        PlatformError: A file has a mistake, a lock is missing, or the index does not answer.
    """
    platform = load_platform(folder)
    environments = chosen(platform, load_mission(platform, mission), kernel)
    found = outdated(platform, environments)
    found = found.of_requests() if direct else found
    if json:
        cli.print_json([as_json(row) for row in found.rows])
    else:
        show(found, [f"{each.scope}/{each.name}" for each in environments])
    return int(ExitCode.FAILED) if found.rows and exit_code else 0


def chosen(platform: Platform, mission: Mission, kernel: str | None) -> tuple[Environment, ...]:
    """Return the base environment and every kernel, or the one that is named."""
    if kernel:
        return (environment_of(platform, mission, kernel),)
    return (platform.base, *mission.kernels)


def outdated(platform: Platform, environments: Iterable[Environment]) -> Findings:
    """Return what is outdated, and what is newer than every final release.

    Raises:
        LockError: A lock is missing or damaged.
        MismatchError: Metadata have not the hash that the index gives.
        ToolError: The index did not answer.
    """
    graphs = [(each, read_graph(platform, each, locked(platform, each))) for each in environments]
    names = {package.name for _, graph in graphs for package in graph.packages.values() if not package.conda}
    with site_index(platform) as index:
        pages = index.pages(names)
        judges = [Judge.of(platform, each, graph, index, pages) for each, graph in graphs]
        judged = [(judge, judge.judge(judge.lock.packages)) for judge in judges]
    return Findings(
        rows=tuple(row for judge, found in judged for row in _rows(judge, found)),
        ahead=tuple(each for judge, found in judged for each in _ahead(judge, found)),
    )


def _ahead(judge: Judge, found: Mapping[str, Judgement]) -> Iterable[Ahead]:
    """Yield what of one environment is newer than every final release."""
    for name, each in found.items():
        if each.ahead:
            text = f"{name} {each.ahead_text(judge.lock.python)}"
            yield Ahead(environment=judge.lock.label, text=text, direct=name in judge.lock.direct)


def _rows(judge: Judge, found: Mapping[str, Judgement]) -> Iterable[Row]:
    """Yield one environment's rows."""
    for name, each in found.items():
        if each.newest is not None and each.behind:
            parents = {edge.parent for edge in judge.graph.edges if edge.child == name and edge.bound is None}
            yield Row(
                environment=judge.lock.label,
                package=name,
                version=each.version,
                newest=each.newest.version,
                step=releases.kind(each.version, each.newest.version),
                requests=tuple(line for line in judge.lock.asking(name) if not line.constraint),
                held=each.held,
                unknown=tuple(sorted(parents)),
            )


def show(found: Findings, labels: Iterable[str]) -> None:
    """Print one table an environment, and what is newer than every final release below it."""
    for label in labels:
        own = [row for row in found.rows if row.environment == label]
        console.stdout().print(f"{label}: {len(own) or 'nothing'} outdated", style="bold")
        if own:
            console.stdout().print(table(own))
        for each in found.ahead:
            if each.environment == label:
                console.stdout().print(each.text, soft_wrap=True)


def table(rows: Iterable[Row]) -> Table:
    """Return rows for people."""
    from rich.table import Table
    from rich.text import Text

    result = Table(*COLUMNS, box=None, pad_edge=False, header_style="bold")
    for column in result.columns:
        column.overflow = "fold"
    styles = {"major": "red", "minor": "yellow", "patch": "green"}
    for row in rows:
        held = [str(each) for each in row.held]
        held += [f"perhaps {name}: nobody tells its bounds" for name in row.unknown]
        asked = "\n".join(each.where for each in row.requests)
        step = Text(row.step, style=styles[row.step])
        result.add_row(row.package, row.version, row.newest, step, asked, "\n".join(held))
    return result


def as_json(row: Row) -> dict[str, object]:
    """Return a row for machines."""
    scope, _, part = row.environment.partition("/")
    return {
        "scope": scope,
        "environment": part,
        "package": row.package,
        "version": row.version,
        "newest": row.newest,
        "step": row.step,
        "direct": bool(row.requests),
        "requests": [{"file": each.file, "line": each.line, "text": each.text} for each in row.requests],
        "held_by": [{"by": each.by, "bound": each.bound} for each in row.held],
        "bounds_unknown": list(row.unknown),
    }
