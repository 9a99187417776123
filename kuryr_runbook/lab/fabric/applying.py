"""Makes the kernel follow a topology; a part that fails does not hold up the others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from kuryr_runbook.lab.fabric import filtering, links, proxies, translating
from kuryr_runbook.lab.fabric.describing import describe_guards, describe_nats
from kuryr_runbook.lab.fabric.kernel import CommandError, run
from kuryr_runbook.lab.fabric.namespaces import ensure_namespace, namespaces, remove_namespace
from kuryr_runbook.lab.fabric.parts import Plug, Topology
from kuryr_runbook.lab.fabric.wires import HOST_LIKE
from kuryr_runbook.lab.programs import Progress
from kuryr_runbook.lab.settings import FABRIC_NS, LB_NS_PREFIX, ROUTER_NS, LabSettings
from kuryr_runbook.model.errors import LabError

# An amphora has two interfaces where a member's subnet is named: each answers for itself alone.
AMPHORA = {
    **HOST_LIKE,
    "net.ipv4.conf.all.arp_ignore": 1,
    "net.ipv4.conf.all.arp_announce": 2,
}

_LIST_NFT = ("nft", "list", "table", "bridge", filtering.NFT_TABLE)
_LIST_IPTABLES = ("iptables-save",)
_NOISE = re.compile(r"^#.*\n|\[\d+:\d+\]", re.MULTILINE)
"""Times and packet counters in a listing."""


@dataclass(slots=True)
class Rules:
    """A rule set in a namespace, put in place as a whole.

    The kernel lists rules in its own words, so what it lists after we set them is what we expect
    to see; anything else is set again. After a restart they are set once: that takes no connection.
    """

    name: str
    namespace: str
    load: tuple[str, ...]
    show: tuple[str, ...]
    _text: str = field(default="", init=False)
    _listing: str | None = field(default=None, init=False)

    def ensure(self, text: str, say: Progress) -> None:
        """Have these rules and no others."""
        if text == self._text and self._listing is not None and self._list() == self._listing:
            return
        run(*self.load, namespace=self.namespace, stdin=text)
        if text == self._text:
            say(f"{self.name} in {self.namespace} was changed by another, and is set again")
        self._text, self._listing = text, self._list()

    def _list(self) -> str | None:
        try:
            return _NOISE.sub("", run(*self.show, namespace=self.namespace))
        except CommandError:
            return None  # the table is not there


class Fabric:
    """The data plane, and how it is made to follow."""

    def __init__(self, settings: LabSettings, say: Progress) -> None:
        self._settings = settings
        self._say = say
        restore = ("iptables-restore",)
        self._spoofing = Rules("anti-spoofing", FABRIC_NS, ("nft", "-f", "-"), _LIST_NFT)
        self._groups = Rules("security groups", FABRIC_NS, restore, _LIST_IPTABLES)
        self._nat = Rules("address translation", ROUTER_NS, restore, _LIST_IPTABLES)
        self._problems: list[str] = []
        self._changed: list[Plug] = []
        self._before = Topology()

    def apply(self, topology: Topology) -> tuple[str, ...]:
        """Make the kernel follow; gives back what could not be done, in words.

        Port security comes before the ports it guards: none is plugged without. What is gone goes
        last, but for devices, whose names may be wanted again at once.
        """
        self._problems = []
        guards = topology.guards
        self._describe(topology)
        bridges = [bridge.name for bridge in topology.bridges]
        self._try(links.ensure_bridges, topology.bridges, self._say)
        guarded = self._try(
            self._groups.ensure, filtering.render_iptables(guards, bridges), self._say
        ) and self._try(self._spoofing.ensure, filtering.render_nft(guards), self._say)
        self._try(links.remove_stale, topology.bridges, topology.plugs, self._say)
        kernel = links.Kernel()
        self._changed = []
        for plug in topology.plugs if guarded else ():
            self._try(self._ensure_plug, kernel, plug)
        for plug in self._changed:
            self._try(links.announce, plug)
        self._try(self._nat.ensure, translating.render_nat(topology.nats), self._say)
        self._try(links.ensure_router_routes, topology.routes, self._say)
        for balancer in topology.balancers:
            self._try(proxies.ensure_proxy, self._settings, balancer, self._say)
        self._try(proxies.end_others, self._settings, topology.balancers, self._say)
        self._try(self._remove_amphorae, {plug.namespace for plug in topology.plugs})
        return tuple(self._problems)

    def _describe(self, topology: Topology) -> None:
        before, self._before = self._before, topology
        for line in describe_guards(before.guards, topology.guards):
            self._say(line)
        for line in describe_nats(before.nats, topology.nats):
            self._say(line)

    def _ensure_plug(self, kernel: links.Kernel, plug: Plug) -> None:
        if plug.namespace.startswith(LB_NS_PREFIX) and not namespaces(plug.namespace):
            ensure_namespace(plug.namespace, AMPHORA, self._say)
        if not namespaces(plug.namespace):
            raise LabError(
                f"port {plug.interface} is not plugged: there is no namespace {plug.namespace}",
                remedy="the port's device_id should be the name of one of the lab's nodes",
            )
        if links.ensure_plug(kernel, plug, self._say):
            self._changed.append(plug)

    def _remove_amphorae(self, wanted: Iterable[str]) -> None:
        for name in namespaces(LB_NS_PREFIX):
            if name not in wanted:
                remove_namespace(name, self._say)

    def _try(self, step: Callable[..., None], *arguments: object) -> bool:
        try:
            step(*arguments)
        except LabError as error:
            self._problems.append(str(error))
            return False
        return True
