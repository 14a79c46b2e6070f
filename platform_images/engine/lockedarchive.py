"""A small Debian archive of exactly the locked packages, from which the same root is made when the mirrors moved on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from platform_images import process, temporary
from platform_images.fetch import GoneError, Item, addresses, downloader
from platform_images.files import sha256_bytes
from platform_images.locks.values import DebPackage
from platform_images.site import site_settings
from platform_images.solve.mirror import Mirrors
from platform_images.solve.solution import Say

_LIMIT_SECONDS = 1800.0
_SHOWN = 5


@contextmanager
def locked_archive(
    packages: Sequence[DebPackage], suite: str, *, architecture: str, mirrors: Mirrors, say: Say
) -> Iterator[Path | None]:
    """Give a folder that apt reads as an archive of these packages, or None without any, or where not all can be had.

    The folder is gone afterwards. Other users can read it, as apt fetches with fewer rights than it was started with.

    Args:
        packages: What the archive has; each is fetched by its path and checked by its hash.
        suite: The release's code name, by which mmdebstrap finds its essential packages.
        architecture: Debian's name of the architecture.
        mirrors: Where the packages are: the machine's own mirrors, then snapshots.
        say: Told what is missing.

    Raises:
        MismatchError: A place has another content under a package's path.
        ToolError: A place cannot be reached, or a package is not one that dpkg-deb can read.
    """
    if not packages:
        yield None
        return
    with temporary.folder(temporary.Role.ROOT) as folder:
        folder.chmod(0o755)
        missing = fetch(packages, folder, mirrors)
        if missing:
            shown = ", ".join(f"{each.name} {each.version}" for each in missing[:_SHOWN])
            more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
            say(f"the mirrors do not have {shown}{more}; the root is made from what they have now")
            yield None
        else:
            write_index(folder, packages, suite, architecture=architecture)
            yield folder


def source_line(folder: Path) -> str:
    """Return the line for apt's source list."""
    return f"deb [trusted=yes] copy:{quote(str(folder))} ./"


def fetch(packages: Sequence[DebPackage], folder: Path, mirrors: Mirrors) -> tuple[DebPackage, ...]:
    """Download packages to their paths below a folder, from the first place that has each; return those that none has.

    Raises:
        MismatchError: A place has another content under a package's path.
        ToolError: A place that might have one cannot be reached.
    """
    missing = []
    with downloader(site_settings()) as downloads:
        for each in packages:
            places = addresses(mirrors.places, each.path)
            item = Item(path=each.path, sha256=each.sha256, addresses=places, size=each.size)
            try:
                downloads.file(item, folder)
            except GoneError:
                missing.append(each)
    return tuple(missing)


def write_index(folder: Path, packages: Sequence[DebPackage], suite: str, *, architecture: str) -> None:
    """Write ``Packages`` and ``Release`` (Debian's repository format, flat) for packages that lie below a folder."""
    stanzas = []
    for each in sorted(packages, key=lambda package: package.path):
        control = process.run(["dpkg-deb", "--field", str(folder / each.path)], timeout=_LIMIT_SECONDS).stdout.rstrip()
        size = (folder / each.path).stat().st_size
        stanzas.append(f"{control}\nFilename: {each.path}\nSize: {size}\nSHA256: {each.sha256}\n")
    text = "\n".join(stanzas)
    (folder / "Packages").write_text(text, encoding="utf-8")
    data = text.encode("utf-8")
    (folder / "Release").write_text(
        f"Origin: Debian\nCodename: {suite}\nArchitectures: {architecture}\n"
        f"Date: Thu, 01 Jan 1970 00:00:00 UTC\nSHA256:\n {sha256_bytes(data)} {len(data)} Packages\n",
        encoding="utf-8",
    )
