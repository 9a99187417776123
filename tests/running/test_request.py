"""What a run hands to its notebooks describes the same site."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kuryr_runbook.model.options import PARAMETERS, Options
from kuryr_runbook.model.packaged import packaged
from kuryr_runbook.model.site_file import SECTIONS, site_digest
from kuryr_runbook.phases.catalogue import PHASES
from kuryr_runbook.phases.parameters import read_parameters
from kuryr_runbook.phases.site.reading import chosen_site, read_site
from kuryr_runbook.running.request import RunRequest

SITES = sorted(packaged("parameters").glob("*.yaml"))


@pytest.mark.parametrize("path", SITES, ids=lambda path: path.stem)
def test_a_site_comes_back_from_the_parameters_as_it_was(path: Path) -> None:
    site = read_site(path)
    options = Options(resilience=True, keep=("openstack",))
    request = RunRequest(
        site=site,
        site_file=path,
        phases=PHASES,
        dry_run=True,
        options=options,
    )
    parameters = json.loads(json.dumps(request.parameters))
    assert set(parameters) <= set(PARAMETERS) - {"record"}
    declared = {"name": "", "dry_run": False, **{name: {} for name in PARAMETERS if name != "name"}}
    given = read_parameters({**declared, **parameters})
    assert (given.dry_run, given.options) == (True, options)
    again = chosen_site(given.site)
    assert site_digest(again) == site_digest(site)
    assert all(getattr(again, name) == getattr(site, name) for name in SECTIONS)
