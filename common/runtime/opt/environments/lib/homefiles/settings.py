"""What the image was given for the start of a user's server: ``etc/post-start.json``."""

import json
import os


def read(environments: str) -> "dict[str, list[dict[str, object]]]":
    """Return the folders of notebooks and the data sets; none where the image was given none.

    Raises:
        ValueError: The file is not what the build writes.
    """
    try:
        with open(os.path.join(environments, "etc", "post-start.json"), encoding="utf-8") as stream:
            found = json.load(stream)
    except FileNotFoundError:
        found = {}
    return {name: list(found.get(name, ())) for name in ("notebooks", "data")}
