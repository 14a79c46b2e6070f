"""A second Docker Engine beside the one in use: with nothing in it, and with nothing of it left at the end.

Each takes the first free place of ``/run/platform-images``: a folder that its owner keeps locked, and a bridge of the
same name. A lock ends with its owner, so what a killed run has left is found by the next one, which takes it away
first. The engine itself is told to end when its owner does.
"""

from __future__ import annotations

import fcntl
import ipaddress
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from platform_images import process, temporary
from platform_images.engine.endpoint import VARIABLES, engine_in_use
from platform_images.engine.start import Daemon, end_daemon, launch
from platform_images.errors import PlatformError, PrerequisiteError
from platform_images.machine import child_environment, which

PLACES = Path("/run/platform-images")
_PROGRAMS = ("dockerd", "ip", "iptables", "mke2fs", "mount", "setpriv")
_NAMES = tuple(f"pi-engine-{number}" for number in range(16))
_SUBNETS = ipaddress.ip_network("172.31.128.0/17")
_SETTINGS = Path("/etc/docker/daemon.json")
# What the command line says itself; an engine refuses what is said twice.
_OWN_SETTINGS = frozenset(
    ("bip", "bridge", "data-root", "exec-root", "hosts", "iptables", "ip6tables", "pidfile", "containerd", "group")
)
_DATA = "data"
_LARGE = "/var/tmp"  # noqa: S108 - the system's place for what is large and temporary
_CHAINS = (("nat", "POSTROUTING"), ("filter", "FORWARD"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondEngine:
    """An engine that runs.

    Attributes:
        host: For ``DOCKER_HOST``.
        data: Its data folder.
    """

    host: str
    data: Path

    def environment(self) -> dict[str, str]:
        """Return this process's environment with the docker client's settings for this engine."""
        own = {name: value for name, value in os.environ.items() if name not in VARIABLES or name == "DOCKER_CONFIG"}
        return {**own, "DOCKER_HOST": self.host}

    def in_use(self) -> AbstractContextManager[None]:
        """Make it the engine in use, for as long as the block lasts."""
        return engine_in_use(self.environment())


@contextmanager
def second_engine(
    *,
    say: Callable[[str], None],
    within: Path | None = None,
    settings: Mapping[str, object] | None = None,
    arguments: Sequence[str] = (),
) -> Iterator[SecondEngine]:
    """Start an engine with an empty data folder and a bridge of its own, and take all of it away at the end.

    The rules of the first engine stay as they are: this one makes none, and the bridge's own are made here.

    Args:
        say: Told what is under way.
        within: Where its data lie, as a file system in one sparse file; ``TMPDIR``, or else ``/var/tmp``, without it.
        settings: For its ``daemon.json``, beside what this machine tells its engines.
        arguments: Further ones for dockerd.

    Raises:
        PrerequisiteError: This process is not root, a program is missing, or the engine does not start.
    """
    _check()
    with ExitStack() as undo:
        place = undo.enter_context(_place())
        undo.callback(clear, place)
        data = _make_data(place, within or Path(os.environ.get("TMPDIR", _LARGE)))
        subnet = free_subnet(_routes())
        _make_bridge(place.name, subnet)
        daemon = _daemon(place, data, settings or {}, arguments)
        say(f"starting a second engine on {subnet}, with its data in {data}")
        launch(daemon, say)
        yield SecondEngine(host=str(daemon.host), data=data)


def free_subnet(routes: str) -> ipaddress.IPv4Network:
    """Return a network of 254 addresses that no route of this machine overlaps.

    Args:
        routes: What ``ip -4 route`` prints.

    Raises:
        PrerequisiteError: There is none.
    """
    words = [line.split()[0] for line in routes.splitlines() if line and not line.startswith("default")]
    taken = [ipaddress.IPv4Network(word, strict=False) for word in words if word[0].isdigit()]
    for subnet in _SUBNETS.subnets(new_prefix=24):
        if isinstance(subnet, ipaddress.IPv4Network) and not any(subnet.overlaps(each) for each in taken):
            return subnet
    raise PrerequisiteError(
        f"No network is free for a second engine: all of {_SUBNETS} is in use.",
        why=routes.strip(),
        fix="remove a bridge that nothing needs: docker network prune, ip link delete NAME",
    )


def _check() -> None:
    """Refuse where a second engine cannot be started.

    Raises:
        PrerequisiteError: This process is not root on Linux, or a program is missing.
    """
    if os.geteuid() != 0 or not Path("/proc/self/mountinfo").is_file():
        raise PrerequisiteError(
            "A second Docker Engine can only be started by root, on Linux.",
            fix="run it as root on a machine with a Docker Engine of its own, where ./bootstrap has been run",
        )
    missing = [name for name in _PROGRAMS if which(name) is None]
    if missing:
        raise PrerequisiteError(
            f"A second Docker Engine cannot be started: there is no {', '.join(missing)}.",
            fix="./bootstrap as root; apt-get install e2fsprogs iproute2 iptables mount util-linux",
        )


@contextmanager
def _place() -> Iterator[Path]:
    """Give the first place that nobody has, empty, and keep it locked."""
    for name in _NAMES:
        place = PLACES / name
        place.mkdir(parents=True, exist_ok=True)
        lock = os.open(place.with_suffix(".lock"), os.O_CREAT | os.O_RDONLY, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        try:
            clear(place)
            place.mkdir()
            yield place
        finally:
            os.close(lock)
        return
    raise PrerequisiteError(
        f"{len(_NAMES)} second engines run here already.", fix=f"wait for one to end; each has a folder in {PLACES}"
    )


def clear(place: Path) -> None:
    """Take away whatever there is of an engine: process, mounts, data, bridge and its rules.

    Each is tried, whatever becomes of the others.
    """
    with ExitStack() as all_of_it:  # the last one is done first
        all_of_it.callback(shutil.rmtree, place, ignore_errors=True)
        all_of_it.callback(_remove_bridge, place.name)
        all_of_it.callback(_remove_data, place)
        all_of_it.callback(_unmount, place)
        all_of_it.callback(end_daemon, Daemon(pidfile=place / "pid", runtime=place / "run"))


def _make_data(place: Path, within: Path) -> Path:
    """Make a data folder: a file system of its own in a sparse file, as large as there is room.

    A million small files, which an engine soon has, take minutes to delete one by one; one file does not.
    """
    data = Path(tempfile.mkdtemp(prefix=temporary.prefix(temporary.Role.ENGINE), dir=within))
    (place / _DATA).symlink_to(data)
    image = data_file(data)
    with image.open("wb") as stream:
        stream.truncate(shutil.disk_usage(within).free)
    _run("mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-O", "^has_journal", "-E", "nodiscard", str(image))
    _run("mount", "-o", "loop,noatime,discard", str(image), str(data))
    return data


def data_file(data: Path) -> Path:
    """Return the file whose file system a data folder shows."""
    return data.with_name(f"{data.name}.ext4")


def _remove_data(place: Path) -> None:
    """Remove the data folder and what it shows."""
    if (place / _DATA).is_symlink():
        data = (place / _DATA).readlink()
        _unmount(data)
        _quietly("umount", "--lazy", str(data))
        data_file(data).unlink(missing_ok=True)
        shutil.rmtree(data, ignore_errors=True)


def _unmount(folder: Path) -> None:
    """Unmount everything below a folder, the last mounted first."""
    for line in reversed(Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()):
        point = line.split()[4].encode().decode("unicode_escape")
        if Path(point).is_relative_to(folder) and point != str(folder):
            _quietly("umount", "--lazy", point)


def _make_bridge(name: str, subnet: ipaddress.IPv4Network) -> None:
    """Make a bridge, and let what is on it reach the network."""
    address = f"{subnet.network_address + 1}/{subnet.prefixlen}"
    _run("ip", "link", "add", name, "type", "bridge")
    _run("ip", "address", "add", address, "dev", name)
    _run("ip", "link", "set", name, "up")
    rules = (
        ("--table", "nat", "--append", "POSTROUTING", "--source", str(subnet), "!", "--out-interface", name),
        ("--insert", "FORWARD", "--in-interface", name),
        ("--insert", "FORWARD", "--out-interface", name, "--match", "conntrack", "--ctstate", "RELATED,ESTABLISHED"),
    )
    for rule, target in zip(rules, ("MASQUERADE", "ACCEPT", "ACCEPT"), strict=True):
        _run("iptables", "--wait", *rule, "--jump", target)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n", encoding="ascii")


def _remove_bridge(name: str) -> None:
    """Remove a bridge and its rules, where they are."""
    for table, chain in _CHAINS:
        listed = _quietly("iptables", "--wait", "--table", table, "--list-rules", chain)
        for rule in (line.split() for line in listed.splitlines()):
            if rule[:1] == ["-A"] and name in rule:
                _quietly("iptables", "--wait", "--table", table, "-D", *rule[1:])
    if Path("/sys/class/net", name).exists():
        _quietly("ip", "link", "delete", name)


def _daemon(place: Path, data: Path, settings: Mapping[str, object], further: Sequence[str]) -> Daemon:
    """Return how the engine is started: everything of its own, its process ended with this one."""
    file = place / "daemon.json"
    file.write_text(json.dumps({**_site_settings(), **settings}), encoding="utf-8")
    host = f"unix://{place}/socket"
    arguments = {
        "host": host,
        "data-root": str(data),
        "exec-root": str(place / "run"),
        "pidfile": str(place / "pid"),
        "config-file": str(file),
        "bridge": place.name,
        "containerd-namespace": place.name,
        "containerd-plugins-namespace": f"{place.name}-plugins",
        "iptables": "false",
        "ip6tables": "false",
    }
    return Daemon(
        program=("setpriv", "--pdeathsig", "TERM", "dockerd"),
        arguments=(*(f"--{name}={value}" for name, value in arguments.items()), *further),
        log=place / "log",
        runtime=place / "run",
        pidfile=place / "pid",
        host=host,
    )


def _site_settings() -> dict[str, object]:
    """Return what this machine tells its engines, such as a mirror of a registry, without what this one sets."""
    if not _SETTINGS.is_file():
        return {}
    try:
        found = json.loads(_SETTINGS.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PrerequisiteError(f"{_SETTINGS} is not JSON.", why=str(error), fix="correct it") from error
    return {name: value for name, value in found.items() if name not in _OWN_SETTINGS}


def _routes() -> str:
    return _run("ip", "-4", "route")


def _run(*words: str) -> str:
    return process.run(words, env=child_environment()).stdout


def _quietly(*words: str) -> str:
    """Run what may fail: there may be nothing to take away."""
    try:
        return _run(*words)
    except PlatformError:
        return ""
