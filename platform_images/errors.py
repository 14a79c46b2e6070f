"""The one family of errors that a user may see, and the exit codes that go with it."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Process exit codes; stable, so that scripts may rely on them."""

    OK = 0
    FAILED = 1
    USAGE = 2
    LOCK_DRIFT = 3
    MISMATCH = 4
    TOOL_FAILED = 5
    MISSING_PREREQUISITE = 6
    DRIFTED = 10
    CONTENT_DIFFERS = 11
    LABELS_DIFFER = 12
    REBUILD_DIFFERS = 13
    PUBLISHED_DIFFERS = 14
    INTERRUPTED = 130


class PlatformError(Exception):
    """A failure that a user can act on.

    Args:
        what: What happened, one sentence, naming the file and key or the command.
        why: The evidence: what was found, what is allowed, last lines of a tool's output. May span lines.
        fix: What to do next, as a command or an edit.
    """

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(self, what: str, *, why: str | None = None, fix: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.fix = fix

    def __str__(self) -> str:
        parts = [self.what]
        if self.why:
            parts.append(self.why)
        if self.fix:
            parts.append(f"To cure it: {self.fix}")
        return "\n".join(parts)


class UsageError(PlatformError):
    """A wrong option, a typo in a file that a person edits, an unknown name."""

    exit_code = ExitCode.USAGE


class LockError(PlatformError):
    """A lock is missing, stale, damaged, or does not hold what is asked of it."""

    exit_code = ExitCode.LOCK_DRIFT


class MismatchError(PlatformError):
    """Something does not have the recorded hash or content."""

    exit_code = ExitCode.MISMATCH


class ToolError(PlatformError):
    """An outside program failed. ``argv`` and ``returncode`` say which and how."""

    exit_code = ExitCode.TOOL_FAILED

    def __init__(
        self,
        what: str,
        *,
        why: str | None = None,
        fix: str | None = None,
        argv: tuple[str, ...] = (),
        returncode: int | None = None,
    ) -> None:
        super().__init__(what, why=why, fix=fix)
        self.argv = argv
        self.returncode = returncode


class PrerequisiteError(PlatformError):
    """Something that must be on the machine is not (an engine, a tool)."""

    exit_code = ExitCode.MISSING_PREREQUISITE
