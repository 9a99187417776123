"""What becomes of the load balancers of Services in use when kuryr.conf changes.

From Victoria on, a controller that starts with another provider than a load balancer has deletes
that and creates it again, and forgets its floating IP. In Ussuri they stay. In every release those
stay that are in a subnet which the configuration no longer names.

Source: kuryr-kubernetes, controller/handlers/loadbalancer.py of 3.1.0 to 10.0.0, on_present and
_ensure_release_lbaas (event KuryrUpdateProvider); lbaas.py of 2.1.0.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuryr_runbook.model.marks import KURYRS_FLOATING_IP, is_marked
from kuryr_runbook.model.plan import Consequence, Target
from kuryr_runbook.model.providers import OctaviaProvider
from kuryr_runbook.model.releases.parts import PROVIDER_CHOICE
from kuryr_runbook.snapshots.cloud.ownership import Ownership
from kuryr_runbook.snapshots.cloud.resources import Balancer
from kuryr_runbook.snapshots.cluster.configured import Options
from kuryr_runbook.snapshots.reading import known

PROVIDER = ("kubernetes", "endpoints_driver_octavia_provider")
SUBNET = ("neutron_defaults", "service_subnet")
SAME = frozenset({"", "octavia", OctaviaProvider.AMPHORA})
"""Kuryr's OCTAVIA_DEFAULT_PROVIDERS: it takes these for one."""


def moves_services(before: Options, after: Options) -> bool:
    """Whether the configurations differ in what load balancers of Services depend on."""
    return _differs(before, after, PROVIDER) or _differs(before, after, SUBNET)


def _differs(before: Options, after: Options, option: tuple[str, str]) -> bool:
    return _value(before, option) != _value(after, option)


def _value(conf: Options, option: tuple[str, str]) -> str:
    section, name = option
    return conf.get(section, {}).get(name, "default")


def moved_services(ownership: Ownership, before: Options, after: Options) -> Iterator[Consequence]:
    """One for each Service that is concerned, by the name of its load balancer.

    Raises AccessError.
    """
    old = _value(before, SUBNET) if _differs(before, after, SUBNET) else ""
    chosen = PROVIDER_CHOICE in ownership.site.release.octavia_features
    replaces = chosen and _differs(before, after, PROVIDER)
    wanted = ownership.site.kuryr.octavia_provider
    for balancer in sorted(known(ownership.cloud.balancers), key=lambda it: it.name):
        stays = bool(old) and _is_of_service_in(balancer, old)
        if not (stays or ownership.is_services(balancer)):
            continue
        if replaces and not _is_one(balancer.provider, wanted):
            yield _replaced(ownership, balancer, wanted)
        elif stays:
            yield _staying(balancer)


def _is_of_service_in(balancer: Balancer, subnet: str) -> bool:
    named = "/" in balancer.name and not is_marked(balancer.description)
    return named and balancer.vip_subnet_id == subnet


def _is_one(provider: str, wanted: str) -> bool:
    return provider == wanted or {provider, wanted} <= SAME


def _staying(balancer: Balancer) -> Consequence:
    return Consequence(
        target=Target("Service", balancer.name),
        what=f"Kuryr leaves its load balancer at {balancer.vip}, in the subnet that the site no "
        "longer names",
        notice="nothing, as long as that subnet keeps its interface at the router; to move it, "
        "delete the Service and create it again, with another ClusterIP",
    )


def _replaced(ownership: Ownership, balancer: Balancer, wanted: OctaviaProvider) -> Consequence:
    notices = [
        f"its connections end, and nobody answers at {balancer.vip} until the new one is ACTIVE"
    ]
    for floating in known(ownership.cloud.floating_ips):
        if balancer.vip_port_id and floating.port_id == balancer.vip_port_id:
            if floating.description == KURYRS_FLOATING_IP:
                notices.append(
                    f"it gets another floating IP in place of {floating.address}, which stays and "
                    "leads nowhere: kuryr-runbook diagnose --site FILE --fix deletes it"
                )
            else:
                notices.append(
                    f"its floating IP {floating.address} leads nowhere until then, and back to it "
                    "afterwards"
                )
    return Consequence(
        target=Target("Service", balancer.name),
        what=f"Kuryr deletes its load balancer of the provider {balancer.provider or 'amphora'} "
        f"and creates one of {wanted}",
        notice="; ".join(notices),
    )
