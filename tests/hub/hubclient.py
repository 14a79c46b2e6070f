"""A small client of a hub: log in for a token, start and stop one's server, and reach it through the hub's proxy."""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

WAIT_SECONDS = 180.0


class RefusedError(Exception):
    """The hub does not do what it is asked."""


def call(address: str, *, method: str = "GET", data: Any = None, token: str = "") -> str:
    """Call an API and return the text of its answer."""
    request = urllib.request.Request(
        address,
        data=None if data is None else json.dumps(data).encode(),
        method=method,
        headers={"Content-Type": "application/json", **({"Authorization": f"token {token}"} if token else {})},
    )
    try:
        with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as answer:
            return bytes(answer.read()).decode("utf-8")
    except urllib.error.HTTPError as error:
        with error:
            raise RefusedError(f"{error.code} {error.read().decode('utf-8', errors='replace')}") from error


def logged_in(port: int, name: str, password: str) -> User:
    """Return a user with a token that the hub gives for the password."""
    asked = {"auth": {"username": name, "password": password}, "note": "test"}
    answer = call(f"http://127.0.0.1:{port}/hub/api/users/{name}/tokens", method="POST", data=asked)
    return User(port=port, name=name, token=json.loads(answer)["token"])


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody with a token."""

    port: int
    name: str
    token: str

    def hub(self, path: str, *, method: str = "GET", data: Any = None) -> str:
        """Call the hub's own API."""
        return call(f"http://127.0.0.1:{self.port}/hub/api/{path}", method=method, data=data, token=self.token)

    def start(self) -> float:
        """Start the server, and return how many seconds that took."""
        begun = time.monotonic()
        self.hub(f"users/{self.name}/server", method="POST", data={})
        stream = self.hub(f"users/{self.name}/server/progress")
        events = [json.loads(line.removeprefix("data:")) for line in stream.splitlines() if line.startswith("data:")]
        assert events and events[-1].get("ready"), events
        return time.monotonic() - begun

    def start_unless_running(self) -> None:
        """Start the server where it does not run."""
        if json.loads(self.hub(f"users/{self.name}"))["server"] is None:
            self.start()

    def stop(self) -> None:
        """Stop the server, and wait until it has ended."""
        self.hub(f"users/{self.name}/server", method="DELETE")
        deadline = time.monotonic() + WAIT_SECONDS
        while any((about := json.loads(self.hub(f"users/{self.name}")))[key] for key in ("server", "pending")):
            assert time.monotonic() < deadline, about
            time.sleep(0.1)

    @property
    def server(self) -> Any:
        """The user's Jupyter server, through the hub's proxy."""
        client = sys.modules["hub_tests_jupyter"]
        return client.Server(port=self.port, token=self.token, base=f"/user/{self.name}")
