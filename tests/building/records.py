"""What tests say of installed distributions: where they are, and the rows of their RECORDs."""

from __future__ import annotations

import importlib
import sys

SITE = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"


def row(text: str) -> str:
    """Return what a RECORD says of a file with this text; the programs' folder is on Python's path."""
    return str(importlib.import_module("twin").row(text.encode()))
