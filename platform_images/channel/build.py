"""Making ``common/channel`` from its recipe, bit for bit."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from platform_images import console, process, temporary
from platform_images.channel.archive import fetch_deb, mirrors, release_index
from platform_images.channel.deb import Member, members
from platform_images.channel.layout import prefix_files
from platform_images.channel.recipe import Deb, Package, Recipe, load_recipe, save_recipe
from platform_images.errors import MismatchError, ToolError
from platform_images.files import json_text, sha256_file, write_text
from platform_images.usage import Kind, cache_folder, using

SUBDIR = "linux-64"
_EMPTY_SUBDIR = "noarch"
_LICENSE = "Python-2.0"
_HOMEPAGE = "https://www.python.org/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A file of the channel that the recipe makes otherwise; ``None`` where there is none."""

    name: str
    committed: str | None
    made: str | None


def run(folder: Path, *, check: bool, update: bool) -> int:
    """Rebuild ``common/channel`` of a project; the exit code is 0 when it is what the recipe makes.

    Raises:
        MismatchError: With ``check``, where a committed file is not what the recipe makes.
    """
    cache = cache_folder() / Kind.DEBS
    differences = rebuild(folder / "common" / "channel", cache=cache, check=check, update=update, say=console.say)
    if not differences:
        console.say("common/channel is what its recipe makes", style="green")
        return 0
    lines = [f"{one.name}: committed {one.committed or 'nothing'}, made {one.made or 'nothing'}" for one in differences]
    if check:
        raise MismatchError(
            "common/channel is not what its recipe makes.", why="\n".join(lines), fix="invoke channel writes it anew"
        )
    for line in lines:
        console.say(line)
    return 0


def rebuild(
    channel: Path, *, cache: Path, check: bool = False, update: bool = False, say: Callable[[str], None]
) -> tuple[Difference, ...]:
    """Make the channel from its recipe in a scratch folder and compare it with what is there.

    Args:
        channel: ``common/channel``.
        cache: Folder of .deb files by their sha256.
        check: Compare only; otherwise what differs is written.
        update: Take the archive's present .deb files into the recipe first.
        say: Told of each step.

    Returns:
        What was different, sorted by name.

    Raises:
        GoneError: A .deb file of the recipe is gone from the archive.
        ToolError: The archive cannot be reached.
        PrerequisiteError: No archive is configured, and a .deb file is not in the cache.
        MismatchError: A .deb file has not the recorded hash.
    """
    recipe = load_recipe(channel)
    bases = mirrors(package.suite for package in recipe.packages)
    if update:
        recipe = _updated(recipe, cache=cache, bases=bases, say=say)
    with using(Kind.DEBS), temporary.folder(temporary.Role.CHANNEL) as made:
        for package in recipe.packages:
            say(f"packing Python {package.version} from {len(package.debs)} .deb files of {package.suite}")
            files = _prefix(package, cache=cache, bases=bases)
            pack(package, files, made)
        index(made)
        differences = _differences(channel, made)
        if not check and differences:
            _replace(channel, made)
        if update:
            save_recipe(channel, recipe)
    return differences


def build_string(package: Package) -> str:
    """Return the build string; its end is what conda-forge's compiled packages ask of a Python (``python_abi``)."""
    return f"debian_{package.build_number}_cp{package.series.replace('.', '')}"


def pack(package: Package, files: tuple[Member, ...], out: Path) -> Path:
    """Write one conda package below ``out`` and return its path; the same input gives the same bytes."""
    from rattler_build import assemble_package

    (out / SUBDIR).mkdir(parents=True, exist_ok=True)
    with temporary.folder(temporary.Role.PREFIX) as prefix:
        for member in files:
            _write(prefix, member, epoch=package.epoch)
        made = assemble_package(
            name="python",
            version=package.version,
            target_platform=SUBDIR,
            build_string=build_string(package),
            build_number=package.build_number,
            output_dir=out / SUBDIR,
            files_dir=prefix,
            homepage=_HOMEPAGE,
            license=_LICENSE,
            summary=f"CPython {package.series}, repackaged from Debian's optimised build",
            depends=list(package.depends),
            timestamp=datetime.fromtimestamp(package.epoch, tz=UTC),
            compression_level=19,
            compression_threads=1,
            detect_prefix=False,
        )
    return Path(made.path)


