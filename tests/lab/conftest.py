"""The lab for the tests that are marked `lab`: one for all of them, brought up if there is none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import host_world
import pytest
from host_world import World

from kuryr_runbook.clients.kubernetes import KubernetesClient
from kuryr_runbook.clients.openstack import OpenStackClient
from kuryr_runbook.lab import lifecycle, openstack
from kuryr_runbook.lab.remembering import remembered
from kuryr_runbook.lab.settings import LabSettings

if TYPE_CHECKING:
    from openstack.connection import Connection

KEEP = "KURYR_RUNBOOK_KEEP_LAB"
"""Environment variable: leave the lab up that these tests brought up."""
LAST = "test_destroy_leaves_nothing_behind"


@dataclass(frozen=True, slots=True)
class LabOfTests:
    """The lab that the tests use."""

    settings: LabSettings
    before: World | None
    """The machine before the tests brought the lab up; None when it was up."""

    @property
    def may_go(self) -> bool:
        """Whether it is the tests' own, and not to be kept."""
        return self.before is not None and not os.environ.get(KEEP)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The test that destroys the lab comes when no other needs it any more."""
    items.sort(key=lambda item: item.name == LAST)


@pytest.fixture(scope="session")
def lab_of_tests() -> Iterator[LabOfTests]:
    found = remembered(LabSettings())
    settings = found.settings if found else LabSettings()
    before = None if found else host_world.read(settings)
    lab = LabOfTests(settings, before)
    lifecycle.up(settings, print)
    yield lab
    if lab.may_go and remembered(settings):
        lifecycle.destroy(settings, print)


@pytest.fixture(scope="session")
def settings(lab_of_tests: LabOfTests) -> LabSettings:
    """The parameters of the running lab."""
    return lab_of_tests.settings


@pytest.fixture(scope="session")
def admin(settings: LabSettings) -> Iterator[Connection]:
    """The cloud, as its administrator."""
    with openstack.connect(settings, "admin") as connection:
        yield connection


@pytest.fixture(scope="session")
def k8s(settings: LabSettings) -> Iterator[Connection]:
    """The cloud, as the cluster's user."""
    with openstack.connect(settings, "k8s") as connection:
        yield connection


@pytest.fixture(scope="session")
def cloud(settings: LabSettings) -> OpenStackClient:
    """The cloud, as the phases see it."""
    return OpenStackClient("k8s", settings.clouds_yaml)


@pytest.fixture(scope="session")
def cluster(settings: LabSettings) -> KubernetesClient:
    """The cluster, as the phases see it."""
    return KubernetesClient(settings.kubeconfig)
