"""Whether controller and daemons are well, and whether the nodes' pods are plugged by Kuryr."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kuryr_runbook.model.findings import PLUGIN_DIGEST, Finding, Status, Verdict
from kuryr_runbook.snapshots.cluster.health import DaemonNode, HealthAnswer
from kuryr_runbook.snapshots.reading import Unreadable

SHOWN = 300
"""Characters of an answer that are shown, its last: the status code is among them."""


def check_health(answers: Iterable[HealthAnswer]) -> Iterator[Finding]:
    """What each pod of controller or daemon answers to /ready and /alive."""
    for answer in answers:
        title = f"{answer.pod} answers /{answer.path}"
        if isinstance(answer.text, Unreadable):
            yield Finding(
                check=answer.path,
                title=title,
                subject=answer.pod,
                status=Status.UNKNOWN,
                evidence=f"could not ask: {answer.text.reason}",
            )
            continue
        well = answer.text.endswith("200")
        yield Finding(
            check=answer.path,
            title=title,
            subject=answer.pod,
            status=Status.PASS if well else Status.FAIL,
            evidence=answer.text[-SHOWN:],
            remedy=""
            if well
            else f"kubectl logs {answer.pod}: the handler or API that failed is named there",
        )


def check_daemon_nodes(nodes: Iterable[DaemonNode], cni_file: str) -> Iterator[Finding]:
    """Whether each node is ready, and takes Kuryr's CNI configuration, `cni_file`."""
    for it in nodes:
        node = it.node
        yield Finding(
            check="node-ready",
            title=f"node {node.name} is Ready",
            subject=node.name,
            status=Status.PASS if node.ready else Status.FAIL,
            evidence=node.reason,
            remedy="" if node.ready else "see the daemon's pod and the kubelet's log on the node",
        )
        found = _configuration(it, cni_file)
        yield Finding(
            check="cni-configuration",
            title=f"node {node.name} is plugged by Kuryr",
            subject=node.name,
            status=found.status,
            evidence=found.evidence,
            remedy=found.remedy,
            facts=found.facts,
        )


def _configuration(node: DaemonNode, cni_file: str) -> Verdict:
    """Whether the kubelet's CNI configuration is Kuryr's: it takes the first file by name."""
    found = node.installation
    if found is None:
        return Verdict(
            status=Status.FAIL,
            evidence="no daemon runs on it",
            remedy="see the node's taints and the DaemonSet's tolerations",
        )
    if isinstance(found, Unreadable):
        why = f"the init container's log cannot be read: {found.reason}"
        return Verdict(status=Status.UNKNOWN, evidence=why)
    first = found.first or "none"
    well = first == cni_file
    return Verdict(
        status=Status.PASS if well else Status.FAIL,
        evidence=f"{first}, plugin sha256 {found.plugin or 'unknown'}",
        facts={PLUGIN_DIGEST: found.plugin} if found.plugin else {},
        remedy="" if well else f"another CNI's file comes first in /etc/cni/net.d: {first}",
    )


def check_upgrade(release: str, log: str, *, good: bool) -> Finding:
    """Kuryr's own answer to whether it can go on with what was there, once it was no failure."""
    return Finding(
        check="upgrade-check",
        title=f"Kuryr {release} can go on with what was there",
        status=Status.PASS if good else Status.WARN,
        evidence=log,
        remedy=""
        if good
        else "no reason to stop: see whether the pods that it means work; one without any "
        "annotation counts as malformed too",
        source="kuryr-kubernetes, cmd/status.py",
    )
