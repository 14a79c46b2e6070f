"""Measuring how much kernels take in one image, against each of them installed apart."""

from __future__ import annotations

from collections.abc import Sequence

from platform_images.bench.buildcases import MEGABYTE
from platform_images.bench.copying import Part, adopt, all_kernels, own_missions
from platform_images.bench.layers import digests_of, own_files, sizes_of
from platform_images.bench.limit import install_all, shown_commands
from platform_images.bench.timing import shown, timed
from platform_images.bench.values import Measured
from platform_images.bench.workshop import Workshop
from platform_images.errors import UsageError
from platform_images.model import Mission, load_mission

JWEBBINAR, ROMAN, JWST = "jwebbinar", "roman", "jwst"


def size_jwebbinar(workshop: Workshop, _: int) -> Measured:
    """Measure the kernels of jwebbinar; of the small mission in a small benchmark."""
    name = own_missions(workshop.building)[0].name if workshop.options.small else JWEBBINAR
    return _size(workshop, name, all_kernels(load_mission(workshop.building, name)), like=name)


def size_roman(workshop: Workshop, _: int) -> Measured:
    """Measure the kernels of roman and jwst in one image."""
    parts = [part for name in (ROMAN, JWST) for part in all_kernels(load_mission(workshop.building, name))]
    return _size(workshop, f"{ROMAN}-{JWST}", parts, like=ROMAN)


def _size(workshop: Workshop, name: str, parts: Sequence[Part], *, like: str) -> Measured:
    """Measure the kernels of one mission.

    What is not theirs in the image are the layers that each image with one kernel alone has as well.

    Raises:
        UsageError: There are not several.
    """
    if len(parts) < 2:
        raise UsageError(f"{name} has one kernel only, which shares with none.")
    platform = workshop.building
    mission = adopt(platform, name, parts, like=like)
    workshop.forget_steps()  # bytes do not depend on them, and those of earlier cases take tens of gigabytes
    alone = [_layers_of_one(workshop, mission, part.name) for part in parts]
    command = workshop.build_command(mission)
    timed(command)
    workshop.say(f"reading the layers of {mission.name}")
    whole = sizes_of(f"{mission.name}:latest", compress=False)
    workshop.say(f"installing the kernels of {mission.name} apart")
    apart = install_all(platform, mission.kernels, f"{mission.name}:latest", say=workshop.say).sizes
    return Measured(
        subject=(round(own_files(whole, alone) / MEGABYTE, 3),),
        peer=(round(sum(apart.values()) / MEGABYTE, 3),),
        subject_commands=shown(command, places=workshop.places()),
        peer_commands=shown_commands(mission.kernels),
        facts=(
            ("image, MB", round(sum(layer.files for layer in whole) / MEGABYTE, 1)),
            *((f"{kernel} apart, MB", round(size / MEGABYTE, 1)) for kernel, size in apart.items()),
        ),
    )


def _layers_of_one(workshop: Workshop, mission: Mission, kernel: str) -> tuple[str, ...]:
    """Return the layers of an image with one kernel alone."""
    workshop.say(f"building {mission.name} with {kernel} alone")
    timed(workshop.build_command(mission, "--kernel", kernel))
    return digests_of(f"{mission.name}:latest")
