"""patch_pip.py: what goes, what stays and who has the last word, with made trees; and one real change against uv."""

from __future__ import annotations

import csv
import hashlib
import importlib
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

SITE = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
TAG = sys.implementation.cache_tag
EPOCH = 1700000000
OLD = EPOCH - 1000


@pytest.fixture
def program(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The program, with the cache and the image's record in scratch folders."""
    monkeypatch.syspath_prepend(str(project / "platform_images" / "inside"))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
    before = set(sys.modules)
    module = importlib.import_module("patch_pip")
    for name in ("pip_part", "plan_pip", "install_group", "patch_pip"):
        monkeypatch.setattr(sys.modules[name], "CACHE", tmp_path / "cache")
    records = tmp_path / "record"
    records.mkdir()
    for name in module.ABOVE:
        (records / name).touch()
    monkeypatch.setattr(module, "RECORDS", records)
    yield module
    for other in set(sys.modules) - before:
        del sys.modules[other]


class Prefix:
    """An environment in a scratch folder."""

    def __init__(self, folder: Path, program: ModuleType) -> None:
        self.path, self.place, self.program = folder / "opt/conda/envs/new", folder / "place", program
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
        found = self.program.plan_pip.claims(self.path, installer="uv")
        self.program.change(self.path, self.place, found, frozenset(removed))

    def has(self, path: str) -> bool:
        return os.path.lexists(self.path / path)

    def read(self, path: str) -> str:
        return (self.path / path).read_text()


@pytest.fixture
def prefix(tmp_path: Path, program: ModuleType) -> Prefix:
    return Prefix(tmp_path, program)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text)
    os.utime(path, (OLD, OLD))
    return path


def row(text: str) -> str:
    return str(importlib.import_module("twin").row(text.encode()))


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


def test_folders_that_something_else_is_in_or_that_another_layer_has_stay(prefix: Prefix, program: ModuleType) -> None:
    (prefix.path / "share/conda").mkdir()
    prefix.conda({})
    (prefix.path / "share/mission").mkdir()
    line = [str(prefix.path / "share/mission").lstrip("/"), "d", "775", 0, 100, ""]
    (program.RECORDS / "files.jsonl").write_text(json.dumps(line) + "\n")
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


def test_what_a_layer_above_has_stays_as_it_is(prefix: Prefix, program: ModuleType) -> None:
    names = ("etc/gone.json", "etc/new.json")
    prefix.install("old", dict.fromkeys(names, "old's"))
    prefix.install("old", {names[1]: "new"}, where=prefix.place)
    lines = []
    for name in names:
        path = write(prefix.path / name, "the mission's")
        lines.append(json.dumps([str(path).lstrip("/"), "f", "644", 0, 0, ""]))
    (program.RECORDS / "mission.jsonl").write_text("\n".join(lines))
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


def test_names_are_looked_at_first(program: ModuleType) -> None:
    with pytest.raises(SystemExit, match="does not have them: old, x"):
        program.check_names({"a"}, frozenset({"a", "old", "x"}), frozenset())
    with pytest.raises(SystemExit, match="has them already: b"):
        program.check_names({"a", "b"}, frozenset({"a"}), frozenset({"a", "b"}))
    program.check_names({"a", "b"}, frozenset({"a"}), frozenset({"a", "c"}))


def test_the_conda_part_s_own_distributions_are_none_of_the_pip_part(prefix: Prefix, program: ModuleType) -> None:
    prefix.install("ours", {})
    prefix.install("conda_s", {})
    write(prefix.path / SITE / "conda_s-1.dist-info/INSTALLER", "conda\n")
    (prefix.path / SITE / "plain-1.dist-info").mkdir()
    (prefix.path / "lib/python3.1").symlink_to(Path(SITE).parent.name)
    found = program.plan_pip.claims(prefix.path, installer="uv")
    assert program.owners(found) == {"ours"}
    assert {path.split("/")[1] for path in found} == {Path(SITE).parent.name}


