"""Which kinds of objects a cluster knows, read by group and version when one is needed.

The SDK's own discovery reads all groups first, caches them in a file with a predictable name, and
parses responses without checking their shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any

from kuryr_runbook.clients.answers import mapping_of, part_of


class Discovery:
    """Access to the objects of a kind. Safe for use by several threads."""

    def __init__(self, api: Any) -> None:
        """`api`: the SDK's client. Sends nothing yet."""
        from kubernetes.dynamic import DynamicClient

        self._dynamic = DynamicClient(api, discoverer=lambda client, cache: None)
        self._known: dict[tuple[str, str], Any] = {}
        self._lock = Lock()

    def raw(self, path: str) -> Any:
        """The response to a GET of a path."""
        return self._dynamic.request("get", path, serialize=False)

    def text(self, path: str, query: Mapping[str, object]) -> str:
        """The response to a GET of what is no object but a text, such as a log."""
        answer = self._dynamic.request(
            "get",
            path,
            query_params=list(query.items()),
            header_params={"Accept": "*/*"},
            serialize=False,
        )
        return bytes(answer.data).decode(errors="replace")

    def resource(self, api_version: str, kind: str) -> Any:
        """The dynamic client's access to the objects of a kind.

        Raises the SDK's ResourceNotFoundError for a kind that the cluster does not know.
        """
        from kubernetes.dynamic.exceptions import ResourceNotFoundError

        # Several threads that start with the same one read it once.
        with self._lock:
            if (api_version, kind) not in self._known:
                self._read(api_version)
            if (api_version, kind) not in self._known:
                raise ResourceNotFoundError(f"{api_version} {kind}")
            return self._known[api_version, kind]

    def _read(self, api_version: str) -> None:
        from kubernetes.dynamic.exceptions import NotFoundError, ResourceNotFoundError
        from kubernetes.dynamic.resource import Resource

        group, _, version = api_version.rpartition("/")
        prefix = "apis" if group else "api"
        path = f"/{prefix}/{api_version}"
        doing = f"GET {path}"
        try:
            answer = self.raw(path)
        except NotFoundError as error:
            raise ResourceNotFoundError(api_version) from error
        for item in part_of(doing, mapping_of(doing, answer.data), "resources", list):
            name, kind = part_of(doing, item, "name", str), part_of(doing, item, "kind", str)
            # A name with a slash is a subresource, such as a status.
            if "/" not in name:
                self._known[api_version, kind] = Resource(
                    prefix=prefix,
                    group=group,
                    api_version=version,
                    kind=kind,
                    namespaced=item.get("namespaced") is True,
                    name=name,
                    client=self._dynamic,
                )
