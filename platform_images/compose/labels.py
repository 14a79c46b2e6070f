"""The image's labels and tags."""

from __future__ import annotations

import json
from collections.abc import Sequence

from platform_images.compose.values import Drift
from platform_images.locks.patches import LABEL, Patch, label_text
from platform_images.model.environment import Environment
from platform_images.model.mission import Mission

DIGEST_DIGITS = 12


def labels(
    mission: Mission,
    kernels: tuple[Environment, ...],
    *,
    revision: str,
    lock_digest: str,
    base_digest: str | None,
    drift: tuple[Drift, ...],
    patches: Sequence[Patch] = (),
) -> dict[str, str]:
    """Return the labels, sorted: OCI's own names first, then ours; ``patches`` are those that led to the image."""
    found = {
        "org.opencontainers.image.revision": revision,
        "org.opencontainers.image.title": mission.settings.title,
        "org.opencontainers.image.version": mission.settings.version,
        "platform-images.drift": drift_text(drift),
        "platform-images.kernels": ",".join(kernel.name for kernel in kernels),
        "platform-images.lock-digest": f"sha256:{lock_digest}",
        "platform-images.mission": mission.name,
    }
    if base_digest:
        found["org.opencontainers.image.base.digest"] = base_digest
    if mission.settings.description:
        found["org.opencontainers.image.description"] = mission.settings.description
    if patches:
        found[LABEL] = label_text(patches)
    return dict(sorted(found.items()))


def drift_text(drift: tuple[Drift, ...]) -> str:
    """Return drift as one line of JSON, ``[[unit, name, locked, installed], ...]``; empty where there is none."""
    rows = sorted([str(entry.unit), entry.name, entry.locked, entry.installed] for entry in drift)
    return json.dumps(rows, separators=(",", ":")) if rows else ""


def version_tag(version: str, lock_digest: str, *, patches: int) -> str:
    """Return the tag that an image has for good.

    A patched image has the same packages as a full build from its locks, but is another image: the number of patches
    that led to it keeps the two apart.
    """
    end = f"-patch{patches}" if patches else ""
    return f"{version}-{lock_digest[:DIGEST_DIGITS]}{end}"


def tags(mission: Mission, lock_digest: str, extra: str | None, *, patches: Sequence[Patch] = ()) -> tuple[str, ...]:
    """Return the image's names: the exact one, ``latest``, and one more where asked for."""
    exact = version_tag(mission.settings.version, lock_digest, patches=len(patches))
    names = [f"{mission.name}:{exact}", f"{mission.name}:latest"]
    if extra:
        names.append(extra if ":" in extra else f"{mission.name}:{extra}")
    return tuple(dict.fromkeys(names))
