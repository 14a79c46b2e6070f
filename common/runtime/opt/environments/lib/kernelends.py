"""Why a kernel has ended, told where its user looks: the cell that was running, the lab's dialog, the server's log.

The server itself says only that a kernel has died; what the kernel wrote to standard error is in a log that a user of a
hub cannot see. jupyter_server_config.py names the two classes here.
"""

import asyncio
import json
import os
import signal
import threading

from jupyter_client.provisioning import LocalProvisioner
from jupyter_server.services.kernels.connection.base import deserialize_binary_message, deserialize_msg_from_ws_v1
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.services.kernels.kernelmanager import ServerKernelManager
from tornado.web import HTTPError

LAST_WORDS = 3000
START_SECONDS = 10.0
STEP_SECONDS = 0.05
# Every kernel says that; its network is the container's own.
EVERYDAY = ("Kernel is running over TCP without encryption",)
FAULTS = {
    signal.SIGABRT: "compiled code has given up",
    signal.SIGBUS: "a fault in compiled code, or a file that has shrunk while it was mapped",
    signal.SIGFPE: "a fault in compiled code",
    signal.SIGILL: "compiled code that this processor does not have",
    signal.SIGSEGV: "a fault in compiled code",
}


class KernelEndedError(HTTPError):
    """A kernel has ended when it was to start. Its text is the reason alone: the lab shows it in a dialog."""

    def __init__(self, why):
        super().__init__(500, why)
        self._why = why

    def __str__(self):
        return self._why


class KernelManager(ServerKernelManager):
    """Keeps the last words of a kernel, and tells a start that fails at once instead of starting it over and over."""

    _last_words = None
    _killed_before = 0
    _has_started = False

    async def _async_launch_kernel(self, kernel_cmd, **kw):
        """Launch the kernel, with a pipe for its standard error."""
        if not isinstance(self.provisioner, LocalProvisioner) or "stderr" in kw:
            return await super()._async_launch_kernel(kernel_cmd, **kw)
        reading, writing = os.pipe()
        self._last_words = LastWords(reading)
        self._killed_before = out_of_memory_kills()
        try:
            return await super()._async_launch_kernel(kernel_cmd, stderr=writing, **kw)
        except OSError:
            await self._give_up()
            raise
        finally:
            os.close(writing)

    async def _async_post_start_kernel(self, **kw):
        """Wait until the kernel listens; an error where it has ended before."""
        await super()._async_post_start_kernel(**kw)
        if self._has_started:
            return  # the restarter counts these
        self._has_started = True
        for _ in range(int(START_SECONDS / STEP_SECONDS)):
            reason = self.why_ended()
            if reason is not None:
                await self._give_up()
                raise KernelEndedError(reason)
            if self.transport != "tcp" or await listens(self.ip, self.shell_port):
                return
            await asyncio.sleep(STEP_SECONDS)

    async def _give_up(self):
        """Leave nothing of a start that has failed.

        The manager of all kernels keeps it as one that is still to come, and the server would never end for waiting.
        """
        self.stop_restarter()
        await self._async_cleanup_resources()
        getattr(self.parent, "_pending_kernels", {}).pop(self.kernel_id, None)

    def why_ended(self):
        """Return what is known of the end of a kernel; None while it runs."""
        process = getattr(self.provisioner, "process", None)
        code = process.poll() if process is not None else None
        if code is None:
            return None
        spec = self.kernel_spec
        name = spec.display_name if spec is not None else self.kernel_name
        text = f"The kernel {self.kernel_name} ({name}) has ended: {self._how(code)}."
        words = self._last_words.text() if self._last_words is not None else ""
        return f"{text} Its last words:\n{words}" if words else text

    def _how(self, code):
        if code >= 0:
            return f"exit code {code}"
        try:
            number = signal.Signals(-code)
        except ValueError:
            return f"signal {-code}"
        if number == signal.SIGKILL:
            if out_of_memory_kills() > self._killed_before:
                return f"it was killed, for the memory of this container{memory_limit()} was used up"
            return "it was killed (SIGKILL), as the system does when memory runs out"
        return f"{number.name}{', ' + FAULTS[number] if number in FAULTS else ''}"


