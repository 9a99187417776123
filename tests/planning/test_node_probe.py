"""Which of a node's images a probe looks with."""

import pytest

from kuryr_runbook.planning.node_probe import image_with_shell


@pytest.mark.parametrize(
    ("images", "preferred", "chosen"),
    [
        (["r.io/pause:3.9", "docker.io/busybox:1.36"], [], "docker.io/busybox:1.36"),
        (["busybox@sha256:0", "r/kuryr:1"], [], "r/kuryr:1"),
        (["r/python:3", "r/debian:12"], [], "r/debian:12"),
        (["r/busybox:1", "r/ours@sha256:1"], ["r/ours@sha256:1"], "r/ours@sha256:1"),
        (["r/pause:3", "r/busyboxes:1", "r/coredns:1"], [], ""),
        ([], ["r/kuryr:1"], ""),
    ],
)  # fmt: skip
def test_the_surest_image_is_chosen(images: list[str], preferred: list[str], chosen: str) -> None:
    assert image_with_shell(images, preferred) == chosen
