from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.slow]
TOKEN = "test-token"
Serve = Callable[[str], AbstractContextManager[tuple[str, int]]]


def client() -> ModuleType:
    spec = importlib.util.spec_from_file_location("jupyter_client_of_tests", Path(__file__).with_name("jupyter.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def look(image: str, lab: str, folder: Path) -> dict[str, list[str]]:
    """Open the lab page of a running container in a headless browser and return the launcher's cards."""
    name = f"{lab}-browser"
    run = ("docker", "run", "--name", name, "--network", f"container:{lab}", "--shm-size", "512m")
    try:
        done = subprocess.run(
            [*run, image, "look", f"http://127.0.0.1:8888/lab?token={TOKEN}", "/home/browser/lab.png"],
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        subprocess.run(["docker", "cp", f"{name}:/home/browser/lab.png", str(folder)], check=True, capture_output=True)
    finally:
        subprocess.run(["docker", "rm", "--force", name], check=True, capture_output=True)
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def notebooks(folder: Path, kernel: str) -> list[Path]:
    """The notebooks that a kernel ships."""
    return sorted((folder / kernel / "tests" / "notebooks").glob("*.ipynb"))


def test_a_notebook_runs_in_each_kernel_of_the_small_image_through_the_server_s_api(
    small_image: str, small_project: Path, serve: Serve, browser_image: str, tmp_path: Path
) -> None:
    with serve(small_image) as (lab, port):
        server = client().Server(port=port, token=TOKEN)
        server.wait()
        names = {name: spec["spec"]["display_name"] for name, spec in server.ask("kernelspecs")["kernelspecs"].items()}
        assert names["new"] == "New Python"
        assert names["old"] == "Old Python & pip-tools"
        where = "import os, sys; print(sys.prefix, os.environ['CONDA_PREFIX'], '%d.%d' % sys.version_info[:2])"
        assert server.run_cell("new", where).split() == ["/opt/conda/envs/new", "/opt/conda/envs/new", "3.13"]
        assert server.run_cell("old", where).split() == ["/opt/conda/envs/old", "/opt/conda/envs/old", "3.11"]
        for kernel in ("new", "old"):
            for path in notebooks(small_project / "deployments" / "small" / "kernels", kernel):
                server.run_notebook(kernel, json.loads(path.read_text(encoding="utf-8")), name=path.name)
        page = server.page("lab")
        cards = look(browser_image, lab, tmp_path)
    assert {"New Python", "Old Python & pip-tools"} <= set(cards["notebook"])
    assert "jupyter-matplotlib" in page, "the browser's part of a kernel's widgets is served"


def test_the_tike_lab_shows_its_kernel_and_runs_science_in_it(
    tike_image: str, project: Path, serve: Serve, browser_image: str, tmp_path: Path
) -> None:
    with serve(tike_image) as (lab, port):
        server = client().Server(port=port, token=TOKEN)
        server.wait()
        assert server.run_cell("tess", "import os; print(os.environ['TF_CPP_MIN_LOG_LEVEL'])").strip() == "2"
        shipped = notebooks(project / "deployments" / "tike" / "kernels", "tess")
        assert shipped
        for path in shipped:
            server.run_notebook("tess", json.loads(path.read_text(encoding="utf-8")), name=path.name)
        cards = look(browser_image, lab, tmp_path)
    assert "TESS" in cards["notebook"]
    assert "TESS" in cards["console"]
