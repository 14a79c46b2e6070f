from __future__ import annotations

import pytest

from platform_images.clean.buildcache import entries, records
from platform_images.clean.values import Kind, State

NOW = 1_760_000_000.0
MOUNT = "cached mount /var/cache/platform-images-apt from exec /bin/sh -c sh /mnt/install_os.sh common/os /mnt/list"
OLD = f"""\
ID:\t\taaaaaaaaaaaaaaaaaaaaaaaaa
Parent:\t\tbbbbbbbbbbbbbbbbbbbbbbbbb
Created at:\t2025-10-01 08:00:00.123456789 +0000 UTC
Mutable:\ttrue
Reclaimable:\ttrue
Shared:\t\tfalse
Size:\t\t1.25GB
Description:\t{MOUNT}
Usage count:\t3
Last used:\t2 hours ago
Type:\t\texec.cachemount

ID:\t\tccccccccccccccccccccccccc
Created at:\t2025-10-01 08:00:00 +0000 UTC
Mutable:\tfalse
Reclaimable:\ttrue
Shared:\t\tfalse
Size:\t\t40MB
Description:\tmount / from exec /bin/sh -c set -e
Type:\tnot a field
apt-get update
Usage count:\t1
Last used:\tAbout an hour ago
Type:\t\tregular

Reclaimable:\t1.29GB
Total:\t\t1.29GB
"""
NEW = f"""\
ID:           aaaaaaaaaaaaaaaaaaaaaaaaa
Parents:
 - bbbbbbbbbbbbbbbbbbbbbbbbb
Created at:   2025-10-01T08:00:00.5Z
Mutable:      true
Reclaimable:  false
Shared:       false
Size:         512kB
Description:  {MOUNT} with id "/platform-images-apt"
Usage count:  1
Type:         exec.cachemount
"""


def test_what_older_clients_print_is_read() -> None:
    first, second = records(OLD, now=NOW)
    assert (first.mount, first.size, first.in_use) == ("platform-images-apt", 1_250_000_000, False)
    assert first.used == NOW - 7200
    assert second.mount is None
    assert second.used == NOW - 3600


def test_what_newer_clients_print_is_read() -> None:
    (found,) = records(NEW, now=NOW)
    assert (found.mount, found.size, found.in_use) == ("platform-images-apt", 512_000, True)
    assert found.used == 1_759_305_600.0


@pytest.mark.parametrize(
    "description",
    [
        "cached mount /var/cache/apt from exec /bin/sh -c apt-get update",
        "cached mount /root/.cache from exec /bin/sh -c ls /var/cache/platform-images-apt",
        "mount / from exec /bin/sh -c sh /mnt/run.sh conda 100 /opt/conda",
        f'{MOUNT} with id "another"',
        f'{MOUNT} with id "platform-images-npm"',
        "",
    ],
)
def test_a_mount_of_another_project_is_none_of_ours(description: str) -> None:
    (found,) = records(OLD.split("\n\n", maxsplit=1)[0].replace(MOUNT, description), now=NOW)
    assert found.mount is None


def test_only_a_cache_mount_is_one() -> None:
    (found,) = records(OLD.split("\n\n", maxsplit=1)[0].replace("exec.cachemount", "regular"), now=NOW)
    assert found.mount is None


def test_build_steps_are_one_entry_that_is_kept() -> None:
    mount, steps = entries(records(OLD, now=NOW))
    assert (mount.kind, mount.name, mount.state, mount.handle) == (
        Kind.CACHE_MOUNT,
        "platform-images-apt",
        State.CACHE,
        "a" * 25,
    )
    assert (steps.kind, steps.size, steps.state) == (Kind.BUILD_STEPS, 40_000_000, State.KEPT)
    assert entries(records(NEW, now=NOW))[0].state is State.IN_USE


def test_nothing_is_nothing() -> None:
    assert entries(records("", now=NOW)) == ()
    assert entries(records("Reclaimable:\t0B\nTotal:\t0B\n", now=NOW)) == ()
