"""Write the environment variables of conda's JSON files as NUL-ended NAME=VALUE pairs, for activation.sh.

variables.py FILE...: each holds {"NAME": "VALUE"}, or, where it is conda-meta/state, {"env_vars": {...}}.
"""
# ruff: noqa: PTH123, T201 - it runs at every start of a kernel, and pathlib is slow to import

import json
import sys

UNSET = "***unset***"


def main(*files):
    """Print the pairs of every file; a later file wins."""
    variables = {}
    for name in files:
        try:
            with open(name, encoding="utf-8") as stream:
                content = json.load(stream)
            variables.update(content.get("env_vars", {}) if name.endswith("/conda-meta/state") else content)
        except (OSError, ValueError, AttributeError, TypeError) as error:
            print(f"{name} cannot be read, its variables are not set: {error}", file=sys.stderr)
    for key, value in variables.items():
        if value != UNSET:
            sys.stdout.write(f"{key}={value}\0")


if __name__ == "__main__":
    main(*sys.argv[1:])
