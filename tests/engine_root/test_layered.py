"""An image with one more layer: its configuration, and the tar that an engine is given; the engine is made up."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from platform_images.engine import client, layered
from platform_images.engine.layered import add_layer, config_text
from platform_images.errors import ToolError, UsageError
from platform_images.files import sha256_bytes

BELOW = f"sha256:{'1' * 64}"
NAME = "platform-images/patched:small"
LOWER = (b"one".ljust(10240, b"\0"), b"two".ljust(20480, b"\0"))
LAYER = b"three".ljust(10240, b"\0")
CONFIG = {
    "Cmd": ["start-notebook.py"],
    "Entrypoint": ["tini", "--"],
    "Env": ["PATH=/opt/conda/bin:/bin", "LANG=C.UTF-8"],
    "ExposedPorts": {"8888/tcp": {}},
    "Healthcheck": {"Test": ["CMD", "healthcheck"], "Interval": 5000000000},
    "OnBuild": ["RUN true"],
    "Shell": ["/bin/bash", "-c"],
    "StopSignal": "SIGINT",
    "User": "1000",
    "Volumes": {"/data": {}},
    "WorkingDir": "/home/jovyan",
}
TRANSIENT = {"Hostname": "0123456789ab", "Image": "sha256:0", "AttachStdin": False, "Domainname": "", "Tty": False}
STEPS = [{"created": "1970-01-01T00:00:05Z", "created_by": "root"}, {"created": "1970-01-01T00:00:06Z"}]


def digest(data: bytes) -> str:
    return f"sha256:{sha256_bytes(data)}"


def attributes(**config: Any) -> dict[str, Any]:
    """What an engine tells of the image below."""
    labels = {"maintainer": "somebody", "platform-images.mission": "small", "platform-images.lock-digest": "old"}
    return {
        "Id": BELOW,
        "Architecture": "amd64",
        "Os": "linux",
        "Config": {**CONFIG, **TRANSIENT, "Labels": labels, **config},
        "RootFS": {"Type": "layers", "Layers": [digest(each) for each in LOWER]},
        "RepoTags": ["small:latest"],
    }


def configured(below: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "layer": digest(LAYER),
        "labels": {"platform-images.lock-digest": "new", "platform-images.patches": "[]"},
        "created_by": "platform-images patch: os git",
        "epoch": 1700000001,
        **changes,
    }
    return dict(json.loads(config_text(below or attributes(), STEPS, **values)))


def test_what_an_image_does_by_itself_is_carried_and_nothing_of_an_engine() -> None:
    config = configured()["config"]
    config.pop("Labels")
    assert config == CONFIG


def test_a_setting_that_there_is_not_is_not_made_up() -> None:
    """Engines tell some settings as null or empty that the configuration does not have."""
    empty = dict.fromkeys(CONFIG, None) | {"Env": [], "User": "", "WorkingDir": ""}
    assert configured(attributes(**empty, Labels=None))["config"] == {
        "Labels": {"platform-images.lock-digest": "new", "platform-images.patches": "[]"}
    }


def test_labels_take_the_place_of_those_below() -> None:
    assert configured()["config"]["Labels"] == {
        "maintainer": "somebody",
        "platform-images.lock-digest": "new",
        "platform-images.mission": "small",
        "platform-images.patches": "[]",
    }


def test_the_layer_and_its_step_come_last() -> None:
    found = configured()
    assert found["rootfs"] == {"type": "layers", "diff_ids": [*map(digest, LOWER), digest(LAYER)]}
    new = {"created": "2023-11-14T22:13:21Z", "created_by": "platform-images patch: os git"}
    assert found["history"] == [*STEPS, new]
    assert (found["created"], found["architecture"], found["os"]) == (new["created"], "amd64", "linux")


def test_the_same_image_gives_the_same_bytes_in_whatever_order_it_is_told() -> None:
    told = attributes()
    turned = {name: told[name] for name in reversed(told)} | {
        "Config": {name: told["Config"][name] for name in reversed(told["Config"])}
    }
    texts = {
        config_text(each, STEPS, layer=digest(LAYER), labels=labels, created_by="x", epoch=1)
        for each in (told, turned)
        for labels in ({"a": "1", "b": "2"}, {"b": "2", "a": "1"})
    }
    assert len(texts) == 1


class Engine:
    """As much of an engine as is asked, with one image; it keeps what it is given to load.

    Args:
        store: Its DriverStatus.
        takes: Whether what is loaded is there afterwards.
    """

    def __init__(self, *store: list[str], takes: bool = True) -> None:
        self.store, self.takes = list(store), takes
        self.loaded = b""
        self.images = self

    def info(self) -> dict[str, Any]:
        return {"DriverStatus": self.store or None}

    def get(self, image: str) -> Engine:
        assert image == BELOW
        return self

    def history(self) -> list[dict[str, Any]]:
        return [{"Created": 6, "CreatedBy": "RUN two"}, {"Created": 5, "CreatedBy": "RUN one"}]

    def save(self, *, chunk_size: int) -> Iterator[bytes]:
        config = json.dumps({"rootfs": {"diff_ids": [digest(each) for each in LOWER]}}).encode()
        listed = [{"Config": "c.json", "RepoTags": None, "Layers": ["a.tar", "b.tar"]}]
        files = {"a.tar": LOWER[0], "b.tar": LOWER[1], "c.json": config, "manifest.json": json.dumps(listed).encode()}
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as archive:
            for name, data in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        stream.seek(0)
        while chunk := stream.read(4096):
            yield chunk

    def load(self, stream: IO[bytes]) -> None:
        self.loaded = stream.read()

    def files(self) -> dict[str, bytes]:
        """What was loaded, in its order."""
        with tarfile.open(fileobj=io.BytesIO(self.loaded)) as archive:
            assert {(each.mtime, each.uid, each.uname) for each in archive} == {(0, 0, "")}
            return {each.name: (archive.extractfile(each) or io.BytesIO()).read() for each in archive}


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``add(engine)``: the id of the image that the engine has been given."""
    layer = tmp_path / "layer.tar"
    layer.write_bytes(LAYER)

    def added(engine: Engine) -> str:
        for module in (layered, client):
            monkeypatch.setattr(module, "engine", lambda: engine)
        monkeypatch.setattr(layered, "image_attributes", lambda name: attributes() if name == BELOW else None)
        monkeypatch.setattr(
            layered, "image_id", lambda name: f"sha256:{'2' * 64}" if engine.takes and name == NAME else None
        )
        return add_layer(BELOW, layer, labels={"a": "1"}, created_by="x", epoch=9, reference=NAME)

    return added


