"""A root that is an image of a registry, in a mirror: saved once, checked by hash and id, loaded where it is not."""

from __future__ import annotations

import gzip
import json
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import ClassVar

import pytest

from platform_images.engine import savedimage
from platform_images.engine.client import engine, image_attributes, image_id, pull
from platform_images.engine.registryimage import image_digest, locked_image, present_image, save_root
from platform_images.engine.rootimage import config_text, load_image, root_reference
from platform_images.engine.savedimage import config_digest
from platform_images.errors import LockError, MismatchError, PlatformError
from platform_images.files import json_text, sha256_bytes, sha256_file
from platform_images.locks.store import ROOT_UNIT
from platform_images.locks.values import PACKAGES, Header, Lock, MissionLocks, RootSystem
from platform_images.mirror import filling, reading
from platform_images.mirror.checking import check_files
from platform_images.mirror.filling import Filled, fill
from platform_images.mirror.manifest import Manifest, MirrorFile, read_manifest, solution_digest, write_manifest
from platform_images.mirror.needs import need, root_path
from platform_images.mirror.reading import mirror_source
from platform_images.model import Platform, load_mission, load_platform
from platform_images.verify.images import base_layers

SOURCE = "localhost:9/platform-images/root-test:mirror"
OTHER = "sha256:" + "9" * 64


def quiet(text: str) -> None:
    """Say nothing."""


def locked(system: RootSystem) -> MissionLocks:
    text = json_text(system.model_dump(mode="json"))
    header = Header(inputs={}, solvers={}, files={PACKAGES: sha256_bytes(text.encode())})
    return MissionLocks(mission="small", locks=(Lock(unit=ROOT_UNIT, header=header, files={PACKAGES: text}),))


