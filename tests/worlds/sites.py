"""Sites of tests: the lab's, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from worlds.writing import copied

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.site_file import parse_site

PARAMETERS = Path(__file__).parents[2] / "parameters"
LAB = PARAMETERS / "lab.yaml"
LAB_TEXT = LAB.read_text()
IMAGE = "203.0.113.130:5443/kuryr/kuryr@sha256:" + "a" * 64
"""Kuryr's image in the lab's registry, as the runbook names it."""
_SECTIONS: dict[str, Any] = yaml.safe_load(LAB_TEXT)

_parsed = cache(parse_site)
"""A site cannot be changed, and is parsed once; reading YAML takes longer than most tests."""


def lab_site(driver: VifDriver = VifDriver.NESTED_MACVLAN, /, **changes: str) -> Site:
    """The lab's site, with another driver, and with other words in its file, if asked for."""
    text = LAB_TEXT.replace("vif_driver: nested-macvlan", f"vif_driver: {driver}")
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return _parsed(text, LAB.name)


def lab_sections(**changes: Mapping[str, Any]) -> dict[str, Any]:
    """What the lab's site file says, with other values in these sections."""
    sections: dict[str, Any] = copied(_SECTIONS)
    for name, values in changes.items():
        sections[name] |= values
    return sections


def lab_site_with(**changes: Mapping[str, Any]) -> Site:
    """The lab's site with other values in these sections."""
    return Site.model_validate(lab_sections(**changes))
