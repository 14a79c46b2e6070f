from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from platform_images.locks.values import RootSystem
from platform_images.model.environment import CondaRequest, Environment
from platform_images.model.files import KernelFile
from platform_images.verify.values import Entry

Lines = Callable[[dict[str, Entry]], bytes]
Tar = Callable[..., bytes]


@pytest.fixture
def lines() -> Lines:
    """``lines({path: entry})``: the text of a manifest."""

    def text(entries: dict[str, Entry]) -> bytes:
        rows = ([path, e.kind, f"{e.mode:o}", e.uid, e.gid, e.value] for path, e in sorted(entries.items()))
        return "".join(json.dumps(row) + "\n" for row in rows).encode()

    return text


@pytest.fixture
def tar() -> Tar:
    """``tar(("a/b", "text", {"mode": 0o755}), ...)``: a tar; without a text a member has no content."""

    def made(*rows: tuple[str, str | None, dict[str, object]]) -> bytes:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name, text, values in rows:
                member = tarfile.TarInfo(name)
                for key, value in values.items():
                    setattr(member, key, value)
                data = (text or "").encode()
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        return stream.getvalue()

    return made


@pytest.fixture
def in_pieces() -> Callable[[bytes], Iterable[bytes]]:
    """A stream as an engine gives it: in pieces of any length."""

    def pieces(data: bytes) -> Iterable[bytes]:
        return (data[start : start + 1000] for start in range(0, len(data), 1000))

    return pieces


def environment(name: str, *, scope: str = "small") -> Environment:
    return Environment(
        scope=scope,
        name=name,
        folder=Path(name),
        settings=KernelFile(display_name=name),
        conda=CondaRequest(python="3.13", channels=(), dependencies=("python=3.13",)),
        request_files=(),
        constraint_files=(),
    )


@pytest.fixture
def base() -> Environment:
    return environment("base", scope="common")


@pytest.fixture
def kernel() -> Environment:
    return environment("new")


@pytest.fixture
def locked_root() -> RootSystem:
    return RootSystem(provider="debootstrap", source="trixie", digest="sha256:1", epoch=1, glibc="2.41", packages=())