@pytest.fixture(autouse=True)
def only_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tools of build steps are no matter here."""
    for module in (filling, reading):
        monkeypatch.setattr(module, "tool_needs", lambda locks: ())


@pytest.fixture
def platform(small_project: Path) -> Platform:
    return load_platform(small_project)


@pytest.fixture
def registry_image(tmp_path: Path) -> Iterator[RootSystem]:
    """An image of one file, as if it came from a registry, and its lock; all its names are removed at the end."""
    layer = tmp_path / "layer.tar"
    layer.write_bytes(_layer())
    text = config_text(digest=f"sha256:{sha256_file(layer)}", platform="linux/amd64", epoch=7, labels={})
    found = load_image(layer, config=text, reference=SOURCE)
    names = (SOURCE, root_reference(found))
    yield RootSystem(provider="image", source=SOURCE, digest=OTHER, epoch=7, glibc="2.41", packages=(), image_id=found)
    forget(*names)


def _layer() -> bytes:
    stream = BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo("mirrored-root")
        member.size = 4
        archive.addfile(member, BytesIO(b"root"))
    return stream.getvalue()


def forget(*names: str) -> None:
    for name in names:
        if image_id(name):
            engine().images.remove(name)


@pytest.fixture
def filled(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Callable[[RootSystem, Path], Filled]:
    """``filled(system, folder)``: `invoke mirror` for a mission whose locks have this root, and nothing else."""

    def run(system: RootSystem, folder: Path) -> Filled:
        monkeypatch.setattr(filling, "frozen_locks", lambda *args: locked(system))
        return fill(platform, load_mission(platform, "small"), out=folder, say=quiet)

    return run


def offered(folder: Path, system: RootSystem) -> Path | None:
    """Return what a build without a network is given as its root."""
    with mirror_source(folder, locked(system), offline=True, say=quiet) as source:
        return source.root


def flipped(path: Path, at: bytes) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(at)] ^= 1
    path.write_bytes(data)


@pytest.mark.engine
def test_it_is_saved_checked_and_loaded_where_there_is_no_registry(
    registry_image: RootSystem, filled: Callable[[RootSystem, Path], Filled], tmp_path: Path
) -> None:
    mirror = tmp_path / "mirror"
    done = filled(registry_image, mirror)
    path = mirror / root_path(registry_image)
    assert (done.files, done.fetched, path.is_file()) == (1, 1, True)
    assert sorted(each.name for each in path.parent.iterdir()) == [path.name], "no part is left"
    assert filled(registry_image, mirror).fetched == 0
    assert check_files(mirror, read_manifest(mirror) or Manifest()) == ()
    assert "localhost" not in (mirror / "manifest.json").read_text()

    layers = base_layers(registry_image)
    forget(SOURCE, root_reference(str(registry_image.image_id)))
    assert present_image(registry_image) is None
    assert base_layers(registry_image) is None

    said: list[str] = []
    name = locked_image(registry_image, mirrored=offered(mirror, registry_image), say=said.append)
    assert (name, image_id(name)) == (root_reference(str(registry_image.image_id)), registry_image.image_id)
    assert said == ["loading the root into the engine"], "nothing was pulled"
    assert locked_image(registry_image, mirrored=None, say=said.append) == name
    assert len(said) == 1, "what the engine has is not loaded again"
    assert base_layers(registry_image) == layers != ()

    again = tmp_path / "again.tar"
    save_root(registry_image, again, say=quiet)
    assert again.read_bytes() == path.read_bytes(), "a loaded image gives the same file"


@pytest.mark.engine
def test_a_changed_byte_is_refused_before_anything_is_loaded_and_cured_by_filling(
    registry_image: RootSystem, filled: Callable[[RootSystem, Path], Filled], tmp_path: Path
) -> None:
    filled(registry_image, tmp_path / "m")
    mirror, path = tmp_path / "m", tmp_path / "m" / root_path(registry_image)
    right = sha256_file(path)
    flipped(path, b"mirrored-root")
    with pytest.raises(MismatchError) as caught:
        offered(mirror, registry_image)
    assert int(caught.value.exit_code) == 4
    assert path.name in caught.value.what
    assert caught.value.why == f"expected sha256 {right}\nfound sha256    {sha256_file(path)}"
    (found,) = check_files(mirror, read_manifest(mirror) or Manifest())
    assert (found.path, found.state, found.expected) == (root_path(registry_image), "damaged", right)

    assert filled(registry_image, mirror).fetched == 1
    assert sha256_file(path) == right
    path.unlink()
    (gone,) = check_files(mirror, read_manifest(mirror) or Manifest())
    assert (gone.path, gone.state) == (root_path(registry_image), "missing")
    with pytest.raises(PlatformError, match="gone"):
        offered(mirror, registry_image)


@pytest.mark.engine
def test_a_manifest_that_was_changed_with_its_file_does_not_help(
    registry_image: RootSystem, filled: Callable[[RootSystem, Path], Filled], tmp_path: Path
) -> None:
    filled(registry_image, tmp_path)
    path = tmp_path / root_path(registry_image)
    flipped(path, b"mirrored-root")
    lock = locked(registry_image).locks[0]
    file = MirrorFile(sha256=sha256_file(path), size=path.stat().st_size)
    write_manifest(
        tmp_path, Manifest().with_unit("common/root", solution_digest(lock), {root_path(registry_image): file})
    )
    with pytest.raises(MismatchError, match="is not the root image that the lock names: layer sha256:") as caught:
        offered(tmp_path, registry_image)
    assert path.name in caught.value.what
    assert "found    sha256:" in (caught.value.why or "")


class Registry(BaseHTTPRequestHandler):
    """Answers as a registry does, to those who only read; ``things`` are content types and contents by path."""

    things: ClassVar[dict[str, tuple[str, bytes]]] = {}

    def do_GET(self) -> None:
        """Give what is asked for."""
        kind, data = self.things.get(self.path, ("", b""))
        self.send_response(200 if kind else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    do_HEAD = do_GET  # noqa: N815 - the name that it has there

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that it has there
        """Say nothing."""


def published(text: str) -> dict[str, tuple[str, bytes]]:
    """Return what a registry has of an image of one layer, which it keeps compressed."""
    kind, config, layer = "application/vnd.oci.image", text.encode(), gzip.compress(_layer(), mtime=0)
    blobs = {f"sha256:{sha256_bytes(each)}": each for each in (config, layer)}
    (of_config, of_layer) = blobs
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": f"{kind}.manifest.v1+json",
            "config": {"mediaType": f"{kind}.config.v1+json", "digest": of_config, "size": len(config)},
            "layers": [{"mediaType": f"{kind}.layer.v1.tar+gzip", "digest": of_layer, "size": len(layer)}],
        }
    ).encode()
    names = ("1", f"sha256:{sha256_bytes(manifest)}")
    return {
        "/v2/": ("application/json", b"{}"),
        **{f"/v2/e/root/manifests/{name}": (f"{kind}.manifest.v1+json", manifest) for name in names},
        **{f"/v2/e/root/blobs/{digest}": ("application/octet-stream", data) for digest, data in blobs.items()},
    }


@pytest.mark.engine
def test_one_that_was_pulled_by_its_digest_is_loaded_when_its_registry_is_gone(
    filled: Callable[[RootSystem, Path], Filled], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = config_text(digest=f"sha256:{sha256_bytes(_layer())}", platform="linux/amd64", epoch=8, labels={})
    monkeypatch.setattr(Registry, "things", published(text))
    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = f"127.0.0.1:{server.server_port}/e/root:1"
        pull(source)
        attributes = image_attributes(source) or {}
        system = RootSystem(
            provider="image",
            source=source,
            digest=image_digest(attributes),
            epoch=8,
            glibc="2.41",
            packages=(),
            image_id=config_digest(source),
        )
        pinned = f"{source.removesuffix(':1')}@{system.digest}"
        forget(source, pinned)
        assert present_image(system) is None
        assert filled(system, tmp_path).fetched == 1, "it was pulled, by its digest"
        assert present_image(system) == pinned
        forget(pinned)
        server.shutdown()
    name = locked_image(system, mirrored=offered(tmp_path, system), say=quiet)
    try:
        assert (name, config_digest(name)) == (root_reference(f"sha256:{sha256_bytes(text.encode())}"), system.image_id)
        assert base_layers(system) == (f"sha256:{sha256_bytes(_layer())}",)
    finally:
        forget(name)


@pytest.mark.engine
def test_an_engine_whose_ids_are_not_those_of_configurations_is_asked_for_the_configuration(
    registry_image: RootSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = {"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}
    monkeypatch.setattr(engine(), "info", lambda: status)
    monkeypatch.setattr(savedimage, "image_id", lambda reference: OTHER)
    assert config_digest(SOURCE) == registry_image.image_id


@pytest.mark.engine
def test_another_image_under_the_locked_name_is_not_saved(registry_image: RootSystem, tmp_path: Path) -> None:
    found = str((image_attributes(SOURCE) or {})["Id"])
    moved = registry_image.model_copy(update={"digest": found, "image_id": OTHER})
    with pytest.raises(MismatchError) as caught:
        save_root(moved, tmp_path / "root.tar", say=quiet)
    assert caught.value.why == f"expected {OTHER}\nfound    {found}"
    assert not list(tmp_path.glob("*root.tar*"))


@pytest.mark.engine
def test_one_that_is_only_known_by_its_id_gets_a_name_that_a_build_can_use(registry_image: RootSystem) -> None:
    elsewhere = registry_image.model_copy(update={"source": "localhost:9/platform-images/root-test:none"})
    name = locked_image(elsewhere, mirrored=None, say=quiet)
    assert name == root_reference(str(registry_image.image_id))
    assert image_id(name) == registry_image.image_id


@pytest.mark.engine
def test_an_image_that_is_nowhere_leaves_no_file(
    registry_image: RootSystem, filled: Callable[[RootSystem, Path], Filled], tmp_path: Path
) -> None:
    lost = registry_image.model_copy(update={"digest": OTHER, "image_id": OTHER})
    with pytest.raises(MismatchError, match="is not to be had"):
        filled(lost, tmp_path / "m")
    assert not [each for each in (tmp_path / "m").rglob("*") if each.is_file() and each.name != ".lock"]


def older() -> RootSystem:
    """The root of a lock that was written before ids were."""
    text = json.dumps(
        {"provider": "image", "source": SOURCE, "digest": OTHER, "epoch": 7, "glibc": "2.41", "packages": []}
    )
    return RootSystem.model_validate_json(text)


def test_a_lock_without_an_id_is_read_and_its_mirror_says_what_to_do(
    filled: Callable[[RootSystem, Path], Filled], tmp_path: Path
) -> None:
    assert need(locked(older()).locks[0]).system == older()
    with pytest.raises(LockError) as caught:
        filled(older(), tmp_path / "m")
    assert caught.value.fix == 'nox -s "lock(common, root)" locks it with its id'
    assert not (tmp_path / "m").exists()


def test_a_mirror_that_has_no_root_for_such_a_lock_is_not_whole(tmp_path: Path) -> None:
    lock = locked(older()).locks[0]
    write_manifest(tmp_path, Manifest().with_unit("common/root", solution_digest(lock), {}))
    with pytest.raises(PlatformError, match="does not hold all") as caught:
        offered(tmp_path, older())
    assert caught.value.why == "common/root"
    with mirror_source(tmp_path, locked(older()), offline=False, say=quiet) as source:
        assert (source.root, source.units) == (None, frozenset())
