"""An environment: a prefix in the image with a conda part and a pip part. The base and each kernel are one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from platform_images.model.files import KernelFile

BASE_NAME = "base"
CONDA_ROOT = PurePosixPath("/opt/conda")


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaRequest:
    """``environment.yml``: the conda part as asked for.

    Attributes:
        python: The Python series, such as ``3.13``.
        channels: Names of channels in ``platform.toml``, most preferred first.
        dependencies: Match specs as written, ``python`` among them.
    """

    python: str
    channels: tuple[str, ...]
    dependencies: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One environment as its folder of requests describes it.

    Attributes:
        scope: ``common`` or the mission's name.
        name: ``base`` or the kernel's name.
        folder: Where its files lie.
        settings: Its ``kernel.toml``.
        conda: Its ``environment.yml``.
        request_files: The pip requests, in order: what every kernel gets, then its own ``requirements.in``.
        constraint_files: Its ``constraints.txt``, where there is one.
    """

    scope: str
    name: str
    folder: Path
    settings: KernelFile
    conda: CondaRequest
    request_files: tuple[Path, ...]
    constraint_files: tuple[Path, ...]

    @property
    def is_base(self) -> bool:
        """Whether this is the base environment, which carries JupyterLab."""
        return self.name == BASE_NAME

    @property
    def prefix(self) -> PurePosixPath:
        """The environment's place in the image."""
        return CONDA_ROOT if self.is_base else CONDA_ROOT / "envs" / self.name
