from __future__ import annotations

import os
from pathlib import Path

import pytest

from platform_images.engine.buildlog import Event, StepEnd
from platform_images.engine.buildx import BuildRun, build, build_words, buildx_command, contexts, log_path
from platform_images.errors import MismatchError, PrerequisiteError, ToolError


def run_of(folder: Path, dockerfile: str = "FROM scratch\n", **changes: object) -> BuildRun:
    values: dict[str, object] = {
        "name": "pi-build-test",
        "dockerfile": dockerfile,
        "context": folder,
        "contexts": {},
        "platform": "linux/amd64",
        "epoch": 1700000000,
        **changes,
    }
    return BuildRun(**values)  # type: ignore[arg-type]


def test_neither_attestations_nor_a_clock_reach_the_image(tmp_path: Path) -> None:
    words = build_words(run_of(tmp_path), folder=tmp_path)
    assert {"--provenance=false", "--sbom=false", "--load"} <= set(words)
    assert "SOURCE_DATE_EPOCH=1700000000" in words


def test_only_the_paths_of_secrets_are_on_the_command_line(tmp_path: Path) -> None:
    secret = tmp_path / "site"
    secret.write_text("export PIP_INDEX_URL='https://user:password@index.example.org/simple'\n")
    words = build_words(run_of(tmp_path, secrets={"site": secret}, target="os", no_cache=True), folder=tmp_path)
    assert f"id=site,src={secret}" in words
    assert "password" not in " ".join(words)
    assert words[words.index("--target") + 1] == "os"
    assert "--no-cache" in words


def test_files_go_to_a_folder_and_no_image_to_the_engine(tmp_path: Path) -> None:
    words = build_words(run_of(tmp_path, export=tmp_path / "out"), folder=tmp_path)
    assert words[words.index("--output") + 1] == f"type=local,dest={tmp_path}/out"
    assert not {"--load", "--iidfile", "--metadata-file"} & set(words)
    image = build_words(run_of(tmp_path), folder=tmp_path)
    assert [word for word in words if word not in image] == ["--output", f"type=local,dest={tmp_path}/out"]


def test_build_contexts_are_gone_even_after_an_interruption() -> None:
    seen: list[Path] = []
    with pytest.raises(KeyboardInterrupt), contexts("main", "composed") as folders:
        seen.extend(folders)
        raise KeyboardInterrupt
    assert len(seen) == 2
    assert not any(folder.exists() or folder.parent.exists() for folder in seen)


def docker_without_buildx(folder: Path) -> Path:
    program = folder / "docker"
    program.write_text("#!/bin/sh\necho \"docker: 'buildx' is not a docker command.\" >&2\nexit 1\n")
    program.chmod(0o755)
    return folder


def test_no_buildx_at_all_is_said_with_what_was_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(docker_without_buildx(tmp_path)))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setattr("platform_images.engine.buildx._PLUGIN_FOLDERS", ())
    with pytest.raises(PrerequisiteError) as caught:
        buildx_command()
    assert "is not a docker command" in str(caught.value.why)


RECORDED = Path(__file__).parent / "recorded" / "build.txt"
REPLAYING = """#!/bin/sh
case "$*" in
    *version*) exit 0 ;;
    "context show") echo default; exit 0 ;;
esac
while [ "$1" != --iidfile ] && [ "$1" != --output ]; do shift; done
case "$1" in
    --iidfile) echo sha256:0f1e2d3c4b5a >"$2" ;;
    --output) echo "a layer" >"${{2#type=local,dest=}}/layer.tar" ;;
esac
cat {recorded} >&2
"""


@pytest.fixture
def replaying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A docker program that says what was recorded, and a folder for the state."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(REPLAYING.format(recorded=RECORDED))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    return tmp_path


def test_each_finished_step_is_said_and_everything_is_in_the_log(replaying: Path) -> None:
    said: list[str] = []
    assert build(run_of(replaying), say=said.append) == "sha256:0f1e2d3c4b5a"
    assert said == [
        "root: FROM platform-images/root:09eaf5128da7 (0.0 s)",
        "files: files of files (0.8 s)",
        "kernel-new: /opt/conda/envs/new, pip part (15.2 s)",
        "kernel-old-conda: /opt/conda/envs/old, conda part (41.7 s)",
        "final: COPY /opt/conda /opt/conda (2.1 s)",
        "exporting to image (4.0 s)",
        "2 steps were done before",
    ]
    assert log_path("pi-build-test").read_text() == RECORDED.read_text()


def test_files_that_are_exported_have_no_id(replaying: Path) -> None:
    out, said = replaying / "out", list[str]()
    out.mkdir()
    assert build(run_of(replaying, export=out), say=said.append) == ""
    assert (out / "layer.tar").read_text() == "a layer\n"
    assert len(said) == 7


def test_who_watches_is_told_of_each_step_in_the_place_of_who_listens(replaying: Path) -> None:
    said: list[str] = []
    seen: list[Event] = []
    build(run_of(replaying), say=said.append, watch=seen.append)
    assert said == ["2 steps were done before"]
    assert [event.number for event in seen if isinstance(event, StepEnd)] == [
        *("8", "34", "37", "42", "45", "46", "50", "51")
    ]


@pytest.mark.engine
def test_a_docker_without_buildx_first_on_path_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{docker_without_buildx(tmp_path)}{os.pathsep}{os.environ['PATH']}")
    assert buildx_command()[0] != str(tmp_path / "docker")


@pytest.mark.engine
def test_a_failed_build_shows_the_step_and_the_path_of_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    context = tmp_path / "context"
    context.mkdir()
    with pytest.raises(ToolError) as caught:
        build(
            run_of(context, "FROM scratch AS first\nCOPY nothing /\nFROM scratch AS last\nCOPY --from=first / /\n"),
            say=lambda _: None,
        )
    assert "first: COPY nothing /" in caught.value.what
    assert str(log_path("pi-build-test")) in str(caught.value.fix)
    assert "COPY nothing /" in log_path("pi-build-test").read_text()
    assert not isinstance(caught.value, MismatchError)


@pytest.mark.engine
def test_a_dockerfile_that_cannot_be_read_is_told_in_buildkit_s_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with pytest.raises(ToolError) as caught:
        build(run_of(tmp_path, "FROM scratch\nNONSENSE\n"), say=lambda _: None)
    assert "NONSENSE" in str(caught.value.why)
