"""A kernel in the place of one that cannot be started: every cell is answered with the reason and the cure."""

from __future__ import annotations

from typing import Any

from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel


class MessageKernel(Kernel):  # type: ignore[misc]
    """Runs nothing."""

    implementation = "message"
    implementation_version = "1.0"
    language_info = {"name": "python", "mimetype": "text/x-python", "file_extension": ".py"}  # noqa: RUF012 - a trait
    banner = ""

    async def do_execute(self, *_words: Any, silent: bool = False, **_options: Any) -> dict[str, Any]:
        """Answer a cell with the message, as an error."""
        error = {"ename": "KernelCannotStart", "evalue": self.banner, "traceback": self.banner.splitlines()}
        if not silent:
            self.send_response(self.iopub_socket, "error", error)
        return {"status": "error", "execution_count": self.execution_count, **error}


def serve(text: str, options: list[str]) -> None:
    """Serve until the client ends it."""
    MessageKernel.banner = text
    IPKernelApp.launch_instance(argv=options, kernel_class=MessageKernel)
