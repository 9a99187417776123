"""Phase 04: the Kuryr daemon on every node, and the CNI plugin and configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kuryr_runbook.applying.by_kind import apply_manifests
from kuryr_runbook.checking.health import check_daemon_nodes, check_health
from kuryr_runbook.display.progress import say
from kuryr_runbook.display.waiting import Wait, begin_wait
from kuryr_runbook.model.bodies import plain
from kuryr_runbook.model.errors import DeadlineError
from kuryr_runbook.model.findings import Finding
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.plan import Outcome, Plan
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.phases.earlier.image import (
    deployed_image,
    movable,
    refuse_before_controller,
    registry_login,
)
from kuryr_runbook.phases.waits.rollout import wait_rolled_out, watched
from kuryr_runbook.planning.kubernetes import plan_manifests
from kuryr_runbook.snapshots.cluster.health import read_daemon_nodes, read_health
from kuryr_runbook.snapshots.cluster.objects import is_ready
from kuryr_runbook.snapshots.cluster.previews import read_previews
from kuryr_runbook.snapshots.cluster.state import read_cluster
from kuryr_runbook.snapshots.reading import known
from kuryr_runbook.specs import kuryr_conf
from kuryr_runbook.specs.daemon import DAEMON, daemon_manifests
from kuryr_runbook.specs.manifests import pull_secret

READY_SECONDS = 120.0


class Daemon(Phase):
    """Installs the daemon as a DaemonSet, and waits until the nodes are ready."""

    name = "daemon"

    def manifests(self) -> list[Manifest]:
        """The wanted objects. Raises DriftError when an earlier phase is not done."""
        prepared = self.prepared()
        prepared.ids(self.site, ahead=self.dry_run)
        dockershim = prepared.cluster.dockershim
        conf = kuryr_conf.daemon_conf(
            self.site, prepared.api_root(self.site), dockershim=dockershim
        )
        image = deployed_image(self.site, ahead=self.dry_run)
        objects = daemon_manifests(
            self.site, image, kuryr_conf.render_conf(conf), dockershim=dockershim
        )
        login = registry_login(self.site)
        return [pull_secret(self.site, login), *objects] if login else objects

    def make_plan(self) -> Plan:
        """Compare the manifests with the cluster. Raises EarlierPhaseError before phase 03."""
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
            reasons = [f"{n.name}: {n.reason}" for n in known(read_cluster(self.cluster).nodes)]
            raise DeadlineError(
                f"nodes {', '.join(left)} are not Ready after {READY_SECONDS:.0f} s\n  "
                + "\n  ".join(reasons),
                remedy="the kubelet's reason is above; the log of the daemon's pod on that node "
                "says more",
            )

    def findings(self) -> Iterable[Finding]:
        """Whether each node is ready thanks to Kuryr, and the daemons' own health answers."""
        release = self.site.release
        yield from check_daemon_nodes(read_daemon_nodes(self.site, self.cluster), release.cni_file)
        port = release.health_ports.daemon
        yield from check_health(read_health(self.site, self.cluster, DAEMON, port))


def _states(nodes: Mapping[str, Mapping[str, Any]]) -> str:
    words = {True: "Ready", False: "not Ready"}
    return "\n".join(f"node {name}: {words[_is_ready(node)]}" for name, node in nodes.items())


def _is_ready(node: Mapping[str, Any]) -> bool:
    return bool(node["spec"].get("unschedulable")) or is_ready(node)
