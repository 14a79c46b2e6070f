"""Downloads: a file by its hash, from the first place that has it, whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urlsplit

from platform_images.errors import MismatchError, ToolError
from platform_images.files import sha256_file
from platform_images.process import redacted

if TYPE_CHECKING:
    from requests import Response, Session

    from platform_images.site import SiteSettings

CONNECT_SECONDS, SILENT_SECONDS = 20.0, 60.0
ATTEMPTS = 3
_GONE = frozenset({404, 410})
_PARTIAL = 206
_CHUNK = 1 << 18
_FIX = "check the network and the proxy; invoke doctor shows what is set"
Count = Callable[[int], None]


class GoneError(ToolError):
    """Every place answered, and none has the file any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A file to have.

    Attributes:
        path: Its place below a folder.
        sha256: 64 hexadecimal digits.
        addresses: Where it is, the best first: ``http``, ``https`` or ``file``; they may carry a password.
        size: Bytes, where that is known.
    """

    path: str
    sha256: str
    addresses: tuple[str, ...] = field(repr=False)
    size: int | None = None


@dataclass(frozen=True, kw_only=True)
class Downloader:
    """Asks places with this machine's certificates, proxies and passwords; as a context, it ends its connections.

    Attributes:
        trust: The file of certificate authorities; those that come with the HTTP library without it.
        unchecked: Hosts whose certificate is not checked.
        passwords: Host to user and password, for addresses that carry none.
    """

    trust: Path | None = None
    unchecked: tuple[str, ...] = ()
    passwords: dict[str, tuple[str, str]] = field(default_factory=dict, repr=False)

    @cached_property
    def _session(self) -> Session:
        import requests

        return requests.Session()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connections that are kept open."""
        self._session.close()

    def file(self, item: Item, folder: Path, *, name: str = "", count: Count = lambda _: None) -> None:
        """Put a file in its place below a folder; what an earlier call has left unfinished is gone on with.

        Args:
            item: The file.
            folder: Where its path begins.
            name: What it is called in messages; its file name without it.
            count: Told of each number of bytes that have come.

        Raises:
            GoneError: Every place answers that it does not have it.
            MismatchError: A place gives other bytes under this name.
            ToolError: A place that might have it cannot be reached, or breaks off.
        """
        target = folder / item.path
        name = name or target.name
        partial = target.with_name(f".{target.name}.part")
        target.parent.mkdir(parents=True, exist_ok=True)
        reasons: list[str] = []
        gone = True
        for address in item.addresses:
            try:
                self._whole(address, item, partial, name=name, count=count)
            except GoneError as error:
                reasons.append(error.what)
            except ToolError as error:
                gone = False
                reasons.append(error.what)
            else:
                partial.chmod(0o644)
                partial.replace(target)
                return
        why = "\n".join(reasons) or "no place is known for it"
        if gone:
            raise GoneError(f"{name} is gone: no place has it any more.", why=why)
        raise ToolError(f"{name} cannot be fetched.", why=why, fix=_FIX)

    def read(self, address: str, *, accept: str = "") -> bytes:
        """Return what an address gives.

        Args:
            address: Where it is.
            accept: The kinds of content to ask for, the best first; it may then come compressed, too.

        Raises:
            GoneError: It answers that it has nothing.
            ToolError: It cannot be reached.
        """
        if address.startswith("file:"):
            return _local(address).read_bytes()
        headers = {"Accept": accept, "Accept-Encoding": "gzip"} if accept else {}
        with self._asked(address, headers=headers) as answer:
            return b"".join(_pieces(answer, address))

    def part(self, address: str, span: str) -> tuple[bytes, int]:
        """Return some bytes of a file, and its whole size.

        Args:
            address: Where it is.
            span: Which bytes, as HTTP writes it: ``0-99``, or ``-100`` for the last ones.

        Raises:
            GoneError: It answers that it has nothing, or no parts of what it has.
            ToolError: It cannot be reached.
        """
        if address.startswith("file:"):
            data = _local(address).read_bytes()
            first, _, last = span.partition("-")
            return (data[int(first) : int(last) + 1] if first else data[-int(last) :]), len(data)
        with self._asked(address, headers={"Range": f"bytes={span}"}) as answer:
            size = answer.headers.get("Content-Range", "").rpartition("/")[2]
            if answer.status_code != _PARTIAL or not size.isdigit():
                raise GoneError(f"{redacted(address)}: it gives no parts of a file")
            return b"".join(_pieces(answer, address)), int(size)

    def _whole(self, address: str, item: Item, partial: Path, *, name: str, count: Count) -> None:
        """Fetch a file, and once more from its beginning where what was there before does not fit."""
        begun = partial.is_file()
        self._receive(address, partial, count=count)
        found = sha256_file(partial)
        if begun and found != item.sha256:
            partial.unlink()
            self._receive(address, partial, count=count)
            found = sha256_file(partial)
        if found != item.sha256:
            partial.unlink()
            raise MismatchError(
                f"{name} has not the recorded content.",
                why=f"from {redacted(address)}\nexpected sha256 {item.sha256}\nfound sha256    {found}",
                fix="find out why it changed: nothing was taken from there",
            )

    def _receive(self, address: str, partial: Path, *, count: Count) -> None:
        """Add what is missing to a file, in some attempts."""
        import tenacity

        if address.startswith("file:"):
            shutil.copyfile(_local(address), partial)
            return
        for attempt in tenacity.Retrying(
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            wait=tenacity.wait_exponential(multiplier=0.5),
            retry=tenacity.retry_if_exception(lambda error: type(error) is ToolError),
            reraise=True,
        ):
            with attempt:
                self._add(address, partial, count=count)

    def _add(self, address: str, partial: Path, *, count: Count) -> None:
        """Add what comes to a file."""
        there = partial.stat().st_size if partial.is_file() else 0
        with (
            self._asked(address, start=there) as answer,
            partial.open("ab" if answer.status_code == _PARTIAL else "wb") as stream,
        ):
            for piece in _pieces(answer, address):
                stream.write(piece)
                count(len(piece))

    def _asked(self, address: str, *, start: int = 0, headers: Mapping[str, str] | None = None) -> Response:
        """Return an answer whose body has not been read.

        Raises:
            GoneError: There is nothing of that name.
            ToolError: There is no answer, or it is a refusal.
        """
        import requests

        host = urlsplit(address).hostname or ""
        try:
            answer = self._session.get(
                address,
                # the hash is that of the file as it lies there
                headers={"Accept-Encoding": "identity", **({"Range": f"bytes={start}-"} if start else headers or {})},
                stream=True,
                timeout=(CONNECT_SECONDS, SILENT_SECONDS),
                verify=self._verified(host),
                auth=self.passwords.get(host),
            )
        except requests.RequestException as error:
            raise ToolError(f"{redacted(address)}: {error}", fix=_FIX) from error
        if answer.ok:
            return answer
        answer.close()
        if start and answer.status_code == requests.codes.requested_range_not_satisfiable:
            return self._asked(address, start=0)
        if answer.status_code in _GONE:
            raise GoneError(f"{redacted(address)}: it answers {answer.status_code}")
        raise ToolError(f"{redacted(address)}: it answers {answer.status_code} {answer.reason}", fix=_FIX)

    def _verified(self, host: str) -> bool | str:
        """Return against what the certificate of a host is checked, as the HTTP library wants it."""
        if host in self.unchecked:
            return False
        return str(self.trust) if self.trust is not None else True


