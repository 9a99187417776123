"""Long lists come page by page, whole and in order, and each page is asked for once."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuryr_runbook.clients.kubernetes import reading as kubernetes
from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack import reading as openstack
from kuryr_runbook.clients.openstack.client import OpenStackClient


class Neutron:
    """A session at a service that gives a few resources at a time, and bad links to the next."""

    def __init__(self, count: int, most: int) -> None:
        self.ids = [f"id-{index}" for index in range(count)]
        self.most = most
        self.asked: list[dict[str, Any]] = []

    def request(self, method: str, service: str, path: str, params: dict[str, Any]) -> Any:
        self.asked.append(dict(params))
        begin = self.ids.index(params["marker"]) + 1 if "marker" in params else 0
        end = begin + min(self.most, params["limit"])
        page: dict[str, Any] = {"ports": [{"id": it} for it in self.ids[begin:end]]}
        if end < len(self.ids):
            page["ports_links"] = [{"rel": "next", "href": "http://10.0.0.1:9696/not/from/here"}]
        return SimpleNamespace(json=lambda: page)


class Api:
    """An API server that gives a few objects at a time."""

    def __init__(self, count: int, most: int) -> None:
        self.names = [f"pod-{index}" for index in range(count)]
        self.most = most
        self.asked: list[dict[str, Any]] = []

    def get(self, **how: Any) -> Any:
        self.asked.append(how)
        begin = int(how["_continue"] or 0)
        end = begin + min(self.most, how["limit"])
        items = [{"metadata": {"name": name}} for name in self.names[begin:end]]
        further = {"continue": str(end)} if end < len(self.names) else {}
        return SimpleNamespace(data=json.dumps({"items": items, "metadata": further}))


def at_neutron(session: Neutron) -> OpenStackClient:
    client = OpenStackClient.__new__(OpenStackClient)
    client.session = session  # type: ignore[assignment]
    return client


def at_cluster(api: Api) -> KubernetesClient:
    client = KubernetesClient.__new__(KubernetesClient)
    client.session = SimpleNamespace(  # type: ignore[assignment]
        resource=lambda version, kind: api, read=lambda doing, ask: json.loads(ask().data)
    )
    return client


@given(count=st.integers(0, 30), most=st.integers(1, 12))
def test_all_resources_come_in_order(count: int, most: int) -> None:
    session = Neutron(count, most)
    found = at_neutron(session).list_resources("port", fields=("name",), project_id="p")
    assert [item["id"] for item in found] == session.ids
    assert len(session.asked) == max(1, -(-count // most))
    assert all(it["project_id"] == "p" for it in session.asked)
    assert all(it["fields"] == ["id", "name"] for it in session.asked)


@given(count=st.integers(0, 30), most=st.integers(1, 12))
def test_all_objects_come_in_order(count: int, most: int) -> None:
    api = Api(count, most)
    found = at_cluster(api).list_objects("v1", "Pod", labels="app=x")
    assert [item["metadata"]["name"] for item in found] == api.names
    assert {item["kind"] for item in found} <= {"Pod"}
    assert len(api.asked) == max(1, -(-count // most))
    assert all(it["label_selector"] == "app=x" for it in api.asked)


def test_a_page_is_asked_for_when_the_one_before_was_used() -> None:
    api = Api(9, 3)
    objects = at_cluster(api).each_object("v1", "Event", fields="type=Warning")
    assert not api.asked
    next(objects)
    assert len(api.asked) == 1
    assert api.asked[0]["field_selector"] == "type=Warning"


@pytest.mark.parametrize(("module", "most"), [(kubernetes, 500), (openstack, 1000)])
def test_a_page_is_no_longer_than_apis_bear(module: Any, most: int) -> None:
    assert module.PAGE == most
