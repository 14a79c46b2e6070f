"""What is to be done, from what a registry has; nothing is ever put in the place of an exact tag. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from platform_images.errors import MismatchError
from platform_images.publish.values import LocalImage, Manifest, Published, Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done.

    Attributes:
        send: Whether the image is to be pushed under its exact tag.
        move: Whether ``latest`` is to be moved.
        there: What the exact tag names already.
        latest: The digest that ``latest`` names, where it is to be moved from something.
    """

    send: bool
    move: bool
    there: Published | None = None
    latest: str | None = None


def push_plan(
    image: LocalImage,
    repository: Repository,
    there: Published | None,
    latest: Manifest | None,
    *,
    with_latest: bool,
    config: Callable[[], str],
) -> Plan:
    """Return what is to be done.

    Args:
        image: What is to be pushed.
        repository: Where to.
        there: What the registry has under the exact tag.
        latest: What it has as ``latest``, where that matters.
        with_latest: Whether ``latest`` is to name the image.
        config: Gives the digest of the image's configuration; only asked where its id is not that of what is there.

    Raises:
        MismatchError: The exact tag names another image.
    """
    if there is not None:
        check_tag_is_ours(image, repository, there, config=config)
    moves = with_latest and (there is None or latest is None or latest.digest != there.digest)
    return Plan(
        send=there is None, move=moves, there=there, latest=latest.digest if moves and latest is not None else None
    )


def check_tag_is_ours(
    image: LocalImage, repository: Repository, there: Published, *, config: Callable[[], str]
) -> None:
    """Check that what the exact tag has named before is the image.

    Raises:
        MismatchError: It is another one.
    """
    own = other_than(image, there, config=config)
    if own is None:
        return
    exact = f"{repository.name}:{image.tag}"
    other = (
        f"or take the published one, with the same locks: docker pull {exact}"
        if image.patches
        else "or build again from the commit that the published image names"
    )
    raise MismatchError(
        f"{exact} is another image, and a version's tag is never given to a second one.",
        why=(
            f"the tag {image.tag} in the registry is {there.digest}, image {', '.join(there.configs) or 'unknown'}\n"
            f"the image that was to be pushed is {own}"
        ),
        fix=f"raise version in deployments/{image.mission}/mission.toml, build and push; {other}",
    )


def check_arrived(image: LocalImage, repository: Repository, there: Published, *, config: Callable[[], str]) -> None:
    """Check that what the exact tag names after a push is the image.

    Raises:
        MismatchError: It is another one.
    """
    own = other_than(image, there, config=config)
    if own is None:
        return
    raise MismatchError(
        f"{repository.name}:{image.tag} is not the image that was pushed there.",
        why=f"pushed {own}\nfound  {there.digest}, image {', '.join(there.configs) or 'unknown'}",
        fix="see who else pushes there under this tag: one of the two needs another version in mission.toml",
    )


def other_than(image: LocalImage, there: Published, *, config: Callable[[], str]) -> str | None:
    """Return None where something is the image; else the digest of the image's configuration, which is not in it."""
    if image.id in there.ids:
        return None
    own = config()
    return None if own in there.configs else own


def plan_lines(plan: Plan, image: LocalImage, repository: Repository) -> tuple[str, ...]:
    """Return in words what would be done, a line for each tag."""
    exact = f"{repository.name}:{image.tag}"
    lines = [
        f"{exact}: would be pushed, {len(image.layers)} layers at most"
        if plan.there is None
        else f"{exact}: is there with the same content, {plan.there.digest}; nothing would be sent"
    ]
    if plan.move:
        came = f", from {plan.latest}" if plan.latest else ""
        lines.append(f"{repository.name}:latest: would be moved there{came}")
    else:
        lines.append(f"{repository.name}:latest: would stay as it is")
    return tuple(lines)


def plan_json(plan: Plan, image: LocalImage, repository: Repository) -> dict[str, object]:
    """Return what would be done as plain values."""
    return {
        "mission": image.mission,
        "repository": repository.name,
        "digest": plan.there.digest if plan.there is not None else None,
        "tag": image.tag,
        "image_id": image.id,
        "lock_digest": image.lock_digest,
        "layers": len(image.layers),
        "would_push": plan.send,
        "would_move_latest": plan.move,
        "latest_before": plan.latest,
    }