class KernelConnection(ZMQChannelsWebsocketConnection):
    """Tells the lab why a kernel has ended, as output of the cell that was running."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._waiting = {}  # headers of the requests without a reply, oldest first: that one is being worked at

    def handle_incoming_message(self, incoming_msg):
        """Note a cell that is to run, and hand the message on."""
        header = self._header(incoming_msg)
        if header.get("msg_type") == "execute_request":
            self._waiting[header.get("msg_id")] = header
        super().handle_incoming_message(incoming_msg)

    def handle_outgoing_message(self, stream, outgoing_msg):
        """Note a cell that has run, and hand the kernel's message on."""
        if self._waiting and getattr(stream, "channel", None) == "shell":
            _, parts = self.session.feed_identities(outgoing_msg)
            self._waiting.pop(json.loads(parts[2] or b"{}").get("msg_id"), None)  # signature, header, parent, ...
        super().handle_outgoing_message(stream, outgoing_msg)

    def on_kernel_restarted(self):
        """Say why before the lab hears that it starts again, and forgets what was running."""
        self._tell()
        super().on_kernel_restarted()

    def on_restart_failed(self):
        """Say why before the lab hears that the kernel is dead."""
        self._tell()
        super().on_restart_failed()

    def _header(self, message):
        """Return the header of a browser's message, in either of the two protocols; empty for what has none."""
        try:
            if self.subprotocol == "v1.kernel.websocket.jupyter.org":
                return json.loads(deserialize_msg_from_ws_v1(message)[1][0])
            read = deserialize_binary_message if isinstance(message, bytes) else json.loads
            return read(message)["header"]
        except (ValueError, LookupError, TypeError):
            return {}

    def _tell(self):
        reason = self.kernel_manager.why_ended() if hasattr(self.kernel_manager, "why_ended") else None
        if reason is None:
            return
        iopub = self.channels.get("iopub")
        if iopub is not None and not iopub.closed():
            iopub.flush()  # what it has said itself comes first
        self.write_stderr(reason, next(iter(self._waiting.values()), {}))
        self._waiting.clear()


class LastWords:
    """Reads a kernel's standard error into the server's own, and keeps its end."""

    def __init__(self, reading):
        self._kept = b""
        self._reading = reading
        self._thread = threading.Thread(target=self._read, name="kernel-stderr", daemon=True)
        self._thread.start()

    def text(self):
        """Return what has been kept, from the start of a line."""
        self._thread.join(timeout=0.2)  # the end of what a kernel wrote may come after its end
        lines = self._kept.decode("utf-8", errors="replace").strip().splitlines()
        if len(self._kept) == LAST_WORDS and len(lines) > 1:
            del lines[0]  # a part of one
        return "\n".join(line for line in lines if not any(known in line for known in EVERYDAY))

    def _read(self):
        with open(self._reading, "rb", buffering=0) as stream:  # noqa: PTH123 - a descriptor
            while words := stream.read(65536):
                self._kept = (self._kept + words)[-LAST_WORDS:]
                try:
                    os.write(2, words)
                except OSError:
                    continue


async def listens(host, port):
    """Return whether a program of this machine listens there."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


def out_of_memory_kills():
    """Return how many programs of this container the system has killed for want of memory."""
    for line in control_group("memory.events").splitlines():
        name, _, number = line.partition(" ")
        if name == "oom_kill":
            return int(number)
    return 0


def memory_limit():
    """Return the container's limit of memory in words; nothing where there is none."""
    limit = control_group("memory.max").strip()
    return f" ({int(limit) / 2**30:.1f} GiB)" if limit.isdigit() else ""


def control_group(name):
    """Return a file of this container's control group, or nothing."""
    try:
        with open(f"/sys/fs/cgroup/{name}", encoding="ascii") as stream:  # noqa: PTH123
            return stream.read()
    except OSError:
        return ""
