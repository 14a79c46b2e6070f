"""patch_pip.py: what goes, what stays and who has the last word, with made trees."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

from tests.building.records import SITE, row

TAG = sys.implementation.cache_tag
EPOCH = 1700000000
OLD = EPOCH - 1000


class Prefix:
    """An environment in a scratch folder."""

    def __init__(self, folder: Path, patch_pip: ModuleType) -> None:
        self.path, self.place, self.patch_pip = folder / "opt/conda/envs/new", folder / "place", patch_pip
        for name in ("bin", "share", "conda-meta", SITE):
            (self.path / name).mkdir(parents=True)
        self.place.mkdir()
        self.conda({})

    def conda(self, files: Mapping[str, str]) -> None:
        """Give it a conda part."""
        for name, text in files.items():
            write(self.path / name, text)
        manifest = importlib.import_module("manifest")
        manifest.main(self.path, self.path / "conda-meta/platform-images.jsonl", frozenset())

    def install(self, name: str, files: Mapping[str, str], *rows: str, where: Path | None = None) -> None:
        """Lay out a distribution as uv does; paths are below the prefix."""
        where = where or self.path
        info = where / SITE / f"{name}-1.dist-info"
        listed = list(rows)
        for path, text in {**files, f"{SITE}/{name}-1.dist-info/INSTALLER": "uv"}.items():
            write(where / path, text)
            listed.append(f"{os.path.relpath(path, SITE)},{row(text)}")
        (info / "RECORD").write_text("".join(f"{each}\n" for each in (*listed, f"{info.name}/RECORD,,")))
        os.utime(info / "RECORD", (OLD, OLD))

    def change(self, *removed: str) -> None:
        found = self.patch_pip.plan_pip.claims(self.path, installer="uv")
        self.patch_pip.change(self.path, self.place, found, frozenset(removed))

    def has(self, path: str) -> bool:
        return os.path.lexists(self.path / path)

    def read(self, path: str) -> str:
        return (self.path / path).read_text()


@pytest.fixture
def prefix(tmp_path: Path, patch_pip: ModuleType) -> Prefix:
    return Prefix(tmp_path, patch_pip)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text)
    os.utime(path, (OLD, OLD))
    return path


def test_what_a_package_that_goes_had_goes_with_its_bytecode_and_its_folders(prefix: Prefix) -> None:
    files = {f"{SITE}/old/__init__.py": "", f"{SITE}/old/deep/m.py": "", "share/old/x": "", "bin/old": ""}
    prefix.install("old", files)
    prefix.install("other", {f"{SITE}/other.py": ""})
    for name in ("__init__", "m"):
        folder = f"{SITE}/old" if name == "__init__" else f"{SITE}/old/deep"
        write(prefix.path / folder / f"__pycache__/{name}.{TAG}.pyc", "")
    prefix.change("old")
    left = {str(path.relative_to(prefix.path)) for path in prefix.path.rglob("*")}
    assert not {path for path in left if "old" in path}
    assert {f"{SITE}/other.py", f"{SITE}/other-1.dist-info/RECORD", "bin", "share"} <= left


def test_bytecode_of_other_modules_stays(prefix: Prefix) -> None:
    prefix.install("old", {f"{SITE}/b.py": ""})
    cache = f"{SITE}/__pycache__"
    names = (f"b.{TAG}.pyc", f"b.{TAG}.opt-1.pyc", f"b.c.{TAG}.pyc", f"bb.{TAG}.pyc", "b.pyc")
    for name in names:
        write(prefix.path / cache / name, "")
    prefix.change("old")
    assert [name for name in names if prefix.has(f"{cache}/{name}")] == list(names[2:])


def test_bytecode_that_another_package_lists_stays(prefix: Prefix) -> None:
    prefix.install("old", {f"{SITE}/b.py": ""})
    prefix.install("other", {f"{SITE}/__pycache__/b.{TAG}.pyc": "odd"})
    prefix.change("old")
    assert prefix.has(f"{SITE}/__pycache__/b.{TAG}.pyc")


def test_folders_that_something_else_is_in_or_that_another_layer_has_stay(
    prefix: Prefix, patch_pip: ModuleType
) -> None:
    (prefix.path / "share/conda").mkdir()
    prefix.conda({})
    (prefix.path / "share/mission").mkdir()
    line = [str(prefix.path / "share/mission").lstrip("/"), "d", "775", 0, 100, ""]
    (patch_pip.RECORDS / "files.jsonl").write_text(json.dumps(line) + "\n")
    names = ("conda", "mission", "user", "old")
    prefix.install("old", {f"share/{name}/x": "" for name in names})
    write(prefix.path / "share/user/own", "")
    prefix.change("old")
    assert [prefix.has(f"share/{name}") for name in names] == [True, True, True, False]


def test_what_a_record_must_not_name_stays(prefix: Prefix, tmp_path: Path) -> None:
    outside = write(tmp_path / "outside/x", "")
    (prefix.path / SITE / "linked").symlink_to(outside.parent)
    (prefix.path / SITE / "folder/below").mkdir(parents=True)
    prefix.conda({"bin/python": "conda's"})
    write(prefix.path / "envs/other/lib/x", "another environment's, where this one is the base")
    rows = (
        f"{outside},,",
        f"{os.path.relpath(outside, prefix.path / SITE)},,",
        "../../../envs/other/lib/x,,",
        "../../../conda-meta/platform-images.jsonl,,",
        "../../../bin/python,,",
        "../../../../another/file,,",
        "linked/x,,",
        "folder,,",
        ".,,",
        "../../..,,",
    )
    another = write(prefix.path.parent / "another/file", "")
    prefix.install("old", {f"{SITE}/old.py": ""}, *rows)
    prefix.change("old")
    assert outside.exists() and another.exists()
    stay = ("envs/other/lib/x", "conda-meta/platform-images.jsonl", "bin/python", f"{SITE}/folder/below")
    assert [path for path in stay if not prefix.has(path)] == []
    assert not prefix.has(f"{SITE}/old.py")


def test_a_file_that_a_remaining_package_has_alike_stays(prefix: Prefix) -> None:
    for name in ("a-rest", "old"):
        prefix.install(name.replace("-", "_"), {f"{SITE}/space/__init__.py": "same"})
    prefix.change("old")
    assert prefix.read(f"{SITE}/space/__init__.py") == "same"


def test_a_file_whose_new_owner_s_content_is_not_in_the_image_needs_a_full_build(prefix: Prefix) -> None:
    prefix.install("alpha", {f"{SITE}/docs/index.rst": "alpha's"})
    prefix.install("old", {f"{SITE}/docs/index.rst": "old's", f"{SITE}/old.py": ""})
    with pytest.raises(SystemExit) as error:
        prefix.change("old")
    words = str(error.value)
    assert "a full build is needed" in words
    assert f"{SITE}/docs/index.rst" in words and "as old brings it" in words and "as alpha brings it" in words
    assert prefix.has(f"{SITE}/old.py")  # it looks before it changes


def test_a_file_without_a_hash_is_not_taken_for_the_right_one(prefix: Prefix) -> None:
    prefix.install("alpha", {}, "docs/index.rst,,")
    prefix.install("old", {f"{SITE}/docs/index.rst": ""})
    with pytest.raises(SystemExit, match="a full build is needed"):
        prefix.change("old")


def test_a_file_that_was_another_package_s_all_along_is_not_looked_at(prefix: Prefix) -> None:
    prefix.install("old", {f"{SITE}/docs/index.rst": "old's"})
    prefix.install("zeta", {f"{SITE}/docs/index.rst": "zeta's"})
    write(prefix.path / SITE / "docs/index.rst", "changed")
    prefix.change("old")
    assert prefix.read(f"{SITE}/docs/index.rst") == "changed"


def test_a_new_winner_that_comes_is_laid_over(prefix: Prefix) -> None:
    prefix.install("alpha", {f"{SITE}/docs/index.rst": "alpha's"})
    prefix.install("old", {f"{SITE}/docs/index.rst": "old's"})
    write(prefix.path / SITE / f"docs/__pycache__/x.{TAG}.pyc", "unknown")
    prefix.install("old", {f"{SITE}/docs/index.rst": "new"}, where=prefix.place)
    prefix.change("old")
    assert prefix.read(f"{SITE}/docs/index.rst") == "new"


@pytest.mark.parametrize("same", [True, False])
def test_a_file_that_the_conda_part_has_below_stays_only_if_it_is_that_one(prefix: Prefix, same: bool) -> None:
    prefix.conda({"share/data": "conda's"})
    prefix.install("old", {"share/data": "conda's" if same else "old's"})
    if same:
        prefix.change("old")
        assert prefix.read("share/data") == "conda's"
        return
    with pytest.raises(SystemExit, match="as the conda part brings it"):
        prefix.change("old")


def test_what_a_layer_above_has_stays_as_it_is(prefix: Prefix, patch_pip: ModuleType) -> None:
    names = ("etc/gone.json", "etc/new.json")
    prefix.install("old", dict.fromkeys(names, "old's"))
    prefix.install("old", {names[1]: "new"}, where=prefix.place)
    lines = []
    for name in names:
        path = write(prefix.path / name, "the mission's")
        lines.append(json.dumps([str(path).lstrip("/"), "f", "644", 0, 0, ""]))
    (patch_pip.RECORDS / "mission.jsonl").write_text("\n".join(lines))
    prefix.change("old")
    assert [prefix.read(name) for name in names] == ["the mission's"] * 2


def test_the_names_of_a_file_in_another_environment_stay_what_they_were(prefix: Prefix, tmp_path: Path) -> None:
    prefix.install("old", {f"{SITE}/old.py": "old", f"{SITE}/gone.py": "gone"})
    for name in ("old", "gone"):
        os.link(prefix.path / SITE / f"{name}.py", tmp_path / f"{name}.py")
    prefix.install("old", {f"{SITE}/old.py": "new"}, where=prefix.place)
    prefix.change("old")
    assert prefix.read(f"{SITE}/old.py") == "new"
    assert [(tmp_path / f"{name}.py").read_text() for name in ("old", "gone")] == ["old", "gone"]


def test_what_is_the_same_before_and_after_is_the_same_file(prefix: Prefix) -> None:
    prefix.install("old", {f"{SITE}/same.py": "same", f"{SITE}/run.sh": "same", f"{SITE}/old.py": "old"})
    numbers = {name: (prefix.path / SITE / name).stat().st_ino for name in ("same.py", "run.sh")}
    prefix.install(
        "old", {f"{SITE}/same.py": "same", f"{SITE}/run.sh": "same", f"{SITE}/old.py": "new"}, where=prefix.place
    )
    (prefix.place / SITE / "run.sh").chmod(0o755)
    (prefix.place / SITE / "link").symlink_to("same.py")
    os.link(prefix.path / SITE / "run.sh", prefix.path / "held")  # or the number would be free for the new one
    prefix.change("old")
    found = {name: (prefix.path / SITE / name).lstat() for name in ("same.py", "run.sh", "old.py", "link")}
    assert found["same.py"].st_ino == numbers["same.py"]
    assert found["run.sh"].st_ino != numbers["run.sh"]
    assert found["run.sh"].st_mode & 0o777 == 0o755
    assert {name: int(each.st_mtime) for name, each in found.items()} == {
        "same.py": OLD,
        "run.sh": EPOCH,
        "old.py": EPOCH,
        "link": EPOCH,
    }
    assert (prefix.path / SITE / "link").readlink() == Path("same.py")


def test_new_folders_have_the_permissions_of_those_laid_out(prefix: Prefix) -> None:
    write(prefix.place / "share/new/x", "")
    (prefix.place / "share/new").chmod(0o775)
    (prefix.place / "share").chmod(0o700)
    mode = (prefix.path / "share").stat().st_mode
    prefix.change()
    assert (prefix.path / "share/new").stat().st_mode & 0o777 == 0o775
    assert (prefix.path / "share").stat().st_mode == mode


def test_owner_and_group_are_those_of_what_is_laid_out(prefix: Prefix, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests has no other owner to give."""
    given: dict[str, tuple[int, int]] = {}

    def chown(path: Path, uid: int, gid: int, *, follow_symlinks: bool) -> None:
        assert not follow_symlinks
        given[str(path.relative_to(prefix.path))] = uid, gid

    monkeypatch.setattr(os, "chown", chown)
    write(prefix.place / "share/new/x", "")
    (prefix.place / "share/new/link").symlink_to("x")
    prefix.change()
    assert given == dict.fromkeys(("share/new", "share/new/x", "share/new/link"), (os.getuid(), os.getgid()))