def downloader(site: SiteSettings) -> Downloader:
    """Return a downloader with a site's settings."""
    indexes = [urlsplit(url) for url in (site.index_url, *site.extra_index_urls) if url]
    return Downloader(
        trust=site.ca_bundle,
        unchecked=site.trusted_hosts,
        passwords={
            part.hostname: (unquote(part.username), unquote(part.password or ""))
            for part in indexes
            if part.hostname and part.username
        },
    )


def addresses(bases: Sequence[str | None], path: str) -> tuple[str, ...]:
    """Return where a path is below each of some bases; those that are None are left out."""
    return tuple(f"{base.rstrip('/')}/{path}" for base in bases if base)


def is_there(item: Item, folder: Path) -> bool:
    """Whether a file is in its place below a folder, with the right content."""
    path = folder / item.path
    return path.is_file() and sha256_file(path) == item.sha256


def _pieces(answer: Response, address: str) -> Iterable[bytes]:
    """Yield an answer's body.

    Raises:
        ToolError: It breaks off, or falls silent.
    """
    import requests

    expected, found = answer.headers.get("Content-Length"), 0
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        expected = None  # it is of what came, not of what that was made from
    try:
        for piece in answer.iter_content(_CHUNK):
            found += len(piece)
            yield piece
    except requests.RequestException as error:
        raise ToolError(f"{redacted(address)}: the answer broke off: {error}", fix=_FIX) from error
    if expected is not None and expected.isdigit() and found < int(expected):
        raise ToolError(f"{redacted(address)}: the answer broke off after {found} of {expected} bytes", fix=_FIX)


def _local(address: str) -> Path:
    """Return the path of a ``file`` address.

    Raises:
        GoneError: There is no such file.
    """
    path = Path(unquote(urlsplit(address).path))
    if not path.is_file():
        raise GoneError(f"{path} does not exist")
    return path
