"""From an entry of clouds.yaml to a login."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import os_service_types
import pytest
from keystoneauth1.session import Session

from kuryr_runbook.clients.openstack.cloud_config import cloud_region

CLOUDS = """
clouds:
  mine:
    auth: {auth_url: "https://cloud.example:5000", username: me, password: secret, project_name: p}
    region_name: here
    network_endpoint_override: https://cloud.example:9696
"""


def test_the_names_of_a_service_are_looked_up_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    look_up = os_service_types.ServiceTypes.get_all_types

    def noted(self: Any, service_type: str) -> list[str]:
        asked.append(service_type)
        return look_up(self, service_type)

    monkeypatch.setattr(os_service_types.ServiceTypes, "get_all_types", noted)
    file = tmp_path / "clouds.yaml"
    file.write_text(CLOUDS)
    region, _ = cloud_region("mine", file, Session)
    asked.clear()
    for _ in range(3):
        assert region.get_endpoint("network") == "https://cloud.example:9696"
        assert region.get_endpoint("load-balancer") is None
    assert sorted(asked) in ([], ["load-balancer", "network"])
