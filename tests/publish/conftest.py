"""What the tests of publishing share: an image, a registry of manifests, and a client of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from platform_images.publish.registry import Registry
from platform_images.publish.values import LocalImage, Login, Repository
from tests.publish.distribution import Distribution, digest_of, image_manifest, served

MISSION = "small"
NAME = "platform/small"
TAG = "1-0123456789ab"
LAYERS = (digest_of("one"), digest_of("two"))
IMAGE = LocalImage(mission="small", id=digest_of("image"), tag=TAG, lock_digest="0" * 64, layers=LAYERS)
BODY = image_manifest(IMAGE.id, ("gz-one", 10), ("gz-two", 20))
OTHER = image_manifest(digest_of("other"), ("gz-one", 10))
ONE = digest_of("one").removeprefix("sha256:")[:12]


def own() -> str:
    return IMAGE.id


def engine_of(distribution: Distribution, body: bytes = BODY) -> Callable[[LocalImage, Registry], frozenset[str]]:
    """An engine that puts a manifest, and says that one layer travelled."""

    def send(image: LocalImage, registry: Registry) -> frozenset[str]:
        distribution.asked.append(("ENGINE", image.tag))
        distribution.keep(NAME, image.tag, body)
        return frozenset({ONE})

    return send


@pytest.fixture
def distribution() -> Iterator[Distribution]:
    """A registry that has nothing."""
    with served(Distribution()) as state:
        yield state


@pytest.fixture
def said() -> list[str]:
    """What a client has said of attempts that failed."""
    return []


@pytest.fixture
def client(distribution: Distribution, said: list[str]) -> Iterator[Callable[..., Registry]]:
    """``client(login)``: a client of the registry that does not wait between attempts."""
    with ExitStack() as stack:

        def make(login: Login | None = None) -> Registry:
            repository = Repository(host=distribution.address, path=f"platform/{MISSION}")
            return stack.enter_context(Registry(repository, login, trust=None, say=said.append, pause=0))

        yield make


@pytest.fixture
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """``docker_config(text)``: this is the docker client's configuration."""

    def write(text: str) -> None:
        (tmp_path / "config.json").write_text(text, encoding="utf-8")
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    return write
