"""Servers on the loopback for tests: a registry, and an engine's own BuildKit; certificates."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Certificates:
    """A certificate authority and what it signed, as PEM files."""

    folder: Path

    @property
    def authority(self) -> Path:
        return self.folder / "ca.pem"

    def certificate(self, name: str) -> Path:
        return self.folder / f"{name}.pem"

    def key(self, name: str) -> Path:
        return self.folder / f"{name}-key.pem"


def make_certificates(folder: Path) -> Certificates:
    """Make an authority, and a certificate of a server on the loopback and of a client."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "rsa:2048", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca-key.pem", "-out", "ca.pem", "-days", "2", "-subj", "/CN=tests")
    for name, use in (("server", "serverAuth"), ("client", "clientAuth")):
        (folder / f"{name}.ext").write_text(f"subjectAltName=IP:{HOST}\nextendedKeyUsage={use}\n")
        openssl("req", *key, "-keyout", f"{name}-key.pem", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signed = ("-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext")
        openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signed)
    return Certificates(folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@dataclass
class RegistryServer:
    """Debian's registry, which keeps its data in a folder; it can be killed, and started again on the same port."""

    folder: Path
    address: str
    child: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        """Run it, and return once it answers."""
        program = str(registry_program(self.folder))
        with (self.folder / "log").open("ab") as log:
            argv = [program, "serve", str(self.folder / "config.yml")]
            self.child = subprocess.Popen(argv, stdout=log, stderr=log, env={"PATH": os.environ["PATH"]})
        wait_for(f"http://{self.address}/v2/", self.child)

    def end(self, number: int = signal.SIGTERM) -> None:
        """Tell it to end, or kill it, and wait for that."""
        if self.child is not None:
            self.child.send_signal(number)
            self.child.wait(timeout=30)
            self.child = None


def registry_program(folder: Path) -> Path:
    """Return the program of Debian's registry, which is fetched into a folder where it is not there."""
    program = folder / "program/usr/bin/docker-registry"
    if not program.is_file():
        subprocess.run(["apt-get", "download", "docker-registry"], cwd=folder, check=True, capture_output=True)
        (package,) = folder.glob("docker-registry_*.deb")
        subprocess.run(["dpkg", "-x", str(package), str(folder / "program")], check=True)
    return program


@contextmanager
def registry_server(folder: Path, *, htpasswd: str = "") -> Iterator[RegistryServer]:
    """Run Debian's registry.

    Args:
        folder: Where its program, settings, log and data are.
        htpasswd: Who is let in, one a line; anybody without it.
    """
    server = RegistryServer(folder, f"{HOST}:{free_port()}")
    settings: dict[str, object] = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(server.data)}, "delete": {"enabled": True}},
        "http": {"addr": server.address},
    }
    if htpasswd:
        (folder / "htpasswd").write_text(htpasswd)
        settings["auth"] = {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}
    (folder / "config.yml").write_text(json.dumps(settings))
    try:
        server.start()
        yield server
    finally:
        server.end()


@contextmanager
def registry(folder: Path, *, htpasswd: str = "") -> Iterator[str]:
    """Run Debian's registry with its data in a folder; give HOST:PORT."""
    with registry_server(folder, htpasswd=htpasswd) as server:
        yield server.address


def htpasswd_line(user: str, password: str) -> str:
    """Return who is let in, in the one form that the registry reads; Debian's own perl can make it."""
    words = ["perl", "-e", "print crypt($ARGV[0], $ARGV[1])", password, "$2y$05$abcdefghijklmnopqrstuu"]
    return f"{user}:{subprocess.run(words, capture_output=True, text=True, check=True).stdout}\n"


def wait_for(url: str, child: subprocess.Popen[bytes]) -> None:
    """Return once a server answers, if only that it lets nobody in."""
    end = time.monotonic() + 30
    while True:
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5):
                return
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            assert child.poll() is None, "the server has ended"
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.1)


@contextmanager
def buildkit_port(engine: Path, certificates: Certificates) -> Iterator[int]:
    """Give the BuildKit inside an engine a TCP port of its own, with TLS on both sides.

    BuildKit's program is packaged nowhere here, but an engine has all of it, behind an upgrade of HTTP to gRPC on its
    socket. What comes from a client that has a certificate is handed on to that, byte for byte.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates.authority))
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2"])
    context.load_cert_chain(certificates.certificate("server"), certificates.key("server"))
    with socket.create_server((HOST, 0)) as server:
        threading.Thread(target=_serve, args=(server, context, engine), daemon=True).start()
        yield int(server.getsockname()[1])


def _serve(server: socket.socket, context: ssl.SSLContext, engine: Path) -> None:
    with suppress(OSError):  # the server was closed
        while True:
            plain, _ = server.accept()
            threading.Thread(target=_hand_on, args=(plain, context, engine), daemon=True).start()


def _hand_on(plain: socket.socket, context: ssl.SSLContext, engine: Path) -> None:
    with suppress(OSError), plain, socket.socket(socket.AF_UNIX) as inner:
        inner.connect(str(engine))
        inner.sendall(b"POST /grpc HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += inner.recv(1)
        assert b" 101 " in head.splitlines()[0], head
        _both_ways(plain, context, inner)


def _both_ways(plain: socket.socket, context: ssl.SSLContext, inner: socket.socket) -> None:
    """Copy between a client's TLS connection and the engine. One thread may not write what another reads with one TLS
    object, so TLS is done in memory, under a lock."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    lock = threading.Lock()
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            plain.sendall(outgoing.read())
            incoming.write(plain.recv(BLOCK))
    plain.sendall(outgoing.read())

    def back() -> None:
        with suppress(OSError):
            while block := inner.recv(BLOCK):
                with lock:
                    tls.write(block)
                    plain.sendall(outgoing.read())
            plain.shutdown(socket.SHUT_RDWR)

    thread = threading.Thread(target=back, daemon=True)
    thread.start()
    while block := plain.recv(BLOCK):
        with lock:
            incoming.write(block)
            parts = list(_readable(tls))
            plain.sendall(outgoing.read())
        for part in parts:
            inner.sendall(part)
    inner.shutdown(socket.SHUT_RDWR)
    thread.join()


def _readable(tls: ssl.SSLObject) -> Iterator[bytes]:
    """Yield what has been received so far."""
    with suppress(ssl.SSLWantReadError):
        while part := tls.read(BLOCK):
            yield part
