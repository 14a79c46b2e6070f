"""A checkout with one small package in its lock, had from a folder: made ready in seconds and without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from platform_images.files import sha256_file

LOCK = "locks/project/requirements.txt"


@dataclass(frozen=True)
class Checkout:
    """A folder with ``bootstrap`` in it, and a folder of wheels in place of an index."""

    folder: Path
    wheels: Path

    def environment(self, **extra: str) -> dict[str, str]:
        """The environment of somebody who has never prepared anything."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "VIRTUAL_ENV"))}
        mine = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels)}
        return {**kept, **mine, **extra}

    def bootstrap(
        self, *words: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run ``bootstrap`` to its end."""
        return subprocess.run(
            [str(self.folder / "bootstrap"), *words],
            cwd=cwd or self.folder,
            env=env or self.environment(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def lock(self, version: str, *, digest: str | None = None) -> None:
        """Make the lock ask for one version of the package; it is made as well."""
        wheel = self.wheels / f"pebble-{version}-py3-none-any.whl"
        if not wheel.exists():
            make_wheel(wheel, version)
        text = f"pebble=={version} \\\n    --hash=sha256:{digest or sha256_file(wheel)}\n"
        (self.folder / LOCK).write_text(text)

    def installed(self) -> str:
        """The version of the package that ``.venv`` holds, empty where it holds none."""
        python = self.folder / ".venv/bin/python"
        if not python.exists():
            return ""
        done = subprocess.run([python, "-c", "import pebble; print(pebble.version)"], capture_output=True, text=True)
        return done.stdout.strip()


def make_wheel(wheel: Path, version: str) -> None:
    """Write a wheel with one module and one program."""
    info = f"pebble-{version}.dist-info"
    files = {
        "pebble.py": f"version = {version!r}\n\n\ndef main():\n    print('pebble', version)\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: pebble\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\npebble = pebble:main\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)


def make_checkout(project: Path, parent: Path) -> Checkout:
    """Return a checkout that nobody has prepared."""
    folder = parent / "a checkout"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(project / "platform_images", folder / "platform_images", ignore=ignored)
    shutil.copy2(project / "bootstrap", folder / "bootstrap")
    (folder / LOCK).parent.mkdir(parents=True)
    (parent / "wheels").mkdir()
    made = Checkout(folder, parent / "wheels")
    made.lock("1.0")
    return made


@pytest.fixture
def checkout(tmp_path: Path, project: Path) -> Checkout:
    """A checkout that nobody has prepared."""
    return make_checkout(project, tmp_path)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Checkout:
    """A prepared checkout for tests that change nothing in it."""
    made = make_checkout(project, tmp_path_factory.mktemp("shared"))
    done = made.bootstrap("--no-engine")
    assert done.returncode == 0, done.stderr
    return made