def test_bytecode_of_a_module_that_is_no_valid_python_any_more_goes(prefix: Prefix) -> None:
    prefix.install("old", {f"{SITE}/m.py": "x = 1"})
    write(prefix.path / SITE / f"__pycache__/m.{TAG}.pyc", "")
    prefix.install("old", {f"{SITE}/m.py": "{{ x }}"}, where=prefix.place)
    prefix.change("old")
    assert not prefix.has(f"{SITE}/__pycache__")


def test_a_file_may_become_a_folder_and_a_folder_a_file(prefix: Prefix) -> None:
    prefix.install("old", {f"{SITE}/one": "", f"{SITE}/two/x": ""})
    prefix.install("old", {f"{SITE}/one/x": "", f"{SITE}/two": ""}, where=prefix.place)
    prefix.change("old")
    assert (prefix.path / SITE / "one/x").is_file() and (prefix.path / SITE / "two").is_file()


@pytest.mark.parametrize("there", ["file", "link", "folder"])
def test_what_is_in_the_way_is_not_removed(prefix: Prefix, tmp_path: Path, there: str) -> None:
    write(prefix.place / SITE / ("new" if there == "folder" else "new/x"), "")
    if there == "file":
        write(prefix.path / SITE / "new", "")
    elif there == "link":
        (prefix.path / SITE / "new").symlink_to(tmp_path)
    else:
        write(prefix.path / SITE / "new/x", "")
    with pytest.raises(SystemExit, match="a full build is needed"):
        prefix.change()


