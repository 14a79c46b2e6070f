"""A registry of manifests on the loopback, as the distribution API says; it keeps no layers and does as it is told."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from platform_images.files import sha256_bytes

IMAGE = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.oci.image.index.v1+json"
USER, PASSWORD, IDENTITY = "ada", "pass:word", "identity"


@dataclass
class Distribution:
    """What a registry has, what it was asked, and how it is to behave.

    Attributes:
        address: HOST:PORT.
        manifests: (name, tag or digest) to media type and bytes.
        asked: Method and path of each request, in their order.
        authorizations: What each request had as Authorization.
        failures: What to answer to the next requests in place of an answer; 0 breaks the connection off.
        wants: How it lets in: ``basic``, ``bearer``; anybody without it.
        oauth: Whether the server of tokens knows tokens of identity.
        digest: What it says in Docker-Content-Digest, in place of the truth.
        moved: Whether it sends those who ask to another path.
    """

    address: str = ""
    manifests: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
    wants: str = ""
    oauth: bool = True
    forbidden: bool = False
    digest: str | None = None
    moved: bool = False

    def keep(self, name: str, tag: str, body: bytes, media_type: str = IMAGE) -> str:
        """Have a manifest under a tag and its digest, which is returned."""
        digest = f"sha256:{sha256_bytes(body)}"
        self.manifests[name, tag] = self.manifests[name, digest] = (media_type, body)
        return digest

    def tag(self, name: str, tag: str) -> bytes | None:
        """Return what a tag names."""
        found = self.manifests.get((name, tag))
        return found[1] if found else None

    def puts(self) -> list[str]:
        """Return the paths that something was put to."""
        return [path for method, path in self.asked if method == "PUT"]


def image_manifest(config: str, *layers: tuple[str, int]) -> bytes:
    """Return an image's manifest; digests are those of some words."""
    document = {
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": {"digest": config, "size": 7},
        "layers": [{"digest": digest_of(word), "size": size} for word, size in layers],
    }
    return json.dumps(document).encode()


def index_manifest(*digests: str, attestation: str) -> bytes:
    """Return an index of images' manifests, and of one that only attests."""
    manifests: list[dict[str, object]] = [{"digest": digest, "size": 1} for digest in digests]
    manifests.append(
        {"digest": attestation, "size": 1, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    )
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}).encode()


def digest_of(word: str) -> str:
    return f"sha256:{sha256_bytes(word.encode())}"


@contextmanager
def served(state: Distribution, *, tls: ssl.SSLContext | None = None) -> Iterator[Distribution]:
    """Run it, on a free port of the loopback; with TLS where that is given."""
    handler = type("Bound", (_Handler,), {"state": state})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        state.address = f"127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: Distribution
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.startswith("/token"):
            self._token(parse_qs(urlsplit(self.path).query))
        elif self._ready():
            found = self.state.manifests.get(self._named())
            if found is None:
                self._error(404, "MANIFEST_UNKNOWN")
            else:
                digest = self.state.digest or f"sha256:{sha256_bytes(found[1])}"
                self._answer(200, found[1], {"Content-Type": found[0], "Docker-Content-Digest": digest})

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self._ready():
            name, tag = self._named()
            self.state.keep(name, tag, body, self.headers["Content-Type"])
            self._answer(201)

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if not self.state.oauth:
            self._error(404, "NOT_FOUND")
        elif form.get("refresh_token") == [IDENTITY]:
            self._granted(form["scope"][0], "access_token")
        else:
            self._error(401, "UNAUTHORIZED")

    def _ready(self) -> bool:
        """Whether there is nothing that keeps the registry from answering; else that is answered."""
        state = self.state
        state.asked.append((self.command, self.path))
        state.authorizations.append(self.headers.get("Authorization", ""))
        if state.failures:
            code = state.failures.pop(0)
            if code == 0:
                self.close_connection = True
            else:
                self._error(code, "UNAVAILABLE")
            return False
        if state.moved and not self.path.startswith("/moved"):
            self._answer(307, headers={"Location": f"/moved{self.path}"})
            return False
        if not self._let_in():
            self._error(401, "UNAUTHORIZED", {"WWW-Authenticate": self._challenge()})
            return False
        if state.forbidden:
            self._error(403, "DENIED")
            return False
        return True

    def _let_in(self) -> bool:
        found = self.headers.get("Authorization", "")
        wanted = {"": found, "basic": _basic(), "bearer": f"Bearer {self._scope()}"}[self.state.wants]
        return found == wanted

    def _scope(self) -> str:
        actions = "pull,push" if self.command == "PUT" else "pull"
        return f"repository:{self._named()[0]}:{actions}"

    def _challenge(self) -> str:
        if self.state.wants == "basic":
            return 'Basic realm="Registry"'
        realm = f"http://{self.state.address}/token"
        return f'Bearer realm="{realm}",service="tests",scope="{self._scope()}"'

    def _token(self, query: dict[str, list[str]]) -> None:
        assert query["service"] == ["tests"]
        if self.headers.get("Authorization") == _basic():
            self._granted(query["scope"][0], "token")
        else:
            self._error(401, "UNAUTHORIZED")

    def _granted(self, scope: str, name: str) -> None:
        self._answer(200, json.dumps({name: scope}).encode(), {"Content-Type": "application/json"})

    def _named(self) -> tuple[str, str]:
        name, _, reference = self.path.removeprefix("/moved").removeprefix("/v2/").partition("/manifests/")
        return name, reference

    def _error(self, code: int, word: str, headers: dict[str, str] | None = None) -> None:
        body = json.dumps({"errors": [{"code": word, "message": "as it is told"}]}).encode()
        self._answer(code, body, headers)

    def _answer(self, code: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _basic() -> str:
    return f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"
