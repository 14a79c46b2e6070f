"""What steps see of build contexts in a real engine, which keeps what was sent to it before."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_images.building.context import write_context
from platform_images.compose.values import ContextFile
from platform_images.engine.buildx import BuildRun, build, contexts
from platform_images.model import load_platform

pytestmark = [pytest.mark.engine, pytest.mark.slow]

DOCKERFILE = "FROM scratch\nCOPY --from=composed /packages/ /\n"
EPOCH = 1700000000


@pytest.mark.parametrize("version", ["3.19", "3.20", "3.19"])
def test_a_file_of_the_same_name_size_and_epoch_is_sent_again_where_its_content_is_another(
    version: str, project: Path, tmp_path: Path
) -> None:
    with contexts("main", "composed") as (main, composed):
        file = ContextFile(path="packages/requirements.txt", text=f"idna=={version}\n")
        write_context(composed, (file,), epoch=EPOCH)
        run = BuildRun(
            name="sent",
            dockerfile=DOCKERFILE,
            context=main,
            contexts={"composed": composed},
            platform=load_platform(project).settings.platform,
            epoch=EPOCH,
            export=tmp_path,
        )
        build(run, say=lambda _: None)
    assert (tmp_path / "requirements.txt").read_text() == f"idna=={version}\n"