def test_names_are_looked_at_first(patch_pip: ModuleType) -> None:
    with pytest.raises(SystemExit, match="does not have them: old, x"):
        patch_pip.check_names({"a"}, frozenset({"a", "old", "x"}), frozenset())
    with pytest.raises(SystemExit, match="has them already: b"):
        patch_pip.check_names({"a", "b"}, frozenset({"a"}), frozenset({"a", "b"}))
    patch_pip.check_names({"a", "b"}, frozenset({"a"}), frozenset({"a", "c"}))


def test_the_conda_part_s_own_distributions_are_none_of_the_pip_part(prefix: Prefix, patch_pip: ModuleType) -> None:
    prefix.install("ours", {})
    prefix.install("conda_s", {})
    write(prefix.path / SITE / "conda_s-1.dist-info/INSTALLER", "conda\n")
    (prefix.path / SITE / "plain-1.dist-info").mkdir()
    (prefix.path / "lib/python3.1").symlink_to(Path(SITE).parent.name)
    found = patch_pip.plan_pip.claims(prefix.path, installer="uv")
    assert patch_pip.owners(found) == {"ours"}
    assert {path.split("/")[1] for path in found} == {Path(SITE).parent.name}


def test_a_lock_of_other_packages_than_those_that_come_is_refused(
    prefix: Prefix, patch_pip: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is left in the cache, however it ends."""
    prefix.install("old", {})
    monkeypatch.setattr(patch_pip.plan_pip, "fetched", lambda *words, whole: {"x": {"other": ""}})
    (tmp_path / "patch.json").write_text(json.dumps({"remove": ["old"], "install": ["old"]}))
    with pytest.raises(SystemExit, match="the lock has other, and to come are old"):
        patch_pip.main(os.getgid(), prefix.path, tmp_path, tmp_path / "patch.json", [])
    assert list((tmp_path / "cache").iterdir()) == []
