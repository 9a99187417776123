"""Kuryr's custom resources, and the finalizers that it sets on them and on other objects."""

from __future__ import annotations

from kuryr_runbook.model.releases.parts import Crd, Finalizer

DEFINITIONS = (
    Crd(kind="KuryrPort", plural="kuryrports", short_name="kp"),
    Crd(kind="KuryrLoadBalancer", plural="kuryrloadbalancers", short_name="klb"),
    Crd(kind="KuryrNetwork", plural="kuryrnetworks", short_name="kns"),
    Crd(kind="KuryrNetworkPolicy", plural="kuryrnetworkpolicies", short_name="knp"),
)

POD_FINALIZER = "kuryr.openstack.org/pod-finalizer"
PORT_FINALIZER = "kuryr.openstack.org/kuryrport-finalizer"

FINALIZERS = (
    Finalizer(kind="Pod", name=POD_FINALIZER),
    Finalizer(kind="Service", name="kuryr.openstack.org/service-finalizer"),
    Finalizer(kind="KuryrPort", name=PORT_FINALIZER),
    Finalizer(kind="KuryrLoadBalancer", name="kuryr.openstack.org/kuryrloadbalancer-finalizers"),
    Finalizer(kind="KuryrNetwork", name="kuryrnetwork.finalizers.kuryr.openstack.org"),
    Finalizer(kind="NetworkPolicy", name="kuryr.openstack.org/networkpolicy-finalizer"),
)
