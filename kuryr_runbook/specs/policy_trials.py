"""How the verification tries network policies: pods, policies, and who then gets through.

The list follows Kubernetes' own conformance tests for network policies, as far as Kuryr does what
they ask for; docs/policies.md has what it does not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.site import Site
from kuryr_runbook.specs.manifests import labels
from kuryr_runbook.specs.workload import (
    DEMO,
    POD_PORT,
    SCRIPTS_DIRECTORY,
    SERVICE_PORT,
    pod_spec,
    script_manifests,
    server_container,
)
from kuryr_runbook.specs.workload import SERVER as DEMO_SERVER

SERVER, FRIEND, STRANGER, VISITOR = "server", "friend", "stranger", "visitor"
PODS = (SERVER, FRIEND, STRANGER, VISITOR)
"""The last one is in a namespace of its own."""
SERVICE = "server"
SECOND_PORT = POD_PORT + 1
REACH = "reach.py"
ROLE, GUEST = "kuryr-runbook/role", "kuryr-runbook/guest"
"""Labels of pods, for policies; `ROLE` is a namespace's, too."""
LONGEST = 63
"""Characters of a name (RFC 1123)."""


@dataclass(frozen=True, slots=True, order=True)
class Way:
    """A client and what it asks: a pod, or the Service in front of it."""

    client: str
    server: str
    port: int

    def __str__(self) -> str:
        return f"{self.client} to {'Service ' * self.is_of_service}{self.server}:{self.port}"

    @property
    def is_of_service(self) -> bool:
        """Whether a load balancer is in between."""
        return self.port == SERVICE_PORT


TO_SERVER = {name: Way(name, SERVER, POD_PORT) for name in (FRIEND, STRANGER, VISITOR)}
TO_SECOND = {name: Way(name, SERVER, SECOND_PORT) for name in (FRIEND, STRANGER, VISITOR)}
ASIDE = Way(FRIEND, STRANGER, POD_PORT)
AWAY = Way(FRIEND, VISITOR, POD_PORT)
BACK = Way(SERVER, FRIEND, POD_PORT)
SERVED = {name: Way(name, SERVICE, SERVICE_PORT) for name in (FRIEND, STRANGER)}
DIRECT = frozenset({*TO_SERVER.values(), *TO_SECOND.values(), ASIDE, AWAY, BACK})
OTHERS = frozenset({ASIDE, AWAY, BACK})
"""Those that do not lead to the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Policies, and what is open with them."""

    name: str
    title: str
    policies: Mapping[str, Manifest]
    """The specification of each policy, by name; there are no others."""
    open: frozenset[Way]
    """All other direct ways are closed. Through the Service only those in here are asked for: with
    Octavia's `amphora` the pod's group admits the load balancer, whoever its client is."""
    guest: str = FRIEND
    """The pod with the label of guests."""

    @property
    def judged(self) -> frozenset[Way]:
        """The ways that have to be open or closed."""
        return DIRECT | self.open


def trials(addresses: Mapping[str, str]) -> tuple[Trial, ...]:
    """All of them, one after the other; `addresses` are those of the pods, by name."""
    guests = {"podSelector": {"matchLabels": {GUEST: "yes"}}}
    visitors = {"namespaceSelector": {"matchLabels": {ROLE: VISITOR}}}
    the_server = {"podSelector": {"matchLabels": {ROLE: SERVER}}}
    to_server = _ingress(guests)
    ranges = {"cidr": "0.0.0.0/0", "except": [f"{addresses[STRANGER]}/32"]}
    everything = DIRECT | {*SERVED.values()}
    of_others = frozenset(way for way in everything if way.client != FRIEND)
    friend, stranger, visitor = (
        frozenset({TO_SERVER[name]}) for name in (FRIEND, STRANGER, VISITOR)
    )
    return (
        Trial(
            name="policy-none",
            title="Without a policy everybody gets through",
            policies={},
            open=everything,
        ),
        Trial(
            name="policy-deny",
            title="A namespace that admits nobody",
            policies={"deny": {"podSelector": {}, "policyTypes": ["Ingress"]}},
            open=frozenset({AWAY}),
        ),
        Trial(
            name="policy-pods",
            title="A pod that admits pods with a label, on one port",
            policies={"admit": to_server},
            open=OTHERS | friend | {SERVED[FRIEND]},
        ),
        Trial(
            name="policy-labels",
            title="The label moves to another pod",
            policies={"admit": to_server},
            open=OTHERS | stranger | {SERVED[STRANGER]},
            guest=STRANGER,
        ),
        Trial(
            name="policy-namespaces",
            title="The policy is changed: it admits the pods of a namespace",
            policies={"admit": _ingress(visitors)},
            open=OTHERS | visitor,
        ),
        Trial(
            name="policy-sum",
            title="Two policies for one pod add up",
            policies={"admit": to_server, "more": _ingress(visitors, SECOND_PORT)},
            open=OTHERS | friend | {TO_SECOND[VISITOR], SERVED[FRIEND]},
        ),
        Trial(
            name="policy-range",
            title="A pod that admits a range of addresses with an exception",
            policies={"admit": _ingress({"ipBlock": ranges})},
            open=OTHERS | friend | visitor | {SERVED[FRIEND]},
        ),
        Trial(
            name="policy-egress",
            title="A pod that may ask nobody",
            policies={"leave": _egress()},
            open=of_others,
        ),
        Trial(
            name="policy-egress-pods",
            title="A pod that may ask one other, on one port",
            policies={"leave": _egress(the_server)},
            open=of_others | friend,
        ),
        Trial(
            name="policy-egress-range",
            title="A pod that may ask a range of addresses",
            policies={"leave": _egress({"ipBlock": {"cidr": f"{addresses[VISITOR]}/32"}})},
            open=of_others | {AWAY},
        ),
        Trial(
            name="policy-removed",
            title="The policies are removed, and everybody gets through again",
            policies={},
            open=everything,
        ),
    )


