"""Shows each prerequisite: what was found on this machine, and the cure where something is missing."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platform_images import machine as machines
from platform_images import process, venv
from platform_images.engine import install
from platform_images.errors import ExitCode, PlatformError, PrerequisiteError, ToolError
from platform_images.machine import Machine
from platform_images.site import SiteSettings, site_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

PROJECT = Path(__file__).resolve().parent.parent
GIGABYTE = 10**9
DISK_WANTED = 20 * GIGABYTE
MEMORY_WANTED = 4 * GIGABYTE
NETWORK_SECONDS = 10
_INDEX_CURE = (
    "set PIP_INDEX_URL (or index-url in pip's configuration) to an index that this machine reaches; "
    "behind a proxy also HTTPS_PROXY; where the network signs again also SSL_CERT_FILE"
)
_AGAIN = "./bootstrap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One prerequisite.

    Attributes:
        name: What is needed.
        ok: Whether it is there.
        found: What was found.
        cure: What to do where it is not; empty otherwise.
        required: Whether nothing can be built without it; else it is a warning.
    """

    name: str
    ok: bool
    found: str
    cure: str = ""
    required: bool = True


def findings(*, network: bool = False, project: Path = PROJECT) -> tuple[Finding, ...]:
    """Return every prerequisite with what this machine has.

    Args:
        network: Also ask the package index.
        project: The checkout.
    """
    here = machines.look()
    facts = engine_facts() if here.engine else {}
    site = _site(project)
    found = [
        *_programs(project),
        *engine_findings(here),
        _mmdebstrap(here, project),
        disk(facts.get("DockerRootDir")),
        memory(facts.get("MemTotal")),
        *_site_findings(site),
    ]
    if network and isinstance(site, SiteSettings):
        found.append(index_finding(site))
    return tuple(found)


def engine_findings(here: Machine) -> tuple[Finding, ...]:
    """Return what is known of Docker: program, engine, BuildKit, buildx."""
    engine = here.engine
    where = f" at {here.chosen}" if here.chosen else ""
    cure = _engine_cure(here)
    builds = engine is not None and engine.builds
    return (
        _finding("docker client", here.client, cure),
        Finding(
            name="Docker Engine",
            ok=engine is not None,
            found=f"{engine.name} {engine.version}{where}" if engine else _first_line(here.silence) or "none answers",
            cure="" if engine else cure,
        ),
        Finding(
            name="BuildKit",
            ok=builds,
            found="in the engine" if builds else ("too old, or none" if engine else "no engine to ask"),
            cure=cure if engine and not builds else "",
        ),
        _finding("buildx", here.buildx, cure),
    )


def engine_facts() -> dict[str, Any]:
    """Return the answer of ``docker info``, empty where there is none."""
    import json

    try:
        done = process.run(["docker", "info", "--format", "{{json .}}"], timeout=machines.QUERY_SECONDS)
        answer: dict[str, Any] = json.loads(done.stdout)
    except (PrerequisiteError, ToolError, ValueError):
        return {}
    return answer


def disk(folder: str | None) -> Finding:
    """Return how much room images have: in the engine's folder, or here where that is on another machine."""
    place = Path(folder) if folder and Path(folder).is_dir() else Path.cwd()
    free = shutil.disk_usage(place).free
    enough = free >= DISK_WANTED
    return Finding(
        name="disk space",
        ok=enough,
        found=f"{free / GIGABYTE:.0f} GB free at {place}",
        cure="" if enough else f"free some: {DISK_WANTED // GIGABYTE} GB or more; docker system df shows what uses it",
        required=False,
    )


def memory(of_engine: int | None) -> Finding:
    """Return how much memory the engine's machine has."""
    size = of_engine or os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    enough = size >= MEMORY_WANTED
    return Finding(
        name="memory",
        ok=enough,
        found=f"{size / GIGABYTE:.0f} GB",
        cure="" if enough else f"give the engine {MEMORY_WANTED // GIGABYTE} GB or more",
        required=False,
    )


