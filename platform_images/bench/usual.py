"""The usual Dockerfile, and a plain one with parallel stages: building them with the docker client's buildx."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from platform_images.bench.contexts import installed, lay_out, write_site
from platform_images.bench.copying import environments, image_of
from platform_images.bench.peers import SITE_CONTEXT, dockerfile
from platform_images.bench.timing import Command
from platform_images.compose.sources import PROGRAMS
from platform_images.compose.values import channel_context
from platform_images.engine.buildx import BuildRun, build_words, buildx_command
from platform_images.engine.root import ensure_root
from platform_images.engine.tools import tools_context
from platform_images.locks.store import ROOT_UNIT, LockStore, root
from platform_images.model import Mission, Platform
from platform_images.process import redacted
from platform_images.site import site_settings
from platform_images.solve.hostenv import ca_bundle
from platform_images.solve.piptools import put_tools
from platform_images.solve.solution import Say


class UsualBuild:
    """A build of a mission's packages without this project; its context is gone afterwards."""

    def __init__(self, platform: Platform, mission: Mission, *, parallel: bool, say: Say) -> None:
        self._platform, self._mission, self._parallel, self._say = platform, mission, parallel, say
        self.name = image_of("plain" if parallel else "usual")
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        self.folder = Path(self._ends.enter_context(TemporaryDirectory(prefix="platform-images-bench-")))
        for name in ("main", "pip", "secrets", "out"):
            (self.folder / name).mkdir()
        put_tools(self.folder / "pip")
        site = site_settings(ca_bundle=ca_bundle(self._platform))
        written = write_site(site, self._platform, self.folder / "secrets")
        text = written["site"].read_text(encoding="utf-8")
        self._secrets = written if redacted(text) != text else {}
        if not self._secrets:
            for name, path in written.items():
                if path.parent != self.folder / "secrets":
                    shutil.copyfile(path, self.folder / "secrets" / name)
        system = root(LockStore(self._platform.locks).require(ROOT_UNIT))
        self._root = ensure_root(self._platform, system, say=self._say).reference
        self._epoch = system.epoch
        self._tools = tools_context(self._platform, say=self._say)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.close()

    def command(self) -> Command:
        """Return the command that builds the present locks."""
        lay_out(self._platform, environments(self._platform, self._mission), self.folder / "main")
        (self.folder / "out" / "Dockerfile").write_text(self.text(), encoding="utf-8")
        run = BuildRun(
            name=self.name,
            dockerfile=self.text(),
            context=self.folder / "main",
            contexts=self._contexts(),
            secrets=self._secrets,
            platform=self._platform.settings.platform,
            epoch=self._epoch,
            network=self._platform.settings.build.network,
            tags=(f"{self.name}:latest",),
        )
        words = (*buildx_command(), *build_words(run, folder=self.folder / "out"))
        return Command(argvs=(words,), cwd=self._platform.folder)

    def text(self) -> str:
        """Return the Dockerfile."""
        listed = [installed(self._platform, each) for each in environments(self._platform, self._mission)]
        packages = sorted({*self._platform.os_packages, *self._mission.os_packages})
        return dockerfile(self._root, packages, listed, parallel=self._parallel, secret=bool(self._secrets))

    def places(self) -> dict[str, str]:
        """Return what is written in the place of paths of this machine."""
        found = {str(self.folder): "context", str(self._tools): "tools", str(PROGRAMS): "scripts"}
        return found | {str(path): name for name, path in self._secrets.items() if path.parent.parent != self.folder}

    def _contexts(self) -> dict[str, Path]:
        """Return the further build contexts."""
        found = {"tools": self._tools, "pip": self.folder / "pip", "scripts": PROGRAMS}
        if not self._secrets:
            found[SITE_CONTEXT] = self.folder / "secrets"
        for name in self._channels():
            found[channel_context(name)] = self._platform.folder / str(self._platform.channel(name).path)
        return found

    def _channels(self) -> Sequence[str]:
        """Return the channels of the repository that anything is from."""
        listed = [installed(self._platform, each) for each in environments(self._platform, self._mission)]
        return sorted({name for each in listed for name in each.channels})
