"""Which answers of the cloud are asked for again, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from worlds.cloud_answers import PROJECT
from worlds.memory_cloud import cluster_cloud
from worlds.served_apis import ServedApis, served

from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.clients.openstack.identity import IdentityClient
from kuryr_runbook.clients.openstack.probes import ProbingCloud
from kuryr_runbook.model.errors import AccessError, ApplyError, UnreachableError

NODES = {"master": "172.18.0.10"}
IMMUTABLE = {"faultstring": "Load Balancer 1 is immutable and cannot be updated."}

Answer = tuple[int, Any]


LOST: Answer = (0, None)
"""The connection ends without an answer."""
PROBED: dict[tuple[str, str], Answer] = {
    ("POST", "/network/v2.0/ports"): (404, {"NeutronError": {"type": "SubnetNotFound"}}),
    ("POST", "/octavia/v2.0/lbaas/loadbalancers"): (400, {"faultstring": "VIP must be"}),
    ("GET", "/octavia/"): (200, {"versions": [{"id": "v2.27"}]}),
}


class Stumbling(ServedApis):
    """Gives other answers to the first requests that have something in their path."""

    def stumble(self, part: str, *answers: Answer) -> None:
        self.part, self.answers = part, list(answers)

    def answer(self, method: str, path: str) -> Answer:
        if self.part in path and self.answers:
            self.requests.append((method, path))
            return self.answers.pop(0)
        if (method, path) in PROBED:
            self.requests.append((method, path))
            return PROBED[method, path]
        return super().answer(method, path)

    def asked(self, part: str) -> int:
        return sum(part in path for _, path in self.requests)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kuryr_runbook.clients.patience.time.sleep", lambda seconds: None)


@contextmanager
def cloud_that(
    tmp_path: Path,
    part: str,
    *answers: Answer,
    kind: type[OpenStackClient] | type[ProbingCloud] = OpenStackClient,
) -> Iterator[Any]:
    apis = Stumbling(cluster_cloud(NODES), NODES)
    apis.stumble(part, *answers)
    with served(apis, tmp_path):
        client = kind("k8s", tmp_path / "clouds.yaml")
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
        "kuryr_runbook.clients.openstack.session.PATIENCE_SECONDS",
        {"network": 0.0, "load_balancer": 0.0, "identity": 0.0},
    )
    with cloud_that(tmp_path, "auth/tokens", *[(503, {})] * 9) as (client, _):
        with pytest.raises(UnreachableError, match="Keystone answered 503 to the login"):
            networks(client)


@pytest.mark.parametrize("answer", [(429, {}), (503, {})])
@pytest.mark.parametrize(
    "ask",
    [
        lambda client: IdentityClient(client.session).token().project_id == PROJECT,
        lambda client: client.login().project_id == PROJECT,
        lambda client: client.endpoint("network").endswith("/network/v2.0"),
    ],
)
def test_a_busy_keystone_is_asked_again_as_whom_it_takes_us_for(
    tmp_path: Path, ask: Callable[[ProbingCloud], bool], answer: Answer
) -> None:
    with cloud_that(tmp_path, "auth/tokens", answer, kind=ProbingCloud) as (client, apis):
        assert ask(client)
        assert apis.asked("auth/tokens") == 2


PROBES: dict[str, Callable[[ProbingCloud], object]] = {
    "/network/v2.0/ports": lambda client: client.refuse_port("network", {}).type,
    "/lbaas/loadbalancers": lambda client: client.refuse_load_balancer(PROJECT).status,
    "/octavia/": lambda client: client.octavia_versions(),
}


@pytest.mark.parametrize("answer", [(429, {}), (503, {}), LOST])
@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("/network/v2.0/ports", "SubnetNotFound"),
        ("/lbaas/loadbalancers", 400),
        ("/octavia/", ["v2.27"]),
    ],
)
def test_probes_are_repeated_until_they_are_refused(
    tmp_path: Path, part: str, told: object, answer: Answer
) -> None:
    with cloud_that(tmp_path, part, kind=ProbingCloud) as (client, apis):
        # What has never answered is not asked again when its connection is lost.
        assert PROBES[part](client) == told
        apis.stumble(part, answer)
        assert PROBES[part](client) == told
        assert apis.asked(part) == 3


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((403, {"NeutronError": {"type": "PolicyNotAuthorized"}}), "PolicyNotAuthorized"),
        ((400, {"NeutronError": {"type": "AllowedAddressPairExhausted"}}),
         "AllowedAddressPairExhausted"),
        ((409, {"NeutronError": {"type": "OverQuota"}}), "OverQuota"),
    ],
)  # fmt: skip
def test_the_refusal_of_a_probe_is_final(tmp_path: Path, answer: Answer, told: str) -> None:
    with cloud_that(tmp_path, "/ports", (503, {}), answer, kind=ProbingCloud) as (client, apis):
        assert client.refuse_port("network", {}).type == told
        assert apis.asked("/ports") == 2


def test_a_prober_gives_up_on_a_keystone_that_stays_busy_sooner_than_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kuryr_runbook.clients.openstack.probes.PATIENCE_SECONDS", 0.0)
    with cloud_that(tmp_path, "auth/tokens", *[(503, {})] * 9, kind=ProbingCloud) as (client, apis):
        with pytest.raises(UnreachableError, match="Keystone answered 503 to the login"):
            client.login()
        assert apis.asked("auth/tokens") == 1


def test_a_keystone_that_answers_401_to_discovery_locks_nothing_up(tmp_path: Path) -> None:
    with cloud_that(tmp_path, "identity/v3", *[(401, {})] * 9) as (client, _):
        # Twice: nobody is left who holds the lock of keystoneauth's login.
        for _ in range(2):
            with pytest.raises(UnreachableError, match="answers 401 to a request for its"):
                networks(client)
