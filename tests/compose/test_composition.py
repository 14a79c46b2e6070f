"""Whole Dockerfiles against files in golden/; UPDATE_GOLDEN=1 writes them anew, and git shows what changed."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from platform_images.compose.composition import compose, compose_environment
from platform_images.compose.values import Composition, Drift, Sources
from platform_images.errors import LockError
from platform_images.locks.values import Lock, MissionLocks, Unit
from platform_images.model import Channel, Mission, Platform

GOLDEN = Path(__file__).with_name("golden")
ROOT = "platform-images/root:abababababab"
Make = Callable[..., Composition]


@pytest.fixture
def composed(platform: Platform, small: Mission, locks: MissionLocks, sources: Sources) -> Make:
    def make(mission: Mission = small, **changes: object) -> Composition:
        values: dict[str, object] = {"sources": sources, "root_image": ROOT, "revision": "0123abc", **changes}
        kernels = values.pop("kernels", mission.kernels)
        with_locks = values.pop("locks", locks)
        return compose(platform, mission, kernels, with_locks, **values)  # type: ignore[arg-type]

    return make


def assert_golden(text: str, name: str) -> None:
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"UPDATE_GOLDEN=1 pytest {__file__} writes {name} anew"


def text_of(composition: Composition, path: str) -> str:
    found = {file.path: file.text for file in composition.files}[path]
    assert found is not None
    return found


def test_a_mission_with_one_of_everything(composed: Make) -> None:
    assert_golden(composed(base_digest="sha256:" + "ab" * 32).dockerfile, "everything.Dockerfile")


def test_a_mission_with_kernels_only(composed: Make, small: Mission, locks: MissionLocks, sources: Sources) -> None:
    bare = dataclasses.replace(
        small,
        settings=small.settings.model_copy(update={"environment": {}, "files": ()}),
        os_packages=(),
        npm_packages=(),
        dockerfile=None,
    )
    without = MissionLocks(
        mission="small", locks=tuple(lock for lock in locks.locks if str(lock.unit) not in ("small/os", "small/npm"))
    )
    kernels = (small.kernel("new"),)
    plain = dataclasses.replace(sources, home=())
    found = composed(bare, locks=without, kernels=kernels, sources=plain)
    assert_golden(found.dockerfile, "kernel-only.Dockerfile")


def test_an_environment_without_a_pip_part_becomes_a_layer_too(composed: Make, locks: MissionLocks) -> None:
    files = {name: text for name, text in locks.locks[-1].files.items() if name != "requirements.txt"}
    assert files != locks.locks[-1].files
    unit = locks.locks[-1].unit
    bare = dataclasses.replace(locks, locks=(*locks.locks[:-1], dataclasses.replace(locks.locks[-1], files=files)))
    text = composed(locks=bare).dockerfile
    assert f"run.sh pip /opt/conda/envs/{unit.part} " not in text
    for line in (f"FROM kernel-{unit.part}-conda AS kernel-{unit.part}", f"finish.sh /opt/conda/envs/{unit.part}"):
        assert line in text


def test_certificates_in_the_image_when_asked_for(composed: Make, sources: Sources) -> None:
    pem = "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n"
    found = composed(sources=dataclasses.replace(sources, certificates=f"# a comment\n{pem}{pem}"))
    assert [file.text for file in found.files if file.path.startswith("certificates/")] == [pem]
    assert_golden(found.dockerfile, "certificates.Dockerfile")


def test_a_foreign_root_loses_its_own_conda(composed: Make) -> None:
    assert "RUN rm -rf /opt/conda" in composed(foreign_root=True).dockerfile
    assert "RUN rm -rf /opt/conda" not in composed().dockerfile


def test_one_environment_s_conda_part_shares_its_stages_with_the_image(
    composed: Make, platform: Platform, small: Mission, locks: MissionLocks, sources: Sources
) -> None:
    part, target = compose_environment(platform, small, small.kernel("old"), locks, sources=sources, root_image=ROOT)
    assert target == "kernel-old-conda"
    assert part.dockerfile.split("FROM kernel-old-conda")[0].split("# ---- kernel-old")[1] in composed().dockerfile
    assert "AS common" not in part.dockerfile


def test_no_frontend_is_pulled(composed: Make) -> None:
    assert "syntax=" not in composed().dockerfile
    assert "docker.io" not in composed().dockerfile


def test_the_same_values_give_the_same_text(composed: Make) -> None:
    assert composed() == composed()


def test_tags_hold_version_and_lock_digest(composed: Make) -> None:
    found = composed(extra_tag="trial")
    assert found.tags == (f"small:1.0-{found.lock_digest[:12]}", "small:latest", "small:trial")
    assert composed(extra_tag="other:trial").tags[-1] == "other:trial"


def test_labels_name_what_the_image_is_made_of(composed: Make) -> None:
    drift = Drift(unit=Unit(scope="common", part="os"), name="curl", locked="1", installed="2")
    labels = composed(drift=(drift,)).labels
    assert labels["platform-images.kernels"] == "new,old"
    assert labels["org.opencontainers.image.revision"] == "0123abc"
    assert json.loads(labels["platform-images.drift"]) == [["common/os", "curl", "1", "2"]]
    assert composed().labels["platform-images.drift"] == ""


def test_kernels_are_registered_and_their_variables_reach_terminals(composed: Make) -> None:
    found = composed()
    spec = json.loads(text_of(found, "final/opt/conda/share/jupyter/kernels/new/kernel.json"))
    assert spec["argv"][:3] == ["/opt/environments/bin/activated", "/opt/conda/envs/new", "python"]
    assert spec["display_name"] == "New Python"
    assert spec["env"] == {"SMALL_CACHE": "${HOME}/cache", "SMALL_KERNEL": "new"}
    script = text_of(found, "final/opt/conda/envs/new/etc/conda/activate.d/platform-images.sh")
    assert "export SMALL_KERNEL=new" in script


def test_programs_get_the_locks_in_a_plain_form(composed: Make) -> None:
    found = composed()
    line = text_of(found, "locks/common/os/packages.list")
    assert line == f"curl 1:2.0-1 amd64 {'ab' * 32} pool/main/c/curl/curl_2.0-1_amd64.deb\n"
    conda = json.loads(text_of(found, "locks/small/old/conda.json"))
    assert conda["channels"] == {"embedded": {"mount": "/mnt/channel-embedded"}}
    assert conda["packages"][0]["build"] == "debian_0"
    assert conda["packages"][0]["depends"] == []
    assert found.channels == ("embedded",)
    assert found.needs_node


def test_a_channel_on_a_server_is_not_mounted(
    platform: Platform,
    small: Mission,
    locks: MissionLocks,
    sources: Sources,
    make_environment_lock: Callable[..., Lock],
) -> None:
    forge = Channel(name="forge", url="https://conda.example.org/forge/")
    settings = platform.settings.model_copy(update={"channels": (*platform.settings.channels, forge)})
    served = make_environment_lock("small", "new", "3.13.5", channel="forge")
    changed = tuple(served if str(lock.unit) == "small/new" else lock for lock in locks.locks)
    found = compose(
        dataclasses.replace(platform, settings=settings),
        small,
        small.kernels,
        MissionLocks(mission="small", locks=changed),
        sources=sources,
        root_image=ROOT,
        revision="unknown",
    )
    conda = json.loads(text_of(found, "locks/small/new/conda.json"))
    assert conda["channels"] == {"forge": {"url": "https://conda.example.org/forge"}}
    stage = found.dockerfile.split("AS kernel-new-conda")[1].split("AS kernel-new\n")[0]
    assert "channel-" not in stage


def test_a_missing_lock_names_its_cure(composed: Make, locks: MissionLocks) -> None:
    short = MissionLocks(mission="small", locks=tuple(lock for lock in locks.locks if lock.unit.part != "old"))
    with pytest.raises(LockError, match="small/old has no lock") as caught:
        composed(locks=short)
    assert caught.value.fix == 'nox -s "lock(small, old)"'
