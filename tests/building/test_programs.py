"""The programs that run inside build steps: the Python ones here, the one for Debian packages in a real root."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from platform_images.building.context import _secrets
from platform_images.compose.sources import PROGRAMS
from platform_images.engine.client import Finished, run_in
from platform_images.engine.root import ensure_root
from platform_images.files import sha256_file
from platform_images.locks.store import COMMON_OS, ROOT_UNIT, LockStore, os_packages, root
from platform_images.locks.values import DebPackage
from platform_images.model import load_platform
from platform_images.site import CA_IN_BUILD, SiteSettings, site_settings
from platform_images.solve.mirror import Mirrors

EPOCH = "1700000000"
SERIES = f"python{sys.version_info[0]}.{sys.version_info[1]}"
NOBODY = Mirrors(suite="trixie", archive="http://127.0.0.1:9/debian", security="http://127.0.0.1:9/security")
Install = Callable[..., Finished]


def run_program(name: str, *words: str) -> str:
    done = subprocess.run(
        [*(("sh",) if name.endswith(".sh") else (sys.executable, "-I")), str(PROGRAMS / name), *words],
        env={"PATH": os.environ["PATH"], "SOURCE_DATE_EPOCH": EPOCH},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def prefix_with(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / "lib" / SERIES / "site-packages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_bytecode_is_made_once_for_all_environments(tmp_path: Path) -> None:
    files = {"pkg/__init__.py": "x = 1\n", "pkg/template.py": "{{ no python }}\n", "not-a-package/m.py": "y = 2\n"}
    first, second = prefix_with(tmp_path / "a", files), prefix_with(tmp_path / "b", files)
    assert (
        run_program("bytecode.py", str(first), str(tmp_path / "cache")).strip() == "2 modules, 1 of them compiled now"
    )
    assert (
        run_program("bytecode.py", str(second), str(tmp_path / "cache")).strip() == "2 modules, 0 of them compiled now"
    )
    made = sorted(path.relative_to(first) for path in first.rglob("*.pyc"))
    assert [path.name for path in made] == [f"__init__.{sys.implementation.cache_tag}.pyc"]
    assert (first / made[0]).read_bytes() == (second / made[0]).read_bytes()


def test_steps_with_the_same_process_ids_share_the_bytecode_cache(tmp_path: Path) -> None:
    """Each build step counts its processes from one; what another writes at this moment is not touched."""
    code = (
        "import os, sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); import bytecode;"
        "replace = Path.replace;"
        "Path.replace = lambda path, to: (ids and ids.pop() and bytecode.keep(b'', Path(to)),"
        " replace(path, to))[1];"
        "ids = [os.getpid()]; bytecode.keep(b'data', Path(sys.argv[2]))"
    )
    subprocess.run([sys.executable, "-c", code, str(PROGRAMS), str(tmp_path / "key")], check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    assert (tmp_path / "key").read_bytes() == b"data"


def test_bytecode_is_used_and_names_the_file_where_it_lies(tmp_path: Path) -> None:
    prefix = prefix_with(tmp_path / "a", {"pkg/__init__.py": "def fail():\n    raise KeyError('x')\n"})
    run_program("bytecode.py", str(prefix), str(tmp_path / "cache"))
    site = prefix / "lib" / SERIES / "site-packages"
    code = f"import sys; sys.path.insert(0, {str(site)!r}); import pkg; print(pkg.fail.__code__.co_filename)"
    done = subprocess.run([sys.executable, "-I", "-v", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(site / "pkg/__init__.py")
    assert f"code object from '{site}/pkg/__pycache__" in done.stderr
    assert f"wrote '{site}" not in done.stderr


def test_bytecode_does_not_depend_on_what_was_compiled_before(tmp_path: Path) -> None:
    """A name that the process knows already, and a set of names: CPython lays both out as chance has it."""
    sets = "".join(f'{name} in {{"comm_open", "comm_msg"}}\n' for name in "xy")
    tricky = f"class Finder:\n    class Context:\n        pass\n{sets}"
    alone = prefix_with(tmp_path / "alone", {"z/__init__.py": tricky})
    after = prefix_with(
        tmp_path / "after", {"a/__init__.py": "comm_open = comm_msg = 'Finder.Context'\n", "z/__init__.py": tricky}
    )
    found = []
    for prefix in (alone, after):
        run_program("bytecode.py", str(prefix), str(prefix / "cache"))
        found.append(next(prefix.glob("lib/*/site-packages/z/__pycache__/*.pyc")).read_bytes())
    assert found[0] == found[1]


def test_nothing_is_newer_than_the_locked_date(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/new").write_text("")
    (tmp_path / "old").write_text("")
    (tmp_path / "link").symlink_to("nowhere")
    os.utime(tmp_path / "old", (1, 1))
    run_program("settle.sh", str(tmp_path))
    times = {path.name: path.lstat().st_mtime for path in (tmp_path, *tmp_path.rglob("*"))}
    assert times == {tmp_path.name: int(EPOCH), "folder": int(EPOCH), "new": int(EPOCH), "link": int(EPOCH), "old": 1}


@pytest.fixture(scope="module")
def package(project: Path) -> DebPackage:
    """A small locked package that needs nothing beyond the root."""
    packages = os_packages(LockStore(project / "locks").require(COMMON_OS)).packages
    return next(package for package in packages if package.name == "tini")


@pytest.fixture(scope="module")
def install(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """Run install_os.sh with a list in a container of the locked root."""
    platform = load_platform(project)
    image = ensure_root(platform, root(LockStore(platform.locks).require(ROOT_UNIT)), say=lambda _: None)
    secrets = _secrets(site_settings(), tmp_path_factory.mktemp("secrets"))
    files = {f"/run/secrets/{name}": path.read_bytes() for name, path in secrets.items()}
    for name in ("install_os.sh", "settle.sh"):
        files[f"/mnt/{name}"] = (PROGRAMS / name).read_bytes()

    def run(
        listed: str, *, edits: str = "", snapshots: str = "", strict: bool = False, network: str = "bridge"
    ) -> Finished:
        script = (
            f"export PLATFORM_IMAGES_APT_EDITS='{edits}' PLATFORM_IMAGES_STRICT={'1' if strict else ''}\n"
            f"export PLATFORM_IMAGES_SNAPSHOTS='{snapshots}'\n"
            f"export SOURCE_DATE_EPOCH={EPOCH}; sh /mnt/install_os.sh common/os /mnt/list || exit $?; "
            "find /var/log /var/lib/apt/lists -type f -size +0; "
            "echo record:; cat /opt/environments/record/drift/common-os.txt; tini --version"
        )
        return run_in(
            image.reference,
            ["sh", "-c", script],
            role="test",
            network=network,
            files_in={**files, "/mnt/list": listed.encode()},
        )

    assert CA_IN_BUILD == "/run/secrets/ca"
    return run


def line(package: DebPackage, *, version: str | None = None, sha256: str | None = None, path: str | None = None) -> str:
    words = (package.name, version or package.version, package.architecture, sha256 or package.sha256)
    return f"{' '.join(words)} {path or package.path}\n"


def old_package(archive: Path) -> DebPackage:
    """Make a package that no mirror has in an archive's pool."""
    made, path = archive / "made", "pool/main/t/tini/tini_0.0.1-1_amd64.deb"
    (made / "DEBIAN").mkdir(parents=True)
    (made / "usr/bin").mkdir(parents=True)
    (made / "DEBIAN/control").write_text(
        "Package: tini\nVersion: 0.0.1-1\nArchitecture: amd64\nMaintainer: A <a@example.org>\nDescription: old\n"
    )
    (made / "usr/bin/tini").write_text("#!/bin/sh\necho an old tini\n")
    (made / "usr/bin/tini").chmod(0o755)
    (archive / path).parent.mkdir(parents=True)
    subprocess.run(["dpkg-deb", "--build", str(made), str(archive / path)], check=True, capture_output=True)
    return DebPackage(
        name="tini",
        version="0.0.1-1",
        architecture="amd64",
        path=path,
        sha256=sha256_file(archive / path),
        size=(archive / path).stat().st_size,
    )


