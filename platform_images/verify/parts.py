"""The parts of an image, each a row of the content table, and which part a path belongs to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from platform_images.model.environment import Environment
from platform_images.verify import manifest
from platform_images.verify.manifest import place
from platform_images.verify.records.npm import PLACE as NPM_PLACE
from platform_images.verify.values import Finding, PartRow

ROOT, COMMON_OS, NPM, MISSION, FILES, ELSEWHERE = "root", "common/os", "npm", "mission", "files", "elsewhere"
PATCHES = "patches"
_COMPILED = "__pycache__/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What decides to which part of the image a path belongs.

    Attributes:
        mission_os: Name of the part with the mission's OS packages, whether it has any or not.
        environments: The base and the kernels.
        layers: Path to the manifest that has it last.
        owners: Path to the package that owns it.
        debian: Debian package to the part that has it.
    """

    mission_os: str
    environments: Sequence[Environment]
    layers: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    debian: Mapping[str, str] = field(default_factory=dict)

    def of(self, path: str) -> str:
        """Return the part of a path."""
        layer = self.layers.get(path)
        if layer == manifest.FILES:
            return FILES
        environment = self._environment(path)
        if environment is not None:
            return pip_name(environment) if self.owner(path).startswith("pip ") else conda_name(environment)
        if layer == manifest.ROOT:
            return ROOT
        if layer == manifest.SYSTEM:
            return COMMON_OS
        if layer == manifest.PATCH:
            return self._of_debian(path, otherwise=COMMON_OS)
        return self._of_mission(path, listed=layer is not None)

    def of_layer(self, layer: str) -> str:
        """Return the part that a manifest as a whole belongs to."""
        known = {
            manifest.ROOT: ROOT,
            manifest.SYSTEM: COMMON_OS,
            manifest.MISSION: MISSION,
            manifest.FILES: FILES,
            manifest.PATCH: PATCHES,
        }
        return known.get(layer) or self.of(layer)

    def owner(self, path: str) -> str:
        """Return the package that owns a path; of bytecode, the one that owns its source."""
        owner = self.owners.get(path, "")
        if owner or _COMPILED not in path:
            return owner
        folder, _, name = path.rpartition(_COMPILED)
        return self.owners.get(f"{folder}{name.split('.', 1)[0]}.py", "")

    def _environment(self, path: str) -> Environment | None:
        """Return the environment whose prefix a path is below; kernels lie below the base."""
        below = [each for each in self.environments if f"{path}/".startswith(f"{place(each)}/")]
        return max(below, key=lambda each: len(place(each)), default=None)

    def _of_mission(self, path: str, *, listed: bool) -> str:
        """Return the part of a path that neither the system nor an environment has."""
        if path == NPM_PLACE or path.startswith(f"{NPM_PLACE}/"):
            return NPM
        return self._of_debian(path, otherwise=MISSION if listed else ELSEWHERE)

    def _of_debian(self, path: str, *, otherwise: str) -> str:
        """Return the part of the Debian package that owns a path; where none does, what is given."""
        owner = self.owner(path)
        return self.debian.get(owner.split()[1], self.mission_os) if owner.startswith("deb ") else otherwise


def conda_name(environment: Environment) -> str:
    """Return the part of an environment's conda packages."""
    return f"{environment.name} conda"


def pip_name(environment: Environment) -> str:
    """Return the part of an environment's pip packages."""
    return f"{environment.name} pip"


def rows(
    parts: Parts, files: Iterable[str], packages: Mapping[str, int], findings: Sequence[Finding]
) -> tuple[PartRow, ...]:
    """Return a row for each part that has packages, files or findings, in build order."""
    counts = Counter(parts.of(path) for path in files if not manifest.is_the_engine_s(path))
    wrong = Counter(finding.part for finding in findings)
    return tuple(
        PartRow(part=name, packages=packages.get(name), files=counts[name], findings=wrong[name])
        for name in _order(parts)
        if packages.get(name) or counts[name] or wrong[name]
    )


def _order(parts: Parts) -> tuple[str, ...]:
    """Return the names of all parts."""
    environments = [name for each in parts.environments for name in (conda_name(each), pip_name(each))]
    return (ROOT, COMMON_OS, parts.mission_os, *environments, NPM, MISSION, FILES, PATCHES, ELSEWHERE)
