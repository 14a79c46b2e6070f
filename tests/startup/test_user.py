"""Who runs: root that becomes the user asked for, or whoever --user names; with every option, and what is refused."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.slow]
ROOT = ("--user", "0")
GROUP_ADVICE = (
    "no write access to /home/jovyan. Try starting the container with group 'users' (100), "
    'e.g. using "--group-add=users".'
)


def env(**variables: str) -> tuple[str, ...]:
    return tuple(word for name, value in variables.items() for word in ("--env", f"{name}={value}"))


@pytest.fixture
def volume() -> Iterator[str]:
    words = ["docker", "volume", "create", "--label", "platform-images.role=test"]
    name = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    yield name
    subprocess.run(["docker", "volume", "rm", name], capture_output=True, check=True)


def test_root_becomes_the_image_s_user_and_says_so(run: Any) -> None:
    done = run(*ROOT, command=("id",))
    assert done.out == "uid=1000(jovyan) gid=100(users) groups=100(users)\n"
    assert "Running as jovyan: id" in done.messages("INFO")
    assert done.warnings == []


def test_a_user_of_another_name_and_number_with_a_home_of_their_own(run: Any, lines: Any) -> None:
    wish = env(NB_USER="callisto", NB_UID="1234", NB_GID="5678", CHOWN_HOME="yes", CHOWN_HOME_OPTS="-R")
    script = (
        'id; pwd; echo "$HOME $USER $LOGNAME"; stat -c "%U:%G %n" ~ ~/work ~/WELCOME.md',
        "echo mine > /dev/stderr",
    )
    done = run(*ROOT, *wish, "--workdir", "/home/callisto", command=lines(*script, "touch /dev/stdout && echo open"))
    assert done.out.splitlines() == [
        "uid=1234(callisto) gid=5678(callisto) groups=5678(callisto),100(users)",
        "/home/callisto",
        "/home/callisto callisto callisto",
        *(f"callisto:callisto /home/callisto{place}" for place in ("", "/work", "/WELCOME.md")),
        "open",
    ]
    assert "mine" in done.err.splitlines()
    assert [line for line in done.messages("INFO") if "hook" not in line and "Sourcing" not in line][1:-1] == [
        "Updated the jovyan user:",
        "- username: jovyan       -> callisto",
        "- home dir: /home/jovyan -> /home/callisto",
        "Update callisto's UID:GID to 1234:5678",
        "Attempting to copy /home/jovyan to /home/callisto...",
        "Success!",
        "Ensuring /home/callisto is owned by 1234:5678 (chown options: -R)",
    ]
    assert done.warnings == []


def test_the_working_folder_follows_the_home(run: Any) -> None:
    done = run(*ROOT, *env(NB_USER="eve"), "--workdir", "/home/jovyan/work", command=("pwd",))
    assert done.out == "/home/eve/work\n"
    assert "Changing working directory to /home/eve/work" in done.err


def test_a_group_can_be_named_and_other_groups_stay(run: Any, lines: Any) -> None:
    wish = env(NB_GID="7000", NB_GROUP="team", NB_USER="o'neill".replace("'", "."))
    done = run(*ROOT, *wish, "--group-add", "8000", command=lines("id -G", "id -gn", "id -un"))
    assert done.out.splitlines() == ["7000 100 8000", "team", "o.neill"]


def test_a_number_that_another_user_has_gets_this_name(run: Any) -> None:
    assert run(*ROOT, *env(NB_UID="33"), command=("id", "-un")).out == "jovyan\n"


def test_a_mounted_home_is_linked_and_never_copied(run: Any, lines: Any, volume: str) -> None:
    mount = ("--volume", f"{volume}:/home/jovyan")
    run(*mount, command=lines("echo much data > ~/data"))
    done = run(
        *ROOT, *mount, *env(NB_USER="eve", NB_UID="1000"), command=lines("cat ~/data", "readlink ~", "echo $HOME")
    )
    assert done.out.splitlines() == ["much data", "/home/jovyan", "/home/eve"]
    assert "Success creating symlink!" in done.err
    inner = ("--volume", f"{volume}:/home/jovyan/work")
    nested = run(*ROOT, *inner, *env(NB_USER="eve"), command=lines("cd", "cat work/data", "readlink work", "ls"))
    assert nested.out.splitlines() == ["much data", "/home/jovyan/work", "WELCOME.md", "work"]


def test_root_itself_is_asked_for_by_name_and_numbers(run: Any, lines: Any) -> None:
    wish = env(NB_USER="root", NB_UID="0", NB_GID="0")
    done = run(*ROOT, *wish, command=lines("id", "echo $HOME", "getent passwd root", "ls ~"))
    assert done.out.splitlines() == [
        "uid=0(root) gid=0(root) groups=0(root)",
        "/home/root",
        "root:x:0:0:root:/home/root:/bin/bash",
        "WELCOME.md",
        "work",
    ]
    assert "Running as root: " in done.err


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (env(NB_USER="root"), "NB_USER=root is the system's root: it needs NB_UID=0 and NB_GID=0 as well"),
        (env(NB_UID="0"), "NB_UID=0 is the system's root: it needs NB_USER=root and NB_GID=0 as well"),
        (env(NB_UID="me"), "NB_UID must be a number from 0 to 2147483647, and it is 'me'"),
        (env(NB_GID="99999999999"), "NB_GID must be a number from 0 to 2147483647"),
        (env(NB_USER="a:b"), "NB_USER must be a name of letters, digits and any of . _ @ + -, and it is 'a:b'"),
        (env(NB_GROUP="a b", NB_GID="5"), "NB_GROUP must be a name"),
        (("--cap-drop", "ALL"), "This container may not become the user 1000:100. Start it with --user 1000:100"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_changed(run: Any, wish: tuple[str, ...], told: str) -> None:
    done = run(*ROOT, *wish, command=("echo", "ran"))
    assert (done.code, done.out, len(done.warnings)) == (1, "", 1)
    assert done.warnings[0].startswith(told)


def test_folders_are_given_to_the_user_by_full_paths_with_blanks_in_them(run: Any, lines: Any) -> None:
    wish = env(CHOWN_EXTRA="/srv/my data, /srv/b,/srv/none", CHOWN_EXTRA_OPTS="-R", NB_UID="1234")
    mounts = ("--tmpfs", "/srv/my data:uid=0", "--tmpfs", "/srv/b:uid=0", "--tmpfs", "/srv/c:uid=0")
    done = run(*ROOT, *wish, *mounts, command=lines("cd /srv; stat -c '%n %u:%g' 'my data' b c"))
    assert done.out.splitlines() == ["my data 1234:100", "b 1234:100", "c 0:0"]
    assert "Ensuring /srv/my data is owned by 1234:100 (chown options: -R)" in done.err
    assert len(done.warnings) == 1
    assert done.warnings[0].startswith("Not all of /srv/none could be given to 1234:100: ")


@pytest.mark.parametrize("value", ["yes", "1"])
def test_sudo_is_granted_to_whom_it_is_asked_for(run: Any, lines: Any, value: str) -> None:
    wish = env(GRANT_SUDO=value, NB_USER="ada@example.org")
    done = run(*ROOT, *wish, command=lines("sudo id -u", "sudo sh -c 'command -v python'", "id -un"))
    assert done.out.splitlines() == ["0", "/opt/conda/bin/python", "ada@example.org"]
    assert "Granting ada@example.org passwordless sudo rights!" in done.err


@pytest.mark.parametrize(
    ("user", "wish", "said", "warned"),
    [
        ("1010", (), "uid=1010(jovyan) gid=0(root) groups=0(root) /tmp/home-1010", [GROUP_ADVICE]),
        ("1010", ("--group-add", "users"), "uid=1010(jovyan) gid=0(root) groups=0(root),100(users) /home/jovyan", []),
        (
            "1010",
            ("--group-add", "users", *env(NB_USER="kitten")),
            "uid=1010(kitten) gid=0(root) groups=0(root),100(users) /home/jovyan",
            ["user is kitten but home is /home/jovyan. You must run as root to rename the home directory!"],
        ),
        (
            "12345:12345",
            (),
            "uid=12345 gid=12345 groups=12345 /tmp/home-12345",
            [
                GROUP_ADVICE,
                "unable to fix missing /etc/passwd entry because we don't have write permission. "
                'Try setting gid=0 with "--user=12345:0".',
            ],
        ),
        (
            "1000",
            env(NB_USER="eve", NB_UID="5", NB_GID="6", GRANT_SUDO="1"),
            "uid=1000(jovyan) gid=100(users) groups=100(users) /home/jovyan",
            [
                "container must be started as root to grant sudo permissions!",
                'container must be started as root to change the desired user\'s name with NB_USER="eve"!',
                'container must be started as root to change the desired user\'s id with NB_UID="5"!',
                'container must be started as root to change the desired user\'s group id with NB_GID="6"!',
            ],
        ),
    ],
)
def test_any_user_runs_and_what_only_root_can_do_is_told(
    run: Any, user: str, wish: tuple[str, ...], said: str, warned: list[str]
) -> None:
    done = run("--user", user, *wish, command=("bash", "-c", 'echo "$(id) $HOME"; touch ~/mine'))
    assert (done.code, done.out) == (0, said + "\n"), done.err
    assert done.warnings == warned


def test_a_user_without_a_name_is_told_how_they_get_one(run: Any) -> None:
    said = run("--user", "1010", "--group-add", "users").messages("INFO")
    assert [line for line in said if "hook" not in line and "Sourcing" not in line][1:-1] == [
        "There is no entry in /etc/passwd for our UID=1010. Attempting to fix...",
        "Renaming old jovyan user to nayvoj (1000:100)",
        "Added new jovyan user (1010:0). Fixed UID!",
    ]


def test_nothing_but_home_and_tmp_needs_to_be_written_to(run: Any, volume: str) -> None:
    confined = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--tmpfs", "/tmp")
    home = ("--volume", f"{volume}:/home/jovyan")
    done = run(*confined, *home, command=("bash", "-c", "id -un; touch ~/mine && echo $HOME"))
    assert (done.out, done.warnings) == ("jovyan\n/home/jovyan\n", [])
    without = run(*confined, command=("bash", "-c", "touch ~/mine && echo $HOME"))
    assert without.out == "/tmp/home-1000\n"
    assert without.warnings == [
        "no write access to /home/jovyan. It belongs to 1000:100, or its file system is read-only: "
        "mount a volume there that 1000:100 may write to."
    ]


def test_root_goes_on_where_it_cannot_write_and_says_what_is_missing(run: Any) -> None:
    still = ("--read-only", "--tmpfs", "/tmp", *ROOT)
    assert run(*still, command=("id", "-un")).warnings == []
    done = run(
        *still, *env(NB_USER="eve", NB_UID="1234", GRANT_SUDO="yes"), command=("bash", "-c", "id -u; echo $HOME")
    )
    assert done.out == "1234\n/home/jovyan\n"
    assert [line.split(" ", 1)[0] for line in done.warnings] == ["/etc/passwd", "/home/eve", "/etc/sudoers.d"]
