"""Each phase killed once at each of its calls, and each call answered by each fault.

What comes of it is compared with what a run that nothing happened to leaves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from faults.crashing import KILLED, finished, run
from faults.faulty_run import SURVIVED, changed_site, phase_class
from support.awaiting import await_true
from worlds.lab import changes, shape, world

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.model.plan import Target
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.phases.teardown import Teardown
from kuryr_runbook.planning.credentials import APPLICATION_CREDENTIAL

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.exhaustive]

INSTALLING = ("openstack_prep", "controller", "daemon")
OWN = {"kuryr": {"credentials": "application_credential"}}
"""What a site says in which Kuryr gets an application credential of its own."""
SITES: dict[str, dict[str, Any]] = {
    "openstack_prep": {},
    "controller": {},
    "controller with its own credential": OWN,
    "daemon": {},
}
"""The installations that are tried, each by the name of its phase, with the changes of its site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A phase on the lab, after those before it and without those behind it."""

    name: str
    changed: dict[str, Any]
    """What differs from the lab's site."""
    cloud: OpenStackClient
    cluster: KubernetesClient
    before: dict[str, dict[str, str]]
    """The world without the phase's work."""
    made: frozenset[Target]
    """What a teardown takes away with the phase's work that it would not take without it."""
    calls: int
    """How many calls of a clean run change something."""
    clean: list[str]
    """The shape of what a clean run leaves."""

    @property
    def changes_openstack(self) -> bool:
        return self.name == "openstack_prep" or self.changed == OWN

    def phase(self) -> Phase:
        return phase_class(self.name)(Site.model_validate(changed_site(self.changed)))

    def run_again(self) -> None:
        """To the end, after which there is nothing to do, and all is as a clean run leaves it."""
        phase = self.phase()
        phase.plan()
        phase.apply()
        phase.check()
        self.is_as_clean()

    def is_as_clean(self) -> None:
        assert [str(step.target) for step in self.phase().make_plan().changes] == []
        assert shape(self.cloud, self.cluster) == self.clean

    def take_away(self) -> None:
        """Bring the world back to where it was before the phase."""
        teardown = Teardown(Site.model_validate(changed_site(self.changed)))
        plan = teardown.make_plan()
        # Another run's credential has another name.
        made = {
            step.target
            for step in plan.steps
            if step.target in self.made or step.target.kind == APPLICATION_CREDENTIAL
        }
        steps = (replace(it, after=it.after & made) for it in plan.steps if it.target in made)
        teardown.carry_out(replace(plan, steps=tuple(steps)))
        different: list[str] = []

        def is_as_before() -> bool:
            # Kubernetes takes the token of a service account some moments after the account.
            different[:] = changes(self.before, world(self.cloud, self.cluster))
            return not different

        await_true(is_as_before, different)


def removed() -> set[Target]:
    """What a teardown would take away now."""
    return {
        step.target for step in Teardown(Site.model_validate(changed_site({}))).make_plan().steps
    }


@pytest.fixture(scope="module", autouse=True)
def with_kuryr_again(kuryr_run: Path) -> Iterator[None]:
    """Afterwards Kuryr is installed, for the tests that follow."""
    yield
    for phase in INSTALLING:
        finished(phase)


@pytest.fixture(scope="module")
def installation(
    request: pytest.FixtureRequest,
    kuryr_run: Path,
    cloud: OpenStackClient,
    cluster: KubernetesClient,
) -> Installation:
    """One of SITES, with its phase done."""
    name, changed = request.param.partition(" ")[0], SITES[request.param]
    finished("teardown")
    for earlier in INSTALLING[: INSTALLING.index(name)]:
        finished(earlier)
    before, others = world(cloud, cluster), removed()
    calls = finished(name, site=changed)
    return Installation(
        name=name,
        changed=changed,
        cloud=cloud,
        cluster=cluster,
        before=before,
        made=frozenset(removed() - others),
        calls=calls,
        clean=shape(cloud, cluster),
    )


@pytest.mark.parametrize("installation", SITES, indirect=True)
def test_killed_once_at_each_call_it_comes_to_the_same_end(installation: Installation) -> None:
    assert installation.calls > 4
    for call in range(1, installation.calls + 1):
        installation.take_away()
        done = run(installation.name, fault="kill", at=call, site=installation.changed)
        assert done.returncode == KILLED, f"call {call} of {installation.calls}"
        installation.run_again()


@pytest.mark.parametrize("fault", [*SURVIVED, "stall"])
@pytest.mark.parametrize("installation", SITES, indirect=True)
def test_each_call_survives(installation: Installation, fault: str) -> None:
    if fault == "token" and not installation.changes_openstack:
        pytest.skip("it changes Kubernetes only, where a certificate logs in: no token expires")
    installation.take_away()
    finished(installation.name, fault=fault, site=installation.changed)
    installation.is_as_clean()


@pytest.mark.parametrize("installation", SITES, indirect=True)
def test_a_conflict_stops_with_a_clear_message_and_the_next_run_goes_on(
    installation: Installation,
) -> None:
    for call in range(1, installation.calls + 1):
        installation.take_away()
        done = run(installation.name, fault="409", at=call, site=installation.changed)
        assert done.returncode == 1, f"call {call} of {installation.calls}: {done.stderr[-2000:]}"
        assert "answered 409" in done.stderr
        assert "not reached: " in done.stderr
        installation.run_again()


@pytest.mark.parametrize("installation", ["controller with its own credential"], indirect=True)
def test_a_rotation_killed_once_at_each_call_comes_to_the_same_end(
    installation: Installation,
) -> None:
    calls = finished("rotate_credentials", site=OWN)
    assert calls == len(("credential", "Secret", "Deployment", "deletion of the old credential"))
    for call in range(1, calls + 1):
        done = run("rotate_credentials", fault="kill", at=call, site=OWN)
        assert done.returncode == KILLED, f"call {call} of {calls}"
        finished("rotate_credentials", site=OWN)
        installation.is_as_clean()
