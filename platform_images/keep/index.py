"""Asking the site's package indexes: a project's page, and the metadata of a locked release."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from platform_images import console
from platform_images.errors import MismatchError, ToolError
from platform_images.fetch import ATTEMPTS, Downloader, GoneError, downloader
from platform_images.files import sha256_bytes
from platform_images.keep import wheelpart
from platform_images.keep.bounds import requires
from platform_images.keep.releases import ACCEPT, File, PageError, page
from platform_images.keep.together import answers
from platform_images.model import Platform
from platform_images.process import redacted, run
from platform_images.site import site_settings
from platform_images.solve.hostenv import ca_bundle, host_environment
from platform_images.solve.uv import executable, uv_environment

if TYPE_CHECKING:
    from packaging.requirements import Requirement

AT_ONCE = 8
_NAMED = 5
_LINE_EVERY = 50
_OPTION = re.compile(r"^--(?:extra-)?index-url\s+(\S+)$", re.MULTILINE)
_FIX = "invoke doctor --network shows the index, proxy and certificate settings in use; then try again"
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Index:
    """The site's package indexes.

    Attributes:
        addresses: Where each begins.
        downloads: Asks them.
    """

    addresses: tuple[str, ...]
    downloads: Downloader

    def pages(self, names: Iterable[str]) -> dict[str, tuple[File, ...]]:
        """Return what all indexes have of each project, nothing of one that none of them knows.

        Raises:
            ToolError: One did not answer, or not as an index does.
        """
        return _each("the index", sorted(set(names)), self._page)

    def nothing_known(self, names: Iterable[str]) -> ToolError:
        """Return the error where no index has any of some packages that are locked: it is none, or another one."""
        asked = sorted(set(names))
        more = f" and {len(asked) - _NAMED} more" if len(asked) > _NAMED else ""
        return ToolError(
            "The package index does not answer as an index does: it has none of the locked packages.",
            why=f"{redacted(', '.join(self.addresses))} has not {', '.join(asked[:_NAMED])}{more}",
            fix="correct its address, which is set by UV_DEFAULT_INDEX or PIP_INDEX_URL, or in the configuration of uv "
            "or pip; invoke doctor --network shows it",
        )

    def requirements(self, files: Mapping[str, File | None]) -> dict[str, tuple[Requirement, ...]]:
        """Return what releases require, each by the name of its package; those of which nobody can tell are left out.

        Raises:
            MismatchError: Metadata have not the hash that the index gives for them.
            ToolError: The index did not answer.
        """
        found = _each("metadata", sorted(files), lambda name: self._metadata(files[name]))
        return {name: requires(data) for name, data in found.items() if data is not None}

    def _page(self, name: str) -> tuple[File, ...]:
        """Return one project's files of all indexes."""
        found: list[File] = []
        for base in self.addresses:
            address = f"{base.rstrip('/')}/{name}/"
            try:
                local = f"{address}index.html" if address.startswith("file:") else address
                found += page(_again(partial(self.downloads.read, local, accept=ACCEPT)), address)
            except GoneError:
                continue
            except ToolError as error:
                fix = f"{_FIX}; invoke why --offline shows what the lock has"
                raise ToolError("The package index does not answer.", why=error.what, fix=fix) from error
            except PageError as error:
                raise ToolError(
                    f"The package index does not answer as an index does, about {name}.",
                    why=f"{redacted(address)}: {error}",
                    fix=_FIX,
                ) from error
        return tuple(found)

    def _metadata(self, file: File | None) -> bytes | None:
        """Return a release's metadata: a file of the index, or else a part of a wheel."""
        if file is None:
            return None
        try:
            if file.metadata is not None:
                data = _again(lambda: self.downloads.read(f"{file.address}.metadata"))
                _check(data, file.metadata, f"{file.filename}.metadata", file.address)
                return data
        except GoneError:
            pass
        return self._part_of(file) if file.wheel else None

    def _part_of(self, file: File) -> bytes | None:
        """Return the metadata in a wheel, which is not fetched as a whole."""

        def part(begin: int, end: int) -> bytes:
            return _again(lambda: self.downloads.part(file.address, f"{begin}-{end - 1}"))[0]

        try:
            tail, size = _again(lambda: self.downloads.part(file.address, f"-{wheelpart.TAIL}"))
            if len(tail) == size:
                _check(tail, file.sha256, file.filename, file.address)
            return wheelpart.metadata(tail, size, part)
        except GoneError:
            return None


@contextmanager
def site_index(platform: Platform) -> Iterator[Index]:
    """Give the indexes that solvers on this machine ask.

    Raises:
        UsageError: A certificate file that somebody has named does not exist.
    """
    site = site_settings(ca_bundle=ca_bundle(platform))
    with downloader(site) as downloads:
        yield Index(addresses=index_addresses(host_environment(platform)), downloads=downloads)


def index_addresses(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return where uv would ask: it knows the settings, and the public index where none is set."""
    words = ["pip", "compile", "-", "--emit-index-url", "--no-header", "--offline", "--no-config", "--quiet"]
    words += ["--python", sys.executable]
    done = run([executable(), *words], env=uv_environment(env), timeout=60)
    return tuple(dict.fromkeys(_OPTION.findall(done.stdout)))


def _each(what: str, names: Sequence[str], ask: Callable[[str], T]) -> dict[str, T]:
    """Ask about several things at a time, with a bar or some lines; the first failure ends it."""
    if not names:
        return {}
    found = {}
    with _counted(what, len(names)) as count:
        for name, answer in answers(names, ask, at_once=AT_ONCE):
            found[name] = answer
            count()
    return found


@contextmanager
def _counted(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Give what is to be told that one more is done."""
    if not console.stderr().is_terminal:
        if total >= _LINE_EVERY:
            console.say(f"  {what}: {total} packages")
        yield lambda: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console.stderr(), transient=True) as bars:
        task = bars.add_task(what, total=total)
        yield lambda: bars.advance(task)


def _again(ask: Callable[[], T]) -> T:
    """Ask once more where a server did not answer; what is not there is not looked for again."""
    import tenacity

    return tenacity.Retrying(
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_exponential(multiplier=0.5),
        retry=tenacity.retry_if_exception(lambda error: type(error) is ToolError),
        reraise=True,
    )(ask)


def _check(data: bytes, expected: str, name: str, address: str) -> None:
    """Compare with the hash that the index gives, where it gives one.

    Raises:
        MismatchError: It is another.
    """
    if expected and sha256_bytes(data) != expected:
        raise MismatchError(
            f"{name} has not the content that the index says.",
            why=f"from {redacted(address)}\nexpected sha256 {expected}\nfound sha256    {sha256_bytes(data)}",
            fix="find out why the index and its files differ: nothing was taken from there",
        )
