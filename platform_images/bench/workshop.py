"""Where cases are measured: copies of the project, made when they are needed and gone at the end."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path

import platform_images
from platform_images.bench.copying import THREE, adopt, all_kernels, copy_project, own_missions, three_kernels
from platform_images.bench.leftovers import remove_unnamed
from platform_images.bench.options import Options
from platform_images.bench.processes import engine_seconds
from platform_images.bench.timing import Command, Timed, timed
from platform_images.bench.usual import UsualBuild
from platform_images.locks.freshness import check
from platform_images.model import Environment, Mission, Platform, load_mission
from platform_images.solve.solution import Say

BUILD_LOOKS = 0.25
# With `--no-cache` BuildKit gives caches of downloads that are empty as well.
FORGET = ("docker", "builder", "prune", "--all", "--force", "--filter", "type=regular")
_CACHES = ("XDG_CACHE_HOME", "UV_CACHE_DIR", "PIP_CACHE_DIR", "RATTLER_CACHE_DIR")


class Workshop:
    """Copies of a project and what was built of them, each made once."""

    def __init__(self, project: Path, options: Options, folder: Path, *, say: Say) -> None:
        self.project, self.options, self.folder, self.say = project, options, folder, say
        self.ends = ExitStack()
        self.cold_runs: list[Timed] = []
        self.cold_engine: list[float] = []  # processor time of the engine itself in each of them
        self.has_forgotten = False
        self._peers: dict[bool, UsualBuild] = {}
        self._built: set[str] = set()  # names of images whose steps the engine has

    @cached_property
    def env(self) -> dict[str, str]:
        """The environment of what is measured: this one, with logs in a folder that is gone afterwards."""
        package = str(Path(platform_images.__file__).resolve().parent.parent)
        path = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
        state = str(self.folder / "state")
        return {**os.environ, "PYTHONPATH": os.pathsep.join(path), "XDG_STATE_HOME": state}

    @cached_property
    def solving(self) -> Platform:
        """A copy for solving, whose locks change."""
        return self._copied("solve")

    @cached_property
    def building(self) -> Platform:
        """A copy for building."""
        return self._copied("build")

    @cached_property
    def mission(self) -> Mission:
        """The mission that is built: the one that was asked for, the small one, or one of three kernels."""
        platform, asked = self.building, self.options.mission
        if asked is not None:
            return adopt(platform, asked, all_kernels(load_mission(platform, asked)), like=asked)
        return adopt(platform, THREE, three_kernels(own_missions(platform)))

    @property
    def image(self) -> str:
        """The name of its image."""
        return f"{self.mission.name}:latest"

    @property
    def kernel(self) -> Environment:
        """The kernel that changes: the second of three."""
        return self.mission.kernels[len(self.mission.kernels) // 2]

    def python(self, *words: str, cwd: Path, env: Mapping[str, str] | None = None, cap: float | None = None) -> Command:
        """Return a command of this project's own Python."""
        return Command(argvs=((sys.executable, *words),), cwd=cwd, env=env or self.env, cap=cap)

    def build_command(self, mission: Mission, *words: str) -> Command:
        """Return `invoke build` of a mission of the copy."""
        named = ("-m", "invoke", "build", "--mission", mission.name, *words)
        return self.python(*named, cwd=self.building.folder)

    def built(self, mission: Mission | None = None) -> Mission:
        """Build a mission once, so that its downloads are at hand and the engine has its steps."""
        mission = mission or self.mission
        if mission.name not in self._built:
            self.say(f"building {mission.name} once, so that downloads are at hand")
            timed(self.build_command(mission))
            self._built.add(mission.name)
        return mission

    def cold(self, runs: int) -> tuple[Timed, ...]:
        """Build with every step anew, as often as asked for; what was measured before counts."""
        mission = self.built()
        while len(self.cold_runs) < runs:
            self.say(f"building {mission.name}, every step anew")
            self.forget_steps()
            before = engine_seconds()
            self.cold_runs.append(timed(self.build_command(mission), watch=BUILD_LOOKS))
            self.cold_engine.append(round(engine_seconds() - before, 1))
            self._built.add(mission.name)
        return tuple(self.cold_runs[:runs])

    def forget_steps(self) -> None:
        """Make the engine forget the steps of all builds, and keep what they have downloaded.

        What was written before is on the disk then, so that no run pays for the one before it.
        """
        remove_unnamed()
        timed(Command(argvs=(FORGET,), cwd=self.folder, env=self.env))
        self.has_forgotten = True
        self._built.clear()
        os.sync()

    def peer(self, *, parallel: bool) -> UsualBuild:
        """Return the usual build of the same mission, built once, so that downloads and steps are at hand as well."""
        if parallel not in self._peers:
            made = UsualBuild(self.building, self.mission, parallel=parallel, say=self.say)
            self._peers[parallel] = self.ends.enter_context(made)
        found = self._peers[parallel]
        if found.name not in self._built:
            self.say(f"building {found.name} once, so that downloads are at hand")
            timed(found.command())
            self._built.add(found.name)
        return found

    def places(self, *peers: UsualBuild) -> dict[str, str]:
        """Return what is written in the place of paths of this machine."""
        found = {str(self.folder): "scratch", str(self.project): ".", str(Path(sys.executable).parent) + "/": ""}
        found |= {str(self.folder / name): "." for name in ("solve", "build")}
        found |= {str(Path.home()): "~"} if Path.home() != Path("/") else {}
        for peer in peers:
            found |= peer.places()
        return found

    @contextmanager
    def empty_caches(self) -> Iterator[dict[str, str]]:
        """Give variables that move every cache of downloads to an empty folder."""
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="caches-") as name:
            yield dict.fromkeys(_CACHES, name)

    def _copied(self, name: str) -> Platform:
        """Copy the project, and see that its locks are fresh."""
        small = self.options.small
        platform = copy_project(self.project, self.folder / name, small=small)
        missions = own_missions(platform)
        if small:  # its locks stand on the common ones, which may have moved on
            sessions = [f"lock({mission.name}, {part})" for mission in missions for part in _parts(mission)]
            timed(self.python("-m", "nox", "-s", *sessions, cwd=platform.folder))
        check(platform, *missions)
        return platform


def _parts(mission: Mission) -> Sequence[str]:
    """Return the parts of a mission whose locks stand on common ones."""
    return [*(["os"] if mission.os_packages else []), *(kernel.name for kernel in mission.kernels)]
