"""`invoke verify` on real images: an untouched one, one that was changed in many ways, one on another base."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.slow]
Invoke = Callable[..., subprocess.CompletedProcess[str]]
Docker = Callable[..., str]
SITE = "/opt/conda/envs/new/lib/python3.13/site-packages"
CHANGED, FOREIGN = "small:changed", "small:foreign"
CHANGES = f"""FROM small:latest
USER root
RUN set -eu; cd {SITE}; \\
    sed -i '1s/^/#/' ipykernel/_version.py; \\
    chmod 0600 ipykernel/kernelbase.py; \\
    rm -r tornado tornado-*.dist-info; \\
    mkdir stowaway-1.0.dist-info; \\
    printf 'Metadata-Version: 2.1\\nName: stowaway\\nVersion: 1.0\\n' >stowaway-1.0.dist-info/METADATA; \\
    printf 'stowaway.py,,\\nstowaway-1.0.dist-info/METADATA,,\\nstowaway-1.0.dist-info/RECORD,,\\n' \\
        >stowaway-1.0.dist-info/RECORD; \\
    touch stowaway.py
"""


def built(docker_cli: Docker, folder: Path, dockerfile: str, tag: str) -> str:
    (folder / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    docker_cli("build", "--quiet", "--tag", tag, str(folder))
    return tag


@pytest.fixture
def changed(small_image: str, docker_cli: Docker, tmp_path: Path) -> Iterator[str]:
    assert small_image == "small:latest"
    yield built(docker_cli, tmp_path, CHANGES, CHANGED)
    docker_cli("rmi", CHANGED)


@pytest.fixture
def foreign(small_image: str, docker_cli: Docker, tmp_path: Path) -> Iterator[str]:
    """An image with the same labels that stands on nothing of ours."""
    labels = json.loads(docker_cli("image", "inspect", small_image, "--format", "{{json .Config.Labels}}"))
    said = "".join(f"LABEL {name}={json.dumps(value)}\n" for name, value in labels.items())
    yield built(docker_cli, tmp_path, f"FROM scratch\nCOPY Dockerfile /\n{said}", FOREIGN)
    docker_cli("rmi", FOREIGN)


def verified(run_invoke: Invoke, project: Path, *words: str) -> tuple[int, dict[str, Any]]:
    done = run_invoke(project, "verify", "--mission", "small", "--json", *words)
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, report


def test_an_untouched_image_is_exact(small_image: str, small_project: Path, run_invoke: Invoke) -> None:
    done = run_invoke(small_project, "verify", "--mission", "small")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\nexact: sha256:" in done.stdout


def test_building_an_untouched_image_once_more_gives_it_again(
    small_image: str, small_project: Path, run_invoke: Invoke
) -> None:
    code, report = verified(run_invoke, small_project, "--rebuild")
    assert code == 0
    (rebuilt,) = report["comparisons"]
    assert (rebuilt["check"], rebuilt["equal"], rebuilt["differences"]) == ("rebuild", True, [])
    assert rebuilt["other"]["id"] == rebuilt["image"]["id"]


def test_a_published_image_with_a_layer_more_is_told_file_by_file(
    changed: str, small_project: Path, run_invoke: Invoke
) -> None:
    code, report = verified(run_invoke, small_project, "--against", changed)
    assert code == 14
    (published,) = report["comparisons"]
    found = {each["name"]: each["kinds"] for each in published["differences"]}
    for name in ("ipykernel/_version.py", "ipykernel/kernelbase.py", "stowaway.py"):
        assert found[f"{SITE}/{name}"] == ["only there"]


def test_every_change_is_named(changed: str, small_project: Path, run_invoke: Invoke) -> None:
    code, report = verified(run_invoke, small_project, "--image", changed)
    assert code == 11
    found = {(each["what"], each["name"]) for each in report["content"]["findings"]}
    assert ("content", f"{SITE}/ipykernel/_version.py") in found
    assert ("mode", f"{SITE}/ipykernel/kernelbase.py") in found
    assert ("missing", f"{SITE}/tornado") in found
    assert ("extra", f"{SITE}/stowaway.py") in found
    assert {("missing", "pip tornado"), ("extra", "pip stowaway")} <= found


def test_another_base_is_found(foreign: str, small_project: Path, run_invoke: Invoke) -> None:
    code, report = verified(run_invoke, small_project, "--image", foreign)
    assert code == 11
    assert ("content", "layer 1") in {(each["what"], each["name"]) for each in report["content"]["findings"]}
