"""`invoke push`: a mission's image goes to a registry under its exact tag, is checked there, and `latest` follows."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from platform_images import cli, console
from platform_images.building.revision import UNKNOWN
from platform_images.building.summary import bytes_in_words
from platform_images.errors import MismatchError, UsageError
from platform_images.files import json_text, write_text
from platform_images.model import Mission, load_mission, load_platform
from platform_images.publish.decision import Plan, check_arrived, plan_json, plan_lines, push_plan
from platform_images.publish.layers import bytes_sent
from platform_images.publish.logins import find_login
from platform_images.publish.naming import LATEST, exact_tag, image_patches, parse_repository
from platform_images.publish.registry import Registry, required
from platform_images.publish.values import LocalImage, Published, Pushed
from platform_images.site import site_settings
from platform_images.solve.hostenv import ca_bundle
from platform_images.usage import Kind, using

REPORTS = Path("reports", "pushed")
_REVISION_LABEL, _DRIFT_LABEL = "org.opencontainers.image.revision", "platform-images.drift"
Send = Callable[[LocalImage, Registry], frozenset[str]]
Config = Callable[[], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRequest:
    """What `invoke push` is asked for.

    Attributes:
        registry: ``HOST[:PORT][/PATH...]``.
        image: The image; the mission's latest one without it.
        latest: Whether ``latest`` is to name it afterwards.
        out: The file for what was pushed; one below ``reports/`` without it.
        dry_run: Only ask, and say what would be done.
    """

    registry: str
    image: str | None = None
    latest: bool = True
    out: Path | None = None
    dry_run: bool = False


def run(folder: Path, mission: str, request: PushRequest, *, json: bool) -> int:
    """Push a mission's image, and print what gives it by its digest; what `invoke push` does.

    Raises:
        UsageError: There is no such mission or image, or ``--registry`` names no registry.
        MismatchError: The exact tag is another image, or the registry has not what was pushed.
        PrerequisiteError: No engine answers, or the registry wants a login.
        ToolError: The registry does not answer, or the engine refuses.
    """
    platform = load_platform(folder)
    loaded = load_mission(platform, mission)
    repository = parse_repository(request.registry, loaded.name)
    out = request.out or folder / REPORTS / f"{loaded.name}.json"
    if out.is_dir():
        raise UsageError(f"--out {out} is a folder.", fix=f"name a file, for example --out {out / 'pushed.json'}")
    start = time.monotonic()
    with using(Kind.IMAGES):
        image, labels = local_image(loaded, request.image)
        for line in doubts(labels):
            console.say(line, style="yellow")
        trust = site_settings(ca_bundle=ca_bundle(platform)).ca_bundle
        with Registry(repository, find_login(repository.host), trust=trust, say=_say) as registry:
            _say(f"asking {repository.host} for {repository.path}:{image.tag}")
            plan = asked_plan(image, registry, with_latest=request.latest, config=config_of(image))
            if request.dry_run:
                _show_plan(plan, image, registry, json=json)
                return 0
            pushed = publish(image, registry, plan, with_latest=request.latest, config=config_of(image), send=_sent)
    console.say(f"+ {loaded.name} ({time.monotonic() - start:.0f} s): {summary(pushed)}", style="green")
    if json:
        cli.print_json(pushed.as_json())
    else:
        sys.stdout.write(f"{pushed.reference}\n")
    sys.stdout.flush()  # it is known, whether its file can be written or not
    write_text(out, json_text(pushed.as_json()))
    return 0


def local_image(mission: Mission, name: str | None) -> tuple[LocalImage, dict[str, str]]:
    """Return the image that is to be pushed, and its labels.

    Raises:
        UsageError: The engine does not have it, or it is none of this mission.
        PrerequisiteError: No engine answers.
    """
    from platform_images.engine.client import image_attributes
    from platform_images.run.image import find

    found = find(mission, name)
    attributes = image_attributes(found.digest) or {}
    labels = dict((attributes.get("Config") or {}).get("Labels") or {})
    tag, lock_digest = exact_tag(mission.name, found.name, labels)
    layers = tuple((attributes.get("RootFS") or {}).get("Layers") or ())
    image = LocalImage(
        mission=mission.name,
        id=found.digest,
        tag=tag,
        lock_digest=lock_digest,
        layers=layers,
        patches=len(image_patches(mission.name, found.name, labels)),
    )
    return image, labels


def doubts(labels: dict[str, str]) -> tuple[str, ...]:
    """Return what somebody who publishes an image with these labels should know; nothing of it keeps them from it."""
    revision = labels.get(_REVISION_LABEL, UNKNOWN)
    found = []
    if revision == UNKNOWN or revision.endswith("-dirty"):
        found.append(f"the image does not name a commit that it can be built from again: revision {revision}")
    if labels.get(_DRIFT_LABEL):
        found.append(f"the image has packages that are not the locked ones: label {_DRIFT_LABEL}")
    return tuple(found)


def config_of(image: LocalImage) -> Config:
    """Return what gives the digest of the image's configuration; some engines have to write the image out for it."""

    def ask() -> str:
        from platform_images.engine.savedimage import config_digest

        return config_digest(image.id)

    return ask


