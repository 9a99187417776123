"""What a person who follows a remedy types, and what it does to a world.

`openstack` is parsed by what the client itself accepts (`making/openstack_commands.py`), names have
to be of something that is there, and phases are their own planners and executors.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from worlds.kuryr import Key, Kuryr
from worlds.memory_cluster import MemoryCluster, changed_finalizers
from worlds.objects import Item
from worlds.world import World

from kuryr_runbook.applying.by_kind import apply_fixes, apply_manifests
from kuryr_runbook.applying.openstack import apply_openstack
from kuryr_runbook.checking.diagnosis import check_diagnosis
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.model.fixes import PhaseFix
from kuryr_runbook.model.releases.names import BALANCER_STATE_ANNOTATION
from kuryr_runbook.planning.fixes import plan_fixes
from kuryr_runbook.planning.kubernetes import plan_manifests
from kuryr_runbook.planning.openstack import plan_openstack, spec_of
from kuryr_runbook.snapshots.cluster.previews import read_previews
from kuryr_runbook.specs.controller import (
    CONTROLLER,
    ControllerConfig,
    config_secret,
    controller_manifests,
)
from kuryr_runbook.specs.daemon import DAEMON, DAEMON_CONFIG, daemon_manifests
from kuryr_runbook.specs.kuryr_conf import render_conf

TABLE: dict[str, Any] = json.loads((Path(__file__).parent / "openstack_commands.json").read_text())
COMMAND = re.compile(
    r"\b(?:openstack(?= [a-z])|kubectl|kuryr-runbook)"
    r"(?: (?:\| )?(?:'[^']*'|[^\s';:,.()]|[;:,.](?!\s|$))+)+"
)
"""A command in a remedy's text: until a mark that a space follows, or a parenthesis."""
ALTERNATIVE = re.compile(r"[;,] or ")
IMAGE = "registry.example.org/kuryr@sha256:0"
LOGIN = {"username": "k8s", "password": "p4ssw0rd"}
KINDS = {
    "pod": "Pod", "daemonset": "DaemonSet", "deployment": "Deployment", "service": "Service",
    "endpoints": "Endpoints", "kuryrport": "KuryrPort", "kuryrloadbalancer": "KuryrLoadBalancer",
    "networkpolicy": "NetworkPolicy", "node": "Node", "kuryrnetwork": "KuryrNetwork",
    "kuryrnetworkpolicy": "KuryrNetworkPolicy",
}  # fmt: skip
READING = ("describe", "logs", "get")


def commands(remedy: str) -> list[str]:
    """The commands in a remedy, in order."""
    return [found.group() for found in COMMAND.finditer(remedy)]


def alternatives(remedy: str) -> list[str]:
    """What a remedy leaves to choose from, as far as it has commands."""
    return [part for part in ALTERNATIVE.split(remedy) if commands(part)]


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise AssertionError(f"{self.prog}: {message}")


def openstack_command(words: list[str]) -> tuple[str, argparse.Namespace]:
    """A command's name and its arguments; an AssertionError if the client would refuse it."""
    count = max((n for n in range(len(words)) if " ".join(words[1 : n + 1]) in TABLE), default=0)
    name = " ".join(words[1 : count + 1])
    assert name, f"`{' '.join(words)}` is not in the table: add it to making/openstack_commands.py"
    parser = Parser(prog=f"openstack {name}", allow_abbrev=False, add_help=False)
    for argument, count_of in TABLE[name]["arguments"]:
        parser.add_argument(argument, nargs=count_of)
    for option, kind in TABLE[name]["options"].items():
        key = option.lstrip("-").replace("-", "_")
        if kind == "flag":
            parser.add_argument(option, dest=f"{key}_", action="store_true")
        else:
            parser.add_argument(option, dest=f"{key}_", action="append", default=[])
    return name, parser.parse_args(words[count + 1 :])


