"""Running BuildKit through buildx: one composed build to an image id, with its progress, its log and its errors."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from platform_images import process, temporary
from platform_images.engine.buildlog import BuildLog, Watch, spoken
from platform_images.errors import MismatchError, PlatformError, PrerequisiteError, ToolError
from platform_images.home import home_folder
from platform_images.solve.solution import Say
from platform_images.usage import Kind, logs_folder, using

_PLUGIN_FOLDERS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)
METADATA = "metadata.json"
_QUERY_SECONDS = 30.0
_MISMATCH = re.compile(r"hash mismatch|EINTEGRITY|has no integrity", re.IGNORECASE)
_MAKE_IT_WORK = "make the step work that is shown above"
# What a failure is about, where one line tells, and its cure: the rest of what the program says is then of no help.
_CURES = (
    (
        re.compile(r"no space left on device", re.IGNORECASE),
        "free some space (docker system df shows what uses it, docker builder prune clears old steps)",
    ),
    (
        re.compile(r"cache export is not supported for the docker driver", re.IGNORECASE),
        "use an engine with the containerd image store, or --builder NAME (docs/builders.md); or leave --cache-to out",
    ),
    (
        re.compile(r"mkdir \S*\.docker\S*: "),
        "set DOCKER_CONFIG, where the docker client keeps its settings, to a folder that can be written",
    ),
)
_LEFT_OUT = ("BUILDX_BUILDER", "BUILDKIT_PROGRESS", "SOURCE_DATE_EPOCH", "BUILDX_BAKE_")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRun:
    """One call of BuildKit.

    Attributes:
        name: For messages and the log's name.
        dockerfile: The Dockerfile's text.
        context: The main build context.
        contexts: Name to folder of each further one.
        secrets: Id to file of each secret; only their paths are on the command line.
        platform: Such as ``linux/amd64``.
        epoch: SOURCE_DATE_EPOCH.
        network: ``default``, ``host`` or ``none``.
        target: The stage to stop at; the last one without it.
        tags: Names for the image.
        no_cache: Run every step again.
        builder: The builder, where it is not that of the engine in use.
        images: Name of an image in FROM to where BuildKit finds it, such as ``oci-layout://...``.
        cache_from: Where steps may be taken from, as buildx reads it.
        cache_to: Where they are put.
        export: The folder that gets the files of the last stage, in place of an image in the engine.
    """

    name: str
    dockerfile: str
    context: Path
    contexts: Mapping[str, Path]
    secrets: Mapping[str, Path] = field(default_factory=dict)
    platform: str
    epoch: int
    network: str = "default"
    target: str | None = None
    tags: tuple[str, ...] = ()
    no_cache: bool = False
    builder: str | None = None
    images: Mapping[str, str] = field(default_factory=dict)
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    export: Path | None = None


def build(run: BuildRun, *, say: Say, watch: Watch | None = None) -> str:
    """Build and return the image's id; nothing where files are exported.

    Args:
        run: What to build.
        say: Told how many steps were done before; and of each that has ended, with its duration, where nobody watches.
        watch: Told, in another thread, of each step that is seen to run or to end.

    Raises:
        PrerequisiteError: There is no docker client with buildx.
        MismatchError: Something has not the recorded content; carries name, expected and found hash.
        ToolError: A step failed; carries its last lines and the path of the full log.
    """
    log = BuildLog()
    heed = watch or spoken(say)
    path = log_path(run.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        using(Kind.LOGS),
        temporary.folder(temporary.Role.BUILD) as folder,
        path.open("w", encoding="utf-8", buffering=1) as text,  # each line can be read at once
    ):
        (folder / "Dockerfile").write_text(run.dockerfile, encoding="utf-8")
        argv = [*buildx_command(run.builder), *build_words(run, folder=folder)]
        try:
            process.run(argv, env=_environment(), on_line=lambda line: _take(line, log, text, heed))
        except ToolError as error:
            raise _failure(run, log, path, error) from error
        if log.cached:
            say(f"{log.cached} steps were done before")
        return _image(folder) if run.export is None else ""


def _image(folder: Path) -> str:
    """Return the engine's id of what was built: a configuration's digest or, with the containerd store, a manifest's.

    Raises:
        ToolError: The engine has neither.
    """
    metadata = folder / METADATA
    told = json.loads(metadata.read_text(encoding="utf-8")) if metadata.exists() else {}
    config = (folder / "id").read_text(encoding="utf-8").strip()
    manifest = str(told.get("containerimage.digest") or config)
    if config == manifest:
        return config
    from platform_images.engine.client import image_id

    found = image_id(config) or image_id(manifest)
    if found is None:
        raise ToolError("The image was built, and the engine does not have it.", fix="docker buildx ls; docker info")
    return found


def build_words(run: BuildRun, *, folder: Path) -> list[str]:
    """Return the words after ``docker buildx``."""
    words = ["build", "--progress", "plain", "--provenance=false", "--sbom=false"]
    words += ["--platform", run.platform, "--network", run.network, "--build-arg", f"SOURCE_DATE_EPOCH={run.epoch}"]
    words += ["--file", str(folder / "Dockerfile")]
    words += _result(run, folder)
    sources = {**run.contexts, **run.images}
    words += [word for name, place in sorted(sources.items()) for word in ("--build-context", f"{name}={place}")]
    words += [word for name, place in sorted(run.secrets.items()) for word in ("--secret", f"id={name},src={place}")]
    words += [word for tag in run.tags for word in ("--tag", tag)]
    words += ["--target", run.target] if run.target else []
    words += ["--no-cache"] if run.no_cache else []
    words += [word for place in run.cache_from for word in ("--cache-from", place)]
    words += [word for place in run.cache_to for word in ("--cache-to", place)]
    return [*words, str(run.context)]


def _result(run: BuildRun, folder: Path) -> list[str]:
    """Return what becomes of what is built: an image in the engine with its id in a file, or files."""
    if run.export is not None:
        return ["--output", f"type=local,dest={run.export}"]
    return ["--load", "--iidfile", str(folder / "id"), "--metadata-file", str(folder / METADATA)]


def buildx_command(builder: str | None = None) -> tuple[str, ...]:
    """Return the command that is buildx here, for a builder; for that of the engine in use without one.

    Raises:
        PrerequisiteError: There is none.
    """
    return (*buildx_program(), "--builder", builder or _builder())


def buildx_program() -> tuple[str, ...]:
    """Return the command that is buildx here.

    Not every ``docker`` on PATH has the plugin: each is tried, then the plugin itself.

    Raises:
        PrerequisiteError: None works.
    """
    tried = []
    for command in _candidates():
        try:
            process.run([*command, "version"], timeout=_QUERY_SECONDS)
        except (PrerequisiteError, ToolError) as error:
            tried.append(f"{' '.join(command)}: {(error.why or error.what).splitlines()[-1]}")
            continue
        return command
    raise PrerequisiteError(
        "There is no docker client with the plugin buildx.",
        why="\n".join(tried) or "no docker on PATH",
        fix="./bootstrap installs it, or says exactly what to install",
    )


def log_path(name: str) -> Path:
    """Return where the full log of a build is kept."""
    return logs_folder() / f"{name}.log"


@contextmanager
def contexts(*names: str) -> Iterator[tuple[Path, ...]]:
    """Give empty folders for build contexts, removed whatever happens."""
    with temporary.folder(temporary.Role.CONTEXT) as top:
        for name in names:
            (top / name).mkdir()
        yield tuple(top / name for name in names)


def _candidates() -> Iterator[tuple[str, ...]]:
    """Yield each command that may be buildx, the first docker on PATH first."""
    seen = set()
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        docker = Path(folder or ".") / "docker"
        if os.access(docker, os.X_OK) and docker.resolve() not in seen:
            seen.add(docker.resolve())
            yield (str(docker), "buildx")
    for place in (*_own_plugins(), *map(Path, _PLUGIN_FOLDERS)):
        plugin = place / "docker-buildx"
        if os.access(plugin, os.X_OK):
            yield (str(plugin),)


def _own_plugins() -> tuple[Path, ...]:
    """Return the folder of the user's plugins; none where there is no home for it."""
    named, home = os.environ.get("DOCKER_CONFIG"), home_folder()
    if named:
        return (Path(named) / "cli-plugins",)
    return (home / ".docker" / "cli-plugins",) if home is not None else ()


