"""A test is found by the path of what it tests.

`kuryr_runbook/a/b/c.py` is tested in `tests/a/b/test_c.py`, or with all of its package in
`tests/a/test_b.py` or `tests/a/b/test_b.py`. ACROSS lists what is about several modules.
"""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parents[1]
PACKAGE = TESTS.parent / "kuryr_runbook"
ELSEWHERE = {"browser", "contracts", "docs", "fuzz", "lab", "notebooks"}
"""Folders whose tests need a browser or the lab, or are about more than the package's layers."""

ACROSS = {
    "checking/test_cluster_mutations.py": "every check, by what was read of a cluster",
    "checking/test_false_alarms.py": "every check, in healthy worlds",
    "checking/test_mutations.py": "every check, by what was read of a cloud",
    "checking/test_pairs.py": "every check, by two faults at once",
    "checking/test_preflight_mutations.py": "every check, by what preflight reads",
    "cli/test_completion.py": "every command, by the shells that complete it",
    "cli/test_misbehaving.py": "commands, by how an API misbehaves",
    "clients/openstack/test_address_pairs.py": "address pairs, in api.py and client.py",
    "clients/test_artifacts_s3.py": "artifacts.py, with an extra that the rest cannot have",
    "clients/test_logins.py": "every client, by broken login files",
    "clients/test_misbehaving.py": "every client, by how an API misbehaves",
    "clients/test_paging.py": "reading.py of both clients",
    "clients/test_waits.py": "client.py of both clients",
    "display/test_hostile.py": "every output, by one hostile text",
    "model/test_namespaces.py": "sites with subnets for namespaces, and with network policies",
    "model/test_site_files.py": "the site files that are packaged",
    "phases/test_agreed_ahead.py": "an agreed plan, from all phases' planning to each one's own",
    "phases/test_upgrading.py": "an upgrade, from reading over the plan to both phases",
    "planning/test_kubernetes_properties.py": "manifests, by whatever a cluster holds",
    "planning/test_namespaces.py": "phase 02 and teardown, with what namespaces and policies have",
    "planning/test_nothing_of_others.py": "teardown and fixes, by whatever neighbours look like",
    "planning/test_openstack_properties.py": "phase 02, by whatever a cloud holds",
    "recording/test_reading.py": "comparing, index and exporting, of the same runs",
    "recording/test_s3.py": "archives.py, with an extra that the rest cannot have",
    "recording/test_tampering.py": "a directory of runs, whatever is done to it",
    "running/test_full_disk.py": "a run and its verification, on a full disk",
    "specs/test_installed_releases.py": "what is rendered, in each release as published",
    "specs/test_pins.py": "the lists of pinned requirements",
    "specs/test_rendered.py": "all that is rendered, as reviewed",
    "specs/test_values_stay_values.py": "all that is rendered, by whatever text a site holds",
    "specs/test_workload_scripts.py": "the scripts in share/workload",
}  # fmt: skip


def is_of(test: Path) -> bool:
    """Whether a test module stands at the path of a module or a package."""
    name = test.stem.removeprefix("test_")
    place = PACKAGE / test.parent
    return name == test.parent.name or any(
        (place / each).exists() for each in (f"{name}.py", f"{name}/__init__.py")
    )


def test_every_test_is_at_the_path_of_what_it_tests() -> None:
    tests = [path.relative_to(TESTS) for path in TESTS.rglob("test_*.py")]
    lost = {str(test) for test in tests if test.parts[0] not in ELSEWHERE and not is_of(test)}
    assert lost == ACROSS.keys()
    assert all((TESTS / folder).is_dir() for folder in ELSEWHERE)
