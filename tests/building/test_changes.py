"""changes.py with scratch folders for the two stages, or one and the other's list, and what its names stand for."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from platform_images.compose.sources import PROGRAMS

EPOCH = 1700000000
MOUNTED = re.compile(r"target=/mnt/([\w.-]+)")


@pytest.fixture(scope="module")
def changes() -> ModuleType:
    spec = importlib.util.spec_from_file_location("inside_changes", PROGRAMS / "changes.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Stages:
    """A stage and the one below it: ``edit`` changes the upper, ``laid`` gives what the image would have of both."""

    def __init__(self, folder: Path, program: ModuleType, *, listed: bool) -> None:
        self.folder, self.listed = folder, listed
        self.below, self.root, self.out = folder / "below", folder / "root", folder / "out"
        self.program, self.image = program, folder / "image"
        self.below.mkdir()

    def start(self) -> Path:
        """Make the upper stage as the lower one is, and return it."""
        for path in (self.below, *self.below.rglob("*")):
            if path.is_dir() and not path.is_symlink():
                os.utime(path, (EPOCH - 100,) * 2)
        shutil.copytree(self.below, self.root, symlinks=True)
        return self.root

    def compare(self) -> SimpleNamespace:
        """Run the program; return the tree, and what it says is deleted."""
        self.program.main("mission", self.list_of(self.below) if self.listed else self.below, self.out, root=self.root)
        deleted = (self.out / "deleted/paths").read_bytes().split(b"\0")[:-1]
        lines = (self.out / "tree" / self.program.RECORD / "mission.jsonl").read_text().splitlines()
        return SimpleNamespace(
            tree=self.out / "tree",
            deleted=[os.fsdecode(path) for path in deleted],
            listed=[json.loads(x) for x in lines],
        )

    def list_of(self, stage: Path) -> Path:
        """Return the list that the step of a stage's own changes leaves."""
        out, nothing = self.folder / "earlier", self.folder / "nothing"
        nothing.mkdir()
        self.program.main("earlier", nothing, out, "list", root=stage)
        return Path(out, "list/stage.jsonl")

    def laid(self, deleted: list[str]) -> Path:
        """Lay the tree over the lower stage and delete, as the image's steps do."""
        shutil.copytree(self.below, self.image, symlinks=True)
        for path in sorted((self.out / "tree").rglob("*")):
            target = self.image / path.relative_to(self.out / "tree")
            if path.is_symlink() or not path.is_dir():
                if target.is_dir() and not target.is_symlink():
                    shutil.rmtree(target)
                target.unlink(missing_ok=True)
                shutil.copy2(path, target, follow_symlinks=False)
            elif not target.is_dir() or target.is_symlink():
                target.unlink(missing_ok=True)
                target.mkdir()
        subprocess.run(["rm", "-rf", "--", *(f"{self.image}{path}" for path in deleted)], check=True)
        return self.image


@pytest.fixture(params=["mounted", "listed"])
def stages(
    request: pytest.FixtureRequest, tmp_path: Path, changes: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> Stages:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
    return Stages(tmp_path, changes, listed=request.param == "listed")


def write(path: Path, text: str, *, time: int = EPOCH - 50) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (time, time))
    return path


def link(path: Path, target: str, *, time: int = EPOCH - 50) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    os.utime(path, (time, time), follow_symlinks=False)
    return path


def second(path: Path) -> int:
    return int(path.lstat().st_mtime)


def test_what_is_gone_is_named_once(stages: Stages) -> None:
    write(stages.below / "usr/doc/a/b", "x")
    write(stages.below / "usr/keep", "x")
    shutil.rmtree(stages.start() / "usr/doc")
    assert stages.compare().deleted == ["/usr/doc"]


