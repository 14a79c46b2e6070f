"""What tests say of installed distributions: where they are, and the rows of their RECORDs."""

from __future__ import annotations

import sys

SITE = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"


def row(text: str) -> str:
    return str(importlib.import_module("twin").row(text.encode()))
