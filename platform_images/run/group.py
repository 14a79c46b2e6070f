"""Run one kernel's plan in containers of the image: as a rule in one, in more where a test ends its container."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platform_images.engine import client
from platform_images.errors import ToolError
from platform_images.run import events, upload
from platform_images.run.frames import STDERR, Frame, attached
from platform_images.run.plan import Item, KernelPlan
from platform_images.run.results import Status, TestResult

if TYPE_CHECKING:
    from docker.models.containers import Container

ROLE = "test"
PYTHON = "/opt/conda/bin/python"
WORK = "/tmp/platform-images-work"  # noqa: S108 - in the container
SHARED_MEMORY = "1g"
LAST_LINES = 20


@dataclass(slots=True)
class _Batch:
    """What one container has said so far."""

    ends: dict[int, dict[str, Any]] = field(default_factory=dict)
    under_way: set[int] = field(default_factory=set)
    errors: str = ""
    exit_code: int = 0


class Group:
    """One kernel's tests.

    Args:
        image: The image.
        plan: What to try.
        jobs: How many at a time; None for the cores of the engine's machine.
        keep: Folder for executed notebooks of failures.
        say: Called with each line of progress.
    """

    def __init__(
        self,
        image: str,
        plan: KernelPlan,
        *,
        jobs: int | None,
        keep: Path,
        say: Callable[[str], None],
    ) -> None:
        self._image = image
        self._plan = plan
        self._jobs = jobs
        self._keep = keep
        self._say = say
        self._results: dict[int, TestResult] = {}

    def run(self) -> tuple[TestResult, ...]:
        """Run everything and return the results in the plan's order.

        Raises:
            ToolError: The program in the container, not a test, failed.
        """
        for number, item in enumerate(self._plan.items):
            if item.skipped is not None:
                self._add(number, item, Status.SKIPPED, message=item.skipped)
        waiting = [number for number in range(len(self._plan.items)) if number not in self._results]
        alone: list[int] = []
        while waiting or alone:
            numbers = waiting or [alone.pop(0)]
            batch = self._container(numbers)
            lost = sorted(batch.under_way)
            waiting = [number for number in numbers if number not in batch.ends and number not in lost]
            if not lost and waiting:
                raise _runner_failed(batch)
            if len(lost) == 1:
                self._ended_its_container(lost[0], batch)
            else:
                alone += lost
        return tuple(self._results[number] for number in sorted(self._results))

    def _container(self, numbers: list[int]) -> _Batch:
        """Run these items in one container until all have ended or the container has."""
        from docker.errors import APIError

        items = {number: self._plan.items[number] for number in numbers}
        token = events.new_token()
        with (
            upload.archive(self._plan.kernel, items, self._jobs, token=token) as archive,
            client.container(
                self._image,
                [PYTHON, "-m", "inside.runner", upload.PLAN, WORK],
                role=ROLE,
                working_dir=upload.FOLDER,
                shm_size=SHARED_MEMORY,
                healthcheck={"test": ["NONE"]},
            ) as container,
        ):
            try:
                container.put_archive("/", archive)
                return self._follow(container, token)
            except APIError as error:
                raise client.refusal("run the tests", error) from error

    def _follow(self, container: Container, token: str) -> _Batch:
        """Start the container and take in its events; then fetch the notebooks that failed."""
        batch = _Batch()
        with attached(container) as frames:
            container.start()
            for line in self._lines(frames, batch):
                event = events.event(line, token)
                if event is not None:
                    self._event(event, batch)
        batch.exit_code = int(container.wait()["StatusCode"])
        for number, event in batch.ends.items():
            self._finish(container, number, event)
        return batch

    @staticmethod
    def _lines(frames: Iterator[Frame], batch: _Batch) -> Iterator[str]:
        """Give each line of standard output as it comes; standard error is kept."""
        rest = b""
        for source, data in frames:
            if source == STDERR:
                batch.errors += data.decode("utf-8", errors="replace")
                continue
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                yield line.decode("utf-8", errors="replace")

    def _event(self, event: dict[str, Any], batch: _Batch) -> None:
        number = int(event["id"])
        item = self._plan.items[number]
        if event["event"] == "start":
            batch.under_way.add(number)
            return
        batch.under_way.discard(number)
        if event["event"] == "again":
            self._say(f"  {self._title(item)} was killed while others ran; it runs again, alone")
            return
        batch.ends[number] = event
        message = f": {event['message']}" if event.get("message") else ""
        self._say(f"  {self._title(item)} {event['status']} ({event['seconds']:.1f} s){message}")

    def _title(self, item: Item) -> str:
        return f"{self._plan.kernel}: {item.kind.value} {item.name}"

    def _finish(self, container: Container, number: int, event: dict[str, Any]) -> None:
        item = self._plan.items[number]
        status = Status(event["status"])
        notebook = None
        if status.is_failure and event.get("output"):
            content = client.fetched(container, event["output"])
            notebook = self._keep / item.name if content is not None else None
            if notebook is not None and content is not None:
                notebook.parent.mkdir(parents=True, exist_ok=True)
                notebook.write_bytes(content)
        self._add(
            number,
            item,
            status,
            seconds=float(event["seconds"]),
            message=event.get("message", ""),
            detail=event.get("detail", ""),
            left=tuple(event.get("left", ())),
            notebook=notebook,
        )

    def _ended_its_container(self, number: int, batch: _Batch) -> None:
        item = self._plan.items[number]
        message = f"the container ended while it ran (exit code {batch.exit_code})"
        self._say(f"  {self._title(item)} failed: {message}")
        self._add(number, item, Status.FAILED, message=message, detail=_end(batch.errors))

    def _add(self, number: int, item: Item, status: Status, **more: Any) -> None:
        self._results[number] = TestResult(
            kernel=self._plan.kernel, kind=item.kind, name=item.name, status=status, **more
        )


def _runner_failed(batch: _Batch) -> ToolError:
    return ToolError(
        f"The test program in the container failed with exit code {batch.exit_code}.",
        why=_end(batch.errors) or None,
        returncode=batch.exit_code,
    )


def _end(text: str) -> str:
    return "\n".join(re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text).strip().splitlines()[-LAST_LINES:])
