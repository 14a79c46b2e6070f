"""What the tests of publishing share: a registry of manifests, and a client of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from platform_images.publish.registry import Registry
from platform_images.publish.values import Login, Repository
from tests.publish.distribution import Distribution, served

MISSION = "small"


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
