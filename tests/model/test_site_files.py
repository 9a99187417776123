"""The site files that come with the package, and their schema."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from kuryr_runbook.model import addressing
from kuryr_runbook.model.schema import render_schema
from kuryr_runbook.model.site_file import parse_site

DIRECTORY = Path(__file__).parents[2] / "parameters"
FILES = sorted(DIRECTORY.glob("*.yaml"))


def test_the_schema_is_current() -> None:
    written = (DIRECTORY / "schema.json").read_text()
    assert written == render_schema(), (
        "run: python -m kuryr_runbook.model.schema > parameters/schema.json"
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_site_file_is_a_site_of_its_own_name(path: Path) -> None:
    site = parse_site(path.read_text(), path.name)
    assert site.name in (path.stem, f"my-{path.stem.replace('example', 'site')}")


def test_the_example_with_every_comment_taken_away_is_a_site_too() -> None:
    text = (DIRECTORY / "example.yaml").read_text()
    _, body = text.split("\nname: ", 1)
    full = "name: " + re.sub(r"^( +)# (\w+: )", r"\1\2", body, flags=re.MULTILINE)
    parse_site(full, "example.yaml")
    keys = set(_paths(yaml.safe_load(full)))
    known = set(_paths(parse_site(full, "example.yaml").model_dump()))
    assert keys == known


def test_the_stein_site_has_the_addresses_of_the_original() -> None:
    site = parse_site((DIRECTORY / "stein.yaml").read_text(), "stein.yaml")
    services = site.network.service_subnet.cidr
    pods = site.network.pod_subnet
    assert str(addressing.pod_pool(pods.cidr, pods.gateway_ip)) == "10.1.0.2-10.1.0.253"
    assert str(addressing.service_pool(services)) == "10.2.0.128-10.2.0.253"
    assert str(addressing.service_gateway(services)) == "10.2.0.254"
    assert str(addressing.api_service_address(site.kubernetes.service_cidr)) == "10.2.0.1"
    assert str(site.verification.external_address) == "8.8.8.8"


def test_the_labs_sites_differ_only_in_what_kuryr_does() -> None:
    first, second = (
        yaml.safe_load((DIRECTORY / f"{name}.yaml").read_text())
        for name in ("lab", "lab-neutron-vif")
    )
    assert {key for key in first if first[key] != second[key]} == {"name", "kuryr"}


def _paths(values: dict[str, Any], prefix: str = "") -> list[str]:
    return [
        path
        for key, value in values.items()
        for path in (
            _paths(value, f"{prefix}{key}.") if isinstance(value, dict) else [f"{prefix}{key}"]
        )
    ]
