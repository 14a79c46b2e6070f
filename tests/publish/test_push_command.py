from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from platform_images.errors import MismatchError, PlatformError, PrerequisiteError, ToolError
from platform_images.publish import push, sending
from platform_images.publish.registry import ATTEMPTS, Registry
from platform_images.publish.values import LayerEvent, Login
from tests.publish.conftest import IMAGE, NAME, ONE, OTHER, TAG, engine_of, own
from tests.publish.distribution import PASSWORD, USER, Distribution, digest_of

LOGIN = Login(user=USER, password=PASSWORD)
Client = Callable[..., Registry]


class Engine:
    """An engine that says one list of lines after the other, and knows names of images."""

    def __init__(self, *streams: list[dict[str, Any]]) -> None:
        self.streams = list(streams)
        self.names = {"small:latest": IMAGE.id}
        self.logins: list[dict[str, str]] = []
        self.seen: list[dict[str, str]] = []
        self.api = self.images = self

    def push(self, repository: str, *, tag: str, auth_config: dict[str, str], **_: Any) -> Iterator[dict[str, Any]]:
        self.logins.append(auth_config)
        self.seen.append(dict(self.names))
        yield from self.streams.pop(0)

    def get(self, image: str) -> Engine:
        self.got = image
        return self

    def tag(self, repository: str, *, tag: str) -> None:
        self.names[f"{repository}:{tag}"] = self.got

    def remove(self, name: str, *, noprune: bool) -> None:
        del self.names[name]

    def attributes(self, image: str) -> dict[str, Any]:
        return {"RepoTags": [name for name, known in self.names.items() if known == image]}


@pytest.fixture
def with_engine(monkeypatch: pytest.MonkeyPatch) -> Callable[[Engine], Engine]:
    """``with_engine(engine)``: this one is in use."""

    def use(engine: Engine) -> Engine:
        monkeypatch.setattr(sending, "engine", lambda: engine)
        monkeypatch.setattr(sending, "image_id", engine.names.get)
        monkeypatch.setattr(sending, "image_attributes", engine.attributes)
        return engine

    return use


SENT = {"status": "Pushed", "id": ONE, "progressDetail": {}}
THERE = {"status": "Layer already exists", "id": ONE, "progressDetail": {}}
BROKEN = {"errorDetail": {"message": "EOF"}, "error": "EOF"}


def test_the_engine_pushes_with_the_login_and_has_its_names_as_before(
    client: Client, with_engine: Callable[[Engine], Engine]
) -> None:
    engine = with_engine(Engine([{"status": "The push refers to"}, SENT]))
    registry, events = client(LOGIN), list[LayerEvent]()
    assert sending.send(IMAGE, registry, watch=events.append) == {ONE}
    assert engine.seen == [{"small:latest": IMAGE.id, f"{registry.repository.name}:{TAG}": IMAGE.id}]
    assert engine.names == {"small:latest": IMAGE.id}
    assert engine.logins[0]["password"] == PASSWORD
    assert [event.layer for event in events] == [ONE]


def test_an_image_without_another_name_keeps_the_one_that_it_is_pushed_by(
    client: Client, with_engine: Callable[[Engine], Engine]
) -> None:
    engine = with_engine(Engine([SENT]))
    engine.names.clear()
    registry = client()
    sending.send(IMAGE, registry, watch=lambda _: None)
    assert engine.names == {f"{registry.repository.name}:{TAG}": IMAGE.id}


def test_another_image_of_the_engine_has_its_name_again(
    client: Client, with_engine: Callable[[Engine], Engine]
) -> None:
    engine = with_engine(Engine([SENT]))
    registry = client()
    name = f"{registry.repository.name}:{TAG}"
    engine.names[name] = digest_of("older")
    sending.send(IMAGE, registry, watch=lambda _: None)
    assert engine.seen[0][name] == IMAGE.id
    assert engine.names[name] == digest_of("older")


def test_a_push_that_breaks_off_is_tried_again_and_said(
    client: Client, with_engine: Callable[[Engine], Engine], said: list[str]
) -> None:
    with_engine(Engine([SENT, BROKEN], [THERE]))
    assert sending.send(IMAGE, client(), watch=lambda _: None) == {ONE}
    assert len(said) == 1
    assert "broke off. EOF; attempt 2 of 3" in said[0]


def test_a_push_that_breaks_off_every_time_ends_and_the_cure_is_to_run_it_again(
    client: Client, with_engine: Callable[[Engine], Engine]
) -> None:
    engine = with_engine(Engine(*[[BROKEN]] * sending.ATTEMPTS))
    with pytest.raises(ToolError) as caught:
        sending.send(IMAGE, client(), watch=lambda _: None)
    assert int(caught.value.exit_code) == 5
    assert "run it again" in str(caught.value.fix)
    assert engine.streams == []
    assert list(engine.names) == ["small:latest"]