def _builder() -> str:
    """Return the builder inside the engine in use: it has the context's name."""
    if os.environ.get("DOCKER_HOST"):
        return "default"
    if os.environ.get("DOCKER_CONTEXT"):
        return os.environ["DOCKER_CONTEXT"]
    try:
        return process.run(["docker", "context", "show"], timeout=_QUERY_SECONDS).stdout.strip() or "default"
    except (PrerequisiteError, ToolError):
        return "default"


def _environment() -> dict[str, str]:
    """Return the environment for buildx: nothing of it may change what is built."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}


def _take(line: str, log: BuildLog, text: TextIO, watch: Watch) -> None:
    """Note one line of progress."""
    text.write(process.redacted(line) + "\n")
    event = log.read(line)
    if event is not None:
        watch(event)


def _failure(run: BuildRun, log: BuildLog, path: Path, error: ToolError) -> PlatformError:
    """Return the error of a build that failed: a mismatch where something has not the recorded content."""
    lines = [process.redacted(line) for line in log.evidence()] or [error.why or ""]
    where = f" in {log.failed_title}" if log.failed_title else ""
    what = f"The build of {run.name} failed{where}."
    if any(_MISMATCH.search(line) for line in lines):
        fix = (
            "find out why the content changed; git restore locks puts a changed lock back, nox -s lock -- --upgrade "
            f"solves anew; the whole log: {path}"
        )
        return MismatchError(what, why="\n".join(lines), fix=fix)
    telling, cure = next(
        ((found[-1:], cure) for about, cure in _CURES if (found := [line for line in lines if about.search(line)])),
        (lines, _MAKE_IT_WORK),
    )
    return ToolError(
        what,
        why="\n".join(telling),
        fix=f"{cure}; the whole log: {path}",
        argv=error.argv,
        returncode=error.returncode,
    )
