"""The hub's own process: started, shown once it answers, and waited for."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NoReturn

from platform_images import process
from platform_images.errors import ToolError
from platform_images.files import json_text, write_text
from platform_images.hub.configuration import LOOPBACK, Hub, configuration
from platform_images.hub.installation import Programs
from platform_images.hub.serverlogs import following

READY_SECONDS = 90.0
POLL_SECONDS = 0.25
GRACE_SECONDS = 30.0
LAST_LINES = 20
_FOREIGN = ("JUPYTERHUB_", "JUPYTER_", "CONFIGPROXY_", "PYTHON", "DOCKER_")


def serve(hub: Hub, programs: Programs, *, engine_address: str, say: Callable[[str], None]) -> NoReturn:
    """Run the hub; show its URL once it answers, then wait for its end.

    Raises:
        KeyboardInterrupt: This one was told to end.
        ToolError: The hub has ended without that.
    """
    settings = hub.folder / "jupyterhub_config.json"
    write_text(settings, json_text(configuration(hub)), mode=0o600)
    log = _Log(say=say)
    say(f"Starting JupyterHub for {hub.image} ...")
    argv = [*programs.hub, "--config", str(settings)]
    env = _environment(os.environ, engine_address)
    with process.serving(argv, env=env, cwd=hub.folder, on_line=log.heard, grace=GRACE_SECONDS) as child:
        with log.shown_unless_interrupted():
            _wait_ready(child, hub, log)
        with following(hub.mission, say):
            _show_url(hub, say)
            code = child.wait()
    raise ToolError(f"JupyterHub ended with exit code {code}.", why=log.end, returncode=code)


class _Log:
    """The hub's log: shown as it comes once somebody looks, its end kept."""

    def __init__(self, *, say: Callable[[str], None]) -> None:
        """Hand lines on to ``say``."""
        self._say = say
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._shown = False
        self._lock = threading.Lock()

    def heard(self, line: str) -> None:
        """Take a line."""
        with self._lock:
            self._last.append(line)
            if self._shown:
                self._say(line)

    @property
    def end(self) -> str:
        """The last lines."""
        return "\n".join(self._last)

    @contextmanager
    def shown_unless_interrupted(self) -> Iterator[None]:
        """Show all from here on, but nothing more where we are told to end meanwhile.

        A hub that still starts has only tracebacks for it; so has one that is told to end before anybody looks.
        """
        try:
            with self._lock:
                self._shown = True
                for line in self._last:
                    self._say(line)
            yield
        except KeyboardInterrupt:
            self._shown = False
            raise


def _environment(own: Mapping[str, str], engine_address: str) -> dict[str, str]:
    """Return the hub's environment: this process's, without what would configure a hub, its proxy or its Python."""
    kept = {name: value for name, value in own.items() if not name.startswith(_FOREIGN)}
    return {**kept, "DOCKER_HOST": engine_address, "PYTHONUNBUFFERED": "1"}


def _wait_ready(child: subprocess.Popen[str], hub: Hub, log: _Log) -> None:
    """Return once the hub answers through its proxy; that is asked last, for it logs what it has no route for.

    Raises:
        ToolError: It ended, or did not answer in time; with the last lines of its log.
    """
    end = time.monotonic() + READY_SECONDS
    while not (answers(hub.gateway, hub.hub_port) and answers(LOOPBACK, hub.port)):
        if child.poll() is not None:
            time.sleep(POLL_SECONDS)  # its last words are on their way
            raise ToolError(
                f"JupyterHub ended with exit code {child.returncode} before it answered.",
                why=log.end,
                returncode=child.returncode,
            )
        if time.monotonic() > end:
            raise ToolError(f"JupyterHub did not answer on port {hub.port} within {READY_SECONDS:g} s.", why=log.end)
        time.sleep(POLL_SECONDS)


def answers(address: str, port: int) -> bool:
    """Return whether a hub answers on its API there."""
    asked = http.client.HTTPConnection(address, port, timeout=5)
    try:
        asked.request("GET", "/hub/api/")
        answer = asked.getresponse()
        return answer.status == http.HTTPStatus.OK and "version" in json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        asked.close()


def _show_url(hub: Hub, say: Callable[[str], None]) -> None:
    """Print where it is and what opens it."""
    who = f"as {' or '.join(hub.users)}" if hub.users else "under any user name"
    say(f"JupyterHub runs; Ctrl-C ends it and its servers. Log in {who} with this password:")
    sys.stdout.write(f"http://{LOOPBACK}:{hub.port}/\npassword: {hub.password}\n")
    sys.stdout.flush()
