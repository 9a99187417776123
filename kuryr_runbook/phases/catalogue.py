"""The phases in order: number, notebook and class. Each is imported only when it is needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from kuryr_runbook.model.errors import UsageError

if TYPE_CHECKING:
    from kuryr_runbook.model.options import Options
    from kuryr_runbook.model.plan import Plan
    from kuryr_runbook.model.site import Site
    from kuryr_runbook.phases.base import Phase


@dataclass(frozen=True, slots=True)
class PhaseEntry:
    """What the command line and the runner know about a phase."""

    number: str
    """Two digits, as in the notebook's file name."""
    name: str
    """The notebook's name without its number, and the name of the module in `phases`."""
    class_name: str
    title: str
    """What it does, in one line for the terminal."""
    lasting: bool = True
    """Whether what it creates stays: preflight creates nothing, verification removes its own."""
    unplanned: str = ""
    """Why there is no plan of it ahead, after "which"; empty if there is one."""
    needs_cluster: bool = True
    """Whether it needs a cluster. Repeated here because importing a phase takes time."""

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
        "Look for anything that is in the way",
        lasting=False,
        unplanned="changes nothing",
        needs_cluster=False,
    ),
    PhaseEntry("01", "image_build", "ImageBuild", "Build and push the image", needs_cluster=False),
    PhaseEntry("02", "openstack_prep", "OpenStackPrep", "Prepare networks and load balancer"),
    PhaseEntry("03", "controller", "Controller", "Deploy the controller"),
    PhaseEntry("04", "daemon", "Daemon", "Deploy the daemon and the CNI plugin"),
    PhaseEntry(
        "05",
        "verification",
        "Verification",
        "Verify with a workload",
        lasting=False,
        unplanned="removes the workload that it makes",
    ),
)
"""In order, from nothing to pods on Neutron networks."""

AUDIT = PhaseEntry("10", "audit", "Audit", "Look at a Kuryr that somebody installed", lasting=False)
TROUBLESHOOTING = PhaseEntry(
    "90", "troubleshooting", "Troubleshooting", "Find out what is wrong", lasting=False
)
TEARDOWN = PhaseEntry("99", "teardown", "Teardown", "Remove what the runbook made")


def chosen(
    only: Sequence[str] = (), first: str | None = None, last: str | None = None
) -> list[PhaseEntry]:
    """The named phases in their order, or those from `first` to `last`; by default all.

    Raises UsageError when the first comes after the last, or both names and ends are given.
    """
    if only and (first or last):
        raise UsageError("--only cannot be combined with --from or --until")
    names = [phase.name for phase in PHASES]
    begin = names.index(first) if first else 0
    end = names.index(last) + 1 if last else len(names)
    if begin >= end:
        raise UsageError(
            f"--from {first} comes after --until {last}: the order is {', '.join(names)}"
        )
    return [phase for phase in PHASES[begin:end] if not only or phase.name in only]


def plan_site(
    site: Site, phases: Iterable[PhaseEntry], options: Options | None = None
) -> Iterator[Plan]:
    """The plan of each phase, made before the phases it depends on have run.

    They are made at the same time, from the same readings. Changes nothing. Raises what the phases
    raise: for a cloud that does not answer, or for existing resources that do not fit.
    """
    planned = planned_together(site, phases, options)
    with ThreadPoolExecutor(max(len(planned), 1)) as pool:
        yield from pool.map(lambda phase: phase.make_plan(), planned.values())


def planned_together(
    site: Site, phases: Iterable[PhaseEntry], options: Options | None = None
) -> dict[str, Phase]:
    """Those of the phases that have plans, by name; whatever two of them need is read once."""
    from kuryr_runbook.phases.sources import Sources

    sources = Sources(site, unchanging=True)
    planned: dict[str, Phase] = {}
    for entry in phases:
        if entry.lasting:
            planned[entry.name] = entry.load()(site, dry_run=True, options=options)
            planned[entry.name].sources = sources
    return planned
