"""The build of a patch's layer: a whole Dockerfile against golden/, and the files that its steps read."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from platform_images.compose.patch import compose_patch, unit_of
from platform_images.compose.values import Composition, Sources
from platform_images.errors import LockError
from platform_images.locks.digest import mission_digest
from platform_images.locks.patches import LABEL, Patch, PatchedPackage, parse_label
from platform_images.locks.values import Lock, MissionLocks
from platform_images.model import Environment, Mission, Platform
from platform_images.model.files import Sdist
from tests.compose.conftest import lock

GOLDEN = Path(__file__).with_name("golden") / "patch.Dockerfile"
RELEASED = "platform-images/released:abababababab"
EPOCH = 1700000000
BACKENDS = f"setuptools==80.0 \\\n    --hash=sha256:{'9' * 64}\n"
Make = Callable[..., Composition]


def pin(name: str, version: str) -> str:
    return f"{name}=={version} \\\n    --hash=sha256:{version.encode().hex():0<64}\n    # via somebody\n"


def changed(unit: str, name: str, before: str | None, after: str | None) -> PatchedPackage:
    return PatchedPackage(
        unit=unit, kind="deb" if unit.endswith("/os") else "pip", name=name, before=before, after=after
    )


CURL = changed("common/os", "curl", "1:1.9-1", "1:2.0-1")
FIGLET = changed("small/os", "figlet", "1:1.0-1", "1:2.0-1")
FBPCA = changed("small/new", "fbpca", "1.0", "1.1")
TABULATE = changed("small/old", "tabulate", "0.8", "0.9")
ADDED = changed("small/old", "wcwidth", None, "0.2")
GONE = changed("small/old", "six", "1.17", None)
ALL = (TABULATE, ADDED, GONE, FBPCA, FIGLET, CURL)


def patch(*packages: PatchedPackage, before: str = "b", after: str = "c") -> Patch:
    return Patch(
        released=f"sha256:{'a' * 64}",
        locks_before=before * 64,
        locks_after=after * 64,
        asked=("os curl",),
        packages=packages,
    )


def with_files(locks: MissionLocks, unit: str, **files: str) -> MissionLocks:
    """Locks of which one has other files."""

    def one(each: Lock) -> Lock:
        if str(each.unit) != unit:
            return each
        return lock(each.unit.scope, each.unit.part, {**each.files, **files})

    return MissionLocks(mission=locks.mission, locks=tuple(one(each) for each in locks.locks))


@pytest.fixture
def after(locks: MissionLocks) -> MissionLocks:
    """Locks after a patch: one kernel builds a package from source."""
    new = f"--only-binary :all:\n--no-binary fbpca\n{pin('fbpca', '1.1')}{pin('ipykernel', '7.0.0')}"
    old = f"--only-binary :all:\n{pin('ipykernel', '7.0.0')}{pin('Tabulate', '0.9')}{pin('wcwidth', '0.2')}"
    found = with_files(locks, "small/new", **{"requirements.txt": new, "build-requirements.txt": BACKENDS})
    return with_files(found, "small/old", **{"requirements.txt": old})


@pytest.fixture
def kernels(small: Mission) -> tuple[Environment, ...]:
    """The mission's kernels, of which one may build a package from source, with variables for that."""
    sdist = Sdist(build_requires=("setuptools",), reason="no wheel", environment={"CFLAGS": "-O2 -g0", "A": "1"})
    new, old = small.kernels
    settings = new.settings.model_copy(update={"sdist": {"fbpca": sdist}})
    return dataclasses.replace(new, settings=settings), old


@pytest.fixture
def composed(
    platform: Platform, small: Mission, kernels: tuple[Environment, ...], after: MissionLocks, sources: Sources
) -> Make:
    def make(*patches: Patch, locks: MissionLocks = after) -> Composition:
        return compose_patch(
            platform, small, kernels, locks, patches, sources=sources, released=RELEASED, revision="0123abc"
        )

    return make


def texts(composition: Composition) -> dict[str, str]:
    """Path to text of what the patch alone has in its context."""
    return {file.path: file.text for file in composition.files if file.text is not None}


