"""When a Deployment or DaemonSet counts as rolled out."""

from typing import Any

import pytest

from kuryr_runbook.phases.waits.rollout import progress, rolled_out


def deployment(**status: int) -> dict[str, Any]:
    return {
        "kind": "Deployment",
        "metadata": {"name": "kuryr-controller", "generation": 2},
        "spec": {"replicas": 1},
        "status": {
            "observedGeneration": 2,
            "replicas": 1,
            "updatedReplicas": 1,
            "availableReplicas": 1,
            **status,
        },
    }


def daemon_set(**status: int) -> dict[str, Any]:
    return {
        "kind": "DaemonSet",
        "metadata": {"name": "kuryr-daemon", "generation": 1},
        "spec": {},
        "status": {
            "observedGeneration": 1,
            "desiredNumberScheduled": 2,
            "updatedNumberScheduled": 2,
            "numberAvailable": 2,
            **status,
        },
    }


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (deployment(), True),
        (deployment(observedGeneration=1), False),
        (deployment(replicas=2), False),
        (deployment(updatedReplicas=0), False),
        (deployment(availableReplicas=0), False),
        ({**deployment(), "status": {}}, False),
        (daemon_set(), True),
        (daemon_set(observedGeneration=0), False),
        (daemon_set(updatedNumberScheduled=1), False),
        (daemon_set(numberAvailable=1), False),
        (daemon_set(desiredNumberScheduled=0, numberAvailable=0, updatedNumberScheduled=0), False),
        ({**daemon_set(), "status": {}}, False),
    ],
)
def test_rolled_out_means_all_new_pods_and_no_old_one(item: dict[str, Any], expected: bool) -> None:
    assert rolled_out(item) is expected


def test_progress_says_how_far_it_is() -> None:
    assert progress(deployment(availableReplicas=0)).endswith("0 of 1 pod available")
    assert progress(daemon_set(numberAvailable=1)).endswith("1 of 2 pods available")
