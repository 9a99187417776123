"""Which answers of the cloud are asked for again, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from memory_cloud import cluster_cloud
from served_apis import ServedApis, served

from kuryr_runbook.clients.openstack import OpenStackClient
from kuryr_runbook.model.errors import AccessError, ApplyError, UnreachableError

NODES = {"master": "172.18.0.10"}
IMMUTABLE = {"faultstring": "Load Balancer 1 is immutable and cannot be updated."}

Answer = tuple[int, Any]


class Stumbling(ServedApis):
    """Gives other answers to the first requests that have something in their path."""

    def stumble(self, part: str, *answers: Answer) -> None:
        self.part, self.answers = part, list(answers)

    def answer(self, method: str, path: str) -> Answer:
        if self.part in path and self.answers:
            self.requests.append((method, path))
            return self.answers.pop(0)
        return super().answer(method, path)

    def asked(self, part: str) -> int:
        return sum(part in path for _, path in self.requests)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)


@contextmanager
def cloud_that(tmp_path: Path, part: str, *answers: Answer) -> Iterator[Any]:
    apis = Stumbling(cluster_cloud(NODES), NODES)
    apis.stumble(part, *answers)
    with served(apis, tmp_path):
        client = OpenStackClient("k8s", tmp_path / "clouds.yaml")
        yield client, apis
        client.session.connection.session.session.close()


def networks(client: OpenStackClient) -> object:
    return client.list_resources("network")


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("part", ["/network/", "auth/tokens"])
def test_a_busy_service_and_a_busy_keystone_are_asked_again(
    tmp_path: Path, part: str, status: int
) -> None:
    with cloud_that(tmp_path, part, (status, {}), (status, {})) as (client, apis):
        assert networks(client)
        assert apis.asked(part) == 3


def test_keystone_is_asked_again_for_the_project_too(tmp_path: Path) -> None:
    with cloud_that(tmp_path, "auth/tokens", (503, {})) as (client, apis):
        assert client.project_id
        assert apis.asked("auth/tokens") == 2


def test_what_is_immutable_for_a_while_is_asked_again(tmp_path: Path) -> None:
    with cloud_that(tmp_path, "/octavia/", (409, IMMUTABLE)) as (client, apis):
        assert client.list_resources("loadbalancer") == []
        assert apis.asked("/octavia/") == 2


@pytest.mark.parametrize(
    ("part", "answer", "error", "told"),
    [
        ("/network/", (409, {"NeutronError": {"message": "in use"}}), ApplyError, "use"),
        ("/network/", (403, {}), AccessError, "403"),
        ("auth/tokens", (401, {}), AccessError, "refused the login"),
    ],
)
def test_other_answers_are_final(
    tmp_path: Path,
    part: str,
    answer: Answer,
    error: type[Exception],
    told: str,
) -> None:
    with cloud_that(tmp_path, part, answer) as (client, apis):
        with pytest.raises(error, match=told):
            networks(client)
        assert apis.asked(part) == 1


def test_a_keystone_that_stays_busy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "kuryr_runbook.clients.openstack_session.PATIENCE_SECONDS",
        {"network": 0.0, "load_balancer": 0.0, "identity": 0.0},
    )
    with cloud_that(tmp_path, "auth/tokens", *[(503, {})] * 9) as (client, _):
        with pytest.raises(UnreachableError, match="Keystone answered 503 to the login"):
            networks(client)
