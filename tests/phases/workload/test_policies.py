"""Network policies are tried with pods whose network does what it is told, or not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from worlds.memory_cloud import MemoryCloud
from worlds.memory_cluster import MemoryCluster
from worlds.sites import lab_site
from worlds.spaces import with_policies, with_spaces

from kuryr_runbook.clients.kubernetes.exec import Executed
from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.phases import verification
from kuryr_runbook.phases.verification import Verification
from kuryr_runbook.phases.waits import polling
from kuryr_runbook.phases.workload import policies
from kuryr_runbook.phases.workload.policies import PolicyTrials
from kuryr_runbook.specs.policy_trials import (
    DIRECT,
    GUEST,
    PODS,
    ROLE,
    SERVER,
    VISITOR,
    Way,
    home,
    policy_namespaces,
    trials,
)
from kuryr_runbook.specs.workload import POD_PORT, SERVICE_PORT

SITE = with_policies(with_spaces(lab_site()))
ADDRESSES = {name: f"10.80.0.{index + 10}" for index, name in enumerate(PODS)}
VIP = "10.2.0.5"
Item = dict[str, Any]


class Cluster(MemoryCluster):
    """Its pods get addresses, and their network enforces policies as Kubernetes says."""

    def __init__(self, *objects: Item) -> None:
        super().__init__(*objects)
        self.enforces = True
        self.starts = True
        self.asked = 0

    def apply(self, manifest: Mapping[str, Any], *, force: bool = False) -> Item:
        found = super().apply(manifest, force=force)
        for item in self.objects:
            name = item["metadata"]["name"]
            if item["kind"] == "Pod":
                ready = [{"type": "Ready", "status": str(self.starts)}]
                item["status"] = {"podIP": ADDRESSES[name], "conditions": ready}
            elif item["kind"] == "Service":
                item["spec"]["clusterIP"] = VIP
        return found

    def execute(
        self, namespace: str, pod: str, command: list[str], *, seconds: float = 60.0
    ) -> Executed:
        self.asked += 1
        names = {address: name for name, address in ADDRESSES.items()} | {VIP: SERVER}
        answers = [
            not self.enforces
            or self._passes(pod, names[address], POD_PORT if port == SERVICE_PORT else port)
            for address, port in json.loads(command[-1])
        ]
        return Executed(status=0, output=json.dumps(answers))

    def _passes(self, client: str, server: str, port: int) -> bool:
        """Whether all policies of both ends let it through."""
        for pod, peer, direction, rules, peers in (
            (server, client, "Ingress", "ingress", "from"),
            (client, server, "Egress", "egress", "to"),
        ):
            specs = [
                it["spec"]
                for it in self.objects
                if it["kind"] == "NetworkPolicy"
                and pod != VISITOR
                and direction in it["spec"]["policyTypes"]
                and self._has(pod, it["spec"]["podSelector"])
            ]
            admitted = [
                rule
                for spec in specs
                for rule in spec.get(rules, [])
                if port in [it["port"] for it in rule["ports"]]
                and any(self._is(peer, it) for it in rule[peers])
            ]
            if specs and not admitted:
                return False
        return True

    def _has(self, pod: str, selector: Item) -> bool:
        found: Item = next(
            it["metadata"]["labels"]
            for it in self.objects
            if it["kind"] == "Pod" and it["metadata"]["name"] == pod
        )
        wanted: Item = selector.get("matchLabels", {})
        return wanted.items() <= found.items()

    def _is(self, pod: str, peer: Item) -> bool:
        if "ipBlock" in peer:
            block, mine = peer["ipBlock"], f"{ADDRESSES[pod]}/32"
            return block["cidr"] in ("0.0.0.0/0", mine) and mine not in block.get("except", [])
        if "namespaceSelector" in peer:
            return (pod == VISITOR) is (peer["namespaceSelector"]["matchLabels"][ROLE] == VISITOR)
        return pod != VISITOR and self._has(pod, peer["podSelector"])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "STEP_SECONDS", 0.0)
    for name in ("READY_SECONDS", "SETTLED_SECONDS", "GONE_SECONDS"):
        monkeypatch.setattr(policies, name, 0.0)
    monkeypatch.setattr(policies, "diagnosed", lambda site, cluster, cloud, found: found)


def tried(cluster: Cluster, cloud: MemoryCloud | None = None) -> dict[str, Finding]:
    site = SITE.model_copy(
        update={"kuryr": SITE.kuryr.model_copy(update={"lb_activation_seconds": 0})}
    )
    trial = PolicyTrials(site, cluster, cloud or MemoryCloud(), "image@sha256:0", "")  # type: ignore[arg-type]
    return {it.check: it for it in trial.findings()}


def spaces(cluster: Cluster) -> set[str]:
    return {it["metadata"]["name"] for it in cluster.objects if it["kind"] == "Namespace"}


def test_where_policies_are_enforced_all_passes_and_nothing_is_left() -> None:
    cluster = Cluster()
    found = tried(cluster)
    bad = {it.check: it.evidence for it in found.values() if it.status is not Status.PASS}
    assert not bad
    assert {*found} == {it.name for it in trials(ADDRESSES)} | {"policy-left"}
    assert spaces(cluster) == set()


def test_where_they_are_not_each_leak_is_named_and_all_stays() -> None:
    cluster = Cluster()
    cluster.enforces = False
    found = tried(cluster)
    assert found["policy-none"].status is Status.PASS
    assert found["policy-deny"].status is Status.FAIL
    assert found["policy-deny"].remedy.endswith("groups are as Kuryr made them")
    assert f"stranger to server:{POD_PORT} is open" in found["policy-pods"].evidence
    assert spaces(cluster) == {*policy_namespaces(SITE)}


def test_pods_that_do_not_start_are_a_failure_of_their_own() -> None:
    cluster = Cluster()
    cluster.starts = False
    assert [*tried(cluster)] == ["policy-pods-ready"]
    assert cluster.asked == 0


def test_a_group_that_is_left_is_named() -> None:
    cloud = MemoryCloud()
    description = f"Kuryr-Kubernetes Network Policy {home(SITE)}/admit SG"
    cloud.create("security_group", [{"name": "sg", "description": description}])
    assert tried(Cluster(), cloud)["policy-left"].status is Status.FAIL


def test_what_is_left_of_an_earlier_trial_is_removed_first() -> None:
    cluster = Cluster()
    cluster.enforces = False
    tried(cluster)
    cluster.enforces = True
    assert {it.status for it in tried(cluster).values()} == {Status.PASS}


def test_what_is_left_is_no_matter_for_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server would refuse other containers for pods that are there."""
    cluster = Cluster()
    cluster.enforces = False
    tried(cluster)
    monkeypatch.setattr(verification, "deployed_image", lambda site, ahead: "another@sha256:1")
    phase = Verification(SITE)
    phase.cluster = cluster  # type: ignore[assignment]
    text = phase.plan_policies().text
    assert "left by an earlier trial" in text


def test_a_namespace_of_somebody_else_is_left_alone() -> None:
    mine = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": home(SITE)}}
    cluster = Cluster(mine)
    with pytest.raises(DriftError, match="did not create it"):
        tried(cluster)
    assert spaces(cluster) == {home(SITE)}


def test_every_trial_but_the_open_ones_closes_something() -> None:
    for trial in trials(ADDRESSES):
        assert trial.open <= trial.judged
        assert bool(trial.policies) == (not trial.open >= DIRECT)


def test_names_of_namespaces_are_never_too_long() -> None:
    long = SITE.verification.model_copy(update={"namespace": "a" * 53 + "-" * 5 + "b" * 5})
    site = SITE.model_copy(update={"verification": long})
    assert all(len(it) <= 63 and "--" not in it for it in policy_namespaces(site))


def test_a_way_through_the_service_says_so() -> None:
    assert str(Way("friend", SERVER, SERVICE_PORT)) == f"friend to Service server:{SERVICE_PORT}"
    assert GUEST != ROLE
