"""The engine's client: images by name, and containers that are always removed."""

from __future__ import annotations

import atexit
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

from platform_images import owner, process
from platform_images.engine.endpoint import VARIABLES, endpoint
from platform_images.engine.naming import ROLE_LABEL, container_name
from platform_images.errors import PlatformError, PrerequisiteError, ToolError, UsageError

if TYPE_CHECKING:
    import docker
    from docker import DockerClient
    from docker.models.containers import Container

ANSWER_SECONDS = 20
CALL_SECONDS = 900
_BAD_REQUEST = 400
_CONTAINERD = ["driver-type", "io.containerd.snapshotter.v1"]
_NOT_ASKED = "1.44"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A container's program that has ended.

    Attributes:
        exit_code: Its exit code.
        output: What it said, standard output and error together.
        files: Each file that was asked for and was there.
    """

    exit_code: int
    output: str
    files: dict[str, bytes] = field(default_factory=dict)


def engine() -> DockerClient:
    """Return the client of the engine that the ``docker`` program here would use (DOCKER_HOST, else its context).

    Raises:
        PrerequisiteError: No engine answers.
    """
    return _engine(tuple(os.environ.get(name) for name in VARIABLES))


def image_id(reference: str) -> str | None:
    """Return the id of an image that the engine has, or None.

    Raises:
        PrerequisiteError: No engine answers.
    """
    attributes = image_attributes(reference)
    return str(attributes["Id"]) if attributes else None


def has_containerd_store() -> bool:
    """Whether the engine keeps images in containerd's store.

    Raises:
        PrerequisiteError: No engine answers.
    """
    return _CONTAINERD in (engine().info().get("DriverStatus") or [])


def image_labels(reference: str) -> dict[str, str]:
    """Return the labels of an image; empty where the engine does not have it.

    Raises:
        PrerequisiteError: No engine answers.
    """
    attributes = image_attributes(reference) or {}
    return dict((attributes.get("Config") or {}).get("Labels") or {})


def image_attributes(reference: str) -> dict[str, Any] | None:
    """Return what the engine knows of an image, or None where it does not have it.

    Raises:
        PrerequisiteError: No engine answers.
    """
    from docker.errors import APIError, ImageNotFound, NotFound

    try:
        return dict(engine().images.get(reference).attrs)
    except (ImageNotFound, NotFound):
        return None
    except APIError as error:
        if error.status_code != _BAD_REQUEST:
            raise
        raise UsageError(
            f"{reference!r} is not the name of an image.",
            why=str(error.explanation),
            fix="give NAME or NAME:TAG, NAME in lower case",
        ) from error


def pull(reference: str) -> None:
    """Get an image from its registry.

    Raises:
        UsageError: There is no such image, or its registry does not answer; carries the engine's words.
        PrerequisiteError: No engine answers.
    """
    from docker.errors import APIError, DockerException

    repository, tag = split_reference(reference)
    try:
        engine().images.pull(repository, tag=tag)
    except (APIError, DockerException) as error:
        raise UsageError(
            f"The image {reference!r} is not on this machine and cannot be pulled.",
            why=process.redacted(str(getattr(error, "explanation", None) or error)),
            fix=f"docker pull {reference} shows more; docker image ls shows what there is",
        ) from error


def split_reference(reference: str) -> tuple[str, str]:
    """Return repository and tag or digest; ``latest`` where the reference names neither."""
    repository, at, digest = reference.partition("@")
    if at:
        return repository, digest
    folder, slash, name = reference.rpartition("/")
    name, _, tag = name.partition(":")
    return folder + slash + name, tag or "latest"


@contextmanager
def container(
    image: str,
    command: Sequence[str],
    *,
    role: str,
    network: str = "none",
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    **options: Any,
) -> Iterator[Container]:
    """Make a container, not yet started, and remove it at the end whatever happens.

    Args:
        image: The image.
        command: What it runs, in place of the image's own entry point and command.
        role: What it is for, in its name and label.
        network: ``none``, ``bridge`` or ``host``.
        env: Environment variables.
        user: Who runs it; the image's own user without it.
        options: Further options of docker-py's ``containers.create``, such as ``mounts`` and ``ports``.

    Raises:
        UsageError: The engine does not have the image.
        PrerequisiteError: No engine answers.
        ToolError: The engine refuses.
    """
    from docker.errors import APIError, ImageNotFound

    labels = {ROLE_LABEL: role, owner.LABEL: owner.this_process(), **options.pop("labels", {})}
    try:
        made = engine().containers.create(
            image,
            entrypoint=list(command[:1]),
            command=list(command[1:]),
            name=container_name(role),
            network_mode=network,
            environment=dict(env or {}),
            user=user,
            labels=labels,
            **options,
        )
    except ImageNotFound as error:
        raise UsageError(f"There is no image {image!r}.", fix="docker image ls shows what there is") from error
    except APIError as error:
        raise refusal("make a container", error) from error
    try:
        yield made
    finally:
        discard(made)


def run_in(
    image: str,
    argv: Sequence[str],
    *,
    role: str,
    files_in: Mapping[str, bytes] | None = None,
    files_out: Sequence[str] = (),
    network: str = "none",
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    on_line: Callable[[str], None] | None = None,
) -> Finished:
    """Run a program in a container of its own, to its end; files are copied, nothing of this machine is mounted.

    Args:
        image: The image.
        argv: The program and its arguments.
        role: What it is for, in the container's name and label.
        files_in: Absolute path in the container to content, mode 0644; folders are made.
        files_out: Absolute paths to fetch afterwards; one that is not there is left out.
        network: ``none``, ``bridge`` or ``host``.
        env: Environment variables.
        user: Who runs it; the image's own user without it.
        on_line: Called with each line of output as it comes.

    Raises:
        UsageError: The engine does not have the image.
        PrerequisiteError: No engine answers.
        ToolError: The engine refuses.
    """
    from docker.errors import APIError

    with container(image, argv, role=role, network=network, env=env, user=user) as made:
        try:
            if files_in:
                made.put_archive("/", tar_of(files_in))
            made.start()
            output = _follow(made, on_line)
            exit_code = int(made.wait()["StatusCode"])
        except APIError as error:
            raise refusal(f"run {argv[0]}", error) from error
        found = {path: fetched(made, path) for path in files_out}
        files = {path: data for path, data in found.items() if data is not None}
        return Finished(exit_code=exit_code, output=output, files=files)


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """Return a tar with the files, owned by root and readable for everyone."""
    stream = BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for path, data in sorted(files.items()):
            member = tarfile.TarInfo(path.lstrip("/"))
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, BytesIO(data))
    return stream.getvalue()


def fetched(made: Container, path: str) -> bytes | None:
    """Return one file of a container, running or ended; None where it is not there."""
    from docker.errors import NotFound

    try:
        chunks, _ = made.get_archive(path)
        with tarfile.open(fileobj=BytesIO(b"".join(chunks))) as tar:
            member = tar.extractfile(tar.getmembers()[0])
            return member.read() if member is not None else None
    except NotFound:
        return None


def refusal(doing: str, error: Exception) -> PlatformError:
    """Return the error for what the engine refuses, with its words."""
    return ToolError(
        f"The engine could not {doing}.",
        why=process.redacted(str(getattr(error, "explanation", None) or error)),
        fix="./bootstrap invoke doctor says whether the engine is in order",
    )


def _follow(made: Container, on_line: Callable[[str], None] | None) -> str:
    """Return all output of a running container, handing each line on."""
    output, rest = [], ""
    for chunk in made.logs(stream=True, follow=True):
        text = chunk.decode("utf-8", errors="replace")
        output.append(text)
        *lines, rest = (rest + text).split("\n")
        if on_line:
            for line in lines:
                on_line(line)
    if rest and on_line:
        on_line(rest)
    return "".join(output)


def discard(made: Container) -> None:
    """Remove a container with what it runs and its anonymous volumes; one that is already gone is well."""
    from docker.errors import APIError

    try:
        made.remove(force=True, v=True)
    except APIError as error:
        if error.response is not None and error.response.status_code in (404, 409):
            return  # gone, or being removed by someone else
        raise refusal(f"remove the container {made.name}", error) from error


def _trusting(**options: Any) -> docker.APIClient:
    """Return a connection that trusts the engine's own certificate authority.

    A bundle that is there for all of a site (``REQUESTS_CA_BUNDLE``) would else be taken in its place.
    """
    import docker

    class Trusting(docker.APIClient):
        def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
            """Return what a request gets from the environment, but not whom it trusts."""
            known = self.verify if verify is None else verify
            return super().merge_environment_settings(url, proxies, stream, known, cert)

    return Trusting(**options)


@cache
def _engine(environment: tuple[str | None, ...]) -> DockerClient:
    """Return a client; one a process for the same settings."""
    import docker
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    place = "DOCKER_HOST" if environment[0] else "the docker program's context"
    try:
        client = docker.DockerClient(version=_NOT_ASKED, timeout=ANSWER_SECONDS, **endpoint())
        client.api = _trusting(version="auto", timeout=ANSWER_SECONDS, **endpoint())
    except (DockerException, RequestException, OSError, ValueError) as error:
        raise PrerequisiteError(
            "No Docker Engine answers.",
            why=f"Asked through {place}: {process.redacted(str(error))}",
            fix=(
                f"correct or unset DOCKER_HOST; it is {process.redacted(environment[0])!r}"
                if environment[0]
                else "./bootstrap installs and starts one, or says exactly what to install"
            ),
        ) from error
    client.api.timeout = CALL_SECONDS
    atexit.register(client.close)
    return client
