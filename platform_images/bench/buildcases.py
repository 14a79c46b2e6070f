"""Measuring builds: every step anew, or nothing changed."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from statistics import median

from platform_images.bench.copying import environments
from platform_images.bench.limit import install_all, shown_commands
from platform_images.bench.processes import Watched
from platform_images.bench.timing import Timed, seconds, shown, timed
from platform_images.bench.values import Measured
from platform_images.bench.workshop import FORGET, Workshop
from platform_images.engine.client import image_attributes
from platform_images.errors import PrerequisiteError

UNCHANGED_LOOKS = 0.02
MEGABYTE = 1e6
Facts = tuple[tuple[str, str | float], ...]


def cold_limit(workshop: Workshop, runs: int) -> Measured:
    """Measure a cold build against installing alone."""
    platform, mission = workshop.building, workshop.built()
    listed = environments(platform, mission)
    workshop.say("installing in a container once, so that downloads are at hand")
    install_all(platform, listed, workshop.image, say=workshop.say)
    ours = workshop.cold(runs)
    theirs = [install_all(platform, listed, workshop.image, say=workshop.say) for _ in range(runs)]
    return Measured(
        subject=seconds(ours),
        peer=tuple(each.seconds for each in theirs),
        subject_commands=_cold_command(workshop),
        peer_commands=shown_commands(listed),
        facts=(*facts(workshop), *_engine_facts(workshop)),
    )


def cold_usual(workshop: Workshop, runs: int) -> Measured:
    """Measure a cold build against the usual Dockerfile."""
    return _cold(workshop, runs, parallel=False)


def exact(workshop: Workshop, runs: int) -> Measured:
    """Measure a cold build against a plain one with parallel stages."""
    return _cold(workshop, runs, parallel=True)


def _cold(workshop: Workshop, runs: int, *, parallel: bool) -> Measured:
    """Measure a cold build against a Dockerfile without this project."""
    ours = workshop.cold(runs)
    peer = workshop.peer(parallel=parallel)
    command = peer.command()
    theirs: list[Timed] = []
    for _ in range(runs):
        workshop.say(f"building {peer.name}, every step anew")
        workshop.forget_steps()
        theirs.append(timed(command))
    return Measured(
        subject=seconds(ours),
        peer=seconds(theirs),
        subject_commands=_cold_command(workshop),
        peer_commands=(shlex.join(FORGET), *shown(command, places=workshop.places(peer)), *peer.text().splitlines()),
        facts=(*facts(workshop), *_engine_facts(workshop)),
    )


def memory(workshop: Workshop, runs: int) -> Measured:
    """Measure the most memory that all processes of a cold build have at one time."""
    watched = _seen(workshop.cold(runs))
    programs = {name: value for each in watched for name, value in each.by_program.items()}
    largest = sorted(programs.items(), key=lambda pair: -pair[1])[:5]
    return Measured(
        subject=tuple(round(each.peak / MEGABYTE, 1) for each in watched),
        subject_commands=_cold_command(workshop),
        facts=(*facts(workshop), *((f"peak of {name}, MB", round(size / MEGABYTE, 1)) for name, size in largest)),
    )


def unchanged(workshop: Workshop, runs: int) -> Measured:
    """Measure a build of what is built already; the engine's part is the time in which its client runs."""
    mission = workshop.built()
    command = workshop.build_command(mission)
    timed(command)
    found = [timed(command, watch=UNCHANGED_LOOKS) for _ in range(runs)]
    return Measured(
        subject=seconds(found),
        peer=tuple(round(each.client_seconds, 3) for each in _seen(found)),
        subject_commands=shown(command, places=workshop.places()),
        facts=facts(workshop),
    )


def _seen(runs: Sequence[Timed]) -> tuple[Watched, ...]:
    """Return what was seen of some runs.

    Raises:
        PrerequisiteError: This system shows nothing of its processes.
    """
    found = tuple(each.watched for each in runs if each.watched is not None and each.watched.peak)
    if len(found) < len(runs):
        raise PrerequisiteError("This system has no table of processes in /proc.", fix="measure on Linux")
    return found


def _cold_command(workshop: Workshop) -> tuple[str, ...]:
    """Return the command of a cold build."""
    return shlex.join(FORGET), *shown(workshop.build_command(workshop.mission), places=workshop.places())


def _engine_facts(workshop: Workshop) -> Facts:
    """Return what of a cold build is the engine's own: it hashes, packs and unpacks each layer."""
    attributes = image_attributes(workshop.image) or {}
    layers = (attributes.get("RootFS") or {}).get("Layers") or ()
    return (
        ("image, MB", round(int(attributes.get("Size") or 0) / MEGABYTE)),
        ("layers", len(layers)),
        ("processor time of the engine itself in a cold build, s", median(workshop.cold_engine)),
    )


def facts(workshop: Workshop) -> Facts:
    """Return what was built."""
    kernels: Sequence[str] = [f"{kernel.name} (Python {kernel.conda.python})" for kernel in workshop.mission.kernels]
    return (("kernels", ", ".join(kernels)),)
