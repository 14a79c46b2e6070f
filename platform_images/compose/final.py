"""The last stage and its small files: variables, labels, extra files, the default home, the record of the build."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from platform_images.compose.certificates import VARIABLES as CERTIFICATE_VARIABLES
from platform_images.compose.groups import Group
from platform_images.compose.mission_stage import settings
from platform_images.compose.poststart import post_start_files
from platform_images.compose.quoting import data_lines, docker_word, export_lines, has_reference, literal
from platform_images.compose.stages import Build, render, stage_name
from platform_images.compose.values import ContextFile
from platform_images.files import json_text
from platform_images.model.environment import CONDA_ROOT, Environment
from platform_images.model.mission import Mission

HEALTHCHECK = "runtime/etc/jupyter/docker_healthcheck.py"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CONDA_SH = """\
# Scripts source this, at the place where conda has it, to know "conda activate".
. /opt/environments/lib/conda.sh
"""
LAYER = "/layer/tree/"
NPM_PROGRAMS = "/opt/npm/node_modules/.bin"


def final_text(build: Build, mission: Mission, labels: dict[str, str]) -> str:
    """Return the last stage."""
    return render(
        build.sources,
        "final",
        user=build.platform.settings.user,
        layers=layers(build),
        settings=settings(mission.dockerfile),
        has_home=bool(build.sources.home),
        has_healthcheck=any(file.path == HEALTHCHECK for file in build.sources.runtime),
        variables=[(name, docker_word(value)) for name, value in _variables(build, mission).items()],
        labels=[(name, docker_word(value)) for name, value in labels.items()],
    )


def final_files(build: Build, mission: Mission, *, lock_digest: str) -> tuple[ContextFile, ...]:
    """Return the small files that the last stage copies."""
    return (
        ContextFile(path="final/opt/environments/etc/environment.sh", text=_mission_variables(mission)),
        *post_start_files(build, mission),
        ContextFile(path=f"final{CONDA_ROOT}/etc/profile.d/conda.sh", text=_CONDA_SH),
        ContextFile(
            path="final/opt/environments/record/image.json",
            text=record_text(mission, build.environments, lock_digest=lock_digest),
        ),
        *(
            ContextFile(path=f"final{file.target}", source=mission.folder / file.source, mode=int(file.mode, 8))
            for file in mission.settings.files
        ),
        *build.sources.home,
    )


def layers(build: Build) -> tuple[tuple[str, str, str], ...]:
    """Return stage, source and target of each layer of the environments, the lowest first.

    The base is below all kernels, so that missions have its layers in common.
    """
    of_base = [each for each in build.groups if each.environments[0].is_base]
    of_kernels = [each for each in build.groups if not each.environments[0].is_base]
    return (*_layers((build.platform.base,), of_base), *_layers(build.kernels, of_kernels))


def _layers(environments: Sequence[Environment], groups: Sequence[Group]) -> Iterator[tuple[str, str, str]]:
    """Yield the layers of the conda parts, then those of packages."""
    for environment in environments:
        yield stage_name(environment), LAYER, "/"
    for group in groups:
        yield group.stage, LAYER, "/"


def _variables(build: Build, mission: Mission) -> dict[str, str]:
    """Return ENV: ours, then those of the mission's variables that refer to nothing."""
    user = build.platform.settings.user
    programs = [f"{CONDA_ROOT}/bin", *([NPM_PROGRAMS] if build.npm is not None else []), SYSTEM_PATH]
    found = {
        "CONDA_DIR": str(CONDA_ROOT),
        "HOME": f"/home/{user.name}",
        "JUPYTER_PORT": "8888",
        "LANG": "C.UTF-8",
        "LANGUAGE": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "NB_GID": str(user.gid),
        "NB_UID": str(user.uid),
        "NB_USER": user.name,
        "PATH": ":".join(programs),
        "SHELL": "/bin/bash",
    }
    if build.sources.certificates is not None:
        found.update(CERTIFICATE_VARIABLES)
    plain = {name: literal(value) for name, value in mission.settings.environment.items() if not has_reference(value)}
    return found | plain


def _mission_variables(mission: Mission) -> str:
    """Return the shell file with all the mission's variables.

    ENV cannot hold ``$HOME``: it would be the home of whoever builds. What ``docker run --env`` sets stays as it is.
    """
    head = f"# Variables of the mission {mission.name}, from its mission.toml.\n"
    variables = export_lines(mission.settings.environment, keep_present=True)
    return head + variables + data_lines(mission.settings.data, keep_present=True)


def record_text(mission: Mission, environments: Sequence[Environment], *, lock_digest: str) -> str:
    """Return what the image is, for programs inside it."""
    return json_text(
        {
            "mission": mission.name,
            "version": mission.settings.version,
            "lock_digest": f"sha256:{lock_digest}",
            "environments": [
                {
                    "name": environment.name,
                    "prefix": str(environment.prefix),
                    "display_name": environment.settings.display_name,
                    "python": environment.conda.python,
                }
                for environment in environments
            ],
        }
    )