def steps(composition: Composition) -> list[str]:
    """The command of each step that changes something."""
    commands = ("sh /mnt/install_os.sh", "sh /mnt/run.sh", "sh /mnt/place.sh")
    lines = [line.strip() for line in composition.dockerfile.splitlines()]
    return [line[line.index("sh /mnt/") :] for line in lines if any(command in line for command in commands)]


def test_a_patch_of_everything(composed: Make) -> None:
    text = composed(patch(*ALL)).dockerfile
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), f"UPDATE_GOLDEN=1 pytest {__file__} writes it anew"


def test_debian_packages_come_first_and_common_ones_before_the_mission_s(composed: Make) -> None:
    expected = [
        "sh /mnt/install_os.sh common/os /mnt/lock/packages.list",
        "sh /mnt/install_os.sh small/os /mnt/lock/packages.list",
        "sh /mnt/run.sh patch 100 /opt/conda /mnt/lock /mnt/patch.json",
        "sh /mnt/run.sh patch 100 /opt/conda/envs/new /mnt/lock /mnt/patch.json A=1 'CFLAGS=-O2 -g0'",
        "sh /mnt/run.sh patch 100 /opt/conda/envs/old /mnt/lock /mnt/patch.json",
        "sh /mnt/place.sh /mnt/record /",
    ]
    base = changed("common/base", "ipykernel", "6.0", "7.0.0")
    for packages in ((*ALL, base), (base, *reversed(ALL))):
        assert steps(composed(patch(*packages))) == expected


def test_only_what_is_changed_has_a_step(composed: Make) -> None:
    assert steps(composed(patch(CURL))) == [
        "sh /mnt/install_os.sh common/os /mnt/lock/packages.list",
        "sh /mnt/place.sh /mnt/record /",
    ]


def test_steps_get_only_what_is_changed(composed: Make) -> None:
    found = texts(composed(patch(*ALL)))
    assert found["patch/common/os/packages.list"] == (
        f"curl 1:2.0-1 amd64 {'ab' * 32} pool/main/c/curl/curl_2.0-1_amd64.deb\n"
    )
    assert found["patch/small/old/lock/requirements.txt"] == (
        "--only-binary :all:\n"
        f"Tabulate==0.9 \\\n    --hash=sha256:{'302e39':0<64}\n"
        f"wcwidth==0.2 \\\n    --hash=sha256:{'302e32':0<64}\n"
    )
    assert json.loads(found["patch/small/old/patch.json"]) == {
        "install": ["tabulate", "wcwidth"],
        "remove": ["six", "tabulate"],
    }
    assert "patch/common/base/patch.json" not in found


def test_what_is_built_from_source_has_its_build_requirements(composed: Make) -> None:
    found = texts(composed(patch(*ALL)))
    assert found["patch/small/new/lock/requirements.txt"].startswith("--only-binary :all:\n--no-binary fbpca\nfbpca==")
    assert found["patch/small/new/lock/build-requirements.txt"] == BACKENDS
    assert "patch/small/old/lock/build-requirements.txt" not in found


def test_wheels_need_none_though_the_environment_has_some(composed: Make) -> None:
    found = texts(composed(patch(changed("small/new", "ipykernel", "6.0", "7.0.0"))))
    assert found["patch/small/new/lock/requirements.txt"].startswith("--only-binary :all:\nipykernel==7.0.0")
    assert "patch/small/new/lock/build-requirements.txt" not in found


def test_a_package_that_is_gone_is_taken_away_and_nothing_put_there(composed: Make) -> None:
    found = texts(composed(patch(GONE)))
    assert json.loads(found["patch/small/old/patch.json"]) == {"install": [], "remove": ["six"]}
    assert found["patch/small/old/lock/requirements.txt"] == "--only-binary :all:\n"


def test_the_record_of_the_image_names_the_locks_after_the_patch(composed: Make, after: MissionLocks) -> None:
    found = composed(patch(CURL))
    record = json.loads(texts(found)["record/opt/environments/record/image.json"])
    assert record["lock_digest"] == f"sha256:{mission_digest(after)}"
    assert [each["name"] for each in record["environments"]] == ["base", "new", "old"]
    assert found.lock_digest == mission_digest(after)


