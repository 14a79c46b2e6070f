"""What the docker client's configuration has for a registry: as text, or from one of its credential helpers."""

from __future__ import annotations

import warnings

from platform_images.errors import PrerequisiteError
from platform_images.publish.values import Login


def find_login(host: str) -> Login | None:
    """Return what `docker login` has left for a registry, or None.

    Raises:
        PrerequisiteError: The configuration cannot be read, or its credential helper does not answer.
    """
    from docker import auth
    from docker.errors import DockerException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a helper is not there is told below
            found = auth.resolve_authconfig(auth.load_config(), registry=host)
    except (DockerException, ValueError) as error:  # what is not base64 or has no colon is a ValueError
        raise PrerequisiteError(
            f"The docker client's configuration does not give a login for {host}.",
            why=str(error),
            fix=f"docker login {host}; DOCKER_CONFIG, or else ~/.docker, is where its config.json is",
        ) from error
    values = {name.lower(): str(value) for name, value in (found or {}).items() if value}
    login = Login(
        user=values.get("username", ""),
        password=values.get("password", ""),
        identity_token=values.get("identitytoken", ""),
    )
    return login if login != Login() else None


def for_engine(login: Login | None, host: str) -> dict[str, str]:
    """Return a login as the engine takes it; empty where there is none."""
    if login is None:
        return {}
    if login.identity_token:
        return {"identitytoken": login.identity_token, "serveraddress": host}
    return {"username": login.user, "password": login.password, "serveraddress": host}
