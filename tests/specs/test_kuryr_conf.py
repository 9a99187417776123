"""kuryr.conf: what goes in, and above all what does not."""

import configparser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oslo_config import cfg
from worlds.sites import lab_site, lab_site_with

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.specs import kuryr_conf

IDS = kuryr_conf.KuryrIds(
    k8s_project_id="project",
    external_network_id="external",
    node_subnet_id="nodes",
    kuryr_pod_subnet_id="pods",
    kuryr_service_subnet_id="services",
    pod_security_group_id="group",
    router_id="router",
    namespace_pool_id="pool",
)
AUTH = {"auth_url": "https://203.0.113.130:5000/v3", "username": "k8s", "password": "p$w%d"}


def conf_with(auth: dict[str, str], region: str = "RegionOne") -> kuryr_conf.Conf:
    login = kuryr_conf.login(auth, region, private_ca=True)
    return kuryr_conf.controller_conf(lab_site(), IDS, login, "https://172.18.0.2:6443")


def parsed(conf: kuryr_conf.Conf) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(default_section="none")
    parser.read_string(kuryr_conf.render_conf(conf))
    return parser


def test_the_controllers_configuration_has_what_stein_requires() -> None:
    conf = parsed(conf_with(AUTH))
    assert dict(conf["neutron_defaults"]) == {
        "project": "project",
        "pod_subnet": "pods",
        "pod_security_groups": "group",
        "service_subnet": "services",
        "external_svc_net": "external",
        "lbaas_activation_timeout": "300",
    }
    assert conf["pod_vif_nested"]["worker_nodes_subnet"] == "nodes"
    assert conf["kubernetes"]["enabled_handlers"] == "vif,lb,lbaasspec"
    assert conf["kubernetes"]["pod_vif_driver"] == "nested-macvlan-locked"
    assert conf["kubernetes"]["vif_pool_driver"] == "noop"
    assert conf["kubernetes"]["ssl_verify_server_crt"] == "true"
    assert conf["octavia_defaults"]["member_mode"] == "L3"


@pytest.mark.parametrize(("level", "debug"), [("debug", "true"), ("info", None)])
def test_both_programs_log_in_detail_if_asked(level: str, debug: str | None) -> None:
    wanted = lab_site_with(kuryr={"log_level": level})
    for conf in (
        kuryr_conf.controller_conf(wanted, IDS, {}, "https://172.18.0.2:6443"),
        kuryr_conf.daemon_conf(wanted, "https://172.18.0.2:6443", dockershim=False),
    ):
        assert parsed(conf)["DEFAULT"].get("debug") == debug


def test_seconds_of_silence_are_milliseconds_of_both_sides() -> None:
    wanted = lab_site_with(kuryr={"release": "xena", "lb_idle_seconds": 90})
    options = parsed(kuryr_conf.controller_conf(wanted, IDS, {}, "https://a"))["octavia_defaults"]
    assert options["timeout_client_data"] == options["timeout_member_data"] == "90000"


@pytest.mark.parametrize(
    ("driver", "pool"), [(VifDriver.NESTED_VLAN, "nested"), (VifDriver.NEUTRON_VIF, "neutron")]
)
def test_the_driver_decides_which_pool_its_ports_come_from(driver: VifDriver, pool: str) -> None:
    site = lab_site_with(
        kuryr={
            "release": "2024.1",
            "vif_driver": driver,
            "resource_tags": ["lab"],
            "port_pool": {"enabled": True, "batch": 7, "max_ports": 20},
        }
    )
    conf = parsed(kuryr_conf.controller_conf(site, IDS, {}, "https://172.18.0.2:6443"))
    assert conf["kubernetes"]["vif_pool_driver"] == pool
    assert dict(conf["vif_pool"]) == {
        "ports_pool_min": "5",
        "ports_pool_batch": "7",
        "ports_pool_max": "20",
        "ports_pool_update_frequency": "20",
    }
    assert conf["neutron_defaults"]["resource_tags"] == "lab"


def test_a_dollar_in_the_password_is_doubled_for_oslo_config() -> None:
    conf = parsed(conf_with(AUTH, ""))
    assert conf["neutron"]["password"] == "p$$w%d"
    assert "region_name" not in conf["neutron"]


@pytest.mark.parametrize("missing", ["auth_url", "username", "password"])
def test_credentials_that_kuryr_cannot_use_are_refused_without_showing_them(missing: str) -> None:
    auth = {key: value for key, value in AUTH.items() if key != missing}
    with pytest.raises(UsageError, match=missing) as caught:
        conf_with(auth)
    assert AUTH["password"] not in str(caught.value)


