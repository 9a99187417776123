"""Kuryr releases: what differs between them, as data with its sources.

Everything else asks this data; nowhere is a release compared by its name. `parts` and `release`
have the types, `catalogue` the releases, `permissions` what each may do in the cluster, `names` how
it is known in Kubernetes, `hazards` what may go wrong.
"""

from kuryr_runbook.model.releases.catalogue import RELEASES
from kuryr_runbook.model.releases.parts import (
    CniPlugin,
    ConstraintSet,
    ConstraintsName,
    Crd,
    Finalizer,
    GoBuild,
    Hazard,
    ImageInputs,
    KubernetesWindow,
    MtuRule,
    Ports,
    Rule,
    ServiceTraits,
    StatePlace,
    minor_version,
)
from kuryr_runbook.model.releases.release import SOURCES, Release

__all__ = [
    "RELEASES",
    "SOURCES",
    "CniPlugin",
    "ConstraintSet",
    "ConstraintsName",
    "Crd",
    "Finalizer",
    "GoBuild",
    "Hazard",
    "ImageInputs",
    "KubernetesWindow",
    "MtuRule",
    "Ports",
    "Release",
    "Rule",
    "ServiceTraits",
    "StatePlace",
    "minor_version",
]
