"""The work by the runbook's phase in a plain process: no notebook, no kernel.

python phase.py SITE
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.openstack_prep import OpenStackPrep

phase = OpenStackPrep(Site.model_validate(yaml.safe_load(Path(sys.argv[1]).read_text())))
phase.carry_out(phase.make_plan())
