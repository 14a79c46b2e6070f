"""A saved image: one file for one image, whoever wrote it, and every change of it found by the image's id."""

from __future__ import annotations

import gzip
import json
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from platform_images.engine.imagearchive import ArchiveError, check_archive, image_layers, read_id, write_archive
from platform_images.files import sha256_bytes

NAME = "platform-images/root:0123456789ab"
FIRST, SECOND = b"one".ljust(10240, b"\0"), b"two".ljust(20480, b"\0")


def tar(*files: tuple[str, bytes], links: dict[str, str] | None = None, time: int = 0) -> bytes:
    stream = BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(data), time
            archive.addfile(member, BytesIO(data))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    return stream.getvalue()


def digest(data: bytes) -> str:
    return f"sha256:{sha256_bytes(data)}"


def config(*layers: bytes) -> bytes:
    return json.dumps({"os": "linux", "rootfs": {"type": "layers", "diff_ids": [digest(e) for e in layers]}}).encode()


def listed(name: str, *layers: str) -> tuple[str, bytes]:
    return "manifest.json", json.dumps([{"Config": name, "RepoTags": None, "Layers": layers}]).encode()


CONFIG = config(FIRST, SECOND, FIRST)
ID = digest(CONFIG)


def old_engine() -> bytes:
    """As engines before 25 write it: a layer that comes twice is a link."""
    return tar(
        ("c.json", CONFIG),
        ("a/layer.tar", FIRST),
        ("b/layer.tar", SECOND),
        listed("c.json", "a/layer.tar", "b/layer.tar", "c/layer.tar"),
        links={"c/layer.tar": "../a/layer.tar"},
        time=7,
    )


def new_engine(pack: Callable[[bytes], bytes] = bytes) -> bytes:
    """As later engines write it: an OCI layout, with containerd's store of compressed layers."""
    blobs = [f"blobs/sha256/{sha256_bytes(pack(each))}" for each in (FIRST, SECOND)]
    return tar(
        (blobs[0], pack(FIRST)),
        (blobs[1], pack(SECOND)),
        (f"blobs/sha256/{ID[7:]}", CONFIG),
        ("index.json", b"{}"),
        listed(f"blobs/sha256/{ID[7:]}", *blobs, blobs[0]),
        time=9,
    )


def kept(saved: bytes, *, image_id: str = ID) -> bytes:
    target = BytesIO()
    write_archive(BytesIO(saved), target, image_id=image_id, reference=NAME)
    return target.getvalue()


@pytest.fixture
def place(tmp_path: Path) -> Callable[[bytes], Path]:
    def put(data: bytes) -> Path:
        path = tmp_path / "image.tar"
        path.write_bytes(data)
        return path

    return put


def refused(path: Path, *, image_id: str = ID, name: str = NAME) -> ArchiveError:
    with pytest.raises(ArchiveError) as caught:
        check_archive(path, image_id=image_id, reference=name)
    return caught.value


def test_every_engine_s_tar_gives_the_same_file(place: Callable[[bytes], Path]) -> None:
    files = {kept(saved) for saved in (old_engine(), new_engine(), new_engine(gzip.compress))}
    assert len(files) == 1
    check_archive(place(files.pop()), image_id=ID, reference=NAME)


def test_it_holds_each_layer_once_and_nothing_that_is_not_of_the_image() -> None:
    with tarfile.open(fileobj=BytesIO(kept(new_engine()))) as archive:
        assert archive.getnames() == [
            "manifest.json",
            f"{ID[7:]}.json",
            f"{sha256_bytes(FIRST)}.tar",
            f"{sha256_bytes(SECOND)}.tar",
        ]
        assert {(each.mtime, each.uid, each.uname) for each in archive} == {(0, 0, "")}
        stream = archive.extractfile("manifest.json")
        assert stream is not None
        (image,) = json.load(stream)
    assert image["RepoTags"] == [NAME]
    assert [name[:64] for name in image["Layers"]] == [sha256_bytes(each) for each in (FIRST, SECOND, FIRST)]


def test_an_image_is_known_by_its_configuration() -> None:
    assert read_id(BytesIO(old_engine())) == read_id(BytesIO(new_engine(gzip.compress))) == ID


