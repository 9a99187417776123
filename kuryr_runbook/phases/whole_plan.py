"""The plan of a whole site: every phase that leaves something, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kuryr_runbook.model.plan import Plan
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.catalogue import PhaseEntry


def plan_site(site: Site, phases: Iterable[PhaseEntry]) -> Iterator[Plan]:
    """The plan of each phase, made ahead of what the phases before it would make.

    Changes nothing. Raises what the phases raise: a cloud that does not answer, resources that
    exist and do not fit.
    """
    for entry in phases:
        if entry.lasting:
            yield entry.load()(dry_run=True, **dict(site)).make_plan()
