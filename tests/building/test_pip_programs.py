"""The programs of build steps that lay out the pip part: what they decide, without installing anything."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

RECORDS = {
    "Alpha_One-1.0": "docs/index.rst,sha256=a,1\nalpha/__init__.py,sha256=b,1\n",
    "beta-2.0": "docs/index.rst,sha256=c,1\nsame/__init__.py,sha256=d,0\n",
    "gamma-3.0": "same/__init__.py,sha256=d,0\n../../../bin/tool,sha256=e,1\n",
}
SITE = "lib/python3.11/site-packages"


@pytest.fixture
def plan(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    yield from imported("plan_pip", project, monkeypatch)


@pytest.fixture
def group(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    yield from imported("install_group", project, monkeypatch)


@pytest.fixture
def part(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    yield from imported("pip_part", project, monkeypatch)


def imported(name: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(project / "platform_images" / "inside"))
    before = set(sys.modules)
    yield importlib.import_module(name)
    for other in set(sys.modules) - before:
        del sys.modules[other]


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    for name, text in RECORDS.items():
        info = tmp_path / SITE / f"{name}.dist-info"
        info.mkdir(parents=True)
        (info / "RECORD").write_text(text)
    return tmp_path


def test_who_lists_a_file_is_found_by_its_place_below_the_prefix(plan: ModuleType, prefix: Path) -> None:
    found = plan.claims(prefix)
    assert found[f"{SITE}/docs/index.rst"] == {"alpha-one": "sha256=a", "beta": "sha256=c"}
    assert found["bin/tool"] == {"gamma": "sha256=e"}


def test_a_layer_leaves_out_what_a_later_name_brings_in_another_layer(plan: ModuleType, prefix: Path) -> None:
    layers = {"alpha-one": "one", "beta": "two", "gamma": "one"}
    found = plan.claims(prefix)
    assert plan.left_out(found, layers, "one") == {f"{SITE}/docs/index.rst"}
    assert plan.left_out(found, layers, "two") == {f"{SITE}/same/__init__.py"}


def test_within_a_layer_nothing_is_left_out_and_the_last_by_name_wins(plan: ModuleType, prefix: Path) -> None:
    layers = dict.fromkeys(("alpha-one", "beta", "gamma"), "one")
    found = plan.claims(prefix)
    assert plan.left_out(found, layers, "one") == set()
    assert plan.settled(found, layers, "one") == {"beta": [f"{SITE}/docs/index.rst"]}


def test_what_is_in_different_layers_needs_no_settling(plan: ModuleType, prefix: Path) -> None:
    layers = {"alpha-one": "one", "beta": "two", "gamma": "one"}
    assert plan.settled(plan.claims(prefix), layers, "one") == {}


def test_some_releases_of_a_lock_have_its_options_and_no_comments(part: ModuleType) -> None:
    text = "--only-binary :all:\nalpha==1 \\\n    --hash=sha256:a\n    # via x\nBeta_x[y]==2 \\\n    --hash=sha256:b\n"
    assert part.requirements(text, {"beta-x"}) == "--only-binary :all:\nBeta_x[y]==2 \\\n    --hash=sha256:b\n"
    assert part.releases(text)["alpha"] == "alpha==1 \\\n    --hash=sha256:a\n"


def test_what_a_lock_has_built_from_source_is_known_by_its_options(part: ModuleType) -> None:
    assert part.built("--only-binary :all:\n--no-binary Beta_x\nbeta-x==2\n") == {"beta-x"}


def test_a_settled_file_does_not_tell_how_old_the_cache_is(
    group: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unpacked(words: list[str], environment: dict[str, str]) -> None:
        path = Path(words[words.index("--prefix") + 1], "lib/tool")
        path.parent.mkdir(parents=True)
        path.write_text("beta's")
        path.chmod(0o755)
        os.utime(path, (1, 1))

    monkeypatch.setattr(group, "CACHE", tmp_path)
    monkeypatch.setattr(group, "run_from_cache", unpacked)
    (tmp_path / "requirements.txt").write_text("beta==1 \\\n    --hash=sha256:b\n")
    path = tmp_path / "place/lib/tool"
    path.parent.mkdir(parents=True)
    path.write_text("alpha's")
    group.settle(Path("/env"), tmp_path / "place", tmp_path, "beta", ["lib/tool"], {})
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("beta's", 0o755)
    assert path.stat().st_mtime > 1


def test_what_two_environments_have_alike_is_there_once(group: ModuleType, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "lib").mkdir(parents=True)
        (tmp_path / name / "lib/same.py").write_text("same")
        (tmp_path / name / "lib/empty.py").write_text("")
        (tmp_path / name / "lib/own.py").write_text(name)
        (tmp_path / name / "lib/mode.py").write_text("same")
        (tmp_path / name / "lib/link").symlink_to("same.py")
    (tmp_path / "two/lib/mode.py").chmod(0o755)
    group.share(tmp_path / "two", [tmp_path / "one"])
    linked = {path.name for path in (tmp_path / "two/lib").iterdir() if path.lstat().st_nlink > 1}
    assert linked == {"same.py"}


def test_the_group_may_write_to_everything(group: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o755)
    (tmp_path / "folder/run").write_text("")
    (tmp_path / "folder/run").chmod(0o755)
    (tmp_path / "link").symlink_to("nowhere")
    group.own(tmp_path, os.getgid())
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o775
    assert (tmp_path / "folder/run").stat().st_mode & 0o777 == 0o775


def test_folders_that_a_left_out_file_was_alone_in_go_with_it(group: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "lib/docs/deep").mkdir(parents=True)
    (tmp_path / "lib/other.py").write_text("")
    group.without_empty(tmp_path / "lib/docs/deep/file", tmp_path)
    assert not (tmp_path / "lib/docs").exists()
    assert (tmp_path / "lib/other.py").exists()


def test_a_layer_lists_what_it_has_of_an_environment(group: ModuleType, tmp_path: Path) -> None:
    place = tmp_path / "opt/conda/envs/new"
    (place / "conda-meta").mkdir(parents=True)
    (place / "file").write_text("x")
    group.write_list(place, place / "conda-meta/platform-images.new.1.jsonl", tmp_path, os.getgid(), {})
    listed = [
        json.loads(line)[:2] for line in (place / "conda-meta/platform-images.new.1.jsonl").read_text().splitlines()
    ]
    assert listed == [
        ["opt/conda/envs/new", "d"],
        ["opt/conda/envs/new/conda-meta", "d"],
        ["opt/conda/envs/new/file", "f"],
    ]


def distribution(site: Path, name: str, version: str, *requires: str) -> None:
    """Lay what uv reads of a distribution."""
    info = site / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {each}" for each in requires)]
    (info / "METADATA").write_text("".join(f"{line}\n" for line in ("Metadata-Version: 2.1", *lines)))
    (info / "WHEEL").write_text("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")


def test_requirements_that_do_not_fit_together_are_told_across_both_parts(
    part: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    prefix, place = tmp_path / "prefix", tmp_path / "place"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin/python").symlink_to(Path(sys.base_prefix) / "bin/python3")
    (prefix / "lib").mkdir()
    distribution(prefix / site, "numpy", "1.0")
    distribution(prefix / site, "twice", "1.0")
    (prefix / "lib/python3.1").symlink_to(Path(site).parts[1])
    distribution(place / site, "twice", "2.0")
    distribution(place / site, "fits", "1.0", "numpy", "twice>=2")
    monkeypatch.setattr(part, "CACHE", tmp_path)
    monkeypatch.setattr(part, "UV", str(Path(sys.executable).parent / "uv"))
    part.note(prefix, place, dict(os.environ))
    assert capsys.readouterr().out == ""
    distribution(place / site, "fails", "1.0", "numpy>=2", "absent")
    part.note(prefix, place, dict(os.environ))
    lines = capsys.readouterr().out.splitlines()
    assert [line.startswith("note: ") for line in lines] == [True, True]
    assert "`absent`" in lines[0] and "`numpy>=2`" in lines[1]
    assert not list(tmp_path.glob("check-*"))
