from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from platform_images.keep.together import answers

HANGS = """
import threading
from platform_images.keep.together import answers
def ask(number):
    if number == 1:
        raise KeyboardInterrupt
    threading.Event().wait()
for each in answers([1, 2, 3], ask, at_once=2):
    pass
"""


def test_answers_come_in_the_order_of_the_questions_so_many_at_once() -> None:
    lock, now, most = threading.Lock(), 0, 0

    def ask(number: int) -> int:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.01 * (number % 3))
        with lock:
            now -= 1
        return number * 2

    assert list(answers(range(12), ask, at_once=3)) == [(number, number * 2) for number in range(12)]
    assert 1 < most <= 3


def test_nothing_is_asked_after_a_failure() -> None:
    asked = []

    def ask(number: int) -> int:
        asked.append(number)
        time.sleep(0.05)
        if number == 0:
            raise ValueError("no answer")
        return number

    with pytest.raises(ValueError, match="no answer"):
        list(answers(range(50), ask, at_once=2))
    time.sleep(0.2)
    assert len(asked) < 10


def test_nothing_to_ask() -> None:
    assert list(answers([], str, at_once=4)) == []


def test_a_question_that_hangs_keeps_no_program_from_ending() -> None:
    done = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=30)
    assert "KeyboardInterrupt" in done.stderr
