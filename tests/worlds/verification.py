"""The verification of a world where all is well, for pure tests to spoil something in either."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from worlds.world import PODS as POD_RANGE
from worlds.world import RANGE, SERVICES, World

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.snapshots.cloud.state import kinds_of, read_cloud, with_service_ports
from kuryr_runbook.snapshots.reading import attempted
from kuryr_runbook.snapshots.workload.probes import Answer, PodProbe
from kuryr_runbook.snapshots.workload.verification import VerificationSnapshot
from kuryr_runbook.snapshots.workload.workload import read_workload_cluster
from kuryr_runbook.specs.workload import DEMO, SERVICE, balancer_name

YES = Answer(ok=True, said="answers")
NO = Answer(ok=False, said="no reply in 10 s")
PODS = tuple(f"kuryr-demo-{index}" for index in range(4))
ADDRESSES = tuple(str(POD_RANGE[10 + index]) for index in range(4))
EXTERNAL = "203.0.113.10"
VIP = str(RANGE[10])
AMPHORA = str(SERVICES.broadcast_address - 9)
FLOATING = "203.0.113.7"


class Workload(World):
    """A world whose pods and Service are the verification's."""

    def __init__(self, driver: VifDriver = VifDriver.NESTED_MACVLAN) -> None:
        super().__init__(4, driver, workload=True)
        self.lb = self.resource("loadbalancer", balancer_name(self.site))
        self.service = self.object("Service", SERVICE)
        self.objects["Deployment"].append(
            {
                "metadata": {"name": DEMO, "namespace": self.space},
                "status": {"availableReplicas": 4},
            }
        )
        self.amphora = self.add_port(
            "port-vrrp", "s-services", "n-services", AMPHORA, name="octavia-lb-vrrp-1",
            project_id="octavia",
            allowed_address_pairs=[{"ip_address": VIP, "mac_address": "fa:16:3e:00:00:aa"}],
        )  # fmt: skip

    def verified(self, **changes: Any) -> VerificationSnapshot:
        """What is read of it, where every pod reaches everything but what `changes`."""
        cloud = read_cloud(
            self,
            self.project_id,
            kinds=kinds_of(self.site),
            pools_of=[self.lb["id"]],
            attempt=attempted,
        )
        snapshot = VerificationSnapshot(
            taken_at=self.read().taken_at,
            site=self.site,
            cluster=read_workload_cluster(self.site, self),
            cloud=with_service_ports(self.site, self, cloud),
            packet=1450,
            dns="10.2.0.10",
            probes={name: probe(index) for index, name in enumerate(PODS)},
            outside=tuple(Answer(ok=True, said=name) for name in PODS),
        )
        return replace(snapshot, **changes)


def healthy(driver: VifDriver = VifDriver.NESTED_MACVLAN) -> VerificationSnapshot:
    """All is well."""
    return Workload(driver).verified()


def probe(index: int) -> PodProbe:
    """What the pod of that index reaches: everything."""
    others = [other for other in range(4) if other != index]
    addresses = [ADDRESSES[other] for other in others]
    mine = ADDRESSES[index]
    return PodProbe(
        pings=dict.fromkeys([*addresses, EXTERNAL], YES),
        large=dict.fromkeys(addresses, YES),
        tcp={ADDRESSES[it]: Answer(ok=True, said=PODS[it], seen=mine) for it in others},
        vip=tuple(Answer(ok=True, said=name, seen=AMPHORA) for name in PODS),
        api=Answer(ok=True, said="kuryr-demo-service other"),
        dns=Answer(ok=True, said="answers with code 0"),
    )
