"""A small client of a Jupyter server's own API: kernels, and cells run in them over the web socket."""

from __future__ import annotations

import json
import time
import urllib.request
import uuid
from dataclasses import dataclass
from typing import Any

import websocket

WAIT_SECONDS = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that answers at ``http://127.0.0.1:<port><base>`` with this token."""

    port: int
    token: str
    base: str = ""

    def ask(self, path: str, *, data: Any = None, method: str = "GET") -> Any:
        """Call the REST API and return its JSON."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{self.base}/api/{path}",
            data=None if data is None else json.dumps(data).encode(),
            method=method,
            headers={"Authorization": f"token {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def page(self, path: str) -> str:
        """Return the text of a page."""
        address = f"http://127.0.0.1:{self.port}{self.base}/{path}?token={self.token}"
        with urllib.request.urlopen(address, timeout=WAIT_SECONDS) as answer:
            text: bytes = answer.read()
        return text.decode("utf-8")

    def wait(self) -> None:
        """Return when the server answers; at most WAIT_SECONDS."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                self.ask("status")
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return

    def run_cell(self, kernel_spec: str, code: str) -> str:
        """Start a kernel, run one cell in it and return what it printed; an error in the cell is raised."""
        kernel = self.ask("kernels", data={"name": kernel_spec}, method="POST")["id"]
        try:
            return self._run(kernel, (code,))
        finally:
            self.ask(f"kernels/{kernel}", method="DELETE")

    def run_notebook(self, kernel_spec: str, notebook: dict[str, Any], *, name: str) -> str:
        """Save a notebook on the server, open it in a session with a kernel, run its cells in order.

        Gives what they printed; an error in a cell is raised.
        """
        self.ask(f"contents/{name}", data={"type": "notebook", "content": notebook}, method="PUT")
        opened = {"path": name, "name": name, "type": "notebook", "kernel": {"name": kernel_spec}}
        session = self.ask("sessions", data=opened, method="POST")
        saved = self.ask(f"contents/{name}")["content"]
        cells = tuple(cell["source"] for cell in saved["cells"] if cell["cell_type"] == "code")
        try:
            return self._run(session["kernel"]["id"], cells)
        finally:
            self.ask(f"sessions/{session['id']}", method="DELETE")
            self.ask(f"contents/{name}", method="DELETE")

    def _run(self, kernel: str, cells: tuple[str, ...]) -> str:
        """Run cells one after the other over the kernel's web socket."""
        channel = websocket.create_connection(
            f"ws://127.0.0.1:{self.port}{self.base}/api/kernels/{kernel}/channels",
            header=[f"Authorization: token {self.token}"],
            timeout=WAIT_SECONDS,
        )
        printed = []
        try:
            for code in cells:
                message = _execute_request(code)
                channel.send(json.dumps(message))
                printed.append(_printed(channel, message["header"]["msg_id"]))
        finally:
            channel.close()
        return "".join(printed)


def _execute_request(code: str) -> dict[str, Any]:
    """Return the message that asks for a cell to be run (Jupyter's messaging protocol 5.3)."""
    return {
        "header": {
            "msg_id": uuid.uuid4().hex,
            "username": "test",
            "session": uuid.uuid4().hex,
            "msg_type": "execute_request",
            "version": "5.3",
        },
        "parent_header": {},
        "metadata": {},
        "content": {"code": code, "silent": False, "store_history": False, "allow_stdin": False},
        "channel": "shell",
        "buffers": [],
    }


def _printed(channel: websocket.WebSocket, request: str) -> str:
    """Read messages until the cell is done."""
    out: list[str] = []
    idle = replied = False
    while not (idle and replied):
        message = json.loads(channel.recv())
        if message["parent_header"].get("msg_id") != request:
            continue
        content = message["content"]
        match message["msg_type"]:
            case "stream":
                out.append(content["text"])
            case "error":
                raise AssertionError("\n".join(content["traceback"]))
            case "status":
                idle = idle or content["execution_state"] == "idle"
            case "execute_reply":
                replied = True
    return "".join(out)
