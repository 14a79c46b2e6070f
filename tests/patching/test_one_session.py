"""A week's work from the command line: a request changed, locked, looked at, built, tested, verified, pushed; then
two packages patched, verified, pushed, pulled elsewhere and run; and in the end a full build from the same locks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from platform_images.engine.client import run_in
from platform_images.engine.root import ensure_root
from platform_images.engine.second import second_engine
from platform_images.locks.store import COMMON_OS, ROOT_UNIT, LockStore, os_packages, root
from platform_images.model import Platform, load_platform
from platform_images.solve import aptscript
from platform_images.solve.deb import is_newer
from tests.conftest import image_names, remove_images
from tests.loopback import registry_server

pytestmark = [
    pytest.mark.engine,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),
]
# Of these, Debian has an older version beside the present one for as long as an update is not in a point release; of
# the kernel's headers, always.
UPDATED = ("libssh2-1t64", "libnghttp2-14", "rsync", "linux-libc-dev")
PYTHON = "idna"
KEPT = "small:kept"
THIN = 0.05  # a patch of two small packages is at most this share of what the image took to be pushed


@dataclass(frozen=True)
class Session:
    """A checkout of its own in git, in which the last release was locked before two packages were updated."""

    folder: Path
    system: str
    """A Debian package that the release has in an older version."""

    def run(self, program: str, *words: str, env: Mapping[str, str] | None = None, code: int = 0) -> str:
        """Run a command as a person does, and return what it prints."""
        done = subprocess.run(
            [*program.split(), *words],
            cwd=self.folder,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == code, f"{' '.join(words)}\n{done.stdout[-3000:]}\n{done.stderr[-5000:]}"
        return done.stdout if code == 0 else done.stderr

    def invoke(self, *words: str, env: Mapping[str, str] | None = None, code: int = 0) -> str:
        return self.run(f"{sys.executable} -m invoke", *words, env=env, code=code)

    def json(self, *words: str) -> Any:
        return json.loads(self.invoke(*words, "--json"))

    def lock(self, *units: str) -> None:
        self.run(f"{sys.executable} -m nox", "-s", *(f"lock({unit})" for unit in units))

    def commit(self, message: str) -> None:
        self.run("git", "add", "--all")
        self.run("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "--quiet", "-m", message)

    def write(self, path: str, change: Callable[[str], str]) -> None:
        place = self.folder / path
        place.write_text(change(place.read_text(encoding="utf-8")), encoding="utf-8")


@pytest.fixture(scope="module")
def session(small_project: Path, small_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """The small mission and a real one beside it, the small one's release locked with two packages that are not new."""
    folder = tmp_path_factory.mktemp("session") / "project"
    shutil.copytree(small_project, folder, ignore=shutil.ignore_patterns("reports", ".nox", "__pycache__"))
    for name in ("deployments/tike", "locks/tike", "bootstrap", "pyproject.toml", ".gitignore"):
        source = Path(__file__).resolve().parents[2] / name
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, folder / name)
    platform = load_platform(folder)
    system, older = older_version(platform)
    made = Session(folder, system)
    made.run("git", "init", "--quiet")
    pins = {
        "common/apt.txt": f"{system}={older}\n",
        "deployments/small/kernels/new/constraints.txt": f"{PYTHON}<{locked_version(made, PYTHON)}  # for now\n",
    }
    units = ("common, os", "small, os", "small, new")
    before = {path: (folder / path).read_text(encoding="utf-8") for path in pins}
    for path, text in pins.items():
        (folder / path).write_text(f"{before[path]}{text}", encoding="utf-8")
    made.lock(*units)
    for path, text in before.items():  # nothing asks for them any more, and solving again keeps them
        (folder / path).write_text(text, encoding="utf-8")
    made.lock(*units)
    made.commit("Release")
    names_before = image_names("small")
    subprocess.run(
        ["docker", "tag", small_image, KEPT], check=True
    )  # building takes its name, and so its last, from it
    yield made
    subprocess.run(["docker", "tag", KEPT, small_image], check=True)
    remove_images(image_names("small") - names_before)


def image_ids(repository: str) -> dict[str, str]:
    """Return name to id of the images of one repository."""
    words = ["docker", "images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}", repository]
    listed = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    return dict(line.split() for line in listed)


def older_version(platform: Platform) -> tuple[str, str]:
    """Return a locked package of which the archive has an older version too, and that."""
    store = LockStore(platform.locks)
    image = ensure_root(platform, root(store.require(ROOT_UNIT)), say=lambda _: None).reference
    files = aptscript.patch_files((), platform, image=image)
    files[aptscript.SCRIPT] = f"apt-get update -qq && apt-cache madison {' '.join(UPDATED)}\n".encode()
    done = run_in(
        image,
        ["sh", aptscript.SCRIPT],
        role="os",
        files_in=files,
        network=platform.settings.build.network.replace("default", "bridge"),
        env=aptscript.environment(platform),
        user="0:0",
    )
    rows = [[word.strip() for word in line.split("|")] for line in done.output.splitlines() if line.count("|") == 2]
    locked = {package.name: package.version for package in os_packages(store.require(COMMON_OS)).packages}
    for name in UPDATED:
        older = [row[1] for row in rows if row[0] == name and name in locked and is_newer(locked[name], row[1])]
        if older:
            return name, older[-1]
    raise AssertionError(f"the archive has no locked package in an older version too:\n{done.output}")


