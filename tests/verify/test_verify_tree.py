from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable, Iterable

import pytest

from platform_images.verify.tree import read_tree
from platform_images.verify.values import Entry

Tar = Callable[..., bytes]
Pieces = Callable[[bytes], Iterable[bytes]]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_every_kind_of_name_is_read(tar: Tar, in_pieces: Pieces) -> None:
    data = tar(
        ("usr/", None, {"type": tarfile.DIRTYPE, "mode": 0o1777}),
        ("usr/x", "text", {"mode": 0o4755, "uid": 1, "gid": 2}),
        ("usr/y", None, {"type": tarfile.LNKTYPE, "linkname": "usr/x"}),
        ("usr/z", None, {"type": tarfile.SYMTYPE, "linkname": "../x", "mode": 0o777}),
        ("usr/p", None, {"type": tarfile.FIFOTYPE, "mode": 0o600}),
        ("opt/big", "0123456789" * 1000, {"mode": 0o644}),
    )
    tree = read_tree(in_pieces(data), say=lambda _: None)
    x = Entry("f", 0o4755, 1, 2, sha256("text"))
    assert tree.entries == {
        "usr": Entry("d", 0o1777, 0, 0),
        "usr/x": x,
        "usr/y": x,
        "usr/z": Entry("l", 0o777, 0, 0, "../x"),
        "usr/p": Entry("p", 0o600, 0, 0),
        "opt/big": Entry("f", 0o644, 0, 0, sha256("0123456789" * 1000)),
    }
    assert tree.md5["usr/y"] == tree.md5["usr/x"] == hashlib.md5(b"text").hexdigest()
    assert "opt/big" not in tree.md5


def test_only_records_are_kept(tar: Tar, in_pieces: Pieces) -> None:
    kept = [
        "opt/conda/conda-meta/python-3.json",
        "opt/conda/envs/new/lib/python3.13/site-packages/a-1.dist-info/RECORD",
        "opt/environments/record/manifest/root.jsonl",
        "opt/npm/node_modules/@scope/a/package.json",
        "var/lib/dpkg/info/libc6:amd64.md5sums",
    ]
    others = ["opt/conda/lib/python3.13/site-packages/a/RECORD", "opt/npm/node_modules/a/lib/package.json.js"]
    data = tar(*((name, name, {}) for name in (*kept, *others)))
    tree = read_tree(in_pieces(data), say=lambda _: None)
    assert tree.texts == {name: name.encode() for name in kept}
    assert tree.entries[kept[0]].value == sha256(kept[0])


def test_a_stream_that_ends_too_early_is_an_error(tar: Tar, in_pieces: Pieces) -> None:
    data = tar(("a", "text" * 1000, {}), ("b", "text" * 1000, {}))
    with pytest.raises(tarfile.TarError):
        read_tree(in_pieces(data[:3000]), say=lambda _: None)
