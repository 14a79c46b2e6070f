"""Several questions at a time, which an interruption leaves at once: no answer that hangs is waited for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import TypeVar

K = TypeVar("K")
T = TypeVar("T")


def answers(questions: Iterable[K], ask: Callable[[K], T], *, at_once: int) -> Iterator[tuple[K, T]]:
    """Yield each question with its answer, in order; the first that fails ends it, and no further one is asked.

    Those who ask are daemon threads: an executor's would be waited for, also when the program ends.
    """
    calls: list[tuple[K, Future[T]]] = [(question, Future()) for question in questions]
    todo = deque(calls)

    def work() -> None:
        while True:
            try:
                question, call = todo.popleft()
            except IndexError:
                return
            try:
                call.set_result(ask(question))
            except BaseException as error:
                call.set_exception(error)

    for _ in range(min(at_once, len(calls))):
        threading.Thread(target=work, daemon=True).start()
    try:
        for question, call in calls:
            yield question, call.result()
    finally:
        todo.clear()
