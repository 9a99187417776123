"""What only the nodes themselves can say: their interface, and whether they can pull the image."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from kuryr_runbook.checking.checks import Check, Depth, Occasion
from kuryr_runbook.checking.verdicts import (
    CouldNotLook,
    failed,
    node_victim,
    passed,
    skipped,
    some,
    warned,
)
from kuryr_runbook.checking.view.permissions import PreflightLook
from kuryr_runbook.model.findings import Verdict
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.wording import agreeing, counted
from kuryr_runbook.planning.draft_interfaces import link_iface
from kuryr_runbook.snapshots.cluster.interfaces import NodeInterfaces
from kuryr_runbook.snapshots.reading import Unreadable


def _without_link(site: Site) -> str:
    driver = site.kuryr.vif_driver
    return f"{driver} plugs pods into a switch" if site.driver.plugs_into_ovs else ""


@Check(
    "link-iface",
    "kuryr.link_iface is the nodes' interface in their subnet",
    "kuryr-kubernetes, cni/binding/nested.py: [binding] link_iface, the same on every node",
    on=(Occasion.PREFLIGHT,),
    moot=_without_link,
    depth=Depth.GROUND,
)
def check_link_iface(look: PreflightLook) -> Verdict:
    """The kubelets name their nodes' interfaces; only a probe sees which has the address."""
    seen, wanted = look.seen.interfaces, look.site.kuryr.link_iface
    if isinstance(seen, Unreadable):
        raise CouldNotLook(seen.reason, seen.remedy)
    wrong = {it.node: said for it in seen if (said := _misfit(it, wanted))}
    if wrong:
        return failed(
            some([f"{node}: {said}" for node, said in wrong.items()]),
            _right_one(seen),
            *map(node_victim, wrong),
        )
    certain = [it for it in seen if it.own]
    if certain and len(certain) == len(seen):
        return passed(f"{wanted} has the address of each of {counted(len(seen), 'node')}")
    named = [it for it in seen if not isinstance(it.names, Unreadable)]
    if not named and not certain:
        silent = next((it.names.reason for it in seen if isinstance(it.names, Unreadable)), "")
        return skipped(f"{silent or 'there are no nodes'}; --probe-nodes looks with a pod on each")
    having = len({*named, *certain})
    return passed(
        f"{having} of {counted(len(seen), 'node')} {agreeing(having, 'has', 'have')} an interface "
        f"{wanted}, as their kubelets say, without its address"
    )


def _misfit(it: NodeInterfaces, wanted: str) -> str:
    """Why that is not the node's interface; empty: it is, or nobody knows."""
    if it.own:
        return "" if it.own == wanted else f"its address is on {it.own}, not on {wanted}"
    if isinstance(it.names, Unreadable) or wanted in it.names:
        return ""
    return f"there is no {wanted}, only {', '.join(it.names)}"


def _right_one(seen: tuple[NodeInterfaces, ...]) -> str:
    if (proposed := link_iface(seen)).value is not None:
        return f"set kuryr.link_iface to {proposed.value}: {proposed.because}"
    return (
        "`ip -br address` on a node shows the interface with its address; it has to have the same "
        "name on all of them"
    )


@dataclass(frozen=True, slots=True)
class _Failure:
    """A way in which a pull fails, by the container runtime's words."""

    words: re.Pattern[str]
    what: str
    remedy: str


_ABSENT = _Failure(
    re.compile(r"not found|manifest.unknown|name.unknown|does not exist", re.IGNORECASE),
    "no such image",
    "this machine finds the image there: on the nodes the name leads to another registry, such as "
    "a mirror in the container runtime's settings",
)
_REFUSED = _Failure(
    re.compile(r"unauthorized|\b40[13]\b|denied|authoriz|credentials", re.IGNORECASE),
    "the registry refuses the login",
    "image.registry_auth has to have a login for this registry that may pull",
)
_UNTRUSTED = _Failure(
    re.compile(r"x509|certificate|tls:", re.IGNORECASE),
    "the registry's certificate is not trusted",
    "give the nodes' container runtime the registry's CA (containerd: "
    "/etc/containerd/certs.d/HOST/hosts.toml; image.registry_ca is for this machine)",
)
DOUBTFUL = {
    _REFUSED: "many registries say so of an image that is not there yet",
    _UNTRUSTED: "containerd says so, too, of an image that is not there yet, since it then asks "
    "once more without that CA",
}
"""What a node may also be told if the image is merely absent."""
_FAILURES = (
    _UNTRUSTED,
    _Failure(
        re.compile(r"server gave HTTP response to HTTPS client", re.IGNORECASE),
        "the registry does not speak TLS",
        "give the registry a certificate, or allow the nodes' container runtime to do without",
    ),
    _Failure(
        re.compile(r"no such host|name resolution|lookup ", re.IGNORECASE),
        "the registry's name is not known",
        "the nodes' DNS has to know it, or image.repository has to have an address",
    ),
    _Failure(
        re.compile(r"refused|timeout|timed out|deadline|no route|unreachable|reset", re.IGNORECASE),
        "the registry does not answer",
        "check routes, security groups and the registry's port from a node",
    ),
    _REFUSED,
    _ABSENT,
)
_OTHER = _Failure(re.compile(""), "the pull fails", "try `crictl pull` of that image on the node")


@Check(
    "image-pull",
    "Every node can pull Kuryr's image from the registry",
    "kubernetes, pkg/kubelet/images: ErrImagePull; tried with a pod on each node",
    on=(Occasion.PREFLIGHT,),
    depth=Depth.GROUND,
)
def check_pull(look: PreflightLook) -> Iterator[Verdict | CouldNotLook]:
    """Before phase 01 there may be no image: then a registry that says so can be reached."""
    probes = look.seen.probes
    if isinstance(probes, Unreadable):
        yield skipped(f"not tried: {probes.reason}")
        return
    said: dict[_Failure, dict[str, str]] = defaultdict(dict)
    for it in probes.answers:
        if isinstance(it.pull, Unreadable):
            yield CouldNotLook(f"node {it.node}: {it.pull.reason}")
        elif it.pull:
            said[_failure(it.pull)][it.node] = it.pull
    answered = {} if probes.is_there else said.pop(_ABSENT, {})
    for failure, nodes in said.items():
        evidence = f"{failure.what}, from {some(list(nodes))}: {next(iter(nodes.values()))}"
        victims = map(node_victim, nodes)
        if failure in DOUBTFUL and not probes.is_there:
            remedy = f"{failure.remedy}; {DOUBTFUL[failure]}: repeat this after phase 01"
            yield warned(evidence, remedy, *victims)
        else:
            yield failed(evidence, failure.remedy, *victims)
    total = len(probes.answers)
    if answered:
        yield passed(
            f"the registry answers {len(answered)} of {counted(total, 'node')}; it has no image yet"
        )
    else:
        yield passed(f"{total} of {counted(total, 'node')} pulled {probes.image}")


def _failure(said: str) -> _Failure:
    return next((it for it in _FAILURES if it.words.search(said)), _OTHER)
