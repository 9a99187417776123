"""What is rendered for each release, driver and provider: as reviewed, and known to the release."""

from __future__ import annotations

import pytest
from making.rendered import GOLDEN, combinations, confs, golden_files, tuned
from support.released import released

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.providers import OctaviaProvider
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.site import Site
from kuryr_runbook.specs import kuryr_conf

ALL = list(combinations())
SITES = {str(it): it.site for it in ALL} | {f"{name}/tuned": tuned(name) for name in RELEASES}
FILES = golden_files()

REMAKE = "run PYTHONPATH=tests python -m making.rendered, and read the difference"


@pytest.mark.parametrize("path", FILES)
def test_everything_is_rendered_as_it_was_reviewed(path: str) -> None:
    assert (GOLDEN / path).exists(), REMAKE
    assert (GOLDEN / path).read_text() == FILES[path], REMAKE


def test_nothing_was_reviewed_that_is_no_longer_rendered() -> None:
    there = {str(path.relative_to(GOLDEN)) for path in GOLDEN.rglob("*") if path.is_file()}
    assert there == set(FILES)


def test_pools_are_rendered_where_releases_can_have_them() -> None:
    pools = {(c.release, c.driver) for c in ALL if c.pool}
    assert {release for release, driver in pools if driver is VifDriver.NESTED_VLAN} == {*RELEASES}
    neutron = {release for release, driver in pools if driver is VifDriver.NEUTRON_VIF}
    assert neutron == {*RELEASES} - {"stein"}
    assert not {driver for _, driver in pools} & {VifDriver.NESTED_MACVLAN}


def test_every_release_is_rendered_with_every_driver_that_works() -> None:
    for release in RELEASES.values():
        amphora = {c.driver for c in ALL if (c.release, c.provider) == (release.name, "amphora")}
        assert amphora == set(release.vif_drivers)
    with_ovn = {c.release for c in ALL if c.provider is OctaviaProvider.OVN}
    assert with_ovn == set(RELEASES) - {"stein", "train"}


@pytest.mark.parametrize("site", SITES.values(), ids=SITES)
def test_every_option_is_known_to_the_released_package(site: Site) -> None:
    known = released(site.release.name)["options"]
    for section, options in kuryr_conf.option_names(site).items():
        assert options <= set(known[section]), section


@pytest.mark.parametrize("site", SITES.values(), ids=SITES)
def test_the_names_that_the_image_is_asked_for_are_all_that_is_written(site: Site) -> None:
    names = kuryr_conf.option_names(site)
    for conf in confs(site).values():
        for section, options in conf.items():
            assert set(options) <= names[section]
