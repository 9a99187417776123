"""Phase 05: the acceptance checks, with a workload of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from kuryr_runbook.applying.by_kind import apply_manifests
from kuryr_runbook.display.plans import left_out_view, plan_view
from kuryr_runbook.display.progress import say
from kuryr_runbook.display.tables import View, table
from kuryr_runbook.display.topology import site_picture
from kuryr_runbook.model.bodies import plain
from kuryr_runbook.model.errors import DeadlineError
from kuryr_runbook.model.findings import Finding
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.plan import Outcome, Plan
from kuryr_runbook.phases.base import Phase, judged
from kuryr_runbook.phases.earlier.image import deployed_image, registry_login
from kuryr_runbook.phases.waits.rollout import ROLLOUT_SECONDS, wait_rolled_out
from kuryr_runbook.phases.waits.traffic import (
    POD_SECONDS,
    wait_for_traffic,
    wait_namespace_gone,
    wait_settled,
    wait_traces_gone,
    wait_unchanging,
)
from kuryr_runbook.phases.workload.checks import checked
from kuryr_runbook.phases.workload.namespaces import own_namespace
from kuryr_runbook.phases.workload.policies import (
    PLAN,
    PolicyTrials,
    remove_trials,
    spaces_of_trials,
)
from kuryr_runbook.phases.workload.resilience import Resilience
from kuryr_runbook.planning.kubernetes import plan_manifests
from kuryr_runbook.snapshots.cluster.previews import read_previews
from kuryr_runbook.snapshots.diagnosis import read_diagnosis
from kuryr_runbook.snapshots.workload.traces import read_traces, remaining
from kuryr_runbook.snapshots.workload.workload import read_workload
from kuryr_runbook.specs.controller import CONTROLLER, controller_reference
from kuryr_runbook.specs.workload import (
    namespace_manifest,
    workload_manifests,
)

RESILIENCE = "resilience"
"""The key of the disturbances' findings in records, beside the checks' `findings`."""


class Verification(Phase):
    """Creates a workload, checks it from all sides, and removes it with `remove()`.

    When a check fails the workload stays for you to investigate. A later run finds it and keeps
    it; teardown removes it, as does `remove()`.
    """

    name = "verification"
    lasting = False

    def manifests(self) -> list[Manifest]:
        """The wanted objects."""
        image = deployed_image(self.site, ahead=self.dry_run)
        return workload_manifests(self.site, image, registry_login(self.site))

    def make_plan(self) -> Plan:
        """Compare the workload's manifests with the cluster.

        Waits first for an earlier run's workload that is being deleted. Raises DriftError when the
        namespace belongs to somebody else.
        """
        namespace = self._own_namespace()
        if namespace is not None and "deletionTimestamp" in namespace["metadata"]:
            wait_namespace_gone(namespace_manifest(self.site), self.cluster)
        return plan_manifests(self.name, read_previews(self.manifests(), self.cluster))

    def carry_out(self, plan: Plan) -> list[Outcome]:
        """Apply, then wait until the workload runs and its Service carries traffic.

        Anything that is not there in time is only reported here; the checks find out why.
        """
        outcomes = apply_manifests(plan, self.cluster, say)
        deployment = next(plain(s.body) for s in plan.steps if s.target.kind == "Deployment")
        try:
            pods = POD_SECONDS * self.site.verification.replicas
            wait_rolled_out(self.cluster, deployment, ROLLOUT_SECONDS + pods)
        except DeadlineError as error:
            say(error.message)
        else:
            wait_for_traffic(self.site, self.cluster, self.cloud)
        return outcomes

    def findings(self) -> Iterable[Finding]:
        """Read cluster and cloud, test from every pod, and check; diagnose what fails."""
        wait_unchanging(self.site, self.cloud)
        return checked(self.site, self.cluster, self.cloud)

    def plan_resilience(self) -> View:
        """Show what `try_resilience()` would disturb; without the option, say so."""
        if not self.options.resilience:
            return self._undisturbed()
        view = plan_view(self._resilience().plan(), everything=True)
        # The record gets the phase's plan, not this one.
        return replace(view, data={})

    def try_resilience(self) -> View:
        """Disturb one thing after the other, and check each time that everything recovers.

        Does nothing without the option, nor in a dry run. Raises CheckError when something did not
        recover, or was lost. No node stays cordoned, however it ends.
        """
        if not self.options.resilience or self.dry_run:
            return self._undisturbed()
        with self.locked():
            return judged(RESILIENCE, self._resilience().findings(), key=RESILIENCE)

    def plan_policies(self) -> View:
        """Show what `try_policies()` would create, if the site has network policies."""
        if not self.site.kuryr.network_policies:
            return self._untried()
        if left := spaces_of_trials(self.site, self.cluster):
            # Pods take no other image or scripts: what is left is not changed, but made anew.
            rows = [(it["metadata"]["name"], "left by an earlier trial") for it in left]
            return table("Network policies", ("first removed, then made anew", "why"), rows)
        return replace(plan_view(self._policies().plan(), everything=True), data={})

    def try_policies(self) -> View:
        """Try network policies with pods in two namespaces of their own, and remove these.

        Does nothing if the site has no network policies, nor in a dry run. Raises CheckError when
        something gets through that should not, or the other way round; then all of it stays until
        `remove()`.
        """
        if not self.site.kuryr.network_policies or self.dry_run:
            return self._untried()
        with self.locked():
            return judged(PLAN, self._policies().findings(), key=PLAN)

    def _untried(self) -> View:
        if self.dry_run:
            return left_out_view(self.name, "no policy was tried")
        rows = [("the site has none: kuryr.network_policies is off",)]
        return table("Network policies", ("nothing was tried",), rows)

    def _policies(self) -> PolicyTrials:
        image = deployed_image(self.site, ahead=self.dry_run)
        login = registry_login(self.site)
        return PolicyTrials(self.site, self.cluster, self.cloud, image, login)

    def _undisturbed(self) -> View:
        if self.dry_run:
            return left_out_view(self.name, "nothing was disturbed")
        rows = [("set options.resilience to true for that; it does nothing in a dry run",)]
        return table("Resilience", ("nothing was disturbed",), rows)

    def _resilience(self) -> Resilience:
        return Resilience(self.site, self.cluster, self.cloud)

    def picture(self) -> View:
        """Draw the site with the workload and what diagnosis finds; nothing fails because of it."""
        if self.dry_run:
            return left_out_view(self.name, "nothing was drawn")
        say("reading cluster and cloud once more, for the picture")
        return site_picture(read_diagnosis(self.site, self.cluster, self.cloud))

    def remove(self) -> View:
        """Delete the workload, and wait until nothing of it is left in OpenStack.

        Does nothing when there is no workload, or in a dry run. Without a running Kuryr, its
        resources in OpenStack stay, and are listed. Raises DriftError when the namespace belongs to
        somebody else, DeadlineError with what is left when Kuryr did not remove it.
        """
        if self.dry_run:
            return left_out_view(self.name, "nothing was removed")
        with self.locked():
            return self._remove()

    def _remove(self) -> View:
        self._resilience().uncordon()
        namespace = self._own_namespace()
        served = self.cluster.get(controller_reference(self.site)) is not None
        if namespace is not None and served:
            wait_settled(self.site, self.cluster)
        workload = read_workload(self.site, self.cluster)
        traces = read_traces(self.site, workload, self.cloud)
        if namespace is not None:
            say(f"deleting namespace {self.site.verification.namespace} and everything in it")
            self.cluster.delete(namespace_manifest(self.site))
        trials = remove_trials(self.site, self.cluster)
        rows = [("Namespace", trials + int(namespace is not None))]
        if served:
            wait_traces_gone(traces, self.cloud)
        elif left := remaining(traces, self.cloud):
            say(f"there is no {CONTROLLER} to remove these; teardown will: {', '.join(left)}")
            return table("Removed", ("kind", "how many"), rows)
        rows += [(kind, len(ids)) for kind, ids in traces.ids.items()]
        rows.append(("address pair", len(traces.pairs)))
        return table("Removed", ("kind", "how many"), rows)

    def _own_namespace(self) -> Manifest | None:
        """The workload's namespace, if there is one."""
        return own_namespace(self.site, self.cluster, namespace_manifest(self.site))
