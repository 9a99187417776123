"""Sites of tests: the lab's, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.site_file import parse_site

LAB = Path(__file__).parents[2] / "parameters" / "lab.yaml"


def lab_site(driver: VifDriver = VifDriver.NESTED_MACVLAN) -> Site:
    """The lab's site, with another driver if asked for."""
    site = parse_site(LAB.read_text(), LAB.name)
    return site.model_copy(update={"kuryr": site.kuryr.model_copy(update={"vif_driver": driver})})
