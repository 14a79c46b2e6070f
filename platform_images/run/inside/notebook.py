"""Run one notebook through a Jupyter kernel with papermill: notebook.py NOTEBOOK FOLDER KERNEL TIMEOUT.

Writes FOLDER/executed.ipynb, and FOLDER/summary.json where it fails. Sockets in the file system instead of TCP ports
keep kernels that start at the same moment from taking each other's port.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import papermill
from nbclient.exceptions import DeadKernelError  # type: ignore[import-not-found]
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config  # type: ignore[import-not-found]

LAST_LINES = 30
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_HERE = re.compile(r"^-+> *\d+ +(?P<code>.+)$", re.MULTILINE)


def main(notebook: str, folder: str, kernel: str, timeout: str) -> int:
    """Run the notebook and return an exit code."""
    executed = Path(folder) / "executed.ipynb"
    try:
        papermill.execute_notebook(
            notebook,
            str(executed),
            kernel_name=kernel,
            progress_bar=False,
            start_timeout=int(timeout),
            config=Config({"KernelManager": {"transport": "ipc"}}),
        )
    except PapermillExecutionError as error:
        detail = "\n".join(error.traceback) or said(executed)
        reason = why(str(error.ename), str(error.evalue), _COLOUR.sub("", detail), told=bool(error.traceback))
        return failed(folder, f"cell {error.cell_index + 1}: {reason}", detail)
    except DeadKernelError as error:
        return failed(folder, f"DeadKernelError: {first_line(str(error))}", str(error), killed=True)
    except Exception as error:  # a file that is no notebook, a kernel that does not start: the summary says it
        return failed(folder, f"{type(error).__name__}: {first_line(str(error))}", str(error))
    return 0


def failed(folder: str, message: str, detail: str, *, killed: bool = False) -> int:
    """Write why the notebook failed, and whether something may have killed it."""
    lines = _COLOUR.sub("", detail).splitlines()[-LAST_LINES:]
    summary = {"message": _COLOUR.sub("", message), "detail": "\n".join(lines), "killed": killed}
    Path(folder, "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    return 1


def why(name: str, value: str, detail: str, *, told: bool) -> str:
    """Return a cell's failure in one line: what was raised and why, else the line of code, else what was said."""
    if not told:
        return last_line(detail) or name
    here = _HERE.findall(detail)
    reason = first_line(value) or (here[-1].strip() if here else "")
    return f"{name}: {reason}" if reason else name


def said(executed: Path) -> str:
    """Return what the cell that failed wrote to standard error: there IPython tells of an unknown magic command."""
    cells = json.loads(executed.read_text(encoding="utf-8"))["cells"]
    failing = [cell for cell in cells if cell["metadata"].get("papermill", {}).get("exception")]
    outputs = [output for cell in failing for output in cell.get("outputs", ())]
    return "".join("".join(output["text"]) for output in outputs if output.get("name") == "stderr")


def last_line(text: str) -> str:
    """Return the last line that holds something."""
    return first_line("\n".join(reversed(text.splitlines())))


def first_line(text: str) -> str:
    """Return the first line that holds something."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