@pytest.mark.parametrize("to", ["link", "file"])
def test_of_a_folder_that_something_else_replaced_nothing_is_deleted(stages: Stages, to: str) -> None:
    for name in ("etc/data/a", "etc/data/sub/b"):
        write(stages.below / name, "old")
    root = stages.start()
    shutil.rmtree(root / "etc/data")
    if to == "link":
        for name in ("srv/data/a", "srv/data/sub/b"):
            write(root / name, "kept")
        link(root / "etc/data", "../srv/data")
    else:
        write(root / "etc/data", "a file")
    found = stages.compare()
    assert found.deleted == []
    image = stages.laid(found.deleted)
    if to == "link":
        assert (image / "etc/data").is_symlink()
        assert [(image / "srv/data" / name).read_text() for name in ("a", "sub/b")] == ["kept", "kept"]
    else:
        assert (image / "etc/data").read_text() == "a file"


def test_what_a_step_leaves_in_mnt_is_in_the_layer(stages: Stages) -> None:
    write(stages.below / "mnt/old", "x")
    root = stages.start()
    write(root / "mnt/left", "mine")
    write(root / "mnt/tools", "not an engine's, as it is not empty")
    (root / "mnt/folder").mkdir()
    found = stages.compare()
    assert (found.tree / "mnt/left").read_text() == "mine"
    assert (found.tree / "mnt/tools").is_file()
    assert [line[0] for line in found.listed] == ["mnt/folder", "mnt/left", "mnt/tools"]


@pytest.mark.parametrize("stage", ["root", "below"])
def test_the_engine_s_mount_points_in_mnt_are_no_change(stages: Stages, stage: str) -> None:
    (stages.below / "mnt").mkdir()
    stages.start()
    place = stages.root if stage == "root" else stages.below
    for name in ("tools", "below", "channel-embedded"):
        (place / "mnt" / name).mkdir()
    write(place / "mnt/changes.py", "")
    found = stages.compare()
    assert (found.deleted, found.listed) == ([], [])
    assert not (found.tree / "mnt").exists()


def test_what_a_step_deletes_in_mnt_is_told_and_not_promised(
    stages: Stages, capsys: pytest.CaptureFixture[str]
) -> None:
    """The step that deletes has its list mounted there, so that a path below is not that of the image."""
    write(stages.below / "mnt/old", "x")
    (stages.start() / "mnt/old").unlink()
    found = stages.compare()
    assert found.deleted == []
    assert (found.tree / stages.program.RECORD / "mission.deleted").read_text() == ""
    assert "/mnt/old" in capsys.readouterr().out


def test_every_mount_in_mnt_is_known(changes: ModuleType, project: Path) -> None:
    programs = {path.name for path in PROGRAMS.iterdir() if path.suffix in (".py", ".sh")} - {"__init__.py"}
    templates = "".join(path.read_text() for path in (project / "tests/compose/golden").glob("*.Dockerfile"))
    named = programs | set(MOUNTED.findall(templates))
    assert "tools" in named
    assert {name for name in named if not changes.is_mount_s(f"mnt/{name}")} == set()
    assert not changes.is_mount_s("mnt/other")
    assert not changes.is_mount_s("srv/tools")


def test_a_file_of_which_only_the_content_is_new_gets_another_time(stages: Stages) -> None:
    write(stages.below / "etc/a", "aa")
    write(stages.start() / "etc/a", "bb")
    assert second(stages.compare().tree / "etc/a") == EPOCH - 49


@pytest.mark.parametrize(
    ("lower", "upper"), [(EPOCH, EPOCH + 99), (EPOCH + 1, EPOCH), (EPOCH, EPOCH), (EPOCH, EPOCH - 1)]
)
def test_no_time_that_is_given_is_that_of_the_file_below(stages: Stages, lower: int, upper: int) -> None:
    write(stages.below / "etc/a", "aa", time=lower)
    write(stages.start() / "etc/a", "bb", time=upper)
    got = second(stages.compare().tree / "etc/a")
    assert got != lower
    assert got <= EPOCH + 1