def test_a_lock_of_other_packages_than_those_that_come_is_refused(
    prefix: Prefix, program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is left in the cache, however it ends."""
    prefix.install("old", {})
    monkeypatch.setattr(program.plan_pip, "fetched", lambda *words, whole: {"x": {"other": ""}})
    (tmp_path / "patch.json").write_text(json.dumps({"remove": ["old"], "install": ["old"]}))
    with pytest.raises(SystemExit, match="the lock has other, and to come are old"):
        program.main(os.getgid(), prefix.path, tmp_path, tmp_path / "patch.json", [])
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.fixture
def uv(project: Path, program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """An environment for which uv installs from a folder of wheels."""
    where = tmp_path / "opt/conda/envs/real"
    tool = Path(sys.executable).parent / "uv"
    cache = str(tmp_path / "cache")
    words = [str(tool), "venv", "--no-config", "--offline", "--cache-dir", cache, "--python", sys.executable]
    subprocess.run([*words, str(where)], check=True, capture_output=True)
    monkeypatch.setattr(sys.modules["pip_part"], "UV", str(tool))
    monkeypatch.setattr(sys.modules["pip_part"], "MIRROR", tmp_path / "wheels")
    bytecode = str(project / "platform_images/inside/bytecode.py"), str(tmp_path / "bytecode")
    monkeypatch.setattr(program.install_group, "BYTECODE", bytecode)
    (tmp_path / "wheels").mkdir()

    (where / "conda-meta").mkdir()
    program.install_group.own(where, os.getgid())
    sys.modules["manifest"].main(where, where / "conda-meta/platform-images.jsonl", frozenset())
    return SimpleNamespace(prefix=where, folder=tmp_path, program=program)


def wheel(folder: Path, name: str, version: str, files: Mapping[str, str], *, script: str = "") -> str:
    """Make a wheel; return its lines of a lock."""
    path, info = folder / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    content = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if script:
        content[f"{info}/entry_points.txt"] = f"[console_scripts]\n{script} = {name}:main\n"
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [*([each, *row(content[each]).split(",")] for each in content), [f"{info}/RECORD", "", ""]]
    )
    with zipfile.ZipFile(path, "w") as archive:
        for each, data in {**content, f"{info}/RECORD": text.getvalue()}.items():
            archive.writestr(each, data)
    return f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def lock_of(folder: Path, *lines: str) -> Path:
    folder.mkdir()
    (folder / "requirements.txt").write_text("--only-binary :all:\n" + "".join(lines))
    return folder


def full_build(uv: SimpleNamespace, name: str, layers: Mapping[str, Mapping[str, str]]) -> None:
    """Lay out the layers of a pip part over the environment, each of some distributions by their lines of the lock."""
    work = uv.folder / name
    work.mkdir()
    lock = lock_of(work / "lock", *(line for lines in layers.values() for line in lines.values()))
    groups = work / "groups.json"
    groups.write_text(json.dumps({dist: layer for layer, lines in layers.items() for dist in lines}))
    uv.program.plan_pip.main(uv.prefix, lock, groups, work / "plans", [])
    for layer, lines in layers.items():
        place = work / "laid" / layer
        place.mkdir(parents=True)
        group = lock_of(work / layer, *lines.values())
        uv.program.install_group.install(uv.prefix, place, group, work / "plans" / layer, [])
        uv.program.install_group.own(place, os.getgid())
        shutil.copytree(place, uv.prefix, symlinks=True, dirs_exist_ok=True)


def state(uv: SimpleNamespace) -> list[str]:
    """Return type, mode, owner and content of all that is there."""
    out: Path = uv.folder / "state.jsonl"
    sys.modules["manifest"].main(uv.prefix, out, frozenset())
    return out.read_text().splitlines()


def test_a_changed_environment_is_what_a_full_build_makes_of_the_changed_lock(
    uv: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = uv.folder / "wheels"
    space = {"space/__init__.py": "'one for all'\n"}
    rest = {
        "beta": wheel(wheels, "beta", "1", {"beta/__init__.py": "b = 1\n", "README": "beta", **space}, script="beta"),
        "zeta": wheel(wheels, "zeta", "1", {"zeta.py": "z = 1\n", "LAST": "zeta", **space}),
    }
    alpha = {"alpha/__init__.py": "a = 1\n", "alpha/same.py": "s = 1\n", "README": "alpha"}
    gone = {"alpha/old/__init__.py": "", "alpha-1.data/data/share/alpha/x": "x"}
    first = wheel(wheels, "alpha", "1", {**alpha, **gone, **space}, script="alpha")
    delta = wheel(wheels, "delta", "1", {"delta/__init__.py": "", **space}, script="delta")
    new = {**alpha, "alpha/__init__.py": "a = 2\n", "alpha/old": "a file", "LAST": "alpha"}
    coming = {
        "alpha": wheel(wheels, "alpha", "2", {**new, **space}, script="alpha2"),
        "eta": wheel(wheels, "eta", "1", {"eta/m.py": "e = 1\n", "README": "eta", "alpha/shared.py": "eta\n"}),
        "iota": wheel(wheels, "iota", "1", {"iota.py": "{{ no python }}\n", "alpha/shared.py": "iota\n"}),
    }
    shutil.copytree(uv.prefix, uv.folder / "conda", symlinks=True)
    full_build(
        uv,
        "after",
        {
            "real.1": {"alpha": coming["alpha"], "beta": rest["beta"]},
            "real.2": {"eta": coming["eta"], "iota": coming["iota"], "zeta": rest["zeta"]},
        },
    )
    expected = state(uv)
    shutil.rmtree(uv.prefix)
    shutil.copytree(uv.folder / "conda", uv.prefix, symlinks=True)
    full_build(
        uv,
        "before",
        {"real.1": {"alpha": first, "beta": rest["beta"]}, "real.2": {"delta": delta, "zeta": rest["zeta"]}},
    )
    assert state(uv) != expected

    wanted = uv.folder / "patch.json"
    wanted.write_text(json.dumps({"remove": ["alpha", "delta"], "install": sorted(coming)}))
    lock = lock_of(uv.folder / "patch", *coming.values())
    kept = (uv.prefix / SITE / "alpha/same.py").stat().st_ino
    uv.program.main(os.getgid(), uv.prefix, lock, wanted, [])

    assert state(uv) == expected
    assert (uv.prefix / SITE / "alpha/same.py").stat().st_ino == kept
    assert [
        path for path in (uv.folder / "cache").iterdir() if path.name.startswith(("patch-", "plan-", "settle-"))
    ] == []
    run = subprocess.run(
        [uv.prefix / "bin/python", "-B", "-c", "import alpha, eta.m, zeta; print(alpha.a, eta.m.e)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "2 1\n"


def test_a_package_that_only_goes_needs_no_lock(uv: SimpleNamespace) -> None:
    lines = {name: wheel(uv.folder / "wheels", name, "1", {f"{name}/m.py": ""}) for name in ("alpha", "beta")}
    shutil.copytree(uv.prefix, uv.folder / "conda", symlinks=True)
    full_build(uv, "after", {"real.1": {"beta": lines["beta"]}})
    expected = state(uv)
    shutil.rmtree(uv.prefix)
    shutil.copytree(uv.folder / "conda", uv.prefix, symlinks=True)
    full_build(uv, "before", {"real.1": lines})
    wanted = uv.folder / "patch.json"
    wanted.write_text(json.dumps({"remove": ["alpha"], "install": []}))
    uv.program.main(os.getgid(), uv.prefix, uv.folder / "none", wanted, [])
    assert state(uv) == expected
