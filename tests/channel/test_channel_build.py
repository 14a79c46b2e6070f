"""The channel of a recipe on made-up .deb files, and the committed one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import platformdirs
import pytest

from platform_images.channel import build
from platform_images.channel.deb import Member
from platform_images.channel.recipe import Deb, Package, Recipe, load_recipe, save_recipe
from platform_images.errors import MismatchError
from platform_images.fetch import GoneError
from platform_images.files import sha256_bytes, sha256_file

MakeDeb = Callable[..., bytes]
PACKAGE = Path("linux-64", "python-3.13.1-debian_0_cp313.conda")


def silent(_: str) -> None:
    """Take a line of progress."""


@pytest.fixture
def small(tmp_path: Path, make_deb: MakeDeb) -> tuple[Path, Path]:
    """A channel with a recipe of one small package, and the cache that has its .deb file."""
    deb = make_deb(
        {"usr/bin/python3.13": "not really", "usr/lib/python3.13/os.py": "name = 'posix'\n"},
        executable=("usr/bin/python3.13",),
    )
    sha256 = sha256_bytes(deb)
    channel, cache = tmp_path / "channel", tmp_path / "cache"
    cache.mkdir()
    (cache / sha256).write_bytes(deb)
    package = Package(
        version="3.13.1",
        build_number=0,
        suite="trixie",
        epoch=1700000000,
        depends=("__glibc >=2.38",),
        debs=(Deb(path="pool/main/p/python3.13_3.13.1_amd64.deb", sha256=sha256),),
    )
    save_recipe(channel, Recipe(packages=(package,)))
    return channel, cache


def content(channel: Path) -> dict[str, str]:
    """Every file by its hash."""
    return {
        path.relative_to(channel).as_posix(): sha256_file(path) for path in sorted(channel.rglob("*")) if path.is_file()
    }


def unpacked(package: Path, into: Path) -> tuple[Member, ...]:
    """The files of a conda package as they were packed."""
    from rattler.package_streaming import extract

    extract(package, into)
    return tuple(
        Member(
            path=path.relative_to(into).as_posix(),
            link=str(path.readlink()) if path.is_symlink() else None,
            data=b"" if path.is_symlink() else path.read_bytes(),
            executable=not path.is_symlink() and bool(path.stat().st_mode & 0o100),
            mtime=0,
        )
        for path in sorted(into.rglob("*"))
        if (path.is_symlink() or path.is_file()) and path.relative_to(into).parts[0] != "info"
    )


def test_a_channel_is_made_and_then_is_what_its_recipe_makes(small: tuple[Path, Path]) -> None:
    channel, cache = small
    made = build.rebuild(channel, cache=cache, say=silent)
    assert [(one.name, one.committed) for one in made] == [
        ("linux-64/python-3.13.1-debian_0_cp313.conda", None),
        ("linux-64/repodata.json", None),
        ("noarch/repodata.json", None),
    ]
    before = content(channel)
    assert build.rebuild(channel, cache=cache, say=silent) == ()
    assert content(channel) == before
    assert sorted(path.name for path in channel.iterdir()) == ["linux-64", "noarch", "recipe.toml"]


def test_the_index_has_hashes_and_no_time_of_day(small: tuple[Path, Path]) -> None:
    channel, cache = small
    build.rebuild(channel, cache=cache, say=silent)
    entry = json.loads((channel / "linux-64/repodata.json").read_bytes())["packages.conda"][PACKAGE.name]
    assert entry["sha256"] == sha256_file(channel / PACKAGE)
    assert entry["timestamp"] == 1700000000000
    assert "indexed_timestamp" not in entry


def test_check_reports_a_changed_package_and_changes_nothing(small: tuple[Path, Path]) -> None:
    channel, cache = small
    build.rebuild(channel, cache=cache, say=silent)
    with (channel / PACKAGE).open("ab") as stream:
        stream.write(b"more")
    before = content(channel)
    found = build.rebuild(channel, cache=cache, check=True, say=silent)
    assert [one.name for one in found] == [PACKAGE.as_posix()]
    assert content(channel) == before


def test_a_failure_leaves_the_channel_as_it_was(small: tuple[Path, Path], make_deb: MakeDeb) -> None:
    channel, cache = small
    build.rebuild(channel, cache=cache, say=silent)
    unknown = make_deb({"usr/lib/python3.13/sysconfig/__init__.py": "nothing that the channel knows to edit"})
    (cache / sha256_bytes(unknown)).write_bytes(unknown)
    package = load_recipe(channel).packages[0]
    deb = Deb(path=package.debs[0].path, sha256=sha256_bytes(unknown))
    save_recipe(channel, Recipe(packages=(package, package.model_copy(update={"version": "3.13.2", "debs": (deb,)}))))
    (channel / PACKAGE).unlink()
    before = content(channel)
    with pytest.raises(MismatchError, match=r"sysconfig/__init__\.py"):
        build.rebuild(channel, cache=cache, say=silent)
    assert content(channel) == before


def test_the_task_fails_and_names_what_differs(
    small: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, cache = small
    project = tmp_path / "project"
    shutil.copytree(channel, project / "common/channel")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    shutil.copytree(cache, tmp_path / "xdg/platform-images/debs")
    with pytest.raises(MismatchError) as caught:
        build.run(project, check=True, update=False)
    assert PACKAGE.name in (caught.value.why or "")
    assert build.run(project, check=False, update=False) == 0
    assert build.run(project, check=True, update=False) == 0


def test_the_committed_index_describes_the_committed_packages(project: Path) -> None:
    channel = project / "common/channel"
    recipe = load_recipe(channel)
    entries = json.loads((channel / "linux-64/repodata.json").read_bytes())["packages.conda"]
    assert sorted(entries) == sorted(path.name for path in (channel / "linux-64").glob("*.conda"))
    assert sorted(entries) == [f"python-{one.version}-{build.build_string(one)}.conda" for one in recipe.packages]
    for name, entry in entries.items():
        assert (entry["sha256"], entry["size"]) == (
            sha256_file(channel / "linux-64" / name),
            (channel / "linux-64" / name).stat().st_size,
        )


@pytest.mark.slow
@pytest.mark.parametrize("series", ["3.11", "3.13"])
def test_packing_the_files_of_a_committed_package_again_gives_the_same_bytes(
    project: Path, tmp_path: Path, series: str
) -> None:
    """This holds on any machine and for ever: no archive is asked."""
    channel = project / "common/channel"
    (package,) = (one for one in load_recipe(channel).packages if one.series == series)
    committed = channel / "linux-64" / f"python-{package.version}-{build.build_string(package)}.conda"
    files = unpacked(committed, tmp_path / "files")
    assert sha256_file(build.pack(package, files, tmp_path / "out")) == sha256_file(committed)


@pytest.mark.network
@pytest.mark.slow
def test_the_committed_channel_is_what_the_archive_makes(project: Path) -> None:
    """Where the archive has moved on, the .deb that is missing is named; nothing else may go wrong."""
    channel = project / "common/channel"
    names = {deb.filename for package in load_recipe(channel).packages for deb in package.debs}
    try:
        found = build.rebuild(
            channel, cache=Path(platformdirs.user_cache_dir("platform-images")) / "debs", check=True, say=silent
        )
    except GoneError as error:
        assert any(name in error.what for name in names), error.what
        assert "invoke channel --update" in (error.fix or "")
    else:
        assert found == ()
