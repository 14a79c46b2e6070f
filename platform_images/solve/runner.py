"""Running a command in an environment itself: in a container of its operating system and its conda part."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from platform_images.engine.naming import container_name, docker_options
from platform_images.locks.store import LockStore
from platform_images.model.environment import Environment
from platform_images.model.mission import Mission
from platform_images.model.platform import Platform
from platform_images.process import Completed, run
from platform_images.site import CA_IN_BUILD, SiteSettings, site_settings
from platform_images.solve.hostenv import ca_bundle
from platform_images.solve.solution import Say

TIMEOUT = 7200.0
ROLE = "solve"
_INSIDE = "/tmp/solve"  # noqa: S108 - a folder of the container's own
_CA = f"{_INSIDE}/ca"


class EnvironmentRunner(Protocol):
    """Runs a command in an environment of which the conda part is solved."""

    def run(self, words: Sequence[str], *, conda_lock: str, folder: Path) -> Completed:
        """Run the environment's Python with ``words``.

        Args:
            words: The command line after ``python``.
            conda_lock: The conda part, as text of its ``conda-lock.yml``.
            folder: The working folder; its files go in, and its text files come out. Python finds modules in its
                ``tools``.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerRunner:
    """Runs it in a container of the image that the environment's build would stand on.

    Attributes:
        platform: The platform.
        mission: The environment's mission; none for the base.
        environment: The environment.
        store: Where the locks of root and OS packages lie.
        say: Told what is under way.
    """

    platform: Platform
    mission: Mission | None
    environment: Environment
    store: LockStore
    say: Say

    def run(self, words: Sequence[str], *, conda_lock: str, folder: Path) -> Completed:
        """Copy the folder into a container, run there, and copy its text files back.

        Raises:
            LockError: Root or OS packages have no lock.
            PrerequisiteError: No engine answers.
            ToolError: The image cannot be built.
        """
        image = self._image(conda_lock)
        site = site_settings(ca_bundle=ca_bundle(self.platform))
        with self._container(image, words, site) as identity:
            run(["docker", "cp", f"{folder}/.", f"{identity}:{_INSIDE}"])
            if site.ca_bundle:
                run(["docker", "cp", "--follow-link", str(site.ca_bundle), f"{identity}:{_CA}"])
            self.say("pip-compile in the environment's own Python")
            done = run(["docker", "start", "--attach", identity], ok=range(256), timeout=TIMEOUT)
            if done.returncode == 0:
                for path in sorted(folder.glob("*.txt")):
                    run(["docker", "cp", f"{identity}:{_INSIDE}/{path.name}", str(path)])
            return done

    def _image(self, conda_lock: str) -> str:
        """Build what the environment's Python runs on."""
        from platform_images.building.shell import environment_shell

        return environment_shell(
            self.platform, self.mission, self.environment, conda_lock=conda_lock, store=self.store, say=self.say
        )

    @contextmanager
    def _container(self, image: str, words: Sequence[str], site: SiteSettings) -> Iterator[str]:
        """Create a container and give its identity; it is gone afterwards. No value shows on a command line."""
        prefix = self.environment.prefix
        values = {name: value.replace(CA_IN_BUILD, _CA) for name, value in site.build_env().items()}
        values |= _variables(str(prefix))
        network = {"default": "bridge", "host": "host"}[self.platform.settings.build.network]
        options = [*docker_options(ROLE, container_name(ROLE)), "--workdir", _INSIDE, "--user", "0:0"]
        options += ["--network", network]
        options += [word for name in sorted(values) for word in ("--env", name)]
        argv = ["docker", "create", *options, "--entrypoint", f"{prefix}/bin/python", image, *words]
        identity = run(argv, env=_client_environment(values)).stdout.strip()
        try:
            yield identity
        finally:
            run(["docker", "rm", "--force", "--volumes", identity], ok=range(256))


def _variables(prefix: str) -> dict[str, str]:
    """Return the variables that make Python use its environment and the tools, and nothing else."""
    return {
        "CONDA_PREFIX": prefix,
        "HOME": f"{_INSIDE}/home",
        "NO_COLOR": "1",
        "PIP_DEFAULT_TIMEOUT": os.environ.get("PIP_DEFAULT_TIMEOUT", "60"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONPATH": f"{_INSIDE}/tools",
    }


def _client_environment(values: Mapping[str, str]) -> dict[str, str]:
    """Return the docker client's environment: ``--env NAME`` takes a value from it."""
    return {**os.environ, **values}
