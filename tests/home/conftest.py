from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

Done = subprocess.CompletedProcess[str]


@dataclass
class Image:
    """What an image has of these programs, laid out in a folder of the test: run as they are, with this Python."""

    root: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environments(self) -> Path:
        return self.root / "opt" / "environments"

    @property
    def defaults(self) -> Path:
        return self.root / "opt" / "default-home"

    def default(self, path: str, text: str | None) -> None:
        """Give the image another default; None takes it away."""
        place = self.defaults / path
        if text is None:
            place.unlink()
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)

    def run(self, program: str, *words: object, **variables: str) -> Done:
        return subprocess.run(
            [str(self.environments / program), *map(str, words)],
            env={"PATH": os.environ["PATH"], **self.variables, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def fill(self, home: Path, *words: str) -> str:
        """Fill a home and return what was said."""
        done = self.run("bin/fill-home", home, *words)
        assert done.returncode == 0, done.stderr
        assert done.stdout == ""
        return done.stderr


@pytest.fixture
def image(project: Path, tmp_path: Path) -> Image:
    """An image whose default home has a file of the shell's, a welcome and an empty folder."""
    found = Image(tmp_path / "image")
    shutil.copytree(project / "common" / "runtime" / "opt" / "environments", found.environments)
    # Only the image has a conda of its own.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    found.variables["PATH"] = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    found.default(".bashrc", "alias ll='ls -l'\n")
    found.default("WELCOME.md", "Welcome.\n")
    (found.defaults / "work").mkdir()
    return found


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """An empty home; what the test has protected in it can be removed afterwards."""
    folder = tmp_path / "home"
    folder.mkdir()
    yield folder
    for place in [folder, *folder.rglob("*")]:
        if place.is_dir() and not place.is_symlink():
            place.chmod(0o755)


@dataclass
class Repository:
    """A repository that a test commits to."""

    folder: Path
    first: str = ""

    @property
    def url(self) -> str:
        return f"file://{self.folder}"

    def git(self, *words: str) -> str:
        command = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", *words]
        where = self.folder if self.folder.is_dir() else None
        return subprocess.run(command, cwd=where, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, files: dict[str, str | None]) -> str:
        """Commit files; None deletes one. Returns the commit."""
        for name, text in files.items():
            place = self.folder / name
            if text is None:
                place.unlink()
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "change")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A git repository with a first commit of two notebooks."""
    found = Repository(tmp_path / "repository")
    found.git("init", "--quiet", "--initial-branch", "main", str(found.folder))
    found.first = found.commit({"start.ipynb": "start 1", "more/deep.ipynb": "deep 1"})
    return found
