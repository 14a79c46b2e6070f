from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from platform_images import process
from platform_images.errors import ToolError, UsageError
from platform_images.locks.store import LockStore
from platform_images.locks.values import Lock, Unit
from platform_images.model import Environment, Mission, Platform
from platform_images.process import Completed
from platform_images.solve import uv
from platform_images.solve.environment import solve_environment
from platform_images.solve.explanation import Asked, explain
from platform_images.solve.pip import _refuse_unhashed, pinned_names
from platform_images.solve.uv import platform_tag, uv_environment

Project = tuple[Platform, Mission, Environment]
MakeProject = Callable[..., Project]
SKY = Unit(scope="survey", part="sky")
KERNEL = "deployments/survey/kernels/sky"


class Unused:
    """uv needs no environment to run in."""

    def run(self, words: Sequence[str], *, conda_lock: str, folder: Path) -> Completed:
        raise AssertionError("uv runs on this machine")


def solve(
    project: Project, *, old: Lock | None = None, upgrade: bool = False, upgrade_packages: tuple[str, ...] = ()
) -> dict[str, str]:
    platform, _, environment = project
    return solve_environment(
        platform,
        environment,
        glibc="2.41",
        old=old,
        upgrade=upgrade,
        upgrade_packages=upgrade_packages,
        say=lambda _: None,
        runner=Unused(),
    ).files


def pins(files: dict[str, str]) -> list[str]:
    return [line.split(" ")[0] for line in files["requirements.txt"].splitlines() if "==" in line]


def saved(folder: Path, files: dict[str, str]) -> Lock:
    store = LockStore(folder)
    store.write(SKY, files=files, inputs={}, solvers={})
    return store.require(SKY)


def test_every_package_is_pinned_with_its_hash_and_origin(make_project: MakeProject, wheels: Path) -> None:
    files = solve(make_project())
    assert sorted(files) == ["conda-lock.yml", "requirements.txt"]
    text = files["requirements.txt"]
    assert pins(files) == ["alpha==1.5", "beta==1.1"]
    assert text.count("--hash=sha256:") == 2
    assert "-r common/kernel/requirements.in" in text
    assert "--only-binary :all:" in text
    assert str(wheels) not in text


def test_another_place_and_another_run_give_the_same_bytes(
    make_project: MakeProject, wheels: Path, tmp_path: Path
) -> None:
    first = solve(make_project(place="here"))
    assert first == solve(make_project(place="there/below"))
    assert first == solve(make_project(place="here"), old=saved(tmp_path / "locks", first))


def test_old_pins_are_kept_until_they_are_freed(make_project: MakeProject, wheels: Path, tmp_path: Path) -> None:
    pinned = make_project({f"{KERNEL}/constraints.txt": "alpha<1.5\nbeta<1.1\n"})
    old = saved(tmp_path / "locks", solve(pinned))
    assert pins(old.files) == ["alpha==1.0", "beta==1.0"]
    (pinned[0].folder / f"{KERNEL}/constraints.txt").unlink()
    project = make_project()
    assert pins(solve(project, old=old)) == ["alpha==1.0", "beta==1.0"]
    assert pins(solve(project, old=old, upgrade_packages=("beta",))) == ["alpha==1.0", "beta==1.1"]
    assert pins(solve(project, old=old, upgrade=True)) == ["alpha==1.5", "beta==1.1"]


def test_an_old_pin_that_no_longer_satisfies_gives_way(make_project: MakeProject, wheels: Path, tmp_path: Path) -> None:
    old = saved(tmp_path / "locks", solve(make_project()))
    project = make_project({f"{KERNEL}/requirements.in": "", "common/kernel/requirements.in": "alpha>=2\n"})
    assert pins(solve(project, old=old)) == ["alpha==2.0"]


def test_the_conda_part_constrains_the_pip_part_and_is_not_in_it(make_project: MakeProject, wheels: Path) -> None:
    """No index has gdal: the conda part alone provides it."""
    environment = "dependencies: [python=3.11, gdal]\n"
    files = solve(make_project({f"{KERNEL}/environment.yml": environment, f"{KERNEL}/requirements.in": "needs-gdal\n"}))
    assert pins(files) == ["alpha==2.0", "needs-gdal==1.0"]
    with pytest.raises(ToolError) as caught:
        solve(make_project({f"{KERNEL}/environment.yml": environment, f"{KERNEL}/requirements.in": "needs-old-gdal\n"}))
    assert "gdal" in str(caught.value.why)


def test_it_is_solved_for_the_environments_python(make_project: MakeProject, wheels: Path) -> None:
    request = {f"{KERNEL}/requirements.in": "only-new-python\n"}
    with pytest.raises(ToolError) as caught:
        solve(make_project(request))
    assert "Python" in str(caught.value.why)
    newer = {**request, f"{KERNEL}/environment.yml": "dependencies: [python=3.13]\n"}
    assert "only-new-python==1.0" in pins(solve(make_project(newer)))


