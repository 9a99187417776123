"""A plan of all phases, made before the first of them: what each phase then plans is in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from worlds.memory_cloud import MemoryCloud, cluster_cloud
from worlds.memory_cluster import MemoryCluster
from worlds.memory_keystone import MemoryKeystone
from worlds.planned_cloud import NODES
from worlds.sites import IMAGE, lab_site_with

from kuryr_runbook.clients.openstack.reading import Credentials
from kuryr_runbook.model.approval import plan_document, refuse_unapproved
from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.model.plan import Action, known_later
from kuryr_runbook.phases import controller, daemon
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.phases.controller import Controller
from kuryr_runbook.phases.daemon import Daemon
from kuryr_runbook.phases.earlier import image as earlier
from kuryr_runbook.phases.openstack_prep import OpenStackPrep

AUTH = {"auth_url": "https://k:5000/v3", "username": "k8s", "password": "word"}
PHASES = (OpenStackPrep, Controller, Daemon)
OBJECTS: tuple[dict[str, Any], ...] = (
    {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "kubernetes", "namespace": "default"},
        "subsets": [{"addresses": [{"ip": NODES["master"]}], "ports": [{"port": 6443}]}],
    },
    *(
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name},
            "status": {"addresses": [{"type": "InternalIP", "address": address}]},
        }
        for name, address in NODES.items()
    ),
)
Make = Callable[..., Phase]


class Cloud:
    """A cloud in memory with what phases ask besides its resources."""

    session = None

    def __init__(self) -> None:
        self.resources: MemoryCloud = cluster_cloud(NODES)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.resources, name)

    def credentials(self) -> Credentials:
        return Credentials(auth=AUTH, region_name="RegionOne", ca_pem="")


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    """Phases of one bare cloud and cluster; the registry has no image until it is built."""
    cloud, cluster, keystone = Cloud(), MemoryCluster(*OBJECTS), MemoryKeystone()

    def deployed_image(site: object, *, ahead: bool) -> str:
        later = known_later("digest of the image")
        return f"{IMAGE.partition('@')[0]}@{later}" if ahead else IMAGE

    for module in (controller, daemon):
        monkeypatch.setattr(module, "deployed_image", deployed_image)
        monkeypatch.setattr(module, "registry_login", lambda site: "")
        monkeypatch.setattr(module, "wait_rolled_out", lambda cluster, manifest: None)
    monkeypatch.setattr(Daemon, "_wait_nodes", lambda self: None)
    monkeypatch.setattr(earlier, "registry_of", lambda site: None)
    monkeypatch.setattr(controller, "IdentityClient", lambda session: keystone)

    def make(kind: type[Phase], *, ahead: bool = False, **kuryr: Any) -> Phase:
        phase = kind(lab_site_with(kuryr=kuryr), dry_run=ahead)
        phase.cloud, phase.cluster = cloud, cluster  # type: ignore[assignment]
        return phase

    return make


@pytest.mark.parametrize("credentials", ["site", "application_credential"])
def test_a_bare_site_is_installed_as_agreed(make: Make, credentials: str) -> None:
    ahead = [make(kind, ahead=True, credentials=credentials).make_plan() for kind in PHASES]
    agreed = {"phases": [plan_document(plan) for plan in ahead]}
    assert all(plan.changes for plan in ahead)
    for kind in PHASES:
        phase = make(kind, credentials=credentials)
        plan = phase.make_plan()
        assert all(step.action is Action.CREATE for step in plan.changes)
        refuse_unapproved(agreed, plan)
        phase.carry_out(plan)
        assert phase.make_plan().changes == ()


def test_what_somebody_changed_since_is_not_overwritten(make: Make) -> None:
    agreed = {"phases": [plan_document(make(kind, ahead=True).make_plan()) for kind in PHASES]}
    phase = make(OpenStackPrep)
    phase.carry_out(phase.make_plan())
    [subnet] = [
        it
        for it in phase.cloud.resources.resources["subnet"]  # type: ignore[attr-defined]
        if it["name"] == "kuryr-pod-subnet"
    ]
    subnet["enable_dhcp"] = True
    with pytest.raises(DriftError, match="not in the plan that was approved"):
        refuse_unapproved(agreed, phase.make_plan())
