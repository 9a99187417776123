"""Which options of an installed Kuryr's files are kept: those that say something, and no other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kuryr_runbook.snapshots.cluster.found_kuryr import OPTIONS, found_options


def test_options_of_several_files_are_joined_and_empty_ones_are_not_set() -> None:
    files = (
        "not a configuration",
        "[neutron_defaults]\npod_subnet = a\nservice_subnet =\n[neutron]\npassword = p\n",
        "[binding]\nlink_iface = eth0\n",
    )
    assert found_options(files) == {
        "neutron_defaults.pod_subnet": "a",
        "binding.link_iface": "eth0",
    }


@given(st.lists(st.text(), max_size=4))
def test_nothing_else_is_ever_kept(files: list[str]) -> None:
    known = {f"{section}.{name}" for section, names in OPTIONS.items() for name in names}
    assert found_options(files).keys() <= known
