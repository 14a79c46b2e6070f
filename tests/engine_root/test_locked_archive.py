from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from platform_images.engine.debootstrap import make_root
from platform_images.engine.lockedarchive import fetch, locked_archive, source_line, write_index
from platform_images.errors import MismatchError
from platform_images.files import sha256_file
from platform_images.locks.values import DebPackage, RootSystem
from platform_images.model import Platform
from platform_images.solve.mirror import Mirrors


def package_in(mirror: Path, name: str, version: str = "1.0") -> DebPackage:
    """Make a package of nothing but its control file in a mirror's pool."""
    made = mirror / "made" / name
    (made / "DEBIAN").mkdir(parents=True)
    (made / "DEBIAN" / "control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: {name}\n"
    )
    path = f"pool/main/{name[0]}/{name}/{name}_{version}_all.deb"
    (mirror / path).parent.mkdir(parents=True)
    subprocess.run(["dpkg-deb", "--build", str(made), str(mirror / path)], check=True, capture_output=True)
    return DebPackage(
        name=name,
        version=version,
        architecture="all",
        path=path,
        sha256=sha256_file(mirror / path),
        size=(mirror / path).stat().st_size,
    )


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir()
    return folder


def mirrors(mirror: Path | None, *snapshots: str) -> Mirrors:
    return Mirrors(suite="trixie", archive=mirror.as_uri() if mirror else None, snapshots=snapshots)


def test_packages_are_fetched_by_their_paths_and_listed_with_their_hashes(mirror: Path) -> None:
    packages = [package_in(mirror, name) for name in ("beta", "alpha")]
    said: list[str] = []
    with locked_archive(packages, "trixie", architecture="amd64", mirrors=mirrors(mirror), say=said.append) as folder:
        assert folder is not None
        listed = (folder / "Packages").read_text()
        release = (folder / "Release").read_text()
        assert source_line(folder) == f"deb [trusted=yes] copy:{folder} ./"
    assert [line for line in listed.splitlines() if line.startswith("Package:")] == ["Package: alpha", "Package: beta"]
    for each in packages:
        assert f"Filename: {each.path}\nSize: {each.size}\nSHA256: {each.sha256}\n" in listed
    assert "Codename: trixie\nArchitectures: amd64\n" in release
    assert not folder.exists()
    assert said == []


def test_a_package_that_no_mirror_has_is_named_and_there_is_no_archive(mirror: Path) -> None:
    there = package_in(mirror, "there")
    gone = DebPackage(
        name="gone", version="1", architecture="all", path="pool/g/gone_1_all.deb", sha256="0" * 64, size=1
    )
    said: list[str] = []
    with locked_archive(
        [there, gone], "trixie", architecture="amd64", mirrors=mirrors(mirror), say=said.append
    ) as made:
        assert made is None
    assert said == ["the mirrors do not have gone 1; the root is made from what they have now"]


def test_a_package_with_another_content_is_refused(mirror: Path, tmp_path: Path) -> None:
    package = package_in(mirror, "changed")
    with (mirror / package.path).open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(MismatchError, match=r"changed_1\.0_all\.deb") as caught:
        fetch([package], tmp_path / "archive", mirrors(mirror))
    assert package.sha256 in (caught.value.why or "")


def test_without_a_mirror_nothing_is_to_be_had(mirror: Path, tmp_path: Path) -> None:
    package = package_in(mirror, "any")
    assert fetch([package], tmp_path / "archive", mirrors(None)) == (package,)


def test_what_the_mirrors_have_no_more_comes_from_a_snapshot(
    mirror: Path, tmp_path: Path, serve_folder: Callable[[Path], str]
) -> None:
    """Each package lies in one of three places; the snapshot of the security part has none."""
    present, old = package_in(mirror, "present"), package_in(tmp_path / "snapshot", "old")
    urls = [serve_folder(tmp_path / name) for name in ("empty", "snapshot")]
    said: list[str] = []
    with locked_archive(
        [present, old], "trixie", architecture="amd64", mirrors=mirrors(mirror, *urls), say=said.append
    ) as folder:
        assert folder is not None
        assert sha256_file(folder / present.path) == present.sha256
        assert sha256_file(folder / old.path) == old.sha256
    assert said == []


def test_a_snapshot_is_enough_where_the_machine_has_no_mirror(
    mirror: Path, tmp_path: Path, serve_folder: Callable[[Path], str]
) -> None:
    package = package_in(mirror, "any")
    assert fetch([package], tmp_path / "archive", mirrors(None, serve_folder(mirror))) == ()
    assert (tmp_path / "archive" / package.path).is_file()


def test_the_same_packages_make_the_same_lists(mirror: Path) -> None:
    packages = [package_in(mirror, name) for name in ("one", "two")]
    write_index(mirror, packages, "trixie", architecture="amd64")
    first = [(mirror / name).read_bytes() for name in ("Packages", "Release")]
    write_index(mirror, packages[::-1], "trixie", architecture="amd64")
    assert [(mirror / name).read_bytes() for name in ("Packages", "Release")] == first


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_locked_packages_make_the_locked_root_whoever_can_read_the_temporary_folder(
    mode: int, real_platform: Platform, locked_root: RootSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(mode)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    said: list[str] = []
    made = make_root(
        locked_root.source,
        architecture=real_platform.architecture,
        epoch=locked_root.epoch,
        packages=locked_root.packages,
        say=said.append,
    )
    assert made.digest == locked_root.digest
    assert made.packages == locked_root.packages
    assert not [line for line in said if "do not have" in line]
