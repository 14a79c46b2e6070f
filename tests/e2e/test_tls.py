"""A site's certificates in the image, tried out against a server that only they vouch for."""

from __future__ import annotations

import functools
import http.server
import json
import ssl
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from platform_images.engine.tools import node_context
from platform_images.model import load_platform
from platform_images.site import site_settings

pytestmark = [pytest.mark.engine, pytest.mark.slow]
Docker = Callable[..., str]
IMAGE = "small:with-certificates"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def make_wheel(folder: Path) -> None:
    """Write an index of one small package."""
    (folder / "simple" / "tiny").mkdir(parents=True)
    name = "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(folder / "simple" / "tiny" / name, "w") as wheel:
        wheel.writestr("tiny.py", "")
        wheel.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        wheel.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("tiny-1.0.dist-info/RECORD", "")
    (folder / "simple" / "tiny" / "index.html").write_text(f'<a href="{name}">{name}</a>', encoding="utf-8")


def make_repository(folder: Path) -> None:
    """Write a git repository that a plain file server can serve."""
    git = ["git", "-C", str(folder / "repository"), "-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(folder / "repository")], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message=first"], check=True)
    subprocess.run([*git, "update-server-info"], check=True)


def make_channel(folder: Path) -> None:
    """Write a conda channel of one package."""
    package = {"name": "tiny", "version": "1.0", "build": "0", "build_number": 0, "depends": [], "sha256": "0" * 64}
    for subdir, packages in (("noarch", {"tiny-1.0-0.conda": {**package, "subdir": "noarch"}}), ("linux-64", {})):
        (folder / "channel" / subdir).mkdir(parents=True)
        content = {"info": {"subdir": subdir}, "packages": {}, "packages.conda": packages}
        (folder / "channel" / subdir / "repodata.json").write_text(json.dumps(content), encoding="utf-8")


def make_registry(folder: Path) -> None:
    """Write an npm registry of one package."""
    (folder / "npm").mkdir()
    version = {"name": "tiny", "version": "1.0.0", "dist": {}}
    content = {"name": "tiny", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
    (folder / "npm" / "tiny").write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(organization_name="A site of its own")


@pytest.fixture(scope="module")
def server(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on loopback whose certificate only the site's authority vouches for."""
    folder = tmp_path_factory.mktemp("served")
    make_wheel(folder)
    make_repository(folder)
    make_channel(folder)
    make_registry(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as httpd:
        httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"https://localhost:{httpd.server_address[1]}"
        httpd.shutdown()


@pytest.fixture(scope="module")
def image(
    small_image: str,
    small_project: Path,
    authority: trustme.CA,
    tmp_path_factory: pytest.TempPathFactory,
    docker_cli: Docker,
    run_invoke: Callable[..., subprocess.CompletedProcess[str]],
) -> Iterator[str]:
    """The small image with ``[tls] install = true``; the tag of the plain one is put back."""
    docker_cli("tag", small_image, "small:plain")
    bundle = tmp_path_factory.mktemp("site") / "bundle.pem"
    own = site_settings().ca_bundle
    bundle.write_bytes((own.read_bytes() if own else b"") + authority.cert_pem.bytes())
    settings = small_project / "platform.toml"
    before = settings.read_text(encoding="utf-8")
    settings.write_text(f'{before}\n[tls]\ninstall = true\nca_bundle = "{bundle}"\n', encoding="utf-8")
    try:
        done = run_invoke(small_project, "build", "--mission", "small", "--tag", "with-certificates")
    finally:
        settings.write_text(before, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    docker_cli("tag", "small:plain", small_image)
    yield IMAGE
    docker_cli("rmi", IMAGE, "small:plain")


REQUESTS = "-c \"import requests; print(requests.get('{server}/simple/tiny/').raise_for_status() or 'ok')\""
HTTPX = "-c \"import httpx; print(httpx.get('{server}/simple/tiny/').raise_for_status())\""
PROGRAMS = {
    "conda": "conda search --override-channels --channel {server}/channel tiny | grep 1.0",
    "curl": "curl --silent --show-error --fail {server}/simple/tiny/",
    "git": "git ls-remote {server}/repository/.git",
    "httpx": f"python {HTTPX}",
    "node": "node --eval \"fetch('{server}/simple/tiny/').then(a => console.log(a.status))\" | grep 200",
    "npm": "npm view tiny version --registry {server}/npm/ | grep 1.0.0",
    "pip": "pip download --quiet --no-deps --index-url {server}/simple --dest /tmp/wheels tiny && ls /tmp/wheels/tiny*",
    "requests": f"python {REQUESTS}",
    "the standard library": "python -c \"import urllib.request as u; print(u.urlopen('{server}/').status)\"",
    "wget": "wget --quiet --output-document - {server}/simple/tiny/",
    "a kernel": f"/opt/conda/envs/old/bin/python {REQUESTS}",
}


@pytest.fixture(scope="module")
def node(project: Path) -> tuple[str, ...]:
    """Options that give a container node and npm, which the image itself does not carry."""
    folder = node_context(load_platform(project), say=lambda _: None)
    return ("--volume", f"{folder}:/mnt/node:ro")


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_in_the_image_trusts_the_site(
    program: str, image: str, server: str, node: tuple[str, ...], docker_cli: Docker
) -> None:
    script = "PATH=$PATH:/mnt/node/bin; " + PROGRAMS[program].format(server=server)
    assert docker_cli("run", "--rm", "--network", "host", *node, image, "bash", "-c", f"set -o pipefail; {script}")


def test_conda_and_npm_are_told_where_the_bundle_is(image: str, docker_cli: Docker) -> None:
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    script = "cat /etc/conda/.condarc /etc/npmrc; echo $NODE_EXTRA_CA_CERTS"
    said = docker_cli("run", "--rm", "--network", "none", image, "sh", "-c", script).splitlines()
    assert said == [f"ssl_verify: {bundle}", f"cafile={bundle}", bundle]


def test_the_plain_image_does_not_trust_the_site(small_image: str, server: str, docker_cli: Docker) -> None:
    script = f"curl --silent --fail {server}/simple/tiny/ || echo refused with $?"
    said = docker_cli("run", "--rm", "--network", "host", small_image, "sh", "-c", script)
    assert said == "refused with 60"
