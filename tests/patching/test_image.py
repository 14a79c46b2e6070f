"""Laying a patch: what is built, what the engine is told, and which names are left; the engine is made up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from platform_images.compose.values import Composition
from platform_images.errors import ToolError, UsageError
from platform_images.locks.digest import mission_digest
from platform_images.locks.patches import LABEL, Patch, PatchedPackage, parse_label
from platform_images.patching import image as room
from platform_images.patching.image import laid, patched_again, short
from tests.patching.survey import IMAGE, PATCHED, Survey

BUILT = "platform-images/patched:survey"
BELOW = f"platform-images/released:{'1' * 12}"
PACKAGE = PatchedPackage(unit="survey/sky", kind="pip", name="requests", before="2.32.4", after="2.32.5")


@dataclass(slots=True)
class Engine:
    """As much of an engine as is asked: names of images, and what was built and added.

    Attributes:
        names: Name to image.
        digests: Names by digest of the released image.
        layer: What a build leaves; None for nothing.
        built: What each build was given, with the names that there were.
        added: What each layer was added with.
    """

    names: dict[str, str] = field(default_factory=dict)
    digests: tuple[str, ...] = ()
    layer: bytes | None = b"a layer"
    built: list[dict[str, Any]] = field(default_factory=list)
    added: list[dict[str, Any]] = field(default_factory=list)
    got: str = ""

    @property
    def images(self) -> Engine:
        return self

    def get(self, image: str) -> Engine:
        self.got = image
        return self

    def tag(self, repository: str, *, tag: str) -> None:
        self.names[f"{repository}:{tag}"] = self.got

    def attributes(self, image: str) -> dict[str, Any] | None:
        if image not in (IMAGE, *self.names):
            return None
        return {"RepoTags": [name for name, known in self.names.items() if known == image], "RepoDigests": self.digests}

    def forget(self, name: str) -> None:
        self.names.pop(name, None)

    def name_image(self, image: str, *names: str) -> None:
        self.names |= dict.fromkeys(names, image)

    def build(self, platform: object, mission: object, composition: Composition, **words: Any) -> str:
        assert mission is None
        self.built.append({"composition": composition, "names": dict(self.names), **words})
        if self.layer is not None:
            (words["export"] / "layer.tar").write_bytes(self.layer)
        return ""

    def add_layer(self, released: str, layer: Path, *, reference: str, **words: Any) -> str:
        self.added.append({"released": released, "content": layer.read_bytes(), "reference": reference, **words})
        self.names[reference] = PATCHED
        return PATCHED


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine whose released image has a name; sources are of no commit."""
    found = Engine(names={"survey:1": IMAGE})
    monkeypatch.setattr(room, "engine", lambda: found)
    monkeypatch.setattr(room, "image_attributes", found.attributes)
    monkeypatch.setattr(room, "forget", found.forget)
    monkeypatch.setattr(room, "name_image", found.name_image)
    monkeypatch.setattr(room, "add_layer", found.add_layer)
    monkeypatch.setattr("platform_images.building.context.build_composition", found.build)
    monkeypatch.setattr(room, "git_revision", lambda folder, *, mission: "0123abc")
    return found


def silent(_: str) -> None:
    """Nobody listens."""


def patches(survey: Survey) -> tuple[Patch, ...]:
    """One that has left the present locks."""
    after = mission_digest(survey.locks)
    asked = ("os git", "pip requests")
    return (Patch(released=IMAGE, locks_before="b" * 64, locks_after=after, asked=asked, packages=(PACKAGE,)),)


def lay(survey: Survey, **words: Any) -> tuple[str, int]:
    """Image and size of a patch that nobody gives a name."""
    with laid(
        survey.platform, survey.mission, survey.mission.kernels, survey.locks, patches(survey), say=silent, **words
    ) as found:
        return found.image, found.size


def test_the_layer_is_built_as_files_and_strictly_and_added_to_the_released_image(
    survey: Survey, engine: Engine
) -> None:
    assert lay(survey, no_cache=True) == (PATCHED, len(b"a layer"))
    (built,), (added,) = engine.built, engine.added
    assert (built["name"], built["strict"], built["no_cache"]) == ("survey-patch", True, True)
    assert f"FROM {BELOW} AS released" in built["composition"].dockerfile
    assert (added["released"], added["content"], added["reference"]) == (IMAGE, b"a layer", BUILT)
    assert added["labels"] == built["composition"].labels
    assert parse_label(added["labels"][LABEL]) == patches(survey)
    assert (added["epoch"], added["created_by"]) == (2, "platform-images patch: os git, pip requests")
    assert not built["export"].exists()


