"""Start a user's kernel, or one that says in the notebook why that cannot be."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from usertools import health, image, kernelrecord
from usertools.errors import become, usage
from usertools.kernelrecord import VENV

_IN_VENV = 'export PATH="$VIRTUAL_ENV/bin:$PATH"; exec "$@"'


def main(argv: list[str]) -> NoReturn:
    """Become the kernel: start-kernel PREFIX -f CONNECTION_FILE."""
    if len(argv) < 3:
        raise usage("start-kernel PREFIX -f CONNECTION_FILE", fix="kernel.json of a kernel calls it")
    prefix, options = Path(argv[0]), argv[1:]
    record = kernelrecord.read(prefix)
    name = record.name if record is not None else prefix.name
    found = health.problem(name, prefix)
    if found is not None:
        from usertools import messagekernel

        text = found.text(name)
        sys.stderr.write(f"{text}\n")
        messagekernel.serve(text, options)
        sys.exit(1)
    words = ["python", "-m", "ipykernel_launcher", *options]
    if record is not None and record.kind == VENV:
        os.environ["VIRTUAL_ENV"] = str(prefix)
        words = [record.interpreter or "base", "/bin/bash", "-c", _IN_VENV, "bash", *words]
    else:
        words = [str(prefix), *words]
    become(image.ACTIVATED, words)
