"""Phase 03: the Kuryr controller; also once more, to give it new credentials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from kuryr_runbook.applying.by_kind import ByKind, ManifestExecutor
from kuryr_runbook.applying.credentials import CredentialExecutor, SecretOf
from kuryr_runbook.applying.steps import Executor, Known, apply_plan
from kuryr_runbook.applying.upgrade import UpgradeExecutor, VifExecutor
from kuryr_runbook.checking.health import check_health, check_upgrade
from kuryr_runbook.clients.files import read_certificates
from kuryr_runbook.clients.openstack.identity import IdentityClient
from kuryr_runbook.display.progress import say
from kuryr_runbook.model.bodies import plain
from kuryr_runbook.model.errors import DeadlineError, DriftError, EarlierPhaseError
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.plan import Action, Outcome, Plan, Step, Target
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.phases.consequences import with_consequences
from kuryr_runbook.phases.earlier.image import deployed_image, movable, registry_login
from kuryr_runbook.phases.waits.polling import wait_for
from kuryr_runbook.phases.waits.rollout import wait_rolled_out
from kuryr_runbook.planning.credentials import (
    APPLICATION_CREDENTIAL,
    UNUSED_RULES,
    plan_credentials,
)
from kuryr_runbook.planning.kubernetes import plan_manifests
from kuryr_runbook.planning.pools import refuse_unmoved
from kuryr_runbook.planning.upgrade import (
    RELEASE,
    RUNNING_PODS,
    after_first,
    plan_move,
    plan_vif_moves,
)
from kuryr_runbook.snapshots.cloud.credentials import read_credentials
from kuryr_runbook.snapshots.cluster.health import read_health
from kuryr_runbook.snapshots.cluster.installed import read_unmoved
from kuryr_runbook.snapshots.cluster.previews import read_previews
from kuryr_runbook.specs import kuryr_conf, upgrade_check
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
from kuryr_runbook.specs.kuryr_conf import CREDENTIAL_SECRET, Conf
from kuryr_runbook.specs.manifests import made_for, pull_secret, secret

WELL_SECONDS = 120.0
"""How long the controller may take from available to healthy, and its old pod to end."""


class Controller(Phase):
    """Installs the controller: configuration in a Secret, least-privilege roles, a Deployment."""

    name = "controller"
    rotates: ClassVar[bool] = False
    """Whether Kuryr gets a new application credential even if it has a valid one."""
    _config: ControllerConfig
    """The controller's configuration according to the last plan."""
    _answers: Iterable[Known] = ()
    """The results of Kuryr's upgrade check, if this phase has run it."""

    def manifests(self, config: ControllerConfig, *, without_config: bool) -> list[Manifest]:
        """The wanted objects. Raises EarlierPhaseError when phase 01 is not done.

        They do not include the Secret with the configuration as long as its application credential
        does not exist: the step that creates the credential writes the Secret, too.
        """
        image = deployed_image(self.site, ahead=self.dry_run)
        objects = controller_manifests(self.site, image, config)
        left_out = {CA_SECRET} if self._ca_is_given() else set()
        if without_config:
            left_out.add(CONFIG_SECRET)
        objects = [item for item in objects if item["metadata"]["name"] not in left_out]
        registry = registry_login(self.site)
        return [pull_secret(self.site, registry), *objects] if registry else objects

    def configuration(self, login: Login) -> ControllerConfig:
        """The controller's configuration. Raises DriftError when an earlier phase is not done."""
        prepared = self.prepared()
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
        remedy = "name the PEM file of the cloud's CA, or omit the key"
        return read_certificates(path, "openstack.ca_file", remedy=remedy)

    def _ca_is_given(self) -> bool:
        """Whether the cluster already has the cloud's CA, for example from its cloud provider."""
        given = self.cluster.get(secret(self.site, CA_SECRET, {}))
        if given is None or made_for(self.site, given):
            return False
        if CA_KEY not in given.get("data", {}):
            raise DriftError(
                f"Secret {CA_SECRET} was created by somebody else, and has no key {CA_KEY}",
                remedy=f"add the cloud's CA to it under {CA_KEY}, or delete it: the runbook then "
                "creates its own",
            )
        return True

    def make_plan(self) -> Plan:
        """Kuryr's login, then the manifests, then the removal of unused credentials.

        If another release is installed, the new one's upgrade check comes first. Raises DriftError
        when no single step leads from one release to the other.
        """
        installed = movable(self)
        login = plan_login(self, rotate=self.rotates)
        self._config = config = self.configuration(login)
        wanted = self.manifests(config, without_config=login.is_new)
        manifests = plan_manifests(self.name, read_previews(wanted, self.cluster)).steps
        deployment = manifests[-1]
        first = () if login.chosen is None else (self._acceptable(login.chosen, config.conf),)
        waiting = replace(deployment, after=deployment.after | {step.target for step in first})
        retired = [replace(step, after=step.after | {waiting.target}) for step in login.retired]
        check = upgrade_check.upgrade_check(self.site, image_of(plain(deployment.body)))
        move = plan_move(installed, self.site.release, check)
        steps = (*first, *manifests[:-1], waiting, *self._vif_moves(waiting.target), *retired)
        plan = Plan(phase=self.name, steps=after_first(move, steps))
        return with_consequences(plan, self, installed, config.conf)

    def _vif_moves(self, after: Target) -> Iterator[Step]:
        """The move of running pods' state; none if the release keeps it in annotations."""
        release = self.site.release
        if release.crds:
            unmoved = len(read_unmoved(self.cluster))
            refuse_unmoved(self.site, unmoved)
            if step := plan_vif_moves(release, unmoved, after):
                yield step

    def _acceptable(self, step: Step, conf: Conf) -> Step:
        """The step with the conflicts of the Secret that it writes.

        They are looked up before there is a credential, so that a refusal does not waste one.
        """
        if not _creates_credential(step):
            return step
        secret = config_secret(self.site, conf)
        [preview] = read_previews([secret], self.cluster)
        return replace(step, conflicts=preview.conflicts)

    def carry_out(self, plan: Plan) -> list[Outcome]:
        """Apply, wait until the controller is available, and only then do the late steps."""
        executor = self._executor(plan)
        late = tuple(step for step in plan.steps if _is_late(step))
        first = tuple(step for step in plan.steps if not _is_late(step))
        outcomes = apply_plan(replace(plan, steps=first), executor, say)
        wait_rolled_out(self.cluster, plain(first[-1].body))
        if any(step.action is Action.DELETE for step in late):
            self._wait_well()
        own = {step.target for step in late}
        last = tuple(replace(step, after=step.after & own) for step in late)
        outcomes += apply_plan(replace(plan, steps=last), executor, say)
        self._answers = [item.known for item in outcomes if item.step.target == RELEASE]
        return outcomes

    def _executor(self, plan: Plan) -> Executor:
        identity = IdentityClient(self.cloud.session)
        credentials = CredentialExecutor(identity, self.cluster, self._secret_maker(plan))
        of_kind: dict[str, Executor] = {
            APPLICATION_CREDENTIAL: credentials,
            UNUSED_RULES.kind: credentials,
            RELEASE.kind: UpgradeExecutor(self.cluster),
            RUNNING_PODS.kind: VifExecutor(self.cluster),
        }
        return ByKind(of_kind, ManifestExecutor(self.cluster))

    def _secret_maker(self, plan: Plan) -> SecretOf:
        """Renders the planned Secret once there is an application credential to log in with."""
        # Read before there is a credential: a failure then leaves nothing behind.
        creates = any(map(_creates_credential, plan.steps))
        live = self.cluster.get(references(self.site)[0]) if creates else None

        def secret_of(credential_id: str, secret: str) -> Mapping[str, Any]:
            conf = kuryr_conf.logged_in(self._config.conf, credential_id, secret)
            return adopting(config_secret(self.site, conf), live)

        return secret_of

    def _wait_well(self) -> None:
        """Wait until the controller's health checks all pass. Raises DeadlineError."""

        def look() -> tuple[bool, str]:
            found = list(self._health())
            bad = [f"{it.title}: {it.evidence}" for it in found if it.status is not Status.PASS]
            return bool(found) and not bad, "; ".join(bad) or "there is no pod"

        done, seen = wait_for("the controller to answer /ready and /alive", WELL_SECONDS, look)
        if not done:
            raise DeadlineError(
                f"the controller is not healthy with its new login after {WELL_SECONDS:.0f} s: "
                f"{seen}",
                remedy="fix the cause and run it again; no application credential was deleted",
            )

    def _health(self) -> Iterator[Finding]:
        port = self.site.release.health_ports.controller
        return check_health(read_health(self.site, self.cluster, CONTROLLER, port))

    def findings(self) -> Iterable[Finding]:
        """The controller's answers at /ready and /alive, and the upgrade check's if it was run."""
        for answer in self._answers:
            good = answer["status"] == upgrade_check.GOOD
            log = str(answer["log"]).strip()
            yield check_upgrade(self.site.release.name, log, good=good)
        yield from self._health()


