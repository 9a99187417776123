"""Kuryr's custom resources, and the finalizers that it sets on them and on other objects."""

from __future__ import annotations

from kuryr_runbook.model.releases.names import OWN_DOMAIN, POD_FINALIZER, PORT_FINALIZER
from kuryr_runbook.model.releases.parts import Crd, Finalizer

DEFINITIONS = (
    Crd(kind="KuryrPort", plural="kuryrports", short_name="kp"),
    Crd(kind="KuryrLoadBalancer", plural="kuryrloadbalancers", short_name="klb"),
    Crd(kind="KuryrNetwork", plural="kuryrnetworks", short_name="kns"),
    Crd(kind="KuryrNetworkPolicy", plural="kuryrnetworkpolicies", short_name="knp"),
)

FINALIZERS = (
    Finalizer(kind="Pod", name=POD_FINALIZER),
    Finalizer(kind="Service", name=f"{OWN_DOMAIN}/service-finalizer"),
    Finalizer(kind="KuryrPort", name=PORT_FINALIZER),
    Finalizer(kind="KuryrLoadBalancer", name=f"{OWN_DOMAIN}/kuryrloadbalancer-finalizers"),
    Finalizer(kind="KuryrNetwork", name=f"kuryrnetwork.finalizers.{OWN_DOMAIN}"),
    Finalizer(kind="NetworkPolicy", name=f"{OWN_DOMAIN}/networkpolicy-finalizer"),
)