def test_a_password_with_a_line_break_is_refused() -> None:
    with pytest.raises(UsageError, match="line break"):
        conf_with(AUTH | {"password": "a\nb"})


def read_by_oslo(text: str, options: dict[str, list[str]], path: Path) -> dict[str, str]:
    """What oslo.config, which reads the file in the pods, makes of each section's options."""
    path.write_text(text)
    parser = cfg.ConfigOpts()
    for section, names in options.items():
        parser.register_opts([cfg.StrOpt(name) for name in names], group=section)
    parser([], default_config_files=[str(path)], default_config_dirs=[])
    return {f"{s}.{n}": parser[s][n] for s, names in options.items() for n in names}


writable = st.text(st.characters(exclude_categories=kuryr_conf.UNWRITABLE), min_size=1)


@given(writable | st.text("$ '\"#;%=:{}[]\\a", min_size=1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_is_read_as_it_was_written(tmp_path: Path, value: str) -> None:
    auth = AUTH | {"password": value, "project_name": value}
    written = kuryr_conf.login(auth, value, private_ca=True)
    text = kuryr_conf.render_conf(
        kuryr_conf.controller_conf(lab_site(), IDS, written, "https://m:1")
    )
    read = read_by_oslo(text, {"neutron": [*written]}, tmp_path / "kuryr.conf")
    assert read == {f"neutron.{name}": text for name, text in written.items()}
    assert kuryr_conf.parse_login(text) == written


@given(st.text(), st.sampled_from("\n\r\0\x0b\x0c\x1b\x7f\x85\u2028\u2029\ud800"), st.text())
def test_a_value_that_no_line_can_hold_is_refused_unseen(a: str, bad: str, b: str) -> None:
    with pytest.raises(UsageError, match="cannot contain") as caught:
        kuryr_conf.login(AUTH | {"password": f"{a}{bad}{b}"}, "", private_ca=False)
    assert "password of the cloud's `auth`" in caught.value.message
    with pytest.raises(UsageError, match=r"binding.link_iface: .*cannot contain"):
        kuryr_conf.render_conf({"binding": {"link_iface": f"{a}{bad}{b}"}})


@pytest.mark.parametrize("text", ["", "[neutron", "no section = 1", "[kubernetes]\na = b\n"])
def test_what_is_no_configuration_of_ours_holds_no_login(text: str) -> None:
    assert kuryr_conf.parse_login(text) == {}


def test_an_application_credential_comes_without_the_project_that_it_may_not_name() -> None:
    auth = {
        "auth_url": AUTH["auth_url"],
        "application_credential_id": "id",
        "application_credential_secret": "s$cret",
        "project_name": "k8s",
        "project_domain_name": "Default",
    }
    assert kuryr_conf.login(auth, "RegionOne", private_ca=False) == {
        "auth_type": "v3applicationcredential",
        "auth_url": AUTH["auth_url"],
        "application_credential_id": "id",
        "application_credential_secret": "s$cret",
        "region_name": "RegionOne",
    }


def test_what_is_filled_in_later_is_what_would_have_been_written_at_once() -> None:
    blank = {"auth_url": "u", "application_credential_id": "", "application_credential_secret": ""}
    known = blank | {"application_credential_id": "id", "application_credential_secret": "word"}
    filled = kuryr_conf.logged_in(conf_with(blank), "id", "word")
    assert kuryr_conf.render_conf(filled) == kuryr_conf.render_conf(conf_with(known))


@pytest.mark.parametrize("dockershim", [True, False])
def test_the_daemon_gets_no_credentials(dockershim: bool) -> None:
    text = kuryr_conf.render_conf(
        kuryr_conf.daemon_conf(lab_site(), "https://m:6443", dockershim=dockershim)
    )
    assert "password" not in text
    assert "[neutron]" not in text
    assert "bind_address = 127.0.0.1:5036" in text
    assert "link_iface = ens3" in text
    assert ("netns_proc_dir = /host_proc" in text) is dockershim


def test_neutron_vif_names_the_bridge_that_its_daemon_needs() -> None:
    conf = kuryr_conf.daemon_conf(lab_site(VifDriver.NEUTRON_VIF), "x", dockershim=False)
    assert conf["neutron_defaults"]["ovs_bridge"] == "br-int"


def test_a_cloud_that_everybody_trusts_needs_no_ca_file() -> None:
    assert "cafile" in kuryr_conf.login(AUTH, "", private_ca=True)
    assert "cafile" not in kuryr_conf.login(AUTH, "", private_ca=False)
