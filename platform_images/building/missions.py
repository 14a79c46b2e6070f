"""`invoke build --all`: every mission, one after the other, or side by side where another machine builds."""

from __future__ import annotations

import json as json_module
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from subprocess import Popen

from platform_images import build, cli, console, process, temporary
from platform_images.building.request import BuildRequest
from platform_images.errors import ExitCode, UsageError
from platform_images.model import load_missions, load_platform

GRACE_SECONDS = 30.0
LOOK_SECONDS = 0.1
# A program's standard output goes to a file, so that its progress and its result are told apart.
_TO_FILE = ("sh", "-c", 'exec "$@" >"$PLATFORM_IMAGES_RESULT"', "sh")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Child:
    """A build that runs."""

    mission: str
    process: Popen[str]
    start: float


def run(project: Path, request: BuildRequest, *, jobs: int | None, json: bool) -> int:
    """Build every mission; return 0, or the exit code of the first by name that failed.

    Names of images go to standard output in the order of the missions, with ``json`` a list of their results.

    Raises:
        UsageError: ``--jobs`` is no number of builds, or ``--tag`` names one image for all.
        PlatformError: The platform has a mistake.
    """
    names = [mission.name for mission in load_missions(load_platform(project))]
    _check(request, jobs)
    most = jobs or (len(names) if request.builder else 1)
    if most == 1 and not json:
        return _summed_up(names, _in_turn(project, names, request))
    with temporary.folder(temporary.Role.BUILD) as folder:
        codes = _built(project, names, request, most=most, json=json, folder=folder)
        _show([folder / name for name in names], json=json)
    return _summed_up(names, codes)


def _in_turn(project: Path, names: Sequence[str], request: BuildRequest) -> dict[str, int]:
    """Build one mission after the other, each with its progress; return their exit codes. Ctrl-C ends all of it."""
    codes = {}
    for name in names:
        console.say(f"- {name} ...")
        codes[name] = cli.exit_code(partial(build.run, project, name, request, print_only=False))
        if codes[name] == ExitCode.INTERRUPTED:
            raise KeyboardInterrupt
    return codes


def _summed_up(names: Sequence[str], codes: Mapping[str, int]) -> int:
    """Say what was built and what was not; return the exit code of all."""
    failed = [name for name in names if codes[name]]
    if failed:
        console.say(f"x {len(failed)} of {len(names)} missions could not be built: {', '.join(failed)}", style="red")
        return codes[failed[0]]
    console.say(f"+ {len(names)} missions were built", style="green")
    return 0


def words(mission: str, request: BuildRequest, *, json: bool) -> tuple[str, ...]:
    """Return the words of ``invoke`` that build one mission as the request has it."""
    values = (
        ("--tag", request.tag),
        ("--platform", request.target_platform),
        ("--root", request.root_image),
        ("--mirror", request.mirror),
        ("--builder", request.builder),
        *(("--cache-from", place) for place in request.cache_from),
        *(("--cache-to", place) for place in request.cache_to),
    )
    flags = (
        ("--floating", request.floating),
        ("--save", request.save),
        ("--no-cache", request.no_cache),
        ("--strict", request.strict),
        ("--offline", request.offline),
        ("--json", json),
    )
    found = [f"{name}={value}" for name, value in values if value is not None]
    return ("build", "--mission", mission, *found, *(name for name, given in flags if given))


def _check(request: BuildRequest, jobs: int | None) -> None:
    """Refuse what cannot be said of several missions.

    Raises:
        UsageError: Carries what can.
    """
    if jobs is not None and jobs < 1:
        raise UsageError(f"--jobs {jobs} builds nothing.", fix="give 1 or more, or leave it out")
    if request.tag is not None and ":" in request.tag:
        raise UsageError(f"--tag {request.tag!r} would be one name for several images.", fix="give TAG without a name")


def _built(
    project: Path, names: Sequence[str], request: BuildRequest, *, most: int, json: bool, folder: Path
) -> dict[str, int]:
    """Build, so many at a time; return the exit code of each. Whatever interrupts us ends those that run."""
    waiting, running, codes = deque(names), list[_Child](), dict[str, int]()
    with ExitStack() as ends:
        while waiting or running:
            while waiting and len(running) < most:
                mission = waiting.popleft()
                argv = (*_TO_FILE, sys.executable, "-m", "invoke", *words(mission, request, json=json))
                env = {**os.environ, "PLATFORM_IMAGES_RESULT": str(folder / mission)}
                console.say(f"- {mission} ...")
                child = ends.enter_context(
                    process.serving(argv, env=env, cwd=project, on_line=_spoken(mission), grace=GRACE_SECONDS)
                )
                running.append(_Child(mission=mission, process=child, start=time.monotonic()))
            for child_ in [each for each in running if each.process.poll() is not None]:
                running.remove(child_)
                codes[child_.mission] = _code(child_)
            time.sleep(LOOK_SECONDS)
    return codes


def _code(child: _Child) -> int:
    """Return the exit code of a build that has ended, and say so."""
    code = child.process.returncode
    if code:
        seconds = time.monotonic() - child.start
        console.say(f"x {child.mission}: failed with exit code {code} after {seconds:.0f} s", style="red")
    return code if code >= 0 else int(ExitCode.FAILED)


def _spoken(mission: str) -> Callable[[str], None]:
    """Return what says a line of one build."""
    return lambda line: console.say(f"{mission} | {line}")


def _show(results: Sequence[Path], *, json: bool) -> None:
    """Print the results of those that were built."""
    texts = [path.read_text(encoding="utf-8") for path in results if path.exists()]
    if json:
        cli.print_json([json_module.loads(text) for text in texts if text.strip()])
    else:
        sys.stdout.write("".join(texts))
