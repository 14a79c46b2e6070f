"""An engine with one image that can be patched, in the place of a real one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from platform_images.compose.labels import tags
from platform_images.compose.values import Composition, Drift
from platform_images.errors import PlatformError
from platform_images.locks.digest import mission_digest
from platform_images.locks.patches import Patch
from platform_images.locks.values import MissionLocks
from platform_images.model import Environment, Mission, Platform
from platform_images.patching.image import Laid
from platform_images.run.image import Image
from platform_images.solve.solution import Say
from tests.patching.survey import IMAGE, PATCHED, Survey


@dataclass(slots=True)
class Engine:
    """An engine that has one image, and what became of it.

    Attributes:
        labels: The image's.
        kernels: What it holds.
        drift: What it records.
        failure: Why no patch can be laid on it.
        done: What was done: ``laid``, ``named`` and ``over``.
        patches: Those that were handed to the one who lays them.
        seen: What lay in locks/ when that was done.
        names: Names that an image was given.
    """

    survey: Survey
    labels: dict[str, str]
    kernels: tuple[str, ...] | None = ("sky", "sea")
    drift: tuple[Drift, ...] = ()
    failure: PlatformError | None = None
    done: list[str] = field(default_factory=list)
    patches: tuple[Patch, ...] = ()
    seen: dict[str, dict[str, bytes]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def find(self, mission: Mission, name: str | None) -> Image:
        return Image(name=name or f"{mission.name}:latest", digest=IMAGE, kernels=self.kernels, command=())

    @contextmanager
    def laid(
        self,
        platform: Platform,
        mission: Mission,
        kernels: tuple[Environment, ...],
        locks: MissionLocks,
        patches: Sequence[Patch],
        *,
        say: Say,
        watch: object,
    ) -> Iterator[Laid]:
        self._note("laid")
        self.patches = tuple(patches)
        if self.failure is not None:
            raise self.failure
        names = tags(mission, mission_digest(locks), None, patches=patches)
        try:
            yield Laid(
                image=PATCHED,
                composition=Composition(dockerfile="", files=(), channels=(), tags=names),
                size=2_500_000,
            )
        finally:
            self._note("over")

    def name_image(self, image: str, *names: str) -> None:
        self._note("named")
        self.names |= dict.fromkeys(names, image)

    def _note(self, what: str) -> None:
        self.done.append(what)
        self.seen[what] = self.survey.files()
