"""The root as an image to build on: the locked one, or what there is in its place with every difference named."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from platform_images.engine import debootstrap
from platform_images.engine.client import image_attributes, image_labels, pull
from platform_images.engine.registryimage import image_digest, locked_image
from platform_images.engine.rootimage import config_text, load_image, root_reference
from platform_images.errors import UsageError
from platform_images.locks.values import RootSystem
from platform_images.model.platform import Platform
from platform_images.solve.deb import Difference, differences, versions
from platform_images.solve.solution import Say
from platform_images.usage import Kind, using

DIGEST_LABEL = "platform-images.root"
DRIFT_LABEL = "platform-images.root-drift"
ROOT = "root"


@dataclass(frozen=True, slots=True, kw_only=True)
class RootImage:
    """A root image that the engine has.

    Attributes:
        reference: What a Dockerfile's FROM names.
        digest: ``sha256:...`` of its tar, or of the image that it came as.
        drift: How it differs from the locked root; empty where it is that root.
    """

    reference: str
    digest: str
    drift: tuple[Difference, ...] = ()


def ensure_root(
    platform: Platform,
    root: RootSystem,
    *,
    override_image: str | None = None,
    no_cache: bool = False,
    mirrored: Path | None = None,
    say: Say,
) -> RootImage:
    """Return the root's image, which is made, loaded or pulled where the engine does not have it.

    Args:
        platform: The platform.
        root: The locked root.
        override_image: Build on this image instead.
        no_cache: Make it again, though the engine has it.
        mirrored: The locked root's file, where a mirror has it.
        say: Told what is under way, and every difference from the lock.

    Raises:
        UsageError: There is no such image.
        MismatchError: A registry gives another image than the locked one.
        PrerequisiteError: No engine answers, or mmdebstrap is missing.
        ToolError: mmdebstrap or the engine failed.
    """
    if override_image is not None:
        image = _other_image(root, override_image, say=say)
    elif root.provider == "image":
        reference = locked_image(root, mirrored=mirrored, say=say)
        image = RootImage(reference=reference, digest=root.digest)
    else:
        with using(Kind.ROOTS):
            image = (None if no_cache else _present(root)) or _made(
                platform, root, no_cache=no_cache, mirrored=mirrored, say=say
            )
    for difference in image.drift:
        say(f"drift: {difference}")
    return image


def _present(root: RootSystem) -> RootImage | None:
    """Return the image that the engine has for this lock, or None."""
    reference = root_reference(root.digest)
    labels = image_labels(reference)
    if labels.get(DIGEST_LABEL) is None:
        return None
    drift = tuple(Difference(**each) for each in json.loads(labels.get(DRIFT_LABEL, "[]")))
    return RootImage(reference=reference, digest=labels[DIGEST_LABEL], drift=drift)


def _made(platform: Platform, root: RootSystem, *, no_cache: bool, mirrored: Path | None, say: Say) -> RootImage:
    """Load the locked root from a mirror or the cache, or make it: from its packages, or from what there is now."""
    tar = mirrored or (None if no_cache else debootstrap.cached_tar(root.digest))
    if tar is not None:
        return _loaded(platform, root, tar, digest=root.digest, drift=(), say=say)
    made = debootstrap.make_root(
        root.source,
        architecture=platform.architecture,
        epoch=root.epoch,
        packages=root.packages,
        snapshots=platform.settings.root.snapshots,
        say=say,
    )
    return _loaded(platform, root, made.tar, digest=made.digest, drift=_drift(root, made), say=say)


def _drift(root: RootSystem, made: debootstrap.MadeRoot) -> tuple[Difference, ...]:
    """Return how what was made differs from what is locked."""
    if made.digest == root.digest:
        return ()
    found = differences(versions(root.packages), versions(made.packages))
    return found or (Difference(name=ROOT, locked=root.digest, found=made.digest),)


def _loaded(
    platform: Platform, root: RootSystem, tar: Path, *, digest: str, drift: tuple[Difference, ...], say: Say
) -> RootImage:
    """Give the engine the image, under the locked root's name; its labels say what it really is."""
    labels = {DIGEST_LABEL: digest}
    if drift:
        labels[DRIFT_LABEL] = json.dumps(
            [{"name": each.name, "locked": each.locked, "found": each.found} for each in drift], sort_keys=True
        )
    say("loading the root into the engine")
    config = config_text(digest=digest, platform=platform.settings.platform, epoch=root.epoch, labels=labels)
    reference = root_reference(root.digest)
    load_image(tar, config=config, reference=reference)
    return RootImage(reference=reference, digest=digest, drift=drift)


def _other_image(root: RootSystem, reference: str, *, say: Say) -> RootImage:
    """Return an image that somebody asked for in place of the locked root."""
    attributes = image_attributes(reference)
    if attributes is None:
        say(f"pulling {reference}")
        pull(reference)
        attributes = image_attributes(reference)
    if attributes is None:
        raise UsageError(f"There is no image {reference!r}.", fix="docker image ls shows what there is")
    labelled = ((attributes.get("Config") or {}).get("Labels") or {}).get(DIGEST_LABEL)
    digest = str(labelled or image_digest(attributes))
    same = bool({root.digest, root.image_id} & {digest, attributes["Id"]})
    drift = () if same else (Difference(name=ROOT, locked=root.digest, found=digest),)
    return RootImage(reference=reference, digest=digest, drift=drift)
