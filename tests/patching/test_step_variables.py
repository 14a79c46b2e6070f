from __future__ import annotations

from platform_images.compose.patch import step_shell
from platform_images.patching.image import variable_names


def test_the_steps_of_a_patch_do_not_have_the_variables_of_the_image() -> None:
    assert step_shell(("HOME", "LANG", "LC_ALL", "PATH", "PYTHONPATH")) == [
        *("/usr/bin/env", "-u", "LC_ALL", "-u", "PYTHONPATH"),
        *("/bin/sh", "-c"),
    ]
    assert step_shell(("PATH",)) == step_shell(()) == ["/bin/sh", "-c"]


def test_an_image_s_variables_are_known_by_name() -> None:
    assert variable_names({"Config": {"Env": ["PATH=/bin", "LANG=C.UTF-8", "EMPTY=", "A=b=c"]}}) == (
        *("A", "EMPTY", "LANG", "PATH"),
    )
    assert variable_names({"Config": {"Env": None}}) == variable_names({}) == ()