@pytest.mark.parametrize("pack", [bytes, lambda data: gzip.compress(data, mtime=0)])
def test_layers_are_read_one_by_one_as_they_are_kept(pack: Callable[[bytes], bytes]) -> None:
    """One that comes twice is read twice: an engine is told of each in its place."""
    found = [(stream.read(), size) for stream, size in image_layers(BytesIO(new_engine(pack)))]
    packed = [pack(each) for each in (FIRST, SECOND, FIRST)]
    assert [content for content, _ in found] == packed
    assert [size for _, size in found] == [len(each) for each in packed]
    if pack is bytes:
        assert found == [(stream.read(), size) for stream, size in image_layers(BytesIO(old_engine()))]


def test_a_tar_without_an_image_has_no_layers() -> None:
    with pytest.raises(ArchiveError):
        list(image_layers(BytesIO(tar(("x", b"1")))))
    with pytest.raises(ArchiveError, match="number of layers"):
        list(image_layers(BytesIO(tar(("c.json", CONFIG), ("l", FIRST), listed("c.json", "l")))))


def test_another_image_than_the_expected_one_is_not_written() -> None:
    with pytest.raises(ArchiveError) as caught:
        kept(old_engine(), image_id=digest(b"other"))
    assert (caught.value.part, caught.value.expected, caught.value.found) == ("image", digest(b"other"), ID)


def test_a_layer_that_is_not_the_one_of_the_configuration_is_not_written() -> None:
    saved = tar(("c.json", config(FIRST)), ("l", SECOND), listed("c.json", "l"))
    with pytest.raises(ArchiveError) as caught:
        kept(saved, image_id=digest(config(FIRST)))
    assert caught.value.part == f"layer {digest(FIRST)}"
    assert caught.value.found == digest(SECOND)


def test_a_way_of_compressing_that_is_not_known_is_named() -> None:
    saved = tar(("c.json", config(FIRST)), ("l", b"\x28\xb5\x2f\xfd rest"), listed("c.json", "l"))
    with pytest.raises(ArchiveError, match="zstd"):
        kept(saved, image_id=digest(config(FIRST)))


def test_a_changed_byte_of_a_layer_is_found(place: Callable[[bytes], Path]) -> None:
    data = kept(old_engine())
    changed = data.replace(b"two\0", b"twO\0")
    error = refused(place(changed))
    assert (error.part, error.expected) == (f"layer {digest(SECOND)}", digest(SECOND))
    assert error.found == digest(SECOND.replace(b"two", b"twO"))


def test_a_changed_configuration_is_another_image(place: Callable[[bytes], Path]) -> None:
    error = refused(place(kept(old_engine()).replace(b'"linux"', b'"Linux"')))
    assert (error.part, error.expected) == ("image", ID)
    assert error.found == digest(CONFIG.replace(b"linux", b"Linux"))


def test_another_image_with_all_in_order_is_refused_by_its_id(place: Callable[[bytes], Path]) -> None:
    other = config(SECOND)
    saved = tar(("c.json", other), ("l", SECOND), listed("c.json", "l"))
    error = refused(place(kept(saved, image_id=digest(other))))
    assert (error.part, error.expected, error.found) == ("image", ID, digest(other))


def test_what_an_engine_might_read_in_place_of_what_was_checked_is_refused(place: Callable[[bytes], Path]) -> None:
    with tarfile.open(fileobj=BytesIO(kept(old_engine()))) as archive:
        files = [(each.name, (archive.extractfile(each) or BytesIO()).read()) for each in archive]
    more = refused(place(tar(*files, ("index.json", b"{}"))))
    assert (more.part, "index.json" in more.found) == ("files", True)
    assert refused(place(tar(*files, files[0]))).part == "files"
    assert refused(place(tar(*files)), name="platform-images/root:other").part == "manifest.json"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no tar at all" * 1000,
        tar(("x", b"1")),
        tar(("manifest.json", b"no json")),
        tar(("manifest.json", b"{}")),
        tar(("manifest.json", b"[3]")),
        tar(listed("c.json")),
        tar(("c.json", b'{"rootfs": null}'), listed("c.json")),
        tar(("c.json", CONFIG), listed("c.json", "l")),
        kept(old_engine())[:15000],
    ],
)
def test_what_is_no_image_is_refused_and_nothing_else_happens(data: bytes, place: Callable[[bytes], Path]) -> None:
    assert refused(place(data)).found


def test_more_than_one_image_is_refused() -> None:
    two = json.dumps([{}, {}]).encode()
    with pytest.raises(ArchiveError, match="one image"):
        read_id(BytesIO(tar(("manifest.json", two))))
