"""What is kept of an installed Kuryr: what says something, and nothing secret."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds.installed import (
    CONF,
    SECRET,
    SHAPES,
    config_map,
    configuration,
    emptied,
    install,
    upstream_yoga,
    workload,
)
from worlds.world import World

from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.snapshots.cluster.found_kuryr import (
    ANOTHER_LOGIN,
    APPLICATION_CREDENTIAL,
    OPTIONS,
    PASSWORD,
    TOKEN,
    FoundKuryr,
    found_options,
    login_kind,
    read_found_kuryr,
)
from kuryr_runbook.specs.kuryr_conf import parse_conf


def found(world: Any) -> FoundKuryr:
    kuryr = read_found_kuryr(world)
    assert kuryr is not None
    return kuryr


def test_options_of_several_files_are_joined_and_empty_ones_are_not_set() -> None:
    files = (
        "not a configuration",
        "[neutron_defaults]\npod_subnet = a\nservice_subnet =\n[neutron]\npassword = p\n",
        "[binding]\nlink_iface = eth0\n",
    )
    assert found_options(map(parse_conf, files)) == {
        "neutron_defaults.pod_subnet": "a",
        "binding.link_iface": "eth0",
    }


@given(st.lists(st.text(), max_size=4))
def test_nothing_else_is_ever_kept(files: list[str]) -> None:
    known = {f"{section}.{name}" for section, names in OPTIONS.items() for name in names}
    assert found_options(map(parse_conf, files)).keys() <= known


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ("auth_type = password\npassword = x", PASSWORD),
        ("password = x", PASSWORD),
        ("auth_type = v3applicationcredential", APPLICATION_CREDENTIAL),
        ("application_credential_id = x\napplication_credential_secret = y",
         APPLICATION_CREDENTIAL),
        ("auth_type = v3token", TOKEN),
        ("auth_type = s3cret", ANOTHER_LOGIN),
        ("auth_section = cloud\n[cloud]\nauth_type = password", PASSWORD),
        ("auth_section = nowhere", ""),
        ("timeout = 3", ""),
    ],
)  # fmt: skip
def test_a_login_is_known_by_its_kind_alone(options: str, kind: str) -> None:
    assert login_kind(parse_conf(f"[neutron]\n{options}\n")) == kind


SECRETS = st.text(st.characters(categories=["L", "N"], codec="ascii"), min_size=12, max_size=30)


@given(
    SECRETS.map(lambda it: f"zz{it}"),
    st.sampled_from(["password", "auth_type", "application_credential_secret", "username", "x"]),
    st.sampled_from(["neutron", "cloud", "DEFAULT", "nova"]),
    st.sampled_from(["ConfigMap", "Secret"]),
)
def test_no_value_of_a_login_is_kept(value: str, option: str, section: str, kind: str) -> None:
    """Whatever names its option has, and wherever it is."""
    world, home = emptied(World(release="yoga")), "kube-system"
    text = f"{CONF}\n[{section}]\n{option} = {value}\n"
    world.put(configuration(kind, "their-conf", home, {"kuryr.conf": text, "password": value}))
    volume = config_map("their-conf") if kind == "ConfigMap" else {
        "secret": {"secretName": "their-conf"}
    }  # fmt: skip
    install(world, workload("Deployment", "kuryr-controller", home, "i", "c", {"a": "b"}, volume))
    assert value not in repr(read_found_kuryr(world))


@pytest.mark.parametrize("shape", SHAPES)
def test_both_parts_are_found_wherever_they_are(shape: str) -> None:
    kuryr = found(SHAPES[shape]())
    assert sorted(it.part for it in kuryr.programs) == ["controller", "daemon"]
    assert kuryr.site == ""
    assert {it.kind for it in kuryr.logins} == {PASSWORD}
    assert SECRET not in repr(kuryr)
    assert kuryr.unread == {}


def test_a_secret_that_may_not_be_read_is_marked_as_unread() -> None:
    world = SHAPES["the original's role"]()
    world.broken["one Secret"] = AccessError("forbidden: secrets")
    kuryr = found(world)
    assert kuryr.unread == {"Secret kube-system/kuryr-config": "forbidden: secrets"}
    assert kuryr.configurations == ("ConfigMap kube-system/kuryr-cni-config",)
    assert kuryr.logins == ()


def test_a_configuration_that_may_not_be_read_is_marked_as_unread() -> None:
    world = upstream_yoga()
    world.broken["one ConfigMap"] = AccessError("forbidden: configmaps")
    kuryr = found(world)
    assert kuryr.unread == {"ConfigMap kube-system/kuryr-config": "forbidden: configmaps"}
    assert kuryr.configurations == ()
    assert kuryr.options == {}