def locked_version(session: Session, name: str, kernel: str = "new") -> str:
    """Return the version of a package in a kernel's lock."""
    text = (session.folder / f"locks/small/{kernel}/requirements.txt").read_text(encoding="utf-8")
    return next(line.split()[0].split("==")[1] for line in text.splitlines() if line.startswith(f"{name}=="))


def test_from_a_changed_request_to_a_patched_image_elsewhere(session: Session, tmp_path: Path) -> None:
    with registry_server(tmp_path) as server:
        release(session, server.address)
        whole = size_below(server.data)
        patched = patch(session)
        published = push(session, server.address)
        assert published["tags"][0].endswith("-patch1")
        assert 0 < size_below(server.data) - whole < THIN * whole, "the thin layer travels and nothing else"
        run_elsewhere(session, published, patched)
    bring_to_the_present_locks(session, patched)
    build_in_full(session, patched)


def release(session: Session, registry: str) -> None:
    """Change one request, lock, look, build, test, verify, push."""
    session.write("deployments/small/kernels/new/requirements.in", lambda old: f"{old}tabulate>=0.9\n")
    session.lock("small, new")
    difference = session.json("diff", "--mission", "small")
    changes = [change for unit in difference["units"] for change in unit["changes"]]
    assert [(change["name"], change["change"]) for change in changes] == [("tabulate", "added")]
    assert changes[0]["asked_for_by"]["file"] == "deployments/small/kernels/new/requirements.in"
    matrix = json.loads(session.invoke("matrix", "--since", "HEAD", "--json"))
    assert [each["mission"] for each in matrix["include"]] == ["small"]
    session.commit("Tables in the new kernel")
    session.invoke("build", "--mission", "small")
    session.invoke("test", "--mission", "small")
    session.invoke("verify", "--mission", "small")
    push(session, registry)


def patch(session: Session) -> dict[str, Any]:
    """Patch one Python and one OS package; all else is held."""
    before = {path: path.read_bytes() for path in sorted((session.folder / "locks").rglob("*")) if path.is_file()}
    asked = ("--os", session.system, "--package", f"{PYTHON}>{locked_version(session, PYTHON)}", "--kernel", "new")
    planned = session.json("patch", "--mission", "small", *asked, "--dry-run")
    assert all(path.read_bytes() == data for path, data in before.items()), "a dry run writes nothing"
    done = dict(session.json("patch", "--mission", "small", *asked))
    assert done["packages"] == planned["packages"]
    assert [(each["unit"], each["name"]) for each in done["packages"]] == [
        ("common/os", session.system),
        ("small/new", PYTHON),
    ]
    changed = {
        path.parent.relative_to(session.folder).as_posix() for path, data in before.items() if path.read_bytes() != data
    }
    assert changed == {"locks/common/os", "locks/small/new", "locks/small/os"}
    assert (session.folder / "locks/small/patches/patches.json").is_file()
    session.commit("Two patches")
    verified = session.json("verify", "--mission", "small", "--rebuild")
    assert verified["patched"]["patches"] == 1
    return done


def push(session: Session, registry: str) -> dict[str, Any]:
    return dict(session.json("push", "--mission", "small", "--registry", f"{registry}/platform"))


def size_below(folder: Path) -> int:
    """Return how many bytes a registry keeps."""
    return sum(file.stat().st_size for file in folder.rglob("data") if file.is_file())


def run_elsewhere(session: Session, pushed: Mapping[str, Any], patched: Mapping[str, Any]) -> None:
    """Pull by digest into an engine that has nothing, and run a notebook of the patched kernel there."""
    reference = f"{pushed['repository']}@{pushed['digest']}"
    with second_engine(say=lambda _: None) as engine:
        there = {"DOCKER_HOST": engine.host}
        session.run("docker", "pull", "--quiet", reference, env=there)
        words = ("--mission", "small", "--image", reference)
        session.invoke("test", *words, "--kernel", "new", env=there)
        code = f"from importlib.metadata import version; print(version({PYTHON!r}))"
        said = session.invoke("exec", *words, "--kernel", "new", "--", "python", "-c", code, env=there)
        (wanted,) = (each["after"] for each in patched["packages"] if each["name"] == PYTHON)
        assert said.split()[-1] == wanted


def bring_to_the_present_locks(session: Session, patched: Mapping[str, Any]) -> None:
    """The released image, brought to the locks that the patch has left, would get the same packages."""
    released = next(name for name in image_ids("small") if image_ids("small")[name] == patched["released"])
    done = session.json("patch", "--mission", "small", "--image", released, "--locked", "--dry-run")
    assert (done["asked"], done["packages"]) == (["locks"], patched["packages"])


def build_in_full(session: Session, patched: Mapping[str, Any]) -> None:
    """Build from the locks that the patch has left: another image with the same packages."""
    built = session.json("build", "--mission", "small")
    assert built["tags"][0] == patched["tags"][0].removesuffix("-patch1")
    said = session.invoke("diff", "--image", patched["tags"][0], "--image", built["tags"][0])
    assert "Nothing changed" in said
