"""Whether controller and daemons are healthy, and whether Kuryr plugs the nodes' pods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kuryr_runbook.model.findings import PLUGIN_DIGEST, Finding, Status, Verdict
from kuryr_runbook.snapshots.cluster.health import DaemonNode, HealthAnswer
from kuryr_runbook.snapshots.reading import Unreadable

SHOWN = 300
"""Characters at the end of an answer that are shown, including the status code."""


def check_health(answers: Iterable[HealthAnswer]) -> Iterator[Finding]:
    """The responses of controller and daemons to /ready and /alive."""
    for answer in answers:
        title = f"{answer.pod} answers /{answer.path}"
        if isinstance(answer.text, Unreadable):
            yield Finding(
                check=answer.path,
                title=title,
                subject=answer.pod,
                status=Status.UNKNOWN,
                evidence=f"no answer: {answer.text.reason}",
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
            else f"kubectl logs {answer.pod} names the handler or API that failed",
        )


def check_daemon_nodes(nodes: Iterable[DaemonNode], cni_file: str) -> Iterator[Finding]:
    """Whether each node is ready, and uses Kuryr's CNI configuration, `cni_file`."""
    for it in nodes:
        node = it.node
        yield Finding(
            check="node-ready",
            title=f"node {node.name} is Ready",
            subject=node.name,
            status=Status.PASS if node.ready else Status.FAIL,
            evidence=node.reason,
            remedy="" if node.ready else "check the daemon's pod and the kubelet's log on the node",
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
    """Whether the kubelet's CNI configuration is Kuryr's: it uses the first file by name."""
    found = node.installation
    if found is None:
        return Verdict(
            status=Status.FAIL,
            evidence="no daemon runs on it",
            remedy="check the node's taints and the DaemonSet's tolerations",
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
    """The result of Kuryr's own upgrade check, unless it was a failure."""
    return Finding(
        check="upgrade-check",
        title=f"Kuryr {release} can continue with the existing state",
        status=Status.PASS if good else Status.WARN,
        evidence=log,
        remedy=""
        if good
        else "no reason to stop: check that the pods that it names work; a pod without any "
        "annotation also counts as malformed",
        source="kuryr-kubernetes, cmd/status.py",
    )