@pytest.mark.parametrize("new", ["etc/0", "etc/z"])
def test_each_name_of_a_file_is_looked_at(stages: Stages, new: str) -> None:
    write(stages.below / "etc/a", "aa")
    root = stages.start()
    write(root / "etc/a", "bb")
    os.link(root / "etc/a", root / new)
    tree = stages.compare().tree
    assert (tree / new).samefile(tree / "etc/a")
    assert second(tree / "etc/a") != EPOCH - 50


def test_two_names_with_two_times_below_get_a_third(stages: Stages) -> None:
    write(stages.below / "etc/a", "aa", time=EPOCH - 50)
    write(stages.below / "etc/b", "bb", time=EPOCH - 49)
    root = stages.start()
    (root / "etc/b").unlink()
    write(root / "etc/a", "cc")
    os.link(root / "etc/a", root / "etc/b")
    assert second(stages.compare().tree / "etc/a") == EPOCH + 1


def test_a_link_to_somewhere_else_gets_another_time_than_the_one_below(stages: Stages) -> None:
    """A second is added since the target alone differs; here that is the very second of the link below."""
    link(stages.below / "etc/l", "one", time=EPOCH - 49)
    link(stages.start() / "etc/l", "two", time=EPOCH - 50)
    assert second(stages.compare().tree / "etc/l") == EPOCH + 1


@pytest.mark.parametrize("target", ["folder", "nothing"])
def test_a_link_is_no_newer_than_the_build_wherever_it_leads(stages: Stages, target: str) -> None:
    root = stages.start()
    (root / "srv/folder").mkdir(parents=True)
    link(root / "srv/l", target, time=EPOCH + 99)
    assert second(stages.compare().tree / "srv/l") == EPOCH


def test_what_does_not_clash_keeps_its_time(stages: Stages) -> None:
    write(stages.below / "etc/a", "aa")
    root = stages.start()
    write(root / "etc/a", "longer", time=EPOCH - 7)
    write(root / "etc/new", "x", time=EPOCH - 8)
    tree = stages.compare().tree
    assert (second(tree / "etc/a"), second(tree / "etc/new")) == (EPOCH - 7, EPOCH - 8)


def test_what_is_not_changed_has_no_line(stages: Stages) -> None:
    write(stages.below / "etc/a", "aa")
    link(stages.below / "etc/l", "a")
    (stages.below / "etc/d").mkdir()
    stages.start()
    assert stages.compare().listed == []


def test_a_list_tells_of_a_stage_what_its_own_list_would_tell(stages: Stages) -> None:
    """The list of a stage of which little has changed is made from that of the earlier one."""
    for name in ("etc/a", "etc/b", "etc/odd\udcff\n name"):
        write(stages.below / name, "aa")
    link(stages.below / "etc/l", "a")
    earlier = stages.list_of(stages.below)
    write(stages.below / "etc/b", "longer")
    write(stages.below / "etc/new", "x")
    stages.program.main("later", earlier, stages.out, "list", root=stages.below)
    later = (stages.out / "list/stage.jsonl").read_text()
    shutil.rmtree(stages.folder / "earlier")
    (stages.folder / "nothing").rmdir()
    assert later == stages.list_of(stages.below).read_text()
    listed = {row[0]: row for row in map(json.loads, later.splitlines())}
    assert sorted(listed) == ["etc", "etc/a", "etc/b", "etc/l", "etc/new", "etc/odd\udcff\n name"]
    assert listed["etc/a"][-2] == hashlib.sha256(b"aa").hexdigest()
    assert listed["etc/l"][-2] == "a"


def test_of_a_list_nothing_counts_that_is_mounted_now(stages: Stages, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("srv/a", "proc/1/stat"):
        write(stages.below / name, "x")
    stages.start()
    shutil.rmtree(stages.root / "proc/1")
    monkeypatch.setattr(stages.program, "mount_points", lambda: iter(["/proc"]))
    listed = stages.program.stage_list.read(stages.list_of(stages.below), frozenset({"/proc"}))
    assert sorted(listed.seen) == ["srv", "srv/a"]