def index(channel: Path) -> None:
    """Write the channel's ``repodata.json`` files."""
    (channel / _EMPTY_SUBDIR).mkdir(exist_ok=True)
    process.run([sys.executable, "-I", str(Path(__file__).with_name("indexing.py")), str(channel)])
    for repodata in sorted(channel.glob("*/repodata.json")):
        _without_clock(repodata)


def _without_clock(repodata: Path) -> None:
    """Take out when a package was indexed, which is a time of day, and sort the rest."""
    value = json.loads(repodata.read_text(encoding="utf-8"))
    for package in value["packages.conda"].values():
        package.pop("indexed_timestamp", None)
    write_text(repodata, json_text(value))


def _prefix(package: Package, *, cache: Path, bases: tuple[str, ...]) -> tuple[Member, ...]:
    """Return the files of the package."""
    found: list[Member] = []
    for deb in package.debs:
        found += members(fetch_deb(deb, cache=cache, bases=bases), shown=deb.filename)
    return prefix_files(found, series=package.series)


def _write(prefix: Path, member: Member, *, epoch: int) -> None:
    """Write one file of the prefix."""
    path = prefix / member.path
    path.parent.mkdir(parents=True, exist_ok=True)
    if member.link is not None:
        path.symlink_to(member.link)
    else:
        path.write_bytes(member.data)
        path.chmod(0o755 if member.executable else 0o644)
    os.utime(path, (epoch, epoch), follow_symlinks=False)


def _updated(recipe: Recipe, *, cache: Path, bases: tuple[str, ...], say: Callable[[str], None]) -> Recipe:
    """Return the recipe with the archive's present .deb files."""
    return Recipe(packages=tuple(_updated_package(one, cache=cache, bases=bases, say=say) for one in recipe.packages))


def _updated_package(package: Package, *, cache: Path, bases: tuple[str, ...], say: Callable[[str], None]) -> Package:
    """Return one package with the archive's present .deb files; its build number rises when they changed."""
    found = release_index(package.suite, "amd64", bases=bases)
    gone = sorted({deb.package for deb in package.debs} - set(found))
    if gone:
        raise ToolError(
            f"The release {package.suite!r} has no package {', '.join(gone)}.",
            fix="correct common/channel/recipe.toml: another suite, or other packages",
        )
    debs = tuple(Deb(path=found[deb.package].path, sha256=found[deb.package].sha256) for deb in package.debs)
    if debs == package.debs:
        say(f"Python {package.version} of {package.suite} is up to date")
        return package
    version = found[f"python{package.series}"].version.split("-", 1)[0].split("+", 1)[0]
    newest = max(
        member.mtime for deb in debs for member in members(fetch_deb(deb, cache=cache, bases=bases), shown=deb.filename)
    )
    number = package.build_number + 1 if version == package.version else 0
    return package.model_copy(update={"version": version, "build_number": number, "epoch": newest, "debs": debs})


def _files(channel: Path) -> dict[str, str]:
    """Return the hash of each package and index of a channel."""
    return {
        path.relative_to(channel).as_posix(): sha256_file(path)
        for subdir in (SUBDIR, _EMPTY_SUBDIR)
        for path in sorted((channel / subdir).glob("*"))
        if path.suffix in (".conda", ".json")
    }


def _differences(channel: Path, made: Path) -> tuple[Difference, ...]:
    """Compare two channels file by file."""
    here, there = _files(channel), _files(made)
    return tuple(
        Difference(name=name, committed=here.get(name), made=there.get(name))
        for name in sorted({*here, *there})
        if here.get(name) != there.get(name)
    )


def _replace(channel: Path, made: Path) -> None:
    """Put the made subdirs in the place of the committed ones, all written before the first is moved."""
    with tempfile.TemporaryDirectory(dir=channel, prefix=".new-") as scratch:
        new, old = Path(scratch, "new"), Path(scratch, "old")
        old.mkdir()
        for subdir in (SUBDIR, _EMPTY_SUBDIR):
            (new / subdir).mkdir(parents=True)
            for path in sorted((made / subdir).glob("*")):
                if path.suffix in (".conda", ".json"):
                    shutil.copyfile(path, new / subdir / path.name)
        for subdir in (SUBDIR, _EMPTY_SUBDIR):
            _swap(new / subdir, channel / subdir, old / subdir)


def _swap(new: Path, place: Path, old: Path) -> None:
    """Move a folder into its place; what was there comes back where that fails."""
    if place.exists():
        place.rename(old)
    try:
        new.rename(place)
    except BaseException:
        if old.exists():
            old.rename(place)
        raise
