"""The engine's side of a push: the image has the name that it is pushed by meanwhile, and its layers travel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from platform_images.engine.client import engine, image_attributes, image_id, refusal
from platform_images.errors import PlatformError, PrerequisiteError
from platform_images.process import redacted
from platform_images.publish.access import UnansweredError
from platform_images.publish.layers import error_text, layer_event, wants_login
from platform_images.publish.logins import for_engine
from platform_images.publish.progress import Watch
from platform_images.publish.registry import Registry
from platform_images.publish.values import LayerState, LocalImage, Login, Repository

ATTEMPTS = 3
_SLOWER = 5.0  # the engine has tried several times itself
_BROKEN = 500


def send(image: LocalImage, registry: Registry, *, watch: Watch) -> frozenset[str]:
    """Push an image under its exact tag, in some attempts; layers that are there do not travel again.

    Returns:
        The layers that travelled, by the first digits of their digests.

    Raises:
        PrerequisiteError: No engine answers, or the registry does not let it in.
        ToolError: The registry does not answer or breaks off again and again, or the engine refuses.
    """
    repository, login = registry.repository, registry.login
    sent: set[str] = set()

    def push() -> None:
        for line in _stream(repository, image.tag, login):
            event = layer_event(line)
            if event is not None:
                if event.state is LayerState.SENT:
                    sent.add(event.layer)
                watch(event)
            elif (text := error_text(line)) is not None:
                raise push_failure(repository, login, text)

    with _named(image.id, repository, image.tag):
        registry.retried(push, attempts=ATTEMPTS, slower=_SLOWER)
    return frozenset(sent)


def push_failure(repository: Repository, login: Login | None, text: str) -> PlatformError:
    """Return the error for a push that the engine says has failed."""
    why = redacted(text.strip())
    if wants_login(text):
        return PrerequisiteError(
            f"{repository.host} does not let the engine push to {repository.path}.",
            why=why,
            fix=f"docker login {repository.host}" + (" as somebody who may push there" if login is not None else ""),
        )
    return UnansweredError(
        f"The push to {repository.name} broke off.",
        why=why,
        fix="run it again when the registry is in order; layers that are there are not sent again",
    )


def _stream(repository: Repository, tag: str, login: Login | None) -> Iterator[dict[str, Any]]:
    """Yield what the engine says while it pushes."""
    from docker.errors import APIError
    from requests.exceptions import RequestException

    try:
        yield from engine().api.push(
            repository.name, tag=tag, auth_config=for_engine(login, repository.host), stream=True, decode=True
        )
    except APIError as error:
        text = str(error.explanation or error)
        if wants_login(text) or (error.status_code or 0) >= _BROKEN:
            raise push_failure(repository, login, text) from error
        raise refusal(f"push {repository.name}:{tag}", error) from error
    except RequestException as error:
        raise refusal(f"push {repository.name}:{tag} to the end", error) from error


@contextmanager
def _named(image: str, repository: Repository, tag: str) -> Iterator[None]:
    """Give an image a name for as long as the block lasts; afterwards that name is what it was before.

    An image that has no other name keeps it: taking an image's last name removes the image.
    """
    name = f"{repository.name}:{tag}"
    before = image_id(name)
    others = set((image_attributes(image) or {}).get("RepoTags") or ()) - {name}
    if before != image:
        _tag(image, repository, tag)
    try:
        yield
    finally:
        if before is not None and before != image:
            _tag(before, repository, tag)
        elif before is None and others:
            _untag(name)


def _tag(image: str, repository: Repository, tag: str) -> None:
    """Give an image a name."""
    from docker.errors import APIError

    try:
        engine().images.get(image).tag(repository.name, tag=tag)
    except APIError as error:
        raise refusal(f"name the image {repository.name}:{tag}", error) from error


def _untag(name: str) -> None:
    """Take a name from an image that has others."""
    from docker.errors import APIError

    try:
        engine().images.remove(name, noprune=True)
    except APIError as error:
        raise refusal(f"take the name {name} away again", error) from error
