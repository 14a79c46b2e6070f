"""Conda environments by name and by prefix: the image's and the user's own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from usertools import image, places
from usertools.errors import ToolError, usage
from usertools.files import write_text
from usertools.names import nearest


@dataclass(frozen=True)
class Place:
    """An environment: its name (a prefix outside all folders has none) and where it is."""

    name: str
    prefix: Path

    @property
    def of_the_image(self) -> bool:
        """Whether it belongs to the image, and changes to it end with the container."""
        return self.prefix == image.CONDA or self.prefix.parent == image.CONDA / "envs"

    @property
    def shown(self) -> str:
        """The name, or else the prefix."""
        return self.name or str(self.prefix)

    @property
    def word(self) -> str:
        """What ``activated`` is given: a kernel's name brings the mission's variables as well."""
        return self.name if self.of_the_image else str(self.prefix)


def is_environment(prefix: Path) -> bool:
    """Whether a folder is a conda environment."""
    return (prefix / "conda-meta").is_dir()


def is_venv(prefix: Path) -> bool:
    """Whether a folder is a virtual environment."""
    return (prefix / "pyvenv.cfg").is_file()


def listed() -> tuple[Place, ...]:
    """Return all environments: the image's, the user's named ones, then those elsewhere."""
    found = [Place("base", image.CONDA), *_below(image.CONDA / "envs")]
    for folder in places.environment_folders():
        found += _below(folder)
    known = {place.prefix for place in found}
    found += [Place("", prefix) for prefix in _elsewhere() if prefix not in known]
    return tuple(place for place in found if is_environment(place.prefix))


def _below(folder: Path) -> list[Place]:
    """Return the environments of a folder; hidden ones are on their way out."""
    if not folder.is_dir():
        return []
    found = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    return [Place(path.name, path) for path in found if is_environment(path)]


def _elsewhere() -> list[Path]:
    """Return the prefixes in conda's list."""
    try:
        lines = places.known_environments().read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return [Path(line.strip()) for line in lines if line.strip()]


def remember(prefix: Path) -> None:
    """Put a prefix that lies in no folder of environments into conda's list."""
    if prefix.parent in places.environment_folders() or prefix in _elsewhere():
        return
    write_text(places.known_environments(), "".join(f"{path}\n" for path in (*_elsewhere(), prefix)))


def forget(prefix: Path) -> None:
    """Take a prefix out of conda's list."""
    left = [path for path in _elsewhere() if path != prefix]
    if left != _elsewhere():
        write_text(places.known_environments(), "".join(f"{path}\n" for path in left))


def new(name: str | None, prefix: str | None) -> Place:
    """Return where an environment will be.

    Raises:
        ToolError: The name is no name, or is one of the image's.
    """
    if prefix or (name and "/" in name):
        return named(prefix=str(prefix or name))
    if not name:
        raise usage("The new environment has no name.", fix="give one with -n NAME, or a folder with -p PREFIX")
    if name == "base" or (image.CONDA / "envs" / name).is_dir():
        raise usage(f"{name} is an environment of the image.", fix="choose another name")
    if name.startswith((".", "-")) or any(letter in name for letter in " :#"):
        raise usage(f"{name!r} is no name for an environment.", fix="use letters, digits, '-', '_' and '.'")
    return Place(name, places.environment_folders()[0] / name)


def named(name: str = "", prefix: str = "") -> Place:
    """Return the place that a prefix, or a name with a slash, means, whether something is there or not."""
    path = Path(os.path.abspath(Path(prefix or name).expanduser()))  # noqa: PTH100 - links stay as they are
    for place in (Place("base", image.CONDA), Place(path.name, path)):
        if place.prefix == path and (place.of_the_image or path.parent in places.environment_folders()):
            return place
    return Place("", path)


def existing(name: str | None = None, prefix: str | None = None) -> Place:
    """Return the environment that is meant: the named one, or else the active one, or else the base.

    Raises:
        ToolError: There is no such conda environment.
    """
    if not prefix and name and "/" not in name:
        return _by_name(name)
    place = named(prefix=prefix or name or os.environ.get("CONDA_PREFIX") or str(image.CONDA))
    if is_environment(place.prefix):
        return place
    if is_venv(place.prefix):
        raise usage(f"{place.prefix} is a virtual environment, not a conda environment.", fix="use pip in it")
    raise usage(f"There is no conda environment at {place.prefix}.", fix="conda env list shows those that there are")


def _by_name(name: str) -> Place:
    """Return the environment of a name; the user's own comes first."""
    if name in ("base", "root"):
        return Place("base", image.CONDA)
    for folder in (*places.environment_folders(), image.CONDA / "envs"):
        if is_environment(folder / name):
            return Place(name, folder / name)
    names = [place.name for place in listed() if place.name]
    raise usage(
        f"There is no environment {name!r}{nearest(name, names)}.",
        why=f"there are: {', '.join(names)}",
        fix=f"make it with: conda create -n {name} PACKAGE...",
    )


def check_writable(place: Place) -> None:
    """Check that packages can be installed into an environment.

    Raises:
        ToolError: This user may not write there.
    """
    folders = [place.prefix / name for name in ("", "conda-meta", "bin", "lib")]
    if not all(os.access(folder, os.W_OK | os.X_OK) for folder in folders if folder.exists()):
        raise ToolError(
            f"The environment {place.shown} cannot be changed by this user.",
            why=f"{place.prefix} is not writable",
            fix="make an environment of your own: conda create -n NAME PACKAGE...",
        )
