"""layer.py: the tar file of a layer depends on the tree and the deletions alone, and tells all about them."""

from __future__ import annotations

import importlib.util
import io
import os
import stat
import tarfile
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from platform_images.compose.sources import PROGRAMS

EPOCH = 1700000000
CAPABILITY = b"\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\xff\xfe\x00\x00\x00\x00\x00\x00"
FILES = ("usr/bin/tool", "usr/bin/other", "usr/bin-more/x", "etc/a", "etc/.hidden", "usr/läng" + "e" * 120)


@pytest.fixture
def layer(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
    spec = importlib.util.spec_from_file_location("inside_layer", PROGRAMS / "layer.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made(tree: Path, files: Sequence[str] = FILES) -> Path:
    """Make a tree with something of each kind, in the order of the files."""
    for name in files:
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        path.chmod(0o4755 if name.endswith("tool") else 0o640)
    (tree / "etc/empty").mkdir()
    os.link(tree / "usr/bin/tool", tree / "usr/zzz")
    (tree / "usr/bin/link").symlink_to("../nowhere")
    (tree / "usr/folder").symlink_to("bin")
    os.mkfifo(tree / "usr/pipe", 0o600)
    os.setxattr(tree / "etc/a", "user.one", b"text")
    os.setxattr(tree / "etc/a", "user.bytes", CAPABILITY)
    os.setxattr(tree / "etc/empty", "user.folder", b"\x00")
    for number, path in enumerate(sorted(tree.rglob("*"), reverse=True)):
        os.utime(path, ns=((EPOCH - number) * 10**9 + 5,) * 2, follow_symlinks=False)
    return tree


def written(layer: ModuleType, tree: Path, *deleted: str) -> tarfile.TarFile:
    """Write a layer, and open it."""
    listed, out = tree.parent / "paths", tree.parent / "out/layer.tar"
    listed.write_bytes(b"".join(os.fsencode(path) + b"\0" for path in deleted))
    layer.main(tree, listed, out)
    return tarfile.open(fileobj=io.BytesIO(out.read_bytes()))


def content(archive: tarfile.TarFile) -> bytes:
    assert isinstance(archive.fileobj, io.BytesIO)
    return archive.fileobj.getvalue()


def test_the_order_in_which_files_were_made_does_not_matter(layer: ModuleType, tmp_path: Path) -> None:
    gone = ("/usr/doc", "/etc/b", "/a")
    first = content(written(layer, made(tmp_path / "one/tree"), *gone))
    assert content(written(layer, made(tmp_path / "two/tree", FILES[::-1]), *gone[::-1])) == first
    assert content(written(layer, tmp_path / "one/tree", *gone)) == first


def test_the_file_tells_all_about_the_tree(layer: ModuleType, tmp_path: Path) -> None:
    tree = made(tmp_path / "tree")
    archive = written(layer, tree)
    found = {member.name: member for member in archive}
    assert set(found) == {str(path.relative_to(tree)) for path in tree.rglob("*")}
    for name, member in found.items():
        real = (tree / name).lstat()
        facts = (member.uid, member.gid, member.mode, member.mtime, member.uname, member.gname)
        assert facts == (real.st_uid, real.st_gid, stat.S_IMODE(real.st_mode), real.st_mtime_ns // 10**9, "", "")
        if member.isreg():
            stream = archive.extractfile(member)
            assert stream is not None and stream.read() == (tree / name).read_bytes()
    assert found["etc/empty"].isdir() and found["usr/pipe"].isfifo()
    assert (found["usr/bin/link"].linkname, found["usr/folder"].linkname) == ("../nowhere", "bin")
    assert found["usr/folder"].issym()


def test_a_second_name_is_a_link_to_the_first_in_the_order(layer: ModuleType, tmp_path: Path) -> None:
    found = {member.name: member for member in written(layer, made(tmp_path / "tree"))}
    assert found["usr/bin/tool"].isreg()
    assert (found["usr/zzz"].islnk(), found["usr/zzz"].linkname) == (True, "usr/bin/tool")


def test_extended_attributes_are_there_byte_by_byte(layer: ModuleType, tmp_path: Path) -> None:
    found = {member.name: member.pax_headers for member in written(layer, made(tmp_path / "tree"))}
    told = {name: value.encode("utf-8", "surrogateescape") for name, value in found["etc/a"].items()}
    assert told["SCHILY.xattr.user.one"] == b"text"
    assert told["SCHILY.xattr.user.bytes"] == CAPABILITY
    assert found["etc/empty"]["SCHILY.xattr.user.folder"] == "\0"
    assert not [name for name in found["usr/bin/tool"] if name.startswith("SCHILY")]


def test_what_the_machine_notes_in_a_file_is_left_out(
    layer: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["security.selinux", "security.capability", "trusted.overlay.opaque", "user.overlay.x", "user.overlays"]
    monkeypatch.setattr(os, "listxattr", lambda path, follow_symlinks: names)
    monkeypatch.setattr(os, "getxattr", lambda path, name, follow_symlinks: b"x")
    assert list(layer.attributes(tmp_path)) == ["SCHILY.xattr.security.capability", "SCHILY.xattr.user.overlays"]


def test_each_folder_is_before_what_is_in_it_and_nothing_else_is_between(layer: ModuleType, tmp_path: Path) -> None:
    names = [member.name for member in written(layer, made(tmp_path / "tree"), "/usr/bin/gone", "/srv/x")]
    assert names.index("usr/bin") < names.index("usr/bin/.wh.gone") < names.index("usr/bin/tool")
    assert names.index("usr/bin/tool") < names.index("usr/bin-more") < names.index("usr/bin-more/x")
    assert names.index("etc/a") < names.index("srv/.wh.x") < names.index("usr")
    assert len(names) == len(set(names))
    assert "srv" not in names


def test_a_deletion_is_an_empty_file_of_the_build_s_date(layer: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    found = {member.name: member for member in written(layer, tmp_path / "tree", "/gone", "/usr/share/döc")}
    assert set(found) == {".wh.gone", "usr/share/.wh.döc"}
    for member in found.values():
        facts = (member.isreg(), member.size, member.mode, member.uid, member.gid, member.mtime)
        assert facts == (True, 0, 0, 0, 0, EPOCH)


def test_a_name_that_is_no_text_stays_what_it_is(layer: ModuleType, tmp_path: Path) -> None:
    name = os.fsdecode(b"a-\xff\xfe")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / name).write_text("x")
    found = [member.name for member in written(layer, tmp_path / "tree", f"/{name}.old")]
    assert found == [f".wh.{name}.old", name]


@pytest.mark.parametrize("name", [".wh.file", ".wh..wh..opq", "folder/.wh.x"])
def test_a_name_that_would_be_a_deletion_is_refused(layer: ModuleType, tmp_path: Path, name: str) -> None:
    (tmp_path / "tree/folder").mkdir(parents=True)
    (tmp_path / "tree" / name).write_text("")
    with pytest.raises(SystemExit, match=f"/{name}: a layer cannot hold a name that begins with .wh."):
        written(layer, tmp_path / "tree")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/usr/.wh.x", "cannot delete a name that begins"),
        ("/etc/a", "among what is gone and among what is there"),
        ("etc/b", "not the path of something"),
        ("/etc/../b", "not the path of something"),
        ("/", "not the path of something"),
    ],
)
def test_what_no_layer_can_delete_is_refused(layer: ModuleType, tmp_path: Path, path: str, words: str) -> None:
    with pytest.raises(SystemExit, match=words):
        written(layer, made(tmp_path / "tree"), path)


def test_a_socket_is_told_and_left_out(layer: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tree").mkdir()
    os.mknod(tmp_path / "tree/s", stat.S_IFSOCK | 0o600)
    assert [member.name for member in written(layer, tmp_path / "tree")] == []
    assert "/s is a socket" in capsys.readouterr().out


def test_a_device_has_its_numbers(layer: ModuleType, tmp_path: Path) -> None:
    """To make one takes more rights than a test has everywhere, so its facts are those of another one."""
    (tmp_path / "null").write_text("")
    found = Path("/dev/null").lstat()
    info = layer.described(layer.Entry("dev/null", tmp_path / "null"), found)
    assert (info.type, info.devmajor, info.devminor, info.size) == (tarfile.CHRTYPE, 1, 3, 0)


def test_a_long_file_is_not_held_in_memory(layer: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "paths").touch()
    with (tmp_path / "tree/long").open("wb") as stream:
        stream.truncate(16 * 2**20)
    tracemalloc.start()
    layer.main(tmp_path / "tree", tmp_path / "paths", tmp_path / "layer.tar")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "layer.tar").stat().st_size > 16 * 2**20 > 4 * most
