"""patch_pip.py GID PREFIX LOCK PATCH [NAME=VALUE ...]: change some packages of the pip part of an environment in place.

LOCK is a folder as plan_pip.py takes it, with only the packages that come. PATCH is JSON: "remove", the normalised
names of the distributions that are changed or go, and "install", the names of those that come. What comes is laid out
beside with the code of the full build, so that afterwards each file is what a full build has there, its bytecode too.
A file that is so already stays as it is, so that the layer is thin.

Of distributions that bring a file of the same name the last by name wins, and the pip part before the conda part. The
content of those that do not win is not in the image: where it would be needed, nothing but a full build has it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple, NoReturn

import install_group  # type: ignore[import-not-found,unused-ignore]  # these lie beside this file in a build step
import manifest  # type: ignore[import-not-found,unused-ignore]
import plan_pip  # type: ignore[import-not-found,unused-ignore]
from pip_part import CACHE  # type: ignore[import-not-found,unused-ignore]

INSTALLER = "uv"
"""Who has installed the pip part; the distributions of conda packages say something else."""
PATCH, REST = "patch", "rest"
CONDA = "conda-meta/platform-images.jsonl"
RECORDS = Path("/opt/environments/record/manifest")
ABOVE = ("mission.jsonl", "files.jsonl")
"""Manifests of the layers above those of the packages."""
NOT_OURS = ("..", "conda-meta", "envs")
BYTECODE = re.compile(r"(?P<module>.+)\.(?!opt-)[^.]+(?:\.opt-[^.]+)?\.pyc")
HASHES = ("sha256", "sha384", "sha512")

Claims = Mapping[str, Mapping[str, str]]
Listed = Mapping[str, list[object]]
"""Lines of manifests without the path, by the path below the prefix."""


class Heir(NamedTuple):
    """Who had brought a file and who has the last word about it now, with the hash that its RECORD has."""

    before: str
    now: str
    digest: str


def main(gid: int, prefix: Path, lock: Path, patch: Path, variables: list[str]) -> None:
    """Look, lay out beside, and change."""
    wanted = json.loads(patch.read_text(encoding="utf-8"))
    removed, added = frozenset(wanted["remove"]), frozenset(wanted["install"])
    found = plan_pip.claims(prefix, installer=INSTALLER)
    check_names(owners(found), removed, added)
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="patch-", dir=CACHE) as name:
        folder = Path(name)
        place, home = folder / "prefix", folder / "home"
        place.mkdir()
        home.mkdir()
        # This step is the image's own: what a build from source leaves in a home would be in its layer.
        variables = [f"HOME={home}", f"TMPDIR={home}", *variables]
        if added:
            lay_beside(prefix, place, lock, folder / "plan", variables, rest=without(found, removed), added=added)
        install_group.own(place, gid)
        change(prefix, place, found, removed)


def check_names(there: Collection[str], removed: frozenset[str], added: frozenset[str]) -> None:
    """See that what is to be changed is there, and that nothing would be there twice."""
    if missing := removed.difference(there):
        sys.exit(f"these packages are to be changed, and the pip part does not have them: {', '.join(sorted(missing))}")
    if twice := added.difference(removed).intersection(there):
        sys.exit(f"these packages are to come, and the pip part has them already: {', '.join(sorted(twice))}")


def lay_beside(
    prefix: Path,
    place: Path,
    lock: Path,
    plan: Path,
    variables: list[str],
    *,
    rest: Claims,
    added: frozenset[str],
) -> None:
    """Lay out the packages that come as a layer of a full build, of which all others are another layer."""
    coming = plan_pip.fetched(prefix, lock, variables, whole=False)
    if owners(coming) != added:
        sys.exit(f"the lock has {', '.join(sorted(owners(coming)))}, and to come are {', '.join(sorted(added))}")
    everything = {path: {**rest.get(path, {}), **coming.get(path, {})} for path in {*rest, *coming}}
    layers = dict.fromkeys(owners(rest), REST) | dict.fromkeys(added, PATCH)
    plan_pip.write(plan, everything, layers, PATCH)
    install_group.install(prefix, place, lock, plan, variables)


def change(prefix: Path, place: Path, found: Claims, removed: frozenset[str]) -> None:
    """Remove what the old packages had, and lay what the new ones have."""
    laid = frozenset(files(place))
    below = listed((prefix / CONDA,), prefix)
    above = listed((RECORDS / name for name in ABOVE), prefix)
    left = {path for path in leaving(found, removed) if is_plain(prefix, path)} - {*laid, *above}
    others = {path: heir for path, heir in heirs(found, removed).items() if path not in laid and path not in above}
    check_heirs(prefix, others, left, below)
    rest = without(found, removed)
    gone = left.difference(below)
    gone |= set(bytecode(prefix, gone | laid)).difference(laid, rest, above)
    number = sum(remove(prefix / path) for path in sorted(gone))
    remove_empty(prefix, gone, {*below, *above})
    new = lay(place, prefix, above, int(os.environ["SOURCE_DATE_EPOCH"]))
    print(f"{number} files removed, {new} laid, {len(laid) - new} as they were")  # noqa: T201


def owners(found: Claims) -> set[str]:
    """Return the distributions that list something."""
    return {name for each in found.values() for name in each}


def without(found: Claims, removed: Collection[str]) -> Claims:
    """Return what the remaining distributions list."""
    rest = {path: {name: each[name] for name in each if name not in removed} for path, each in found.items()}
    return {path: each for path, each in rest.items() if each}


def leaving(found: Claims, removed: frozenset[str]) -> set[str]:
    """Return what no distribution lists any more; never what is outside, or of conda's or other environments."""
    return {path for path, each in found.items() if removed.issuperset(each) and is_ours(path)}


