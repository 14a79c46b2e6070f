from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from platform_images import console
from platform_images.clean import cleaning, removing
from platform_images.clean.values import Action, Decision, Entry, Kind, State
from platform_images.errors import ToolError

Invoke = Callable[..., subprocess.CompletedProcess[str]]
Put = Callable[..., Path]


class Places(Protocol):
    cache: Path
    logs: Path
    temporary: Path


@pytest.mark.parametrize("words", [("--older-than", "soon"), ("--max-size", "20 elephants")])
def test_a_limit_that_is_none_is_a_mistake_of_use(
    project: Path, run_invoke: Invoke, places: Places, words: tuple[str, str]
) -> None:
    done = run_invoke(project, "clean", *words)
    assert done.returncode == 2, done.stderr
    assert f"{words[0]} '{words[1]}' is no" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_the_command_shows_what_would_go(project: Path, run_invoke: Invoke, places: Places, put: Put) -> None:
    """As a command only with --dry-run: another process looks into this machine's own folders as well."""
    put(places.cache / "roots" / "old.tar", age=3_000_000)
    put(places.cache / "roots" / "new.tar", age=7200)
    done = run_invoke(project, "clean", "--older-than", "30d", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    assert "No Docker Engine answers. What an engine keeps is not shown." in done.stderr
    shown = json.loads(done.stdout)
    assert (shown["dry_run"], shown["engine"]) == (True, False)
    assert [(each["name"], each["action"], each["size"]) for each in shown["entries"] if each["kind"] == "root"] == [
        ("new.tar", "kept", 8192),
        ("old.tar", "removed", 8192),
    ]
    assert set(shown["totals"]) == {"kept", "removed", "in use", "failed"}
    assert len(list((places.cache / "roots").iterdir())) == 2


def test_what_is_removed_is_said_and_counted(
    places: Places, put: Put, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(console, "say", lambda text, **_: said.append(text))
    put(places.cache / "roots" / "old.tar", age=3_000_000)
    put(places.cache / "roots" / "new.tar", age=7200)
    assert cleaning.run(older_than="30d", max_size="", dry_run=False, json=False) == 0
    out = capsys.readouterr().out
    assert "2 hours ago" in out
    assert "removed: not used for longer than the limit" in out
    assert "removed: 1, 8.2 kB" in out
    assert "  removed root old.tar" in said
    assert sorted(path.name for path in (places.cache / "roots").iterdir()) == ["new.tar"]


def test_something_that_could_not_be_removed_is_exit_code_1(
    places: Places, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Entry) -> None:
        raise PermissionError(13, "Permission denied", "/somewhere")

    monkeypatch.setitem(removing._REMOVERS, Kind.ROOT, refuse)
    put(places.cache / "roots" / "old.tar", age=3_000_000)
    assert cleaning.run(older_than="30d", max_size="", dry_run=False, json=True) == 1


def test_an_interrupted_removal_leaves_nothing_under_its_own_name(
    places: Places, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    folder = put(places.cache / "tools" / "a", age=3_000_000)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", interrupt)
        with pytest.raises(KeyboardInterrupt):
            cleaning.run(older_than="30d", max_size="", dry_run=False, json=True)
    assert not folder.exists()
    assert [path.name for path in folder.parent.iterdir()] == [".a.gone"]
    assert cleaning.run(older_than="", max_size="", dry_run=False, json=True) == 0
    assert list(folder.parent.iterdir()) == []


def test_what_cannot_be_removed_is_said_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(entry: Entry) -> None:
        if entry.name == "stuck":
            raise ToolError("The engine could not remove the network.", why="it has endpoints")

    monkeypatch.setitem(removing._REMOVERS, Kind.NETWORK, refuse)
    decided = [
        Decision(
            entry=Entry(kind=Kind.NETWORK, name=name, size=None, used=None, state=State.LEFTOVER),
            action=Action.REMOVED,
        )
        for name in ("stuck", "free")
    ]
    assert [(each.action, each.why) for each in removing.carried_out(decided)] == [
        (Action.FAILED, "it has endpoints"),
        (Action.REMOVED, ""),
    ]


@pytest.mark.parametrize("kind", [Kind.OTHER, Kind.BUILD_STEPS])
def test_some_kinds_are_never_removed(kind: Kind) -> None:
    entry = Entry(kind=kind, name="x", size=1, used=None, state=State.KEPT)
    (done,) = removing.carried_out([Decision(entry=entry, action=Action.REMOVED)])
    assert done.action is Action.FAILED