def _ingress(peer: Manifest, port: int = POD_PORT) -> Manifest:
    """A policy of the server that admits a peer on a port."""
    return {
        "podSelector": {"matchLabels": {ROLE: SERVER}},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [peer], "ports": [{"protocol": "TCP", "port": port}]}],
    }


def _egress(*peers: Manifest) -> Manifest:
    """A policy of the friend that lets it ask these peers on the server's first port."""
    ports = [{"protocol": "TCP", "port": POD_PORT}]
    return {
        "podSelector": {"matchLabels": {ROLE: FRIEND}},
        "policyTypes": ["Egress"],
        "egress": [{"to": [peer], "ports": ports} for peer in peers],
    }


def policy_manifest(site: Site, name: str, spec: Manifest) -> Manifest:
    """A policy of a trial."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": home(site), "labels": labels(site, DEMO)},
        "spec": spec,
    }


def home(site: Site) -> str:
    """The namespace of the policies, and of the pods that they are for."""
    return _beside(site, "policies")


def abroad(site: Site) -> str:
    """The namespace of the visitor."""
    return _beside(site, "visitors")


def _beside(site: Site, suffix: str) -> str:
    """A name like that of the verification's namespace."""
    cut = LONGEST - len(suffix) - 1
    return f"{site.verification.namespace[:cut].rstrip('-')}-{suffix}"


def place_of(site: Site, pod: str) -> str:
    """The namespace of a pod."""
    return abroad(site) if pod == VISITOR else home(site)


def namespace_manifests(site: Site) -> tuple[Manifest, Manifest]:
    """Both namespaces; deleting them removes everything."""
    return _namespace(site, home(site), SERVER), _namespace(site, abroad(site), VISITOR)


def policy_namespaces(site: Site) -> tuple[str, ...]:
    """Both, which phase 05 creates if the site has network policies."""
    return home(site), abroad(site)


def _namespace(site: Site, name: str, role: str) -> Manifest:
    found = {"name": name, "labels": {**labels(site, DEMO), ROLE: role}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": found}


def trial_manifests(site: Site, image: str, registry_auth: str) -> list[Manifest]:
    """The pods and their Service; arguments as for `workload_manifests`."""
    scripts = (DEMO_SERVER, REACH)
    spaces = namespace_manifests(site)
    return [
        *spaces,
        *(
            it
            for space in spaces
            for it in script_manifests(site, space["metadata"]["name"], registry_auth, scripts)
        ),
        *(pod_manifest(site, image, name, guest=name == FRIEND) for name in PODS),
        service_manifest(site),
    ]


def pod_manifest(site: Site, image: str, name: str, *, guest: bool) -> Manifest:
    """One of the pods. The kubelet asks the server whether it is ready, whatever the policies."""
    container = server_container(image, POD_PORT, SECOND_PORT)
    if name == SERVER:
        asked = {"path": "/", "port": POD_PORT}
        container["readinessProbe"] = {"httpGet": asked, "periodSeconds": 2}
    labelled = {**labels(site, DEMO), ROLE: name, **({GUEST: "yes"} if guest else {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": place_of(site, name), "labels": labelled},
        "spec": {"automountServiceAccountToken": False, **pod_spec([container])},
    }


def service_manifest(site: Site) -> Manifest:
    """The Service in front of the server."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": SERVICE, "namespace": home(site), "labels": labels(site, DEMO)},
        "spec": {
            "selector": {ROLE: SERVER},
            "ports": [{"protocol": "TCP", "port": SERVICE_PORT, "targetPort": POD_PORT}],
        },
    }


def reach_command(targets: Sequence[tuple[str, int]]) -> list[str]:
    """The command for a pod that asks these servers; see `share/workload/reach.py`."""
    return ["python3", f"{SCRIPTS_DIRECTORY}/{REACH}", json.dumps([*targets])]
