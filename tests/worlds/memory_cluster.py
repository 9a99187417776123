"""A cluster in memory, for pure tests: it stands in for our own client layer."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from worlds.writing import copied, one_at_a_time

from kuryr_runbook.clients.kubernetes.api import Preview
from kuryr_runbook.clients.kubernetes.exec import Executed

Manifest = dict[str, Any]

CLUSTER_ID = "0b5a6b4e-4d2c-4a9d-9d52-0c1e7c9f3a11"
"""The uid of its namespace kube-system, which is always there."""
SYSTEM = {"kind": "Namespace", "metadata": {"name": "kube-system", "uid": CLUSTER_ID}}


class MemoryCluster:
    """Reads, writes and probes; `on_delete` is what a controller would do after a deletion.

    `on_write` is called before anything is applied.
    """

    version = "v1.20.2"

    def __init__(self, *objects: Mapping[str, Any]) -> None:
        self.objects: list[Manifest] = [copied(dict(item)) for item in objects]
        self.deleted: list[str] = []
        self._applied: dict[tuple[str, str, str | None], Manifest] = {}
        self.lock = threading.RLock()
        self.on_get: Callable[[], None] = lambda: None
        self.on_delete: Callable[[], None] = lambda: None
        self.on_write: Callable[[], None] = lambda: None

    def list_objects(
        self, api_version: str, kind: str, *, namespace: str | None = None, labels: str = ""
    ) -> list[Mapping[str, Any]]:
        wanted = [tuple(label.split("=")) for label in labels.split(",") if label]
        return [
            copied(item)
            for item in self.objects
            if item["kind"] == kind
            and (namespace is None or item["metadata"].get("namespace") == namespace)
            and all(item["metadata"].get("labels", {}).get(key) == value for key, value in wanted)
        ]

    def each_object(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
    ) -> Iterator[Mapping[str, Any]]:
        key, _, value = fields.partition("=")
        for item in self.list_objects(api_version, kind, namespace=namespace, labels=labels):
            if not fields or item.get(key) == value:
                yield item

    def get(self, manifest: Mapping[str, Any]) -> Manifest | None:
        self.on_get()
        place = _place(manifest)
        return copied(next((it for it in (*self.objects, SYSTEM) if _place(it) == place), None))

    def preview(self, manifest: Mapping[str, Any]) -> Preview:
        return Preview(self._after(manifest))

    @one_at_a_time
    def apply(self, manifest: Mapping[str, Any], *, force: bool = False) -> Manifest:
        self.on_write()
        result = self._after(manifest)
        place = _place(manifest)
        self.objects = [*(item for item in self.objects if _place(item) != place), result]
        self._applied[place] = copied(dict(manifest))
        return copied(result)

    def _after(self, manifest: Mapping[str, Any]) -> Manifest:
        """Of what the manifest does not name, what was applied before goes, and the rest stays."""
        live = self.get(manifest) or {}
        return _merged(live, manifest, self._applied.get(_place(manifest), {}) if live else {})

    @one_at_a_time
    def delete(self, manifest: Mapping[str, Any]) -> None:
        name = manifest["metadata"]["name"]
        self.deleted.append(name)
        self.objects = [
            item
            for item in self.objects
            if _place(item) != _place(manifest) and item["metadata"].get("namespace") != name
        ]
        self.on_delete()

    @one_at_a_time
    def change_finalizers(
        self,
        manifest: Mapping[str, Any],
        *,
        added: Collection[str] = (),
        removed: Collection[str] = (),
    ) -> None:
        for item in self.objects:
            if _place(item) == _place(manifest):
                changed_finalizers(item, added, removed)

    def log(self, namespace: str, pod: str, *, lines: int = 30, container: str = "") -> str:
        return ""

    def execute(
        self, namespace: str, pod: str, command: list[str], *, seconds: float = 60.0
    ) -> Executed:
        """Every question of the probe answered with yes."""
        peers = json.loads(command[-1])["peers"]
        yes = {"ok": True, "said": pod}
        told = dict.fromkeys(peers, yes)
        found = {"ping": told, "large": told, "tcp": told, "vip": [yes], "api": yes, "dns": None}
        return Executed(status=0, output=json.dumps(found))


def changed_finalizers(
    item: Manifest, added: Collection[str], removed: Collection[str]
) -> list[str]:
    """Add and remove finalizers of an object; gives those that it has then."""
    kept = [name for name in item["metadata"].get("finalizers", []) if name not in removed]
    item["metadata"]["finalizers"] = [*kept, *(name for name in added if name not in kept)]
    return list(item["metadata"]["finalizers"])


def _place(item: Mapping[str, Any]) -> tuple[str, str, str | None]:
    metadata = item["metadata"]
    return item["kind"], metadata["name"], metadata.get("namespace")


def _merged(
    live: Mapping[str, Any], wanted: Mapping[str, Any], applied: Mapping[str, Any]
) -> Manifest:
    merged = {k: v for k, v in live.items() if k not in applied or k in wanted}
    for key, value in wanted.items():
        mine = isinstance(value, Mapping) and isinstance(live.get(key), Mapping)
        before = applied.get(key)
        parts = before if isinstance(before, Mapping) else {}
        merged[key] = _merged(live[key], value, parts) if mine else copied(value)
    return merged
