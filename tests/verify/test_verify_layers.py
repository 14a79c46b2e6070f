from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterable

from platform_images.verify.layers import LayerEntry, is_deletion, read_layers

Tar = Callable[..., bytes]
Pieces = Callable[[bytes], Iterable[bytes]]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def saved(*files: tuple[str, bytes]) -> bytes:
    """What ``docker save`` gives: a tar of layers and JSON."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def one_layer(tar: Tar) -> bytes:
    return tar(
        ("a/", None, {"type": tarfile.DIRTYPE, "mode": 0o755, "mtime": 5}),
        ("a/b", "text", {"mode": 0o4755, "mtime": 7, "pax_headers": {"SCHILY.xattr.user.x": "y"}}),
        ("a/c", None, {"type": tarfile.LNKTYPE, "linkname": "a/b", "mtime": 7}),
        ("a/.wh.d", "", {"mode": 0, "mtime": 9}),
    )


EXPECTED = {
    "a": LayerEntry("d", 0o755, 0, 0, 0, 5.0),
    "a/b": LayerEntry("f", 0o4755, 0, 0, 4, 7.0, digest(b"text"), (("SCHILY.xattr.user.x", "y"),)),
    "a/c": LayerEntry("h", 0o644, 0, 0, 0, 7.0, "a/b"),
    "a/.wh.d": LayerEntry("f", 0, 0, 0, 0, 9.0, digest(b"")),
}


def test_only_the_wanted_layers_are_read(tar: Tar, in_pieces: Pieces) -> None:
    wanted, other = one_layer(tar), tar(("z", "z", {}))
    stream = saved(
        (f"blobs/sha256/{digest(other)}", other),
        (f"blobs/sha256/{digest(wanted)}", wanted),
        (f"blobs/sha256/{digest(b'{}')}", b"{}"),
        ("manifest.json", json.dumps([{"Layers": []}]).encode()),
    )
    name = f"sha256:{digest(wanted)}"
    found = read_layers(in_pieces(stream), wanted=frozenset({name}), say=lambda _: None)
    assert found == {name: EXPECTED}


def test_compressed_layers_and_those_of_older_engines_are_known_by_what_they_hold(tar: Tar, in_pieces: Pieces) -> None:
    first, second = one_layer(tar), tar(("z", "z" * 5000, {}))
    packed = gzip.compress(first)
    stream = saved((f"blobs/sha256/{digest(packed)}", packed), ("0123/layer.tar", second), ("0123/json", b"{}"))
    wanted = frozenset({f"sha256:{digest(first)}", f"sha256:{digest(second)}"})
    found = read_layers(in_pieces(stream), wanted=wanted, say=lambda _: None)
    assert set(found) == wanted
    assert found[f"sha256:{digest(first)}"] == EXPECTED


def test_a_digest_is_over_what_comes_after_the_last_member_too(tar: Tar, in_pieces: Pieces) -> None:
    padded = one_layer(tar) + bytes(3 << 20)
    stream = saved(("0123/layer.tar", padded))
    name = f"sha256:{digest(padded)}"
    assert read_layers(in_pieces(stream), wanted=frozenset({name}), say=lambda _: None) == {name: EXPECTED}


def test_deletions_are_known_by_their_names() -> None:
    assert is_deletion("a/.wh.b")
    assert is_deletion(".wh..wh..opq")
    assert not is_deletion("a.wh.b/c")
