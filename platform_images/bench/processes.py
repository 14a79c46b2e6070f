"""What a program and its children use, as the kernel's table of processes shows it from time to time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PROC = Path("/proc")
_PARENT, _USER, _SYSTEM, _PAGES = 1, 11, 12, 21  # fields of /proc/PID/stat after the name
CLIENTS = ("docker", "docker-buildx")
ENGINES = ("dockerd", "containerd", "buildkitd")


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the table.

    Attributes:
        pid: Its number.
        parent: Its parent's.
        name: The program's name, cut to 15 characters by the kernel.
        memory: Bytes that are resident.
        ticks: Processor time so far, in the system's ticks; without that of its children.
    """

    pid: int
    parent: int
    name: str
    memory: int
    ticks: int = 0


@dataclass(slots=True)
class Watched:
    """What was seen of a program and its children.

    Attributes:
        peak: The most memory of all at one time, in bytes.
        by_program: The same for all processes of one name.
        client_seconds: How long a client of the engine ran.
        looks: How often the table was read.
    """

    peak: int = 0
    by_program: dict[str, int] = field(default_factory=dict)
    client_seconds: float = 0.0
    looks: int = 0

    def note(self, family: Mapping[int, Process], *, since: float) -> None:
        """Take one look into account, ``since`` seconds after the one before."""
        totals: dict[str, int] = {}
        for process in family.values():
            totals[process.name] = totals.get(process.name, 0) + process.memory
        self.peak = max(self.peak, sum(totals.values()))
        for name, memory in totals.items():
            self.by_program[name] = max(self.by_program.get(name, 0), memory)
        self.client_seconds += since if any(name in CLIENTS for name in totals) else 0.0
        self.looks += 1


def read_table(proc: Path = PROC) -> dict[int, Process]:
    """Return all processes by number; those that end meanwhile are left out. Empty where there is no such table."""
    found = {}
    page = os.sysconf("SC_PAGE_SIZE")
    for entry in proc.iterdir() if proc.is_dir() else ():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            process = parse_stat(text, page=page)
            found[process.pid] = process
    return found


def parse_stat(text: str, *, page: int) -> Process:
    """Return what ``/proc/PID/stat`` says; the name may hold spaces and parentheses."""
    number, _, rest = text.partition(" (")
    name, _, fields = rest.rpartition(") ")
    words = fields.split()
    ticks = int(words[_USER]) + int(words[_SYSTEM])
    return Process(int(number), int(words[_PARENT]), name, int(words[_PAGES]) * page, ticks)


def engine_seconds(proc: Path = PROC) -> float:
    """Return the processor time so far of the engine's own processes, BuildKit's among them; not that of steps."""
    found = [process.ticks for process in read_table(proc).values() if process.name in ENGINES]
    return sum(found) / os.sysconf("SC_CLK_TCK")


def family(table: Mapping[int, Process], top: int) -> dict[int, Process]:
    """Return a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process.pid)
    found: dict[int, Process] = {}
    todo = [top]
    while todo:
        pid = todo.pop()
        if pid in table and pid not in found:
            found[pid] = table[pid]
            todo += children.get(pid, [])
    return found


@contextmanager
def watching(pid: int, *, every: float) -> Iterator[Watched]:
    """Look at a program and its children every so many seconds, in another thread, until the block ends."""
    watched, ended = Watched(), threading.Event()

    def look() -> None:
        last = time.monotonic()
        while not ended.wait(every):
            seen = family(read_table(), pid)
            now = time.monotonic()
            watched.note(seen, since=now - last)
            last = now

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield watched
    finally:
        ended.set()
        thread.join()
