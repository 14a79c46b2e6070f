"""Jupyter server settings for everyone in this image; a user's own are read after these."""

import logging
from pathlib import Path

c = get_config()  # noqa: F821 - Jupyter defines it

c.ServerApp.ip = "0.0.0.0"  # noqa: S104 - the container's own network
c.ServerApp.open_browser = False

# A trash folder inside a container only hides what uses the space.
c.FileContentsManager.delete_to_trash = False

# The image is what it is: neither ask the network for news nor offer updates.
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"

# Widgets of a kernel have a part that runs in the browser: the lab takes it from every kernel's environment.
c.LabServerApp.extra_labextensions_path = [
    str(folder) for folder in sorted(Path("/opt/conda/envs").glob("*/share/jupyter/labextensions"))
]


class _Known(logging.Filter):
    """Drops a warning about how some extensions register, which nobody who runs an image can act on."""

    def filter(self, record):
        return "`_jupyter_server_extension_points` function was not found in" not in record.getMessage()


for _name in ("ServerApp", "ExtensionApp"):
    logging.getLogger(_name).addFilter(_Known())
