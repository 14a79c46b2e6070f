"""What people would use instead, as text: command lines, and the usual Dockerfile."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from platform_images.bench.copying import PREFIX
from platform_images.engine.naming import ROLE_LABEL

ROLE = "bench"
CACHES = (("apt", "/var/cache/apt"), ("conda", "/var/cache/conda"), ("pip", "/var/cache/pip"))
SITE_CONTEXT = "site"
_SECRETS = "--mount=type=secret,id=site --mount=type=secret,id=ca"
# For a step with a secret BuildKit hashes all that is below it, and the usual Dockerfile has none.
_PLAIN = f"--mount=type=bind,from={SITE_CONTEXT},target=/run/secrets"
_MIRRORS = (
    'if [ -n "${BENCH_APT_EDITS-}" ] && [ -f /etc/apt/sources.list ]; then '
    'sed -i -E "$BENCH_APT_EDITS" /etc/apt/sources.list; fi'
)
_SITE = "if [ -f /run/secrets/site ]; then . /run/secrets/site; fi"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a solver of one environment's pip part is given.

    Attributes:
        requests: Files of requests, below the project's folder.
        constraints: Files of constraints, likewise.
        sdists: Packages that are built from source.
        python: Version of the environment's Python.
        platform: uv's name for the image's platform.
    """

    requests: tuple[str, ...]
    constraints: tuple[str, ...]
    sdists: tuple[str, ...]
    python: str
    platform: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """One environment to install from its lock.

    Attributes:
        name: The folder of its files in the build context.
        prefix: Where it goes.
        channels: Channels of the repository that its conda part is from.
    """

    name: str
    prefix: str
    channels: tuple[str, ...]


def uv_words(uv: str, inputs: Inputs, output: str) -> tuple[str, ...]:
    """Return the command line of a bare uv."""
    words = [uv, "pip", "compile", "--quiet", "--generate-hashes", "--only-binary", ":all:"]
    words += [word for name in inputs.sdists for word in ("--no-binary", name)]
    words += ["--python-version", inputs.python, "--python-platform", inputs.platform]
    words += [word for name in inputs.constraints for word in ("--constraints", name)]
    return (*words, "--output-file", output, *inputs.requests)


def pip_compile_words(python: str, inputs: Inputs, output: str) -> tuple[str, ...]:
    """Return the command line of pip-tools; it solves for the Python that runs it."""
    kinds = ["--only-binary=:all:", *(f"--no-binary={name}" for name in inputs.sdists)]
    words = [python, "-m", "piptools", "compile", "--quiet", "--no-config", "--generate-hashes", "--allow-unsafe"]
    words += ["--strip-extras", "--pip-args", shlex.join(kinds)]
    words += [word for name in inputs.constraints for word in ("--constraint", name)]
    return (*words, "--output-file", output, *inputs.requests)


def dockerfile(
    root: str, os_packages: Sequence[str], environments: Sequence[Installed], *, parallel: bool, secret: bool
) -> str:
    """Return a Dockerfile that installs the environments with pip.

    Args:
        root: The image that it stands on.
        os_packages: Debian packages, by name.
        environments: What it installs, in this order.
        parallel: A stage for each environment, copied together; without it, one RUN after the other.
        secret: Whether this machine's indexes and mirrors have passwords, which must not get into the engine's cache.
    """
    site = _SECRETS if secret else _PLAIN
    parts = [f"FROM {root} AS os", "USER root", "WORKDIR /", _apt(os_packages, site)]
    for each in environments:
        parts += [f"FROM os AS {_stage(each)}"] if parallel else []
        parts += [f"COPY {each.name}/ {_files(each)}/", _install(each, site)]
    if parallel:
        parts += ["FROM os AS final", *(f"COPY --link --from={_stage(each)} /opt/ /opt/" for each in environments)]
    return "\n".join([*parts, f"LABEL {ROLE_LABEL}={ROLE}", ""])


def _stage(environment: Installed) -> str:
    return f"environment-{environment.name}"


def _files(environment: Installed) -> str:
    return f"/tmp/{environment.name}"  # noqa: S108 - a folder of the image's own


def _apt(packages: Sequence[str], site: str) -> str:
    """Return the step that installs Debian packages, from the mirrors that this machine uses."""
    keep = "-o Binary::apt::APT::Keep-Downloaded-Packages=true"
    options = "-q -y --no-install-recommends -o APT::Sandbox::User=root"
    return _run(
        [_cache("apt", sharing="locked"), site],
        [
            _SITE,
            _MIRRORS,
            "if [ -f /run/secrets/ca ]; then "
            "echo 'Acquire::https::CAInfo \"/run/secrets/ca\";' >/etc/apt/apt.conf.d/99ca; fi",
            "apt-get update -q -o APT::Sandbox::User=root",
            f"DEBIAN_FRONTEND=noninteractive apt-get install {options} {keep} {' '.join(packages)}",
            "rm -rf /var/lib/apt/lists/*",
        ],
    )


def _install(environment: Installed, site: str) -> str:
    """Return the step that installs one environment: Python by rattler, all else by pip."""
    files, prefix = _files(environment), environment.prefix
    mounts = [f"--mount=type=bind,from={name},target=/mnt/{name}" for name in ("tools", "pip", "scripts")]
    mounts += [f"--mount=type=bind,from=channel-{n},target=/mnt/channel-{n}" for n in environment.channels]
    return _run(
        [*mounts, _cache("conda"), _cache("pip"), site],
        [
            _SITE,
            f". {files}/variables",
            "export PIP_CACHE_DIR=/var/cache/pip PIP_BREAK_SYSTEM_PACKAGES=1 PIP_DISABLE_PIP_VERSION_CHECK=1",
            f"/mnt/tools/bin/python3 -B -s /mnt/scripts/install_conda.py {prefix} {files}/conda.json /var/cache/conda",
            f"/mnt/tools/bin/python3 -B -s /mnt/pip/pip --python {prefix}/bin/python "
            f"install --quiet --no-warn-script-location --root-user-action=ignore -r {files}/requirements.txt",
        ],
    )


def _run(mounts: Sequence[str], steps: Sequence[str]) -> str:
    """Return one RUN."""
    return "RUN " + " \\\n    ".join(mounts) + " \\\n    " + " && \\\n    ".join(["set -e", *steps])


def _cache(name: str, *, sharing: str = "shared") -> str:
    """Return the mount of a cache of downloads that is the benchmark's own."""
    return f"--mount=type=cache,id={PREFIX}-{name},target={dict(CACHES)[name]},sharing={sharing}"
