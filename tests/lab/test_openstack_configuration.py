"""What the lab's cloud is told, from the settings alone."""

from __future__ import annotations

import configparser
import json
import stat
from dataclasses import fields, replace
from pathlib import Path

import pytest
import yaml

from kuryr_runbook.lab import ovn
from kuryr_runbook.lab.openstack import configuration, installation, programs, services
from kuryr_runbook.lab.openstack.configuration import Files
from kuryr_runbook.lab.openstack.passwords import Passwords, ensure_passwords, read_passwords
from kuryr_runbook.lab.programs import HttpHealth
from kuryr_runbook.lab.settings import CLOUD_ADDRESS, INTERNET_NS, OPENSTACK_RELEASES, LabSettings
from kuryr_runbook.model.errors import LabError


@pytest.fixture
def here(tmp_path: Path) -> LabSettings:
    return LabSettings(state=tmp_path / "state", cache=tmp_path / "cache")


@pytest.fixture
def passwords(here: LabSettings) -> Passwords:
    return ensure_passwords(Files(here).passwords)


def values(passwords: Passwords) -> set[str]:
    return {getattr(passwords, field.name) for field in fields(passwords)}


def parsed(path: Path) -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None)
    found.read(path)
    return found


def test_secrets_are_drawn_once_all_different_and_kept_from_others(
    here: LabSettings, passwords: Passwords, tmp_path: Path
) -> None:
    path = Files(here).passwords
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ensure_passwords(path) == passwords
    other = ensure_passwords(tmp_path / "other.json")
    assert len(values(passwords) | values(other)) == 2 * len(fields(passwords))
    assert not any(secret in repr(passwords) for secret in values(passwords))


def test_reading_secrets_never_makes_them(here: LabSettings) -> None:
    path = Files(here).passwords
    with pytest.raises(LabError, match="no such file"):
        read_passwords(path)
    assert not path.exists()


def test_damaged_secrets_are_refused(here: LabSettings, passwords: Passwords) -> None:
    path = Files(here).passwords
    path.write_text('{"admin": "x"}')
    with pytest.raises(LabError, match="heartbeat"):
        read_passwords(path)


def test_a_lab_of_an_earlier_version_gets_the_secrets_that_it_lacks(
    here: LabSettings, passwords: Passwords
) -> None:
    path = Files(here).passwords
    known = json.loads(path.read_text())
    del known["kuryr"]
    path.write_text(json.dumps(known))
    upgraded = ensure_passwords(path)
    assert upgraded != passwords
    assert replace(upgraded, kuryr=passwords.kuryr) == passwords


def test_the_services_are_configured_with_their_policies(
    here: LabSettings, passwords: Passwords
) -> None:
    services.write_files(here, passwords, Path("/venv"))
    for service, policy in configuration.POLICIES.items():
        written = parsed(Files(here).configuration(service))["oslo_policy"]["policy_file"]
        assert yaml.safe_load(Path(written).read_text()) == policy


def test_no_secret_is_in_a_program_or_a_readable_file(
    here: LabSettings, passwords: Passwords
) -> None:
    services.write_files(here, passwords, Path("/venv"))
    services.write_clouds_yaml(here, passwords)
    assert not any(secret in repr(programs(here)) for secret in values(passwords))
    for path in here.state.rglob("*"):
        if path.is_file() and any(secret in path.read_text() for secret in values(passwords)):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(Files(here).root.stat().st_mode) == 0o700


def test_writing_again_touches_nothing(here: LabSettings, passwords: Passwords) -> None:
    def written() -> dict[Path, int]:
        services.write_files(here, passwords, Path("/venv"))
        services.write_clouds_yaml(here, passwords)
        return {p: p.stat().st_mtime_ns for p in here.state.rglob("*") if p.is_file()}

    assert written() == written()


def test_the_limit_of_address_pairs_reaches_neutron(
    here: LabSettings, passwords: Passwords
) -> None:
    services.write_files(replace(here, max_allowed_address_pair=10), passwords, Path("/venv"))
    neutron = parsed(Files(here).configuration("neutron"))
    assert neutron["DEFAULT"]["max_allowed_address_pair"] == "10"


