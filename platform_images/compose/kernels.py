"""What registers an environment as a Jupyter kernel: ``kernel.json``, and the same variables for terminals."""

from __future__ import annotations

from platform_images.compose.quoting import export_lines
from platform_images.compose.values import ContextFile
from platform_images.files import json_text
from platform_images.model.environment import CONDA_ROOT, Environment

LAUNCHER = "/opt/environments/bin/activated"
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
    return head + export_lines(kernel.settings.environment, keep_present=False)


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
        if environment.settings.environment:
            files.append(
                ContextFile(path=f"final{environment.prefix / ACTIVATION}", text=activation_script(environment))
            )
    return tuple(files)
