"""What registers an environment as a Jupyter kernel: ``kernel.json``, and the same variables for terminals."""

from __future__ import annotations

from pathlib import PurePosixPath

from platform_images.compose.quoting import data_lines, export_lines
from platform_images.compose.values import ContextFile
from platform_images.files import json_text
from platform_images.model.environment import CONDA_ROOT, Environment

LAUNCHER = "/opt/environments/bin/activated"
LOGOS = {".png": "logo-64x64.png", ".svg": "logo-svg.svg"}
ACTIVATION = "etc/conda/activate.d/platform-images.sh"


def kernel_json(kernel: Environment) -> str:
    """Return the kernel's ``kernel.json``: it starts in its activated environment, with its variables."""
    words = [LAUNCHER, str(kernel.prefix), "python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    return json_text(
        {
            "argv": words,
            "display_name": kernel.settings.display_name,
            "env": kernel.settings.environment,
            "language": "python",
            "metadata": {"debugger": True},
        }
    )


def activation_script(kernel: Environment) -> str:
    """Return the shell file that gives terminals the variables that ``kernel.json`` gives notebooks."""
    head = f"# Variables of the environment {kernel.name}, from its kernel.toml.\n"
    settings = kernel.settings
    return head + export_lines(settings.environment, keep_present=False) + data_lines(settings.data, keep_present=False)


def _logo(kernel: Environment) -> tuple[ContextFile, ...]:
    """Return the kernel's picture, under the name that Jupyter looks for."""
    if kernel.settings.logo is None:
        return ()
    name = LOGOS[PurePosixPath(kernel.settings.logo).suffix]
    place = f"final{CONDA_ROOT}/share/jupyter/kernels/{kernel.name}/{name}"
    return (ContextFile(path=place, source=kernel.folder / kernel.settings.logo),)


def kernel_files(environments: tuple[Environment, ...]) -> tuple[ContextFile, ...]:
    """Return the small files of all environments, to be laid over the image; the base is no kernel."""
    files: list[ContextFile] = []
    for environment in environments:
        if not environment.is_base:
            files.append(
                ContextFile(
                    path=f"final{CONDA_ROOT}/share/jupyter/kernels/{environment.name}/kernel.json",
                    text=kernel_json(environment),
                )
            )
            files += _logo(environment)
        if environment.settings.environment or environment.settings.data:
            files.append(
                ContextFile(path=f"final{environment.prefix / ACTIVATION}", text=activation_script(environment))
            )
    return tuple(files)
