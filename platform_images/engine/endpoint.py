"""Which engine is meant: DOCKER_HOST, else the current context of the ``docker`` program."""

from __future__ import annotations

import json
import os
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


def _context() -> dict[str, Any]:
    """Return the docker program's current context; empty where there is no such program or it knows none."""
    try:
        answer = process.run(["docker", "context", "inspect"], timeout=_QUERY_SECONDS).stdout
        found = json.loads(answer)
    except (PrerequisiteError, ToolError, ValueError):
        return {}
    return dict(found[0]) if found else {}
