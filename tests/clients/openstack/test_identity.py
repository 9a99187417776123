"""Keystone's access rules, and the requests that a credential with rules permits."""

from __future__ import annotations

from pathlib import Path

import pytest
from clients.openstack.test_session import cloud_that

from kuryr_runbook.clients.openstack.identity import IdentityClient
from kuryr_runbook.model.errors import AccessError

RULE = {"id": "r", "service": "network", "path": "/**/ports", "method": "GET"}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kuryr_runbook.clients.patience.time.sleep", lambda seconds: None)


def test_the_users_access_rules_are_read(tmp_path: Path) -> None:
    with cloud_that(tmp_path, "/access_rules", (200, {"access_rules": [RULE]})) as (client, _):
        assert IdentityClient(client.session).access_rules() == [RULE]


def test_a_keystone_that_is_too_old_for_access_rules_has_none(tmp_path: Path) -> None:
    with cloud_that(tmp_path, "/access_rules", (404, {})) as (client, _):
        assert IdentityClient(client.session).access_rules() is None


def test_a_rule_that_is_gone_needs_no_deletion(tmp_path: Path) -> None:
    with cloud_that(tmp_path, "/access_rules/r", (404, {})) as (client, apis):
        IdentityClient(client.session).delete_access_rule("r")
        assert apis.asked("/access_rules/r") == 1


def test_a_rule_in_use_is_not_deleted(tmp_path: Path) -> None:
    words = {"error": {"message": "May not delete access rule in use"}}
    with cloud_that(tmp_path, "/access_rules/r", (403, words)) as (client, _):
        with pytest.raises(AccessError, match="in use"):
            IdentityClient(client.session).delete_access_rule("r")


def test_a_trial_gives_the_statuses_whatever_they_are(tmp_path: Path) -> None:
    with cloud_that(tmp_path, "/routers", *[(401, {})] * 2) as (client, _):
        paths = ("/ports", "/routers")
        found = IdentityClient(client.session).statuses("id", "secret", "network", paths)
        assert found == {"/ports": 200, "/routers": 401}


def test_a_trial_of_a_busy_service_is_repeated(tmp_path: Path) -> None:
    with cloud_that(tmp_path, "/ports", (503, {})) as (client, apis):
        found = IdentityClient(client.session).statuses("id", "secret", "network", ["/ports"])
        assert found == {"/ports": 200}
        assert apis.asked("/ports") == 2
