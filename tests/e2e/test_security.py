"""What an image must not hold, looked for by root in a container of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.slow]
Docker = Callable[..., str]
ELSEWHERE = r"\( -path /proc -o -path /sys -o -path /dev \) -prune -o"
CACHES = (
    *("/home/jovyan/.cache", "/root/.cache", "/var/cache/apt", "/var/cache/platform-images-*"),
    "/var/lib/apt/lists/*.*",
)
CAPABLE = """
import os
for folder, below, names in os.walk("/"):
    if folder == "/":
        below[:] = [name for name in below if name not in ("dev", "proc", "sys")]
    for name in names:
        if "security.capability" in os.listxattr(os.path.join(folder, name), follow_symlinks=False):
            print(os.path.join(folder, name))
"""
KEY = "-----BEGIN [A-Z ]*PRIVATE KEY-----"


@pytest.fixture(params=["small", "tike"])
def said(request: pytest.FixtureRequest, docker_cli: Docker) -> Callable[[str], list[str]]:
    """``said(script)``: the lines that a shell of root prints in a container of the image."""
    image = request.getfixturevalue(f"{request.param}_image")
    words = ("run", "--rm", "--user", "root", "--network", "none", "--entrypoint", "sh", image, "-c")
    return lambda script: docker_cli(*words, script).splitlines()


def test_everybody_may_write_to_temporary_folders_only(said: Callable[[str], list[str]]) -> None:
    found = said(f"find / -xdev {ELSEWHERE} ! -type l -perm -0002 -printf '%m %p\\n' | sort -k 2")
    assert found == ["1777 /run/lock", "1777 /tmp", "1777 /var/tmp"]


def test_the_environments_belong_to_the_group_of_whoever_runs(said: Callable[[str], list[str]]) -> None:
    assert said(r"find /opt/conda \( ! -group users -o ! -type l ! -perm -0020 \) -print") == []


def test_rights_beyond_the_caller_s_are_debian_s_own(said: Callable[[str], list[str]]) -> None:
    found = said(f"find / -xdev {ELSEWHERE} -type f -perm /6000 -print | sort")
    assert "/usr/bin/sudo" in found
    owned = said(f"dpkg-query --search {' '.join(found)} | sed 's/.*: //' | sort")
    assert owned == found
    assert said(f"/opt/conda/bin/python -c '{CAPABLE}'") == []


def test_nobody_may_use_sudo(said: Callable[[str], list[str]]) -> None:
    granted = said("grep -rhE '^[^#D@]' /etc/sudoers /etc/sudoers.d | cut -f 1")
    assert granted == ["root", "%sudo"]
    assert said("getent group sudo") == ["sudo:x:27:"], "nobody is in that group"


def test_no_cache_of_a_build_stays(said: Callable[[str], list[str]]) -> None:
    left = said(f"find {' '.join(CACHES)} -type f 2>/dev/null || true")
    assert left == []
    assert said("ls -A /tmp /var/tmp /run/secrets 2>/dev/null | grep -v ':$' || true") == []


def test_no_secret_is_in_the_image(said: Callable[[str], list[str]]) -> None:
    places = "/etc /home /opt/environments /root /run /srv /usr/local /var"
    assert said(f"grep -rlE -e '{KEY}' {places} 2>/dev/null || true") == []
    assert said("ls /etc/ssh/ssh_host_* /root/.ssh /home/*/.ssh 2>/dev/null || true") == []
    assert said("env | grep -iE 'token|secret|passw' || true") == []
    assert said("cut -d : -f 2 /etc/shadow | grep -vE '^[*!]+$' || true") == [], "nobody has a password"
