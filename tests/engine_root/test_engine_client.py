from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from platform_images.engine.client import (
    container,
    engine,
    image_id,
    image_labels,
    run_in,
    split_reference,
    tar_of,
)
from platform_images.engine.naming import ROLE_LABEL
from platform_images.engine.root import DIGEST_LABEL
from platform_images.errors import PrerequisiteError, UsageError

ROLE = "test-client"


def left_over() -> list[str]:
    found = engine().containers.list(all=True, filters={"label": f"{ROLE_LABEL}={ROLE}"})
    return [each.name or "" for each in found]


def test_a_reference_has_a_repository_and_a_tag_or_digest() -> None:
    assert split_reference("debian") == ("debian", "latest")
    assert split_reference("host:5000/a/b:1.2") == ("host:5000/a/b", "1.2")
    assert split_reference("host:5000/a/b") == ("host:5000/a/b", "latest")
    assert split_reference("a/b@sha256:00") == ("a/b", "sha256:00")


def test_a_tar_of_files_has_no_clock_in_it() -> None:
    assert tar_of({"/b": b"2", "/a": b"1"}) == tar_of({"/a": b"1", "/b": b"2"})


def test_a_chosen_engine_that_is_silent_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    with pytest.raises(PrerequisiteError, match="No Docker Engine answers") as caught:
        engine()
    assert "DOCKER_HOST" in (caught.value.why or "")
    assert caught.value.fix == "correct or unset DOCKER_HOST; it is 'tcp://127.0.0.1:9'"


def test_no_engine_at_all_is_a_missing_prerequisite_with_its_cure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    context = {"Endpoints": {"docker": {"Host": "tcp://127.0.0.1:9"}}}
    monkeypatch.setattr("platform_images.engine.endpoint._context", lambda: context)
    with pytest.raises(PrerequisiteError, match="No Docker Engine answers") as caught:
        engine()
    assert "./bootstrap" in (caught.value.fix or "")


@pytest.mark.engine
class TestContainers:
    @pytest.fixture(autouse=True)
    def nothing_left(self) -> Iterator[None]:
        yield
        assert left_over() == []

    def test_files_go_in_and_come_back(self, root_reference: str) -> None:
        lines: list[str] = []
        done = run_in(
            root_reference,
            ["sh", "-c", "cat /srv/in/a; echo made >/srv/out; exit 3"],
            role=ROLE,
            files_in={"/srv/in/a": b"given\n"},
            files_out=["/srv/out", "/srv/none"],
            on_line=lines.append,
        )
        assert (done.exit_code, done.output, done.files) == (3, "given\n", {"/srv/out": b"made\n"})
        assert lines == ["given"]

    def test_variables_and_user_reach_it(self, root_reference: str) -> None:
        done = run_in(root_reference, ["sh", "-c", 'echo "$WORD $(id -u)"'], role=ROLE, env={"WORD": "w"}, user="65534")
        assert (done.exit_code, done.output) == (0, "w 65534\n")

    def test_there_is_no_network_unless_asked_for(self, root_reference: str) -> None:
        done = run_in(root_reference, ["cat", "/proc/net/route"], role=ROLE)
        assert len(done.output.splitlines()) == 1

    def test_a_container_is_removed_when_interrupted(self, root_reference: str) -> None:
        with pytest.raises(KeyboardInterrupt), container(root_reference, ["sleep", "600"], role=ROLE) as made:
            made.start()
            assert left_over() == [made.name]
            raise KeyboardInterrupt

    def test_a_container_that_somebody_removed_already_is_no_error(self, root_reference: str) -> None:
        with container(root_reference, ["true"], role=ROLE) as made:
            made.remove(force=True)

    def test_an_absent_image_is_said(self) -> None:
        with pytest.raises(UsageError, match="platform-images/none"):
            run_in("platform-images/none:none", ["true"], role=ROLE)


@pytest.mark.engine
def test_images_are_found_by_name(root_reference: str) -> None:
    assert (image_id(root_reference) or "").startswith("sha256:")
    assert image_labels(root_reference)[DIGEST_LABEL].startswith("sha256:")
    assert image_id("platform-images/none:none") is None
    assert image_labels("platform-images/none:none") == {}
