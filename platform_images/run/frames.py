"""What a container writes, as it writes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from docker.models.containers import Container

STDERR = 2
Frame = tuple[int, bytes]


@contextmanager
def attached(container: Container) -> Iterator[Iterator[Frame]]:
    """Give what a container will write, as (1 or ``STDERR``, bytes); before it starts, so that nothing is lost."""
    from docker.utils.socket import frames_iter

    stream = container.attach_socket(params={"stdout": 1, "stderr": 1, "stream": 1})
    try:
        yield cast(Iterator[Frame], frames_iter(stream, tty=False))  # type: ignore[no-untyped-call]
    finally:
        inner = getattr(stream, "_sock", None)  # on a local engine, a file around the socket: both are open
        stream.close()
        if inner is not None:
            inner.close()