def index_finding(site: SiteSettings) -> Finding:
    """Ask the package index for one page: by pip itself, with this machine's certificates and proxies."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    env = {**kept, **site.host_env(), "PIP_CONFIG_FILE": os.devnull}
    words = ["index", "versions", "pip", "--no-input", "--no-cache-dir", "--disable-pip-version-check"]
    command = [sys.executable, "-I", "-m", "pip", *words, "--retries=1", f"--timeout={NETWORK_SECONDS}"]
    done = process.run(command, env=env, ok=range(256), timeout=6 * NETWORK_SECONDS)
    ok = done.returncode == 0
    broken = re.search(r"connection broken by '(.*)': ", done.stderr)
    reason = broken[1] if broken else f"it has no page that pip can read ({_last_line(done.stderr)})"
    return Finding(
        name="package index answers",
        ok=ok,
        found="yes" if ok else process.redacted(reason),
        cure="" if ok else _INDEX_CURE,
    )


def table(found: Sequence[Finding]) -> Table:
    """Return the findings as a table for a person, each cure below what was found."""
    from rich.table import Table
    from rich.text import Text

    shown = Table("", "prerequisite", "found", title=None, box=None, pad_edge=False)
    for column in shown.columns:
        column.overflow = "fold"
    for finding in found:
        word, style = (
            ("ok", "green") if finding.ok else (("missing", "red") if finding.required else ("poor", "yellow"))
        )
        cell = Text(finding.found)
        if finding.cure:
            cell.append(f"\nTo cure it: {finding.cure}", style="bold")
        shown.add_row(Text(word, style=style), Text(finding.name), cell)
    return shown


def as_json(found: Sequence[Finding]) -> str:
    """Return the findings as JSON, a list in the order of the table."""
    from platform_images.files import json_text

    return json_text([asdict(finding) for finding in found])


def run(*, json: bool, network: bool) -> int:
    """Print the findings; return 0 where everything required is there, else the code for a missing prerequisite."""
    found = findings(network=network)
    if json:
        sys.stdout.write(as_json(found))
    else:
        from platform_images import console

        console.stdout().print(table(found))
    missing = [finding.name for finding in found if finding.required and not finding.ok]
    return int(ExitCode.MISSING_PREREQUISITE if missing else ExitCode.OK)


def _programs(project: Path) -> tuple[Finding, ...]:
    """Return Python, git and the environment of the checkout."""
    python = sys.version_info >= (3, 11)
    stale = venv.staleness(project)
    return (
        Finding(
            name="Python",
            ok=python,
            found=f"{platform.python_version()} at {sys.executable}",
            cure="" if python else "install Python 3.11 or later",
        ),
        _finding("git", _git(), "install git"),
        Finding(
            name=".venv",
            ok=stale is None,
            found="as its lock says" if stale is None else stale,
            cure="" if stale is None else f"{_AGAIN} makes it",
            required=False,
        ),
    )


def _engine_cure(here: Machine) -> str:
    """Return what makes the engine's part whole: what bootstrap would do here, or what its owner has to."""
    try:
        steps = [step.title for step in install.plan(here) if step.optional is False]
    except PrerequisiteError as error:
        return error.fix or ""
    return f"{_AGAIN} does it: {', '.join(steps)}" if steps else ""


def _git() -> str | None:
    """Return git's version, or None."""
    try:
        return process.run(["git", "--version"], timeout=machines.QUERY_SECONDS).stdout.split()[-1]
    except (PrerequisiteError, ToolError, IndexError):
        return None


def _mmdebstrap(here: Machine, project: Path) -> Finding:
    """Return mmdebstrap, needed only where the root is made on this machine."""
    from platform_images.model.load import load_platform

    try:
        needed = load_platform(project).settings.root.provider == "debootstrap"
    except PlatformError:
        needed = True  # invoke list says what is wrong with platform.toml
    cure = f"{_AGAIN} installs it" if here.apt else "install mmdebstrap, or take a root image: [root] in platform.toml"
    ok = here.mmdebstrap or not needed
    found = "installed" if here.mmdebstrap else ("none" if needed else "none, and not needed: the root is an image")
    return Finding(name="mmdebstrap", ok=ok, found=found, cure="" if ok else cure)


def _site(project: Path) -> SiteSettings | PlatformError:
    """Return the site's settings, or what is wrong with them."""
    from platform_images.model.load import load_platform

    try:
        named = load_platform(project).settings.tls.ca_bundle
    except PlatformError:
        named = None
    try:
        return site_settings(ca_bundle=Path(named) if named else None)
    except PlatformError as error:
        return error


def _site_findings(site: SiteSettings | PlatformError) -> tuple[Finding, ...]:
    """Return certificates, indexes and proxies as they are set."""
    if isinstance(site, PlatformError):
        return (Finding(name="CA bundle", ok=False, found=site.what, cure=site.fix or ""),)
    shown = dict(site.described())
    bundle = Finding(
        name="CA bundle",
        ok=site.ca_bundle is not None,
        found=shown.pop("CA bundle"),
        cure="" if site.ca_bundle else "install ca-certificates, or set SSL_CERT_FILE",
        required=False,
    )
    return (bundle, *(Finding(name=name, ok=True, found=value, required=False) for name, value in shown.items()))


def _finding(name: str, version: str | None, cure: str) -> Finding:
    """Return a finding that is there where it has a version."""
    return Finding(name=name, ok=version is not None, found=version or "none", cure="" if version else cure)


def _last_line(text: str) -> str:
    """Return the last line of what a program said."""
    return text.strip().splitlines()[-1] if text.strip() else "it said nothing"


def _first_line(text: str) -> str:
    """Return the first line of what a program said."""
    return text.strip().splitlines()[0] if text.strip() else ""
