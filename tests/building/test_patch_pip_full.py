"""patch_pip.py: one real change against uv, compared with a full build from the changed lock."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from tests.building.records import SITE, row


@pytest.fixture
def uv(project: Path, patch_pip: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """An environment for which uv installs from a folder of wheels."""
    where = tmp_path / "opt/conda/envs/real"
    tool = Path(sys.executable).parent / "uv"
    cache = str(tmp_path / "cache")
    words = [str(tool), "venv", "--no-config", "--offline", "--cache-dir", cache, "--python", sys.executable]
    subprocess.run([*words, str(where)], check=True, capture_output=True)
    monkeypatch.setattr(sys.modules["pip_part"], "UV", str(tool))
    monkeypatch.setattr(sys.modules["pip_part"], "MIRROR", tmp_path / "wheels")
    bytecode = str(project / "platform_images/inside/bytecode.py"), str(tmp_path / "bytecode")
    monkeypatch.setattr(patch_pip.install_group, "BYTECODE", bytecode)
    (tmp_path / "wheels").mkdir()

    (where / "conda-meta").mkdir()
    patch_pip.install_group.own(where, os.getgid())
    sys.modules["manifest"].main(where, where / "conda-meta/platform-images.jsonl", frozenset())
    return SimpleNamespace(prefix=where, folder=tmp_path, patch_pip=patch_pip)


def wheel(folder: Path, name: str, version: str, files: Mapping[str, str], *, script: str = "") -> str:
    """Make a wheel; return its lines of a lock."""
    path, info = folder / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    content = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if script:
        content[f"{info}/entry_points.txt"] = f"[console_scripts]\n{script} = {name}:main\n"
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [*([each, *row(content[each]).split(",")] for each in content), [f"{info}/RECORD", "", ""]]
    )
    with zipfile.ZipFile(path, "w") as archive:
        for each, data in {**content, f"{info}/RECORD": text.getvalue()}.items():
            archive.writestr(each, data)
    return f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def lock_of(folder: Path, *lines: str) -> Path:
    folder.mkdir()
    (folder / "requirements.txt").write_text("--only-binary :all:\n" + "".join(lines))
    return folder


def full_build(uv: SimpleNamespace, name: str, layers: Mapping[str, Mapping[str, str]]) -> None:
    """Lay out the layers of a pip part over the environment, each of some distributions by their lines of the lock."""
    work = uv.folder / name
    work.mkdir()
    lock = lock_of(work / "lock", *(line for lines in layers.values() for line in lines.values()))
    groups = work / "groups.json"
    groups.write_text(json.dumps({dist: layer for layer, lines in layers.items() for dist in lines}))
    uv.patch_pip.plan_pip.main(uv.prefix, lock, groups, work / "plans", [])
    for layer, lines in layers.items():
        place = work / "laid" / layer
        place.mkdir(parents=True)
        group = lock_of(work / layer, *lines.values())
        uv.patch_pip.install_group.install(uv.prefix, place, group, work / "plans" / layer, [])
        uv.patch_pip.install_group.own(place, os.getgid())
        shutil.copytree(place, uv.prefix, symlinks=True, dirs_exist_ok=True)


def state(uv: SimpleNamespace) -> list[str]:
    """Return type, mode, owner and content of all that is there."""
    out: Path = uv.folder / "state.jsonl"
    sys.modules["manifest"].main(uv.prefix, out, frozenset())
    return out.read_text().splitlines()


def test_a_changed_environment_is_what_a_full_build_makes_of_the_changed_lock(
    uv: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = uv.folder / "wheels"
    space = {"space/__init__.py": "'one for all'\n"}
    rest = {
        "beta": wheel(wheels, "beta", "1", {"beta/__init__.py": "b = 1\n", "README": "beta", **space}, script="beta"),
        "zeta": wheel(wheels, "zeta", "1", {"zeta.py": "z = 1\n", "LAST": "zeta", **space}),
    }
    alpha = {"alpha/__init__.py": "a = 1\n", "alpha/same.py": "s = 1\n", "README": "alpha"}
    gone = {"alpha/old/__init__.py": "", "alpha-1.data/data/share/alpha/x": "x"}
    first = wheel(wheels, "alpha", "1", {**alpha, **gone, **space}, script="alpha")
    delta = wheel(wheels, "delta", "1", {"delta/__init__.py": "", **space}, script="delta")
    new = {**alpha, "alpha/__init__.py": "a = 2\n", "alpha/old": "a file", "LAST": "alpha"}
    coming = {
        "alpha": wheel(wheels, "alpha", "2", {**new, **space}, script="alpha2"),
        "eta": wheel(wheels, "eta", "1", {"eta/m.py": "e = 1\n", "README": "eta", "alpha/shared.py": "eta\n"}),
        "iota": wheel(wheels, "iota", "1", {"iota.py": "{{ no python }}\n", "alpha/shared.py": "iota\n"}),
    }
    shutil.copytree(uv.prefix, uv.folder / "conda", symlinks=True)
    full_build(
        uv,
        "after",
        {
            "real.1": {"alpha": coming["alpha"], "beta": rest["beta"]},
            "real.2": {"eta": coming["eta"], "iota": coming["iota"], "zeta": rest["zeta"]},
        },
    )
    expected = state(uv)
    shutil.rmtree(uv.prefix)
    shutil.copytree(uv.folder / "conda", uv.prefix, symlinks=True)
    full_build(
        uv,
        "before",
        {"real.1": {"alpha": first, "beta": rest["beta"]}, "real.2": {"delta": delta, "zeta": rest["zeta"]}},
    )
    assert state(uv) != expected

    wanted = uv.folder / "patch.json"
    wanted.write_text(json.dumps({"remove": ["alpha", "delta"], "install": sorted(coming)}))
    lock = lock_of(uv.folder / "patch", *coming.values())
    kept = (uv.prefix / SITE / "alpha/same.py").stat().st_ino
    uv.patch_pip.main(os.getgid(), uv.prefix, lock, wanted, [])

    assert state(uv) == expected
    assert (uv.prefix / SITE / "alpha/same.py").stat().st_ino == kept
    assert [
        path for path in (uv.folder / "cache").iterdir() if path.name.startswith(("patch-", "plan-", "settle-"))
    ] == []
    run = subprocess.run(
        [uv.prefix / "bin/python", "-B", "-c", "import alpha, eta.m, zeta; print(alpha.a, eta.m.e)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "2 1\n"


def test_a_package_that_only_goes_needs_no_lock(uv: SimpleNamespace) -> None:
    lines = {name: wheel(uv.folder / "wheels", name, "1", {f"{name}/m.py": ""}) for name in ("alpha", "beta")}
    shutil.copytree(uv.prefix, uv.folder / "conda", symlinks=True)
    full_build(uv, "after", {"real.1": {"beta": lines["beta"]}})
    expected = state(uv)
    shutil.rmtree(uv.prefix)
    shutil.copytree(uv.folder / "conda", uv.prefix, symlinks=True)
    full_build(uv, "before", {"real.1": lines})
    wanted = uv.folder / "patch.json"
    wanted.write_text(json.dumps({"remove": ["alpha"], "install": []}))
    uv.patch_pip.main(os.getgid(), uv.prefix, uv.folder / "none", wanted, [])
    assert state(uv) == expected
