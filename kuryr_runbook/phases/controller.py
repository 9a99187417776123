"""Phase 03: the Kuryr controller."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from kuryr_runbook.applying.credentials import CredentialExecutor, SecretOf
from kuryr_runbook.applying.kubernetes import ManifestExecutor
from kuryr_runbook.applying.steps import Executor, Known, Say, apply_plan
from kuryr_runbook.applying.upgrade import UpgradeExecutor, VifExecutor
from kuryr_runbook.clients.openstack.identity import IdentityClient
from kuryr_runbook.display.progress import say
from kuryr_runbook.model.bodies import Body, plain
from kuryr_runbook.model.errors import DeadlineError, DriftError, RunbookError, UsageError
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.plan import Action, Outcome, Plan, Step, Target
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.phases.image_build import deployed_image, registry_login
from kuryr_runbook.phases.logins import Login, own_auth, plan_login
from kuryr_runbook.phases.prepared import read_prepared
from kuryr_runbook.phases.upgrading import movable, upgrade_finding
from kuryr_runbook.phases.waits.rollout import wait_rolled_out
from kuryr_runbook.phases.waits.settling import wait_for
from kuryr_runbook.planning.credentials import APPLICATION_CREDENTIAL
from kuryr_runbook.planning.kubernetes import plan_manifests
from kuryr_runbook.planning.upgrade import (
    RELEASE,
    RUNNING_PODS,
    led,
    plan_move,
    plan_vif_moves,
)
from kuryr_runbook.snapshots.cluster.previews import read_previews
from kuryr_runbook.snapshots.cluster.unmoved_pods import read_unmoved
from kuryr_runbook.specs import kuryr_conf
from kuryr_runbook.specs.applied import adopting
from kuryr_runbook.specs.controller import (
    CA_KEY,
    CA_SECRET,
    CONFIG_SECRET,
    CONTROLLER,
    ControllerConfig,
    config_secret,
    controller_manifests,
    references,
)
from kuryr_runbook.specs.kuryr_conf import Conf
from kuryr_runbook.specs.manifests import Manifest, made_for, pull_secret, secret
from kuryr_runbook.specs.upgrade_check import upgrade_check

WELL_SECONDS = 120.0
"""How long the controller may take from available to well; the same for its old pod to go."""


class Controller(Phase):
    """Installs the controller: configuration in a Secret, least-privilege roles, a Deployment."""

    name = "controller"
    rotates: ClassVar[bool] = False
    """Whether Kuryr gets a new application credential although it has a good one."""
    _answers: Iterable[Known] = ()
    """What Kuryr's upgrade check said, when this phase has asked it."""

    def manifests(self, login: Login) -> list[Manifest]:
        """What is wanted. Raises DriftError when an earlier phase has work left.

        The Secret with the configuration is not among them while its application credential is
        yet to be made: whoever makes it writes the Secret too.
        """
        config, image = self.configuration(login), deployed_image(self.site, ahead=self.dry_run)
        objects = controller_manifests(self.site, image, config)
        left_out = {CA_SECRET} if self._ca_is_given() else set()
        if login.is_new:
            left_out.add(CONFIG_SECRET)
        objects = [item for item in objects if item["metadata"]["name"] not in left_out]
        registry = registry_login(self.site)
        return [pull_secret(self.site, registry), *objects] if registry else objects

    def configuration(self, login: Login) -> ControllerConfig:
        """What the controller reads. Raises DriftError when an earlier phase has work left."""
        prepared = read_prepared(self.site, self.cloud, lambda: self.cluster)
        credentials = self.cloud.credentials()
        ca_pem = self._ca_pem(credentials.ca_pem)
        private_ca = bool(ca_pem) or self._ca_is_given()
        neutron = kuryr_conf.login(login.auth, credentials.region_name, private_ca=private_ca)
        conf = kuryr_conf.controller_conf(
            self.site,
            prepared.ids(self.site, ahead=self.dry_run),
            neutron,
            prepared.api_root(self.site),
        )
        return ControllerConfig(conf=conf, ca_pem=ca_pem, credential=login.credential)

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
        if given is None or made_for(self.site, given):
            return False
        if CA_KEY not in given.get("data", {}):
            raise DriftError(
                f"Secret {CA_SECRET} exists, made by somebody else, and has no key {CA_KEY}",
                remedy=f"add the cloud's CA to it under {CA_KEY}, or delete it: the runbook then "
                "makes it",
            )
        return True

    def make_plan(self) -> Plan:
        """Kuryr's login, then the manifests against the cluster, then what nobody needs more.

        Where another release is installed, its successor looks first. Raises DriftError when no
        single step leads from one to the other.
        """
        installed = movable(self)
        login = plan_login(self, rotate=self.rotates)
        manifests = plan_manifests(
            self.name, read_previews(self.manifests(login), self.cluster)
        ).steps
        deployment = manifests[-1]
        first = () if login.chosen is None else (self._acceptable(login.chosen),)
        waiting = replace(deployment, after=deployment.after | {step.target for step in first})
        retired = [replace(step, after=frozenset({waiting.target})) for step in login.retired]
        check = upgrade_check(self.site, image_of(plain(deployment.body)))
        move = plan_move(installed, self.site.release, check)
        steps = (*first, *manifests[:-1], waiting, *self._vif_moves(waiting.target), *retired)
        return Plan(phase=self.name, steps=led(move, steps))

    def _vif_moves(self, after: Target) -> Iterator[Step]:
        """What has to be moved for pods that run; nothing where Kuryr looks into annotations."""
        release = self.site.release
        if release.crds:
            unmoved = len(read_unmoved(self.cluster))
            if step := plan_vif_moves(release, unmoved, after):
                yield step

    def _acceptable(self, step: Step) -> Step:
        """The step with the conflicts of the Secret that it writes.

        The cluster is asked before there is a credential, so that a refusal costs none.
        """
        if not _creates_credential(step):
            return step
        secret = config_secret(self.site, self._blank_conf())
        [preview] = read_previews([secret], self.cluster)
        return replace(step, conflicts=preview.conflicts)

    def _blank_conf(self) -> Conf:
        """The configuration, with a login that is yet to be filled in."""
        auth = own_auth(self.cloud.credentials().auth, "", "")
        return self.configuration(Login(auth=auth)).conf

    def carry_out(self, plan: Plan) -> list[Outcome]:
        """Apply, wait until the controller is available, and only then delete what it left."""
        executor = _Installation(self, self._secret_maker(plan))
        late = tuple(step for step in plan.steps if _is_late(step))
        first = tuple(step for step in plan.steps if not _is_late(step))
        outcomes = apply_plan(replace(plan, steps=first), executor, say)
        wait_rolled_out(self.cluster, plain(first[-1].body))
        if any(step.action is Action.DELETE for step in late):
            wait_well(self)
        last = tuple(replace(step, after=frozenset()) for step in late)
        outcomes += apply_plan(replace(plan, steps=last), executor, say)
        self._answers = [item.known for item in outcomes if item.step.target == RELEASE]
        return outcomes

    def _secret_maker(self, plan: Plan) -> SecretOf:
        """Makes the Secret once there is an application credential; all else is read now."""
        conf = self._blank_conf() if any(map(_creates_credential, plan.steps)) else {}
        live = self.cluster.get(references(self.site)[0]) if conf else None

        def secret_of(credential_id: str, secret: str) -> Mapping[str, Any]:
            whole = config_secret(self.site, kuryr_conf.logged_in(conf, credential_id, secret))
            return adopting(whole, live)

        return secret_of

    def findings(self) -> Iterable[Finding]:
        """The controller's own answers to /ready and /alive; after an upgrade, its check's too."""
        release = self.site.release
        yield from (upgrade_finding(release.name, answer) for answer in self._answers)
        yield from health_findings(self, CONTROLLER, release.health_ports.controller)


