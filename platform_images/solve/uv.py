"""uv as the solver of the pip part: for the image's Python and platform, whatever runs here."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from platform_images.errors import ToolError
from platform_images.locks.values import BUILD_REQUIREMENTS, REQUIREMENTS
from platform_images.process import Completed, run
from platform_images.solve.piplayout import CONDA_PART, STUBS, PipLayout

TIMEOUT = 3600.0
_GLIBC_TAGS = (17, 28, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40)
_HERE = "build-requirements-here.txt"
_TEMPORARY = "tmp"
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_KEPT = (
    "UV_CACHE_DIR",
    "UV_CONCURRENT_",
    "UV_CONFIG_FILE",
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_HTTP_",
    "UV_INDEX",
    "UV_INSECURE_HOST",
    "UV_KEYRING_PROVIDER",
    "UV_NATIVE_TLS",
    "UV_OFFLINE",
    "UV_REQUEST_TIMEOUT",
    "UV_SYSTEM_CERTS",
)


def platform_tag(architecture: str, glibc: str) -> str:
    """Return uv's name for the platform: the newest glibc that it knows and the root has."""
    minor = int(glibc.split(".")[1])
    known = [tag for tag in _GLIBC_TAGS if tag <= minor]
    return f"{_MACHINES[architecture]}-manylinux_2_{known[-1] if known else _GLIBC_TAGS[0]}"


def compile_requirements(layout: PipLayout, *, upgrade_packages: tuple[str, ...]) -> Completed:
    """Solve into ``requirements.txt`` of the layout's folder; pins that are there already are kept where possible."""
    argv = [*_compile(REQUIREMENTS), *_target(layout), *layout.requests]
    argv += [word for name in layout.constraints for word in ("--constraints", name)]
    argv += [word for name in layout.provided for word in ("--no-emit-package", name)]
    argv += [word for name in layout.sdists for word in ("--no-binary", name)]
    argv += [word for name in upgrade_packages for word in ("--upgrade-package", name)]
    if layout.sdists:
        argv += ["--build-constraints", _HERE]
        argv += ["--require-build-hashes", "--preview-features", "build-dependency-hashes"]
    return _run(layout, argv)


def solve_only(layout: PipLayout, *, requests: str, constraints: str, timeout: float) -> Completed:
    """Solve other files of the layout's folder, and keep nothing.

    Raises:
        ToolError: The time ran out.
    """
    argv = [executable(), "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--only-binary", ":all:"]
    argv += ["--color", "never", "--no-progress", "--python", sys.executable, *_target(layout), requests]
    provided = (CONDA_PART,) if layout.provided else ()
    argv += [word for name in (constraints, *provided) for word in ("--constraints", name)]
    argv += [word for name in layout.sdists for word in ("--no-binary", name)]
    argv += ["--build-constraints", _HERE] if layout.sdists else []
    return _run(layout, argv, timeout=timeout)


def compile_build_requirements(layout: PipLayout, source: str, *, upgrade_packages: tuple[str, ...]) -> Completed:
    """Solve the build backends that ``source`` asks for into ``build-requirements.txt``."""
    argv = [*_compile(BUILD_REQUIREMENTS), *_target(layout), source, "--no-annotate"]
    argv += [word for name in upgrade_packages for word in ("--upgrade-package", name)]
    return _run(layout, argv)


def compile_build_requirements_here(layout: PipLayout, source: str) -> Completed:
    """Solve the same build backends for the Python that runs here, which may be another than the environment's.

    uv builds an sdist here to learn what it depends on, and a build backend for the environment's Python (numpy, say)
    need not have a wheel for this one. Nothing of this is saved.
    """
    return _run(layout, [*_compile(_HERE), source, "--no-annotate"])


def _compile(output: str) -> list[str]:
    """Return the command line that all have in common."""
    return [
        executable(),
        *("pip", "compile", "--quiet", "--no-header", "--generate-hashes", "--emit-build-options"),
        *("--only-binary", ":all:", "--color", "never", "--no-progress"),
        *("--python", sys.executable, "--output-file", output),
    ]


def _target(layout: PipLayout) -> list[str]:
    """Return the options that name the environment's Python and the image's platform."""
    tag = platform_tag(layout.architecture, layout.glibc)
    return ["--python-version", layout.python, "--python-platform", tag]


def _run(layout: PipLayout, argv: list[str], *, timeout: float = TIMEOUT) -> Completed:
    """Run uv in the layout's folder; what it and the builds of sdists leave in the temporary folder goes with that."""
    temporary = layout.folder / _TEMPORARY
    temporary.mkdir(exist_ok=True)
    env = {**uv_environment(layout.env), "TMPDIR": str(temporary)}
    if layout.provided:
        # not on the command line, where it would take the place of the site's own
        env["UV_FIND_LINKS"] = ",".join([*filter(None, [env.get("UV_FIND_LINKS")]), STUBS])
    return run(argv, env=env, cwd=layout.folder, ok=(0, 1, 2), timeout=timeout)


def executable() -> str:
    """Return the uv of this project's own environment.

    Raises:
        ToolError: It is not there.
    """
    path = Path(sys.executable).with_name("uv")
    if not path.is_file():
        raise ToolError(f"uv is not beside {sys.executable}.", fix="run through ./bootstrap, which installs it")
    return str(path)


def uv_environment(host: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for uv: index and network settings pass, settings that would change a solution do not."""
    env = {name: value for name, value in host.items() if not name.startswith("UV_") or name.startswith(_KEPT)}
    env.pop("VIRTUAL_ENV", None)
    return {**env, "UV_PYTHON_DOWNLOADS": "never"}
