"""The phases in their order: number, notebook and class. Nothing is imported until it is needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from kuryr_runbook.model.errors import UsageError

if TYPE_CHECKING:
    from kuryr_runbook.model.plan import Plan
    from kuryr_runbook.model.site import Site
    from kuryr_runbook.phases.base import Phase


@dataclass(frozen=True, slots=True)
class PhaseEntry:
    """A phase, as the command line and the runner know it."""

    number: str
    """Two digits, as in the notebook's file name."""
    name: str
    """Stem of the notebook without its number, and name of the module in `phases`."""
    class_name: str
    title: str
    """What it does, in a line for the terminal."""
    lasting: bool = True
    """Whether what it makes stays: preflight makes nothing, and the verification's goes again."""
    needs_cluster: bool = True
    """Whether there has to be a cluster. A runner asks here: importing a phase takes its time."""

    @property
    def stem(self) -> str:
        """File name of the notebook without `.ipynb`."""
        return f"{self.number}_{self.name}"

    @property
    def notebook(self) -> str:
        """File name of the notebook."""
        return f"{self.stem}.ipynb"

    def load(self) -> type[Phase]:
        """The class that the notebook's cells use."""
        module = import_module(f"kuryr_runbook.phases.{self.name}")
        found: type[Phase] = getattr(module, self.class_name)
        return found


PHASES: tuple[PhaseEntry, ...] = (
    PhaseEntry(
        "00",
        "preflight",
        "Preflight",
        "Look for all that may be in the way",
        lasting=False,
        needs_cluster=False,
    ),
    PhaseEntry("01", "image_build", "ImageBuild", "Build and push the image", needs_cluster=False),
    PhaseEntry("02", "openstack_prep", "OpenStackPrep", "Prepare networks and load balancer"),
    PhaseEntry("03", "controller", "Controller", "Deploy the controller"),
    PhaseEntry("04", "daemon", "Daemon", "Deploy the daemon and the CNI plugin"),
    PhaseEntry("05", "verification", "Verification", "Verify with a workload", lasting=False),
)
"""From nothing to pods on Neutron networks, in order."""

TROUBLESHOOTING = PhaseEntry(
    "90", "troubleshooting", "Troubleshooting", "Find out what is wrong", lasting=False
)
TEARDOWN = PhaseEntry("99", "teardown", "Teardown", "Remove what the runbook made")


def chosen(
    only: Sequence[str] = (), first: str | None = None, last: str | None = None
) -> list[PhaseEntry]:
    """The phases of these names in their order, or those from the first to the last; else all.

    Raises UsageError when the first comes after the last, or names and ends are given.
    """
    if only and (first or last):
        raise UsageError("--only names the phases: it goes with neither --from nor --until")
    names = [phase.name for phase in PHASES]
    begin = names.index(first) if first else 0
    end = names.index(last) + 1 if last else len(names)
    if begin >= end:
        raise UsageError(
            f"--from {first} comes after --until {last}: the order is {', '.join(names)}"
        )
    return [phase for phase in PHASES[begin:end] if not only or phase.name in only]


def plan_site(site: Site, phases: Iterable[PhaseEntry]) -> Iterator[Plan]:
    """The plan of each phase, made ahead of what the phases before it would make.

    Changes nothing. Raises what the phases raise: a cloud that does not answer, resources that
    exist and do not fit.
    """
    for entry in phases:
        if entry.lasting:
            yield entry.load()(site, dry_run=True).make_plan()
