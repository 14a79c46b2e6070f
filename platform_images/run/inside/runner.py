"""Run one kernel's tests inside a container and report each as a line of JSON on standard output.

python -m inside.runner PLAN WORK: PLAN is the JSON file that the host made, read once and deleted, WORK a folder to
make; the folder with the tests' files is the present one. As the container's first process it outlives whatever a test
does: no other process of the container can end it, or speak in its place.
"""
# ruff: noqa: T201 - standard output is its product

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from . import processes

ACTIVATED = "/opt/environments/bin/activated"
NOTEBOOK_PROGRAM = Path(__file__).with_name("notebook.py")
LAST_LINES = 30
LAST_BYTES = 16_384
MORE_LIKELY_OUT_OF_MEMORY = "500"

Item = dict[str, Any]
Environment = dict[str, str]


def main(plan_file: str, work: str) -> int:
    """Run every item of the plan; a failing one is a result, not a failure of this program."""
    processes.close_to_others()
    plan = read_once(Path(plan_file))
    cores = len(os.sched_getaffinity(0))
    jobs = plan["jobs"] or cores
    run = Run(plan, Path.cwd(), Path(work))
    parallel = [item for item in plan["items"] if not item["serial"]]
    shared = min(jobs, len(parallel)) > 1
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        done = pool.map(lambda item: run.item(item, threads=max(1, cores // jobs), shared=shared), parallel)
        again = [item for item, was_killed in zip(parallel, done, strict=True) if was_killed]
    for item in [*again, *(item for item in plan["items"] if item["serial"])]:
        run.item(item, threads=cores, shared=False)
    return 0


def read_once(plan_file: Path) -> dict[str, Any]:
    """Return the plan, and delete its file before any test can read the token."""
    plan: dict[str, Any] = json.loads(plan_file.read_text(encoding="utf-8"))
    plan_file.unlink()
    return plan


class Events:
    """What the host is told, each event behind the token by which it knows that this program says it."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._lock = threading.Lock()

    def say(self, **event: Any) -> None:
        """Write one event."""
        with self._lock:
            print(self._token + json.dumps(event), flush=True)


class Run:
    """The state of one run: where its files are and the environments that tests start in."""

    def __init__(self, plan: dict[str, Any], files: Path, work: Path) -> None:
        self.kernel: str = plan["kernel"]
        self.say = Events(plan["token"]).say
        self.files = files
        self.work = work
        self._environments: dict[str, Environment] = {}
        self._environments_lock = threading.Lock()

    def item(self, item: Item, *, threads: int, shared: bool) -> bool:
        """Run one item and report its start and end.

        Returns:
            Whether it must run again: something killed it, and it ran beside others, one of which may have done that.
        """
        self.say(event="start", id=item["id"])
        start = time.monotonic()
        try:
            outcome = self._outcome(item, threads)
        except Exception as error:  # whatever went wrong belongs to this item alone
            outcome = {
                "status": "failed",
                "message": f"{type(error).__name__}: {error}",
                "detail": traceback.format_exc(),
            }
        if outcome.pop("killed", False) and shared:
            self.say(event="again", id=item["id"])
            return True
        self.say(event="end", id=item["id"], seconds=round(time.monotonic() - start, 3), **outcome)
        return False

    def _outcome(self, item: Item, threads: int) -> dict[str, Any]:
        folder = self.work / str(item["id"])
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        copy = folder / "files"
        if item["kind"] == "import":
            copy.mkdir()
        else:
            shutil.copytree(self.files / item["folder"], copy, symlinks=True)
        environment = self._environment("base" if item["kind"] == "notebook" else self.kernel)
        child = Child(
            argv=self._argv(item, environment, folder),
            environment={**environment, **own_environment(folder, threads), processes.MARKER: str(item["id"])},
            cwd=copy,
            log=folder / "log",
            timeout=item["timeout"],
        )
        code = child.run()
        left = processes.end_marked(str(item["id"]))
        return {**judged(item, code, folder), "left": left}

    def _argv(self, item: Item, environment: Environment, folder: Path) -> list[str]:
        if item["kind"] == "script":
            return [str(folder / "files" / item["file"])]
        python = f"{environment['CONDA_PREFIX']}/bin/python"
        if item["kind"] == "import":
            return [python, "-c", f"import {item['name']}"]
        return [python, str(NOTEBOOK_PROGRAM), item["file"], str(folder), self.kernel, str(item["timeout"])]

    def _environment(self, name: str) -> Environment:
        """Return the variables of an activated environment; asked for once."""
        with self._environments_lock:
            if name not in self._environments:
                self._environments[name] = activated(name)
            return self._environments[name]


def activated(name: str) -> Environment:
    """Return the variables that a program of this environment starts with."""
    done = subprocess.run([ACTIVATED, name, "env", "-0"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the environment {name!r} cannot be activated: {done.stderr.strip()}")
    return dict(pair.split("=", 1) for pair in done.stdout.split("\0") if pair)


def own_environment(folder: Path, threads: int) -> Environment:
    """Return the variables that keep parallel tests apart, and their numerical threads within the machine."""
    places = {name: folder / name for name in ("tmp", "ipython", "runtime")}
    for place in places.values():
        place.mkdir()
    ipython = Path.home() / ".ipython"
    if ipython.is_dir():
        shutil.copytree(ipython, places["ipython"], dirs_exist_ok=True)
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return {
        "TMPDIR": str(places["tmp"]),
        "IPYTHONDIR": str(places["ipython"]),
        "JUPYTER_RUNTIME_DIR": str(places["runtime"]),
        **dict.fromkeys(names, str(threads)),
    }


class Child:
    """A process group with a time limit, its output in a file."""

    def __init__(self, *, argv: list[str], environment: Environment, cwd: Path, log: Path, timeout: float) -> None:
        self.argv = argv
        self.environment = environment
        self.cwd = cwd
        self.log = log
        self.timeout = timeout

    def run(self) -> int | None:
        """Run it to its end and return its exit code, or None where its time ran out."""
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                self.argv,
                env=self.environment,
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        processes.first_to_go(process.pid, MORE_LIKELY_OUT_OF_MEMORY)
        try:
            return process.wait(timeout=self.timeout)
        except subprocess.TimeoutExpired:
            processes.end_group(process)
            return None


def judged(item: Item, code: int | None, folder: Path) -> dict[str, Any]:
    """Return status, message and detail for an exit code and what the test left in its folder."""
    output = folder / "executed.ipynb"
    shown = {"output": str(output)} if output.is_file() else {}
    if code == 0:
        return {"status": "passed", **shown}
    detail = tail(folder / "log")
    if code is None:
        return {"status": "timeout", "message": f"not done after {item['timeout']} s", "detail": detail, **shown}
    summary = folder / "summary.json"
    if summary.is_file():
        return {"status": "failed", **json.loads(summary.read_text(encoding="utf-8")), **shown}
    ending = f"ended by signal {-code}" if code < 0 else f"exit code {code}"
    last = detail.strip().splitlines()[-1:] if item["kind"] == "import" and code > 0 else []
    message = last[0] if last else ending
    return {"status": "failed", "message": message, "detail": detail, "killed": code < 0, **shown}


def tail(log: Path) -> str:
    """Return the last lines of a log."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - LAST_BYTES))
        text = stream.read().decode("utf-8", errors="replace")
    return "\n".join(text.splitlines()[-LAST_LINES:])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
