"""Which package of the pip part is in which layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from packaging.utils import canonicalize_name

from platform_images.compose.groups import MOST_LAYERS, MOST_SHARES, Group, groups
from platform_images.locks.values import Lock, MissionLocks
from platform_images.model import Mission, Platform
from platform_images.model.environment import Environment

Layers = Callable[..., tuple[Group, ...]]


def digits(text: str) -> str:
    return text.encode().hex().ljust(64, "0")[:64]


def requirement(name: str, version: str = "1", comment: str = "x", files: int = 1) -> str:
    hashes = (digits(name + version), *(digits(f"{number}{name}") for number in range(1, files)))
    lines = " \\\n".join(f"    --hash=sha256:{each}" for each in hashes)
    return f"{name}=={version} \\\n{lines}\n    # via {comment}\n"


def compiled(name: str) -> str:
    """A release with wheels for several systems and Pythons."""
    return requirement(name, files=12)


def many(count: int, **changed: str) -> str:
    names = [f"package-{number}" for number in range(count)]
    return "--only-binary :all:\n" + "".join(
        requirement(name, changed.get(name.replace("-", "_"), "1")) for name in names
    )


@pytest.fixture
def layers(platform: Platform, small: Mission, locks: MissionLocks) -> Layers:
    """``layers({"new": text, "old": text, "base": text})``: the layers of environments with these requirements."""

    def made(
        texts: Mapping[str, str], *, build: str | None = None, pythons: Mapping[str, str] | None = None
    ) -> tuple[Group, ...]:
        def with_text(lock: Lock) -> Lock:
            files = {name: text for name, text in lock.files.items() if name != "requirements.txt"}
            if lock.unit.part in texts:
                files["requirements.txt"] = texts[lock.unit.part]
                files |= {"build-requirements.txt": build} if build is not None else {}
            if lock.unit.part in (pythons or {}):
                digest = digits((pythons or {})[lock.unit.part])
                files["conda-lock.yml"] = files["conda-lock.yml"].replace("ab" * 32, digest)
            return replace(lock, files=files)

        changed = replace(locks, locks=tuple(with_text(lock) for lock in locks.locks))
        environments: tuple[Environment, ...] = (platform.base, small.kernel("new"), small.kernel("old"))
        return groups(changed, environments)

    return made


def held(found: tuple[Group, ...]) -> list[str]:
    return sorted(name for group in found for name in group.distributions)


def test_every_package_is_in_one_layer(layers: Layers) -> None:
    found = layers({"new": many(200)})
    assert held(found) == sorted(f"package-{number}" for number in range(200))
    assert len(found) == 8
    assert [group.name for group in found[:2]] == ["new.pure.1", "new.pure.2"]


def test_few_packages_are_one_layer(layers: Layers) -> None:
    assert [group.name for group in layers({"new": many(32)})] == ["new.pure.1"]


def test_a_new_version_changes_one_layer(layers: Layers) -> None:
    before, after = layers({"new": many(200)}), layers({"new": many(200, package_7="2")})
    assert len([1 for old, new in zip(before, after, strict=True) if old != new]) == 1


def test_one_more_package_changes_one_layer(layers: Layers) -> None:
    before, after = layers({"new": many(200)}), layers({"new": many(200) + requirement("another")})
    assert len([1 for old, new in zip(before, after, strict=True) if old != new]) == 1


def test_who_asks_for_a_package_changes_nothing(layers: Layers) -> None:
    one = layers({"new": requirement("thing", comment="one")})
    assert one == layers({"new": requirement("thing", comment="two")})


def test_what_kernels_have_alike_is_in_a_layer_for_all_of_them(layers: Layers) -> None:
    found = layers({"new": requirement("alike") + requirement("own"), "old": requirement("alike")})
    assert [(group.name, group.distributions) for group in found] == [
        ("new.old.pure.1", ("alike",)),
        ("new.pure.1", ("own",)),
    ]
    assert [each.name for each in found[0].environments] == ["new", "old"]


def test_other_versions_and_other_files_are_not_alike(layers: Layers) -> None:
    found = layers({"new": requirement("thing", "1"), "old": requirement("thing", "2")})
    assert [group.name for group in found] == ["new.pure.1", "old.pure.1"]


def test_kernels_of_different_pythons_share_nothing(layers: Layers) -> None:
    texts = {"new": requirement("alike"), "old": requirement("alike")}
    assert [group.name for group in layers(texts, pythons={"old": "another"})] == ["new.pure.1", "old.pure.1"]


def test_the_base_shares_with_no_kernel_so_that_missions_have_its_layers_in_common(layers: Layers) -> None:
    found = layers({"base": requirement("alike"), "new": requirement("alike")})
    assert [group.name for group in found] == ["base.pure.1", "new.pure.1"]


def test_compiled_packages_are_below_those_of_python_alone_whoever_shares_them(layers: Layers) -> None:
    new = requirement("alike") + requirement("own") + compiled("shared") + compiled("fast")
    found = layers({"new": new, "old": requirement("alike") + compiled("shared")})
    assert [(group.name, group.distributions) for group in found] == [
        ("new.old.compiled.1", ("shared",)),
        ("new.compiled.1", ("fast",)),
        ("new.old.pure.1", ("alike",)),
        ("new.pure.1", ("own",)),
    ]


def test_a_wheel_and_a_source_archive_are_a_release_of_python_alone(layers: Layers) -> None:
    text = requirement("two", files=2) + requirement("three", files=3)
    assert [group.name for group in layers({"new": text})] == ["new.compiled.1", "new.pure.1"]


def test_layers_of_compiled_packages_hold_fewer_of_them(layers: Layers) -> None:
    text = "".join(compiled(f"package-{number}") for number in range(32))
    assert [group.name for group in layers({"new": text})] == [f"new.compiled.{number}" for number in range(1, 5)]


def test_turns_are_taken_in_the_order_in_which_layers_are_stacked(layers: Layers) -> None:
    text = many(200) + "".join(compiled(f"fast-{number}") for number in range(20))
    found = layers({"base": text, "new": text, "old": many(100)})
    base = [group for group in found if group.environments[0].is_base]
    stacked = [*base, *(group for group in found if group not in base)]
    assert sorted(stacked, key=lambda group: group.rank) == stacked


def test_what_is_built_from_source_is_not_shared_and_brings_its_build_backends(layers: Layers) -> None:
    text = "--no-binary Alike\n--only-binary :all:\n" + requirement("alike") + requirement("wheel")
    found = {group.name: group for group in layers({"new": text, "old": text}, build="# nox -s lock\nbackend==1\n")}
    assert sorted(found) == ["new.compiled.1", "new.old.pure.1", "old.compiled.1"]
    assert found["new.compiled.1"].requirements.startswith("--only-binary :all:\n--no-binary alike\nalike==1")
    assert found["new.compiled.1"].build_requirements == "backend==1\n"
    assert found["new.old.pure.1"].build_requirements is None
    assert "--no-binary" not in found["new.old.pure.1"].requirements


def test_requirements_keep_every_hash_and_nothing_else(layers: Layers) -> None:
    (group,) = layers({"new": "--only-binary :all:\n" + requirement("Some_Thing")})
    assert group.distributions == (canonicalize_name("Some_Thing"),)
    assert group.requirements == (f"--only-binary :all:\nSome_Thing==1 \\\n    --hash=sha256:{digits('Some_Thing1')}\n")


def test_an_image_stays_below_what_engines_can_stack(layers: Layers) -> None:
    text = many(2000)
    assert len(layers({"new": text})) == MOST_SHARES
    assert len(layers({"new": text + "".join(compiled(f"fast-{number}") for number in range(200))})) == 2 * MOST_SHARES
    assert len(layers({"base": text, "new": text, "old": many(2000, package_1="2")})) <= MOST_LAYERS


def test_environments_without_a_pip_part_have_no_such_layer(layers: Layers) -> None:
    assert layers({}) == ()
