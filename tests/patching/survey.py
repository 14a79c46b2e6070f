"""A small project that can be patched: its requests, its hand-made locks, and what stands in for solvers and engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from platform_images.compose.labels import labels
from platform_images.files import json_text
from platform_images.locks.digest import mission_digest
from platform_images.locks.patches import Patch
from platform_images.locks.pip import pins
from platform_images.locks.store import LockStore
from platform_images.locks.values import REQUIREMENTS, DebPackage, Lock, MissionLocks
from platform_images.model import Environment, Mission, Platform
from platform_images.solve.aptpatch import OsPatch
from platform_images.solve.solution import Say, Solution
from tests.keep.diff.locked import conda, conda_lock, deb, debs, pin, pip_lock, root_system

FILES = {
    "platform.toml": 'title = "T"\n[[channels]]\nname = "embedded"\npath = "common/channel"\n',
    "common/apt.txt": "git\n",
    "common/base/kernel.toml": 'display_name = "Base"\n',
    "common/base/environment.yml": "dependencies: [python=3.13]\n",
    "common/base/requirements.in": "jupyterlab\nrequests\n",
    "common/kernel/requirements.in": "requests\n",
    "common/channel/linux-64/repodata.json": json_text(
        {
            "packages.conda": {
                f"{name}-0.conda": {"sha256": "0" * 64}
                for name in ("python-3.13.1", "python-3.11.2", "libgdal-3.9.1", "typing_extensions-4.15.0")
            }
        }
    ),
    "deployments/survey/mission.toml": 'title = "S"\nversion = "1"\nkernels = ["sky", "sea"]\n',
    "deployments/survey/apt.txt": "figlet\n",
    "deployments/survey/kernels/sky/kernel.toml": 'display_name = "Sky"\n',
    "deployments/survey/kernels/sky/environment.yml": "dependencies: [python=3.11]\n",
    "deployments/survey/kernels/sky/requirements.in": "Astro.Py\n",
    "deployments/survey/kernels/sea/kernel.toml": 'display_name = "Sea"\n',
    "deployments/survey/kernels/sea/environment.yml": "dependencies: [python=3.11]\n",
    "deployments/survey/kernels/sea/requirements.in": "xarray\n",
    "deployments/other/mission.toml": 'title = "O"\nversion = "1"\nkernels = ["moon"]\n',
    "deployments/other/kernels/moon/kernel.toml": 'display_name = "Moon"\n',
    "deployments/other/kernels/moon/environment.yml": "dependencies: [python=3.11]\n",
    "deployments/other/kernels/moon/requirements.in": "",
}
ROOT = (deb("libc6", "2.41-12"), deb("libssl3t64", "3.5.1-1"))
LOCKS: dict[tuple[str, str], dict[str, str]] = {
    ("common", "root"): {"packages.json": root_system(packages=list(ROOT))},
    ("common", "os"): {"packages.json": debs(deb("git", "1:2.47-1"), deb("libcurl4t64", "8.14.1-2"))},
    ("common", "base"): {
        "conda-lock.yml": conda_lock(conda("python", "3.13.1")),
        "requirements.txt": pip_lock(pin("jupyterlab", "4.5.0"), pin("requests", "2.32.5")),
    },
    ("survey", "os"): {"packages.json": debs(deb("figlet", "2.2.5-3"), deb("libfig", "1.0"))},
    ("survey", "sky"): {
        "conda-lock.yml": conda_lock(
            conda("python", "3.11.2"),
            conda("libgdal", "3.9.1"),
            conda("typing_extensions", "4.15.0", python="*"),
        ),
        "requirements.txt": pip_lock(pin("Astro.Py", "7.2"), pin("requests", "2.32.5"), pin("urllib3", "2.5.0")),
    },
    ("survey", "sea"): {
        "conda-lock.yml": conda_lock(conda("python", "3.11.2")),
        "requirements.txt": pip_lock(pin("requests", "2.32.5"), pin("xarray", "2026.4.0")),
    },
    ("other", "moon"): {
        "conda-lock.yml": conda_lock(conda("python", "3.11.2")),
        "requirements.txt": pip_lock(pin("requests", "2.32.5")),
    },
}
INSTALLED = {
    "figlet": "2.2.5-3",
    "git": "1:2.47-1",
    "libc6": "2.41-12",
    "libcurl4t64": "8.14.1-2",
    "libfig": "1.0",
    "libssl3t64": "3.5.1-1",
}
IMAGE = f"sha256:{'1' * 64}"
PATCHED = f"sha256:{'2' * 64}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The project as it is loaded."""

    platform: Platform
    mission: Mission

    @property
    def store(self) -> LockStore:
        return LockStore(self.platform.locks)

    @property
    def locks(self) -> MissionLocks:
        return self.store.read_mission(self.platform, self.mission)

    def files(self) -> dict[str, bytes]:
        """All that lies in locks/."""
        top = self.platform.locks
        return {path.relative_to(top).as_posix(): path.read_bytes() for path in top.rglob("*") if path.is_file()}

    def labels(self, *patches: Patch, locks: MissionLocks | None = None) -> dict[str, str]:
        """The labels of an image of some locks, of the present ones without any."""
        return labels(
            self.mission,
            self.mission.kernels,
            revision="1",
            lock_digest=mission_digest(locks or self.locks),
            base_digest=None,
            drift=(),
            patches=patches,
        )


@dataclass(slots=True, kw_only=True)
class Solvers:
    """What solvers would say, in their place, and what they were asked.

    Attributes:
        pip: Unit to the packages that would be others, each with its version; None for one that would be gone.
        debs: The Debian packages that would be installed.
        asked: Unit, or ``os``, and the requests.
    """

    pip: dict[str, dict[str, str | None]] = field(default_factory=dict)
    debs: tuple[DebPackage, ...] = ()
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def environment(
        self,
        platform: Platform,
        mission: Mission | None,
        environment: Environment,
        asked: tuple[str, ...],
        *,
        old: Lock,
        store: LockStore,
        say: Say,
    ) -> Solution:
        assert (mission is None) == environment.is_base
        unit = f"{environment.scope}/{environment.name}"
        self.asked.append((unit, asked))
        text = with_versions(old.files[REQUIREMENTS], self.pip.get(unit, {}))
        return Solution(files={**old.files, REQUIREMENTS: text}, solvers={**old.header.solvers, "uv": "2"})

    def systems(self, platform: Platform, image: str, requests: Sequence[str], *, say: Say) -> OsPatch:
        assert image == IMAGE
        self.asked.append(("os", tuple(requests)))
        return OsPatch(packages=self.debs, installed=dict(INSTALLED), apt="3.1")


def with_versions(text: str, versions: Mapping[str, str | None]) -> str:
    """A pip part in which some packages have other versions, are new or are gone."""
    found: dict[str, str | None] = {**{each.name: each.version for each in pins(text)}, **versions}
    return pip_lock(*(pin(name, version) for name, version in sorted(found.items()) if version is not None))


def debian(name: str, version: str, *, architecture: str = "amd64") -> DebPackage:
    return DebPackage.model_validate(deb(name, version, architecture=architecture))