class _Installation(Executor):
    """Does the steps of phase 03, in Kubernetes and in Keystone."""

    def __init__(self, phase: Controller, secret_of: SecretOf) -> None:
        self._kubernetes = ManifestExecutor(phase.cluster)
        identity = IdentityClient(phase.cloud.session)
        self._of_kind: dict[str, Executor] = {
            APPLICATION_CREDENTIAL: CredentialExecutor(identity, phase.cluster, secret_of),
            RELEASE.kind: UpgradeExecutor(phase.cluster),
            RUNNING_PODS.kind: VifExecutor(phase.cluster),
        }

    def execute(self, step: Step, body: Body, say: Say) -> Known:
        return self._of_kind.get(step.target.kind, self._kubernetes).execute(step, body, say)


def _is_late(step: Step) -> bool:
    """Whether it waits for the controller to be rolled out."""
    return step.action is Action.DELETE or step.target == RUNNING_PODS


def image_of(deployment: Mapping[str, Any]) -> str:
    """The image of the only container."""
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def _creates_credential(step: Step) -> bool:
    return step.target.kind == APPLICATION_CREDENTIAL and step.action is Action.CREATE


def wait_well(phase: Phase) -> None:
    """Wait until the controller answers well to all questions. Raises DeadlineError."""

    def look() -> tuple[bool, str]:
        port = phase.site.release.health_ports.controller
        found = list(health_findings(phase, CONTROLLER, port))
        bad = [f"{item.title}: {item.evidence}" for item in found if item.status is not Status.PASS]
        return bool(found) and not bad, "; ".join(bad) or "there is no pod"

    done, seen = wait_for("the controller to answer /ready and /alive", WELL_SECONDS, look)
    if not done:
        raise DeadlineError(
            f"the controller is not well with its new login after {WELL_SECONDS:.0f} s: {seen}",
            remedy="no application credential was deleted: mend the cause, and run it again",
        )


def health_findings(phase: Phase, component: str, port: int) -> Iterator[Finding]:
    """What each pod of a component answers on its health port, asked inside the pod.

    A pod reached over the network would test the security groups as well, and a port open to the
    nodes only would look like a sick pod. One on its way out, as after a rollout, is not asked: it
    may be gone before it answers.
    """
    namespace = phase.site.kubernetes.namespace
    pods = phase.cluster.list_objects("v1", "Pod", namespace=namespace, labels=f"name={component}")
    for pod in pods:
        if "deletionTimestamp" in pod["metadata"]:
            continue
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
