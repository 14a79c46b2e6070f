"""Which engine is meant: DOCKER_HOST, else the current context of the ``docker`` program."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from platform_images import process
from platform_images.errors import PrerequisiteError, ToolError

VARIABLES = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
_QUERY_SECONDS = 20.0


def endpoint() -> dict[str, Any]:
    """Return docker-py's arguments for the engine that the ``docker`` program would use."""
    from docker.tls import TLSConfig
    from docker.utils import kwargs_from_env

    if os.environ.get("DOCKER_HOST"):
        found = dict(kwargs_from_env())
        return {**found, "use_ssh_client": str(found.get("base_url", "")).startswith("ssh://")}
    context = _context()
    host = str(context.get("Endpoints", {}).get("docker", {}).get("Host") or "")
    if not host:
        return {}
    folder = Path(context.get("Storage", {}).get("TLSPath") or "") / "docker"
    verify = not context["Endpoints"]["docker"].get("SkipTLSVerify", False)
    options: dict[str, Any] = {"base_url": host, "use_ssh_client": host.startswith("ssh://")}
    if (folder / "cert.pem").is_file():
        options["tls"] = TLSConfig(
            client_cert=(str(folder / "cert.pem"), str(folder / "key.pem")),
            ca_cert=str(folder / "ca.pem") if (folder / "ca.pem").is_file() else None,
            verify=verify,
        )
    return options


@contextmanager
def engine_in_use(values: Mapping[str, str]) -> Iterator[None]:
    """Make an engine the one in use, for as long as the block lasts.

    Args:
        values: What VARIABLES are to be; those that are not among them are unset.
    """
    before = {name: os.environ.get(name) for name in VARIABLES}
    _set({name: values.get(name) for name in VARIABLES})
    try:
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    """Set variables, or unset those without a value."""
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _context() -> dict[str, Any]:
    """Return the docker program's current context; empty where there is no such program or it knows none."""
    try:
        answer = process.run(["docker", "context", "inspect"], timeout=_QUERY_SECONDS).stdout
        found = json.loads(answer)
    except (PrerequisiteError, ToolError, ValueError):
        return {}
    return dict(found[0]) if found else {}
