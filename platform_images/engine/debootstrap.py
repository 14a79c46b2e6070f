"""A minimal Debian as one tar, made by mmdebstrap: the same bytes for the same packages, on every machine."""

from __future__ import annotations

import os
import re
import shlex
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from platform_images import process
from platform_images.engine.lockedarchive import locked_archive, source_line
from platform_images.errors import PrerequisiteError, ToolError
from platform_images.files import sha256_file
from platform_images.locks.values import DebPackage
from platform_images.machine import child_environment, one_at_a_time, which
from platform_images.solve.deb import parse_installed, parse_records
from platform_images.solve.mirror import Mirrors, own_mirrors
from platform_images.solve.solution import Say
from platform_images.usage import Kind, cache_folder, mark

LIMIT_SECONDS = 3600.0
_KEPT = 2
_NOTES = "/platform-images"
_SOURCES = "/etc/apt/sources.list"
_OTHER_WAY = 'platform.toml: [root] provider = "image"'
_NO_ANSWER = ("could not resolve", "could not connect", "connection", "timed out", "temporary failure")
_STEPS = ("downloading", "extracting", "installing", "creating")
# What the first step above the root would delete: a deletion in a layer has the time at which it was made.
_LEFT_BEHIND = (
    "etc/*-",
    "var/cache/apt/*",
    "var/cache/debconf/*-old",
    "var/lib/apt/lists/*",
    "var/lib/dpkg/*-old",
    "var/log/*",
)
_HANDED_ON = re.compile(r"^(HOME|PATH|TMPDIR|(https?|ftp|all|no)_proxy)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeRoot:
    """A root that was made.

    Attributes:
        tar: The file.
        digest: ``sha256:...`` of it.
        packages: What is in it, sorted.
        newest: When the newest of its packages was made, in seconds since 1970.
    """

    tar: Path
    digest: str
    packages: tuple[DebPackage, ...]
    newest: int


def cached_tar(digest: str) -> Path | None:
    """Return the root tar of this digest from this machine's cache, or None."""
    path = _tar_path(digest)
    if not path.is_file():
        return None
    mark(Kind.ROOTS, path.name)
    return path if f"sha256:{sha256_file(path)}" == digest else None


def make_root(
    suite: str,
    *,
    architecture: str,
    epoch: int,
    packages: Sequence[DebPackage] = (),
    snapshots: Sequence[str] = (),
    say: Say,
) -> MadeRoot:
    """Make a root from locked packages, or without any, or where some are not to be had, from what the archive has now.

    Args:
        suite: The Debian release.
        architecture: Debian's name of the architecture.
        epoch: No file is newer than this.
        packages: All that the root shall have.
        snapshots: Where they are once the mirrors have them no more.
        say: Told what is under way.

    Raises:
        PrerequisiteError: There is no mmdebstrap here.
        ToolError: It failed; carries its words.
    """
    program = which("mmdebstrap")
    if program is None:
        raise PrerequisiteError(
            "There is no mmdebstrap on this machine, which makes the root.",
            fix=f"apt-get install mmdebstrap (on Debian or Ubuntu), or {_OTHER_WAY}",
        )
    cache, mirrors = _cache(), replace(own_mirrors(suite), snapshots=tuple(snapshots))
    with (
        one_at_a_time(cache),
        tempfile.TemporaryDirectory(dir=cache, prefix=".new-") as name,
        locked_archive(packages, suite, architecture=architecture, mirrors=mirrors, say=say) as archive,
    ):
        folder = Path(name)
        argv = build_argv(program, suite, architecture=architecture, folder=folder, mirrors=mirrors, archive=archive)
        say(f"mmdebstrap makes a minimal Debian {suite}")
        try:
            process.run(argv, env=_environment(epoch), timeout=LIMIT_SECONDS, on_line=lambda line: _pass_on(line, say))
        except ToolError as error:
            raise _explained(error, suite) from error
        return _kept(folder)


def build_argv(
    program: str, suite: str, *, architecture: str, folder: Path, mirrors: Mirrors, archive: Path | None = None
) -> list[str]:
    """Return mmdebstrap's command line.

    Packages come from a folder that is an archive, or through the machine's own mirrors, while the root keeps the
    source list that mmdebstrap gives it: so the root is the same everywhere. What is in it is noted before the lists
    are deleted.
    """
    edits = mirrors.sed_script()
    setup = f'cp "$1{_SOURCES}" "$1{_SOURCES}.first"'
    if archive is not None:
        setup += f' && echo {shlex.quote(source_line(archive))} > "$1{_SOURCES}"'
    elif edits:
        setup += f' && sed -E -i {shlex.quote(edits)} "$1{_SOURCES}"'
    restore = (
        f"""sed -E 's/^(deb )\\[[^]]*\\] /\\1/' "$1{_SOURCES}.first" > "$1{_SOURCES}" && rm "$1{_SOURCES}.first\""""
    )
    notes = (
        f"mkdir {_NOTES} && dpkg-query -W -f '${{Package}}\\n' | xargs apt-cache show > {_NOTES}/records"
        f" && find /usr/share/doc -name 'changelog*' -type f -printf '%T@\\n' | sort -n | tail -n 1 > {_NOTES}/newest"
    )
    host = 'for f in hostname resolv.conf; do rm -f "$1/etc/$f"; : > "$1/etc/$f"; chmod 644 "$1/etc/$f"; done'
    left = "rm -rf " + " ".join(f'"$1"/{pattern}' for pattern in _LEFT_BEHIND)
    # mmdebstrap would empty apt's lists with this machine's apt, which gives their folder to a user of this machine, or
    # to root where that user cannot read TMPDIR.
    lists = (
        'install -m 0640 /dev/null "$1/var/lib/apt/lists/lock"'
        ' && chroot "$1" install -d -m 0700 -o _apt -g root /var/lib/apt/lists/partial'
    )
    hooks = [
        f'chroot "$1" sh -euc {shlex.quote(notes)}',
        *(f"download {_NOTES}/{each} {shlex.quote(str(folder / each))}" for each in ("records", "newest")),
        f'rm -r "$1{_NOTES}"',
        restore,
        host,
        left,
        lists,
    ]
    return [
        program,
        "--variant=minbase",
        "--format=tar",
        "--skip=cleanup/apt",
        f"--architectures={architecture}",
        f"--setup-hook={setup}",
        *(f"--customize-hook={hook}" for hook in hooks),
        suite,
        str(folder / "root.tar"),
    ]


def installed_packages(tar: Path) -> dict[str, str]:
    """Return name to version of what is installed in a root tar."""
    with tarfile.open(tar) as archive:
        member = archive.extractfile("./var/lib/dpkg/status")
        return parse_installed(member.read().decode("utf-8")) if member else {}


def _environment(epoch: int) -> dict[str, str]:
    """Return all that mmdebstrap sees of this machine's environment."""
    own = {name: value for name, value in child_environment().items() if _HANDED_ON.match(name)}
    return {**own, "LC_ALL": "C.UTF-8", "TZ": "UTC", "SOURCE_DATE_EPOCH": str(epoch)}


def _pass_on(line: str, say: Say) -> None:
    """Tell what mmdebstrap is doing."""
    told = line.removeprefix("I: ").split(" ", 1)[0]
    if line.startswith("I: ") and told in _STEPS:
        say(line.removeprefix("I: "))


def _kept(folder: Path) -> MadeRoot:
    """Move what was made to its place in the cache and return what it is."""
    made = folder / "root.tar"
    installed = installed_packages(made)
    packages = parse_records((folder / "records").read_text(encoding="utf-8"), installed=installed)
    missing = sorted(set(installed) - {package.name for package in packages})
    if missing or not packages:
        raise ToolError(
            "The archive gave no hashes for packages that were installed from it.",
            why=", ".join(missing),
            fix="run it again: a mirror may have been in the middle of an update",
        )
    digest = f"sha256:{sha256_file(made)}"
    newest = int(float((folder / "newest").read_text(encoding="ascii")))
    place = _tar_path(digest)
    made.replace(place)
    os.utime(place)
    _forget_old(place.parent)
    return MadeRoot(tar=place, digest=digest, packages=packages, newest=newest)


def _forget_old(cache: Path) -> None:
    """Delete all tars but the last few."""
    tars = sorted(cache.glob("*.tar"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in tars[_KEPT:]:
        path.unlink(missing_ok=True)


def _explained(error: ToolError, suite: str) -> ToolError:
    """Return mmdebstrap's failure with what to do about it."""
    said = (error.why or "").lower()
    fix = f"see what it says above; on a machine without a Debian mirror, use {_OTHER_WAY}"
    if "no space left" in said:
        fix = "free some space, or set TMPDIR and XDG_CACHE_HOME to folders that have it"
    elif any(words in said for words in _NO_ANSWER):
        fix = "see whether this machine reaches its Debian mirror: apt-get update"
    elif "release file" in said:
        fix = f"see whether {suite!r} is the name of a Debian release (platform.toml: [root] suite)"
    elif "no_pubkey" in said or "not signed" in said or "keyring" in said:
        fix = "apt-get install debian-archive-keyring"
    return ToolError(
        f"mmdebstrap could not make a minimal Debian {suite}.",
        why=error.why,
        fix=fix,
        argv=error.argv,
        returncode=error.returncode,
    )


def _tar_path(digest: str) -> Path:
    """Return a tar's place in the cache."""
    return _cache() / f"{digest.removeprefix('sha256:')}.tar"


def _cache() -> Path:
    """Return the folder of made roots, which is made where it is missing."""
    path = cache_folder() / Kind.ROOTS
    path.mkdir(parents=True, exist_ok=True)
    return path
