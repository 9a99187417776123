"""The lab as a whole: repaired, stopped and continued, grown, shrunk, and gone without a trace."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.lab_of_tests import LabOfTests
from worlds import host as host_world

from kuryr_runbook.lab import identities, lifecycle, ownership
from kuryr_runbook.lab.lifecycle import Status
from kuryr_runbook.lab.processes import Supervisor
from kuryr_runbook.lab.settings import OPENSTACK_RELEASES, LabSettings
from kuryr_runbook.model.errors import LabError, UsageError

if TYPE_CHECKING:
    from openstack.connection import Connection

pytestmark = pytest.mark.lab

DEADLINE = 60.0


def status(settings: LabSettings) -> Status:
    found = lifecycle.status(settings)
    assert found is not None
    return found


def unwell(settings: LabSettings) -> list[str]:
    found = status(settings)
    assert found.complete
    return [f"{s.program.name}: {s.seen}" for s in found.programs if not s.well]


def pids(settings: LabSettings) -> dict[str, int]:
    return {s.program.name: s.pid for s in status(settings).programs}


def quiet(_: str) -> None:
    return


def test_every_program_is_well(settings: LabSettings) -> None:
    assert unwell(settings) == []
    names = set(pids(settings))
    assert {
        "keystone",
        "neutron",
        "octavia",
        "ovsdb",
        "ovs-vswitchd",
        "compute",
        "registry",
        "etcd",
    } <= names
    assert {f"kubelet-{worker}" for worker in settings.worker_names} <= names
    assert all(s.pid > 0 and s.memory > 0 for s in status(settings).programs)


def test_up_again_changes_nothing(settings: LabSettings) -> None:
    before = pids(settings)
    lifecycle.up(settings, quiet)
    assert pids(settings) == before


@pytest.mark.parametrize(
    "name", ["etcd", "keystone", "neutron", "compute", "registry", "containerd-worker1"]
)
def test_what_is_killed_comes_back_by_itself(settings: LabSettings, name: str) -> None:
    killed = pids(settings)[name]
    os.kill(killed, signal.SIGKILL)
    deadline = time.monotonic() + DEADLINE
    while pids(settings)[name] in (0, killed) or unwell(settings):
        assert time.monotonic() < deadline, unwell(settings)
        time.sleep(0.5)


def test_up_repairs_a_lab_whose_supervisor_was_killed(settings: LabSettings) -> None:
    before = pids(settings)
    daemon = int((settings.state / "supervisor" / "supervisord.pid").read_text())
    os.kill(daemon, signal.SIGKILL)
    deadline = time.monotonic() + DEADLINE
    while identities.identity(daemon):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not status(settings).well
    lifecycle.up(settings, quiet)
    assert unwell(settings) == []
    assert not set(before.values()) & set(pids(settings).values())
    assert not any(identities.identity(pid) for pid in before.values())


def test_down_keeps_what_the_lab_holds(settings: LabSettings, k8s: Connection) -> None:
    before = {network.id for network in k8s.network.networks()}
    lifecycle.down(settings, quiet)
    assert {s.state for s in status(settings).programs} == {"STOPPED"}
    assert status(settings).other_memory == 0
    assert not Supervisor(settings).running
    lifecycle.up(settings, quiet)
    assert unwell(settings) == []
    assert {network.id for network in k8s.network.networks()} == before


def test_two_changes_at_once_are_refused(settings: LabSettings) -> None:
    with ownership.exclusively("lab up"), pytest.raises(LabError, match="another command"):
        lifecycle.up(settings, quiet)


def test_a_second_lab_is_refused_and_nothing_is_changed(
    settings: LabSettings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = LabSettings(
        state=tmp_path_factory.mktemp("other") / "state", cache=tmp_path_factory.mktemp("cache")
    )
    before = pids(settings)
    with pytest.raises(UsageError, match="has a lab already"):
        lifecycle.up(other, quiet)
    with pytest.raises(LabError, match="not in"):
        lifecycle.destroy(other, quiet)
    assert not other.state.exists()
    assert pids(settings) == before


def test_another_release_is_refused_and_nothing_is_changed(settings: LabSettings) -> None:
    before = pids(settings)
    other = next(it for it in OPENSTACK_RELEASES if it != settings.openstack)
    with pytest.raises(UsageError, match=f"runs OpenStack {settings.openstack}, not {other}"):
        lifecycle.up(replace(settings, openstack=other), quiet)
    assert pids(settings) == before


@pytest.fixture
def three_workers(settings: LabSettings) -> Iterator[LabSettings]:
    more = replace(settings, workers=3)
    lifecycle.up(more, quiet)
    yield more
    lifecycle.up(settings, quiet)
    assert not [name for name in pids(settings) if "worker3" in name]
    assert unwell(settings) == []


@pytest.mark.slow
def test_a_worker_comes_and_goes(three_workers: LabSettings, settings: LabSettings) -> None:
    if settings.workers > 2:
        pytest.skip(f"this lab has {settings.workers} workers of its own")
    assert unwell(three_workers) == []
    assert "kubelet-worker3" in pids(three_workers)


def test_destroy_leaves_nothing_behind(lab_of_tests: LabOfTests) -> None:
    if not lab_of_tests.may_go or lab_of_tests.before is None:
        pytest.skip("the lab was up before these tests, or is to be kept")
    lifecycle.destroy(lab_of_tests.settings, quiet)
    after = host_world.read(lab_of_tests.settings)
    assert host_world.changes(lab_of_tests.before, after) == []
    assert not lab_of_tests.settings.state.exists()
    lifecycle.destroy(lab_of_tests.settings, quiet)
