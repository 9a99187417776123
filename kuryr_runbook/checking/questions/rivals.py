"""Is there another Kuryr besides ours? Both would handle the same pods."""

from __future__ import annotations

from collections.abc import Iterator

from kuryr_runbook.checking.checks import Check, Depth, Fault, Occasion
from kuryr_runbook.checking.verdicts import some
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.findings import Region, Status, Verdict, Victim
from kuryr_runbook.snapshots.cluster.deployed import PARTS, part_of_kuryr

HARM = {
    "controller": "two controllers make ports and load balancers for the same pods and Services, "
    "and delete each other's",
    "daemon": "two daemons need the same ports on a node, and the same file in /etc/cni/net.d",
}


@Check(
    "other-kuryr",
    "There is no other Kuryr",
    "manifests of kuryr-kubernetes (tools/), of cluster-network-operator and of others' roles",
    on=(Occasion.PREFLIGHT, Occasion.DIAGNOSIS),
    explains={"controller-ready", "controller-restarts", "daemon-ready", "port-twice"},
    depth=Depth.GROUND,
    region=Region.PROGRAMS,
    faults=(
        Fault(
            "a second Kuryr: upstream's DaemonSet kuryr-cni-ds, OpenShift's namespace, a bare Pod "
            "kuryr-controller",
            "ports and load balancers come and go, a daemon does not start",
            "`other-kuryr`, also in preflight",
        ),
    ),
)
def check_other_kuryr(look: Look) -> Iterator[Verdict]:
    """Recognized by command, image, labels and name; ours by kind, namespace and name."""
    ours = {look.places.controller.key, look.places.daemon.key}
    for part in PARTS:
        there = [it for it in look.deployed if part_of_kuryr(it) == part]
        others = [it for it in there if (it.kind, it.namespace, it.name) not in ours]
        if others:
            mine = [str(it) for it in there if it not in others]
            beside = f", besides {some(mine)}" if mine else ""
            removal = "; ".join(
                f"kubectl -n {it.namespace} delete {it.kind.lower()} {it.name}" for it in others
            )
            yield Verdict(
                status=Status.FAIL,
                evidence=f"{some([str(it) for it in others])}{beside}: {HARM[part]}",
                remedy=f"there can be only one Kuryr. To keep the runbook's: {removal}. Pods keep "
                "their interfaces: Kuryr's state of them stays",
                victims=tuple(Victim(it.kind, it.name, it.namespace) for it in others),
            )