def test_programs_of_the_steps_are_in_the_context(composed: Make) -> None:
    found = composed(patch(*ALL))
    paths = {file.path for file in found.files}
    mounted = {word.partition(",")[0] for word in found.dockerfile.split("from=inputs,source=")[1:]}
    assert [place for place in sorted(mounted) if not any(f"{path}/".startswith(f"{place}/") for path in paths)] == []
    assert {"inside/patch_pip.py", "inside/layer.py", "inside/changes.py"} <= mounted
    assert [file.path for file in found.files] == sorted(paths)
    assert (found.channels, found.needs_node) == ((), False)


def test_each_patch_is_one_second_later_than_the_one_before(composed: Make) -> None:
    """A file of the image below would else look as new as one of the patch."""
    first, second = composed(patch(CURL)), composed(patch(FIGLET, after="b"), patch(CURL))
    assert (first.epoch, second.epoch) == (EPOCH + 1, EPOCH + 2)
    assert f"ARG SOURCE_DATE_EPOCH={EPOCH + 2}\n" in second.dockerfile


def test_the_last_of_the_patches_is_built_under_its_number(composed: Make) -> None:
    found = composed(patch(FIGLET, after="b"), patch(CURL))
    assert "changes.py patch.2 /mnt/below /changes" in found.dockerfile
    assert "COPY --from=patch.2-changes /layer/tree/ /" in found.dockerfile
    assert steps(found)[0] == "sh /mnt/install_os.sh common/os /mnt/lock/packages.list"
    assert "small/os" not in found.dockerfile


def test_labels_and_tags_tell_of_all_patches_and_the_new_locks(composed: Make, after: MissionLocks) -> None:
    patches = (patch(FIGLET, after="b"), patch(CURL))
    found = composed(*patches)
    digest = mission_digest(after)
    assert parse_label(found.labels[LABEL]) == patches
    assert found.labels["platform-images.lock-digest"] == f"sha256:{digest}"
    assert found.labels["platform-images.kernels"] == "new,old"
    assert found.labels["org.opencontainers.image.revision"] == "0123abc"
    assert found.labels["org.opencontainers.image.base.digest"] == f"sha256:{'ab' * 32}"
    assert found.labels["platform-images.drift"] == ""
    assert found.tags == (f"small:1.0-{digest[:12]}-patch2", "small:latest")


def test_the_same_values_give_the_same_text(composed: Make) -> None:
    assert composed(patch(*ALL)) == composed(patch(*ALL))


@pytest.mark.parametrize(
    ("package", "said"),
    [
        (changed("common/os", "curl", "1:1.9-1", "1:2.1-1"), "The lock of common/os does not have curl 1:2.1-1"),
        (changed("small/os", "toilet", None, "1"), "The lock of small/os does not have toilet 1"),
        (changed("small/old", "tabulate", "0.8", "0.10"), "The lock of small/old does not have tabulate 0.10"),
        (changed("small/new", "wcwidth", None, "0.2"), "The lock of small/new does not have wcwidth 0.2"),
        (changed("other/os", "git", "1", "2"), "other/os has no lock"),
        (changed("small/gone", "six", "1", "2"), "The patch has changed small/gone, and there is no such environment"),
    ],
)
def test_locks_that_do_not_have_what_the_patch_has_put_there_are_refused(
    package: PatchedPackage, said: str, composed: Make
) -> None:
    with pytest.raises(LockError, match=said) as caught:
        composed(patch(CURL, package) if package.name != "curl" else patch(package))
    assert caught.value.fix


def test_an_environment_without_a_pip_part_has_nothing_that_could_be_patched(
    composed: Make, after: MissionLocks
) -> None:
    bare = tuple(
        lock("small", "old", {"conda-lock.yml": each.files["conda-lock.yml"]}) if each.unit.part == "old" else each
        for each in after.locks
    )
    with pytest.raises(LockError, match=r"The lock of small/old holds no requirements\.txt"):
        composed(patch(TABULATE), locks=MissionLocks(mission="small", locks=bare))


def test_the_unit_of_an_environment_is_the_folder_of_its_lock(platform: Platform, small: Mission) -> None:
    assert [str(unit_of(each)) for each in (platform.base, *small.kernels)] == ["common/base", "small/new", "small/old"]
