"""The command lines of the programs that are not conda."""

from __future__ import annotations

import argparse


def parser(name: str, text: str, examples: str) -> argparse.ArgumentParser:
    """Return a parser whose help ends with examples."""
    lines = "".join(f"  {line}\n" for line in examples.strip().splitlines())
    return argparse.ArgumentParser(
        prog=name,
        description=text,
        epilog=f"examples:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
