"""Phase 03: the Kuryr controller."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kuryr_runbook.applying.kubernetes import apply_manifests
from kuryr_runbook.display.progress import say
from kuryr_runbook.model.errors import RunbookError
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.plan import Outcome, Plan
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.phases.image_build import deployed_image, registry_login
from kuryr_runbook.phases.prepared import read_prepared
from kuryr_runbook.phases.rollout import wait_rolled_out
from kuryr_runbook.planning.kubernetes import plan_manifests
from kuryr_runbook.specs import kuryr_conf
from kuryr_runbook.specs.manifests import (
    CONTROLLER,
    Manifest,
    controller_manifests,
    pull_secret,
)


class Controller(Phase):
    """Installs the controller: configuration in a Secret, least-privilege roles, a Deployment."""

    name = "controller"

    def manifests(self) -> list[Manifest]:
        """What is wanted. Raises DriftError when an earlier phase has work left."""
        prepared = read_prepared(self.site, self.cloud, self.cluster)
        image = deployed_image(self.site)
        credentials = self.cloud.credentials()
        ca_file = self.site.openstack.ca_file
        conf = kuryr_conf.controller_conf(
            self.site,
            prepared.ids(self.site),
            credentials.auth,
            credentials.region_name,
            prepared.api_root(self.site),
        )
        objects = controller_manifests(
            self.site,
            image,
            kuryr_conf.render_conf(conf),
            ca_file.read_text() if ca_file else credentials.ca_pem,
        )
        login = registry_login(self.site)
        return [pull_secret(self.site, login), *objects] if login else objects

    def make_plan(self) -> Plan:
        """The manifests against the cluster."""
        return plan_manifests(self.name, self.manifests(), self.cluster)

    def carry_out(self, plan: Plan) -> list[Outcome]:
        """Apply, and wait until the controller is available."""
        outcomes = apply_manifests(plan, self.cluster, say)
        wait_rolled_out(self.cluster, self.manifests()[-1])
        return outcomes

    def findings(self) -> Iterable[Finding]:
        """The controller's own answers to /ready and /alive."""
        return health_findings(self, CONTROLLER, kuryr_conf.CONTROLLER_PORT)


def health_findings(phase: Phase, component: str, port: int) -> Iterator[Finding]:
    """What each pod of a component answers on its health port, asked inside the pod.

    A pod reached over the network would test the security groups as well, and a port open to the
    nodes only would look like a sick pod.
    """
    namespace = phase.site.kubernetes.namespace
    pods = phase.cluster.list_objects("v1", "Pod", namespace=namespace, labels=f"name={component}")
    for pod in pods:
        for path in ("ready", "alive"):
            yield _health_finding(phase, pod["metadata"]["name"], f"http://127.0.0.1:{port}/{path}")


def _health_finding(phase: Phase, pod: str, url: str) -> Finding:
    command = ["curl", "-s", "-m", "15", "-w", " %{http_code}", url]
    path = url.rpartition("/")[2]
    title = f"{pod} answers /{path}"
    try:
        answer = phase.cluster.execute(phase.site.kubernetes.namespace, pod, command)
    except RunbookError as error:
        return Finding(
            check=path,
            title=title,
            subject=pod,
            status=Status.UNKNOWN,
            evidence=f"could not ask: {error.message}",
        )
    well = answer.output.strip().endswith("200")
    return Finding(
        check=path,
        title=title,
        subject=pod,
        status=Status.PASS if well else Status.FAIL,
        evidence=answer.output.strip()[-300:],
        remedy="" if well else f"kubectl logs {pod}: the handler or API that failed is named there",
    )