def is_ours(path: str) -> bool:
    """Whether a path below the prefix, as a RECORD may name it, can be that of a package's file."""
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and parts[0] not in NOT_OURS


def is_plain(prefix: Path, path: str) -> bool:
    """Whether no folder that a path is in is a link, to somewhere else."""
    return not any((prefix / folder).is_symlink() for folder in list(PurePosixPath(path).parents)[:-1])


def heirs(found: Claims, removed: frozenset[str]) -> dict[str, Heir]:
    """Return the files of removed distributions of which a remaining one now has the last word."""
    heired = {}
    for path, each in found.items():
        before, now = max(each), max((name for name in each if name not in removed), default=None)
        if now is not None and before in removed and is_ours(path):
            heired[path] = Heir(before, now, each[now])
    return heired


def check_heirs(prefix: Path, others: Mapping[str, Heir], left: Collection[str], below: Listed) -> None:
    """See that what stays is what those have who have the last word now."""
    for path, heir in sorted(others.items()):
        if not has_digest(prefix / path, heir.digest):
            fail_shared(path, heir.before, heir.now)
    for path in sorted(set(left).intersection(below)):
        if as_listed(prefix / path) != below[path]:
            fail_shared(path, "a package that goes", "the conda part")


def has_digest(path: Path, digest: str) -> bool:
    """Whether a file's content has a RECORD's hash; it has not where that has none."""
    name, _, value = digest.partition("=")
    if path.is_symlink() or not path.is_file() or name not in HASHES:
        return False
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, name).digest()
    return base64.urlsafe_b64encode(found).rstrip(b"=").decode() == value.rstrip("=")


def fail_shared(path: str, before: str, now: str) -> NoReturn:
    """End with words for a person."""
    sys.exit(
        f"these packages share files: a full build is needed\n  {path}\n"
        f"  the image has it as {before} brings it, and without that as {now} brings it"
    )


def listed(paths: Iterable[Path], prefix: Path) -> Listed:
    """Return what manifests have of what is below the prefix."""
    top = f"{prefix}/".lstrip("/")
    lines = (json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines())
    return {name.removeprefix(top): rest for name, *rest in lines if name.startswith(top)}


