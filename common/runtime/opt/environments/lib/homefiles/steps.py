"""The steps after a start: each in a process of its own, with a limit of time and a log of its own."""

import json
import os
import signal
import subprocess
import tempfile
import time
from contextlib import suppress

from homefiles import log, settings
from homefiles.record import locked, state_place
from homefiles.repository import redacted

FOLDER = "post-start"
GRACE_SECONDS = 5
ANOTHER_SECONDS = 1.0
ON_HUB, OFF_HUB = ".on-hub", ".off-hub"


class Reporter:
    """Tells what was done: to whoever waits for it, and to a file."""

    def __init__(self, writer: int, place: "str | None") -> None:
        self.writer, self.lines = writer, None
        if place is not None:
            with suppress(OSError):
                self.lines = open(place, "w", encoding="utf-8")  # noqa: SIM115 - as long as the process

    def tell(self, level: str, message: str) -> None:
        """Tell one line."""
        text = f"{log.line(level, message)}\n"
        if log.wanted(level):
            with suppress(OSError):  # nobody waits any longer
                os.write(self.writer, text.encode("utf-8", "replace"))
        if self.lines is not None:
            with suppress(OSError):
                self.lines.write(text)
                self.lines.flush()


class Run:
    """All steps of one start."""

    def __init__(self, *, environments: str, home: str, on_hub: bool, limit: int) -> None:
        self.environments, self.home, self.on_hub, self.limit = environments, home, on_hub, limit
        self.logs = self._logs()

    def place(self, name: str) -> "str | None":
        """Return the place of a log; None where there can be none."""
        return os.path.join(self.logs, name) if self.logs else None

    def all(self, reporter: Reporter) -> int:
        """Do every step in its order and return how many failed."""
        with locked(state_place(self.home, "post-start.lock"), seconds=ANOTHER_SECONDS) as alone:
            if not alone:
                reporter.tell(log.INFO, "post-start: another one is at it in this home; it is left to that")
                return 0
            return sum(not self._step(name, words, reporter) for name, words in self._steps(reporter))

    def _steps(self, reporter: Reporter) -> "list[tuple[str, list[str]]]":
        """Return name and command of each step."""
        programs = os.path.join(self.environments, "bin")
        found = [("home", [f"{programs}/fill-home", self.home])]
        try:
            given = settings.read(self.environments)
        except (OSError, ValueError) as error:
            reporter.tell(log.WARNING, f"post-start: etc/post-start.json cannot be read: {error}")
            given = {"notebooks": [], "data": []}
        if given["notebooks"]:
            found.append(("notebooks", [f"{programs}/sync-notebooks", self.home]))
        if given["data"]:
            found.append(("data", [f"{programs}/link-data", self.home]))
        return [*found, *self._hooks(reporter)]

    def _hooks(self, reporter: Reporter) -> "list[tuple[str, list[str]]]":
        """Return the mission's hooks that are for here, in the order of their names."""
        folder = os.path.join(self.environments, "hooks")
        other = OFF_HUB if self.on_hub else ON_HUB
        found = []
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            place = os.path.join(folder, name)
            if name.startswith(".") or name.endswith(("~", other)) or not os.path.isfile(place):
                continue
            if os.access(place, os.X_OK):
                found.append((name, [os.path.join(self.environments, "bin", "activated"), "base", place]))
            else:
                reporter.tell(log.WARNING, f"post-start: {place} is not executable and was left out")
        return found

    def _step(self, name: str, words: "list[str]", reporter: Reporter) -> bool:
        """Do one step, and tell how it went."""
        begun = time.monotonic()
        place = self.place(f"{name}.log")
        try:
            with open(place or os.devnull, "wb") as output:
                fault = self._run(words, output)
        except OSError as error:
            fault = f"could not be started: {error}"
        took = f"{time.monotonic() - begun:.1f} s"
        if not fault:
            reporter.tell(log.INFO, f"post-start: {name}: done in {took}")
            return True
        said = _last_line(place)
        reporter.tell(log.WARNING, f"post-start: {name}: {fault} after {took}{said and f': {said}'} (log: {place})")
        return False

    def _run(self, words: "list[str]", output: "object") -> str:
        """Run a command to its end, or to that of its time; return what went wrong, nothing as a rule."""
        child = subprocess.Popen(
            words,
            cwd=self.home if os.path.isdir(self.home) else "/",
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,  # type: ignore[call-overload]
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = child.wait(timeout=self.limit)
        except subprocess.TimeoutExpired:
            _end(child)
            return "was stopped at its limit of time"
        return "" if code == 0 else f"exit code {code}" if code > 0 else f"ended by signal {-code}"

    def _environment(self) -> "dict[str, str]":
        """Return the variables of a step: those of the container, and where and for what it runs."""
        mission = ""
        record = os.path.join(self.environments, "record", "image.json")
        with suppress(OSError, ValueError, KeyError, TypeError), open(record, encoding="utf-8") as stream:
            mission = str(json.load(stream)["mission"])
        on_hub = "yes" if self.on_hub else "no"
        return {**os.environ, "HOME": self.home, "PLATFORM_MISSION": mission, "PLATFORM_ON_HUB": on_hub}

    def _logs(self) -> "str | None":
        """Return the folder of logs: in the home, or where that cannot be, for as long as the container lasts."""
        for place in (state_place(self.home, FOLDER), f"{tempfile.gettempdir()}/platform-images-{os.geteuid()}"):
            with suppress(OSError):
                os.makedirs(place, mode=0o700, exist_ok=True)
                if os.stat(place).st_uid == os.geteuid() and not os.path.islink(place):
                    with tempfile.TemporaryFile(dir=place):
                        return place
        return None


def _end(child: "subprocess.Popen[bytes]") -> None:
    """End a step and what it has started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=GRACE_SECONDS)
            if number == signal.SIGKILL:
                return


def _last_line(place: "str | None") -> str:
    """Return the last line that a step has said, shortened."""
    if place is None:
        return ""
    with suppress(OSError), open(place, "rb") as stream:
        lines = stream.read()[-4000:].decode("utf-8", "replace").split("\n")
        return next((redacted(line.strip())[:300] for line in reversed(lines) if line.strip()), "")
    return ""
