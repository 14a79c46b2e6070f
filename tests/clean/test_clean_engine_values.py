"""What an engine says becomes values, and what it refuses becomes a reason; the engine is made up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from platform_images import owner, process
from platform_images.clean import engine, removing
from platform_images.clean.values import Action, Decision, Entry, Kind, State
from platform_images.engine import client
from platform_images.errors import ToolError

ROLE = {"platform-images.role": "test"}


class MadeUp:
    """As much of docker-py's client as is asked."""

    def images(self) -> list[dict[str, Any]]:
        return [
            {"Id": "sha256:1", "RepoTags": ["platform-images/root:1", "mine:1"], "Labels": None, "Size": 7},
            {"Id": "sha256:2", "RepoTags": ["tike:latest"], "Labels": {"platform-images.mission": "tike"}, "Size": 9},
            {"Id": "sha256:3", "RepoTags": ["<none>:<none>"], "Labels": {}, "Size": 9},
            {"Id": "sha256:4", "RepoTags": ["platform-images-notes/root:1"], "Labels": {}, "Size": 9},
        ]

    def containers(self, *, all: bool) -> list[dict[str, Any]]:  # noqa: A002 - the name that it has there
        assert all
        labels = {**ROLE, owner.LABEL: owner.this_process()}
        mounts = [{"Type": "volume", "Name": "v"}, {"Type": "bind", "Source": "/"}]
        return [
            {"Id": "a", "Names": ["/one"], "Labels": labels, "State": "running", "Created": 5, "ImageID": "sha256:1"},
            {"Id": "b", "Names": ["/two"], "Labels": {}, "State": "exited", "ImageID": "x", "Mounts": mounts},
        ]

    def networks(self, *, filters: dict[str, str]) -> list[dict[str, Any]]:
        assert filters == {"label": "platform-images.role"}
        return [{"Id": "n"}]

    def inspect_network(self, number: str) -> dict[str, Any]:
        labels = {"platform-images.role": "hub", "platform-images.hub": "tike"}
        return {"Name": number, "Labels": labels, "Created": "2025-10-01T08:00:00.123456789Z", "Containers": {"b": {}}}

    def volumes(self, *, filters: dict[str, str]) -> dict[str, Any]:
        assert filters == {"label": "platform-images.role"}
        return {"Volumes": None}


def test_what_an_engine_says_becomes_values(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"RootFS": {"Layers": ["l"]}, "Metadata": {"LastTagTime": "0001-01-01T00:00:00Z"}}
    monkeypatch.setattr(client, "image_attributes", lambda _: found)
    stock = engine.read(MadeUp())  # type: ignore[arg-type]
    assert [(each.names, each.mission, each.layers, each.named) for each in stock.images] == [
        (("platform-images/root:1",), "", ("l",), None),
        (("tike:latest",), "tike", ("l",), None),
    ]
    ours, other = stock.containers
    assert (ours.name, ours.role, ours.running, ours.owner) == ("one", "test", True, owner.State.RUNS)
    assert (other.role, other.running, other.made, sorted(other.volumes)) == (None, False, None, ["v"])
    (network,) = stock.networks
    assert (network.mission, network.made, network.containers) == ("tike", 1_759_305_600.0, 1)
    assert stock.volumes == ()


def removed(entry: Entry) -> Decision:
    (done,) = removing.carried_out([Decision(entry=entry, action=Action.REMOVED)])
    return done


@pytest.mark.parametrize(
    ("code", "expected"), [(404, Action.REMOVED), (409, Action.IN_USE), (500, Action.FAILED), (None, Action.REMOVED)]
)
def test_what_an_engine_refuses_is_in_use_or_failed(
    monkeypatch: pytest.MonkeyPatch, code: int | None, expected: Action
) -> None:
    from docker.errors import APIError, NotFound
    from requests import Response

    def remove(*_: object, **words: object) -> None:
        assert "force" not in words
        if code is not None:
            error = NotFound if code == 404 else APIError
            response = Response()
            response.status_code = code
            raise error("no", response=response, explanation="it has its reasons")

    api = SimpleNamespace(remove_image=remove, remove_network=remove, remove_volume=remove)
    monkeypatch.setattr(client, "engine", lambda: SimpleNamespace(api=api))
    for kind in (Kind.IMAGE, Kind.NETWORK, Kind.VOLUME):
        done = removed(Entry(kind=kind, name="x", size=1, used=None, state=State.CACHE, handle="x"))
        assert done.action is expected
        assert (done.why == "it has its reasons") is (code in (409, 500))


def test_one_record_is_pruned_by_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []
    left = ["ID:\tabcdef\nDescription:\tx\nReclaimable:\tfalse\n", ""]

    def run(argv: list[str], **_: object) -> process.Completed:
        asked.append(tuple(argv))
        stdout = left[0] if argv[-1] == "--verbose" else ""
        return process.Completed(argv=tuple(argv), returncode=0, stdout=stdout, stderr="")

    monkeypatch.setattr(process, "run", run)
    for module in (engine, removing):
        monkeypatch.setattr(module, "buildx_command", lambda: ("docker", "buildx", "--builder", "default"))
    entry = Entry(kind=Kind.CACHE_MOUNT, name="m", size=1, used=None, state=State.CACHE, handle="abcdef")
    assert removed(entry).action is Action.IN_USE
    del left[0]
    assert removed(entry).action is Action.REMOVED
    assert asked[0] == ("docker", "buildx", "--builder", "default", "prune", "--force", "--filter", "id=abcdef")


def test_a_builder_that_does_not_answer_is_a_failure_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> None:
        raise ToolError("docker failed with exit code 1.", why="no such builder")

    monkeypatch.setattr(process, "run", run)
    monkeypatch.setattr(engine, "buildx_command", lambda: ("docker", "buildx"))
    with pytest.raises(ToolError, match="The builder does not say") as caught:
        engine.records(now=0.0)
    assert caught.value.why == "no such builder"
