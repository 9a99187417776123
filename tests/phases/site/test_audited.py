"""What an audit reads without a site file, and the site that it describes for checks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from worlds.installed import SECRET, SHAPES
from worlds.world import World

from kuryr_runbook.model.errors import CheckError, UnknownError, UsageError
from kuryr_runbook.model.variables import SITE_VARIABLE
from kuryr_runbook.phases.site import audited, draft
from kuryr_runbook.phases.site.audited import Audited, described, given_keys, name_of, read_audited

GIVEN = {"openstack.cloud": "k8s"}
Use = Callable[[World], Audited]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    def there(world: World) -> Audited:
        for module in (audited, draft):
            monkeypatch.setattr(module, "ProbingCluster", lambda *where: world)
        monkeypatch.setattr(draft, "ProbingCloud", lambda *where: world)
        return read_audited(GIVEN, "mine")

    return there


def test_the_site_for_checks_has_stand_ins_for_what_few_of_them_need(use: Use) -> None:
    site, unknown = described(use(SHAPES["upstream's manifests, yoga"]()))
    assert unknown == {"image.repository", "kuryr.release"}
    assert (site.name, site.kuryr.release) == ("mine", "2024.1")
    assert site.network.pod_subnet.name == "kuryr-pod-subnet"


def test_a_release_that_would_need_tags_is_no_stand_in(use: Use) -> None:
    site, _ = described(use(SHAPES["the original's role"]()))
    assert site.kuryr.release == "train"


def test_where_too_little_is_known_it_ends_with_what_is_missing(use: Use) -> None:
    world = SHAPES["the original's role"]()
    world.broken["network"] = UsageError("no such cloud")
    with pytest.raises(UnknownError, match=r"network\.external_network"):
        described(use(world))


def test_what_is_given_fills_in_what_is_not_found_and_nothing_else() -> None:
    from kuryr_runbook.planning.draft_keys import DraftKey, unknown

    keys = (
        DraftKey(key="kuryr.release", value="yoga", because=""),
        unknown("kuryr.link_iface", ""),
    )
    given = {"kuryr.release": "zed", "kuryr.link_iface": "ens9", "image.repository": "a.test/k"}
    found = {it.key: it.value for it in audited._completed(keys, given)}
    assert found == {
        "kuryr.release": "yoga",
        "kuryr.link_iface": "ens9",
        "image.repository": "a.test/k",
    }


def test_a_daemon_alone_is_described_by_no_site(use: Use) -> None:
    world = SHAPES["the original's role"]()
    world.objects["Pod"] = [
        it for it in world.objects["Pod"] if it["metadata"]["name"] != "kuryr-controller"
    ]
    with pytest.raises(CheckError, match=r"half a Kuryr: .* and no controller"):
        described(use(world))


def test_no_text_of_it_has_the_login(use: Use) -> None:
    for shape in SHAPES.values():
        found = use(shape())
        assert SECRET not in repr(found)
        assert SECRET not in found.text


def test_a_notebooks_parameters_are_keys() -> None:
    given = {"openstack": {"cloud": "c"}, "kuryr": {}, "network": {"pod_subnet": {"cidr": "x"}}}
    assert given_keys(given) == {"openstack.cloud": "c", "network.pod_subnet.cidr": "x"}
    with pytest.raises(UsageError, match=r"network\.routr"):
        given_keys({"network": {"routr": "r"}})
    with pytest.raises(UsageError, match=r"openstack\.cloud: has to be text"):
        given_keys({"openstack": {"cloud": 3}})


def test_of_a_chosen_site_only_the_places_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("name: a\nopenstack: {cloud: c}\nkubernetes: {context: k}\nkuryr: {release: x}")
    monkeypatch.setenv(SITE_VARIABLE, str(file))
    assert given_keys({"openstack": {}, "name": ""}) == {
        "name": "a",
        "openstack.cloud": "c",
        "kubernetes.context": "k",
    }


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"name": "a", "openstack.cloud": "b"}, "a"),
        ({"openstack.cloud": "My Cloud_1"}, "my-cloud-1"),
        ({"openstack.cloud": "..."}, "audited"),
        ({}, "audited"),
    ],
)
def test_the_site_has_a_name(given: dict[str, str], name: str) -> None:
    assert name_of(given) == name