def test_an_engine_that_is_not_let_in_is_told_at_once(
    client: Client, with_engine: Callable[[Engine], Engine], said: list[str]
) -> None:
    with_engine(Engine([{"error": "no basic auth credentials"}]))
    registry = client()
    with pytest.raises(PrerequisiteError) as caught:
        sending.send(IMAGE, registry, watch=lambda _: None)
    assert caught.value.fix == f"docker login {registry.repository.host}"
    assert said == []


@pytest.fixture
def request_of(
    distribution: Distribution, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., push.PushRequest]:
    """``request_of(dry_run=True)``: what `invoke push` is asked for; the engine has the image, and pushes it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    labels = {"org.opencontainers.image.revision": "ab"}
    monkeypatch.setattr(push, "local_image", lambda mission, name: (IMAGE, labels))
    monkeypatch.setattr(push, "_sent", engine_of(distribution))
    monkeypatch.setattr(push, "config_of", lambda image: own)

    def make(**values: Any) -> push.PushRequest:
        return push.PushRequest(registry=f"{distribution.address}/platform", **values)

    return make


def test_the_digest_is_printed_and_written(
    small_project: Path,
    distribution: Distribution,
    request_of: Callable[..., push.PushRequest],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "deep" / "pushed.json"
    assert push.run(small_project, "small", request_of(out=out), json=False) == 0
    written = json.loads(out.read_text(encoding="utf-8"))
    assert capsys.readouterr().out == f"{distribution.address}/{NAME}@{written['digest']}\n"
    assert push.run(small_project, "small", request_of(out=out), json=True) == 0
    assert json.loads(capsys.readouterr().out) == {**written, "bytes_sent": 0}
    assert [path.name for path in out.parent.iterdir()] == ["pushed.json"]


def test_the_file_has_a_place_of_its_own(small_project: Path, request_of: Callable[..., push.PushRequest]) -> None:
    assert push.run(small_project, "small", request_of(), json=False) == 0
    written = small_project / "reports/pushed/small.json"
    assert json.loads(written.read_text(encoding="utf-8"))["tags"] == [TAG, "latest"]
    written.unlink()


def test_what_was_pushed_is_printed_also_where_its_file_cannot_be_written(
    small_project: Path,
    distribution: Distribution,
    request_of: Callable[..., push.PushRequest],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        push.run(small_project, "small", request_of(out=tmp_path / "file" / "pushed.json"), json=False)
    assert capsys.readouterr().out.startswith(f"{distribution.address}/{NAME}@sha256:")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_dry_run_asks_and_changes_nothing(
    as_json: bool,
    small_project: Path,
    distribution: Distribution,
    request_of: Callable[..., push.PushRequest],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "pushed.json"
    assert push.run(small_project, "small", request_of(out=out, dry_run=True), json=as_json) == 0
    said = capsys.readouterr().out
    assert json.loads(said)["would_push"] if as_json else "would be pushed" in said
    assert {method for method, _ in distribution.asked} == {"GET"}
    assert not out.exists()


def test_a_dry_run_refuses_what_a_push_would_refuse(
    small_project: Path, distribution: Distribution, request_of: Callable[..., push.PushRequest]
) -> None:
    distribution.keep(NAME, TAG, OTHER)
    with pytest.raises(MismatchError):
        push.run(small_project, "small", request_of(dry_run=True), json=False)


def test_a_registry_in_trouble_ends_a_push_before_anything_is_sent(
    small_project: Path,
    distribution: Distribution,
    request_of: Callable[..., push.PushRequest],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("platform_images.publish.registry.LONGEST_PAUSE", 0.0)
    distribution.failures = [502] * ATTEMPTS
    with pytest.raises(PlatformError) as caught:
        push.run(small_project, "small", request_of(), json=False)
    assert int(caught.value.exit_code) == 5
    assert {method for method, _ in distribution.asked} == {"GET"}


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--registry", "localhost:5000"), "small"),
        (("--mission", "small"), "--registry is missing"),
        (("--mission", "small", "--registry", "https://localhost:5000"), "give --registry localhost:5000"),
        (("--mission", "small", "--registry", "localhost:5000", "--out", "/"), "--out / is a folder"),
    ],
)
def test_mistakes_of_use_are_told_before_an_engine_is_asked(
    words: tuple[str, ...],
    what: str,
    small_project: Path,
    run_invoke: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = run_invoke(small_project, "push", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert what in done.stderr
    assert "Traceback" not in done.stderr
