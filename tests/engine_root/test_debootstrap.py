from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from platform_images.engine import debootstrap
from platform_images.engine.debootstrap import build_argv, cached_tar, make_root
from platform_images.errors import PrerequisiteError, ToolError
from platform_images.files import json_text
from platform_images.locks.store import ROOT_UNIT, LockStore
from platform_images.locks.store import root as root_of
from platform_images.locks.values import PACKAGES, Header, Lock, RootSystem, Unit
from platform_images.model import Platform
from platform_images.solve.mirror import Mirrors
from platform_images.solve.root import solve_root


def quiet(text: str) -> None:
    """Say nothing."""


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_no_mirror_is_named_and_hosts_files_are_emptied() -> None:
    argv = build_argv(
        "mm", "trixie", architecture="amd64", folder=Path("/scratch dir"), mirrors=Mirrors(suite="trixie")
    )
    assert argv[-2:] == ["trixie", "/scratch dir/root.tar"]
    assert "--architectures=amd64" in argv
    words = " ".join(argv)
    assert "http" not in words
    assert "resolv.conf" in words
    assert "download /platform-images/records '/scratch dir/records'" in words


def test_the_machines_mirrors_serve_the_download_and_do_not_stay() -> None:
    own = Mirrors(suite="trixie", archive="https://mirror.site/debian")
    argv = build_argv("mm", "trixie", architecture="amd64", folder=Path("/s"), mirrors=own)
    (setup,) = [word for word in argv if word.startswith("--setup-hook=")]
    assert "https://mirror.site/debian" in setup
    assert not any("mirror.site" in word for word in argv if word != setup)


def test_without_mmdebstrap_the_cure_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debootstrap, "which", lambda program: None)
    with pytest.raises(PrerequisiteError) as caught:
        make_root("trixie", architecture="amd64", epoch=0, say=quiet)
    assert "apt-get install mmdebstrap" in (caught.value.fix or "")
    assert 'provider = "image"' in (caught.value.fix or "")


def test_a_damaged_tar_in_the_cache_is_not_used(own_cache: Path) -> None:
    digest = "sha256:" + "1" * 64
    place = own_cache / "platform-images" / "roots" / f"{'1' * 64}.tar"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"not that")
    assert cached_tar(digest) is None


@pytest.mark.network
@pytest.mark.slow
class TestMade:
    def test_a_wrong_suite_is_said(self, own_cache: Path) -> None:
        with pytest.raises(ToolError) as caught:
            make_root("trixxie", architecture="amd64", epoch=0, say=quiet)
        assert "platform.toml: [root] suite" in (caught.value.fix or "")
        assert list((own_cache / "platform-images" / "roots").iterdir()) == []

    def test_the_same_packages_are_the_same_lock_on_another_machine(
        self, real_platform: Platform, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = solve_root(real_platform, old=LockStore(real_platform.locks).read(ROOT_UNIT), say=quiet)
        text = first.files[PACKAGES]
        lock = Lock(
            unit=Unit(scope="common", part="root"),
            header=Header(inputs={}, solvers={}, files={}),
            files={PACKAGES: text},
        )
        system = root_of(lock)
        self.check(system, cached_tar(system.digest))
        monkeypatch.setenv("TZ", "Asia/Tokyo")
        monkeypatch.setenv("LANG", "de_DE.UTF-8")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other cache"))
        monkeypatch.chdir(tmp_path)
        before = os.umask(0o077)
        try:
            again = solve_root(real_platform, old=lock, say=quiet)
        finally:
            os.umask(before)
        assert again.files[PACKAGES] == text == json_text(system.model_dump(mode="json"))

    def check(self, system: RootSystem, tar: Path | None) -> None:
        assert tar is not None
        assert system.glibc.startswith("2.")
        names = [each.name for each in system.packages]
        assert names == sorted(names)
        assert {"apt", "base-files", "libc6"} <= set(names)
        assert all(each.path.startswith("pool/") for each in system.packages)
        with tarfile.open(tar) as archive:
            members = {each.name: each for each in archive.getmembers()}
            assert max(each.mtime for each in members.values()) <= system.epoch
        assert members["./etc/resolv.conf"].size == members["./etc/hostname"].size == 0
        assert "./platform-images" not in members
        assert not [name for name in members if name.startswith(("./var/lib/apt/lists/d", "./var/log/dpkg.log"))]
        assert "./etc/machine-id" not in members or members["./etc/machine-id"].size == 0
