from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from platform_images.errors import ExitCode, LockError, PlatformError, PrerequisiteError, UsageError
from platform_images.files import json_text
from platform_images.keep.diff import DiffRequest, run
from platform_images.keep.diffsides import wanted
from tests.keep.diff.locked import Write, conda, conda_lock, deb, debs, git, pin, pip_lock, root_system

SKY = "deployments/survey/kernels/sky/requirements.in"


def result(
    project: Path, capsys: pytest.CaptureFixture[str], request: DiffRequest | None = None, *, code: int = 0
) -> dict[str, dict[str, dict[str, object]]]:
    """Changes by unit and name."""
    request = request or DiffRequest(missions=("survey",))
    assert run(project, request, json=True, markdown=False, exit_code=True) == code
    units = json.loads(capsys.readouterr().out)["units"]
    return {unit["unit"]: {change["name"]: change for change in unit["changes"]} for unit in units}


def upgrade_sky(write_lock: Write) -> None:
    """Newer packages, one that went back, one that came and one that is gone."""
    write_lock(
        "survey",
        "sky",
        **{
            "conda-lock.yml": conda_lock(conda("python", "3.11.2", libffi="*"), conda("libffi", "3.4.4", "h2")),
            "requirements.txt": pip_lock(
                pin("ipykernel", "6.9", "-r common/kernel/requirements.in"),
                pin("lightkurve", "2.6.0", f"-r {SKY}"),
                pin("numpy", "2.3.0", "lightkurve", digest="b"),
                pin("uncertainties", "3.2", "lightkurve"),
            ),
        },
    )