@pytest.mark.parametrize(
    "line",
    [
        "beta @ git+https://example.org/beta.git",
        "beta[extra] @ https://example.org/beta-1.0-py3-none-any.whl",
        "git+ssh://example.org/beta.git",
        "-e .",
        "./beta",
        "/srv/beta",
        "file:///srv/beta-1.0-py3-none-any.whl",
    ],
)
def test_what_no_index_has_a_hash_for_is_refused_with_its_line(make_project: MakeProject, line: str) -> None:
    project = make_project({f"{KERNEL}/requirements.in": f"# stars\n{line}\n"})
    with pytest.raises(UsageError, match="is not a release of a package index") as caught:
        solve(project)
    assert caught.value.what.startswith(f"{KERNEL}/requirements.in, line 2: {line!r}")


def test_a_release_that_requires_an_address_is_not_locked() -> None:
    text = "# a header\nalpha==1.0 \\\n    --hash=sha256:00\n    # via x\nbeta @ https://example.org/beta.whl\n"
    with pytest.raises(ToolError, match="cannot be locked: beta is not a release"):
        _refuse_unhashed(text, label="survey/sky")


def test_a_wrong_name_is_told_with_its_line_and_the_right_spelling(make_project: MakeProject, wheels: Path) -> None:
    project = make_project({f"{KERNEL}/requirements.in": "# stars\nbetta>=1\n"})
    store = LockStore(project[0].locks)
    store.write(SKY, files={"requirements.txt": "beta==1.1\n"}, inputs={}, solvers={})
    with pytest.raises(ToolError, match="'betta', which the package index does not have") as caught:
        solve(project)
    assert "(did you mean 'beta'?)" in caught.value.what
    assert caught.value.fix == f"correct {KERNEL}/requirements.in:2: betta>=1"


def test_a_name_that_saved_locks_have_points_at_the_index(make_project: MakeProject, wheels: Path) -> None:
    project = make_project({f"{KERNEL}/requirements.in": "# stars\nDelta>=1\n"})
    store = LockStore(project[0].locks)
    store.write(SKY, files={"requirements.txt": "delta==1.1\n"}, inputs={}, solvers={})
    with pytest.raises(ToolError, match="index does not have 'delta', which the saved locks have") as caught:
        solve(project)
    assert "did you mean" not in str(caught.value)
    assert "invoke doctor --network" in str(caught.value.fix)
    assert f"{KERNEL}/requirements.in:2: Delta>=1" in str(caught.value.fix)


def test_what_a_build_requires_is_told_with_its_key(make_project: MakeProject, wheels: Path) -> None:
    settings = 'display_name = "Sky"\n[sdist.gamma]\nbuild_requires = ["alpha", "{}"]\nreason = "no wheel"\n'
    with pytest.raises(ToolError, match="survey/sky asks for 'nosuch-zzqq-1', which the package index") as caught:
        solve(make_project({f"{KERNEL}/kernel.toml": settings.format("nosuch-zzqq-1")}))
    key = f"key 'sdist.gamma.build_requires' of {KERNEL}/kernel.toml"
    assert caught.value.fix == f"correct {key}: nosuch-zzqq-1"
    with pytest.raises(ToolError, match="What building the sdists of survey/sky needs cannot be solved") as caught:
        solve(make_project({f"{KERNEL}/kernel.toml": settings.format("alpha>9")}))
    assert str(caught.value.fix).endswith(f"in {key}")


@pytest.mark.parametrize(("variable", "value"), [("UV_CACHE_DIR", "/dev/null/cache"), ("UV_CONFIG_FILE", "/nope")])
def test_a_solver_that_cannot_run_is_not_taken_for_requests(
    make_project: MakeProject, wheels: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ToolError, match="the solver could not do its work") as caught:
        solve(make_project())
    assert value in str(caught.value.why)
    assert variable in str(caught.value.fix) and "loosen" not in str(caught.value.fix)


def test_a_build_that_fails_is_told_with_its_table() -> None:
    said = "error: Failed to build `gamma==1.0`\n  cause: The build backend returned an error\n"
    asked = Asked(
        label="survey/sky", what="The pip part of survey/sky", files=(), lines=lambda _: (), locks=Path("none")
    )
    error = explain(asked, Completed(argv=("uv",), returncode=1, stdout="", stderr=said))
    assert error.what == "The pip part of survey/sky was not solved: the build of gamma from source failed."
    assert "[sdist.gamma] of kernel.toml" in str(error.fix) and "UV_CACHE_DIR" not in str(error.fix)


