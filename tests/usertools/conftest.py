from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
LIBRARY = PROJECT / "common" / "runtime" / "opt" / "environments" / "lib"
sys.path.append(str(LIBRARY))

Done = subprocess.CompletedProcess[str]
_RUN = """
import importlib, pathlib, sys
library, root, module, function = sys.argv[1:5]
sys.path.insert(0, library)
from usertools import image
root = pathlib.Path(root)
image.CONDA, image.RECORD, image.CHANNELS = root / "conda", root / "image.json", root / "channels.json"
image.ACTIVATED = str(root / "activated")
from usertools import errors
sys.argv = [module, *sys.argv[5:]]
errors.run(getattr(importlib.import_module("usertools." + module), function))
"""


@dataclass(frozen=True)
class Package:
    """A package of a test's channel: no more than files of text."""

    name: str
    version: str
    depends: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def file(self) -> str:
        return f"{self.name}-{self.version}-0.tar.bz2"

    def index(self) -> dict[str, object]:
        return {
            "name": self.name,
            "version": self.version,
            "build": "0",
            "build_number": 0,
            "depends": list(self.depends),
            "subdir": "noarch",
            "noarch": "generic",
        }

    def content(self) -> bytes:
        """The archive."""
        files = {f"share/{self.name}.txt": f"{self.version}\n", **self.files}
        members = {**files, "info/index.json": json.dumps(self.index()), "info/files": "".join(f"{n}\n" for n in files)}
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w:bz2") as archive:
            for name, text in members.items():
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(text), 0o644
                archive.addfile(entry, io.BytesIO(text.encode()))
        return stream.getvalue()


def write_channel(folder: Path, packages: Iterable[Package]) -> Path:
    """Write a conda channel."""
    listed = {}
    (folder / "noarch").mkdir(parents=True)
    (folder / "linux-64").mkdir()
    for package in packages:
        content = package.content()
        (folder / "noarch" / package.file).write_bytes(content[:-1] if package.name == "damaged" else content)
        digests = {"md5": hashlib.md5(content).hexdigest(), "sha256": hashlib.sha256(content).hexdigest()}
        listed[package.file] = {**package.index(), **digests, "size": len(content)}
    for subdir, found in (("noarch", listed), ("linux-64", {})):
        text = json.dumps({"info": {"subdir": subdir}, "packages": found, "packages.conda": {}})
        (folder / subdir / "repodata.json").write_text(text)
    return folder


@pytest.fixture(scope="session")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A channel: ``tool`` needs ``library``, each in two versions; ``large`` is slow to link; ``damaged`` is so."""
    large = {f"share/large/{index // 100}/{index}": f"{index}\n" for index in range(1500)}
    return write_channel(
        tmp_path_factory.mktemp("channel") / "stars",
        [
            Package("library", "1.0"),
            Package("library", "2.0"),
            Package("tool", "1.0", ("library >=1",)),
            Package("tool", "2.0", ("library >=2",)),
            Package("lonely", "1.0"),
            Package("damaged", "1.0"),
            Package("large", "1.0", files=large),
        ],
    )


@pytest.fixture
def make_channel(tmp_path: Path) -> Callable[..., Path]:
    """``make_channel("tool-3.0", ...)``: a channel of packages that need nothing."""

    def make(*names: str) -> Path:
        return write_channel(
            tmp_path / "newer", [Package(name, version) for name, version in (each.split("-") for each in names)]
        )

    return make


@dataclass
class Room:
    """A home and an image without a Python, in folders of the test, where the programs are run as they are."""

    root: Path
    home: Path

    def run(self, module: str, function: str, *words: object, **variables: str) -> Done:
        command = [sys.executable, "-c", _RUN, str(LIBRARY), str(self.root), module, function, *map(str, words)]
        return subprocess.run(
            command,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), **variables},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def conda(self, *words: object, **variables: str) -> Done:
        return self.run("conda", "main", *words, **variables)

    def packages(self, name: str) -> dict[str, str]:
        """The conda packages of an environment."""
        listed = json.loads(self.conda("list", "-n", name, "--json").stdout)
        return {each["name"]: each["version"] for each in listed}

    def files(self) -> set[str]:
        """All files of the home but those of the cache."""
        found = (place.relative_to(self.home) for place in self.home.rglob("*") if not place.is_dir())
        return {place.as_posix() for place in found if place.parts[0] != ".cache"}

    def environment(self, name: str) -> Path:
        """Give the image an environment that has packages but no Python."""
        prefix = self.root / "conda" if name == "base" else self.root / "conda" / "envs" / name
        (prefix / "conda-meta").mkdir(parents=True)
        return prefix


@pytest.fixture
def room(tmp_path: Path, channel: Path) -> Room:
    """An image of the mission ``sky`` with a base and the kernel ``tess``, and an empty home."""
    found = Room(tmp_path / "image", tmp_path / "home")
    found.home.mkdir()
    kernels = [("base", "Base", "3.13"), ("tess", "TESS", "3.11")]
    listed = [
        {"name": name, "display_name": shown, "python": python, "prefix": str(found.environment(name))}
        for name, shown, python in kernels
    ]
    record = {"mission": "sky", "version": "2026.1", "lock_digest": "sha256:ab", "environments": listed}
    (found.root / "image.json").write_text(json.dumps(record))
    channels = {"channels": [{"name": "embedded", "url": channel.as_uri()}]}
    (found.root / "channels.json").write_text(json.dumps(channels))
    (found.root / "activated").write_text('#!/bin/sh\necho "$@"\n')
    (found.root / "activated").chmod(0o755)
    return found


@pytest.fixture
def here(room: Room, monkeypatch: pytest.MonkeyPatch) -> Room:
    """The same, for calls of functions in this process."""
    from usertools import image

    monkeypatch.setattr(image, "CONDA", room.root / "conda")
    monkeypatch.setattr(image, "RECORD", room.root / "image.json")
    monkeypatch.setattr(image, "CHANNELS", room.root / "channels.json")
    monkeypatch.setenv("HOME", str(room.home))
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "JUPYTER_DATA_DIR", "UV_CACHE_DIR", "PIP_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    return room


def docker(*words: str, check: bool = True) -> Done:
    """Run the docker program."""
    done = subprocess.run(["docker", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="session")
def docker_cli() -> Callable[..., Done]:
    return docker
