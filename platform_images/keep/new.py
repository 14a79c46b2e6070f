"""`invoke new`: a mission, or a kernel of one, that builds as it is once it is locked."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from platform_images import console
from platform_images.errors import UsageError
from platform_images.files import replace_folder, write_text
from platform_images.keep import naming, template
from platform_images.locks.values import Unit
from platform_images.model import KernelFile, MissionFile, Platform, load_mission, load_platform, mission_names
from platform_images.model.document import parse_toml, read_text
from platform_images.model.load import KERNEL_FILE, MISSION_FILE
from platform_images.model.spelling import nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """What is to be made.

    Attributes:
        title: What it is, for people.
        unit: What is to be locked.
        folder: The new folder, from the project's top folder on.
        files: Its files by their names in it.
        mission_file: The new text of the mission's ``mission.toml``, where that is there already.
    """

    title: str
    unit: Unit
    folder: Path
    files: dict[str, str]
    mission_file: str | None = None

    @property
    def changed(self) -> Path:
        """The file that names the kernel."""
        return Path("deployments") / self.unit.scope / MISSION_FILE

    @property
    def names(self) -> tuple[str, ...]:
        """Every file that is made or changed, from the project's top folder on, sorted."""
        made = [(self.folder / name).as_posix() for name in self.files]
        return tuple(sorted([*made, *([self.changed.as_posix()] if self.mission_file is not None else [])]))


def run(project: Path, *, mission: str, kernel: str | None, title: str | None, dry_run: bool) -> int:
    """Make a mission where there is none of that name, else a kernel of it; print the files and what comes next.

    Raises:
        UsageError: A name or the title cannot be used, or is taken.
    """
    with _alone(project / "deployments"):
        platform = load_platform(project)
        addition = planned(platform, mission=mission, kernel=kernel, title=title)
        if not dry_run:
            write(project, addition)
    for name in addition.names:
        console.stdout().print(name, soft_wrap=True)
    console.say(f"{'would make' if dry_run else 'made'} {addition.title}", style="green")
    if not dry_run:
        console.say("Next:")
        for step in ("", f"invoke build --mission {mission}", f"invoke test --mission {mission}"):
            console.say(f"  {step or addition.unit.session}")
    return 0


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until nobody else adds to a folder: of two lists of kernels that are read at once, one would be lost."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY) if folder.is_dir() else None
    try:
        if handle is not None:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        if handle is not None:
            os.close(handle)


def planned(platform: Platform, *, mission: str, kernel: str | None, title: str | None) -> Addition:
    """Return what is to be made.

    Raises:
        UsageError: A name or the title cannot be used, or is taken.
    """
    if not mission:
        raise UsageError(
            "No mission is named.",
            fix="invoke new --mission survey makes one; with --kernel and one that there is, a kernel of it",
        )
    if mission in mission_names(platform):
        return _kernel(platform, mission, kernel, title)
    return _mission(platform, mission, kernel or mission, title)


def write(project: Path, addition: Addition) -> None:
    """Write what was planned: whole, or nothing."""
    folder = project / addition.folder
    replace_folder(folder, addition.files)
    if addition.mission_file is not None:
        path = project / addition.changed
        try:
            write_text(path, addition.mission_file, mode=path.stat().st_mode & 0o777)
        except BaseException:
            shutil.rmtree(folder)
            raise


def _mission(platform: Platform, name: str, kernel: str, title: str | None) -> Addition:
    """Return a mission of one kernel."""
    naming.check_mission(name)
    naming.check_kernel(kernel)
    folder = Path("deployments") / name
    _check_free(platform, folder, cure="--mission")
    files = template.mission_files(
        kernel=kernel,
        title=title or naming.title(name),
        display_name=title if title and kernel == name else naming.title(kernel),
        python=platform.base.conda.python,
    )
    _check_title(title, files[MISSION_FILE], files[f"kernels/{kernel}/{KERNEL_FILE}"])
    near = nearest(name, mission_names(platform))
    return Addition(
        title=f"the new mission {name} with the kernel {kernel}{near}",
        unit=Unit(scope=name, part=kernel),
        folder=folder,
        files=files,
    )


def _kernel(platform: Platform, mission: str, name: str | None, title: str | None) -> Addition:
    """Return one more kernel of a mission."""
    present = load_mission(platform, mission)
    if name is None:
        raise UsageError(
            f"There is a mission {mission!r} already.",
            fix=f"give another name, or make a kernel of it: invoke new --mission {mission} --kernel stars",
        )
    naming.check_kernel(name)
    folder = Path("deployments") / mission / "kernels" / name
    _check_free(platform, folder, cure="--kernel")
    files = template.kernel_files(
        kernel=name, display_name=title or naming.title(name), python=platform.base.conda.python
    )
    _check_title(title, None, files[KERNEL_FILE])
    shown = str(Path("deployments") / mission / MISSION_FILE)
    text = read_text(platform.folder / shown, shown=shown, as_it_is=True)
    return Addition(
        title=f"the new kernel {name} of the mission {present.name}",
        unit=Unit(scope=mission, part=name),
        folder=folder,
        files=files,
        mission_file=template.with_kernel(text, name, shown=shown),
    )


def _check_free(platform: Platform, folder: Path, *, cure: str) -> None:
    """Refuse a folder that is there: nothing is overwritten."""
    place = platform.folder / folder
    if place.exists() or place.is_symlink():
        raise UsageError(f"{folder} is there already.", fix=f"give {cure} another name; nothing is overwritten")


def _check_title(title: str | None, mission_file: str | None, kernel_file: str) -> None:
    """Refuse a title that the model does not take."""
    try:
        if mission_file is not None:
            parse_toml(mission_file, MissionFile, shown=MISSION_FILE)
        parse_toml(kernel_file, KernelFile, shown=KERNEL_FILE)
    except UsageError as error:
        raise UsageError(
            f"--title {title!r} cannot be used.", why=error.why, fix="give one line of text, or leave it out"
        ) from error