def asked_plan(image: LocalImage, registry: Registry, *, with_latest: bool, config: Config) -> Plan:
    """Return what is to be done, from what the registry has.

    Raises:
        As ``run``.
    """
    there = registry.published(image.tag)
    latest = registry.manifest(LATEST) if with_latest else None
    return push_plan(image, registry.repository, there, latest, with_latest=with_latest, config=config)


def publish(
    image: LocalImage, registry: Registry, plan: Plan, *, with_latest: bool, config: Config, send: Send
) -> Pushed:
    """Do what is planned: send, check, and last move ``latest``.

    Args:
        image: The image.
        registry: Where to.
        plan: What is to be done.
        with_latest: Whether ``latest`` names the image afterwards.
        config: Gives the digest of the image's configuration.
        send: Pushes, and gives the layers that travelled.

    Raises:
        As ``run``.
    """
    repository = registry.repository
    sent: frozenset[str] = frozenset()
    there = plan.there
    if there is None:
        sent = send(image, registry)
        there = required(registry.published(image.tag), repository, image.tag)
        check_arrived(image, repository, there, config=config)
    else:
        _say(f"{repository.name}:{image.tag} is there with the same content; nothing is sent")
    if plan.move:
        move_latest(registry, there)
    return Pushed(
        repository=repository.name,
        digest=there.digest,
        tags=(image.tag, LATEST) if with_latest else (image.tag,),
        image=image,
        layers=len(there.images[0].layers),
        sent_layers=len(sent),
        bytes_sent=bytes_sent(sent, image.layers, there),
    )


def move_latest(registry: Registry, there: Published) -> None:
    """Make ``latest`` name what the exact tag names; no layer travels.

    Raises:
        MismatchError: It names something else afterwards.
        PrerequisiteError: The registry does not let this machine in.
        ToolError: It does not answer, or refuses.
    """
    repository = registry.repository
    _say(f"moving {repository.name}:{LATEST} to {there.digest}")
    registry.put(LATEST, there.manifest)
    found = required(registry.manifest(LATEST), repository, LATEST)
    if found.digest != there.digest:
        raise MismatchError(
            f"{repository.name}:{LATEST} does not name what was just put there.",
            why=f"put   {there.digest}\nfound {found.digest}",
            fix="see who else pushes there; then run it again",
        )


def summary(pushed: Pushed) -> str:
    """Return in words what was done."""
    size = "" if pushed.bytes_sent is None else f", {bytes_in_words(pushed.bytes_sent)}"
    sent = f"{pushed.sent_layers} of {pushed.layers} layers sent{size}" if pushed.sent_layers else "no layer sent"
    return f"{pushed.repository}:{', '.join(pushed.tags)}; {sent}"


def _sent(image: LocalImage, registry: Registry) -> frozenset[str]:
    """Push with the engine, and show it."""
    from platform_images.publish.progress import shown_layers
    from platform_images.publish.sending import send

    with console.step(f"pushing {registry.repository.name}:{image.tag}"), shown_layers() as watch:
        return send(image, registry, watch=watch)


def _show_plan(plan: Plan, image: LocalImage, registry: Registry, *, json: bool) -> None:
    """Print what would be done."""
    if json:
        cli.print_json(plan_json(plan, image, registry.repository))
    else:
        sys.stdout.write("".join(f"{line}\n" for line in plan_lines(plan, image, registry.repository)))


def _say(text: str) -> None:
    """Print one line of progress."""
    console.say(f"  {text}")
