"""What the image says of itself: its labels name this lock, and no package is another one than the locked one. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from platform_images.compose.labels import labels
from platform_images.compose.values import Drift
from platform_images.locks.values import Unit
from platform_images.model.environment import Environment
from platform_images.model.mission import Mission
from platform_images.verify.values import NOTHING, Finding, LabelsResult, What

PART = "labels"
DRIFT = "platform-images.drift"
REVISION = "org.opencontainers.image.revision"


def expected_labels(
    mission: Mission, kernels: tuple[Environment, ...], *, lock_digest: str, base_digest: str
) -> dict[str, str]:
    """Return the labels of an image that is exactly this lock; those that the lock says nothing of are left out."""
    found = labels(mission, kernels, revision="", lock_digest=lock_digest, base_digest=base_digest, drift=())
    return {name: value for name, value in found.items() if name not in (REVISION, DRIFT)}


def labels_result(
    found: Mapping[str, str], expected: Mapping[str, str], *, recorded: Sequence[Drift] = ()
) -> LabelsResult:
    """Return how an image's labels differ from those of the lock.

    Args:
        found: The image's.
        expected: Those of the lock.
        recorded: What the build steps recorded in the image as drift.
    """
    findings = [_finding(name, found, value) for name, value in expected.items() if found.get(name) != value]
    labelled: tuple[Drift, ...] = ()
    try:
        labelled = parse_drift_label(found.get(DRIFT, "unlabelled"))
    except (ValueError, TypeError):
        findings.append(_finding(DRIFT, found, "nothing, or what differs"))
    drift = {(str(each.unit), each.name): each for each in (*labelled, *recorded)}
    return LabelsResult(
        findings=tuple(findings),
        drift=tuple(each for _, each in sorted(drift.items(), key=lambda item: item[0])),
        compared={name: found.get(name, NOTHING) for name in (*expected, DRIFT)},
    )


def _finding(name: str, found: Mapping[str, str], expected: str) -> Finding:
    what = What.CONTENT if name in found else What.MISSING
    return Finding(part=PART, name=name, what=what, expected=expected, found=found.get(name, NOTHING))


def parse_drift_label(text: str) -> tuple[Drift, ...]:
    """Return what the label says: ``[[unit, name, locked, installed], ...]``, or nothing.

    Raises:
        ValueError, TypeError: It is not in that format.
    """
    rows = json.loads(text) if text else []
    found = []
    for unit, name, locked, installed in rows:
        scope, _, part = str(unit).partition("/")
        found.append(Drift(unit=Unit(scope=scope, part=part), name=name, locked=locked, installed=installed))
    return tuple(found)
