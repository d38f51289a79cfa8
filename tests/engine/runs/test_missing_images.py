"""Images that docker could not get, found in its messages."""

from __future__ import annotations

import pytest

from dx_local.engine.runs.missing_images import missing_images

SOUGHT = "Unable to find image 'you/tool:1.0' locally"


@pytest.mark.parametrize(
    ("lines", "images"),
    [
        (
            [SOUGHT, "docker: pull access denied for you/tool, or there is no image you/tool:1.0"],
            ["you/tool:1.0"],
        ),
        ([SOUGHT, "docker: you/tool:1.0: the registry docker.io cannot be reached: x"], ["you/tool:1.0"]),
        (["docker: quay.io/a/b@sha256:0f: the registry answers 500 x"], ["quay.io/a/b@sha256:0f"]),
        (
            [
                SOUGHT,
                "docker: Error response from daemon: pull access denied for you/tool, repository does not",
            ],
            ["you/tool:1.0"],
        ),
        (
            [SOUGHT, "docker: Error response from daemon: Get https://registry-1.docker.io/v2/: dial"],
            ["you/tool:1.0"],
        ),
        (["Error response from daemon: manifest for tool:9 not found: manifest unknown"], ["tool:9"]),
        (
            ["Error response from daemon: No such image: tool:9", "x", "No such image: other:1"],
            ["tool:9", "other:1"],
        ),
        ([SOUGHT, "1.0: Pulling from you/tool", "Status: Downloaded newer image for you/tool:1.0"], []),
        (["no such file: image.tar", "the registry is unused"], []),
    ],
)
def test_images_are_found_in_the_messages_of_docker(lines: list[str], images: list[str]) -> None:
    assert missing_images(lines) == images