def test_nothing_changed(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert result(repository, capsys) == {}
    request = DiffRequest(missions=("survey",))
    for markdown in (False, True):
        assert run(repository, request, json=False, markdown=markdown, exit_code=True) == 0
        assert capsys.readouterr().out == "Nothing changed from HEAD to the locks here.\n"


def test_every_sort_of_change_of_an_environment(
    repository: Path, write_lock: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    upgrade_sky(write_lock)
    found = result(repository, capsys, code=1)
    assert list(found) == ["survey/sky"]
    shown = {
        name: (change["kind"], change["change"], change["level"], change["downgrade"])
        for name, change in found["survey/sky"].items()
    }
    assert shown == {
        "libffi": ("conda", "changed", "build", False),
        "ipykernel": ("pip", "changed", "major", True),
        "lightkurve": ("pip", "changed", "minor", False),
        "memoization": ("pip", "removed", None, False),
        "numpy": ("pip", "changed", "build", False),
        "uncertainties": ("pip", "added", None, False),
    }
    changes = found["survey/sky"]
    assert changes["uncertainties"]["asked_for_by"] == {
        "file": SKY,
        "line": 2,
        "packages": ["lightkurve", "uncertainties"],
    }
    assert changes["libffi"]["asked_for_by"] == {
        "file": "deployments/survey/kernels/sky/environment.yml",
        "line": 3,
        "packages": ["python", "libffi"],
    }
    assert changes["libffi"]["from"] == {"version": "3.4.4", "build": "h1", "licence": None, "size": None}


def test_what_is_gone_was_asked_for_where_it_was_then(
    repository: Path, write_lock: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / SKY).write_text("numpy\n", encoding="utf-8")
    write_lock("survey", "sky", **{"requirements.txt": pip_lock(pin("numpy", "2.3.0", f"-r {SKY}"))})
    found = result(repository, capsys, code=1)["survey/sky"]
    assert found["lightkurve"]["asked_for_by"] == {"file": SKY, "line": 2, "packages": ["lightkurve"]}


def test_other_kinds(repository: Path, write_lock: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write_lock("common", "root", **{"packages.json": root_system(source="forky")})
    write_lock("survey", "os", **{"packages.json": debs(deb("figlet", "2.2.6-1", size=2000))})
    entries = {"": {"dependencies": {"outer": "^1"}}, "node_modules/outer": {"version": "1.1.0", "license": "BSD"}}
    write_lock("survey", "npm", **{"package-lock.json": json_text({"packages": entries})})
    one = {"notebooks": [{"folder": "first", "ref": "main", "commit": "a" * 40}]}
    write_lock("survey", "notebooks", **{"commits.json": json_text(one)})
    found = result(repository, capsys, code=1)
    assert list(found) == ["common/root", "survey/os", "survey/npm", "survey/notebooks"]
    assert found["common/root"]["suite"]["level"] == "other"
    assert found["survey/os"]["figlet"]["level"] == "patch"
    assert found["survey/os"]["figlet"]["asked_for_by"] == {
        "file": "deployments/survey/apt.txt",
        "line": 1,
        "packages": ["figlet"],
    }
    assert found["survey/os"]["libfig"]["asked_for_by"] is None
    assert found["survey/npm"]["outer"]["to"] == {"version": "1.1.0", "build": None, "licence": "BSD", "size": None}
    assert found["survey/npm"]["outer/node_modules/inner"]["change"] == "removed"
    assert found["survey/notebooks"]["first"]["change"] == "added"


def test_the_image_of_a_root(repository: Path, write_lock: Write, capsys: pytest.CaptureFixture[str]) -> None:
    for digest in ("1", "2"):
        system = root_system(provider="image", source="debian:trixie-slim", digest=f"sha256:{digest * 64}")
        write_lock("common", "root", **{"packages.json": system})
        if digest == "1":
            git(repository, "commit", "--quiet", "--all", "-m", "Another root")
    assert run(repository, DiffRequest(missions=("survey",)), json=False, markdown=False, exit_code=False) == 0
    assert "debian:trixie-slim  other   sha256:111111111111  sha256:222222222222" in capsys.readouterr().out


def test_a_lock_that_differs_in_no_package(
    repository: Path, write_lock: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lock("common", "root", **{"packages.json": root_system(epoch=2)})
    assert result(repository, capsys, code=1) == {"common/root": {}}
    assert run(repository, DiffRequest(missions=("survey",)), json=False, markdown=False, exit_code=False) == 0
    assert "common/root: the same packages, otherwise recorded" in capsys.readouterr().out


def test_since_takes_any_revision(repository: Path, write_lock: Write, capsys: pytest.CaptureFixture[str]) -> None:
    git(repository, "tag", "2026.1")
    upgrade_sky(write_lock)
    git(repository, "commit", "--quiet", "--all", "-m", "Move on")
    assert result(repository, capsys) == {}
    for ref in ("2026.1", "main~1", git(repository, "rev-parse", "2026.1").strip()):
        assert list(result(repository, capsys, DiffRequest(missions=("survey",), since=ref), code=1)) == ["survey/sky"]


def test_only_some_kernels(repository: Path, write_lock: Write, capsys: pytest.CaptureFixture[str]) -> None:
    upgrade_sky(write_lock)
    write_lock("survey", "sea", **{"requirements.txt": pip_lock(pin("xarray", "2026.5.0"))})
    assert list(result(repository, capsys, code=1)) == ["survey/sea", "survey/sky"]
    request = DiffRequest(missions=("survey",), kernels=("sea",))
    assert list(result(repository, capsys, request, code=1)) == ["survey/sea"]
    with pytest.raises(UsageError, match="no kernel 'sae'"):
        run(repository, DiffRequest(missions=("survey",), kernels=("sae",)), json=True, markdown=False, exit_code=False)


def test_a_mission_that_was_not_there_is_new(
    repository: Path, write_lock: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(repository / "deployments" / "survey", repository / "deployments" / "north")
    write_lock("north", "sky", **{"requirements.txt": pip_lock(pin("numpy", "2.3.0"))})
    found = result(repository, capsys, DiffRequest(missions=("north",)), code=1)
    assert [change["change"] for change in found["north/sky"].values()] == ["added"]
    assert list(result(repository, capsys, DiffRequest(), code=1)) == ["north/sky"]


def test_every_mission_also_one_that_is_gone(
    repository: Path, write_lock: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lock("project", "hub", **{"requirements.txt": ""})  # no part of an image
    assert result(repository, capsys, DiffRequest()) == {}
    for top in ("deployments", "locks"):
        shutil.rmtree(repository / top / "survey")
    found = result(repository, capsys, DiffRequest(), code=1)
    assert list(found) == ["survey/os", "survey/npm", "survey/sea", "survey/sky"]
    assert {change["change"] for unit in found.values() for change in unit.values()} == {"removed"}


def refused(project: Path, request: DiffRequest) -> PlatformError:
    with pytest.raises(PlatformError) as told:
        run(project, request, json=False, markdown=False, exit_code=False)
    assert told.value.fix
    return told.value


@pytest.mark.parametrize("ref", ["nowhere", "--output=x", "HEAD:platform.toml", "v1..v2"])
def test_a_revision_that_is_not_there(repository: Path, ref: str) -> None:
    error = refused(repository, DiffRequest(missions=("survey",), since=ref))
    assert error.exit_code == ExitCode.USAGE
    assert error.what.startswith(f"git knows no commit {ref!r} here")
    assert not (repository / "x").exists()


def test_a_folder_without_a_repository(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(repository / ".git")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(repository.parent))
    error = refused(repository, DiffRequest(missions=("survey",)))
    assert isinstance(error, UsageError)
    assert "does not take this project's folder for a checkout" in error.what


def test_a_machine_without_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert isinstance(refused(repository, DiffRequest(missions=("survey",))), PrerequisiteError)


def test_a_project_below_the_top_of_its_repository(
    tmp_path: Path, repository: Path, write_lock: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(repository / ".git")
    git(tmp_path, "init", "--quiet", str(tmp_path))
    git(tmp_path, "add", "project")
    git(tmp_path, "commit", "--quiet", "-m", "Begin")
    upgrade_sky(write_lock)
    assert list(result(repository, capsys, code=1)) == ["survey/sky"]


def test_damaged_locks(repository: Path) -> None:
    path = repository / "locks" / "survey" / "sky" / "requirements.txt"
    path.write_text("numpy==1\n", encoding="utf-8")
    error = refused(repository, DiffRequest(missions=("survey",)))
    assert isinstance(error, LockError)
    assert "git restore locks/survey/sky" in (error.fix or "")
    git(repository, "commit", "--quiet", "--all", "-m", "Damage")
    git(repository, "checkout", "--quiet", "HEAD~1", "--", "locks")
    error = refused(repository, DiffRequest(missions=("survey",)))
    assert error.what.startswith("At HEAD: The lock of survey/sky is damaged")
    assert "--since REF" in (error.fix or "")


def test_one_image_is_not_compared() -> None:
    with pytest.raises(UsageError, match="Two images"):
        run(Path(), DiffRequest(images=("tike:latest",)), json=False, markdown=False, exit_code=False)


def test_of_a_revision_only_locks_and_requests_are_read() -> None:
    paths = ("locks/m/os/lock.json", "deployments/m/apt.txt", "deployments/m/kernels/k/environment.yml", "common/x.in")
    others = ("deployments/m/home/data.txt", "deployments/m/kernels/k/tests/imports.txt", "common/channel/a.conda", "")
    assert wanted((*paths, *others)) == paths
