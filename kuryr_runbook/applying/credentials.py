"""Carry out the steps of Kuryr's application credential.

Within one step the secret goes from Keystone's response into the cluster's Secret, and nowhere
else: no outcome contains it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kuryr_runbook.applying.steps import Executor, Known, Say
from kuryr_runbook.clients.kubernetes.api import KubernetesWriter
from kuryr_runbook.clients.openstack.identity import IdentityWriter
from kuryr_runbook.model.bodies import AccessRuleRemoval, Body, plain
from kuryr_runbook.model.errors import AccessError, RunbookError
from kuryr_runbook.model.objects import Resource
from kuryr_runbook.model.plan import Action, Step
from kuryr_runbook.specs.access_rules import TRIALS, objection

SecretOf = Callable[[str, str], Mapping[str, Any]]
"""The Secret for the controller, with id and secret of an application credential."""


class CredentialExecutor(Executor):
    """Does the steps of application credentials, and of access rules that none uses.

    One with access rules is tried before the cluster gets it, and deleted if a service does not
    enforce them. After an interruption between the two writes, Keystone has one that no Secret
    contains: the next plan deletes it.
    """

    def __init__(
        self,
        identity: IdentityWriter,
        cluster: KubernetesWriter,
        secret_of: SecretOf | None = None,
    ) -> None:
        """`secret_of`: None if credentials are only deleted."""
        self._identity = identity
        self._cluster = cluster
        self._secret_of = secret_of

    def execute(self, step: Step, body: Body, say: Say) -> Known:
        """Create one and write the Secret, or delete one, or access rules.

        Raises AccessError if a service does not enforce the access rules of a new one.
        """
        match step.action:
            case Action.CREATE if self._secret_of is not None:
                made = self._identity.create_application_credential(plain(body))
                if "access_rules" in plain(body):
                    self._try_rules(made, step)
                secret = self._secret_of(made["id"], made["secret"])
                self._cluster.apply(secret, force=bool(step.conflicts))
                return {"id": made["id"]}
            case Action.DELETE if isinstance(body, AccessRuleRemoval):
                for rule in body.rules:
                    self._delete_rule(rule, say)
                return {}
            case Action.DELETE:
                self._identity.delete_application_credential(str(step.id))
                return {}
        raise AssertionError(f"no way to {step.action} {step.target}")

    def _try_rules(self, made: Resource, step: Step) -> None:
        """Use the new credential within its access rules and outside; delete it if that is wrong.

        A service that does not know its own type refuses everything; one whose tokens something
        else checks permits everything.
        """
        try:
            for trial in TRIALS:
                paths = (trial.inside, trial.outside)
                login = (made["id"], made["secret"])
                found = objection(trial, self._identity.statuses(*login, trial.service, paths))
                if found is not None:
                    raise AccessError(
                        f"access rules cannot be used: {found.text}; {step.target.name} was "
                        "deleted again, and Kuryr's login is as it was",
                        remedy=f"{found.way_out}, or leave out kuryr.credential_access_rules",
                    )
        except RunbookError:
            self._identity.delete_application_credential(made["id"])
            raise

    def _delete_rule(self, rule: str, say: Say) -> None:
        """Delete an access rule if Keystone permits that: what is left of them harms nobody."""
        try:
            self._identity.delete_access_rule(rule)
        except AccessError as error:
            say(f"access rule {rule} is kept: {error.message}")
