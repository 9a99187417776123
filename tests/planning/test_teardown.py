"""What teardown does about the nodes' disks, wherever an earlier one was cut off."""

from typing import Any

import pytest
from worlds.sites import lab_site

from kuryr_runbook.planning.teardown import node_files_removal
from kuryr_runbook.specs.daemon import cleaner_manifest, daemon_manifests

SITE = lab_site()
IMAGE = "registry.example.org/kuryr@sha256:1"
DAEMON = daemon_manifests(SITE, IMAGE, "")[-1]
CLEANER = cleaner_manifest(SITE, IMAGE)


@pytest.mark.parametrize(
    ("there", "steps"),
    [
        ([], []),
        (
            [DAEMON],
            [
                "create DaemonSet kube-system/kuryr-cleaner",
                "delete DaemonSet kube-system/kuryr-daemon",
                "delete node_files",
            ],
        ),
        ([DAEMON, CLEANER], ["delete DaemonSet kube-system/kuryr-daemon", "delete node_files"]),
        ([CLEANER], ["delete node_files"]),
    ],
)
def test_the_cleaner_comes_before_the_daemon_goes(
    there: list[dict[str, Any]], steps: list[str]
) -> None:
    stages = node_files_removal(SITE, there)
    reported = [f"{step.action} {step.target}" for stage in stages for step in stage]
    assert [line.partition(" CNI")[0] for line in reported] == steps


def test_it_is_made_of_the_daemons_image() -> None:
    [[start], *_] = node_files_removal(SITE, [DAEMON])
    assert start.body == CLEANER
