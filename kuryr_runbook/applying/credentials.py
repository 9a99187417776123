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
from kuryr_runbook.model.bodies import Body, plain
from kuryr_runbook.model.plan import Action, Step

SecretOf = Callable[[str, str], Mapping[str, Any]]
"""The Secret for the controller, with id and secret of an application credential."""


class CredentialExecutor(Executor):
    """Does the steps of application credentials.

    After an interruption between the two writes, Keystone has one that no Secret contains: the next
    plan deletes it.
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
        """Create one and write the Secret, or delete one."""
        match step.action:
            case Action.CREATE if self._secret_of is not None:
                made = self._identity.create_application_credential(plain(body))
                secret = self._secret_of(made["id"], made["secret"])
                self._cluster.apply(secret, force=bool(step.conflicts))
                return {"id": made["id"]}
            case Action.DELETE:
                self._identity.delete_application_credential(str(step.id))
                return {}
        raise AssertionError(f"no way to {step.action} {step.target}")