def test_uv_s_temporary_folder_goes_with_the_run(
    make_project: MakeProject, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Path, Path]] = []

    def run(argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, **settings: Any) -> Completed:
        seen.append((Path(env["TMPDIR"]), cwd))
        assert seen[-1][0].is_dir()
        return process.run(argv, env=env, cwd=cwd, **settings)

    monkeypatch.setattr(uv, "run", run)
    solve(make_project())
    assert seen and all(place.is_relative_to(folder) and not folder.exists() for place, folder in seen)


def test_requests_that_exclude_each_other_are_explained(make_project: MakeProject, wheels: Path) -> None:
    with pytest.raises(ToolError, match="pip part of survey/sky cannot be solved") as caught:
        solve(make_project({"common/kernel/requirements.in": "alpha>=2\n"}))
    assert "beta" in str(caught.value.why)
    assert "alpha<2" in str(caught.value.why)
    assert "requirements.in" in str(caught.value.fix)


def test_a_line_that_is_no_request_is_told_with_its_file(make_project: MakeProject, wheels: Path) -> None:
    with pytest.raises(UsageError, match=f"{KERNEL}/requirements.in, line 2: 'beta>>1' is not a request"):
        solve(make_project({f"{KERNEL}/requirements.in": "alpha\nbeta>>1\n"}))


def test_a_byte_order_mark_is_no_part_of_a_request(make_project: MakeProject, wheels: Path) -> None:
    assert pins(solve(make_project({f"{KERNEL}/requirements.in": "\ufeffbeta\n"}))) == ["alpha==1.5", "beta==1.1"]


def test_an_index_that_does_not_answer_is_named_without_its_password(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://me:secret@127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(ToolError, match=r"The package index at http://127\.0\.0\.1:9 did not answer") as caught:
        solve(make_project())
    assert "secret" not in str(caught.value)
    assert "invoke doctor" in str(caught.value.fix)


def test_a_package_without_a_wheel_is_refused_with_the_way_to_allow_it(make_project: MakeProject, wheels: Path) -> None:
    (wheels / "gamma").mkdir()
    (wheels / "gamma" / "index.html").write_text('<!DOCTYPE html><html><a href="gamma-1.0.tar.gz">gamma</a></html>')
    with pytest.raises(ToolError, match="gamma has no wheel that fits") as caught:
        solve(make_project({f"{KERNEL}/requirements.in": "gamma\n"}))
    assert "[sdist.gamma]" in str(caught.value.fix)


@pytest.mark.network
def test_an_allowed_sdist_is_locked_with_its_build_backends(make_project: MakeProject) -> None:
    settings = 'display_name = "Sky"\n[sdist.fbpca]\nbuild_requires = ["setuptools"]\nreason = "no wheel"\n'
    requests = {"common/kernel/requirements.in": "", f"{KERNEL}/requirements.in": "fbpca\n"}
    files = solve(make_project({f"{KERNEL}/kernel.toml": settings, **requests}))
    assert sorted(files) == ["build-requirements.txt", "conda-lock.yml", "requirements.txt"]
    assert pinned_names(files["build-requirements.txt"]) == ("setuptools",)
    assert "--no-binary fbpca" in files["requirements.txt"]
    assert "--hash=sha256:" in files["build-requirements.txt"]


@pytest.mark.network
def test_a_build_backend_may_be_too_new_for_the_python_that_runs_here(make_project: MakeProject) -> None:
    """numpy for Python 3.13 has no wheel for 3.11 any more; uv builds esutil here to learn what it depends on."""
    settings = 'display_name = "Sky"\n[sdist.esutil]\nbuild_requires = ["numpy", "setuptools", "wheel"]\nreason = "-"\n'
    changes = {
        "common/kernel/requirements.in": "",
        f"{KERNEL}/environment.yml": "dependencies: [python=3.13]\n",
        f"{KERNEL}/kernel.toml": settings,
        f"{KERNEL}/requirements.in": "esutil\n",
    }
    files = solve(make_project(changes))
    assert pinned_names(files["requirements.txt"])[:2] == ("esutil", "numpy")
    assert pinned_names(files["build-requirements.txt"])[0] == "numpy"


def test_the_platform_is_the_newest_that_uv_knows_and_the_root_has() -> None:
    assert platform_tag("amd64", "2.41") == "x86_64-manylinux_2_40"
    assert platform_tag("arm64", "2.36") == "aarch64-manylinux_2_36"
    assert platform_tag("amd64", "2.30") == "x86_64-manylinux_2_28"


def test_settings_of_a_person_that_would_change_a_solution_do_not_reach_uv() -> None:
    given = {"UV_EXCLUDE_NEWER": "2020-01-01", "UV_PRERELEASE": "allow", "UV_DEFAULT_INDEX": "x", "PATH": "/bin"}
    assert uv_environment(given) == {"UV_DEFAULT_INDEX": "x", "PATH": "/bin", "UV_PYTHON_DOWNLOADS": "never"}