def test_an_engine_is_given_the_new_layer_and_the_names_of_those_that_it_has(add: Any) -> None:
    engine = Engine(["Backing Filesystem", "extfs"])
    assert add(engine) == f"sha256:{'2' * 64}"
    files = engine.files()
    (listed,) = json.loads(files.pop("manifest.json"))
    assert listed["RepoTags"] == [NAME]
    assert listed["Layers"] == ["lower-1.tar", "lower-2.tar", "layer.tar"]
    assert files.pop("layer.tar") == LAYER
    ((name, config),) = files.items()
    assert name == listed["Config"] == f"{sha256_bytes(config)}.json"
    value = json.loads(config)
    assert value["rootfs"]["diff_ids"] == [digest(each) for each in (*LOWER, LAYER)]
    assert [each["created_by"] for each in value["history"]] == ["RUN one", "RUN two", "x"]
    assert value["config"]["Labels"]["a"] == "1"


def test_the_containerd_store_is_given_every_layer(add: Any) -> None:
    """It takes an image only as a whole."""
    engine = Engine(["driver-type", "io.containerd.snapshotter.v1"])
    add(engine)
    files = engine.files()
    (listed,) = json.loads(files["manifest.json"])
    assert [files[name] for name in listed["Layers"]] == [*LOWER, LAYER]


def test_the_same_layer_on_the_same_image_is_the_same_file(add: Any) -> None:
    first, second = Engine(), Engine()
    add(first)
    add(second)
    assert first.loaded == second.loaded


def test_an_image_that_the_engine_does_not_have_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layered, "image_attributes", lambda _: None)
    with pytest.raises(UsageError, match="There is no image 'small:gone'"):
        add_layer("small:gone", tmp_path / "layer.tar", labels={}, created_by="x", epoch=1, reference=NAME)


def test_an_engine_that_does_not_have_what_it_has_loaded_is_told(add: Any) -> None:
    with pytest.raises(ToolError, match=f"does not have {NAME}"):
        add(Engine(takes=False))


def test_what_an_engine_refuses_is_told_in_its_words(add: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from docker.errors import APIError

    def refuse(stream: IO[bytes]) -> None:
        raise APIError("400", explanation="invalid diffID for layer 2")

    engine = Engine()
    monkeypatch.setattr(engine, "load", refuse)
    with pytest.raises(ToolError, match="could not load the patched image") as caught:
        add(engine)
    assert caught.value.why == "invalid diffID for layer 2"
