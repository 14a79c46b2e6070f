"""Values of a benchmark: cases as rows, what was measured, and the report that is kept as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, ValidationError

from platform_images.errors import UsageError
from platform_images.files import json_text


class Comparison(StrEnum):
    """How a subject's measure and its peer's become the one number that has a target."""

    TIMES_AS_MUCH = "times as much"
    """The subject's by the peer's; the target is the most that it may be."""
    TIMES_FASTER = "times faster"
    """The peer's by the subject's; the target is the least that it may be."""
    MORE = "more"
    """The subject's less the peer's; the target is the most that it may be."""
    IN_ALL = "in all"
    """The subject's own; the target is the most that it may be, and the peer's is there to be looked at."""


class Unit(StrEnum):
    """What is measured."""

    SECONDS = "s"
    MEGABYTES = "MB"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One row of the benchmark.

    Attributes:
        name: What ``--case`` calls it.
        subject: What of this project is measured.
        peer: What it is measured against; empty where its own measure has the target.
        comparison: How the two are compared.
        target: What the number is to be, on two cores.
        margin: In place of the target with ``--small``: wide, since small things are mostly overhead. None: left out.
        unit: What is measured.
        runs: How often, without ``--runs``.
    """

    name: str
    subject: str
    peer: str
    comparison: Comparison
    target: float
    margin: float | None
    unit: Unit = Unit.SECONDS
    runs: int = 1

    @property
    def at_least(self) -> bool:
        """Whether more is better."""
        return self.comparison is Comparison.TIMES_FASTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one case has measured.

    Attributes:
        subject: One measure for each run.
        peer: The peer's, likewise; empty where there is none.
        subject_commands: What was run, as a person would type it; nothing of this machine is in it.
        peer_commands: The peer's, likewise.
        capped: The peer was stopped when its time was up: it takes at least that long.
        facts: What else is worth keeping, by name, such as the mission or sizes in bytes.
    """

    subject: tuple[float, ...]
    peer: tuple[float, ...] = ()
    subject_commands: tuple[str, ...]
    peer_commands: tuple[str, ...] = ()
    capped: bool = False
    facts: tuple[tuple[str, str | float], ...] = ()


class _Model(BaseModel):
    """Base of what is kept as JSON: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Machine(_Model):
    """Where a benchmark ran. Nothing in it tells one machine from another of the same make.

    Attributes:
        cores: Processors that this program may use.
        memory: Gigabytes.
        kernel: The kernel's release.
        engine: The engine's version and how it stores images; empty where none was asked.
        versions: Name to version of the programs that were measured.
    """

    cores: int
    memory: float
    kernel: str
    engine: str = ""
    versions: dict[str, str] = {}


class Result(_Model):
    """One case's row: all runs, the number, and whether it meets its target.

    Attributes:
        value: The number that has a target; None where it was not measured.
        target: The target, or the wide margin of a small benchmark.
        met: Whether the value is within it; None where there is no value.
        problem: Why there is no value; empty where there is one.
    """

    case: str
    subject: str
    peer: str
    comparison: Comparison
    unit: Unit
    subject_runs: tuple[float, ...] = ()
    peer_runs: tuple[float, ...] = ()
    subject_commands: tuple[str, ...] = ()
    peer_commands: tuple[str, ...] = ()
    capped: bool = False
    facts: dict[str, str | float] = {}
    value: float | None = None
    target: float
    met: bool | None = None
    problem: str = ""


class Report(_Model):
    """``results.json``: the rows of one run, in the order of the cases."""

    version: int = 1
    small: bool = False
    machine: Machine
    results: tuple[Result, ...]


def report_text(report: Report) -> str:
    """Return a report as the text of ``results.json``."""
    return json_text(report.model_dump(mode="json"))


def parse_report(text: str) -> Report:
    """Return the report that a text holds.

    Raises:
        UsageError: It is not the text of a report of this version.
    """
    try:
        return Report.model_validate_json(text)
    except ValidationError as error:
        raise UsageError("This is not the result of a benchmark.", why=str(error), fix="nox -s bench") from error
