from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from platform_images.keep.diff import DiffRequest, run
from platform_images.keep.diffimages import RECORDS, STATUS, image_packages
from platform_images.keep.diffvalues import Kind, Package

SITE = "opt/conda/envs/sky/lib/python3.11/site-packages"
TEXTS = {
    STATUS: b"Package: git\nStatus: install ok installed\nVersion: 1:2.47-1\n\n"
    b"Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n",
    "opt/conda/conda-meta/python-3.13.1-h0_0.json": b"{}",
    "opt/conda/envs/sky/conda-meta/my-package-1.0-h1.json": json.dumps(
        {"paths_data": {"paths": [{"_path": "lib/python3.11/site-packages/my_package-1.0.dist-info/METADATA"}]}}
    ).encode(),
    f"{SITE}/my_package-1.0.dist-info/METADATA": b"Name: my-package\n",
    f"{SITE}/Other_One-2.0.dist-info/METADATA": b"Name: x\nLicense-Expression: MIT\n\nLicense-Expression: no\n",
    "opt/npm/node_modules/outer/package.json": b'{"version": "1.0.0", "license": "ISC"}',
    "opt/npm/node_modules/outer/node_modules/@s/inner/package.json": b"[]",
}


def test_every_part_of_an_image() -> None:
    found = {name: held.packages for name, held in image_packages(TEXTS).items()}
    assert found == {
        "system": {Kind.DEB: {"git": Package(version="1:2.47-1")}},
        "base": {Kind.CONDA: {"python": Package(version="3.13.1", build="h0_0")}},
        "sky": {
            Kind.CONDA: {"my-package": Package(version="1.0", build="h1")},
            Kind.PIP: {"other-one": Package(version="2.0", licence="MIT")},
        },
        "npm": {
            Kind.NPM: {
                "outer": Package(version="1.0.0", licence="ISC"),
                "outer/node_modules/@s/inner": Package(version="unreadable"),
            }
        },
    }


def test_only_records_are_read() -> None:
    assert all(RECORDS.fullmatch(path) for path in TEXTS)
    for path in (f"{SITE}/numpy/METADATA", "opt/conda/conda-meta/history", "opt/npm/node_modules/outer/lib/x.js"):
        assert not RECORDS.fullmatch(path)


class Exported:
    """A container of which only the files are asked for."""

    def __init__(self, texts: dict[str, bytes]) -> None:
        self._texts = texts

    def export(self, *, chunk_size: int) -> Iterator[bytes]:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            for name, text in self._texts.items():
                member = tarfile.TarInfo(name)
                member.size = len(text)
                tar.addfile(member, io.BytesIO(text))
        data = stream.getvalue()
        yield from (data[at : at + 1000] for at in range(0, len(data), 1000))


def test_two_images(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    newer = {**TEXTS, STATUS: TEXTS[STATUS].replace(b"2.47-1", b"2.47-2"), "opt/unread": b"x" * 5000}
    newer["opt/conda/envs/tess/conda-meta/python-3.11.2-0.json"] = b"{}"
    images = {"old": TEXTS, "new": newer}

    @contextmanager
    def container(image: str, command: list[str], *, role: str) -> Iterator[Exported]:
        yield Exported(images[image])

    monkeypatch.setattr("platform_images.verify.images.container", container)
    request = DiffRequest(images=("old", "new"))
    assert run(Path(), request, json=False, markdown=False, exit_code=True) == 1
    said = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line]
    assert said == [
        "What changed from old to new",
        "system: 1 changed (1 build)",
        "kind package change from to",
        "deb git build 1:2.47-1 1:2.47-2",
        "tess: 1 added",
        "kind package change from to",
        "conda python added 3.11.2",
    ]


@pytest.mark.engine
@pytest.mark.slow
def test_an_image_is_the_same_as_itself(
    small_image: str, project: Path, run_invoke: Callable[..., CompletedProcess[str]]
) -> None:
    done = run_invoke(project, "diff", "--image", small_image, "--image", small_image, "--exit-code")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"Nothing changed from {small_image} to {small_image}.\n"
