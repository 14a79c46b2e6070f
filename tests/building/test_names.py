"""Names of images in an engine, which removes an image with its last name; the engine is made up."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from platform_images.building import names as room
from platform_images.building.names import discard, forget, name_image
from platform_images.errors import ToolError


@dataclass(slots=True)
class Engine:
    """An engine with some images.

    Attributes:
        names: Name to image.
        ids: All that it has, with a name or without.
        used: Those that a container uses.
    """

    names: dict[str, str] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    got: str = ""

    @property
    def images(self) -> Engine:
        return self

    def known(self, reference: str) -> str | None:
        found = self.names.get(reference, reference)
        return found if found in self.ids else None

    def get(self, image: str) -> Engine:
        from docker.errors import ImageNotFound

        if self.known(image) is None:
            raise ImageNotFound("404")
        self.got = image
        return self

    @property
    def tags(self) -> list[str]:
        return [name for name, image in self.names.items() if image == self.got]

    def tag(self, repository: str, *, tag: str) -> None:
        self.names[f"{repository}:{tag}"] = self.got

    def remove(self, reference: str) -> None:
        from docker.errors import APIError

        image = self.names.get(reference, reference)
        others = [name for name, known in self.names.items() if known == image and name != reference]
        if not others and image in self.used:
            raise APIError("409", explanation="image is being used by running container")
        self.names.pop(reference, None)
        if not others:
            self.ids.discard(image)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine with an old image of two names and a new one that has none."""
    found = Engine(names={"tike:1": "old", "tike:latest": "old"}, ids={"old", "new"})
    monkeypatch.setattr(room, "engine", lambda: found)
    monkeypatch.setattr(room, "image_id", found.known)
    return found


def test_an_image_gets_names_and_the_one_that_had_them_keeps_its_others(engine: Engine) -> None:
    name_image("new", "tike:2", "tike:latest")
    assert engine.names == {"tike:1": "old", "tike:latest": "new", "tike:2": "new"}
    assert engine.ids == {"old", "new"}


def test_an_image_that_has_lost_its_last_name_is_gone(engine: Engine) -> None:
    name_image("new", "tike:1", "tike:latest")
    assert engine.ids == {"new"}


def test_unless_something_uses_it(engine: Engine) -> None:
    engine.used = {"old"}
    name_image("new", "tike:1", "tike:latest")
    assert engine.ids == {"old", "new"}


def test_an_image_that_has_its_names_already_stays(engine: Engine) -> None:
    name_image("old", "tike:1", "tike:latest")
    assert (engine.names, engine.ids) == ({"tike:1": "old", "tike:latest": "old"}, {"old", "new"})


def test_what_has_a_name_is_not_discarded_and_what_is_not_there_is_well(engine: Engine) -> None:
    discard("old")
    discard("never was")
    assert engine.ids == {"old", "new"}
    discard("new")
    assert engine.ids == {"old"}


def test_a_name_is_forgotten_and_its_image_kept_where_that_has_another(engine: Engine) -> None:
    forget("tike:1")
    assert (engine.names, engine.ids) == ({"tike:latest": "old"}, {"old", "new"})


def test_an_image_goes_with_its_last_name(engine: Engine) -> None:
    forget("tike:1")
    forget("tike:latest")
    assert (engine.names, engine.ids) == ({}, {"new"})


def test_a_name_that_there_is_not_is_forgotten_already(engine: Engine) -> None:
    forget("tike:9")
    assert engine.names == {"tike:1": "old", "tike:latest": "old"}


def test_an_engine_that_keeps_a_name_says_why(engine: Engine) -> None:
    engine.used = {"old"}
    forget("tike:1")
    with pytest.raises(ToolError, match="could not remove tike:latest") as caught:
        forget("tike:latest")
    assert caught.value.why == "image is being used by running container"
