"""Jupyter server settings for everyone in this image; a user's own are read after these.

They hold for every server: lab, notebook, nbclassic, server, and the one of a hub's user.
"""

import logging
import os
import sys
from pathlib import Path

sys.path.append("/opt/environments/lib")
from startlog import log, stop

c = get_config()  # noqa: F821 - Jupyter defines it

# Every address of the container, of IPv4 and IPv6. Port: JUPYTER_PORT, which the server reads itself.
c.ServerApp.ip = ""
c.ServerApp.open_browser = False
c.ExtensionApp.open_browser = False  # nbclassic asks this one
# Root in the container only where it is asked for by NB_USER=root or by leaving out the entry point.
c.ServerApp.allow_root = os.geteuid() == 0

port = os.environ.get("JUPYTER_PORT", "")
if not port:
    os.environ.pop("JUPYTER_PORT", None)
elif not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
    stop(f"JUPYTER_PORT must be a port, a number from 1 to 65535, and it is '{port}'")

# An empty token would be no token: the server makes one then.
for name in ("JUPYTER_TOKEN", "JUPYTER_TOKEN_FILE"):
    if name in os.environ and not os.environ[name].strip():
        del os.environ[name]

# A trash folder inside a container only hides what uses the space.
c.FileContentsManager.delete_to_trash = False

# The image is what it is: neither ask the network for news nor offer updates.
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"

# Widgets of a kernel have a part that runs in the browser: the lab takes it from every kernel's environment.
c.LabServerApp.extra_labextensions_path = [
    str(folder) for folder in sorted(Path("/opt/conda/envs").glob("*/share/jupyter/labextensions"))
]

# Why a kernel has ended is told in the lab. A gateway's kernels are not ours.
if not os.environ.get("JUPYTER_GATEWAY_URL") and not any("gateway" in word.lower() for word in sys.argv[1:]):
    c.MultiKernelManager.kernel_manager_class = "kernelends.KernelManager"
    c.ServerApp.kernel_websocket_connection_class = "kernelends.KernelConnection"

if os.environ.get("GEN_CERT", "").lower() not in ("", "0", "no", "false"):
    from certificate import made
    from jupyter_core.paths import jupyter_data_dir

    try:
        c.ServerApp.certfile = made(jupyter_data_dir())
    except Exception as error:  # whatever it is, the server must not go on without
        words = (getattr(error, "stderr", None) or str(error)).strip()
        stop(f"GEN_CERT: no certificate could be made in {jupyter_data_dir()}: {words}")

# What the server and its kernels write; the hooks come before.
umask = os.environ.get("NB_UMASK", "").strip()
if umask:
    try:
        os.umask(int(umask, 8))
    except ValueError:
        log("WARNING", f"NB_UMASK must be an octal number such as 022, and it is '{umask}': it is left as it is")


KNOWN = (
    "`_jupyter_server_extension_points` function was not found in",
    "The Jupyter server is listening on all IP addresses and not using encryption",  # of the container, as it has to
    "'extra_template_paths' was found in both NotebookApp and ServerApp",  # a hub's server sets it for both
    "WebsocketServer not running",  # at the end of a server in which nobody has opened a document
)


class _Known(logging.Filter):
    """Drops warnings that nobody who runs an image can act on."""

    def filter(self, record):
        message = f"{record.getMessage()} {record.exc_info[1] if record.exc_info else ''}"
        return not any(known in message for known in KNOWN)


for _name in ("ServerApp", "ExtensionApp", "LabApp", "NotebookApp", "JupyterNotebookApp", "asyncio"):
    logging.getLogger(_name).addFilter(_Known())
