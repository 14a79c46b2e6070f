"""A site's certificates in the image, tried out against a server that only they vouch for."""

from __future__ import annotations

import functools
import http.server
import ssl
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

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


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(organization_name="A site of its own")


@pytest.fixture(scope="module")
def server(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on loopback whose certificate only the site's authority vouches for."""
    folder = tmp_path_factory.mktemp("served")
    make_wheel(folder)
    make_repository(folder)
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


FETCH = "-c \"import requests; print(requests.get('{server}/simple/tiny/').raise_for_status() or 'ok')\""
PROGRAMS = {
    "curl": "curl --silent --show-error --fail {server}/simple/tiny/",
    "git": "git ls-remote {server}/repository/.git",
    "pip": "pip download --quiet --no-deps --index-url {server}/simple --dest /tmp/wheels tiny && ls /tmp/wheels/tiny*",
    "requests": f"python {FETCH}",
    "the standard library": "python -c \"import urllib.request as u; print(u.urlopen('{server}/').status)\"",
    "a kernel": f"/opt/conda/envs/old/bin/python {FETCH}",
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_in_the_image_trusts_the_site(program: str, image: str, server: str, docker_cli: Docker) -> None:
    script = PROGRAMS[program].format(server=server)
    assert docker_cli("run", "--rm", "--network", "host", image, "sh", "-c", script)


def test_conda_and_npm_are_told_where_the_bundle_is(image: str, docker_cli: Docker) -> None:
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    script = "cat /etc/conda/.condarc /etc/npmrc; echo $NODE_EXTRA_CA_CERTS"
    said = docker_cli("run", "--rm", "--network", "none", image, "sh", "-c", script).splitlines()
    assert said == [f"ssl_verify: {bundle}", f"cafile={bundle}", bundle]


def test_the_plain_image_does_not_trust_the_site(small_image: str, server: str, docker_cli: Docker) -> None:
    script = f"curl --silent --fail {server}/simple/tiny/ || echo refused with $?"
    said = docker_cli("run", "--rm", "--network", "host", small_image, "sh", "-c", script)
    assert said == "refused with 60"
