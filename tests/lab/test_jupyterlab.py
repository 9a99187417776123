"""A person installs Kuryr on the lab in JupyterLab: picks the site, steps through every phase."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.browsing import Jupyter, Person, browser_page, jupyterlab
from support.repository import REPOSITORY

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.catalogue import PHASES, TEARDOWN, PhaseEntry

pytestmark = [pytest.mark.lab, pytest.mark.browser]

SITE = "parameters/lab.yaml"
HAS_CHANGES = ("openstack_prep", "verification")
"""The phases that have something to do: a rule was taken away, and the workload is made anew."""
CELL_SECONDS = 600.0
"""For the longest cell: a rollout, or the verification's traffic."""


@pytest.fixture(scope="module")
def jupyter(kuryr: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """JupyterLab where a person has the lab's site file."""
    directory = tmp_path_factory.mktemp("person")
    (directory / "parameters").symlink_to(REPOSITORY / "parameters")
    with jupyterlab(directory, tmp_path_factory.mktemp("jupyter")) as found:
        yield found


@pytest.fixture
def person() -> Iterator[Person]:
    with browser_page() as found:
        yield found


@pytest.fixture
def rule_is_gone(kuryr: Site, cloud: OpenStackClient) -> None:
    """Somebody took away the rule that is forgotten most often."""
    [group] = cloud.list_resources("security_group", name=kuryr.network.node_security_group)
    [rule] = cloud.list_resources(
        "security_group_rule",
        security_group_id=group["id"],
        remote_ip_prefix=str(kuryr.network.service_subnet.cidr),
    )
    cloud.delete("security_group_rule", rule["id"])


@pytest.mark.usefixtures("rule_is_gone")
def test_a_person_steps_through_all_phases(
    jupyter: Jupyter, person: Person, cluster: KubernetesClient
) -> None:
    _pick_the_site(jupyter, person)
    for entry in PHASES:
        _step_through(jupyter, person, entry)
    # The verification took its workload away again.
    names = {item["metadata"]["name"] for item in cluster.list_objects("v1", "Namespace")}
    assert "kuryr-verification" not in names


def test_teardown_waits_for_approval_as_well(jupyter: Jupyter, person: Person) -> None:
    """It is planned and refused, and not approved: other tests need what is there."""
    if not (jupyter.directory / "site.yaml").exists():
        _pick_the_site(jupyter, person)
    person.open(jupyter, TEARDOWN.notebook)
    for cell in ("parameters", "begin", "plan"):
        _run(person, cell)
    refused = person.run("apply", CELL_SECONDS)
    assert refused.startswith("ApprovalError: teardown: nothing was changed")


def _pick_the_site(jupyter: Jupyter, person: Person) -> None:
    person.open(jupyter, "start.ipynb")
    _run(person, "site")
    form = person.cell("site")
    form.get_by_label("Site file", exact=True).select_option(label=f"{SITE}: lab")
    form.get_by_text("This is a valid site").wait_for()
    form.get_by_role("button", name="Use this site").click()
    form.get_by_text(f"The notebooks now work with {SITE}").wait_for()
    person.screenshot("lab-start", "site")
    assert "02 openstack prep" in _run(person, "standing")
    person.screenshot("lab-standing", "standing")
    person.leave()


def _step_through(jupyter: Jupyter, person: Person, entry: PhaseEntry) -> None:
    """Every code cell in its order, as Shift-Enter does; a plan with changes is approved first."""
    person.open(jupyter, entry.notebook)
    for cell in person.code_cells():
        if cell == "apply" and entry.name in HAS_CHANGES:
            refused = person.run(cell, CELL_SECONDS)
            assert "ApprovalError" in refused
            person.screenshot(f"lab-{entry.stem}-plan", "plan")
            person.approve("plan")
        _run(person, cell)
        if cell == "check":
            person.screenshot(f"lab-{entry.stem}-check", "check")
    if entry.name == "verification":
        _see_the_acceptance_checks(person)
    person.leave()


def _see_the_acceptance_checks(person: Person) -> None:
    table = person.cell("check").get_by_role("table", name="verification")
    table.get_by_text("Every pod reaches every other pod").wait_for()
    # JupyterLab shows no text of what it has scrolled out of sight, but has it.
    text = table.text_content() or ""
    assert "✓ pass" in text
    assert "FAIL" not in text
    for theme in ("Dark", "Light"):
        person.theme(f"JupyterLab {theme}")
        person.screenshot(f"lab-verification-{theme.lower()}", "check")


def _run(person: Person, cell: str) -> str:
    """What the cell says, which has to end without an error."""
    shown = person.run(cell, CELL_SECONDS)
    assert not person.failed(cell), shown
    return shown
