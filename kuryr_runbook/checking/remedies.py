"""The commands of remedies, with the names of what is there, so that people can paste them.

Kuryr works from its own notes of what it made, and never compares them with OpenStack (from Xena on
it looks every ten minutes): what somebody deleted there comes back once the note is gone, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from shlex import quote

from kuryr_runbook.checking.verdicts import SHOWN, phase
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.findings import Victim
from kuryr_runbook.model.releases.names import BALANCER_STATE_ANNOTATION
from kuryr_runbook.snapshots.cloud.resources import Balancer
from kuryr_runbook.snapshots.cluster.objects import Pod, Service

FIX = "kuryr-runbook diagnose --site FILE --fix"
NOTHING = '\'[{"op":"replace","path":"/status","value":{}}]\''
"""The patch of a note after which Kuryr makes again what it is of; it does so itself when it finds
that a load balancer is gone."""
SUCCESSOR = "a successor gets a new port"


def about(remedy: str, victim: Victim) -> str:
    """A remedy that is data, with the names of the object that it is given to."""
    return remedy.replace("NAMESPACE", victim.namespace).replace("NAME", victim.name)


def restart_controller(look: Look) -> str:
    """It then looks at all pods and Services again."""
    place = look.places.controller
    if place.kind == "Pod":
        # Nothing would make a deleted one again.
        return (
            f"kubectl -n {place.namespace} get pod {place.name} -o yaml | "
            "kubectl replace --force -f -"
        )
    return f"kubectl -n {place.namespace} rollout restart {place.kind.lower()} {place.name}"


def restart_daemon(look: Look, node: str) -> str:
    """Its init container installs plugin and configuration again."""
    place, where = look.places.daemon, f"spec.nodeName={quote(node)}"
    return f"kubectl -n {place.namespace} delete {place.pods} --field-selector {where}"


def delete_pods(pods: Iterable[Pod]) -> str:
    """The first few of them; what they belong to creates them again."""
    some = sorted(pods, key=lambda pod: (pod.namespace, pod.name))[:SHOWN]
    return "; ".join(
        f"kubectl -n {namespace} delete pod {' '.join(pod.name for pod in those)}"
        for namespace, those in groupby(some, lambda pod: pod.namespace)
    )


def successors(pods: Sequence[Pod]) -> str:
    """Delete them, with what becomes of them."""
    return f"{delete_pods(pods)}; {SUCCESSOR}"


def see_log(look: Look) -> str:
    """What the controller says about it."""
    place = look.places.controller
    return f"kubectl -n {place.namespace} logs {place.argument}"


def rebuild(look: Look, service: Service) -> str:
    """Kuryr forgets what it made for a Service, uses what is there, and makes what is missing."""
    if look.site.release.crds:
        note = f"patch kuryrloadbalancer {service.name} --type=json -p {NOTHING}"
    else:
        note = f"annotate endpoints {service.name} {BALANCER_STATE_ANNOTATION}-"
    return f"kubectl -n {service.namespace} {note}"


def recreate(service: Service) -> str:
    """The Service is deleted and created again, with the same ClusterIP."""
    return (
        f"kubectl -n {service.namespace} get service {service.name} -o yaml | "
        "kubectl replace --force -f -"
    )


def replace_balancer(look: Look, balancer: Balancer, victim: Victim) -> str:
    """Delete a load balancer, and have whoever made it make another one."""
    gone = f"openstack loadbalancer delete --cascade {balancer.id}"
    services = (it for it in look.services if (it.namespace, it.name) == _key(victim))
    service = next(services, None)
    if service is None:
        return f"{gone}; {phase('openstack_prep')}"
    again = f"{gone}; {rebuild(look, service)}; Kuryr then makes another one"
    if service.type != "LoadBalancer":
        return again
    return f"{again}, with another floating IP; to delete the old one: {FIX}"


def _key(victim: Victim) -> tuple[str, str]:
    return victim.namespace, victim.name
