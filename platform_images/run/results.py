"""Results of a test run, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from platform_images.errors import ExitCode


class Kind(StrEnum):
    """What was tried."""

    IMPORT = "import"
    NOTEBOOK = "notebook"
    SCRIPT = "script"
    KERNEL = "kernel"


class Status(StrEnum):
    """How it ended."""

    PASSED = "passed"
    FAILED = "failed"
    TIMEOUT = "timeout"
    SKIPPED = "skipped"

    @property
    def is_failure(self) -> bool:
        """Whether it makes the run fail."""
        return self in (Status.FAILED, Status.TIMEOUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """One import, notebook or script of one kernel.

    Attributes:
        kernel: The kernel's name.
        kind: What was tried.
        name: The module, the notebook's path below the tests, or the script.
        status: How it ended.
        seconds: How long it took.
        message: Why it failed or was skipped, in one line; empty where it passed.
        detail: The last lines of its output, where it failed.
        left: Commands that it left running, and that were ended.
        notebook: The executed notebook, kept where it failed.
    """

    __test__ = False

    kernel: str
    kind: Kind
    name: str
    status: Status
    seconds: float = 0.0
    message: str = ""
    detail: str = ""
    left: tuple[str, ...] = ()
    notebook: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TestReport:
    """Everything that a test run found.

    Attributes:
        mission: The mission's name.
        image: The image that was tested.
        results: In the order of the plan: kernel by kernel, imports, notebooks, script.
    """

    __test__ = False

    mission: str
    image: str
    results: tuple[TestResult, ...]

    def count(self, status: Status) -> int:
        """Return how many ended so."""
        return sum(result.status is status for result in self.results)

    @property
    def failures(self) -> tuple[TestResult, ...]:
        """What makes the run fail."""
        return tuple(result for result in self.results if result.status.is_failure)

    @property
    def exit_code(self) -> ExitCode:
        """The run's exit code: a run that tried nothing is a failure too."""
        tried = any(result.status is not Status.SKIPPED for result in self.results)
        return ExitCode.OK if tried and not self.failures else ExitCode.FAILED
