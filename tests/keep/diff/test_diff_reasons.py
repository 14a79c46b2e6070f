from __future__ import annotations

from platform_images.files import json_text, sha256_bytes
from platform_images.keep.diffreasons import chain, lock_reasons, match_specs, npm_request, pip_reasons
from platform_images.keep.diffvalues import Chain, Kind, Reasons
from platform_images.locks.values import Header, Lock, Unit

PIP = """--only-binary :all:

top==1 \\
    --hash=sha256:{}
    # via
    #   -c constraints.txt
    #   -r common/kernel/requirements.in
    #   -r deployments/m/kernels/k/requirements.in
middle[extra]==1
    # via top
Other_One==1
    # via top
deep==1
    # via
    #   middle
    #   other-one
nobody==1
    # via -c constraints.txt
""".format("a" * 64)
REQUESTS = {
    "common/kernel/requirements.in": "top>=1\n",
    "deployments/m/kernels/k/requirements.in": "# first\n\nTOP[all]>=1  # why\n",
}


def lock(scope: str, part: str, **files: str) -> Lock:
    hashes = {name: sha256_bytes(text.encode()) for name, text in files.items()}
    return Lock(unit=Unit(scope=scope, part=part), header=Header(inputs={}, solvers={}, files=hashes), files=files)


def test_a_request_leads_to_what_it_needs_by_the_shortest_way() -> None:
    reasons = pip_reasons(PIP, REQUESTS.get)
    assert reasons.asked == {"top": ("deployments/m/kernels/k/requirements.in", 3)}  # of two files, the mission's own
    assert chain("deep", reasons) == Chain(
        file="deployments/m/kernels/k/requirements.in", line=3, packages=("top", "middle", "deep")
    )
    assert chain("nobody", reasons) is None
    assert chain("unknown", reasons) is None


def test_a_circle_ends() -> None:
    assert chain("a", Reasons(parents={"a": ("b",), "b": ("a",)})) is None


def test_a_file_that_is_not_there_has_no_line() -> None:
    found = chain("top", pip_reasons(PIP, lambda _: None))
    assert found is not None
    assert found.place == "deployments/m/kernels/k/requirements.in"


def test_an_environment_file_in_either_style() -> None:
    text = "channels:\n  - forge\ndependencies:\n  # why\n  - python=3.13\n  - forge::gdal >=3.9\nname: x\n"
    assert match_specs(text) == {"python": 5, "gdal": 6}
    assert match_specs("dependencies: [python=3.13, 'pip']\n") == {"python": 1, "pip": 1}


def test_conda_dependencies() -> None:
    text = (
        "package:\n"
        "- {name: python, version: '3', dependencies: {libffi: '*', __glibc: '*'}, url: e/linux-64/python-3-0.conda,"
        " hash: {md5: a, sha256: b}}\n"
        "- {name: libffi, version: '3', dependencies: {}, url: e/linux-64/libffi-3-0.conda,"
        " hash: {md5: a, sha256: b}}\n"
    )
    file = "deployments/m/kernels/k/environment.yml"
    reasons = lock_reasons(lock("m", "k", **{"conda-lock.yml": text}), {file: "dependencies:\n- python=3\n"}.get)
    assert chain("libffi", reasons[Kind.CONDA]) == Chain(file=file, line=2, packages=("python", "libffi"))


def test_npm_packages_are_looked_for_upwards() -> None:
    entries = {
        "": {"dependencies": {"@s/top": "^1"}},
        "node_modules/@s/top": {"version": "1", "dependencies": {"low": "1", "shared": "2"}},
        "node_modules/@s/top/node_modules/low": {"version": "1", "dependencies": {"shared": "2", "missing": "1"}},
        "node_modules/shared": {"version": "2"},
    }
    held = lock("m", "npm", **{"package-lock.json": json_text({"packages": entries})})
    reasons = lock_reasons(held, {"deployments/m/npm.txt": "# x\n@s/top@^1\n"}.get)[Kind.NPM]
    assert chain("shared", reasons) == Chain(file="deployments/m/npm.txt", line=2, packages=("@s/top", "shared"))
    assert chain("@s/top/node_modules/low", reasons) is not None
    assert [npm_request(line) for line in ("a", "a@1", "@s/a", "@s/a@^1")] == ["a", "a", "@s/a", "@s/a"]


def test_debian_packages_have_a_reason_where_apt_txt_asks_for_them() -> None:
    held = lock("m", "os", **{"packages.json": json_text({"packages": []})})
    reasons = lock_reasons(held, {"deployments/m/apt.txt": "# x\nfiglet  # y\n"}.get)[Kind.DEB]
    assert chain("figlet", reasons) == Chain(file="deployments/m/apt.txt", line=2, packages=("figlet",))
    assert chain("libc6", reasons) is None


def test_notebooks_are_asked_for_in_mission_toml() -> None:
    entry = {"folder": "first", "ref": "main", "commit": "a" * 40}
    held = lock("m", "notebooks", **{"commits.json": json_text({"notebooks": [entry]})})
    text = '[[notebooks]]\nurl = "https://example.org/x"\nfolder = "first"\n'
    reasons = lock_reasons(held, {"deployments/m/mission.toml": text}.get)[Kind.NOTEBOOKS]
    assert chain("first", reasons) == Chain(file="deployments/m/mission.toml", line=3, packages=("first",))
