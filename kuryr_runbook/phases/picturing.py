"""The picture of a site, from a snapshot of diagnosis."""

from __future__ import annotations

from kuryr_runbook.checking.diagnosis import check_diagnosis
from kuryr_runbook.checking.picture.topology import topology_of
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.display.tables import View
from kuryr_runbook.display.topology import topology_view
from kuryr_runbook.snapshots.diagnosis import DiagnosisSnapshot


def site_picture(snapshot: DiagnosisSnapshot) -> View:
    """The topology of the site, with all that diagnosis finds marked on it."""
    look = Look(snapshot)
    topology = topology_of(look, check_diagnosis(look))
    return topology_view(topology, f"Topology of site {topology.site}")
