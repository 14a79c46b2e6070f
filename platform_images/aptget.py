"""Installs Debian packages on this machine, some perhaps from a newer release, without changing how apt is set up."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from platform_images import aptsources, process, temporary
from platform_images.aptsources import Source
from platform_images.errors import PrerequisiteError, ToolError
from platform_images.machine import child_environment

_QUIET = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1", "LC_ALL": "C.UTF-8"}
_OPTIONS = (
    "--yes",
    "--option=DPkg::Lock::Timeout=600",
    "--option=Dpkg::Use-Pty=0",
    "--option=Dpkg::Options::=--force-confdef",
    "--option=Dpkg::Options::=--force-confold",
)
_FOLDERS = ("sources.d", "preferences.d", "lists/partial", "cache/archives/partial")
_KEY_WORDS = ("NO_PUBKEY", "EXPKEYSIG", "is not signed", "Missing key")


def install(packages: Sequence[str]) -> None:
    """Install packages from the machine's own sources; lists are fetched first.

    Raises:
        ToolError: apt could not; carries its words.
    """
    _install(packages, options=())


def install_borrowed(packages: Sequence[str], *, borrowed: Sequence[str], codename: str, newer: str) -> None:
    """Install packages, those in ``borrowed`` from the newer Debian release of the machine's own mirror.

    Lists, preferences and downloads are kept in a folder of their own, gone afterwards: the machine's apt never
    hears of the newer release.

    Raises:
        PrerequisiteError: The machine's sources name no archive of its own release, or its keys are too old.
        ToolError: apt could not; carries its words.
    """
    sources = aptsources.read_sources(Path("/etc/apt"))
    try:
        with temporary.folder(temporary.Role.APT) as folder:
            folder.chmod(0o755)  # apt downloads as a user of its own
            options = write_private(folder, sources, borrowed=borrowed, codename=codename, newer=newer)
            _install(packages, options=options)
    except ToolError as error:
        if any(word in str(error) for word in _KEY_WORDS):
            raise PrerequisiteError(
                f"This machine's keys do not cover Debian's release {newer}.",
                why=error.why,
                fix="apt-get update && apt-get install debian-archive-keyring, then ./bootstrap again",
            ) from error
        raise


def write_private(
    folder: Path, sources: Sequence[Source], *, borrowed: Sequence[str], codename: str, newer: str
) -> tuple[str, ...]:
    """Write an apt configuration into ``folder`` that knows two releases, and return the options that select it.

    Raises:
        PrerequisiteError: ``sources`` name no archive of the release ``codename``.
    """
    text = private_sources(sources, codename=codename, newer=newer)
    for name in _FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "sources.d" / "both.sources").write_text(text, encoding="utf-8")
    (folder / "preferences").write_text(preferences(borrowed, newer=newer), encoding="utf-8")
    return (
        f"--option=Dir::Etc::sourcelist={os.devnull}",
        f"--option=Dir::Etc::sourceparts={folder / 'sources.d'}",
        f"--option=Dir::Etc::preferences={folder / 'preferences'}",
        f"--option=Dir::Etc::preferencesparts={folder / 'preferences.d'}",
        f"--option=Dir::State::lists={folder / 'lists'}",
        f"--option=Dir::Cache={folder / 'cache'}",
        "--option=APT::Update::Post-Invoke-Success::=true",
    )


def private_sources(sources: Sequence[Source], *, codename: str, newer: str) -> str:
    """Return the ``.sources`` file of a machine's own release and of a newer one from the same mirror.

    Raises:
        PrerequisiteError: ``sources`` name no archive of the release ``codename``.
    """
    archive = aptsources.archive(sources, codename)
    if archive is None:
        raise PrerequisiteError(
            f"apt's sources name no archive of this machine's release, {codename}.",
            why="looked in /etc/apt/sources.list and /etc/apt/sources.list.d for: deb ... "
            f"{codename} main; Docker is taken from release {newer} of the same mirror",
            fix=f"add your mirror's {codename} main to apt's sources, or install a Docker Engine yourself",
        )
    own = aptsources.release_sources(sources, codename)
    return aptsources.render_deb822([*own, aptsources.with_suite(archive, newer)])


def preferences(borrowed: Sequence[str], *, newer: str) -> str:
    """Return apt preferences that take the named packages from the newer release, and nothing else."""
    return (
        f"Package: *\nPin: release n={newer}\nPin-Priority: -1\n\n"
        f"Package: {' '.join(borrowed)}\nPin: release n={newer}\nPin-Priority: 600\n"
    )


def _install(packages: Sequence[str], *, options: Sequence[str]) -> None:
    """Fetch lists, then install; a source that fails matters only where a package then cannot be had."""
    env = {**child_environment(), **_QUIET}
    update = process.run(["apt-get", *_OPTIONS, *options, "update"], env=env, ok=(0, 100))
    words = ["install", "--no-install-recommends", *packages]
    done = process.run(["apt-get", *_OPTIONS, *options, *words], env=env, ok=range(256))
    if done.returncode == 0:
        return
    trouble = [*complaints(update.stderr), *complaints(done.stderr)]
    raise ToolError(
        f"apt-get could not install {', '.join(packages)}.",
        why=process.redacted("\n".join(trouble[-process.LAST_LINES :])) or f"exit code {done.returncode}",
        fix="see that the mirror answers and apt is in order (apt-get update, apt-get check), then ./bootstrap again",
        argv=("apt-get", *words),
        returncode=done.returncode,
    )


def complaints(said: str) -> list[str]:
    """Return the errors and warnings in what apt said, with what dpkg said before it gave up."""
    return [line for line in said.splitlines() if line.startswith(("E:", "W:", "dpkg:")) or "rror" in line]
