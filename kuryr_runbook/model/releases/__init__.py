"""Kuryr releases: what differs between them, as data with its sources.

Everything else consults this data, and never compares a release's name. The types are in `parts`
and `release`, the releases in `catalogue`, their rights in the cluster in `permissions`, Kuryr's
names in Kubernetes in `names`, and what may go wrong in `hazards`.
"""

from kuryr_runbook.model.releases.catalogue import RELEASES
from kuryr_runbook.model.releases.parts import (
    CniPlugin,
    ConstraintSet,
    ConstraintsName,
    Crd,
    Extension,
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
    "Extension",
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
