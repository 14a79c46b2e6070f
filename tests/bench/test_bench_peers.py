"""What this project is measured against, as text and as files; and missions of the benchmark's own."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from pathlib import Path

import pytest

from platform_images.bench import contexts, solvecases
from platform_images.bench.changing import candidate, change
from platform_images.bench.copying import (
    PREFIX,
    THREE,
    adopt,
    all_kernels,
    copy_project,
    environments,
    image_of,
    own_missions,
    three_kernels,
)
from platform_images.bench.inside import limit
from platform_images.bench.layers import layer_sizes, new_bytes, own_files
from platform_images.bench.leftovers import own_names
from platform_images.bench.peers import Inputs, Installed, dockerfile, pip_compile_words, uv_words
from platform_images.errors import LockError, ToolError
from platform_images.files import sha256_bytes
from platform_images.locks.freshness import check
from platform_images.locks.pip import Pin, pins
from platform_images.locks.store import LockStore, requirements
from platform_images.locks.values import Unit
from platform_images.model import Platform, load_mission

INPUTS = Inputs(
    requests=("common/kernel/requirements.in", "deployments/sky/kernels/a/requirements.in"),
    constraints=("deployments/sky/kernels/a/constraints.txt",),
    sdists=("fbpca",),
    python="3.11.9",
    platform="x86_64-manylinux_2_40",
)
ENVIRONMENTS = (
    Installed(name="base", prefix="/opt/conda", channels=("embedded",)),
    Installed(name="sky", prefix="/opt/conda/envs/sky", channels=()),
)


@pytest.fixture(scope="module")
def copy(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    return copy_project(project, tmp_path_factory.mktemp("bench") / "copy", small=False)


@pytest.fixture(scope="module")
def small_copy(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    return copy_project(project, tmp_path_factory.mktemp("bench") / "small", small=True)


def test_a_bare_uv_gets_the_same_inputs() -> None:
    assert " ".join(uv_words("uv", INPUTS, "out.txt")) == (
        "uv pip compile --quiet --generate-hashes --only-binary :all: --no-binary fbpca --python-version 3.11.9 "
        "--python-platform x86_64-manylinux_2_40 --constraints deployments/sky/kernels/a/constraints.txt "
        "--output-file out.txt common/kernel/requirements.in deployments/sky/kernels/a/requirements.in"
    )


def test_pip_tools_gets_the_same_inputs() -> None:
    words = pip_compile_words("python", INPUTS, "out.txt")
    assert words[:4] == ("python", "-m", "piptools", "compile")
    assert "--generate-hashes" in words
    assert words[words.index("--pip-args") + 1] == "--only-binary=:all: --no-binary=fbpca"
    assert words[-2:] == INPUTS.requests


def test_the_usual_dockerfile_installs_one_environment_after_the_other() -> None:
    text = dockerfile("root:1", ["git", "tini"], ENVIRONMENTS, parallel=False, secret=False)
    assert [line.split()[0] for line in text.splitlines() if not line.startswith(" ")] == [
        *("FROM", "USER", "WORKDIR", "RUN"),
        *("COPY", "RUN", "COPY", "RUN", "LABEL"),
    ]
    assert "apt-get install -q -y --no-install-recommends" in text
    assert "git tini" in text
    assert "--python /opt/conda/envs/sky/bin/python install" in text
    assert text.index("COPY base/") < text.index("COPY sky/")


def test_the_plain_one_has_a_stage_for_each_environment() -> None:
    text = dockerfile("root:1", ["git"], ENVIRONMENTS, parallel=True, secret=False)
    assert "FROM os AS environment-base\nCOPY base/" in text
    assert "FROM os AS environment-sky\nCOPY sky/" in text
    last = text[text.index("FROM os AS final") :]
    assert last.splitlines()[1:3] == [
        "COPY --link --from=environment-base /opt/ /opt/",
        "COPY --link --from=environment-sky /opt/ /opt/",
    ]


def test_the_peers_do_without_secrets_where_this_machine_has_none() -> None:
    """For a step with a secret BuildKit hashes all that is below it: the usual Dockerfile does not pay for that."""
    plain, secret = (dockerfile("root:1", ["git"], ENVIRONMENTS, parallel=False, secret=each) for each in (False, True))
    assert "type=secret" not in plain
    assert plain.count("--mount=type=bind,from=site,target=/run/secrets") == secret.count("id=site") == 3


def test_a_copy_changes_nothing_and_has_what_solving_and_building_read(copy: Platform, project: Path) -> None:
    assert copy.folder != project
    check(copy, *own_missions(copy))


def test_three_kernels_come_from_three_missions_where_there_are_as_many(copy: Platform) -> None:
    parts = three_kernels(own_missions(copy))
    assert len({part.mission for part in parts}) == len({part.name for part in parts}) == 3
    missions = {mission.name: mission for mission in own_missions(copy)}
    plain = [part for part in parts if not missions[part.mission].os_packages]
    assert parts[: len(plain)] == tuple(plain)


def test_a_kernel_comes_again_where_there_are_fewer(small_copy: Platform) -> None:
    assert [part.name for part in three_kernels(own_missions(small_copy))] == ["new", "new-2", "new-3"]


def test_a_mission_of_the_benchmark_has_the_same_solutions_and_fresh_locks(copy: Platform) -> None:
    parts = three_kernels(own_missions(copy))
    mission = adopt(copy, THREE, parts)
    check(copy, mission)
    assert mission.name == image_of(THREE)
    for part in parts:
        theirs, ours = (
            LockStore(copy.locks).require(Unit(scope=s, part=k))
            for s, k in ((part.mission, part.kernel), (mission.name, part.name))
        )
        assert ours.files == theirs.files


def test_a_mission_like_another_has_its_os_packages_and_more_kernels(copy: Platform) -> None:
    parts = [part for name in ("roman", "jwst") for part in all_kernels(load_mission(copy, name))]
    mission = adopt(copy, "roman-jwst", parts, like="roman")
    check(copy, mission)
    assert mission.os_packages == load_mission(copy, "roman").os_packages
    assert [kernel.name for kernel in mission.kernels] == [part.name for part in parts]
    assert mission.settings.title == load_mission(copy, "roman").settings.title


def test_missions_of_the_benchmark_are_not_the_project_s(copy: Platform) -> None:
    adopt(copy, "tike", all_kernels(load_mission(copy, "tike")), like="tike")
    assert not [mission for mission in own_missions(copy) if mission.name.startswith(PREFIX)]


def test_files_for_installing_an_environment_are_its_lock(copy: Platform, tmp_path: Path) -> None:
    mission = load_mission(copy, "roman")
    contexts.lay_out(copy, environments(copy, mission), tmp_path)
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert {f"base/{name}" for name in ("conda.json", "requirements.txt", "variables")} <= names
    assert "roman-cal/build-requirements.txt" in names
    assert "export CFLAGS=-Wno-error=incompatible-pointer-types" in (tmp_path / "roman-cal/variables").read_text()
    assert contexts.installed(copy, copy.base) == ENVIRONMENTS[0]


def test_inputs_are_those_that_the_project_s_solver_is_given(copy: Platform) -> None:
    found = solvecases.inputs(copy, load_mission(copy, "tike").kernel("tess"))
    assert found.requests[0] == "common/kernel/requirements.in"
    assert all((copy.folder / name).is_file() for name in found.requests)
    assert found.sdists == ("fbpca",)
    assert found.python.startswith("3.11.")


def test_every_kernel_has_a_package_to_change(copy: Platform) -> None:
    for environment in solvecases.solved_by_uv(copy):
        pin = candidate(pins(requirements(contexts.lock_of(copy, environment))))
        assert pin.hashes


def test_a_change_names_the_one_package_and_how_many_came_with_it() -> None:
    before = [pin("idna", "3.20"), pin("numpy", "2.3"), pin("old", "1")]
    found = change(before, [pin("idna", "3.19"), pin("numpy", "2.3"), pin("new", "1")], "idna")
    assert (found.before, found.after, found.others) == ("3.20", "3.19", 2)
    with pytest.raises(ToolError, match="not changed"):
        change(before, before, "idna")
    with pytest.raises(LockError, match="no package to change"):
        candidate([pin("numpy", "2.3")])


def pin(name: str, version: str) -> Pin:
    return Pin(name=name, version=version, hashes=frozenset(), text="")


def tar(files: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as out:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            out.addfile(member, io.BytesIO(data))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.LNKTYPE, target
            out.addfile(member)
    return stream.getvalue()


LOWER = tar({"a": b"x" * 100_000})
UPPER = tar({"b": bytes(range(256)) * 4}, {"c": "b"})
EMPTY = tar({})


def saved(*layers: bytes) -> list[bytes]:
    """What ``docker save`` writes, in small pieces."""
    blobs = {f"blobs/sha256/{sha256_bytes(data)}": data for data in (*layers, b'{"config": {}}')}
    whole = tar({**blobs, "manifest.json": b"[]"})
    return [whole[start : start + 777] for start in range(0, len(whole), 777)]


def digest(layer: bytes) -> str:
    return f"sha256:{sha256_bytes(layer)}"


def test_layers_are_measured_whole_compressed_and_by_their_files() -> None:
    wanted = [digest(layer) for layer in (LOWER, UPPER, EMPTY)]
    lower, upper, empty = layer_sizes(saved(LOWER, UPPER, EMPTY), wanted=wanted, compress=True)
    assert (lower.digest, lower.size, lower.files) == (digest(LOWER), len(LOWER), 100_000)
    assert lower.compressed == len(zlib.compress(LOWER, 6))
    assert upper.files == 1024, "a further name of a file takes nothing"
    assert (empty.size, empty.files) == (len(EMPTY), 0)


def test_a_layer_that_the_engine_keeps_compressed_is_the_same_layer() -> None:
    packed = gzip.compress(LOWER, mtime=0)
    (found,) = layer_sizes(saved(packed), wanted=[digest(LOWER)], compress=True)
    assert (found.size, found.compressed, found.files) == (len(LOWER), len(packed), 100_000)


def test_a_layer_that_is_not_written_out_is_missed() -> None:
    with pytest.raises(tarfile.ReadError, match="did not write out"):
        layer_sizes(saved(LOWER), wanted=[digest(UPPER)], compress=False)


def test_only_new_layers_are_pushed() -> None:
    after = layer_sizes(saved(LOWER, UPPER), wanted=[digest(LOWER), digest(UPPER), digest(UPPER)], compress=True)
    assert new_bytes([digest(LOWER)], after) == len(zlib.compress(UPPER, 6))


def test_what_kernels_take_is_what_not_every_image_with_one_of_them_has() -> None:
    whole = layer_sizes(saved(LOWER, UPPER), wanted=[digest(LOWER), digest(UPPER)], compress=False)
    assert own_files(whole, [[digest(LOWER), digest(UPPER)], [digest(LOWER)]]) == 1024


def test_the_size_of_an_environment_counts_each_file_once(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "file").write_bytes(b"x" * 1000)
    (tmp_path / "again").hardlink_to(tmp_path / "lib" / "file")
    (tmp_path / "link").symlink_to("lib/file")
    assert limit.size(tmp_path) == 1000


def test_what_installs_an_environment_without_layers_is_a_few_commands(tmp_path: Path) -> None:
    (tmp_path / "sky").mkdir()
    conda, bytecode, pip = limit.commands("sky", tmp_path, Path("/cache"), Path("/limit"))
    assert "install_conda.py /limit/sky" in conda
    assert bytecode.startswith("/limit/sky/bin/python -m compileall")
    assert "--require-hashes --link-mode copy --compile-bytecode --cache-dir /cache/uv --requirements" in pip
    (tmp_path / "sky" / "build-requirements.txt").touch()
    assert "--build-constraints" in limit.commands("sky", tmp_path, Path("/cache"), Path("/limit"))[2]


def test_only_names_of_the_benchmark_are_taken_from_an_engine() -> None:
    names = ["tike:latest", f"{PREFIX}-three:latest", "platform-images/root:1", f"{PREFIX}-usual:latest", f"{PREFIX}:x"]
    assert own_names(names) == (f"{PREFIX}-three:latest", f"{PREFIX}-usual:latest")