def test_a_program_is_another_one_when_what_it_reads_changes(
    here: LabSettings, passwords: Passwords
) -> None:
    services.write_files(here, passwords, Path("/venv"))
    keystone, neutron, octavia = programs(here)
    services.write_files(replace(here, max_allowed_address_pair=10), passwords, Path("/venv"))
    assert programs(here)[0] == keystone
    assert programs(here)[1] != neutron
    assert programs(here)[2] == octavia


def test_the_provider_ovn_comes_with_its_agent_where_it_is_wanted(
    here: LabSettings, passwords: Passwords
) -> None:
    wanted = replace(here, octavia_ovn=True)
    services.write_files(wanted, passwords, Path("/venv"))
    octavia = parsed(Files(here).configuration("octavia"))
    assert "ovn:" in octavia["api_settings"]["enabled_provider_drivers"]
    assert octavia["driver_agent"]["enabled_provider_agents"] == "ovn"
    agent = programs(wanted)[-1]
    assert agent.name == "octavia-driver-agent"
    assert octavia["driver_agent"]["status_socket_path"] in repr(agent.health)
    assert [program.name for program in programs(here)] == ["keystone", "neutron", "octavia"]
    services.write_files(here, passwords, Path("/venv"))
    assert "ovn:" not in Files(here).configuration("octavia").read_text()


def test_programs_listen_for_the_lab_alone(here: LabSettings) -> None:
    for program in programs(here):
        assert program.netns == INTERNET_NS
        assert str(CLOUD_ADDRESS) in program.command
        assert isinstance(program.health, HttpHealth)
        assert program.health.url.startswith(f"https://{CLOUD_ADDRESS}:")
        assert program.health.ca == here.ca


def test_the_databases_are_those_that_the_services_open(
    here: LabSettings, passwords: Passwords
) -> None:
    services.write_files(here, passwords, Path("/venv"))
    for service in configuration.SERVICES:
        url = parsed(Files(here).configuration(service))["database"]["connection"]
        assert url.split("?")[0] == f"sqlite:///{Files(here).database(service)}"


def test_rendered_as_oslo_config_reads_it() -> None:
    text = configuration.render({"a": {"on": True, "off": False, "n": -1}, "b": {"empty": ""}})
    assert text == "[a]\non = true\noff = false\nn = -1\n\n[b]\nempty = \n"


def test_clouds_trust_the_labs_ca_and_each_logs_in_as_itself(
    here: LabSettings, passwords: Passwords
) -> None:
    services.write_clouds_yaml(here, passwords)
    clouds = yaml.safe_load(here.clouds_yaml.read_text())["clouds"]
    assert {name: cloud["auth"]["project_name"] for name, cloud in clouds.items()} == {
        "admin": "admin",
        "k8s": "k8s",
        "kuryr": "k8s",
        "member": "k8s",
        "lbmember": "k8s",
    }
    for name, cloud in clouds.items():
        assert cloud["auth"]["username"] == name
        assert cloud["auth"]["password"] == getattr(passwords, name)
        assert cloud["cacert"] == str(here.ca)


def test_another_payload_is_another_environment(
    here: LabSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "PAYLOAD", tmp_path)
    (tmp_path / "requirements").mkdir()
    common, own = installation.requirements(here.openstack)
    common.write_text("six==1.17.0\n")
    own.write_text("neutron==27.0.4\n")
    first = installation.venv_of(here)
    assert first.parent == here.cache
    assert installation.venv_of(here) == first
    common.write_text("six==1.16.0\n")
    second = installation.venv_of(here)
    own.write_text("neutron==27.0.3\n")
    assert len({first, second, installation.venv_of(here)}) == 3


def test_the_releases_are_those_with_requirements() -> None:
    files = installation.requirements("2025.2")[1].parent.glob("*.txt")
    assert {file.stem for file in files} == {"build", *OPENSTACK_RELEASES}


def test_neutron_writes_where_the_programs_of_ovn_read(
    here: LabSettings, passwords: Passwords
) -> None:
    services.write_files(here, passwords, Path("/venv"))
    told = parsed(Files(here).configuration("neutron"))["ovn"]
    databases, switch, northd, controller = ovn.programs(here)
    assert told["ovn_nb_connection"] == told["ovn_sb_connection"] == databases.address
    assert f"--remote=p{databases.address}" in databases.command
    assert databases.address in switch.command
    assert databases.address in controller.command
    assert f"--ovnnb-db={databases.address}" in northd.command