def as_listed(path: Path) -> list[object]:
    """Return a manifest's line of what is there, without the path."""
    return list(json.loads(manifest.line(path, ""))[1:]) if os.path.lexists(path) else []


def files(top: Path) -> Iterator[str]:
    """Yield the path of all that is below a folder and no folder itself."""
    for entry in manifest.below(str(top), frozenset()):
        if not entry.is_dir(follow_symlinks=False):
            yield os.path.relpath(entry.path, top)


def bytecode(prefix: Path, paths: Iterable[str]) -> Iterator[str]:
    """Yield the bytecode that is there of the modules among some paths."""
    modules = {path for path in paths if path.endswith(".py")}
    for folder in sorted({os.path.dirname(path) for path in modules}):  # noqa: PTH120 - below the prefix, as text
        cache = f"{folder}/__pycache__".lstrip("/")
        if not is_plain(prefix, f"{cache}/any") or not (prefix / cache).is_dir():
            continue
        for name in sorted(os.listdir(prefix / cache)):  # noqa: PTH208 - names, not paths
            made = BYTECODE.fullmatch(name)
            if made and f"{folder}/{made['module']}.py".lstrip("/") in modules:
                yield f"{cache}/{name}"


def remove(path: Path) -> bool:
    """Remove a file or a link; whether there was one."""
    if path.is_dir() and not path.is_symlink():
        return False
    there = os.path.lexists(path)
    path.unlink(missing_ok=True)
    return there


def remove_empty(prefix: Path, gone: Iterable[str], kept: Collection[str]) -> None:
    """Remove the folders in which files were and nothing is, the deepest first; not those that another layer has."""
    folders = {str(folder) for path in gone for folder in PurePosixPath(path).parents} - {"."}
    for name in sorted(folders, key=lambda name: (-name.count("/"), name)):
        folder = prefix / name
        if name not in kept and folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
            folder.rmdir()


def lay(place: Path, prefix: Path, above: Collection[str], epoch: int) -> int:
    """Lay a tree over the prefix, but for what a layer above has anyway; return how many files were not there so."""
    new = 0
    for entry in manifest.below(str(place), frozenset()):
        path = os.path.relpath(entry.path, place)
        source, target = Path(entry.path), prefix / path
        if entry.is_dir(follow_symlinks=False):
            lay_folder(source, target)
        elif path not in above and not alike(source, target):
            lay_file(source, target, epoch)
            new += 1
    return new


def lay_folder(source: Path, target: Path) -> None:
    """Make a folder where there is none."""
    if target.is_dir() and not target.is_symlink():
        return
    if os.path.lexists(target):
        sys.exit(f"{target} is to be a folder, and something else is there: a full build is needed")
    target.mkdir()
    attribute(source.lstat(), target)


def lay_file(source: Path, target: Path, epoch: int) -> None:
    """Lay a file or a link; what is there may be another environment's as well, so nothing is written into it."""
    if target.is_dir() and not target.is_symlink():
        sys.exit(f"{target} is to be a file, and a folder is there: a full build is needed")
    target.unlink(missing_ok=True)
    if source.is_symlink():
        target.symlink_to(source.readlink())
    else:
        shutil.copyfile(source, target)
    attribute(source.lstat(), target)
    os.utime(target, (epoch, epoch), follow_symlinks=False)


def attribute(found: os.stat_result, target: Path) -> None:
    """Give owner and permissions."""
    os.chown(target, found.st_uid, found.st_gid, follow_symlinks=False)
    if not stat.S_ISLNK(found.st_mode):
        target.chmod(stat.S_IMODE(found.st_mode))


def alike(source: Path, target: Path) -> bool:
    """Whether a file is there already, with the same owner, permissions and content."""
    return os.path.lexists(target) and as_listed(source) == as_listed(target)


if __name__ == "__main__":
    os.umask(0o022)
    main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]), sys.argv[5:])