def kubectl_command(words: list[str]) -> argparse.Namespace:
    parser = Parser(prog="kubectl", allow_abbrev=False, add_help=False)
    parser.add_argument("-n", dest="namespace", default="default")
    verbs = parser.add_subparsers(dest="verb", required=True, parser_class=Parser)
    for verb, options in {
        "delete": ("-l", "--field-selector"), "scale": ("--replicas",), "annotate": (),
        "patch": ("--type", "-p"), "describe": ("-l",), "logs": (), "get": ("-o",),
    }.items():  # fmt: skip
        made = verbs.add_parser(verb, allow_abbrev=False, add_help=False)
        for option in options:
            made.add_argument(option, dest=option.lstrip("-").replace("-", "_"))
        if verb == "logs":
            made.add_argument("--previous", action="store_true")
            made.add_argument("--all-containers", action="store_true")
        else:
            made.add_argument("kind")
        made.add_argument("names", nargs="*")
    restart = verbs.add_parser("rollout", allow_abbrev=False, add_help=False)
    restart.add_argument("action", choices=["restart"])
    restart.add_argument("kind")
    restart.add_argument("names", nargs=1)
    return parser.parse_args(words[1:])


def runbook_command(words: list[str]) -> argparse.Namespace:
    parser = Parser(prog="kuryr-runbook", allow_abbrev=False, add_help=False)
    verbs = parser.add_subparsers(dest="verb", required=True, parser_class=Parser)
    for verb in ("run", "diagnose", "rotate-credentials"):
        made = verbs.add_parser(verb, allow_abbrev=False, add_help=False)
        made.add_argument("--site", required=True, choices=["FILE"])
        if verb == "run":
            made.add_argument(
                "--only", required=True, choices=["openstack_prep", "controller", "daemon"]
            )
        if verb == "diagnose":
            made.add_argument("--fix", action="store_true", required=True)
    return parser.parse_args(words[1:])


def parsed(command: str) -> None:
    """Raise an AssertionError if its program would not take the command."""
    words = shlex.split(command)
    {
        "openstack": openstack_command,
        "kubectl": kubectl_command if "|" not in words else list,
        "kuryr-runbook": runbook_command,
    }[words[0]](words)


