"""Measuring builds after one package of one kernel has changed."""

from __future__ import annotations

import os
from functools import cache

from platform_images.bench.buildcases import MEGABYTE, Facts, facts
from platform_images.bench.changing import Change, take_older
from platform_images.bench.layers import digests_of, new_bytes, sizes_of
from platform_images.bench.leftovers import remove_unnamed
from platform_images.bench.timing import Timed, seconds, shown, timed
from platform_images.bench.values import Measured
from platform_images.bench.workshop import Workshop


class ChangedBuild:
    """One package changed again and again, each time to an older version, and what building it took."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self.ours: list[Timed] = []
        self.theirs: list[Timed] = []
        self.changes: list[Change] = []
        self.before: tuple[str, ...] = ()

    def measure(self, runs: int, *, peer: bool) -> None:
        """Change and build until there are that many measures; with ``peer``, of the usual Dockerfile too."""
        workshop = self._workshop
        if not workshop.has_forgotten:  # an earlier run of the benchmark has built the very same changes
            workshop.forget_steps()
        mission = workshop.built()
        usual = workshop.peer(parallel=False) if peer else None
        while len(self.ours) < runs or (peer and len(self.theirs) < runs):
            self.before = self.before or digests_of(workshop.image)
            found = take_older(workshop.building, mission, workshop.kernel, env=workshop.env)
            workshop.say(f"{found.package} {found.before} -> {found.after} in {workshop.kernel.name}")
            self.changes.append(found)
            os.sync()  # nor does this pay for what was built before it
            self.ours.append(timed(workshop.build_command(mission)))
            if usual is not None:
                os.sync()
                self.theirs.append(timed(usual.command()))
                remove_unnamed()

    def facts(self) -> Facts:
        """Return what was changed."""
        first = self.changes[0]
        said = f"{first.package} {first.before} -> {first.after}, {first.others} others"
        return (*facts(self._workshop), ("kernel", self._workshop.kernel.name), ("change", said))


def change_usual(workshop: Workshop, runs: int) -> Measured:
    """Measure a build after a change against the usual Dockerfile."""
    changed = _changed(workshop)
    changed.measure(runs, peer=True)
    usual = workshop.peer(parallel=False)
    return Measured(
        subject=seconds(changed.ours[-runs:]),
        peer=seconds(changed.theirs[-runs:]),
        subject_commands=shown(workshop.build_command(workshop.mission), places=workshop.places()),
        peer_commands=shown(usual.command(), places=workshop.places(usual)),
        facts=changed.facts(),
    )


def change_seconds(workshop: Workshop, runs: int) -> Measured:
    """Measure a build after a change by itself."""
    changed = _changed(workshop)
    changed.measure(runs, peer=False)
    return Measured(
        subject=seconds(changed.ours[:runs]),
        subject_commands=shown(workshop.build_command(workshop.mission), places=workshop.places()),
        facts=changed.facts(),
    )


def change_bytes(workshop: Workshop, _: int) -> Measured:
    """Measure what of a changed image is not in the one before."""
    changed = _changed(workshop)
    changed.measure(1, peer=False)
    workshop.say("compressing the layers, as a push does")
    after = sizes_of(workshop.image, compress=True)
    new, whole = new_bytes(changed.before, after), sum(layer.compressed for layer in after)
    files = sum(layer.files for layer in after if layer.digest not in changed.before)
    return Measured(
        subject=(round(new / MEGABYTE, 3),),
        peer=(round(whole / MEGABYTE, 3),),
        subject_commands=(f"docker save {workshop.image}",),
        facts=(
            *changed.facts(),
            ("new bytes, compressed", new),
            ("image's bytes, compressed", whole),
            ("files of new layers", files),
        ),
    )


@cache
def _changed(workshop: Workshop) -> ChangedBuild:
    """Return the one changed build of a workshop."""
    return ChangedBuild(workshop)
