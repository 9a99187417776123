"""Killed anywhere, or answered by any fault, the runbook comes to the same end.

Each test takes the lab as the one before left it: with Kuryr, bare, with Kuryr again.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lab_world import changes, shape, world

from kuryr_runbook.clients.kubernetes import KubernetesClient
from kuryr_runbook.clients.openstack import OpenStackClient
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.openstack_prep import OpenStackPrep
from kuryr_runbook.phases.teardown import Teardown

pytestmark = [pytest.mark.lab, pytest.mark.slow]

REPOSITORY = Path(__file__).parents[2]
SECONDS = 420
MOST_KILLS = 100
KILLED = -signal.SIGKILL
SURVIVED = ("500", "503", "429", "done-500", "lost", "reset", "token")


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

    def prepare(self) -> OpenStackPrep:
        phase = OpenStackPrep(**dict(self.site))
        phase.plan()
        phase.apply()
        phase.check()
        return phase

    def bring_down(self) -> None:
        phase = Teardown(**dict(self.site))
        phase.plan()
        phase.apply()
        phase.check()
        assert changes(self.bare, world(self.cloud, self.cluster)) == []


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


@pytest.fixture
def bare_lab(lab: Lab) -> Lab:
    """The same, without Kuryr."""
    lab.bring_down()
    return lab


@pytest.fixture(scope="module")
def of_a_clean_run(kuryr_run: Path, cloud: OpenStackClient, cluster: KubernetesClient) -> list[str]:
    return shape(cloud, cluster)


def run(phase: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, REPOSITORY / "tests" / "faulty_run.py", phase, json.dumps(options)]
    environment = {"PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        cwd=REPOSITORY,
        env={**os.environ, **environment},
    )


def finished(phase: str, **options: object) -> int:
    """Run it to its end; gives the number of calls that changed something."""
    done = run(phase, **options)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return int(done.stdout.splitlines()[-1])


def killed_until_done(phase: str) -> int:
    """Kill it at each first call that changes something; gives how often that was."""
    for kills in range(MOST_KILLS):
        done = run(phase, fault="kill", at=1)
        if done.returncode != KILLED:
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
            return kills
    raise AssertionError(f"{phase} does not come to an end: {done.stdout[-2000:]}")


def test_a_teardown_that_is_killed_at_every_call_takes_all_away(
    lab: Lab, of_a_clean_run: list[str]
) -> None:
    assert killed_until_done("teardown") > 10
    assert changes(lab.bare, world(lab.cloud, lab.cluster)) == []


@pytest.mark.exhaustive
def test_openstack_prep_killed_once_at_each_call_comes_to_the_same_end(bare_lab: Lab) -> None:
    calls = finished("openstack_prep")
    clean = bare_lab.shape()
    bare_lab.bring_down()
    for call in range(1, calls + 1):
        assert run("openstack_prep", fault="kill", at=call).returncode == KILLED
        bare_lab.prepare()
        assert bare_lab.shape() == clean, f"killed at call {call} of {calls}"
        bare_lab.bring_down()


@pytest.mark.exhaustive
@pytest.mark.parametrize("fault", SURVIVED)
def test_openstack_prep_survives(bare_lab: Lab, fault: str) -> None:
    finished("openstack_prep", fault=fault)
    assert OpenStackPrep(**dict(bare_lab.site)).make_plan().changes == ()


@pytest.mark.exhaustive
def test_openstack_prep_waits_for_a_slow_answer(bare_lab: Lab) -> None:
    finished("openstack_prep", fault="stall", at=1)


@pytest.mark.exhaustive
def test_a_conflict_stops_with_a_clear_message_and_the_next_run_goes_on(bare_lab: Lab) -> None:
    done = run("openstack_prep", fault="409", at=3)
    assert done.returncode == 1
    assert "answered 409 to" in done.stderr
    assert "not reached" in done.stderr
    bare_lab.prepare()
    bare_lab.bring_down()


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


def _workload(lab: Lab) -> list[dict[str, Any]]:
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
