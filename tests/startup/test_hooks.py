"""The two folders of hooks: what they are, in which order, as whom, and that none can stop a start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.slow]
HOOKS = {
    "10-first.sh": "export A=a\ndeclare -x B=b\n",
    "20-errexit.sh": "set -e\nfalse\necho never\n",
    "30-exit.sh": "exit 3\n",
    "40-unbound.sh": 'set -u\necho "$NOT_SET"\n',
    "50-options.sh": 'set -f; set -- other words; IFS=x; cd /tmp; export C="$A$B$HOME"\nfalse\n',
    "60-executable": "#!/bin/sh\necho from an executable\nexit 9\n",
    "70-text": "not a program\n",
    "80-exit-well.sh": "exit 0\n",
    "90-last.sh": "export D=last\n",
}


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hooks")
    folder.chmod(0o755)
    for name, text in HOOKS.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755 if name == "60-executable" else 0o644)
    return folder


@pytest.mark.parametrize("user", ["1000", "0"])
@pytest.mark.parametrize("place", ["start-notebook.d", "before-notebook.d"])
def test_hooks_run_in_order_and_none_stops_the_start(run: Any, hooks: Path, place: str, user: str) -> None:
    folder = f"/usr/local/bin/{place}"
    mount = ("--volume", f"{hooks}:{folder}:ro")
    done = run("--user", user, *mount, command=("bash", "-c", 'echo "$A $B $C $D $PWD $*"', "_", "one word", "two"))
    assert (done.code, done.out) == (0, "from an executable\na b ab/home/jovyan last /tmp one word two\n"), done.err
    failed = ["20-errexit.sh", "30-exit.sh", "40-unbound.sh", "50-options.sh", "60-executable"]
    assert done.warnings == [f"{folder}/{name} has failed, continuing execution" for name in failed]
    said = done.messages("INFO")
    assert [line for line in said if place in line and "hooks in" not in line] == [
        *(
            f"Sourcing shell script: {folder}/{name}"
            for name in sorted(HOOKS)
            if name.startswith(("1", "2", "3", "4", "5"))
        ),
        f"Running executable: {folder}/60-executable",
        f"Ignoring non-executable: {folder}/70-text",
        *(f"Sourcing shell script: {folder}/{name}" for name in ("80-exit-well.sh", "90-last.sh")),
    ]
    gid = 0 if user == "0" else 100
    assert said.count(f"Running hooks in: {folder} as uid: {user} gid: {gid}") == 1
    assert said.count(f"Done running hooks in: {folder}") == 1


def test_hooks_come_before_and_after_the_user_is_settled(run: Any, tmp_path: Path) -> None:
    hook = tmp_path / "hook.sh"
    hook.write_text('echo "$(id -u) $HOME $NB_USER"\nexport NB_USER=eve\n')
    hook.chmod(0o644)
    mounts = [f"{hook}:/usr/local/bin/{place}/99.sh:ro" for place in ("start-notebook.d", "before-notebook.d")]
    done = run("--user", "0", *(word for mount in mounts for word in ("--volume", mount)), command=("id", "-un"))
    assert done.out.splitlines() == ["0 /home/jovyan jovyan", "0 /home/eve eve", "eve"]