def test_a_step_is_told_of_snapshots_in_the_secret_that_no_layer_shows(tmp_path: Path) -> None:
    urls = ("https://a.example/1", "https://a.example/2")
    path = _secrets(SiteSettings(), tmp_path, snapshots=urls)["site"]
    told = subprocess.run(
        ["sh", "-c", '. "$1"; for each in $PLATFORM_IMAGES_SNAPSHOTS; do echo "$each"; done', "-", str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == list(urls)
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.engine
@pytest.mark.network
def test_a_locked_package_is_installed_and_leaves_no_drift(package: DebPackage, install: Install) -> None:
    done = install(line(package))
    assert done.exit_code == 0, done.output
    assert "record:\ntini version" in done.output


@pytest.mark.engine
@pytest.mark.network
def test_a_locked_package_is_fetched_by_its_path_whatever_the_mirror_has_besides(
    package: DebPackage, install: Install
) -> None:
    done = install(line(package))
    assert "fetching 1 packages" in done.output
    assert "not to be had" not in done.output
    assert "reading the mirrors' lists" not in done.output


@pytest.mark.engine
@pytest.mark.network
def test_the_machine_s_own_mirror_is_asked_and_not_the_public_one(package: DebPackage, install: Install) -> None:
    done = install(line(package), edits=NOBODY.sed_script())
    assert done.exit_code == 1
    assert "apt-get update failed" in done.output
    assert "127.0.0.1" in done.output


@pytest.mark.engine
def test_what_the_mirrors_have_no_more_comes_from_a_snapshot_of_the_archive(
    install: Install, tmp_path: Path, serve_folder: Callable[[Path], str]
) -> None:
    (tmp_path / "empty").mkdir()
    old = old_package(tmp_path / "snapshot")
    urls = [serve_folder(tmp_path / name) for name in ("empty", "snapshot")]
    done = install(line(old), edits=NOBODY.sed_script(), snapshots=" ".join(urls), strict=True, network="host")
    assert done.exit_code == 0, done.output
    assert "reading the mirrors' lists" not in done.output
    assert done.output.endswith("record:\nan old tini\n")


@pytest.mark.engine
def test_without_what_is_locked_a_snapshot_changes_nothing(
    install: Install, tmp_path: Path, serve_folder: Callable[[Path], str]
) -> None:
    old = old_package(tmp_path)
    with (tmp_path / old.path).open("ab") as stream:
        stream.write(b"x")
    url = serve_folder(tmp_path)
    done = install(line(old), edits=NOBODY.sed_script(), snapshots=url, strict=True, network="host")
    assert done.exit_code == 1
    assert "1 locked packages are not to be had" in done.output


@pytest.mark.engine
@pytest.mark.network
def test_a_package_with_other_content_than_locked_is_refused(package: DebPackage, install: Install) -> None:
    wrong = "0" * 64
    done = install(line(package, sha256=wrong))
    assert done.exit_code == 1
    assert f"hash mismatch: {Path(package.path).name}" in done.output
    assert f"expected sha256 {wrong}" in done.output
    assert f"found sha256    {package.sha256}" in done.output


@pytest.mark.engine
@pytest.mark.network
def test_a_superseded_package_is_taken_in_its_present_version_and_recorded(
    package: DebPackage, install: Install
) -> None:
    done = install(line(package, version="0.0.1-1", path="pool/main/t/tini/tini_0.0.1-1_amd64.deb"))
    assert done.exit_code == 0, done.output
    assert f"record:\ntini 0.0.1-1 {package.version}\n" in done.output


@pytest.mark.engine
@pytest.mark.network
def test_a_strict_build_takes_no_other_version_and_lists_what_is_gone(package: DebPackage, install: Install) -> None:
    done = install(line(package, version="0.0.1-1", path="pool/main/t/tini/tini_0.0.1-1_amd64.deb"), strict=True)
    assert done.exit_code == 1
    assert "1 locked packages are not to be had, and a strict build takes no others:\n  tini 0.0.1-1" in done.output
    assert "record:" not in done.output
