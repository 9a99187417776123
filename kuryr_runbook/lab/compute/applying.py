"""Gives the hypervisor what is wanted; a part that fails does not hold up the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from kuryr_runbook.lab.compute import links, proxies
from kuryr_runbook.lab.compute.parts import Machines, Plug
from kuryr_runbook.lab.compute.switch import Switch, claimed_by
from kuryr_runbook.lab.network.namespaces import ensure_namespace, namespaces, remove_namespace
from kuryr_runbook.lab.network.wires import HOST_LIKE
from kuryr_runbook.lab.programs import Progress
from kuryr_runbook.lab.settings import LB_NS_PREFIX, LabSettings
from kuryr_runbook.model.errors import LabError

# An amphora has two interfaces if a member's subnet is given: each only answers for itself.
AMPHORA = {
    **HOST_LIKE,
    "net.ipv4.conf.all.arp_ignore": 1,
    "net.ipv4.conf.all.arp_announce": 2,
}


ANNOUNCE_SECONDS = 20.0
"""How long to announce a VIP continuously; if OVN has not seen it by then, only now and then."""


class Hypervisor:
    """The lab's only hypervisor."""

    def __init__(self, settings: LabSettings, say: Progress) -> None:
        self._settings = settings
        self._say = say
        self._problems: list[str] = []
        self._announced: dict[str, float] = {}
        """When each port began to announce a VIP that OVN has not seen yet."""

    @property
    def restless(self) -> bool:
        """Whether something has to be checked again soon."""
        since = time.monotonic() - ANNOUNCE_SECONDS
        return any(begin > since for begin in self._announced.values())

    def apply(self, machines: Machines) -> tuple[str, ...]:
        """Apply what is wanted. Returns the problems, in words.

        Removals come last, except for devices, whose names may be needed again immediately.
        """
        self._problems = []
        kernel, switch = links.Kernel(), Switch(self._settings)
        self._try(links.remove_stale, kernel, switch, machines.plugs, self._say)
        for plug in machines.plugs:
            self._try(self._ensure_plug, kernel, switch, plug)
        for balancer in machines.balancers:
            self._try(proxies.ensure_proxy, self._settings, balancer, self._say)
        self._try(self._announce_vips, [plug for plug in machines.plugs if plug.vips])
        self._try(proxies.end_others, self._settings, machines.balancers, self._say)
        self._try(self._remove_amphorae, {plug.namespace for plug in machines.plugs})
        return tuple(self._problems)

    def _ensure_plug(self, kernel: links.Kernel, switch: Switch, plug: Plug) -> None:
        if plug.namespace.startswith(LB_NS_PREFIX) and not namespaces(plug.namespace):
            ensure_namespace(plug.namespace, AMPHORA, self._say)
        if plug.virtual:
            links.ensure_tap(kernel, switch, plug, self._say)
            return
        if not namespaces(plug.namespace):
            raise LabError(
                f"port {plug.interface} is not plugged: there is no namespace {plug.namespace}",
                remedy="the port's device_id should be the name of one of the lab's nodes",
            )
        links.ensure_plug(kernel, switch, plug, self._say)

    def _announce_vips(self, plugs: Iterable[Plug]) -> None:
        """Announce VIPs, as amphorae do, until OVN has seen them."""
        having = {plug.port_id: plug for plug in plugs}
        silent = having.keys() - (claimed_by(self._settings) if having else frozenset())
        now = time.monotonic()
        self._announced = {port_id: self._announced.get(port_id, now) for port_id in silent}
        for port_id in sorted(silent):
            links.announce(having[port_id])

    def _remove_amphorae(self, wanted: Iterable[str]) -> None:
        for name in namespaces(LB_NS_PREFIX):
            if name not in wanted:
                remove_namespace(name, self._say)

    def _try(self, step: Callable[..., None], *arguments: object) -> None:
        try:
            step(*arguments)
        except LabError as error:
            self._problems.append(str(error))
