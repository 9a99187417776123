"""What the phases after 01 read of cloud and cluster."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from worlds.memory_cloud import MemoryCloud, cluster_cloud
from worlds.memory_cluster import MemoryCluster
from worlds.sites import lab_site_with

from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.earlier.openstack import Prepared, read_prepared

MASTER = {"master": "172.18.0.10"}


def site_with(project: str) -> Site:
    return lab_site_with(openstack={"k8s_project_id": project})


def cloud_of(project: UUID) -> MemoryCloud:
    cloud = cluster_cloud(MASTER)
    for items in cloud.resources.values():
        for item in items:
            if "project_id" in item:
                item["project_id"] = project.hex
    cloud.project_id = project.hex
    return cloud


def prepared(site: Site, cloud: MemoryCloud) -> Prepared:
    cluster = MemoryCluster(
        {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {"name": "kubernetes", "namespace": "default"},
            "subsets": [{"addresses": [{"ip": MASTER["master"]}], "ports": [{"port": 6443}]}],
        }
    )
    return read_prepared(site, cloud, lambda: cluster)


def test_another_project_than_that_of_the_credentials_is_refused() -> None:
    project, other = uuid4(), uuid4()
    with pytest.raises(UsageError, match=f"{project.hex}, but is {other}") as refused:
        prepared(site_with(str(other)), cloud_of(project))
    assert "openstack.cloud" in str(refused.value.remedy)


def test_the_project_of_the_credentials_may_be_named_with_dashes_and_without() -> None:
    project = uuid4()
    for name in (str(project), project.hex):
        assert prepared(site_with(name), cloud_of(project)).cloud.project_id == project.hex
