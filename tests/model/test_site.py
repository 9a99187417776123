"""Sites: what is refused, with all problems at once."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from support.drawing import json_values
from worlds.sites import LAB_TEXT, PARAMETERS, lab_sections, lab_site

from kuryr_runbook.model.errors import SiteError
from kuryr_runbook.model.site_file import parse_site, site_from_parameters


@pytest.mark.parametrize("path", sorted(PARAMETERS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_site_is_valid(path: Path) -> None:
    assert parse_site(path.read_text(), path.name).release.version


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("cidr: 10.1.0.0/24", "cidr: 10.2.0.0/23", "pod subnet 10.2.0.0/23 and the service subnet"),
        ("cidr: 10.1.0.0/24", "cidr: 10.1.0.0/30", "10.1.0.0/30 is too small"),
        ("cidr: 10.1.0.0/24", "cidr: 10.1.0.5/24", "has host bits set"),
        (
            "cidr: 10.1.0.0/24",
            "cidr: 10.1.0.0/24\n    gateway: 10.9.0.1",
            "10.9.0.1 is not an end of 10.1.0.0/24: choose 10.1.0.1 or 10.1.0.254",
        ),
        ("10.2.0.0/25", "10.2.0.128/25", "must be in the lower half"),
        ("10.2.0.0/25", "10.2.0.0/24", "must be in the lower half"),
        ("release: stein", "release: rocky", "no release 'rocky': known are stein"),
        ("release: stein", "relase: stein", "unknown key: did you mean release?"),
        ("nested-macvlan", "macvlan", "'nested-macvlan', 'nested-vlan' or 'neutron-vif'"),
        (
            "ext-net",
            "1.30",
            "YAML reads 1.30 as type float: write a plain whole number, or put it",
        ),
        (
            "registry_ca: ~/",
            "registry_ca: ~nobody-here/",
            "there is no home directory ~nobody-here",
        ),
        ("name: lab\n", "", "name: is missing"),
        ("name: lab\n", "name: Lab_1\n", "is not a DNS label"),
        ("name: lab\n", "name: lab\nname: lab2\n", "line 4: the key name is a duplicate"),
        ("10.2.0.0/25", "10.2.0.0/31", "10.2.0.0/31 cannot be the API server's"),
        ("10.2.0.0/25", "10.2.0.0/32", "10.2.0.0/32 cannot be the API server's"),
        ("cidr: 10.1.0.0/24", "cidr: 127.1.0.0/24", "is each machine's own loopback"),
        ("cidr: 10.1.0.0/24", "cidr: 224.1.0.0/24", "is multicast"),
        ("cidr: 10.1.0.0/24", "cidr: 169.254.0.0/17", "is link-local"),
        ("cidr: 10.1.0.0/24", "cidr: 0.0.0.0/0", "means this network"),
        ("cidr: 10.1.0.0/24", "cidr: 255.255.255.255/32", "is reserved"),
        ("cidr: 10.1.0.0/24", "cidr: 'fd00::/64'", "is IPv6"),
        ("cidr: 10.1.0.0/24", "cidr: '::ffff:10.1.0.0/120'", "is IPv6"),
        ("cidr: 10.1.0.0/24", "cidr: 167837696", "must be text: put it in quotes"),
        ("cidr: 10.1.0.0/24", "cidr: 10.1.0.0/255.255.255.0", "not a range such as 10.1.0.0/24"),
        ("203.0.113.10   #", "10.1.0.9   #", "10.1.0.9 is not outside: it is in the pod subnet"),
        ("203.0.113.10   #", "255.255.255.255   #", "is reserved"),
        ("203.0.113.10   #", "134744072   #", "must be text"),
        ("link_iface: ens3", 'link_iface: "ens3\\n[neutron]"', "tabs or invisible characters"),
        ("link_iface: ens3", "link_iface: ens3-is-too-long", "not the name of an interface"),
        ("link_iface: ens3", "link_iface: yes", "YAML reads yes as type bool"),
        ("link_iface: ens3", "link_iface: 12:30:00", "YAML reads 12:30:00 as type int"),
        ("link_iface: ens3", "link_iface:", "must be text: it is not"),
        ("router: k8s-router", 'router: "a\\eb"', r"tabs or invisible characters: a\x1bb"),
        ("router: k8s-router", "router: ' a'", "begins or ends with a blank"),
        ("replicas: 4", "replicas: 0x10", "YAML reads 0x10 as type int"),
        ("replicas: 4", "replicas: 4.0", "YAML reads 4.0 as type float"),
        ("replicas: 4", "replicas: true", "should be a valid integer"),
        ("203.0.113.130:5443/kuryr/kuryr", "203.0.113.130:70000/kuryr/kuryr", "no port 70000"),
        ("replicas: 4", "replicas: 1", "greater than or equal to 2"),
        ("replicas: 4", "zzz: 4", "unknown key: known are namespace"),
        (
            "link_iface: ens3",
            "link_iface: ens3\n  credential_roles: [member]",
            "credential_roles (line 31): is only for credentials: application_credential",
        ),
        (
            "link_iface: ens3",
            "link_iface: ens3\n  credentials: application_credential\n  credential_roles: []",
            "at least 1 item",
        ),
        (
            "link_iface: ens3",
            "link_iface: ens3\n  credential_access_rules: true",
            "credential_access_rules (line 31): is only for credentials: application_credential",
        ),
        ("link_iface: ens3", "link_iface: ens3\n  credentials: none", "'application_credential'"),
        (
            "repository: 203.0.113.130:5443/kuryr/kuryr",
            "repository: kuryr:latest",
            "is not registry and repository",
        ),
    ],
)
def test_a_bad_value_is_named_with_its_place(old: str, new: str, expected: str) -> None:
    assert old in LAB_TEXT
    with pytest.raises(SiteError) as caught:
        parse_site(LAB_TEXT.replace(old, new, 1), "x.yaml")
    assert expected in str(caught.value)
    assert caught.value.remedy


def test_all_problems_are_reported_at_once_with_lines() -> None:
    text = (
        LAB_TEXT.replace("10.1.0.0/24", "10.1.0.0/30")
        .replace("release: stein", "release: rocky")
        .replace("replicas: 4", "replicas: 999")
    )
    with pytest.raises(SiteError) as caught:
        parse_site(text, "x.yaml")
    lines = text.splitlines()
    assert len(caught.value.problems) == 3
    for problem in caught.value.problems:
        number = int(problem.split("(line ")[1].split(")")[0])
        key = problem.split(" ")[0].rpartition(".")[2]
        assert key in lines[number - 1]


@pytest.mark.parametrize("text", ["", "- a\n", "a: [", "just text"])
def test_what_is_no_site_at_all(text: str) -> None:
    with pytest.raises(SiteError):
        parse_site(text, "x.yaml")


def test_parameters_of_a_notebook_are_the_sections_of_a_file() -> None:
    assert site_from_parameters(lab_sections()) == lab_site()


def test_no_parameters_means_that_no_site_was_chosen() -> None:
    with pytest.raises(SiteError, match="no site was chosen"):
        site_from_parameters({"name": "", "openstack": {}})


@given(json_values("name", "openstack", "kuryr", "release", "x"))
def test_any_yaml_is_a_site_or_a_site_error(value: object) -> None:
    with pytest.raises(SiteError):
        parse_site(yaml.safe_dump(value), "x.yaml")
