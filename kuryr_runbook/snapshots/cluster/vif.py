"""The interface that Kuryr's controller assigns to a pod, as stored in the cluster.

Stein to Ussuri keep it in an annotation of the pod, as an oslo versioned object, `PodState`, whose
`default_vif` is the pod's eth0 (kuryr-kubernetes 1.0.1, `objects/vif.py`; os-vif,
`objects/vif.py`). Victoria and later keep the same object in the status of a KuryrPort of the pod's
name (3.1.0, `controller/handlers/kuryrport.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kuryr_runbook.model.documents import parse_json
from kuryr_runbook.model.errors import FileError
from kuryr_runbook.specs.kuryr_port import FIELDS


@dataclass(frozen=True, slots=True, kw_only=True)
class PodVif:
    """A pod's interface and the Neutron port behind it."""

    port_id: str
    mac: str
    """In lower case."""
    addresses: tuple[str, ...]
    active: bool
    """Whether the controller has released it for the daemon to plug."""
    vlan: int | None = None
    """Its VLAN in the trunk of its worker; None: it is not a subport, or that is not shown."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """Something that is not one of Kuryr's interfaces, and why not."""

    reason: str


def parse_vif(text: str) -> PodVif | Malformed:
    """The default interface in an annotation's text; never raises."""
    return _parsed(lambda: _fields(_fields(parse_json(text, "it"))["default_vif"]))


def parse_kuryr_port(status: object) -> PodVif | Malformed | None:
    """The default interface in a KuryrPort's status, None if there is none; never raises."""
    vifs = status.get("vifs") if isinstance(status, Mapping) else None
    if not vifs:
        return None
    return _parsed(lambda: _fields(_default(vifs)["vif"]))


def _default(vifs: Mapping[str, Any]) -> Mapping[str, Any]:
    marked = [entry for entry in vifs.values() if entry.get("default") is True]
    found: Mapping[str, Any] = marked[0] if marked else vifs["eth0"]
    return found


def _parsed(find: Callable[[], Mapping[str, Any]]) -> PodVif | Malformed:
    try:
        vif = find()
        subnets = _objects(_fields(vif["network"])["subnets"])
        addresses = [ip["address"] for subnet in subnets for ip in _objects(subnet["ips"])]
        return PodVif(
            port_id=_text(vif["id"]),
            mac=_text(vif["address"]).lower(),
            addresses=tuple(_text(address) for address in addresses),
            active=vif["active"] is True,
            vlan=vlan if isinstance(vlan := vif.get("vlan_id"), int) else None,
        )
    except KeyError as error:
        return Malformed(f"it has no {error}")
    except (FileError, ValueError, TypeError, AttributeError) as error:
        return Malformed(f"it is not one of Kuryr's versioned objects: {error}")


def _fields(value: Any) -> Mapping[str, Any]:
    """The fields of a versioned object."""
    fields = value[FIELDS]
    if not isinstance(fields, Mapping):
        raise TypeError(f"{FIELDS} is not an object")
    return fields


def _objects(value: Any) -> list[Mapping[str, Any]]:
    """The fields of every element of a versioned list."""
    return [_fields(item) for item in _fields(value)["objects"]]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value
