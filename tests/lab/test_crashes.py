"""Killed anywhere, or answered by any fault, a removal and an installation come to the same end.

One phase and one call at a time: see test_crash_points.py.

Each test takes the lab as the one before left it: with Kuryr, bare, with Kuryr again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from faults.crashing import KILLED, MOST_KILLS, finished, killed_until_done, run
from worlds.lab import changes, shape, world

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.site import Site

pytestmark = [pytest.mark.lab, pytest.mark.slow]


@dataclass(frozen=True, slots=True)
class Lab:
    """The lab that is broken and mended here."""

    site: Site
    cloud: OpenStackClient
    cluster: KubernetesClient
    bare: dict[str, dict[str, str]]
    """The world before any Kuryr."""

    def shape(self) -> list[str]:
        return shape(self.cloud, self.cluster)


@pytest.fixture
def lab(
    kuryr: Site,
    before_kuryr: dict[str, dict[str, str]],
    cloud: OpenStackClient,
    cluster: KubernetesClient,
) -> Lab:
    return Lab(kuryr, cloud, cluster, before_kuryr)


@pytest.fixture(scope="module", autouse=True)
def with_kuryr_again(kuryr_run: Path) -> Iterator[None]:
    """Afterwards Kuryr is installed, for the tests that follow."""
    yield
    for phase in ("openstack_prep", "controller", "daemon"):
        finished(phase)


@pytest.fixture(scope="module")
def of_a_clean_run(kuryr_run: Path, cloud: OpenStackClient, cluster: KubernetesClient) -> list[str]:
    return shape(cloud, cluster)


def test_a_teardown_that_is_killed_at_every_call_takes_all_away(
    lab: Lab, of_a_clean_run: list[str]
) -> None:
    assert killed_until_done("teardown") > 10
    assert changes(lab.bare, world(lab.cloud, lab.cluster)) == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("phase", ["openstack_prep", "controller", "daemon"])
def test_a_phase_that_is_killed_at_every_call_is_installed(lab: Lab, phase: str) -> None:
    assert killed_until_done(phase) > 4


@pytest.mark.exhaustive
def test_a_killed_verification_leaves_nothing(lab: Lab, of_a_clean_run: list[str]) -> None:
    kills = 0
    while not _workload(lab):
        assert run("verification", fault="kill", at=1).returncode == KILLED
        kills += 1
        assert kills < MOST_KILLS
    # The next call that changes something deletes the namespace again.
    assert run("verification", fault="kill", at=1).returncode == KILLED
    finished("verification")
    assert lab.shape() == of_a_clean_run


def _workload(lab: Lab) -> list[Manifest]:
    namespace = lab.site.verification.namespace
    return lab.cluster.list_objects("apps/v1", "Deployment", namespace=namespace)


@pytest.mark.exhaustive
def test_faults_of_all_kinds_are_survived_by_removal_and_installation(
    lab: Lab, of_a_clean_run: list[str]
) -> None:
    finished("teardown", fault="mixed")
    assert changes(lab.bare, world(lab.cloud, lab.cluster)) == []
    for phase in ("openstack_prep", "controller", "daemon"):
        finished(phase, fault="mixed")
    assert lab.shape() == of_a_clean_run
