"""What the image's layers hold, above all of what a mission's own steps do."""

from __future__ import annotations

import json
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.slow]
Invoke = Callable[..., subprocess.CompletedProcess[str]]
Docker = Callable[..., str]
Config = Callable[[str], dict[str, object]]
Inside = Callable[[str, str], str]


def layers_of(image: str) -> Iterator[dict[str, tarfile.TarInfo]]:
    """Yield each layer's members by path, the lowest first."""
    with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saved:
        found: dict[str, dict[str, tarfile.TarInfo]] = {}
        order: list[str] = []
        with tarfile.open(fileobj=saved.stdout, mode="r|") as archive:
            for member in archive:
                content = archive.extractfile(member)
                if content is not None and member.name == "manifest.json":
                    order = json.load(content)[0]["Layers"]
                elif content is not None and member.size > 10_000:  # not a description, nor an empty layer
                    with tarfile.open(fileobj=content, mode="r|") as layer:
                        found[member.name] = {each.name: each for each in layer}
    yield from (found.get(name, {}) for name in order)


def test_a_layer_holds_nothing_that_an_engine_might_leave_out(small_image: str) -> None:
    """Engines make layers by what the file system notes or by size and time: what both tell must be the same."""
    lower: dict[str, tarfile.TarInfo] = {}
    for layer in layers_of(small_image):
        parents = {str(parent) for path in layer for parent in PurePosixPath(path).parents}
        for path, member in layer.items():
            assert "/.wh." not in f"/{path}"
            before = lower.get(path)
            if before is None:
                continue
            member = layer[member.linkname] if member.islnk() else member  # another name of a file that is there
            same = (member.type, member.mode, member.uid, member.gid) == (
                before.type,
                before.mode,
                before.uid,
                before.gid,
            )
            if member.isdir():
                assert path in parents or not same, f"{path} is there without a reason"
            else:
                assert not same or (member.size, member.mtime) != (before.size, before.mtime), path
        lower |= {path: layer[each.linkname] if each.islnk() else each for path, each in layer.items()}
    assert len(lower) > 10_000


OWN_STEPS = """
FROM common AS builder
RUN printf built > /thing

FROM common AS mission
ENV OWN="a  b"
EXPOSE 9999
COPY --from=builder /thing /srv/new/thing
RUN rm -r /usr/share/perl5 && rm /usr/bin/figlist \\
    && tr a-z A-Z < /etc/skel/.bashrc > /tmp/upper && cat /tmp/upper > /etc/skel/.bashrc && rm /tmp/upper \\
    && ln -sf mawk /etc/alternatives/own && chmod 0700 /srv && ln /srv/new/thing /srv/new/same
"""


@pytest.fixture
def own_steps(small_image: str, small_project: Path, run_invoke: Invoke, docker_cli: Docker) -> Iterator[str]:
    """The small image with other steps of the mission's own; put back afterwards."""
    names = json.loads(docker_cli("image", "inspect", small_image, "--format", "{{json .RepoTags}}"))
    docker_cli("tag", small_image, "small:kept")
    path = small_project / "deployments" / "small" / "Dockerfile"
    before = path.read_text(encoding="utf-8")
    path.write_text(OWN_STEPS, encoding="utf-8")
    done = run_invoke(small_project, "build", "--mission", "small", "--tag", "own-steps")
    path.write_text(before, encoding="utf-8")
    for name in names:
        docker_cli("tag", "small:kept", name)
    docker_cli("rmi", "small:kept")
    assert done.returncode == 0, done.stderr
    yield "small:own-steps"
    docker_cli("rmi", "small:own-steps")


def test_what_a_mission_s_steps_do_to_the_system_is_in_the_image(
    own_steps: str, small_project: Path, run_invoke: Invoke, config: Config, docker_cli: Docker
) -> None:
    script = (
        "cat /srv/new/thing; test ! -e /usr/share/perl5; test ! -e /usr/bin/figlist; stat -c %a /srv;"
        "grep -c ALIAS /etc/skel/.bashrc; readlink /etc/alternatives/own; stat -c %h /srv/new/same; stat -c %Y /srv/new"
    )
    as_root = ("run", "--rm", "--user", "root", "--network", "none", "--entrypoint", "sh")
    said = docker_cli(*as_root, own_steps, "-ec", script).split()
    assert said[0] == "built700"
    assert int(said[1]) > 0
    assert said[2:4] == ["mawk", "2"]
    assert int(said[4]) <= time.time() - 86400, "COPY dates folders anew; the layer does not"
    found = config(own_steps)
    assert "OWN=a  b" in found["Env"]  # type: ignore[operator]
    assert "9999/tcp" in found["ExposedPorts"]  # type: ignore[operator]
    done = run_invoke(small_project, "verify", "--mission", "small", "--image", own_steps, "--json")
    names = {each["name"] for each in json.loads(done.stdout)["content"]["findings"]}
    assert names == {"/usr/bin/figlist"} | {name for name in names if name.startswith("/usr/share/perl5/")}, done.stdout


def test_what_a_step_leaves_in_mnt_is_in_the_image(small_image: str, inside: Inside) -> None:
    assert inside(small_image, "cat /mnt/left.txt") == "left"
    assert inside(small_image, "ls -A /mnt") == "left.txt"


@pytest.mark.parametrize("name", ["/etc/issue", "/etc/issue.net", "/etc/another-issue"])
def test_a_file_of_which_only_the_content_is_new_is_the_new_one(name: str, small_image: str, inside: Inside) -> None:
    assert inside(small_image, f"cat {name}").startswith("DEBIAN GNU/LINUX")


def test_the_image_of_such_steps_is_as_listed(small_image: str, small_project: Path, run_invoke: Invoke) -> None:
    done = run_invoke(small_project, "verify", "--mission", "small", "--image", small_image, "--json")
    assert json.loads(done.stdout)["content"]["findings"] == [], done.stdout
