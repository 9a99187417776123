"""Phase 04: the Kuryr daemon on every node, and the CNI plugin and configuration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kuryr_runbook.applying.kubernetes import apply_manifests
from kuryr_runbook.display.progress import say
from kuryr_runbook.display.waiting import Wait, begin_wait
from kuryr_runbook.model.bodies import plain
from kuryr_runbook.model.errors import DeadlineError, RunbookError
from kuryr_runbook.model.findings import PLUGIN_DIGEST, Finding, Status
from kuryr_runbook.model.plan import Outcome, Plan
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.phases.controller import health_findings
from kuryr_runbook.phases.image_build import deployed_image, registry_login
from kuryr_runbook.phases.prepared import read_prepared
from kuryr_runbook.phases.upgrading import movable, refuse_before_controller
from kuryr_runbook.phases.waits.rollout import wait_rolled_out, watched
from kuryr_runbook.planning.kubernetes import plan_manifests
from kuryr_runbook.snapshots.cluster.previews import read_previews
from kuryr_runbook.snapshots.kubernetes import NodeAddress, read_cluster
from kuryr_runbook.specs import kuryr_conf
from kuryr_runbook.specs.daemon import DAEMON, daemon_manifests
from kuryr_runbook.specs.manifests import Manifest, pull_secret

READY_SECONDS = 120.0


class Daemon(Phase):
    """Installs the daemon as a DaemonSet, and waits until it has made the nodes ready."""

    name = "daemon"

    def manifests(self) -> list[Manifest]:
        """What is wanted. Raises DriftError when an earlier phase has work left."""
        prepared = read_prepared(self.site, self.cloud, lambda: self.cluster)
        prepared.ids(self.site, ahead=self.dry_run)
        conf = kuryr_conf.daemon_conf(
            self.site,
            prepared.api_root(self.site),
            dockershim=prepared.cluster.dockershim,
        )
        image = deployed_image(self.site, ahead=self.dry_run)
        objects = daemon_manifests(self.site, image, kuryr_conf.render_conf(conf))
        login = registry_login(self.site)
        return [pull_secret(self.site, login), *objects] if login else objects

    def make_plan(self) -> Plan:
        """The manifests against the cluster. Raises EarlierPhaseError before phase 03 is done."""
        installed = movable(self)
        if not self.dry_run:
            refuse_before_controller(self, installed)
        return plan_manifests(self.name, read_previews(self.manifests(), self.cluster))

    def carry_out(self, plan: Plan) -> list[Outcome]:
        """Apply, wait for a daemon on every node, and for every schedulable node to be ready."""
        outcomes = apply_manifests(plan, self.cluster, say)
        wait_rolled_out(self.cluster, plain(plan.steps[-1].body))
        self._wait_nodes()
        return outcomes

    def _wait_nodes(self) -> None:
        def unready(nodes: Mapping[str, Mapping[str, Any]]) -> list[str]:
            return [name for name, node in nodes.items() if not _is_ready(node)]

        say("waiting until every schedulable node is Ready")
        seen = watched(
            self.cluster,
            {"apiVersion": "v1", "kind": "Node", "metadata": {}},
            wait=begin_wait("every schedulable node to be Ready", READY_SECONDS, Wait),
            seconds=READY_SECONDS,
            look=lambda nodes: (not unready(nodes), _states(nodes)),
        )
        if left := unready(seen):
            reasons = [f"{n.name}: {n.reason}" for n in read_cluster(self.cluster).nodes]
            raise DeadlineError(
                f"nodes {', '.join(left)} are not Ready after {READY_SECONDS:.0f} s\n  "
                + "\n  ".join(reasons),
                remedy="the kubelet's reason is above; the daemon's pod on that node says more",
            )

    def findings(self) -> Iterable[Finding]:
        """Per node: ready, by Kuryr's configuration; and the daemons' own answers."""
        pods = {
            pod["spec"]["nodeName"]: pod["metadata"]["name"]
            for pod in self.cluster.list_objects(
                "v1",
                "Pod",
                namespace=self.site.kubernetes.namespace,
                labels=f"name={DAEMON}",
            )
        }
        for node in read_cluster(self.cluster).nodes:
            if node.schedulable:
                yield _ready_finding(node)
                yield self._conf_finding(node.name, pods.get(node.name))
        yield from health_findings(self, DAEMON, self.site.release.health_ports.daemon)

    def _conf_finding(self, node: str, pod: str | None) -> Finding:
        """Whether the kubelet's CNI configuration is Kuryr's: it takes the first file by name."""
        title, check = f"node {node} is plugged by Kuryr", "cni-configuration"
        if pod is None:
            return Finding(
                check=check,
                title=title,
                subject=node,
                status=Status.FAIL,
                evidence="no daemon runs on it",
                remedy="see the node's taints and the DaemonSet's tolerations",
            )
        try:
            log = self.cluster.log(
                self.site.kubernetes.namespace, pod, lines=10, container="install-cni"
            )
        except RunbookError as error:
            return Finding(
                check=check,
                title=title,
                subject=node,
                status=Status.UNKNOWN,
                evidence=f"the init container's log cannot be read: {error.message}",
            )
        first = next(_after(log, "first configuration: "), "none")
        digest = next(_after(log, "plugin sha256: "), "")
        well = first == self.site.release.cni_file
        return Finding(
            check=check,
            title=title,
            subject=node,
            status=Status.PASS if well else Status.FAIL,
            evidence=f"{first}, plugin sha256 {digest or 'unknown'}",
            facts={PLUGIN_DIGEST: digest} if digest else {},
            remedy="" if well else f"another CNI's file comes first in /etc/cni/net.d: {first}",
        )


def _after(log: str, prefix: str) -> Iterator[str]:
    for line in log.splitlines():
        if line.startswith(prefix):
            yield line.removeprefix(prefix)


def _states(nodes: Mapping[str, Mapping[str, Any]]) -> str:
    words = {True: "Ready", False: "not Ready"}
    return "\n".join(f"node {name}: {words[_is_ready(node)]}" for name, node in nodes.items())


def _is_ready(node: Mapping[str, Any]) -> bool:
    if node["spec"].get("unschedulable"):
        return True
    conditions = node["status"].get("conditions", ())
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def _ready_finding(node: NodeAddress) -> Finding:
    return Finding(
        check="node-ready",
        title=f"node {node.name} is Ready",
        subject=node.name,
        status=Status.PASS if node.ready else Status.FAIL,
        evidence=node.reason,
        remedy="" if node.ready else "see the daemon's pod and the kubelet's log on the node",
    )
