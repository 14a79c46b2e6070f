"""patch_pip.py: one real change against uv, compared with a full build from the changed lock."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.building.records import SITE
from tests.building.wheels import lock_of, wheel


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