def _is_late(step: Step) -> bool:
    """Whether it has to wait until the controller is rolled out."""
    return step.action is Action.DELETE or step.target == RUNNING_PODS


def image_of(deployment: Mapping[str, Any]) -> str:
    """The image of the Deployment's only container."""
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def _creates_credential(step: Step) -> bool:
    return step.target.kind == APPLICATION_CREDENTIAL and step.action is Action.CREATE


class Rotation(Controller):
    """Makes a new application credential, moves the controller to it, and deletes the old one.

    With `credentials: site` there is none to make: what is read from clouds.yaml goes into the
    Secret, and the controller is started anew when it differs.
    """

    name = "rotate_credentials"
    rotates: ClassVar[bool] = True

    def make_plan(self) -> Plan:
        """As phase 03's, but never content with the application credential that there is."""
        _, deployment = references(self.site)
        if self.cluster.get(deployment) is None:
            raise EarlierPhaseError(
                "there is no controller whose credentials could be rotated",
                remedy="install it: kuryr-runbook run",
            )
        plan = super().make_plan()
        if any(step.target == RELEASE for step in plan.changes):
            raise EarlierPhaseError(
                f"the cluster runs another release than the site's {self.site.release.name}",
                remedy="upgrade it first: kuryr-runbook run",
            )
        return plan


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Login:
    """What kuryr.conf gets, and the steps to it; never shown."""

    auth: Mapping[str, str]
    """keystoneauth's options; id and secret are empty while the credential is yet to be made."""
    chosen: Step | None = None
    """Creates or keeps the application credential; None when there is none of ours."""
    retired: tuple[Step, ...] = ()
    """Delete what nobody needs once the controller is well."""

    @property
    def credential(self) -> str:
        """Name of the application credential; empty when it is not the runbook's."""
        return self.chosen.target.name if self.chosen else ""

    @property
    def is_new(self) -> bool:
        """Whether the application credential is yet to be made."""
        return self.chosen is not None and self.chosen.action is Action.CREATE


def plan_login(phase: Phase, *, rotate: bool) -> Login:
    """Read Keystone and cluster, and decide. Raises AccessError for what the user may not do."""
    snapshot = read_credentials(phase.site, IdentityClient(phase.cloud.session), phase.cluster)
    plan = plan_credentials(phase.site, snapshot, rotate=rotate)
    auth = phase.cloud.credentials().auth
    if plan.chosen is not None:
        kept = snapshot.used if plan.chosen.action is Action.KEEP else None
        auth = own_auth(auth, kept.id if kept else "", kept.secret if kept else "")
    return Login(auth=auth, chosen=plan.chosen, retired=plan.retired)


def own_auth(auth: Mapping[str, str], credential_id: str, secret: str) -> dict[str, str]:
    """Options of an application credential at the same Keystone."""
    return {
        "auth_url": auth.get("auth_url", ""),
        "application_credential_id": credential_id,
        CREDENTIAL_SECRET: secret,
    }