class Shell:
    """For a world with Kuryr, before anything in it is spoilt."""

    def __init__(self, world: World) -> None:
        self.world, self.kuryr = world, Kuryr(world)
        self.cloud = self.kuryr.cloud
        self._versions = itertools.count(1)
        for phase in (self.controller, self.daemon):
            phase()

    def run(self, remedy: str) -> None:
        """All commands in the text, as printed."""
        self.kuryr.follow()
        for command in commands(remedy):
            words = shlex.split(command)
            if words[0] == "openstack":
                name, given = openstack_command(words)
                getattr(self, f"_{name.replace(' ', '_')}")(given)
            elif words[0] == "kuryr-runbook":
                self._runbook(runbook_command(words))
            elif "|" in words:
                self._replace(words)
            else:
                self._kubectl(kubectl_command(words))

    # kuryr-runbook

    def _runbook(self, given: argparse.Namespace) -> None:
        if given.verb == "run":
            getattr(self, given.only)()
        elif given.verb == "diagnose":
            snapshot = self.world.read()
            fixes = [fix for it in check_diagnosis(Look(snapshot)) for fix in it.fixes]
            plan = plan_fixes("troubleshooting", snapshot, fixes)
            writer: Any = _Objects(self)
            apply_fixes(plan, self.cloud, writer, print)
            for phase in dict.fromkeys(it.phase for it in fixes if isinstance(it, PhaseFix)):
                getattr(self, phase)()

    def openstack_prep(self) -> None:
        """Phase 02, which refuses what does not fit."""
        snapshot = self.world.read()
        try:
            plan = plan_openstack(spec_of(self.world.site, snapshot.cluster), snapshot.cloud)
        except DriftError:
            return
        apply_openstack(plan, self.cloud, print)

    def controller(self) -> None:
        """Phase 03."""
        look = Look(self.world.read())
        config = ControllerConfig(conf=look.controller_conf, ca_pem="")
        # The login is the world's; the rest of kuryr.conf is compared.
        conf = {**config.conf, "neutron": {**config.conf["neutron"], **LOGIN}}
        site = self.world.site
        wanted = controller_manifests(site, IMAGE, ControllerConfig(conf=conf, ca_pem=""))
        secret = config_secret(site, conf)
        self._apply([secret, wanted[-1]], CONTROLLER)

    def daemon(self) -> None:
        """Phase 04."""
        conf = render_conf(Look(self.world.read()).daemon_conf)
        wanted = daemon_manifests(self.world.site, IMAGE, conf)
        config = next(it for it in wanted if it["metadata"]["name"] == DAEMON_CONFIG)
        self._apply([config, wanted[-1]], DAEMON)

    def _apply(self, wanted: list[Any], program: str) -> None:
        """Plan and apply; new pods only if what they are made of has changed."""
        objects = self.world.objects
        for item in (*objects["Secret"], *objects["ConfigMap"]):
            item["metadata"]["resourceVersion"] = str(next(self._versions))
        cluster = MemoryCluster(
            *({"kind": kind, **item} for kind, items in objects.items() for item in items)
        )
        before = cluster.get(wanted[-1])
        apply_manifests(plan_manifests(program, read_previews(wanted, cluster)), cluster, print)
        for kind in {it["kind"] for it in wanted}:
            objects[kind] = [it for it in cluster.objects if it["kind"] == kind]
        after = cluster.get(wanted[-1])
        assert after is not None
        if before is None or before["spec"] != after["spec"]:
            self.kuryr.roll_out(program)

    # kubectl

    def _kubectl(self, given: argparse.Namespace) -> None:
        if given.verb in READING:
            return
        kind = KINDS[given.kind]
        if given.verb == "delete" and given.l:
            program = given.l.removeprefix("name=")
            self.kuryr.roll_out(program, given.field_selector.removeprefix("spec.nodeName="))
            return
        names = given.names if given.verb == "delete" else given.names[:1]
        found = [self._object(kind, given.namespace, name) for name in names]
        assert found
        match given.verb:
            case "delete":
                for item in found:
                    self._delete(kind, item)
            case "scale":
                found[0]["spec"]["replicas"] = int(given.replicas)
                self.kuryr.roll_out(names[0])
            case "rollout":
                self.kuryr.roll_out(names[0])
            case "annotate":
                assert given.names[1:] == [f"{BALANCER_STATE_ANNOTATION}-"]
                assert not self.world.uses_crds, "the release keeps no state there"
                self.kuryr.rebuild((given.namespace, names[0]))
            case "patch":
                self._patch(kind, found[0], given)

    def _object(self, kind: str, namespace: str, name: str) -> Item:
        found = [
            it
            for it in self.world.objects.get(kind, [])
            if (it["metadata"].get("namespace", namespace), it["metadata"]["name"])
            == (namespace, name)
        ]
        assert len(found) == 1, f"{len(found)} of {kind} are {namespace}/{name}"
        return found[0]

    def _delete(self, kind: str, item: Item) -> None:
        metadata = item["metadata"]
        if kind == "Pod" and metadata["namespace"] == self.world.space:
            self.kuryr.delete_pod((metadata["namespace"], metadata["name"]))
            return
        self.world.objects[kind].remove(item)
        for vif in item.get("status", {}).get("vifs", {}).values():
            # The controller then deletes the port of a KuryrPort.
            port = vif["vif"]["versioned_object.data"]["id"]
            for trunk in self.world.resources["trunk"]:
                trunk["sub_ports"] = [it for it in trunk["sub_ports"] if it["port_id"] != port]
            self.cloud.delete("port", port)

    def _patch(self, kind: str, item: Item, given: argparse.Namespace) -> None:
        patch = json.loads(given.p)
        if kind == "KuryrLoadBalancer":
            assert (given.type, patch) == (
                "json",
                [{"op": "replace", "path": "/status", "value": {}}],
            )
            self.kuryr.rebuild((given.namespace, item["metadata"]["name"]))
        elif kind == "KuryrNetwork":
            assert patch == [{"op": "replace", "path": "/status", "value": {}}]
            self.kuryr.remake_space(item)
        elif kind == "KuryrNetworkPolicy":
            status: Item = {"securityGroupRules": []}
            assert patch == [{"op": "replace", "path": "/status", "value": status}]
            self.kuryr.remake_policy(item)
        elif kind == "Service":
            assert given.type == "merge"
            item["spec"].update(patch["spec"])
            self.kuryr.serve((given.namespace, item["metadata"]["name"]))
        else:
            assert patch == {"metadata": {"finalizers": None}}
            self.world.objects[kind].remove(item)

    def _replace(self, words: list[str]) -> None:
        """A Service is read, deleted and created again."""
        cut = words.index("|")
        given = kubectl_command(words[:cut])
        assert (given.verb, given.o) == ("get", "yaml")
        assert words[cut + 1 :] == ["kubectl", "replace", "--force", "-f", "-"]
        key: Key = (given.namespace, given.names[0])
        item = self._object(KINDS[given.kind], *key)
        self.kuryr.release(key)
        item["status"] = {}
        self.kuryr.serve(key)

    # openstack, in the order of its commands

    def _floating_ip_create(self, given: argparse.Namespace) -> None:
        network = self.cloud.one("network", given.network)["id"]
        for address in given.floating_ip_address_:
            self.cloud.add("floatingip", floating_ip_address=address, floating_network_id=network)

    def _floating_ip_delete(self, given: argparse.Namespace) -> None:
        self._gone("floatingip", given.floating_ip)

    def _floating_ip_set(self, given: argparse.Namespace) -> None:
        port = self.cloud.one("port", given.port_[0])["id"]
        self.cloud.one("floatingip", given.floating_ip)["port_id"] = port

    def _floating_ip_unset(self, given: argparse.Namespace) -> None:
        assert given.port_
        self.cloud.one("floatingip", given.floating_ip)["port_id"] = None

    def _mutable(self, balancer: str) -> Item:
        """Octavia answers 409 while it is changing it."""
        found = self.cloud.one("loadbalancer", balancer)
        assert found["provisioning_status"] in ("ACTIVE", "ERROR"), f"{balancer} is immutable"
        return found

    def _loadbalancer_delete(self, given: argparse.Namespace) -> None:
        assert given.cascade_
        self.cloud.delete("loadbalancer", self._mutable(given.loadbalancer)["id"])

    def _loadbalancer_failover(self, given: argparse.Namespace) -> None:
        """New amphorae, with addresses of the allocation pool."""
        found = self._mutable(given.loadbalancer)
        found.update(provisioning_status="ACTIVE", operating_status="ONLINE")
        self.world.resources["port"][:] = [
            it
            for it in self.world.resources["port"]
            if not it["name"].startswith("octavia-lb-vrrp-")
            or all(
                pair["ip_address"] != found["vip_address"] for pair in it["allowed_address_pairs"]
            )
        ]

    def _loadbalancer_set(self, given: argparse.Namespace) -> None:
        self._on(self._mutable(given.loadbalancer), given)

    def _loadbalancer_listener_set(self, given: argparse.Namespace) -> None:
        item = self.cloud.one("listener", given.listener)
        self._on(item, given)
        for option in ("timeout_client_data", "timeout_member_data"):
            _put(item, option, map(int, getattr(given, f"{option}_")))
        if given.allowed_cidr_:
            item["allowed_cidrs"] = given.allowed_cidr_

    def _loadbalancer_listener_unset(self, given: argparse.Namespace) -> None:
        item = self.cloud.one("listener", given.listener)
        item.update({"allowed_cidrs": None} if given.allowed_cidrs_ else {"connection_limit": -1})

    def _loadbalancer_listener_delete(self, given: argparse.Namespace) -> None:
        self._gone("listener", [given.listener])

    def _loadbalancer_pool_delete(self, given: argparse.Namespace) -> None:
        self._gone("pool", [given.pool])

    def _loadbalancer_pool_set(self, given: argparse.Namespace) -> None:
        item = self.cloud.one("pool", given.pool)
        self._on(item, given)
        for kind in given.session_persistence_:
            item["session_persistence"] = {"type": kind.removeprefix("type=")}

    def _member(self, given: argparse.Namespace) -> tuple[list[Item], Item]:
        members = self.world.pool_members[self.cloud.one("pool", given.pool)["id"]]
        [found] = [it for it in members if given.member in (it["id"], it["name"])]
        return members, found

    def _loadbalancer_member_delete(self, given: argparse.Namespace) -> None:
        members, found = self._member(given)
        members.remove(found)

    def _loadbalancer_member_set(self, given: argparse.Namespace) -> None:
        _, found = self._member(given)
        self._on(found, given)
        _put(found, "weight", map(int, given.weight_))
        if given.disable_backup_:
            found["backup"] = False

    def _loadbalancer_quota_set(self, given: argparse.Namespace) -> None:
        assert given.project == self.world.project_id
        for kind, key in (("loadbalancer", "load_balancer"), ("listener", "listener")):
            for limit in getattr(given, f"{kind}_"):
                self.world.balancer_limits[key] = int(limit)

    def _quota_set(self, given: argparse.Namespace) -> None:
        assert given.project == self.world.project_id
        for kind, option in (("port", "ports_"), ("floatingip", "floating_ips_")):
            for limit in getattr(given, option):
                self.world.limits[kind] = (int(limit), self.world.limits[kind][1])

    def _network_agent_list(self, given: argparse.Namespace) -> None:
        pass

    def _network_agent_set(self, given: argparse.Namespace) -> None:
        self._on(self.cloud.one("agent", given.network_agent), given)

    def _network_delete(self, given: argparse.Namespace) -> None:
        """With its subnets; Neutron refuses one with ports of a router or of pods."""
        for name in given.network:
            network = self.cloud.one("network", name)["id"]
            ports = [it["id"] for it in self.world.resources["port"] if it["network_id"] == network]
            assert not ports, f"{name} has ports"
            for subnet in [*self.world.resources["subnet"]]:
                if subnet["network_id"] == network:
                    self.cloud.delete("subnet", subnet["id"])
            self.cloud.delete("network", network)

    def _network_set(self, given: argparse.Namespace) -> None:
        item = self.cloud.one("network", given.network)
        self._on(item, given)
        _put(item, "mtu", map(int, given.mtu_))

    def _network_trunk_create(self, given: argparse.Namespace) -> None:
        port = self.cloud.one("port", given.parent_port_[0])["id"]
        self.cloud.add("trunk", name=given.name, port_id=port)

    def _network_trunk_set(self, given: argparse.Namespace) -> None:
        item = self.cloud.one("trunk", given.trunk)
        self._on(item, given)
        for text in given.subport_:
            fields = dict(part.split("=") for part in text.split(","))
            port = self.cloud.one("port", fields["port"])["id"]
            vlan = int(fields["segmentation-id"])
            assert all(vlan != it["segmentation_id"] for it in item["sub_ports"])
            item["sub_ports"].append(
                {"port_id": port, "segmentation_type": "vlan", "segmentation_id": vlan}
            )

    def _network_trunk_unset(self, given: argparse.Namespace) -> None:
        self.cloud.remove_subports(self.cloud.one("trunk", given.trunk)["id"], given.subport_)

    def _port_delete(self, given: argparse.Namespace) -> None:
        carried = {it["port_id"] for t in self.world.resources["trunk"] for it in t["sub_ports"]}
        assert not carried.intersection(given.port), "Neutron refuses a port that a trunk carries"
        self._gone("port", given.port)

    def _port_set(self, given: argparse.Namespace) -> None:
        item = self.cloud.one("port", given.port)
        self._on(item, given)
        if given.enable_port_security_:
            item["port_security_enabled"] = True
        if given.no_security_group_:
            item["security_groups"] = []
        groups = [self.cloud.one("security_group", it)["id"] for it in given.security_group_]
        item["security_groups"] = [*item["security_groups"], *groups]
        pairs = map(_pair, given.allowed_address_)
        item["allowed_address_pairs"] = [*item["allowed_address_pairs"], *pairs]
        item["tags"] = [*item["tags"], *given.tag_]

    def _port_unset(self, given: argparse.Namespace) -> None:
        item = self.cloud.one("port", given.port)
        for text in given.allowed_address_:
            # The client looks for the very same pair, and refuses if there is none.
            item["allowed_address_pairs"].remove(_pair(text))
        item["tags"] = [tag for tag in item["tags"] if tag not in given.tag_]

    def _router_add_subnet(self, given: argparse.Namespace) -> None:
        router, subnet = (
            self.cloud.one(kind, getattr(given, kind))["id"] for kind in ("router", "subnet")
        )
        self.cloud.add_router_interface(router, subnet)

    def _router_remove_subnet(self, given: argparse.Namespace) -> None:
        router, subnet = (
            self.cloud.one(kind, getattr(given, kind))["id"] for kind in ("router", "subnet")
        )
        self.cloud.remove_router_interface(router, subnet)

    def _router_set(self, given: argparse.Namespace) -> None:
        item = self.cloud.one("router", given.router)
        self._on(item, given)
        for network in given.external_gateway_:
            found = self.cloud.one("network", network)["id"]
            item["external_gateway_info"] = {"network_id": found, "enable_snat": True}

    def _security_group_delete(self, given: argparse.Namespace) -> None:
        for name in given.group:
            group = self.cloud.one("security_group", name)["id"]
            ports = self.world.resources["port"]
            assert not [it["id"] for it in ports if group in it["security_groups"]], "in use"
            self.cloud.delete("security_group", group)

    def _security_group_rule_create(self, given: argparse.Namespace) -> None:
        rule = {
            "security_group_id": self.cloud.one("security_group", given.group)["id"],
            "direction": "egress" if given.egress_ else "ingress",
            "ethertype": given.ethertype_[0] if given.ethertype_ else "IPv4",
        }
        _put(rule, "protocol", given.protocol_)
        _put(rule, "remote_ip_prefix", given.remote_ip_)
        for group in given.remote_group_:
            rule["remote_group_id"] = self.cloud.one("security_group", group)["id"]
        for port in given.dst_port_:
            rule |= {"port_range_min": int(port), "port_range_max": int(port)}
        self.cloud.add("security_group_rule", **rule)

    def _security_group_rule_delete(self, given: argparse.Namespace) -> None:
        self._gone("security_group_rule", given.rule)

    def _subnet_pool_set(self, given: argparse.Namespace) -> None:
        item = self.cloud.one("subnet_pool", given.subnet_pool)
        item["prefixes"] = [*item["prefixes"], *given.pool_prefix_]

    def _subnet_set(self, given: argparse.Namespace) -> None:
        item = self.cloud.one("subnet", given.subnet)
        _put(item, "gateway_ip", given.gateway_)
        if given.no_dhcp_:
            item["enable_dhcp"] = False
        before = [] if given.no_allocation_pool_ else item["allocation_pools"]
        pools = [dict(part.split("=") for part in it.split(",")) for it in given.allocation_pool_]
        item["allocation_pools"] = [*before, *pools]

    def _on(self, item: Item, given: argparse.Namespace) -> None:
        if given.enable_:
            item["admin_state_up"] = True

    def _gone(self, kind: str, names: Iterable[str]) -> None:
        for name in names:
            self.cloud.delete(kind, self.cloud.one(kind, name)["id"])


class _Objects:
    """What fixes change in a cluster."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def delete(self, manifest: Any) -> None:
        found = self._find(manifest)
        self._shell._delete(manifest["kind"], found)

    def change_finalizers(self, manifest: Any, *, added: Any = (), removed: Any = ()) -> None:
        item = self._find(manifest)
        if not changed_finalizers(item, added, removed) and "deletionTimestamp" in item["metadata"]:
            self._shell.world.objects[manifest["kind"]].remove(item)

    def _find(self, manifest: Any) -> Item:
        metadata = manifest["metadata"]
        return self._shell._object(manifest["kind"], metadata["namespace"], metadata["name"])


def _is_amphoras(port: Item, vip: str) -> bool:
    pairs = port["allowed_address_pairs"]
    is_one = port["name"].startswith("octavia-lb-vrrp-")
    return is_one and any(it["ip_address"] == vip for it in pairs)


def _put(item: Item, key: str, values: Iterable[Any]) -> None:
    """The value of an option, if it was given; of several the last."""
    for value in values:
        item[key] = value


def _pair(text: str) -> Item:
    fields = dict(part.split("=", 1) for part in text.split(","))
    return {"ip_address": fields["ip-address"], "mac_address": fields["mac-address"]}
