"""Planning several phases: in their order, at the same time, from the same readings."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Barrier
from typing import Any

import pytest
from worlds.sites import LAB

from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.model.plan import Plan
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.catalogue import plan_site
from kuryr_runbook.phases.site.reading import read_site
from kuryr_runbook.phases.sources import Sources

NAMES = ("first", "second", "third")


@dataclass
class Entry:
    """Stands for a phase whose plan waits for those of all others."""

    name: str
    lasting: bool
    together: Barrier
    seen: list[Sources]
    broken: bool = False

    def load(self) -> Any:
        entry = self

        class Phase:
            sources: Sources

            def __init__(self, site: Site, **options: object) -> None:
                assert options == {"dry_run": True, "options": None}

            def make_plan(self) -> Plan:
                entry.together.wait()
                entry.seen.append(self.sources)
                if entry.broken:
                    raise DriftError(entry.name)
                return Plan(phase=entry.name, steps=())

        return Phase


def entries(**more: Any) -> tuple[list[Any], list[Sources]]:
    together, seen = Barrier(len(NAMES), timeout=60), list[Sources]()
    found = [Entry(name, True, together, seen, **more) for name in NAMES]
    return [*found, Entry("fleeting", False, together, seen)], seen


def test_phases_that_change_something_are_planned_together() -> None:
    phases, seen = entries()
    assert [plan.phase for plan in plan_site(read_site(LAB), phases)] == [*NAMES]
    assert len(set(map(id, seen))) == 1


def test_of_several_errors_the_first_phase_s_is_raised() -> None:
    phases, _ = entries(broken=True)
    with pytest.raises(DriftError, match="first"):
        list(plan_site(read_site(LAB), phases))


def test_no_phase_is_no_plan() -> None:
    assert list(plan_site(read_site(LAB), [])) == []
