"""Phase 03: the Kuryr controller."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kuryr_runbook.applying.kubernetes import apply_manifests
from kuryr_runbook.display.progress import say
from kuryr_runbook.model.errors import DriftError, RunbookError, UsageError
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.plan import Outcome, Plan
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.phases.image_build import deployed_image, registry_login
from kuryr_runbook.phases.prepared import read_prepared
from kuryr_runbook.phases.rollout import wait_rolled_out
from kuryr_runbook.planning.kubernetes import plan_manifests
from kuryr_runbook.specs import kuryr_conf
from kuryr_runbook.specs.controller import CA_KEY, CA_SECRET, CONTROLLER, controller_manifests
from kuryr_runbook.specs.manifests import Manifest, is_marked, pull_secret, secret


class Controller(Phase):
    """Installs the controller: configuration in a Secret, least-privilege roles, a Deployment."""

    name = "controller"

    def manifests(self) -> list[Manifest]:
        """What is wanted. Raises DriftError when an earlier phase has work left."""
        prepared = read_prepared(self.site, self.cloud, self.cluster)
        image = deployed_image(self.site, ahead=self.dry_run)
        credentials = self.cloud.credentials()
        ca_pem, ca_is_given = self._ca_pem(credentials.ca_pem), self._ca_is_given()
        login = kuryr_conf.login(
            credentials.auth, credentials.region_name, private_ca=bool(ca_pem) or ca_is_given
        )
        conf = kuryr_conf.controller_conf(
            self.site,
            prepared.ids(self.site, ahead=self.dry_run),
            login,
            prepared.api_root(self.site),
        )
        objects = controller_manifests(self.site, image, kuryr_conf.render_conf(conf), ca_pem)
        if ca_is_given:
            objects = [item for item in objects if item["metadata"]["name"] != CA_SECRET]
        registry = registry_login(self.site)
        return [pull_secret(self.site, registry), *objects] if registry else objects

    def _ca_pem(self, of_clouds_yaml: str) -> str:
        path = self.site.openstack.ca_file
        if path is None:
            return of_clouds_yaml
        try:
            return path.read_text()
        except OSError as error:
            raise UsageError(
                f"openstack.ca_file: {path} cannot be read: {error.strerror}",
                remedy="name the PEM file of the cloud's CA, or leave the key out",
            ) from error

    def _ca_is_given(self) -> bool:
        """Whether the cluster has the cloud's CA already, from its cloud provider for example."""
        given = self.cluster.get(secret(self.site, CA_SECRET, {}))
        if given is None or is_marked(self.site, given):
            return False
        if CA_KEY not in given.get("data", {}):
            raise DriftError(
                f"Secret {CA_SECRET} exists, made by somebody else, and has no key {CA_KEY}",
                remedy=f"add the cloud's CA to it under {CA_KEY}, or delete it: the runbook then "
                "makes it",
            )
        return True

    def make_plan(self) -> Plan:
        """The manifests against the cluster."""
        return plan_manifests(self.name, self.manifests(), self.cluster)

    def carry_out(self, plan: Plan) -> list[Outcome]:
        """Apply, and wait until the controller is available."""
        outcomes = apply_manifests(plan, self.cluster, say)
        wait_rolled_out(self.cluster, plan.steps[-1].body)
        return outcomes

    def findings(self) -> Iterable[Finding]:
        """The controller's own answers to /ready and /alive."""
        return health_findings(self, CONTROLLER, self.site.release.health_ports.controller)


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
