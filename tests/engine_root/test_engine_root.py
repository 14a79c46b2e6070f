from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from platform_images.engine import debootstrap
from platform_images.engine.client import engine, image_attributes, image_id, image_labels
from platform_images.engine.debootstrap import MadeRoot
from platform_images.engine.registryimage import image_digest
from platform_images.engine.root import DIGEST_LABEL, ensure_root
from platform_images.engine.rootimage import config_text, load_image, root_reference
from platform_images.errors import MismatchError, UsageError
from platform_images.files import sha256_file
from platform_images.locks.store import ROOT_UNIT, LockStore
from platform_images.locks.values import PACKAGES, DebPackage, RootSystem
from platform_images.model import Platform
from platform_images.model.files import Root
from platform_images.solve.deb import Difference
from platform_images.solve.root import solve_root

OTHER = "sha256:" + "9" * 64
SCRATCH = "platform-images/root-test:scratch"


def quiet(text: str) -> None:
    """Say nothing."""


@pytest.fixture
def forgotten() -> Iterator[Callable[[str], str]]:
    """``forgotten(reference)``: an image name that is removed after the test."""
    names: list[str] = []

    def forget(reference: str) -> str:
        names.append(reference)
        return reference

    yield forget
    for name in names:
        if image_id(name):
            engine().images.remove(name, force=True)


def test_an_images_configuration_follows_from_its_tar_alone() -> None:
    texts = {config_text(digest=OTHER, platform="linux/amd64", epoch=1, labels={"b": "2", "a": "1"}) for _ in range(2)}
    assert len(texts) == 1
    assert '"created": "1970-01-01T00:00:01Z"' in texts.pop()


def test_a_registrys_digest_comes_before_an_id() -> None:
    assert image_digest({"RepoDigests": ["a@sha256:1"], "Id": "sha256:2"}) == "sha256:1"
    assert image_digest({"RepoDigests": [], "Id": "sha256:2"}) == "sha256:2"


@pytest.mark.engine
def test_the_locked_root_is_an_image_that_is_used_again_at_once(
    real_platform: Platform, locked_root: RootSystem, root_reference: str
) -> None:
    said: list[str] = []
    image = ensure_root(real_platform, locked_root, say=said.append)
    assert image.reference == root_reference
    assert image_labels(root_reference)[DIGEST_LABEL] == image.digest
    assert not [line for line in said if not line.startswith("drift")]
    created = (image_attributes(root_reference) or {})["Created"]
    assert created.endswith("Z")


@pytest.mark.engine
def test_what_is_not_the_locked_root_is_named_each_time(
    real_platform: Platform,
    locked_root: RootSystem,
    root_reference: str,
    forgotten: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tar = tmp_path / "root.tar"
    tar.write_bytes(b"\0" * 10240)
    digest = f"sha256:{sha256_file(tar)}"
    newer = tuple(_newer(each) if each.name == "apt" else each for each in locked_root.packages)
    made = MadeRoot(tar=tar, digest=digest, packages=newer, newest=1)
    monkeypatch.setattr(debootstrap, "make_root", lambda *args, **options: made)
    lost = locked_root.model_copy(update={"digest": OTHER})
    reference = forgotten(globals()["root_reference"](OTHER))
    apt = next(each.version for each in locked_root.packages if each.name == "apt")
    expected = (Difference(name="apt", locked=apt, found="99"),)
    for _ in range(2):
        said: list[str] = []
        image = ensure_root(real_platform, lost, say=said.append)
        assert (image.reference, image.digest, image.drift) == (reference, digest, expected)
        assert f"drift: apt: locked {apt}, found 99" in said


def _newer(package: DebPackage) -> DebPackage:
    return package.model_copy(update={"version": "99"})


@pytest.mark.engine
def test_an_image_of_ones_own_takes_the_roots_place(
    real_platform: Platform, locked_root: RootSystem, root_reference: str
) -> None:
    same = ensure_root(real_platform, locked_root, override_image=root_reference, say=quiet)
    assert same.reference == root_reference
    other = ensure_root(
        real_platform, locked_root.model_copy(update={"digest": OTHER}), override_image=root_reference, say=quiet
    )
    assert [(each.name, each.locked) for each in other.drift] == [("root", OTHER)]


@pytest.mark.engine
def test_an_image_that_there_is_not_is_said(real_platform: Platform, locked_root: RootSystem) -> None:
    with pytest.raises(UsageError) as caught:
        ensure_root(real_platform, locked_root, override_image="localhost:9/none:none", say=quiet)
    assert "localhost:9/none:none" in caught.value.what


@pytest.mark.engine
def test_a_root_from_an_image_is_locked_by_its_digest(
    real_platform: Platform,
    locked_root: RootSystem,
    root_reference: str,
    forgotten: Callable[[str], str],
) -> None:
    from dataclasses import replace

    reference = forgotten("localhost:9/platform-images/root-test:scratch")
    assert engine().images.get(root_reference).tag(reference)
    settings = real_platform.settings.model_copy(
        update={"root": Root(provider="image", suite="trixie", image=reference)}
    )
    platform = replace(real_platform, settings=settings)
    solution = solve_root(platform, old=None, say=quiet)
    system = RootSystem.model_validate_json(solution.files[PACKAGES])
    assert (system.provider, system.source, system.packages) == ("image", reference, ())
    assert system.glibc == locked_root.glibc
    assert system.epoch == locked_root.epoch
    image = ensure_root(platform, system, say=quiet)
    assert (image.digest, image.drift) == (system.digest, ())
    assert system.image_id == image_id(root_reference)
    with pytest.raises(MismatchError):
        ensure_root(platform, system.model_copy(update={"digest": OTHER, "image_id": OTHER}), say=quiet)


def test_the_lock_of_a_root_made_here_has_the_same_bytes_as_before_images_had_ids(
    real_platform: Platform, locked_root: RootSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = MadeRoot(
        tar=Path("none"), digest=locked_root.digest, packages=locked_root.packages, newest=locked_root.epoch
    )
    monkeypatch.setattr(debootstrap, "make_root", lambda *args, **options: made)
    monkeypatch.setattr("platform_images.process.run", lambda *args: SimpleNamespace(stdout="mmdebstrap 1.3.5\n"))
    solution = solve_root(real_platform, old=LockStore(real_platform.locks).read(ROOT_UNIT), say=quiet)
    saved = real_platform.locks / "common" / "root" / PACKAGES
    assert solution.files[PACKAGES].encode() == saved.read_bytes()


@pytest.mark.engine
def test_the_same_tar_is_the_same_image(forgotten: Callable[[str], str], tmp_path: Path) -> None:
    tar = tmp_path / "layer.tar"
    tar.write_bytes(b"\0" * 10240)
    config = config_text(digest=f"sha256:{sha256_file(tar)}", platform="linux/amd64", epoch=5, labels={})
    forgotten(SCRATCH)
    assert load_image(tar, config=config, reference=SCRATCH) == load_image(tar, config=config, reference=SCRATCH)
    assert (image_attributes(SCRATCH) or {})["Created"] == "1970-01-01T00:00:05Z"
    assert root_reference(OTHER) == "platform-images/root:999999999999"
