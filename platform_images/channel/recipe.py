"""``common/channel/recipe.toml``: what each package of the embedded channel is made of, by hash."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from platform_images.files import write_text
from platform_images.model.document import parse_toml, read_text
from platform_images.model.files import Name, Strict

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
PoolPath = Annotated[str, StringConstraints(pattern=r"^pool/[A-Za-z0-9+./_~%-]+\.deb$")]
SHOWN = "common/channel/recipe.toml"
_OLDEST = 315532800  # 1980: the first year that a zip file can hold


class Deb(Strict):
    """``[[packages.debs]]``: one Debian package that goes into a conda package."""

    path: PoolPath = Field(description="Path in the archive, without a host.")
    sha256: Sha256

    @property
    def filename(self) -> str:
        """The file's name without its folders."""
        return self.path.rsplit("/", 1)[1]

    @property
    def package(self) -> str:
        """The Debian package's name."""
        return self.filename.split("_", 1)[0]


class Package(Strict):
    """``[[packages]]``: one conda package."""

    version: Annotated[str, StringConstraints(pattern=r"^3\.\d+\.\d+$")]
    build_number: int = Field(0, ge=0)
    suite: Name = Field(description="The Debian release that the .deb files come from.")
    epoch: int = Field(ge=_OLDEST, description="Time of every file, seconds since 1970: the newest in the .deb files.")
    depends: tuple[str, ...] = Field((), strict=False)
    debs: tuple[Deb, ...] = Field(min_length=1, strict=False)

    @property
    def series(self) -> str:
        """Python series, such as ``3.13``."""
        return self.version.rsplit(".", 1)[0]


class Recipe(Strict):
    """The whole channel."""

    packages: tuple[Package, ...] = Field(min_length=1, strict=False)


def load_recipe(channel: Path) -> Recipe:
    """Read ``recipe.toml`` of the channel's folder.

    Raises:
        UsageError: It is missing or has a mistake.
    """
    return parse_toml(read_text(channel / "recipe.toml", shown=SHOWN), Recipe, shown=SHOWN)


def recipe_text(recipe: Recipe) -> str:
    """Return the recipe as TOML; reading it gives the same recipe."""
    lines = [
        "# What the packages of this channel are made of. `invoke channel` makes them from it, bit for bit;",
        "# `invoke channel --update` takes the archive's present .deb files into it.",
    ]
    for package in recipe.packages:
        lines += ["", "[[packages]]", f'version = "{package.version}"', f"build_number = {package.build_number}"]
        lines += [f'suite = "{package.suite}"', f"epoch = {package.epoch}"]
        lines.append("depends = [" + ", ".join(f'"{spec}"' for spec in package.depends) + "]")
        for deb in package.debs:
            lines += ["", "[[packages.debs]]", f'path = "{deb.path}"', f'sha256 = "{deb.sha256}"']
    return "\n".join(lines) + "\n"


def save_recipe(channel: Path, recipe: Recipe) -> bool:
    """Write ``recipe.toml``; returns whether it changed."""
    return write_text(channel / "recipe.toml", recipe_text(recipe))