def test_the_released_image_has_a_name_for_from_meanwhile(survey: Survey, engine: Engine) -> None:
    lay(survey)
    assert engine.built[0]["names"] == {"survey:1": IMAGE, BELOW: IMAGE}
    assert engine.names == {"survey:1": IMAGE}


def test_a_released_image_without_a_name_keeps_that_one(survey: Survey, engine: Engine) -> None:
    """An engine removes an image with its last name."""
    engine.names.clear()
    lay(survey)
    assert engine.names == {BELOW: IMAGE}


def test_a_released_image_that_the_patched_one_takes_the_name_of_keeps_that_one(survey: Survey, engine: Engine) -> None:
    with laid(
        survey.platform, survey.mission, survey.mission.kernels, survey.locks, patches(survey), say=silent
    ) as found:
        engine.name_image(found.image, "survey:1")
    assert engine.names == {"survey:1": PATCHED, BELOW: IMAGE}


@pytest.mark.parametrize(
    ("digests", "kept"),
    [
        ((f"registry.example.org/survey@sha256:{'3' * 64}",), False),
        ((f"platform-images/released@sha256:{'1' * 64}",), True),  # some engines give each name one
    ],
)
def test_a_name_by_digest_is_a_name_unless_it_is_that_of_the_name_that_goes(
    digests: tuple[str, ...], kept: bool, survey: Survey, engine: Engine
) -> None:
    engine.names.clear()
    engine.digests = digests
    lay(survey)
    assert engine.names == ({BELOW: IMAGE} if kept else {})


def test_a_released_image_that_is_not_there_is_told_with_its_id_before_anything_is_built(
    survey: Survey, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "image_attributes", lambda _: None)
    with pytest.raises(UsageError, match="does not have the image 111111111111") as caught:
        lay(survey)
    assert caught.value.why == f"locks/survey/patches names {IMAGE}"
    assert engine.built == []


def test_a_build_that_fails_leaves_no_name(survey: Survey, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> str:
        raise ToolError("The build of survey-patch failed.")

    monkeypatch.setattr("platform_images.building.context.build_composition", failing)
    with pytest.raises(ToolError, match="survey-patch failed"):
        lay(survey)
    assert (engine.names, engine.added) == ({"survey:1": IMAGE}, [])


def test_a_build_without_a_layer_is_an_error(survey: Survey, engine: Engine) -> None:
    engine.layer = None
    with pytest.raises(ToolError, match="has left no layer"):
        lay(survey)
    assert engine.names == {"survey:1": IMAGE}


def test_an_image_that_was_given_names_loses_none_of_them(survey: Survey, engine: Engine) -> None:
    with laid(
        survey.platform, survey.mission, survey.mission.kernels, survey.locks, patches(survey), say=silent
    ) as found:
        engine.name_image(found.image, *found.composition.tags)
    digest = mission_digest(survey.locks)[:12]
    assert engine.names == {"survey:1": IMAGE, f"survey:1-{digest}-patch1": PATCHED, "survey:latest": PATCHED}


@pytest.mark.parametrize("commit", ["0123abc", "0123abc-dirty", "unknown"])
def test_the_revision_is_the_commit_on_which_the_patch_was_made(
    commit: str, survey: Survey, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is beyond it, the label of patches says."""
    monkeypatch.setattr(room, "git_revision", lambda folder, *, mission: commit)
    lay(survey)
    assert engine.added[0]["labels"]["org.opencontainers.image.revision"] == commit


def test_a_patch_is_laid_again_from_the_present_locks_under_a_name_of_its_own(survey: Survey, engine: Engine) -> None:
    patched_again(
        survey.platform,
        survey.mission,
        survey.mission.kernels,
        patches(survey),
        tag="survey:verify-rebuild",
        no_cache=True,
        say=silent,
    )
    assert engine.names == {"survey:1": IMAGE, "survey:verify-rebuild": PATCHED}
    assert engine.built[0]["no_cache"]
    assert engine.added[0]["labels"]["org.opencontainers.image.revision"] == "0123abc"


def test_people_see_the_first_digits_of_an_id() -> None:
    assert short(IMAGE) == "1" * 12
