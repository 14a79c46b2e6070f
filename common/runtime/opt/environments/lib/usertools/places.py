"""Where the tools keep what is a user's own: all of it below $HOME, unless variables say otherwise."""

from __future__ import annotations

import os
from pathlib import Path

from usertools.errors import ToolError


def home() -> Path:
    """Return the home folder.

    Raises:
        ToolError: There is none.
    """
    named = os.environ.get("HOME", "")
    if not named or not Path(named).is_dir():
        raise ToolError(f"The home folder {named or '$HOME'} is not there.", fix="set HOME to a folder of yours")
    return Path(named)


def cache_home() -> Path:
    """Return the folder of caches."""
    return _named("XDG_CACHE_HOME", ".cache")


def conda_cache() -> Path:
    """Return the folder of conda packages and channel indexes."""
    named = os.environ.get("CONDA_PKGS_DIRS", "").split(",")[0].split(os.pathsep)[0]
    return Path(named).expanduser() if named else cache_home() / "conda-packages"


def uv_cache() -> Path:
    """Return uv's cache."""
    named = os.environ.get("UV_CACHE_DIR")
    return Path(named).expanduser() if named else cache_home() / "uv"


def pip_cache() -> Path:
    """Return pip's cache."""
    named = os.environ.get("PIP_CACHE_DIR")
    return Path(named).expanduser() if named else cache_home() / "pip"


def npm_cache() -> Path:
    """Return npm's cache."""
    named = os.environ.get("npm_config_cache")  # noqa: SIM112 - npm's own spelling
    return Path(named).expanduser() if named else home() / ".npm"


def environment_folders() -> tuple[Path, ...]:
    """Return the folders of named conda environments; new ones are made in the first."""
    named = os.environ.get("CONDA_ENVS_DIRS") or os.environ.get("CONDA_ENVS_PATH") or ""
    found = [Path(name).expanduser() for name in named.split(os.pathsep) if name]
    return (*found, home() / ".conda" / "envs")


def venvs() -> Path:
    """Return the folder of the virtual environments that kernel-create-venv makes."""
    return home() / ".venvs"


def known_environments() -> Path:
    """Return conda's list of environments that lie elsewhere."""
    return home() / ".conda" / "environments.txt"


def jupyter_data() -> Path:
    """Return Jupyter's folder of a user's own data."""
    named = os.environ.get("JUPYTER_DATA_DIR")
    return Path(named).expanduser() if named else _named("XDG_DATA_HOME", ".local/share") / "jupyter"


def kernels() -> Path:
    """Return the folder of a user's own kernel specifications."""
    return jupyter_data() / "kernels"


def trash() -> Path:
    """Return where JupyterLab moves deleted files."""
    return _named("XDG_DATA_HOME", ".local/share") / "Trash"


def _named(variable: str, otherwise: str) -> Path:
    """Return the folder that an XDG variable names; relative ones are ignored, as its specification says."""
    named = os.environ.get(variable, "")
    return Path(named) if named.startswith("/") else home() / otherwise
